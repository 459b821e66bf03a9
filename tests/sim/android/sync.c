/*
 * sync.c - one sync: session of the simulated phone: LIST STAT SEND RECV, versions 1 and 2
 *
 * Source of the facts: AOSP adb SYNC.TXT, file_sync_protocol.h. Blocking, in a child process; does not
 * return.
 */
#include "tests/sim/android/service.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_PIECE 32768 /* bytes of a listing that go out at once */
#define PATH_LIMIT 1024
#define DATA_LIMIT (64u << 10)

typedef struct {
        int fd;
        const char *root;       /* borrowed: prefix of every path */
        const char *unfinished; /* borrowed from do_send(): file that is being received; it goes when the
                                   stream breaks off */
} Sync;

/* False: the stream ended or talks nonsense. */
static void need(Sync *s, bool ok)
{
        if (ok)
                return;
        if (s->unfinished != NULL)
                unlink(s->unfinished);
        _exit(0);
}

static void take(Sync *s, void *data, size_t len)
{
        char *p = data;

        while (len > 0) {
                ssize_t n = read(s->fd, p, len);

                if (n < 0 && errno == EINTR)
                        continue;
                need(s, n > 0);
                p += n;
                len -= (size_t)n;
        }
}

static void give(Sync *s, const void *data, size_t len)
{
        const char *p = data;

        while (len > 0) {
                ssize_t n = write(s->fd, p, len);

                if (n < 0 && errno == EINTR)
                        continue;
                need(s, n > 0);
                p += n;
                len -= (size_t)n;
        }
}

static guint32 take32(Sync *s)
{
        guint32 v;

        take(s, &v, 4);
        return GUINT32_FROM_LE(v);
}

static void put32(GByteArray *out, guint32 v)
{
        v = GUINT32_TO_LE(v);
        g_byte_array_append(out, (guint8 *)&v, 4);
}

static void put64(GByteArray *out, guint64 v)
{
        v = GUINT64_TO_LE(v);
        g_byte_array_append(out, (guint8 *)&v, 8);
}

static void flush(Sync *s, GByteArray *out)
{
        give(s, out->data, out->len);
        g_byte_array_set_size(out, 0);
}

static void fail(Sync *s, const char *what, int err)
{
        g_autofree char *text = g_strdup_printf("%s: %s", what, strerror(err));
        g_autoptr(GByteArray) out = g_byte_array_new();

        g_byte_array_append(out, (const guint8 *)"FAIL", 4);
        put32(out, (guint32)strlen(text));
        g_byte_array_append(out, (guint8 *)text, (guint)strlen(text));
        flush(s, out);
}

static char *real_path(Sync *s, const char *path)
{
        return g_strconcat(s->root, *path == '/' ? "" : "/", path, NULL);
}

static void put_stat2(GByteArray *out, int err, const struct stat *st)
{
        put32(out, (guint32)err);
        put64(out, st->st_dev);
        put64(out, st->st_ino);
        put32(out, st->st_mode);
        put32(out, (guint32)st->st_nlink);
        put32(out, st->st_uid);
        put32(out, st->st_gid);
        put64(out, (guint64)st->st_size);
        put64(out, (guint64)st->st_atime);
        put64(out, (guint64)st->st_mtime);
        put64(out, (guint64)st->st_ctime);
}

static void do_stat(Sync *s, const char *id, const char *path)
{
        g_autofree char *real = real_path(s, path);
        g_autoptr(GByteArray) out = g_byte_array_new();
        struct stat st = {0};
        int err = 0;

        if ((strcmp(id, "STA2") == 0 ? stat(real, &st) : lstat(real, &st)) < 0) {
                err = errno;
                memset(&st, 0, sizeof(st));
        }
        g_byte_array_append(out, (const guint8 *)id, 4);
        if (strcmp(id, "STAT") == 0) {
                put32(out, st.st_mode);
                put32(out, (guint32)st.st_size);
                put32(out, (guint32)st.st_mtime);
        } else {
                put_stat2(out, err, &st);
        }
        flush(s, out);
}

static void do_list(Sync *s, bool v2, const char *path)
{
        g_autofree char *real = real_path(s, path);
        g_autoptr(GByteArray) out = g_byte_array_new();
        DIR *dir = opendir(real);
        struct dirent *e;

        while (dir != NULL && (e = readdir(dir)) != NULL) {
                g_autofree char *full = g_build_filename(real, e->d_name, NULL);
                struct stat st = {0};
                int err = lstat(full, &st) < 0 ? errno : 0;

                if (err != 0 && !v2)
                        continue;
                g_byte_array_append(out, (const guint8 *)(v2 ? "DNT2" : "DENT"), 4);
                if (v2) {
                        put_stat2(out, err, &st);
                } else {
                        put32(out, st.st_mode);
                        put32(out, (guint32)st.st_size);
                        put32(out, (guint32)st.st_mtime);
                }
                put32(out, (guint32)strlen(e->d_name));
                g_byte_array_append(out, (guint8 *)e->d_name, (guint)strlen(e->d_name));
                if (out->len >= LIST_PIECE)
                        flush(s, out);
        }
        if (dir != NULL)
                closedir(dir);
        g_byte_array_append(out, (const guint8 *)"DONE", 4);
        for (int i = 0; i < (v2 ? 18 : 4); i++)
                put32(out, 0);
        flush(s, out);
}

/* Read DATA packets up to DONE into fd (-1: throw them away). 0, or the first errno; *ret_mtime from DONE. */
static int receive(Sync *s, int fd, GString *link, guint32 *ret_mtime)
{
        g_autofree char *chunk = g_malloc(DATA_LIMIT);
        int err = 0;

        for (;;) {
                char id[5] = {0};

                take(s, id, 4);
                guint32 len = take32(s);
                if (strcmp(id, "DONE") == 0) {
                        *ret_mtime = len;
                        return err;
                }
                need(s, strcmp(id, "DATA") == 0 && len <= DATA_LIMIT);
                take(s, chunk, len);
                if (link != NULL)
                        g_string_append_len(link, chunk, len);
                for (guint32 at = 0; fd >= 0 && err == 0 && at < len;) {
                        ssize_t n = write(fd, chunk + at, len - at);

                        if (n < 0)
                                err = errno;
                        else
                                at += (guint32)n;
                }
        }
}

static void do_send(Sync *s, const char *path, guint32 mode)
{
        g_autofree char *real = real_path(s, path);
        g_autofree char *parent = g_path_get_dirname(real);
        g_autoptr(GString) link = g_string_new(NULL);
        guint32 mtime;
        int err = 0, fd = -1;

        g_mkdir_with_parents(parent, 0775);
        if (S_ISLNK(mode)) {
                receive(s, -1, link, &mtime);
                g_strchomp(link->str);
                unlink(real);
                err = symlink(link->str, real) < 0 ? errno : 0;
        } else {
                struct stat st;

                if (lstat(real, &st) == 0 && !S_ISDIR(st.st_mode))
                        unlink(real);
                fd = open(real, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode & 0777);
                err = fd < 0 ? errno : 0;
                s->unfinished = fd >= 0 ? real : NULL;
                int wrote = receive(s, fd, NULL, &mtime);
                s->unfinished = NULL;
                err = err ? err : wrote;
        }
        if (fd >= 0) {
                struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};

                fchmod(fd, mode & 0777);
                futimens(fd, times);
                close(fd);
                if (err != 0)
                        unlink(real);
        }
        if (err != 0)
                fail(s, "couldn't create file", err);
        else
                give(s, "OKAY\0\0\0\0", 8);
}

static void do_recv(Sync *s, const char *path)
{
        g_autofree char *real = real_path(s, path);
        g_autofree char *chunk = g_malloc(DATA_LIMIT);
        int fd = open(real, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0) {
                fail(s, "open failed", errno);
                return;
        }
        while ((n = read(fd, chunk, DATA_LIMIT)) > 0) {
                guint32 le = GUINT32_TO_LE((guint32)n);

                give(s, "DATA", 4);
                give(s, &le, 4);
                give(s, chunk, (size_t)n);
        }
        if (n < 0)
                fail(s, "read failed", errno);
        else
                give(s, "DONE\0\0\0\0", 8);
        close(fd);
}

/* The second half of SND2 and RCV2. */
static bool take_flags(Sync *s, const char *id, guint32 *mode)
{
        char again[5] = {0};

        take(s, again, 4);
        need(s, strcmp(again, id) == 0);
        if (mode != NULL)
                *mode = take32(s);
        if (take32(s) == 0)
                return true;
        fail(s, "compression", EOPNOTSUPP); /* we announce none */
        return false;
}

static void do_send_v1(Sync *s, char *spec)
{
        char *comma = strrchr(spec, ',');
        guint32 mode = comma ? (guint32)strtoul(comma + 1, NULL, 10) : 0644;

        if (comma != NULL)
                *comma = '\0';
        do_send(s, spec, mode);
}

void sim_sync_run(int fd, const char *root)
{
        Sync s = {fd, root, NULL};

        signal(SIGHUP, SIG_IGN); /* the end of the stream ends us, after need() has tidied up */
        for (;;) {
                char id[5] = {0}, path[PATH_LIMIT + 1];
                guint32 mode;

                take(&s, id, 4);
                guint32 len = take32(&s);
                if (len > PATH_LIMIT) {
                        fail(&s, "path", ENAMETOOLONG);
                        _exit(0);
                }
                take(&s, path, len);
                path[len] = '\0';
                if (strcmp(id, "STAT") == 0 || strcmp(id, "LST2") == 0 || strcmp(id, "STA2") == 0) {
                        do_stat(&s, id, path);
                } else if (strcmp(id, "LIST") == 0 || strcmp(id, "LIS2") == 0) {
                        do_list(&s, id[3] == '2', path);
                } else if (strcmp(id, "SEND") == 0) {
                        do_send_v1(&s, path);
                } else if (strcmp(id, "SND2") == 0) {
                        if (take_flags(&s, id, &mode))
                                do_send(&s, path, mode);
                } else if (strcmp(id, "RECV") == 0) {
                        do_recv(&s, path);
                } else if (strcmp(id, "RCV2") == 0) {
                        if (take_flags(&s, id, NULL))
                                do_recv(&s, path);
                } else {
                        if (strcmp(id, "QUIT") != 0)
                                fail(&s, "unknown command", EINVAL);
                        _exit(0);
                }
        }
}
