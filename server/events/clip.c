/* GET /events/{event_id}/upload: a clip that was uploaded, to be played, from anywhere in it. */
#include <string.h>

#include "lib/error.h"
#include "lib/http/range.h"
#include "server/events/private.h"

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

static void give(TbAsk *ask)
{
        const json_t *event = ask->kept;
        const char *etag = json_string_value(json_object_get(event, "stored")),
                   *if_range = tb_request_header(ask->request, "If-Range"),
                   *mime = json_string_value(json_object_get(event, "clip_mime"));
        gint64 size = json_integer_value(json_object_get(event, "clip_size_bytes")), from = 0, n = size;
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
                          etag, from, n, pipe, on_got, ask, &error)) {
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

/* Whether it is there still, and the same, is known before the answer begins: a bucket may be away, or hold another one. */
static void on_stat(const TbBlobInfo *info, const GError *error, gpointer data)
{
        TbAsk *ask = data;
        const char *etag = json_string_value(json_object_get(ask->kept, "stored"));
        if (g_error_matches(error, TB_ERROR, TB_ERROR_NOT_FOUND))
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "clip upload not found");
        else if (!info)
                tb_ask_error(ask, error);
        else if (info->size != json_integer_value(json_object_get(ask->kept, "clip_size_bytes")) ||
                 (*info->etag && strcmp(info->etag, etag) != 0))
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND,
                              "the clip is not the one that was finalized: somebody has put another one in "
                              "its place");
        else
                give(ask);
}

static void redirect(TbAsk *ask, const char *blob)
{
        g_autofree char *url = tb_blobs_grant_get(ask->events->blobs, blob);
        if (!url) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND,
                              "clips have no address but this one here: leave out direct");
                return;
        }
        tb_request_add_header(ask->request, "Location", url);
        tb_request_reply_empty(ask->request, 307);
        tb_ask_free(ask);
}

bool tb_event_clip_is_here(const TbEvents *events, const json_t *event)
{
        return tb_event_has_text(event, "clip_container", tb_blobs_container(events->blobs));
}

static void on_wanted(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event not found");
                return;
        }
        g_autoptr(GError) error = NULL;
        const char *etag = tb_event_stored_etag(rows, 0);
        ask->kept = tb_event_of_row(rows, 0);
        json_object_set_new(ask->kept, "stored", json_string(etag));
        const char *blob = json_string_value(json_object_get(ask->kept, "clip_blob_name"));
        if (!*etag)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "clip upload not found");
        else if (!tb_event_clip_is_here(ask->events, ask->kept))
                tb_ask_refuse(
                        ask, TB_ERROR_NOT_FOUND,
                        "the clip lies where this server had its clips before: it has them elsewhere now");
        else if (json_is_true(json_object_get(tb_request_query(ask->request), "direct")))
                redirect(ask, blob);
        else if (g_strcmp0(tb_request_header(ask->request, "If-None-Match"), etag) == 0) {
                tb_request_add_header(ask->request, "ETag", etag);
                tb_request_reply_empty(ask->request, 304);
                tb_ask_free(ask);
        } else if (!tb_blobs_stat(ask->events->blobs, blob, on_stat, ask, &error))
                tb_ask_error(ask, error);
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
