/*
 * LD_PRELOAD: a disk that stands still. While the file $STALL exists, every open, read at a place, write, fsync, rename, truncation,
 * making and removal of a regular file or folder below $STALL_DIR waits in the calling thread, as in a kernel whose disk does not
 * answer.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int stalled(void)
{
        const char *path = getenv("STALL");
        return path && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

static int is_below(const char *path)
{
        const char *dir = getenv("STALL_DIR");
        size_t n = dir ? strlen(dir) : 0;
        return n > 0 && strncmp(path, dir, n) == 0 && (path[n] == '/' || !path[n]);
}

static void wait_at(const char *path)
{
        while (is_below(path) && stalled())
                syscall(SYS_nanosleep, &(struct timespec){.tv_nsec = 20000000}, NULL);
}

static void wait_for(int fd)
{
        char link[64], path[4096];
        if (!stalled())
                return;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof path - 1);
        path[n > 0 ? n : 0] = '\0';
        wait_at(path);
}

#define MODE(flags, mode)                                                                                    \
        mode_t mode = 0;                                                                                     \
        if ((flags) & (O_CREAT | O_TMPFILE)) {                                                               \
                va_list args;                                                                                \
                va_start(args, flags);                                                                       \
                mode = va_arg(args, mode_t);                                                                 \
                va_end(args);                                                                                \
        }

int open(const char *path, int flags, ...)
{
        MODE(flags, mode)
        wait_at(path);
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
        MODE(flags, mode)
        if (path[0] == '/')
                wait_at(path);
        else
                wait_for(dir);
        return (int)syscall(SYS_openat, dir, path, flags, mode);
}

ssize_t pread(int fd, void *data, size_t size, off_t at)
{
        wait_for(fd);
        return syscall(SYS_pread64, fd, data, size, at);
}

int mkdir(const char *path, mode_t mode)
{
        wait_at(path);
        return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int unlink(const char *path)
{
        wait_at(path);
        return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

ssize_t write(int fd, const void *data, size_t size)
{
        wait_for(fd);
        return syscall(SYS_write, fd, data, size);
}

int fsync(int fd)
{
        wait_for(fd);
        return (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t size)
{
        wait_for(fd);
        return (int)syscall(SYS_ftruncate, fd, size);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
        wait_for(from_dir);
        return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}
