/* GET /events, one event, and its removal. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "server/events/private.h"
#include "server/store/sql.h"

#define NONE -2 /* of a filter on should_notify */

/* --- pages: the newest `limit` of what is asked for, the oldest of them first --- */
static void on_page(TbAsk *ask, const TbDbResult *rows)
{
        guint n = tb_db_rows(rows);
        json_t *out = json_array();
        for (guint i = n; i-- > 0;)
                json_array_append_new(out, tb_event_of_row(rows, i));
        if (n > 0 && n == ask->tries) {
                g_autofree char *next = g_strdup_printf(
                        "%" JSON_INTEGER_FORMAT,
                        json_integer_value(json_object_get(json_array_get(out, 0), "cursor")));
                tb_request_add_header(ask->request, "X-Next-Cursor", next);
        }
        tb_ask_json(ask, 200, out);
}

static gint64 time_of(const json_t *query, const char *name, GError **error)
{
        const char *text = json_string_value(json_object_get(query, name));
        g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, NULL) : NULL;
        if (text && !time && !*error)
                tb_error_set_field(error, TB_ERROR_INVALID, name,
                                   "%s must be a time like 2026-01-31T08:00:00Z", name);
        return time ? g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000 : 0;
}

static const char *text_of(const json_t *query, const char *name)
{
        const char *text = json_string_value(json_object_get(query, name));
        return text ? text : "";
}

static void run_page(TbAsk *ask)
{
        const json_t *query = tb_request_query(ask->request),
                     *notify = json_object_get(query, "should_notify"),
                     *before = json_object_get(query, "before");
        g_autoptr(GError) error = NULL;
        gint64 from_ms = time_of(query, "from", &error), to_ms = time_of(query, "to", &error);
        if (error) {
                tb_ask_error(ask, error);
                return;
        }
        g_autofree char *like = tb_event_like(text_of(query, "text"));
        ask->tries = (guint)json_integer_value(json_object_get(query, "limit"));
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_event_page);
        tb_db_int(call, before ? json_integer_value(before) : G_MAXINT64);
        tb_db_text(call, ask->user);
        tb_db_text(call, text_of(query, "session_id"));
        tb_db_text(call, text_of(query, "device_id"));
        tb_db_text(call, text_of(query, "label"));
        tb_db_int(call, from_ms);
        tb_db_int(call, to_ms ? to_ms : G_MAXINT64);
        tb_db_int(call, notify ? json_is_true(notify) : NONE);
        tb_db_text(call, text_of(query, "status"));
        tb_db_text(call, like);
        tb_db_int(call, ask->tries);
        tb_ask_run(ask, call, on_page);
}

static void on_session(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "session not found");
        else
                run_page(ask);
}

static void list_events(TbRequest *request, gpointer data)
{
        const char *session = text_of(tb_request_query(request), "session_id");
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_READ, NULL);
        if (!ask)
                return;
        if (!*session) {
                run_page(ask);
                return;
        }
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_ev_session_get);
        tb_db_text(call, session);
        tb_db_text(call, ask->user);
        tb_ask_run(ask, call, on_session);
}

/* --- one --- */
static void on_event(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event not found");
        else
                tb_ask_json(ask, 200, tb_event_of_row(rows, 0));
}

static void one(TbRequest *request, gpointer data, TbAskThen then)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_READ, tb_request_arg(request, "event_id"));
        if (!ask)
                return;
        TbDbCall *call = tb_db_call_reads();
        tb_ask_event(ask, call);
        tb_ask_run(ask, call, then);
}

static void get_event(TbRequest *request, gpointer data)
{
        one(request, data, on_event);
}

static void on_summary(TbAsk *ask, const TbDbResult *rows)
{
        static const char *const fields[] = {
                "event_id",           "summary",           "label",           "confidence",
                "inference_provider", "inference_model",   "should_notify",   "alert_reason",
                "matched_rules",      "detected_entities", "detected_actions"};
        json_auto_t *event = tb_db_rows(rows) ? tb_event_of_row(rows, 0) : NULL;
        if (!event || json_is_null(json_object_get(event, "summary"))) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event summary not found");
                return;
        }
        json_t *out = json_object();
        for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
                json_object_set(out, fields[i], json_object_get(event, fields[i]));
        tb_ask_json(ask, 200, out);
}

static void get_summary(TbRequest *request, gpointer data)
{
        one(request, data, on_summary);
}

/* --- DELETE: the row goes first; a clip that nobody refers to is not shown to anybody --- */
static void on_removed(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event not found");
                return;
        }
        const char *blob = tb_db_get_text(rows, 0, 0);
        if (blob)
                tb_blobs_remove(ask->events->blobs, blob, NULL, NULL, NULL);
        tb_event_say(ask->events, *ask->user ? ask->user : NULL,
                     json_pack("{s:s, s:s}", "type", "event.removed", "event_id", ask->id));
        tb_request_reply_empty(ask->request, 204);
        tb_ask_free(ask);
}

static void remove_event(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, tb_request_arg(request, "event_id"));
        if (!ask)
                return;
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_event_end);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
        tb_ask_run(ask, call, on_removed);
}
#define TEXT(name_, help_)                                                                                   \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .max = TB_LIMIT_EVENT_ID, .help = help_              \
        }

static const TbParam list_params[] = {
        TEXT("session_id", "of that session"),
        TEXT("device_id", "of that device"),
        TEXT("label", "labelled so: person, animal, vehicle, motion, text, clear, unknown, error"),
        TEXT("from", "since then (RFC 3339)"),
        TEXT("to", "before then (RFC 3339)"),
        TEXT("text", "in whose summary, reason, entities, actions or trigger that stands"),
        TEXT("status", "queued, processing, done, failed or canceled"),
        {.name = "should_notify", .type = TB_PARAM_BOOL, .help = "that somebody is to be told of, or not"},
        {.name = "before",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 9007199254740991,
         .help = "cursor: X-Next-Cursor of the page before"},
        {.name = "limit",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_EVENTS_PAGE,
         .fallback = G_STRINGIFY(TB_LIMIT_EVENTS_PAGE),
         .help = "the newest so many"},
        TB_PARAM_END,
};
#define ROUTE(method_, path_, handler_, summary_, answers_, ...)                                             \
        {                                                                                                    \
                .method = method_, .path = path_, .flags = TB_EVENT_FLAGS, .handler = handler_,              \
                .tag = "events", .summary = summary_, .answers = answers_, __VA_ARGS__                       \
        }

const TbRoute tb_event_routes[] = {
        ROUTE("GET", "/events", list_events,
              "Events, the oldest of the newest first; X-Next-Cursor: there are older ones",
              "200 application/json; 401; 404", .query = list_params),
        {.method = "GET",
         .path = "/events/stream",
         .flags = TB_EVENT_FLAGS | TB_ROUTE_STREAMING,
         .handler = tb_event_stream,
         .tag = "events",
         .summary = "What happens to events, as Server-Sent Events",
         .answers = "200 text/event-stream; 401"},
        ROUTE("GET", "/events/{event_id}", get_event, "One event", "200 application/json Event; 401; 404", ),
        ROUTE("DELETE", "/events/{event_id}", remove_event, "Remove an event and its clip",
              "204; 401; 404", ),
        ROUTE("GET", "/events/{event_id}/summary", get_summary, "What is to be seen",
              "200 application/json; 401; 404", ),
        ROUTE("GET", "/events/{event_id}/notification-attempts", tb_event_get_attempts, "Who was told of it",
              "200 application/json; 401; 404", ),
        {.method = NULL},
};
