/* Who was told of an event, and what came of each try: GET and POST /events/{event_id}/notification-attempts. */
#include "lib/error.h"
#include "lib/limits.h"
#include "server/events/private.h"
#include "server/store/sql.h"

static gint64 ms_of(const json_t *in, const char *name)
{
        const char *text = json_string_value(json_object_get(in, name));
        g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, NULL) : NULL;
        return time ? g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000 : 0;
}

static void add_attempt(TbDbCall *call, const char *event_id, const char *attempt_id, const json_t *in)
{
        tb_db_statement(call, tb_sql_ev_attempt_add);
        tb_db_text(call, attempt_id);
        tb_db_text(call, event_id);
        tb_db_text(call, json_string_value(json_object_get(in, "provider")));
        tb_db_text(call, json_string_value(json_object_get(in, "recipient")));
        tb_db_text(call, json_string_value(json_object_get(in, "status")));
        tb_db_text(call, json_string_value(json_object_get(in, "failure_reason")));
        tb_db_int(call, json_is_true(json_object_get(in, "retryable")));
        tb_db_int(call, json_integer_value(json_object_get(in, "attempt_number")));
        tb_db_int(call, json_integer_value(json_object_get(in, "max_attempts")));
        tb_db_int(call, ms_of(in, "attempted_at"));
        tb_db_int(call, ms_of(in, "finished_at"));
        tb_db_int(call, ms_of(in, "next_retry_at"));
}

static void list_attempts(TbAsk *ask, TbDbCall *call)
{
        tb_db_statement(call, tb_sql_ev_attempt_list);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
        tb_db_int(call, TB_LIMIT_EVENTS_PAGE);
}

static void on_attempts(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event not found");
                return;
        }
        const char *wanted = json_string_value(json_object_get(ask->kept, "attempt_id"));
        json_t *out = json_array(), *made = NULL;
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                const char *id = tb_db_get_text(rows, i, 1);
                json_t *one_row = id ? tb_event_attempt_of_row(rows, i) : NULL;
                if (wanted && g_strcmp0(id, wanted) == 0)
                        made = json_incref(one_row);
                if (one_row)
                        json_array_append_new(out, one_row);
        }
        if (made) {
                json_decref(out);
                out = made;
        }
        tb_ask_json(ask, 200, out);
}

void tb_event_post_attempt(TbRequest *request, gpointer data)
{
        const json_t *in = tb_request_json(request);
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WORKER, tb_request_arg(request, "event_id"));
        if (!ask)
                return;
        g_autofree char *id = tb_uuid();
        if (!ms_of(in, "attempted_at") || !ms_of(in, "finished_at")) {
                tb_ask_refuse(ask, TB_ERROR_INVALID,
                              "attempted_at and finished_at must be times like 2026-01-31T08:00:00Z");
                return;
        }
        ask->kept = json_pack("{s:s}", "attempt_id", id);
        TbDbCall *call = tb_db_call_new();
        add_attempt(call, ask->id, id, in);
        list_attempts(ask, call);
        tb_ask_run(ask, call, on_attempts);
}

void tb_event_get_attempts(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_READ, tb_request_arg(request, "event_id"));
        if (!ask)
                return;
        TbDbCall *call = tb_db_call_reads();
        list_attempts(ask, call);
        tb_ask_run(ask, call, on_attempts);
}

void tb_event_note_attempt(TbDbCall *call, const char *event_id, const json_t *attempt)
{
        g_autofree char *id = tb_uuid();
        add_attempt(call, event_id, id, attempt);
}
