#include "host/core/state/grown_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"

struct TbGrownFile {
        const char *name, *before;
        gint64 most; /* bytes */
        int fd;      /* -1: none */
        gint64 size; /* bytes */
        bool torn;   /* the last line is not whole: the disk was full, or a write was killed */
};

static bool open_file(TbGrownFile *f, TbStateDir *dir, GError **error)
{
        struct stat st;
        f->fd = tb_state_append(dir, f->name, error);
        f->size = f->fd >= 0 && fstat(f->fd, &st) == 0 ? st.st_size : 0;
        f->torn = f->size > 0; /* killed in a write: a line begins on a line of its own */
        return f->fd >= 0;
}

static void close_file(TbGrownFile *f)
{
        if (f->fd >= 0)
                close(f->fd);
        f->fd = -1;
}

TbGrownFile *tb_grown_file_new(const char *name, const char *before, gint64 most)
{
        TbGrownFile *f = g_new0(TbGrownFile, 1);
        *f = (TbGrownFile){.name = name, .before = before, .most = most, .fd = -1};
        return f;
}

void tb_grown_file_close(TbGrownFile *f)
{
        if (!f)
                return;
        close_file(f);
        g_free(f);
}

char *tb_grown_file_write(TbGrownFile *f, TbStateDir *dir, const char *line)
{
        g_autoptr(GError) error = NULL;
        if (f->fd < 0 && !open_file(f, dir, &error))
                return g_strdup(error->message);
        g_autofree char *whole = g_strconcat(f->torn ? "\n" : "", line, NULL);
        gsize size = strlen(whole);
        if (f->size > 0 && f->size + (gint64)size > f->most) {
                close_file(f);
                bool renamed = tb_state_rename(dir, f->name, f->before, &error);
                if (!open_file(f, dir, renamed ? &error : NULL))
                        return g_strdup(error->message);
                if (!f->torn && *whole == '\n')
                        memmove(whole, whole + 1, size--);
        }
        ssize_t n = write(f->fd, whole, size);
        int code = errno;
        f->torn = n < (ssize_t)size && (n > 0 || f->torn);
        f->size += MAX(n, 0);
        if (n < (ssize_t)size)
                return g_strdup(n < 0 ? g_strerror(code) : "the disk is full");
        return error ? g_strdup(error->message) : NULL;
}
