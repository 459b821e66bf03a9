/* What a worker says of an event: POST /events/{id}/summary and …/failure. The store is asked how the event stands, and changed only if
 * it still stands so. */
#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "server/events/private.h"
#include "server/store/sql.h"

#define TRIES 4 /* somebody else changed it each time */

static void look(TbAsk *ask);

static bool is_failure(const TbAsk *ask)
{
        return json_is_true(json_object_get(ask->kept, "is_failure"));
}

static void on_changed(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) < 1) { /* it has gone meanwhile */
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event not found");
                return;
        }
        json_t *event = tb_event_of_row(rows, 0);
        bool changed =
                tb_event_has_text(event, "status", is_failure(ask) ? "failed" : "done") &&
                tb_event_has_text(event, "summary", json_string_value(json_object_get(ask->kept, "summary")));
        if (!changed && ask->tries < TRIES) {
                json_decref(event);
                look(ask);
                return;
        }
        bool first = changed && !tb_event_has_text(ask->kept, "was", "done") && !is_failure(ask);
        if (first)
                ask->events->done++;
        if (changed && is_failure(ask))
                ask->events->failed++;
        tb_event_changed(ask->events, event, first);
        tb_ask_json(ask, 200, event);
}

static void list(TbDbCall *call, const json_t *in, const char *field)
{
        const json_t *value = json_object_get(in, field);
        char *text = json_is_array(value) ? tb_json_text(value, NULL) : NULL;
        tb_db_text(call, text);
        g_free(text);
}

static gint64 millionths(const json_t *value)
{
        return json_is_number(value) ? (gint64)llround(CLAMP(json_number_value(value), 0, 1) * 1e6) : -1;
}

static void on_event(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                on_changed(ask, rows);
                return;
        }
        json_auto_t *event = tb_event_of_row(rows, 0);
        const json_t *in = ask->kept, *notify = json_object_get(in, "should_notify"),
                     *took = json_object_get(in, "took_ms");
        const char *was = json_string_value(json_object_get(event, "status"));
        TbEventState now, next;
        if (!tb_event_state_parse(was, &now) ||
            !tb_event_next(now, is_failure(ask) ? TB_EVENT_FAILURE : TB_EVENT_SUMMARY, &next)) {
                tb_ask_json(ask, 200, json_incref(event));
                return;
        }
        json_object_set_new(ask->kept, "was", json_string(was));
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_event_summary);
        tb_db_text(call, ask->id);
        tb_db_text(call, was);
        tb_db_text(call, tb_event_state_name(next));
        tb_db_text(call, json_string_value(json_object_get(in, "summary")));
        tb_db_text(call, json_string_value(json_object_get(in, "label")));
        tb_db_int(call, millionths(json_object_get(in, "confidence")));
        tb_db_text(call, json_string_value(json_object_get(in, "inference_provider")));
        tb_db_text(call, json_string_value(json_object_get(in, "inference_model")));
        tb_db_int(call, json_is_boolean(notify) ? json_is_true(notify) : -1);
        tb_db_text(call, json_string_value(json_object_get(in, "alert_reason")));
        list(call, in, "matched_rules");
        list(call, in, "detected_entities");
        list(call, in, "detected_actions");
        tb_db_int(call, json_is_integer(took) ? json_integer_value(took) : -1);
        if (next == TB_EVENT_DONE && now != TB_EVENT_DONE)
                tb_telling_add(ask->events, call, ask->id);
        if (!json_object_get(in, "keep_job")) /* one that is dead stays */
                tb_event_job_end(call, ask->id);
        tb_ask_event(ask, call);
        tb_ask_run(ask, call, on_changed);
}

static void look(TbAsk *ask)
{
        TbDbCall *call = tb_db_call_reads();
        ask->tries++;
        tb_ask_event(ask, call);
        tb_ask_run(ask, call, on_event);
}

void tb_event_summarize(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WORKER, tb_request_arg(request, "event_id"));
        if (!ask)
                return;
        ask->kept = json_deep_copy(tb_request_json(request));
        look(ask);
}

static json_t *failure(const char *message, const char *type)
{
        g_autofree char *rule = type && *type ? g_strconcat("error_type:", type, NULL) : NULL;
        return json_pack("{s:b, s:s, s:s, s:f, s:b, s:s, s:o, s:[], s:[]}", "is_failure", 1, "summary",
                         "Processing failed", "label", "error", "confidence", 0.0, "should_notify", 0,
                         "alert_reason", message, "matched_rules",
                         rule ? json_pack("[s]", rule) : json_array(), "detected_entities",
                         "detected_actions");
}

void tb_event_fail(TbRequest *request, gpointer data)
{
        const json_t *in = tb_request_json(request);
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WORKER, tb_request_arg(request, "event_id"));
        if (!ask)
                return;
        ask->kept = failure(json_string_value(json_object_get(in, "error_message")),
                            json_string_value(json_object_get(in, "error_type")));
        look(ask);
}

void tb_event_give_up(TbEvents *events, const char *event_id, const char *reason)
{
        TbAsk *ask = g_new0(TbAsk, 1);
        ask->events = events;
        ask->user = g_strdup("");
        ask->id = g_strdup(event_id);
        ask->kept = failure(reason, "dead_letter");
        json_object_set_new(ask->kept, "keep_job", json_true());
        look(ask);
}
