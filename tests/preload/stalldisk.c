/*
 * LD_PRELOAD: a disk that stands still. While the file $STALL exists, every write, fsync, rename and truncation of a regular file or
 * folder below $STALL_DIR waits in the calling thread, as in a kernel whose disk does not answer.
 */
#define _GNU_SOURCE
#include <fcntl.h>
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

static void wait_for(int fd)
{
        char link[64], path[4096];
        if (!stalled())
                return;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof path - 1);
        path[n > 0 ? n : 0] = '\0';
        while (is_below(path) && stalled())
                syscall(SYS_nanosleep, &(struct timespec){.tv_nsec = 20000000}, NULL);
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
