/* POST /events/{event_id}/upload/finalize: the clip is there. What a client has put into the bucket himself is looked at there first. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "server/events/private.h"
#include "server/store/sql.h"

static void on_finalized(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event not found");
                return;
        }
        json_t *event = tb_event_of_row(rows, 0);
        if (json_object_get(ask->kept, "event"))
                tb_blobs_note(ask->events->blobs,
                              json_integer_value(json_object_get(event, "clip_size_bytes")));
        tb_event_changed(ask->events, event, false);
        tb_event_jobs_ready(ask->events);
        tb_ask_json(ask, 200, event);
}

/* With or without its quotes. */
static bool is_etag(const char *said, const char *stored)
{
        gsize n = strlen(stored) - 2;
        const char *plain = *said == '"' ? said + 1 : said;
        return g_ascii_strncasecmp(plain, stored + 1, n) == 0 &&
               (plain[n] == '\0' || strcmp(plain + n, "\"") == 0);
}

static const char *said_of(const TbAsk *ask)
{
        const char *said = json_string_value(json_object_get(ask->kept, "etag"));
        return said && *said ? said : NULL;
}

static void go_on(TbAsk *ask, const json_t *event, const char *stored, bool is_new)
{
        TbEvents *events = ask->events;
        const char *said = said_of(ask), *was = json_string_value(json_object_get(event, "status")),
                   *blob = json_string_value(json_object_get(event, "clip_blob_name"));
        TbEventState now, next;
        if (said && !is_etag(said, stored)) {
                tb_ask_refuse(ask, TB_ERROR_BUSY, "clip etag does not match what was uploaded");
                return;
        }
        if (!tb_event_state_parse(was, &now) || !tb_event_next(now, TB_EVENT_UPLOADED, &next)) {
                tb_ask_json(ask, 200, json_deep_copy(event)); /* said before, or it was canceled */
                return;
        }
        g_autofree char *job = g_strconcat("event-", ask->id, NULL);
        TbDbCall *call = tb_db_call_new();
        if (is_new) {
                g_autofree char *uri = tb_blobs_uri(events->blobs, blob);
                tb_db_statement(call, tb_sql_event_stored);
                tb_db_text(call, ask->id);
                tb_db_text(call, stored);
                tb_db_text(call, tb_blobs_container(events->blobs));
                tb_db_text(call, uri);
        }
        tb_db_statement(call, tb_sql_event_uploaded);
        tb_db_text(call, ask->id);
        tb_db_text(call, was);
        tb_db_text(call, tb_event_state_name(next));
        tb_db_int(call, tb_clock_ms());
        tb_db_text(call, said);
        tb_db_text(call, job);
        tb_event_job_add(call, ask->id);
        tb_ask_event(ask, call);
        tb_ask_run(ask, call, on_finalized);
}

/* --- a clip in the bucket, of which nobody here knows more than what was promised --- */
static void on_there(const TbBlobInfo *info, const GError *error, gpointer data)
{
        TbAsk *ask = data;
        const json_t *event = json_object_get(ask->kept, "event");
        gint64 promised = json_integer_value(json_object_get(event, "clip_size_bytes"));
        if (g_error_matches(error, TB_ERROR, TB_ERROR_NOT_FOUND)) {
                tb_ask_refuse(ask, TB_ERROR_BUSY, "clip upload not found");
                return;
        }
        if (!info) { /* the bucket is away: the event waits */
                tb_ask_error(ask, error);
                return;
        }
        if (info->size != promised) {
                g_autofree char *words = g_strdup_printf(
                        "the clip has %" G_GINT64_FORMAT " bytes, and %" G_GINT64_FORMAT
                        " were promised (clip_size_bytes): it was removed, send all of it again",
                        info->size, promised);
                tb_blobs_discard(ask->events->blobs,
                                 json_string_value(json_object_get(event, "clip_blob_name")));
                tb_ask_refuse(ask, info->size > promised ? TB_ERROR_TOO_LARGE : TB_ERROR_INVALID, words);
                return;
        }
        go_on(ask, event, info->etag, true);
}

static void on_to_finalize(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event not found");
                return;
        }
        json_auto_t *event = tb_event_of_row(rows, 0);
        g_autoptr(GError) error = NULL;
        const char *stored = tb_event_stored_etag(rows, 0),
                   *blob = json_string_value(json_object_get(event, "clip_blob_name"));
        if (*stored)
                go_on(ask, event, stored, false);
        else if (!blob || !tb_blobs_are_direct(ask->events->blobs))
                tb_ask_refuse(ask, TB_ERROR_BUSY, "clip upload not found");
        else {
                json_object_set(ask->kept, "event", event);
                if (!tb_blobs_stat(ask->events->blobs, blob, on_there, ask, &error))
                        tb_ask_error(ask, error);
        }
}

void tb_event_finalize(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, tb_request_arg(request, "event_id"));
        if (!ask)
                return;
        ask->kept = json_deep_copy(tb_request_json(request));
        TbDbCall *call = tb_db_call_reads();
        tb_ask_event(ask, call);
        tb_ask_run(ask, call, on_to_finalize);
}
