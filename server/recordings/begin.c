/* A recording is asked for, agreed to or refused, and stopped. */
#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/limits_recordings.h"
#include "lib/uuid.h"
#include "server/recordings/private.h"
#include "server/store/sql.h"

#define DAY_MS (86400 * G_GINT64_CONSTANT(1000))

static const char *text_of(const TbRecAsk *ask, const char *field)
{
        return json_string_value(json_object_get(tb_request_json(ask->request), field));
}

/* --- it is asked for --- */
static void on_begun(TbRecAsk *ask, const TbDbResult *rows)
{
        guint row = 0;
        if (tb_db_rows(rows) == 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_INVALID, "Call is already being recorded");
                return;
        }
        ask->recordings->begun++;
        tb_rec_note(ask, "recording.ask", ask->call);
        tb_rec_tell(ask->recordings, rows, 0, NULL);
        tb_rec_ask_json(ask, 201, tb_rec_of_rows(ask->recordings, rows, &row));
}

static bool names(const json_t *list, const char *user)
{
        gsize i;
        json_t *name;
        json_array_foreach (list, i, name)
                if (g_strcmp0(json_string_value(name), user) == 0)
                        return true;
        return false;
}

static void add_person(TbRecAsk *ask, TbDbCall *call, const char *user, TbRecAnswer answer)
{
        tb_db_statement(call, tb_sql_recording_person);
        tb_db_text(call, ask->id);
        tb_db_text(call, user);
        tb_db_int(call, answer);
        tb_db_text(call, text_of(ask, "consentMethod"));
        tb_db_text(call, answer == TB_REC_YES ? ask->user : "");
        tb_db_int(call, answer == TB_REC_YES ? ask->now_ms : 0);
}

/* Columns of recording-call.sql: status of the call; who, his status, when he has agreed in answering; recordings that go on, all of them; whether one may. */
static bool may_begin(const TbRecAsk *ask, const TbDbResult *rows, GError **error)
{
        const json_t *named = json_object_get(tb_request_json(ask->request), "consentedParticipants");
        gsize i;
        json_t *name;
        if (tb_db_rows(rows) == 0)
                tb_set_error(error, TB_ERROR_NOT_FOUND, "Call not found");
        else if (!tb_db_get_int(rows, 0, 6))
                tb_set_error(error, TB_ERROR_FORBIDDEN, "Access denied to this call");
        else if (g_strcmp0(tb_db_get_text(rows, 0, 0), "in_progress") != 0)
                tb_set_error(error, TB_ERROR_INVALID, "Can only record calls in progress");
        else if (tb_db_get_int(rows, 0, 4) > 0)
                tb_set_error(error, TB_ERROR_INVALID, "Call is already being recorded");
        else if (tb_db_get_int(rows, 0, 5) >= TB_LIMIT_RECORDINGS_OF_CALL)
                tb_set_error(error, TB_ERROR_LIMIT, "This call was recorded %d times: that is all",
                             TB_LIMIT_RECORDINGS_OF_CALL);
        json_array_foreach (named, i, name) {
                bool takes_part = false;
                for (guint row = 0; row < tb_db_rows(rows); row++)
                        takes_part |= g_strcmp0(tb_db_get_text(rows, row, 1), json_string_value(name)) == 0;
                if (!*error && !takes_part)
                        tb_error_set_field(
                                error, TB_ERROR_INVALID, "consentedParticipants",
                                "consentedParticipants names somebody who does not take part in this call");
        }
        return !*error;
}

/* Who is in the call, or is said to have agreed. */
static bool is_asked(const TbDbResult *rows, guint row, const json_t *named)
{
        const char *status = tb_db_get_text(rows, row, 2);
        return strcmp(status, "connected") == 0 || strcmp(status, "disconnected") == 0 ||
               names(named, tb_db_get_text(rows, row, 1));
}

static void on_call(TbRecAsk *ask, const TbDbResult *rows)
{
        g_autoptr(GError) error = NULL;
        const TbRecordingsConfig *config = ask->recordings->options.config;
        const json_t *named = json_object_get(tb_request_json(ask->request), "consentedParticipants");
        const char *method = text_of(ask, "consentMethod");
        ask->id = tb_uuid();
        g_autofree char *wrapped = may_begin(ask, rows, &error)
                                           ? tb_seal_key_new(config->keys, ask->id, ask->key, &error)
                                           : NULL;
        if (!wrapped) {
                tb_rec_ask_error(ask, error);
                return;
        }
        g_autofree TbRecAnswer *answers = g_new0(TbRecAnswer, tb_db_rows(rows));
        bool all = true;
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                const char *user = tb_db_get_text(rows, i, 1);
                answers[i] = tb_recording_first_answer(method, strcmp(user, ask->user) == 0,
                                                       names(named, user), tb_db_get_int(rows, i, 3) > 0);
                all &= answers[i] == TB_REC_YES || !is_asked(rows, i, named);
        }
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_add);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->call);
        tb_db_text(call, tb_recording_status_name(all ? TB_REC_RECORDING : TB_REC_PENDING));
        tb_db_text(call, ask->user);
        tb_db_text(call, method);
        tb_db_int(call, ask->now_ms);
        tb_db_int(call, all ? ask->now_ms : 0);
        tb_db_int(call, ask->now_ms + config->keep_days * DAY_MS);
        tb_db_text(call, tb_seal_keys_id(config->keys));
        tb_db_text(call, wrapped);
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (is_asked(rows, i, named))
                        add_person(ask, call, tb_db_get_text(rows, i, 1), answers[i]);
        tb_rec_get(ask, call);
        tb_rec_ask_run(ask, call, on_begun);
}

void tb_rec_begin(TbRequest *request, gpointer data)
{
        TbRecordings *recordings = data;
        const json_t *in = tb_request_json(request);
        TbRecAsk *ask = tb_rec_ask_new(recordings, request);
        if (!recordings->options.config->keys) {
                tb_rec_ask_refuse(ask, TB_ERROR_UNAVAILABLE,
                                  "This server has no master key of recordings, and records nothing without: "
                                  "recordings.key_file, or TESTBED_RECORDINGS_KEY (openssl rand -base64 32)");
                return;
        }
        if (!json_is_true(json_object_get(in, "consentObtained"))) {
                tb_rec_ask_refuse(ask, TB_ERROR_INVALID,
                                  "Recording consent must be obtained before recording");
                return;
        }
        if (json_array_size(json_object_get(in, "consentedParticipants")) == 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_INVALID,
                                  "At least one participant must consent to recording");
                return;
        }
        TbDbCall *call = tb_rec_look(ask->now_ms);
        tb_db_statement(call, tb_sql_recording_call);
        tb_db_text(call, ask->call);
        tb_db_text(call, ask->who);
        tb_rec_ask_run(ask, call, on_call);
}

/* --- it changes --- */
static void on_changed(TbRecAsk *ask, const TbDbResult *rows)
{
        guint row = 0;
        if (!tb_rec_found(ask, rows))
                return;
        tb_rec_tell(ask->recordings, rows, 0, NULL);
        tb_rec_ask_json(ask, 200, tb_rec_of_rows(ask->recordings, rows, &row));
}

static void change(const TbRecAsk *ask, TbDbCall *call, TbRecStatus to, const char *reason)
{
        tb_db_statement(call, tb_sql_recording_stop);
        tb_db_text(call, ask->id);
        tb_db_text(call, tb_recording_status_name(ask->status));
        tb_db_text(call, tb_recording_status_name(to));
        tb_db_int(call, ask->now_ms);
        tb_db_text(call, ask->user);
        tb_db_text(call, reason);
        tb_db_statement(call, tb_sql_recording_late_upload); /* nothing may be missing */
        tb_db_int(call, ask->now_ms);
        tb_db_int(call, ask->now_ms - TB_LIMIT_RECORDING_UPLOAD_MS);
}

static void consent(TbRecAsk *ask, const TbDbResult *rows G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        TbRecStatus next;
        const char *method = text_of(ask, "method");
        bool agrees = json_is_true(json_object_get(tb_request_json(ask->request), "granted"));
        if (!ask->was_asked) {
                tb_rec_ask_refuse(ask, TB_ERROR_FORBIDDEN, "You were not asked: you are not in this call");
                return;
        }
        if (!tb_recording_next(ask->status, agrees ? TB_REC_AGREED : TB_REC_REFUSED, &next, &error)) {
                tb_rec_ask_error(ask, error);
                return;
        }
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_answer);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
        tb_db_int(call, agrees ? TB_REC_YES : TB_REC_NO);
        tb_db_text(call, method);
        tb_db_int(call, ask->now_ms);
        if (agrees) { /* it begins with the last one's answer */
                tb_db_statement(call, tb_sql_recording_begin);
                tb_db_text(call, ask->id);
                tb_db_int(call, ask->now_ms);
        } else {
                change(ask, call, next, "Somebody does not agree to be recorded");
        }
        tb_rec_note(ask, agrees ? "recording.agree" : "recording.refuse", method);
        tb_rec_get(ask, call);
        tb_rec_ask_run(ask, call, on_changed);
}

void tb_rec_consent(TbRequest *request, gpointer data)
{
        tb_rec_find(request, data, consent);
}

static void stop(TbRecAsk *ask, const TbDbResult *rows G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        TbRecStatus next;
        if (!tb_recording_next(ask->status, TB_REC_STOP, &next, &error)) {
                tb_rec_ask_error(ask, error);
                return;
        }
        TbDbCall *call = tb_db_call_new();
        change(ask, call, next, next == TB_REC_FAILED ? "It was stopped before everybody had agreed" : NULL);
        tb_rec_note(ask, "recording.stop", NULL);
        tb_rec_get(ask, call);
        tb_rec_ask_run(ask, call, on_changed);
}

void tb_rec_stop(TbRequest *request, gpointer data)
{
        tb_rec_find(request, data, stop);
}

/* --- what calls say --- */
typedef struct Told {
        TbRecordings *recordings; /* borrowed; ends after the store's lane */
        char *user;               /* owned; NULL: whoever was asked */
        bool over;
} Told;

static void on_told(const TbDbResult *rows, const GError *error G_GNUC_UNUSED, gpointer data)
{
        Told *t = data;
        for (guint i = 0; rows && i < tb_db_rows(rows); i++) {
                TbRecStatus status = TB_REC_FAILED;
                bool first =
                        i == 0 || strcmp(tb_db_get_text(rows, i, 0), tb_db_get_text(rows, i - 1, 0)) != 0;
                tb_recording_status_parse(tb_db_get_text(rows, i, TB_REC_COL_STATUS), &status);
                bool goes_on = status == TB_REC_PENDING || status == TB_REC_RECORDING;
                if (first && (t->over ? i == 0 : goes_on))
                        tb_rec_tell(t->recordings, rows, i, t->user);
        }
        g_free(t->user);
        g_free(t);
}

static void tell_of(TbRecordings *recordings, const char *call, const char *user)
{
        TbDbCall *store = tb_rec_look(tb_clock_ms());
        Told *t = g_new0(Told, 1);
        *t = (Told){recordings, g_strdup(user), user == NULL};
        if (user) {
                tb_db_statement(store, tb_sql_recording_joined);
                tb_db_text(store, call);
                tb_db_text(store, user);
        }
        tb_db_statement(store, tb_sql_recording_list);
        tb_db_text(store, call);
        tb_db_text(store, "");
        if (!tb_db_submit_take(recordings->db, store, on_told, t, NULL))
                on_told(NULL, NULL, t);
}

void tb_recordings_entered(TbRecordings *recordings, const char *call, const char *user)
{
        tell_of(recordings, call, user);
}

void tb_recordings_call_over(TbRecordings *recordings, const char *call)
{
        tell_of(recordings, call, NULL);
}
