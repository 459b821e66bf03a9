#include "client/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/out.h"
#include "client/progress.h"
#include "lib/error.h"

#define TRIES 6 /* without a byte between them: half a minute */

typedef struct Fetch {
        TbCli *cli; /* borrowed */
        TbCliRequest request;
        const char *local;
        int fd;
        gint64 have;  /* bytes of the part */
        gint64 whole; /* -1: not known */
        TbCliProgress progress;
} Fetch;

static bool fail(const char *path, GError **error)
{
        tb_set_error(error, TB_ERROR_INVALID, "%s: %s", path, g_strerror(errno));
        return false;
}

static bool from_the_beginning(Fetch *f, GError **error)
{
        f->have = 0;
        return (ftruncate(f->fd, 0) == 0 && lseek(f->fd, 0, SEEK_SET) == 0) || fail(f->local, error);
}

static void got(gsize n, gpointer data)
{
        Fetch *f = data;
        f->have += (gint64)n;
        tb_cli_progress_add(n, &f->progress);
}

/* The last byte that is here comes again: it has to be the same, or the file is another one. False: it is, or an error. */
static bool goes_on(Fetch *f, GInputStream *in, SoupMessage *m)
{
        goffset from = 0, to = 0, whole = -1;
        guint8 here, there;
        if (!soup_message_headers_get_content_range(soup_message_get_response_headers(m), &from, &to,
                                                    &whole) ||
            from != f->have - 1 || (f->whole >= 0 && whole != f->whole) || whole < f->have)
                return false;
        f->whole = whole;
        return g_input_stream_read(in, &there, 1, NULL, NULL) == 1 &&
               pread(f->fd, &here, 1, f->have - 1) == 1 && here == there &&
               lseek(f->fd, f->have, SEEK_SET) == f->have;
}

/* One exchange. *ret_other: what is here belongs to another file. */
static bool some(Fetch *f, bool *ret_other, GError **error)
{
        g_autofree char *range =
                f->have > 0 ? g_strdup_printf("bytes=%" G_GINT64_FORMAT "-", f->have - 1) : NULL;
        g_autoptr(SoupMessage) m = NULL;
        f->request.range = range;
        g_autoptr(GInputStream) in = tb_cli_open(f->cli, &f->request, &m, error);
        f->request.range = NULL;
        if (!in) { /* it is shorter than what is here */
                *ret_other =
                        f->have > 0 && error && g_error_matches(*error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
                return false;
        }
        if (soup_message_get_status(m) == 206) {
                *ret_other = !goes_on(f, in, m);
                if (*ret_other)
                        return false;
        } else if (f->have > 0 && !from_the_beginning(f, error)) {
                return false;
        } else {
                SoupMessageHeaders *h = soup_message_get_response_headers(m);
                f->whole = soup_message_headers_get_encoding(h) == SOUP_ENCODING_CONTENT_LENGTH
                                   ? soup_message_headers_get_content_length(h)
                                   : -1;
        }
        f->progress.size = f->whole;
        f->progress.done = (guint64)f->have;
        return tb_cli_copy(in, f->fd, got, f, error);
}

static bool passes(const GError *why)
{
        return g_error_matches(why, TB_ERROR, TB_ERROR_UNAVAILABLE) ||
               g_error_matches(why, TB_ERROR, TB_ERROR_DEVICE) ||
               g_error_matches(why, TB_ERROR, TB_ERROR_TIMEOUT);
}

static bool all(Fetch *f, GError **error)
{
        for (guint tries = 0;;) {
                g_autoptr(GError) why = NULL;
                gint64 before = f->have;
                bool other = false;
                if (some(f, &other, &why))
                        return true;
                if (other) {
                        f->whole = -1;
                        if (!from_the_beginning(f, error))
                                return false;
                        continue;
                }
                tries = f->have > before ? 0 : tries + 1;
                if (!passes(why) || tries >= TRIES) {
                        if (f->have > 0)
                                tb_error_suffix(&why,
                                                "; what came is kept: the same command goes on from there");
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                tb_cli_pause_ms(tries ? 500u << tries : 100);
        }
}

bool tb_cli_fetch(TbCli *cli, const TbCliRequest *request, const char *what, const char *local,
                  GError **error)
{
        Fetch f = {.cli = cli, .request = *request, .local = local, .whole = -1};
        if (strcmp(local, "-") == 0) {
                g_autoptr(GInputStream) in = tb_cli_open(cli, request, NULL, error);
                return in && tb_cli_copy(in, STDOUT_FILENO, NULL, NULL, error);
        }
        g_autofree char *folder = g_path_get_dirname(local),
                        *part = g_strdup_printf("%s/.part-%s", folder, what);
        struct stat st;
        f.fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (f.fd < 0)
                return fail(local, error);
        if (flock(f.fd, LOCK_EX | LOCK_NB) != 0) {
                tb_set_error(error, TB_ERROR_BUSY, "%s: another testbed is fetching it", local);
                close(f.fd);
                return false;
        }
        f.have = fstat(f.fd, &st) == 0 ? st.st_size : 0;
        tb_cli_progress_begin(&f.progress, cli, local, -1);
        bool ok = all(&f, error);
        tb_cli_progress_end(&f.progress);
        if (ok && rename(part, local) != 0)
                ok = fail(local, error);
        if (!ok && f.have == 0)
                unlink(part);
        if (close(f.fd) != 0 && ok)
                ok = fail(local, error);
        return ok;
}
