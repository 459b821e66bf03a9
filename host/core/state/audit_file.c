#include "host/core/state/audit_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"

#define FILE_NAME "audit.jsonl"
#define FILE_BEFORE "audit.1.jsonl"

struct TbAuditFile {
        int fd;      /* -1: none */
        gint64 size; /* bytes */
        bool torn;   /* the last line is not whole: the disk was full, or a write was killed */
};

static bool open_file(TbAuditFile *f, TbStateDir *dir, GError **error)
{
        struct stat st;
        f->fd = tb_state_append(dir, FILE_NAME, error);
        f->size = f->fd >= 0 && fstat(f->fd, &st) == 0 ? st.st_size : 0;
        f->torn = f->size > 0; /* killed in a write: a line begins on a line of its own */
        return f->fd >= 0;
}

static void close_file(TbAuditFile *f)
{
        if (f->fd >= 0)
                close(f->fd);
        f->fd = -1;
}

TbAuditFile *tb_audit_file_new(void)
{
        TbAuditFile *f = g_new0(TbAuditFile, 1);
        f->fd = -1;
        return f;
}

void tb_audit_file_close(TbAuditFile *f)
{
        if (!f)
                return;
        close_file(f);
        g_free(f);
}

char *tb_audit_file_write(TbAuditFile *f, TbStateDir *dir, const char *line)
{
        g_autoptr(GError) error = NULL;
        if (f->fd < 0 && !open_file(f, dir, &error))
                return g_strdup(error->message);
        g_autofree char *whole = g_strconcat(f->torn ? "\n" : "", line, NULL);
        gsize size = strlen(whole);
        if (f->size > 0 && f->size + (gint64)size > TB_LIMIT_AUDIT) {
                close_file(f);
                bool renamed = tb_state_rename(dir, FILE_NAME, FILE_BEFORE, &error);
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

char *tb_audit_file_more(guint64 more)
{
        g_autofree char *time = tb_clock_rfc3339(tb_clock_ms()),
                        *text = g_strdup_printf("%" G_GUINT64_FORMAT
                                                " more commands: the disk did not take their lines",
                                                more);
        json_auto_t *o = json_pack("{s:s, s:I, s:s, s:s, s:n}", "verb", "(not written)", "more",
                                   (json_int_t)more, "text", text, "time", time, "device");
        g_autofree char *dumped = tb_json_text(o, NULL);
        return g_strconcat(dumped, "\n", NULL);
}
