/* Devices and their sessions: POST /devices/register, /sessions/start, /sessions/stop, /sessions/force-stop, GET /sessions; and
 * POST /auth/dev/login. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "server/events/private.h"
#include "server/store/sql.h"

static void on_device(TbAsk *ask, const TbDbResult *rows)
{
        const char *owner = tb_db_rows(rows) ? tb_db_get_text(rows, 0, 1) : NULL;
        if (!owner || (*ask->user && strcmp(owner, ask->user) != 0)) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "device not found");
                return;
        }
        const char *label = tb_db_get_text(rows, 0, 2);
        tb_ask_json(ask, 200,
                    json_pack("{s:s, s:s?, s:s?, s:n, s:n, s:n, s:o}", "device_id",
                              tb_db_get_text(rows, 0, 0), "user_id", *owner ? owner : NULL, "label", label,
                              "telegram_chat_id", "telegram_username", "telegram_linked_at", "created_at",
                              tb_event_time(tb_db_get_int(rows, 0, 3))));
}

static void register_device(TbRequest *request, gpointer data)
{
        const json_t *in = tb_request_json(request);
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, NULL);
        if (!ask)
                return;
        const char *given = json_string_value(json_object_get(in, "device_id"));
        ask->id = given && *given ? g_strdup(given) : tb_uuid();
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_device_add);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
        tb_db_text(call, json_string_value(json_object_get(in, "label")));
        tb_db_int(call, tb_clock_ms());
        tb_db_statement(call, tb_sql_ev_device_get);
        tb_db_text(call, ask->id);
        tb_ask_run(ask, call, on_device);
}

/* --- sessions --- */
static void session_get(TbAsk *ask, TbDbCall *call)
{
        tb_db_statement(call, tb_sql_ev_session_get);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
}

static void on_started(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "device not found");
        else
                tb_ask_json(ask, 200, tb_event_session_of_row(rows, 0));
}

/* A list wins over the one, each without the blanks around it; NULL: none. The caller frees. */
static char *prompt_of(const json_t *in)
{
        const json_t *list = json_object_get(in, "analysis_prompts"), *one;
        GString *out = g_string_new(
                json_is_array(list) ? NULL : json_string_value(json_object_get(in, "analysis_prompt")));
        gsize i;
        json_array_foreach (list, i, one) {
                g_autofree char *text = g_strdup(json_is_string(one) ? json_string_value(one) : "");
                if (*g_strstrip(text))
                        g_string_append_printf(out, "%s%s", out->len ? "\n" : "", text);
        }
        g_strstrip(out->str);
        bool some = *out->str != '\0';
        return g_string_free(out, !some);
}

static void start(TbRequest *request, gpointer data)
{
        const json_t *in = tb_request_json(request);
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, NULL);
        if (!ask)
                return;
        g_autofree char *prompt = prompt_of(in);
        if (prompt && strlen(prompt) > TB_LIMIT_EVENT_TEXT) {
                tb_ask_refuse(ask, TB_ERROR_INVALID, "the analysis prompts are too long together");
                return;
        }
        ask->id = tb_uuid();
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_session_add);
        tb_db_text(call, ask->id);
        tb_db_text(call, json_string_value(json_object_get(in, "device_id")));
        tb_db_text(call, ask->user);
        tb_db_int(call, tb_clock_ms());
        tb_db_text(call, prompt);
        session_get(ask, call);
        tb_ask_run(ask, call, on_started);
}

static void on_stopped(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "session not found");
        else
                tb_ask_json(ask, 200, tb_event_session_of_row(rows, 0));
}

static void stopping(TbRequest *request, gpointer data, TbAskThen then)
{
        const char *id = json_string_value(json_object_get(tb_request_json(request), "session_id"));
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, id);
        if (!ask)
                return;
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_session_stop);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
        tb_db_int(call, tb_clock_ms());
        session_get(ask, call);
        tb_ask_run(ask, call, then);
}

static void stop(TbRequest *request, gpointer data)
{
        stopping(request, data, on_stopped);
}

/* Rows of what was canceled ("event") and of jobs that were dropped, by their state. */
static void on_dropped(TbAsk *ask, const TbDbResult *rows)
{
        guint canceled = 0, waiting = 0;
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                const char *what = tb_db_get_text(rows, i, 0);
                canceled += strcmp(what, "event") == 0;
                waiting += strcmp(what, "waiting") == 0;
        }
        json_object_set_new(ask->kept, "dropped_processing_events", json_integer(canceled));
        json_object_set_new(ask->kept, "dropped_queued_jobs", json_integer(waiting));
        if (canceled)
                tb_event_say(ask->events, json_string_value(json_object_get(ask->kept, "user_id")),
                             json_pack("{s:s, s:s}", "type", "session.canceled", "session_id", ask->id));
        tb_ask_json(ask, 200, json_incref(ask->kept));
}

static void on_to_drop(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "session not found");
                return;
        }
        ask->kept = tb_event_session_of_row(rows, 0);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_session_cancel);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
        tb_db_statement(call, tb_sql_ev_session_drop);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
        tb_ask_run(ask, call, on_dropped);
}

static void force_stop(TbRequest *request, gpointer data)
{
        stopping(request, data, on_to_drop);
}

static void on_list(TbAsk *ask, const TbDbResult *rows)
{
        json_t *out = json_array();
        for (guint i = 0; i < tb_db_rows(rows); i++)
                json_array_append_new(out, tb_event_session_of_row(rows, i));
        tb_ask_json(ask, 200, out);
}

static void list(TbRequest *request, gpointer data)
{
        const char *device = json_string_value(json_object_get(tb_request_query(request), "device_id"));
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_READ, NULL);
        if (!ask)
                return;
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_ev_session_list);
        tb_db_text(call, device ? device : "");
        tb_db_text(call, ask->user);
        tb_db_int(call, TB_LIMIT_EVENTS_PAGE);
        tb_ask_run(ask, call, on_list);
}

static const TbParam login_params[] = {
        {.name = "email", .type = TB_PARAM_STRING, .max = TB_LIMIT_EVENT_ID, .help = "who it is"},
        {.name = "user_id", .type = TB_PARAM_STRING, .max = TB_LIMIT_EVENT_ID, .help = "or this"},
        TB_PARAM_END,
};
static const TbParam device_params[] = {
        {.name = "device_id",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_EVENT_ID,
         .help = "its own; the same again is the same device"},
        {.name = "label",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_EVENT_ID,
         .help = "as people call it",
         .shown = true},
        TB_PARAM_END,
};
static const TbParam start_params[] = {
        {.name = "device_id",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_EVENT_ID,
         .help = "which device watches"},
        {.name = "analysis_prompt",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_EVENT_TEXT,
         .help = "what to look for"},
        {.name = "analysis_prompts", .type = TB_PARAM_ARRAY, .max = 32, .help = "several of them"},
        TB_PARAM_END,
};
static const TbParam stop_params[] = {
        {.name = "session_id",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_EVENT_ID,
         .help = "which session"},
        TB_PARAM_END,
};
static const TbParam list_params[] = {
        {.name = "device_id",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_EVENT_ID,
         .help = "of that device alone"},
        TB_PARAM_END,
};

#define POST(path_, params_, handler_, summary_, answers_)                                                   \
        {                                                                                                    \
                .method = "POST", .path = path_, .flags = TB_EVENT_FLAGS, .body = TB_BODY_JSON,              \
                .json = params_, .handler = handler_, .tag = "events", .summary = summary_,                  \
                .answers = "200 application/json; " answers_                                                 \
        }

const TbRoute tb_event_session_routes[] = {
        POST("/auth/dev/login", login_params, tb_event_dev_login,
             "A token for whoever asks, where the configuration allows it", "404; 429"),
        POST("/devices/register", device_params, register_device, "A device that watches, new or known",
             "401; 404"),
        POST("/sessions/start", start_params, start, "A device begins to watch", "401; 404"),
        POST("/sessions/stop", stop_params, stop, "It stops; what it saw is still looked at", "401; 404"),
        POST("/sessions/force-stop", stop_params, force_stop,
             "It stops, and what was not looked at yet is dropped", "401; 404"),
        {.method = "GET",
         .path = "/sessions",
         .flags = TB_EVENT_FLAGS,
         .query = list_params,
         .handler = list,
         .tag = "events",
         .summary = "Sessions, the oldest first",
         .answers = "200 application/json; 401"},
        {.method = NULL},
};
