/* Files of clips and intervals of segments to clients: with Range, at any size, by a thread of each answer's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/recorder/cut.h"
#include "host/recorder/parts.h"
#include "host/recorder/recorder_private.h"
#include "lib/error.h"
#include "lib/http/range.h"
#include "lib/limits.h"
#include "lib/pipe.h"
#include "lib/thread.h"

#define PIPE_SIZE (256 * 1024)

typedef struct Serve {
        TbRequest *request; /* ref; main's alone */
        bool gone;          /* main: the client has left */
        bool counted;       /* it has a place */
        TbServe what;       /* strings owned */
        char *range;        /* owned; the header; NULL: none */
        TbPipe *pipe;       /* ref */
        TbParts *parts;     /* owned; the thread's until it is posted */
        TbRange kind;
        gint64 size, from, n;
        GError *error; /* owned */
} Serve;

static gint reading; /* answers under way; atomic */

bool tb_serve_enter(void)
{
        if (g_atomic_int_add(&reading, 1) < TB_LIMIT_RECORD_READS)
                return true;
        tb_serve_leave();
        return false;
}

void tb_serve_leave(void)
{
        g_atomic_int_add(&reading, -1);
}

static const char *type_of(const char *file)
{
        static const struct {
                const char *end, *type;
        } types[] = {{".mp4", "video/mp4"},
                     {".cast", "application/x-asciicast"},
                     {".txt", "text/plain; charset=utf-8"},
                     {".jsonl", "application/x-ndjson"},
                     {".csv", "text/csv; charset=utf-8"},
                     {".vtt", "text/vtt; charset=utf-8"},
                     {".jpg", "image/jpeg"},
                     {".tar", "application/x-tar"}};
        for (guint i = 0; i < G_N_ELEMENTS(types); i++)
                if (g_str_has_suffix(file, types[i].end))
                        return types[i].type;
        return "application/octet-stream";
}

static void serve_free(Serve *s)
{
        if (s->counted)
                tb_serve_leave();
        tb_parts_free(s->parts);
        tb_pipe_unref(s->pipe);
        json_decref((json_t *)s->what.clip);
        g_free((char *)s->what.folder);
        g_free((char *)s->what.file);
        g_free((char *)s->what.name);
        g_free((char *)s->what.segments);
        g_free((char *)s->what.device);
        g_free((char *)s->what.console);
        g_free(s->range);
        g_clear_error(&s->error);
        g_free(s);
}

/* --- the thread --- */
static bool cut_parts(Serve *s)
{
        FILE *out[TB_CUT_FILES] = {NULL};
        guint which = 0;
        while (which < TB_CUT_FILES && strcmp(s->what.file, tb_cut_names[which]) != 0)
                which++;
        g_assert(which < TB_CUT_FILES); /* routes.c has no others */
        int room = open(s->what.segments, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        FILE *file = out[which] = room >= 0 ? fdopen(room, "w+") : NULL;
        TbCutDone done;
        const TbCut cut = {s->what.segments, s->what.device, s->what.console, s->what.from_us, s->what.to_us};
        bool ok = file && tb_cut(&cut, out, &done, &s->error);
        if (!file && errno == ENOENT)
                tb_set_error(&s->error, TB_ERROR_NOT_FOUND, "nothing of %s is recorded", s->what.device);
        else if (!file)
                tb_set_error(&s->error, TB_ERROR_UNAVAILABLE, "no room for the export: %s",
                             g_strerror(errno));
        else if (ok && !done.anything)
                tb_set_error(&s->error, TB_ERROR_NOT_FOUND, "nothing of %s is recorded of that time",
                             s->what.device);
        else if (ok && which == TB_CUT_VIDEO && !done.video)
                tb_set_error(&s->error, TB_ERROR_NOT_FOUND, "there is no picture of %s of that time",
                             s->what.device);
        int fd = file && !s->error ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 0) : -1;
        if (file)
                fclose(file);
        if (fd >= 0)
                tb_parts_file(s->parts, fd);
        return !s->error && fd >= 0;
}

static bool clip_parts(Serve *s)
{
        if (strcmp(s->what.file, "bundle.tar") == 0) {
                if (tb_parts_bundle(s->parts, s->what.folder, s->what.name, s->what.clip))
                        return true;
                tb_set_error(&s->error, TB_ERROR_NOT_FOUND, "this clip was just removed");
                return false;
        }
        g_autofree char *path = g_build_filename(s->what.folder, s->what.file, NULL);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
                return tb_parts_file(s->parts, fd);
        tb_set_error(&s->error, errno == ENOENT ? TB_ERROR_NOT_FOUND : TB_ERROR_UNAVAILABLE,
                     "this clip has no %s%s%s", s->what.file, errno == ENOENT ? "" : ": ",
                     errno == ENOENT ? "" : g_strerror(errno));
        return false;
}

static void reply(gpointer data);

static void run(gpointer data)
{
        Serve *s = data;
        s->parts = tb_parts_new();
        if (s->what.folder ? clip_parts(s) : cut_parts(s)) {
                s->size = s->n = tb_parts_size(s->parts);
                s->kind = tb_range_parse(s->range, s->size, &s->from, &s->n);
        }
        TbPipe *pipe = tb_pipe_ref(s->pipe);
        TbParts *parts = g_steal_pointer(&s->parts);
        gint64 from = s->from, n = s->error || s->kind == TB_RANGE_NONE ? 0 : s->n;
        if (tb_main_post(reply, s)) /* from here on it is main's */
                tb_parts_write(parts, from, n, pipe);
        tb_parts_free(parts);
        tb_pipe_unref(pipe);
}

/* --- main --- */
static void on_gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        ((Serve *)data)->gone = true;
}

static void reply(gpointer data)
{
        Serve *s = data;
        TbRequest *request = s->request;
        tb_request_on_gone(request, NULL, NULL);
        g_autoptr(GError) left = g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, "nobody reads it");
        g_autofree char *range =
                s->kind == TB_RANGE_NONE
                        ? g_strdup_printf("bytes */%" G_GINT64_FORMAT, s->size)
                        : g_strdup_printf("bytes %" G_GINT64_FORMAT "-%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
                                          s->from, s->from + s->n - 1, s->size);
        if (s->gone) {
                tb_pipe_fail(s->pipe, left);
        } else if (s->error) {
                tb_request_reply_error(request, s->error);
        } else if (s->kind == TB_RANGE_NONE) {
                tb_request_add_header(request, "Content-Range", range);
                tb_request_reply_text(request, 416, "text/plain; charset=utf-8",
                                      "nothing of that range is there\n");
        } else {
                g_autofree char *name =
                        g_strdup_printf("inline; filename=\"%s-%s\"", s->what.name, s->what.file);
                if (s->kind == TB_RANGE_PART)
                        tb_request_add_header(request, "Content-Range", range);
                tb_request_add_header(request, "Accept-Ranges", "bytes");
                tb_request_add_header(request, "Content-Disposition", name);
                tb_request_add_header(request, "X-Content-Type-Options", "nosniff");
                tb_request_add_header(request, "Content-Security-Policy",
                                      "default-src 'none'; media-src 'self'; sandbox");
                tb_request_reply_pipe(request, s->kind == TB_RANGE_PART ? 206 : 200, type_of(s->what.file),
                                      s->n, s->pipe);
        }
        tb_request_unref(request);
        serve_free(s);
}

void tb_serve(TbRequest *request, const TbServe *what)
{
        g_autoptr(GError) error = NULL;
        Serve *s = g_new0(Serve, 1);
        bool room = s->counted = tb_serve_enter();
        s->what = (TbServe){.folder = g_strdup(what->folder),
                            .file = g_strdup(what->file),
                            .name = g_strdup(what->name),
                            .segments = g_strdup(what->segments),
                            .device = g_strdup(what->device),
                            .console = g_strdup(what->console),
                            .from_us = what->from_us,
                            .to_us = what->to_us,
                            .clip = what->clip ? json_deep_copy(what->clip) : NULL};
        s->range = g_strdup(tb_request_header(request, "Range"));
        s->pipe = tb_pipe_new(PIPE_SIZE);
        s->request = tb_request_ref(request);
        tb_request_on_gone(request, on_gone, s);
        if (!room)
                tb_set_error(&error, TB_ERROR_LIMIT,
                             "%d recordings are being read at once already: try again",
                             TB_LIMIT_RECORD_READS);
        if (room && tb_thread_try_detach("clip-read", run, s, &error))
                return;
        tb_request_on_gone(request, NULL, NULL);
        tb_request_reply_error(request, error);
        tb_request_unref(request);
        serve_free(s);
}
