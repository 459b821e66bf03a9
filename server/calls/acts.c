/* What somebody does to a call: POST /webrtc/calls/{id}/answer, /end, /cancel, /missed, /failed. */
#include <string.h>

#include "lib/json.h"
#include "lib/limits_calls.h"
#include "server/calls/private.h"
#include "server/store/sql.h"

static const char *text_of(const TbCallAsk *ask, const char *field)
{
        return json_string_value(json_object_get(tb_request_json(ask->request), field));
}

static bool flag_of(const TbCallAsk *ask, const char *field, bool otherwise)
{
        const json_t *value = json_object_get(tb_request_json(ask->request), field);
        return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/* Where nobody shows who he is, it is the one who was called. */
static const char *actor_of(const TbCallAsk *ask, const TbDbResult *rows)
{
        const char *by = tb_db_get_text(rows, 0, 9);
        if (tb_request_caller(ask->request)->by != TB_BY_OPEN)
                return tb_request_user(ask->request);
        return tb_db_get_text(rows, 0, g_strcmp0(tb_db_get_text(rows, 0, 1), by) == 0 ? 2 : 1);
}

static void on_changed(TbCallAsk *ask, const TbDbResult *rows)
{
        guint row = 0;
        TbCallStatus status = TB_CALL_ENDED;
        g_autoptr(GError) error = NULL;
        if (tb_db_rows(rows) == 0) {
                tb_call_ask_refuse(ask, TB_ERROR_NOT_FOUND, "Call not found");
                return;
        }
        tb_call_status_parse(tb_db_get_text(rows, 0, 4), &status);
        if (status != ask->next) { /* somebody was faster */
                if (tb_call_next(status, ask->act, &status, &error))
                        tb_set_error(&error, TB_ERROR_BUSY,
                                     "the call has changed meanwhile: ask for it again");
                tb_call_ask_error(ask, error);
                return;
        }
        ask->calls->ended[status]++;
        tb_call_tell_changed(ask->calls, rows, ask->actor);
        tb_call_ask_json(ask, 200, tb_call_of_rows(rows, &row));
}

static void answer(TbCallAsk *ask, const TbDbResult *rows)
{
        bool takes_part = false;
        for (guint i = 0; i < tb_db_rows(rows); i++)
                takes_part |= g_strcmp0(tb_db_get_text(rows, i, 22), ask->actor) == 0;
        if (!takes_part) {
                tb_call_ask_refuse(ask, TB_ERROR_FORBIDDEN, "User is not a participant in this call");
                return;
        }
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_call_answer);
        tb_db_text(call, ask->id);
        tb_db_int(call, ask->now_ms);
        tb_db_statement(call, tb_sql_call_join);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->actor);
        tb_db_int(call, ask->now_ms);
        tb_db_int(call, flag_of(ask, "videoEnabled", true));
        tb_db_int(call, flag_of(ask, "audioEnabled", true));
        tb_db_int(call, flag_of(ask, "consentToRecording", false) ? ask->now_ms : 0);
        tb_call_get(ask, call);
        tb_call_ask_run(ask, call, on_changed);
}

void tb_call_close(TbDbCall *call, const TbCallClosing *closing, gint64 now_ms)
{
        tb_db_statement(call, tb_sql_call_close);
        tb_db_text(call, closing->id);
        tb_db_text(call, closing->to);
        tb_db_int(call, now_ms);
        tb_db_text(call, closing->by);
        tb_db_text(call, closing->reason);
        tb_db_text(call, closing->details);
        tb_db_text(call, closing->from);
        tb_db_statement(call, tb_sql_call_leave);
        tb_db_text(call, closing->id);
        tb_db_int(call, now_ms);
}

static void close_call(TbCallAsk *ask, const char *from)
{
        static const char *const usual[] = {NULL, "Call ended normally", "Call cancelled", NULL, NULL};
        const json_t *details = json_object_get(tb_request_json(ask->request), "errorDetails");
        const char *reason = text_of(ask, "reason");
        g_autofree char *data = details ? tb_json_text(details, NULL) : NULL;
        if (data && strlen(data) > TB_LIMIT_CALL_DATA) {
                tb_call_ask_refuse(ask, TB_ERROR_INVALID, "errorDetails is too long");
                return;
        }
        TbDbCall *call = tb_db_call_new();
        const TbCallClosing closing = {ask->id,
                                       from,
                                       tb_call_status_name(ask->next),
                                       ask->actor,
                                       reason && *reason ? reason : usual[ask->act],
                                       data};
        tb_call_close(call, &closing, ask->now_ms);
        tb_call_get(ask, call);
        tb_call_ask_run(ask, call, on_changed);
}

static void on_read(TbCallAsk *ask, const TbDbResult *rows)
{
        TbCallStatus status = TB_CALL_ENDED;
        g_autoptr(GError) error = NULL;
        if (!tb_call_may(ask, rows))
                return;
        tb_call_status_parse(tb_db_get_text(rows, 0, 4), &status);
        if (!tb_call_next(status, ask->act, &ask->next, &error)) {
                tb_call_ask_error(ask, error);
                return;
        }
        ask->actor = g_strdup(actor_of(ask, rows));
        if (ask->act == TB_CALL_ANSWER)
                answer(ask, rows);
        else
                close_call(ask, tb_call_status_name(status));
}

static void act(TbRequest *request, gpointer data, TbCallAct what)
{
        TbCallAsk *ask = tb_call_ask_new(data, request, true);
        if (!ask)
                return;
        TbDbCall *call = tb_call_look(ask);
        ask->act = what;
        tb_call_get(ask, call);
        tb_call_ask_run(ask, call, on_read);
}

void tb_call_answer(TbRequest *request, gpointer data)
{
        act(request, data, TB_CALL_ANSWER);
}

void tb_call_end(TbRequest *request, gpointer data)
{
        act(request, data, TB_CALL_END);
}

void tb_call_cancel(TbRequest *request, gpointer data)
{
        act(request, data, TB_CALL_CANCEL);
}

void tb_call_missed(TbRequest *request, gpointer data)
{
        act(request, data, TB_CALL_MISS);
}

void tb_call_failed(TbRequest *request, gpointer data)
{
        act(request, data, TB_CALL_FAIL);
}
