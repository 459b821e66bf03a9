/* Who asks, and what of the store it takes to answer. */
#include <openssl/crypto.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/limits_recordings.h"
#include "lib/metrics.h"
#include "server/recordings/private.h"
#include "server/store/sql.h"

TbRecordings *tb_recordings_new(const TbRecordingsOptions *options)
{
        TbRecordings *recordings = g_new0(TbRecordings, 1);
        recordings->options = *options;
        recordings->db = options->db;
        recordings->blobs = options->blobs;
        tb_rec_sweep_start(recordings);
        return recordings;
}

void tb_recordings_free(TbRecordings *recordings)
{
        if (!recordings)
                return;
        tb_rec_sweep_stop(recordings);
        tb_rec_plays_end(recordings);
        g_free(recordings);
}

void tb_recordings_metrics(GString *out, gpointer data)
{
        const TbRecordings *r = data;
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_recordings_total",
                       "Recordings of calls that were begun.", (double)r->begun);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_recordings_bytes_total",
                       "Bytes of chunks that were stored.", (double)r->stored_bytes);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_recordings_views_total", "Views of recordings.",
                       (double)r->views);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_recordings_removed_total",
                       "Chunks that were removed.", (double)r->removed);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_recordings_tampered_total",
                       "Chunks that did not open.", (double)r->tampered);
}

/* Where nobody shows who he is, who he says he is. */
static char *user_of(TbRequest *request)
{
        const char *said = json_string_value(json_object_get(tb_request_json(request), "userId"));
        if (!said)
                said = tb_request_query_string(request, "userId");
        return g_strdup(said && tb_request_caller(request)->by == TB_BY_OPEN ? said
                                                                             : tb_request_user(request));
}

TbRecAsk *tb_rec_ask_new(TbRecordings *recordings, TbRequest *request)
{
        const TbCaller *caller = tb_request_caller(request);
        TbRecAsk *ask = g_new0(TbRecAsk, 1);
        ask->recordings = recordings;
        ask->request = tb_request_ref(request);
        ask->who = g_strdup(caller->by == TB_BY_OPEN || caller->role == TB_ROLE_ADMIN ? "" : caller->user);
        ask->user = user_of(request);
        ask->call = g_strdup(tb_request_arg(request, "id"));
        ask->id = g_strdup(tb_request_arg(request, "rid"));
        ask->track = g_strdup(tb_request_arg(request, "track"));
        ask->now_ms = tb_clock_ms();
        return ask;
}

void tb_rec_ask_free(TbRecAsk *ask)
{
        if (ask->counted)
                ask->recordings->transfers--;
        OPENSSL_cleanse(ask->key, sizeof ask->key);
        tb_request_unref(ask->request);
        json_decref(ask->kept);
        g_free(ask->who);
        g_free(ask->user);
        g_free(ask->call);
        g_free(ask->id);
        g_free(ask->track);
        g_free(ask);
}

void tb_rec_ask_json(TbRecAsk *ask, int status, json_t *body_take)
{
        tb_request_add_header(ask->request, "Cache-Control", "no-store");
        if (body_take)
                tb_request_reply_json(ask->request, status, body_take);
        else
                tb_request_reply_empty(ask->request, status);
        tb_rec_ask_free(ask);
}

void tb_rec_ask_error(TbRecAsk *ask, const GError *error)
{
        tb_http_decline(ask->request, error);
        tb_rec_ask_free(ask);
}

void tb_rec_ask_refuse(TbRecAsk *ask, TbErrorCode code, const char *text)
{
        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, (int)code, text);
        tb_rec_ask_error(ask, error);
}

static void on_rows(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbRecAsk *ask = data;
        if (rows)
                ask->then(ask, rows);
        else
                tb_rec_ask_error(ask, error);
}

void tb_rec_ask_run(TbRecAsk *ask, TbDbCall *call_take, TbRecThen then)
{
        g_autoptr(GError) error = NULL;
        ask->then = then;
        if (!tb_db_submit_take(ask->recordings->db, call_take, on_rows, ask, &error))
                tb_rec_ask_error(ask, error);
}

TbDbCall *tb_rec_look(gint64 now_ms)
{
        TbDbCall *call = tb_db_call_new(); /* as tb_recording_at() says */
        tb_db_statement(call, tb_sql_recording_late_asked);
        tb_db_int(call, now_ms);
        tb_db_int(call, now_ms - TB_LIMIT_RECORDING_ASK_MS);
        tb_db_statement(call, tb_sql_recording_late_call);
        tb_db_int(call, now_ms);
        tb_db_statement(call, tb_sql_recording_late_upload);
        tb_db_int(call, now_ms);
        tb_db_int(call, now_ms - TB_LIMIT_RECORDING_UPLOAD_MS);
        return call;
}

void tb_rec_get(const TbRecAsk *ask, TbDbCall *call)
{
        tb_db_statement(call, tb_sql_recording_get);
        tb_db_text(call, ask->call);
        tb_db_text(call, ask->who);
        tb_db_text(call, ask->id);
}

bool tb_rec_found(TbRecAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_NOT_FOUND, "Recording not found");
                return false;
        }
        if (!tb_db_get_int(rows, 0, TB_REC_COL_MAY)) {
                tb_rec_ask_refuse(ask, TB_ERROR_FORBIDDEN, "Access denied to this recording");
                return false;
        }
        ask->status = TB_REC_FAILED;
        tb_recording_status_parse(tb_db_get_text(rows, 0, TB_REC_COL_STATUS), &ask->status);
        ask->started_ms = tb_db_get_int(rows, 0, TB_REC_COL_STARTED);
        ask->stopped_ms = tb_db_get_int(rows, 0, TB_REC_COL_STOPPED);
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                if (g_strcmp0(tb_db_get_text(rows, i, TB_REC_COL_P_USER), ask->user) != 0)
                        continue;
                ask->was_asked = true;
                ask->answer = (TbRecAnswer)tb_db_get_int(rows, i, TB_REC_COL_P_ANSWER);
        }
        return true;
}

static void on_found(TbRecAsk *ask, const TbDbResult *rows)
{
        if (tb_rec_found(ask, rows))
                ask->found(ask, rows);
}

void tb_rec_find(TbRequest *request, gpointer recordings, TbRecThen found)
{
        TbRecAsk *ask = tb_rec_ask_new(recordings, request);
        TbDbCall *call = tb_rec_look(ask->now_ms);
        ask->found = found;
        tb_rec_get(ask, call);
        tb_rec_ask_run(ask, call, on_found);
}

bool tb_rec_open_key(TbRecAsk *ask, const TbDbResult *rows)
{
        g_autoptr(GError) error = NULL;
        const TbSealKeys *keys = ask->recordings->options.config->keys;
        if (!keys)
                tb_set_error(&error, TB_ERROR_UNAVAILABLE,
                             "this server has no master key of recordings (recordings.key_file, "
                             "TESTBED_RECORDINGS_KEY): nothing is recorded, and nothing can be opened");
        else if (tb_seal_key_open(keys, tb_db_get_text(rows, 0, TB_REC_COL_KEY_ID), ask->id,
                                  tb_db_get_text(rows, 0, TB_REC_COL_WRAPPED), ask->key, &error))
                return true;
        tb_rec_ask_error(ask, error);
        return false;
}

bool tb_rec_take_place(TbRecAsk *ask)
{
        if (ask->recordings->transfers < TB_LIMIT_RECORDING_TRANSFERS) {
                ask->recordings->transfers++;
                ask->counted = true;
                return true;
        }
        tb_request_add_header(ask->request, "Retry-After", "2");
        tb_rec_ask_refuse(ask, TB_ERROR_LIMIT, "so much of recordings is under way: come again");
        return false;
}

void tb_rec_note(const TbRecAsk *ask, const char *action, const char *more)
{
        const TbRecordingsOptions *o = &ask->recordings->options;
        g_autofree char *object = more ? g_strdup_printf("%s %s", ask->id, more) : g_strdup(ask->id);
        if (o->note)
                o->note(&(TbRecordingNote){ask->user, action, object, tb_request_peer(ask->request),
                                           tb_request_id(ask->request)},
                        o->data);
}

char *tb_rec_blob_name(const char *recording, const char *track, guint n)
{
        return g_strdup_printf("recordings/%s/%s/%06u", recording, track, n);
}
