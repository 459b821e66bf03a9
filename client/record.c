/* record: a stream of JPEG pictures, one behind the other, in a file. */
#include <signal.h>
#include <string.h>

#include "client/out.h"
#include "client/screen.h"
#include "client/signals.h"
#include "lib/error.h"
#include "lib/limits.h"

#define CHUNK (64 * 1024)
#define LINE 1024

void tb_cli_parts_init(TbCliParts *p)
{
        *p = (TbCliParts){.line = g_string_new(NULL), .size = -1};
}

void tb_cli_parts_clear(TbCliParts *p)
{
        if (p->line)
                g_string_free(p->line, TRUE);
        p->line = NULL;
}

static bool end_of_line(TbCliParts *p, GError **error)
{
        const char *line = p->line->str;
        gsize n = p->line->len;
        if (n > 0 && line[n - 1] == '\r')
                g_string_truncate(p->line, --n);
        if (g_ascii_strncasecmp(line, "Content-Length:", 15) == 0)
                p->size = g_ascii_strtoll(line + 15, NULL, 10);
        bool bad = p->size > TB_LIMIT_CLI_PICTURE || p->size == 0;
        if (n == 0 && p->size > 0 && !bad) {
                p->left = (guint64)p->size;
                p->size = -1;
        }
        g_string_truncate(p->line, 0);
        if (bad)
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the stream has a picture without a size, or one above %d bytes",
                             TB_LIMIT_CLI_PICTURE);
        return !bad;
}

bool tb_cli_parts_feed(TbCliParts *p, const guint8 *bytes, gsize n,
                       bool (*body)(const guint8 *, gsize, gpointer, GError **), gpointer data,
                       GError **error)
{
        while (n > 0) {
                if (p->left > 0) {
                        gsize some = (gsize)MIN(p->left, n);
                        if (!body(bytes, some, data, error))
                                return false;
                        p->left -= some;
                        p->parts += p->left == 0;
                        bytes += some;
                        n -= some;
                        continue;
                }
                if (*bytes == '\n' && !end_of_line(p, error))
                        return false;
                if (*bytes != '\n')
                        g_string_append_c(p->line, (char)*bytes);
                if (p->line->len > LINE) {
                        tb_set_error(error, TB_ERROR_DEVICE, "the stream is not one of JPEG pictures");
                        return false;
                }
                bytes++;
                n--;
        }
        return true;
}

typedef struct Recorder {
        GMainLoop *loop;
        GInputStream *in; /* ref */
        GCancellable *cancel;
        TbCliParts parts;
        int fd;
        GByteArray *picture; /* owned: until it is whole; players stumble over half of one */
        bool over;           /* the time is */
        GError *error;       /* owned */
        guint8 chunk[CHUNK];
} Recorder;

static bool write_body(const guint8 *bytes, gsize n, gpointer data, GError **error)
{
        Recorder *r = data;
        g_byte_array_append(r->picture, bytes, (guint)n);
        if (r->parts.left > n)
                return true;
        bool ok = tb_cli_write(r->fd, r->picture->data, r->picture->len, error);
        g_byte_array_set_size(r->picture, 0);
        return ok;
}

static void read_more(Recorder *r);

static void on_read(GObject *source, GAsyncResult *result, gpointer data)
{
        Recorder *r = data;
        g_autoptr(GError) why = NULL;
        gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, &why);
        bool ok = n > 0 && tb_cli_parts_feed(&r->parts, r->chunk, (gsize)n, write_body, r, &r->error);
        if (n <= 0 && !r->over)
                tb_set_error(&r->error, TB_ERROR_DEVICE, "the stream ended after %u pictures%s%s",
                             r->parts.parts, why ? ": " : "", why ? why->message : "");
        if (ok && !r->over)
                read_more(r);
        else
                g_main_loop_quit(r->loop);
}

static void read_more(Recorder *r)
{
        g_input_stream_read_async(r->in, r->chunk, sizeof r->chunk, G_PRIORITY_DEFAULT, r->cancel, on_read,
                                  r);
}

static void stop(Recorder *r)
{
        r->over = true;
        g_cancellable_cancel(r->cancel);
}

static gboolean on_over(gpointer data)
{
        stop(data);
        return G_SOURCE_CONTINUE;
}

/* SIGHUP, too: what there is by then is a recording. */
static void on_signal(int number G_GNUC_UNUSED, gpointer data)
{
        stop(data);
}

static bool record(Recorder *r, GInputStream *in, int fd, double seconds, GError **error)
{
        guint timer = g_timeout_add((guint)(seconds * 1000), on_over, r);
        r->in = in;
        r->fd = fd;
        r->picture = g_byte_array_new();
        r->loop = g_main_loop_new(NULL, FALSE);
        tb_cli_parts_init(&r->parts);
        read_more(r);
        g_main_loop_run(r->loop);
        g_source_remove(timer);
        g_main_loop_unref(r->loop);
        g_byte_array_unref(r->picture);
        tb_cli_parts_clear(&r->parts);
        if (r->error)
                g_propagate_error(error, r->error);
        return !r->error;
}

static char *stream_path(const TbCli *cli)
{
        GString *path = g_string_new("/stream.mjpeg");
        if (tb_cli_text(cli, "fps"))
                g_string_append_printf(path, "?fps=%s", tb_cli_text(cli, "fps"));
        if (tb_cli_text(cli, "quality"))
                g_string_append_printf(path, "%cquality=%s", strchr(path->str, '?') ? '&' : '?',
                                       tb_cli_text(cli, "quality"));
        return g_string_free(path, FALSE);
}

static bool check_name(const char *wanted, GError **error)
{
        const char *const others[] = {".mp4", ".webm", ".mkv", ".avi"};
        for (guint i = 0; wanted && i < G_N_ELEMENTS(others); i++)
                if (g_str_has_suffix(wanted, others[i])) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "record: what is written is MJPEG, not %s; make one of it with ffmpeg "
                                     "-f mjpeg -i FILE",
                                     others[i]);
                        return false;
                }
        return true;
}

int tb_cli_run_record(TbCli *cli, GError **error)
{
        double seconds = 0;
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_seconds(cli->args[1], &seconds, error) ||
            !check_name(tb_cli_text(cli, "output"), error) ||
            !tb_cli_device(cli, cli->args[0], "video", &d, error))
                return TB_CLI_FAILED;
        g_autofree char *path = stream_path(cli), *name = NULL;
        const TbCliRequest request = {.method = "GET", .device = &d, .path = path, .wait_s = -1};
        g_autoptr(GInputStream) in = tb_cli_open(cli, &request, NULL, error);
        int fd = in ? tb_cli_open_output(cli, &d, ".mjpeg", &name, error) : -1;
        if (fd < 0)
                return TB_CLI_FAILED;
        g_autofree Recorder *r = g_new0(Recorder, 1);
        r->cancel = g_cancellable_new();
        TbCliSignals *signals = tb_cli_signals_new(on_signal, r); /* until the file has its name */
        bool ok = record(r, in, fd, MIN(seconds, 86400), error);
        if (ok && r->parts.parts == 0) {
                tb_set_error(error, TB_ERROR_TIMEOUT, "%s: no picture came in %g s", d.name, seconds);
                ok = false;
        } else if (ok) {
                tb_cli_say("%s: %u pictures", d.name, r->parts.parts);
        }
        ok = tb_cli_close_output(cli, &d, fd, name, r->parts.parts, ok, error);
        tb_cli_signals_free(signals);
        g_object_unref(r->cancel);
        return ok ? TB_CLI_OK : TB_CLI_FAILED;
}
