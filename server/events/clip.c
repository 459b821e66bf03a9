/* GET /events/{event_id}/upload: a clip that was uploaded, to be played, from anywhere in it. */
#include <string.h>

#include "lib/error.h"
#include "server/events/private.h"
#include "server/events/range.h"

static void on_got(const TbBlobInfo *info G_GNUC_UNUSED, const GError *error G_GNUC_UNUSED, gpointer data)
{
        tb_ask_free(data);
}

static void not_there(TbAsk *ask, gint64 size)
{
        g_autofree char *all = g_strdup_printf("bytes */%" G_GINT64_FORMAT, size);
        tb_request_add_header(ask->request, "Content-Range", all);
        tb_request_reply_text(ask->request, 416, "text/plain; charset=utf-8",
                              "nothing of that range is there\n");
        tb_ask_free(ask);
}

static void give(TbAsk *ask, const json_t *event, const char *etag)
{
        gint64 size = json_integer_value(json_object_get(event, "clip_size_bytes")), from = 0, n = size;
        const char *if_range = tb_request_header(ask->request, "If-Range"),
                   *mime = json_string_value(json_object_get(event, "clip_mime"));
        bool same = !if_range || strcmp(if_range, etag) == 0;
        TbRange range = same ? tb_range_parse(tb_request_header(ask->request, "Range"), size, &from, &n)
                             : TB_RANGE_ALL;
        if (range == TB_RANGE_NONE) {
                not_there(ask, size);
                return;
        }
        TbRequest *request = ask->request;
        g_autoptr(GError) error = NULL;
        g_autoptr(TbPipe) pipe = ask->pipe = tb_pipe_new(TB_EVENT_BODY);
        tb_pipe_ref(pipe);
        if (!tb_blobs_get(ask->events->blobs, json_string_value(json_object_get(event, "clip_blob_name")),
                          from, n, pipe, on_got, ask, &error)) {
                tb_ask_error(ask, error);
                return;
        }
        if (range == TB_RANGE_PART) {
                g_autofree char *part =
                        g_strdup_printf("bytes %" G_GINT64_FORMAT "-%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
                                        from, from + n - 1, size);
                tb_request_add_header(request, "Content-Range", part);
        }
        tb_request_add_header(request, "Accept-Ranges", "bytes");
        tb_request_add_header(request, "ETag", etag);
        /* what strangers upload is shown as what it is said to be, and runs nothing of ours */
        bool plays = g_str_has_prefix(mime, "video/") || g_str_has_prefix(mime, "audio/");
        tb_request_add_header(request, "Content-Security-Policy",
                              "default-src 'none'; media-src 'self'; sandbox");
        tb_request_reply_pipe(request, range == TB_RANGE_PART ? 206 : 200,
                              plays ? mime : "application/octet-stream", n, pipe);
}

static void on_wanted(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event not found");
                return;
        }
        json_auto_t *event = tb_event_of_row(rows, 0);
        g_autofree char *etag = g_strdup(tb_event_stored_etag(rows, 0));
        if (!*etag)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "clip upload not found");
        else if (g_strcmp0(tb_request_header(ask->request, "If-None-Match"), etag) == 0) {
                tb_request_add_header(ask->request, "ETag", etag);
                tb_request_reply_empty(ask->request, 304);
                tb_ask_free(ask);
        } else
                give(ask, event, etag);
}

void tb_event_clip(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_CLIP, tb_request_arg(request, "event_id"));
        if (!ask || !tb_event_take_place(ask))
                return;
        TbDbCall *call = tb_db_call_reads();
        tb_ask_event(ask, call);
        tb_ask_run(ask, call, on_wanted);
}
