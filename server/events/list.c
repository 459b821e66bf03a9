/* GET /events, one event, its removal, and who was told of it. */
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

/* --- who was told --- */
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

static void post_attempt(TbRequest *request, gpointer data)
{
        const json_t *in = tb_request_json(request);
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WORKER, tb_request_arg(request, "event_id"));
        if (!ask)
                return;
        g_autofree char *id = tb_event_uuid();
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

static void get_attempts(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_READ, tb_request_arg(request, "event_id"));
        if (!ask)
                return;
        TbDbCall *call = tb_db_call_reads();
        list_attempts(ask, call);
        tb_ask_run(ask, call, on_attempts);
}

void tb_events_note_attempt(TbEvents *events, const char *event_id, const json_t *attempt)
{
        g_autofree char *id = tb_event_uuid();
        TbDbCall *call = tb_db_call_new();
        add_attempt(call, event_id, id, attempt);
        tb_db_submit_take(events->db, call, NULL, NULL, NULL);
}

#define FLAGS (TB_ROUTE_FOREIGN | TB_ROUTE_GRANTED | TB_ROUTE_NEIGHBOURS)
#define TEXT(name_, help_)                                                                                   \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .max = TB_LIMIT_EVENT_ID, .help = help_              \
        }
#define LONG(name_, help_)                                                                                   \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .max = TB_LIMIT_EVENT_TEXT, .help = help_            \
        }
#define NEEDED(name_, type_, help_)                                                                          \
        {                                                                                                    \
                .name = name_, .type = type_, .required = true, .help = help_                                \
        }

static const TbParam list_params[] = {
        TEXT("session_id", "of that session"),
        TEXT("device_id", "of that device"),
        TEXT("label", "labelled so: person, animal, vehicle, motion, clear, unknown, error"),
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
static const TbParam summary_params[] = {
        {.name = "summary",
         .type = TB_PARAM_STRING,
         .required = true,
         .max = TB_LIMIT_EVENT_TEXT,
         .help = "what is to be seen, in a sentence"},
        TEXT("label", "person, animal, vehicle, motion, clear, unknown"),
        {.name = "confidence", .type = TB_PARAM_NUMBER, .min = 0, .max = 1, .help = "0 to 1"},
        TEXT("inference_provider", "which analyser"),
        TEXT("inference_model", "its model"),
        {.name = "should_notify", .type = TB_PARAM_BOOL, .help = "somebody is to be told"},
        LONG("alert_reason", "why"),
        {.name = "matched_rules", .type = TB_PARAM_ARRAY, .max = 64, .help = "texts"},
        {.name = "detected_entities", .type = TB_PARAM_ARRAY, .max = 64, .help = "texts"},
        {.name = "detected_actions", .type = TB_PARAM_ARRAY, .max = 64, .help = "texts"},
        {.name = "took_ms",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 86400000,
         .unit = "ms",
         .help = "how long it took to look"},
        TB_PARAM_END,
};
static const TbParam failure_params[] = {
        {.name = "error_message",
         .type = TB_PARAM_STRING,
         .required = true,
         .max = TB_LIMIT_EVENT_TEXT,
         .help = "why it could not be looked at"},
        TEXT("error_type", "of what kind"),
        TB_PARAM_END,
};
static const TbParam attempt_params[] = {
        {.name = "provider",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_EVENT_ID,
         .help = "telegram, webhook"},
        {.name = "recipient",
         .type = TB_PARAM_STRING,
         .required = true,
         .max = TB_LIMIT_EVENT_ID,
         .help = "who"},
        {.name = "status",
         .type = TB_PARAM_ENUM,
         .required = true,
         .choices = TB_CHOICES("succeeded", "failed"),
         .help = "what came of it"},
        LONG("failure_reason", "why it failed"),
        NEEDED("retryable", TB_PARAM_BOOL, "it may be tried again"),
        {.name = "attempt_number",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 0,
         .max = 1000,
         .help = "1, 2 …"},
        {.name = "max_attempts",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 0,
         .max = 1000,
         .help = "at most"},
        NEEDED("attempted_at", TB_PARAM_STRING, "RFC 3339"),
        NEEDED("finished_at", TB_PARAM_STRING, "RFC 3339"),
        TEXT("next_retry_at", "RFC 3339"),
        TB_PARAM_END,
};
static const TbParam claim_params[] = {
        {.name = "worker",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_EVENT_ID,
         .help = "its name"},
        {.name = "wait_s",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = TB_LIMIT_JOB_WAIT_S,
         .fallback = "0",
         .unit = "s",
         .help = "for a job to come"},
        TB_PARAM_END,
};
static const TbParam progress_params[] = {
        {.name = "lease",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = 64,
         .help = "of the claim"},
        {.name = "fraction", .type = TB_PARAM_NUMBER, .min = 0, .max = 1, .help = "of the work, done"},
        TB_PARAM_END,
};

#define ROUTE(method_, path_, handler_, summary_, answers_, ...)                                             \
        {                                                                                                    \
                .method = method_, .path = path_, .flags = FLAGS, .handler = handler_, .tag = "events",      \
                .summary = summary_, .answers = answers_, __VA_ARGS__                                        \
        }
#define BODY(params) .body = TB_BODY_JSON, .json = params

const TbRoute tb_event_routes[] = {
        ROUTE("GET", "/events", list_events,
              "Events, the oldest of the newest first; X-Next-Cursor: there are older ones",
              "200 application/json; 401; 404", .query = list_params),
        {.method = "GET",
         .path = "/events/stream",
         .flags = FLAGS | TB_ROUTE_STREAMING,
         .handler = tb_event_stream,
         .tag = "events",
         .summary = "What happens to events, as Server-Sent Events",
         .answers = "200 text/event-stream; 401"},
        ROUTE("GET", "/events/{event_id}", get_event, "One event", "200 application/json Event; 401; 404", ),
        ROUTE("DELETE", "/events/{event_id}", remove_event, "Remove an event and its clip",
              "204; 401; 404", ),
        ROUTE("GET", "/events/{event_id}/summary", get_summary, "What is to be seen",
              "200 application/json; 401; 404", ),
        ROUTE("GET", "/events/{event_id}/notification-attempts", get_attempts, "Who was told of it",
              "200 application/json; 401; 404", ),
        {.method = NULL},
};

const TbRoute tb_event_worker_routes[] = {
        ROUTE("POST", "/events/{event_id}/summary", tb_event_summarize, "A worker says what is to be seen",
              "200 application/json Event; 401; 404", BODY(summary_params)),
        ROUTE("POST", "/events/{event_id}/failure", tb_event_fail, "A worker could not look at it",
              "200 application/json Event; 401; 404", BODY(failure_params)),
        ROUTE("POST", "/events/{event_id}/notification-attempts", post_attempt,
              "Somebody was told of it, or was not", "200 application/json; 401; 404", BODY(attempt_params)),
        ROUTE("POST", "/jobs/claim", tb_event_claim, "A worker takes a job; 204: there is none",
              "200 application/json Job; 204; 401; 403", BODY(claim_params)),
        ROUTE("POST", "/jobs/{job_id}/progress", tb_event_progress,
              "It is at work still; 409: it need not go on", "200 application/json; 401; 409",
              BODY(progress_params)),
        {.method = NULL},
};
