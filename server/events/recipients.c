/* Who is told of a device's events: GET, POST, DELETE /notifications/recipients, and a test of each. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_push.h"
#include "server/events/private.h"
#include "server/events/quiet.h"
#include "server/store/sql.h"

/* In the order of ev-endpoint-list.sql. */
enum {
        DEVICE_ID,
        ENDPOINT,
        PROVIDER,
        ADDRESS,
        NAME,
        LINKED,
        QUIET_FROM,
        QUIET_TO,
        ZONE,
        IS_SUBSCRIBED,
        LABEL
};

static json_t *minute_of(gint64 minute)
{
        if (minute < 0)
                return json_null();
        return json_sprintf("%02d:%02d", (int)minute / 60, (int)minute % 60);
}

static json_t *recipient_of_row(const TbDbResult *rows, guint i)
{
        const char *provider = tb_db_get_text(rows, i, PROVIDER), *address = tb_db_get_text(rows, i, ADDRESS),
                   *name = tb_db_get_text(rows, i, NAME);
        bool telegram = strcmp(provider, "telegram") == 0,
             push = strcmp(provider, "push") == 0; /* its keys are nobody else's */
        json_t *o = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:o, s:b}", "endpoint_id",
                              tb_db_get_text(rows, i, ENDPOINT), "provider", provider, "address",
                              push ? "a browser" : address, "name", name, "chat_id",
                              telegram ? address : NULL, "telegram_username", telegram ? name : NULL,
                              "linked_at", tb_event_time(tb_db_get_int(rows, i, LINKED)), "subscribed",
                              tb_db_get_int(rows, i, IS_SUBSCRIBED) != 0);
        json_object_set_new(o, "quiet_from", minute_of(tb_db_get_int(rows, i, QUIET_FROM)));
        json_object_set_new(o, "quiet_to", minute_of(tb_db_get_int(rows, i, QUIET_TO)));
        json_object_set_new(o, "zone",
                            json_string(tb_db_get_text(rows, i, ZONE) ? tb_db_get_text(rows, i, ZONE) : ""));
        return o;
}

void tb_event_recipients(TbAsk *ask, TbDbCall *call, const char *device_id)
{
        tb_db_statement(call, tb_sql_ev_endpoint_list);
        tb_db_text(call, device_id);
        tb_db_text(call, ask->user);
}

void tb_event_recipient_gone(TbDbCall *call, const char *endpoint_id)
{
        tb_db_statement(call, tb_sql_ev_subscription_gone);
        tb_db_text(call, endpoint_id);
        tb_db_statement(call, tb_sql_ev_endpoint_gone);
        tb_db_text(call, endpoint_id);
}

/* --- GET --- */
static void on_list(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "device not found");
                return;
        }
        json_t *list = json_array(), *providers = json_array();
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (tb_db_get_text(rows, i, ENDPOINT))
                        json_array_append_new(list, recipient_of_row(rows, i));
        for (guint i = 0; i < tb_notify_count(); i++)
                if (tb_notify_has(ask->events->notify, tb_notify_name(i)))
                        json_array_append_new(providers, json_string(tb_notify_name(i)));
        g_autofree char *key = tb_notify_push_key(ask->events->notify);
        tb_ask_json(ask, 200,
                    json_pack("{s:s, s:o, s:o, s:s?}", "device_id", tb_db_get_text(rows, 0, DEVICE_ID),
                              "recipients", list, "providers", providers, "push_key", key));
}

static void get_recipients(TbRequest *request, gpointer data)
{
        const char *device = json_string_value(json_object_get(tb_request_query(request), "device_id"));
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_READ, NULL);
        if (!ask)
                return;
        TbDbCall *call = tb_db_call_reads();
        tb_event_recipients(ask, call, device);
        tb_ask_run(ask, call, on_list);
}

/* --- POST: somebody new, or one that is known, is subscribed --- */
static const char *text_of(const TbAsk *ask, const char *field)
{
        return json_string_value(json_object_get(ask->kept, field));
}

static int row_of(const TbDbResult *rows, const char *endpoint)
{
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (g_strcmp0(tb_db_get_text(rows, i, ENDPOINT), endpoint) == 0)
                        return (int)i;
        return -1;
}

static void on_subscribed(TbAsk *ask, const TbDbResult *rows)
{
        int row = row_of(rows, ask->id);
        if (row < 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "notification endpoint not found");
        else
                tb_ask_json(ask, 200, recipient_of_row(rows, (guint)row));
}

static void subscribe(TbAsk *ask)
{
        int from = TB_QUIET_NONE, to = TB_QUIET_NONE;
        const char *start = text_of(ask, "quiet_from"), *end = text_of(ask, "quiet_to"),
                   *zone = text_of(ask, "zone");
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_subscription_add);
        tb_db_text(call, text_of(ask, "device_id"));
        tb_db_text(call, ask->id);
        tb_db_int(call, tb_clock_ms());
        if (start && end) { /* both were looked at */
                if (*start && *end && tb_quiet_parse(start, &from))
                        tb_quiet_parse(end, &to);
                tb_db_statement(call, tb_sql_ev_endpoint_quiet);
                tb_db_text(call, ask->id);
                tb_db_int(call, from);
                tb_db_int(call, to);
                tb_db_text(call, zone ? zone : "");
        }
        tb_event_recipients(ask, call, text_of(ask, "device_id"));
        tb_ask_run(ask, call, on_subscribed);
}

static void on_known(TbAsk *ask, const TbDbResult *rows)
{
        const char *wanted = text_of(ask, "endpoint_id");
        if (tb_db_rows(rows) == 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "device not found");
        else if (row_of(rows, wanted) < 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "notification endpoint not found");
        else {
                ask->id = g_strdup(wanted);
                subscribe(ask);
        }
}

static void on_made(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                g_autoptr(GError) error =
                        g_error_new(TB_ERROR, TB_ERROR_LIMIT,
                                    "there are %d recipients already: remove one that nobody needs any more",
                                    TB_LIMIT_RECIPIENTS);
                tb_ask_error(ask, error);
                return;
        }
        ask->id = g_strdup(tb_db_get_text(rows, 0, 0));
        subscribe(ask);
}

static void make(TbAsk *ask)
{
        g_autofree char *id = tb_uuid();
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_endpoint_add);
        tb_db_text(call, id);
        tb_db_text(call, text_of(ask, "device_id"));
        tb_db_text(call, text_of(ask, "provider"));
        tb_db_text(call, text_of(ask, "address"));
        tb_db_text(call, text_of(ask, "name"));
        tb_db_int(call, tb_clock_ms());
        tb_db_text(call, ask->user);
        tb_db_int(call, TB_LIMIT_RECIPIENTS);
        tb_db_statement(call, tb_sql_ev_endpoint_find);
        tb_db_text(call, text_of(ask, "device_id"));
        tb_db_text(call, ask->user);
        tb_db_text(call, text_of(ask, "provider"));
        tb_db_text(call, text_of(ask, "address"));
        tb_ask_run(ask, call, on_made);
}

static void on_to_make(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "device not found");
        else
                make(ask);
}

static bool check(TbAsk *ask, GError **error)
{
        const char *endpoint = text_of(ask, "endpoint_id"), *provider = text_of(ask, "provider"),
                   *address = text_of(ask, "address"), *from = text_of(ask, "quiet_from"),
                   *to = text_of(ask, "quiet_to"), *zone = text_of(ask, "zone");
        int minute;
        if (!endpoint && (!provider || !address)) {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "endpoint_id",
                        "endpoint_id of a recipient that is known, or provider and address of a new one");
                return false;
        }
        if (!from != !to || (from && *from && !tb_quiet_parse(from, &minute)) ||
            (to && *to && !tb_quiet_parse(to, &minute))) {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "quiet_from",
                        "quiet_from and quiet_to must be times of the day like 22:00, or both empty");
                return false;
        }
        if (zone && *zone && !tb_quiet_zone_known(zone)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "zone", "a zone like Europe/Berlin is expected");
                return false;
        }
        if (endpoint)
                return true;
        if (strcmp(provider, "telegram") == 0) {
                tb_error_set_field(error, TB_ERROR_INVALID, "provider",
                                   "who is told by Telegram links his chat himself: "
                                   "POST /notifications/telegram/link/start");
                return false;
        }
        if (!tb_notify_check_address(provider, address, error))
                return false;
        if (tb_notify_has(ask->events->notify, provider))
                return tb_notify_may_reach(ask->events->notify, provider, address, error);
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s is not configured on the server (events: %s)", provider,
                     provider);
        return false;
}

static void post_recipient(TbRequest *request, gpointer data)
{
        g_autoptr(GError) error = NULL;
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, NULL);
        if (!ask)
                return;
        ask->kept = json_incref(tb_request_json(request));
        if (!check(ask, &error)) {
                tb_ask_error(ask, error);
                return;
        }
        TbDbCall *call = tb_db_call_reads();
        tb_event_recipients(ask, call, text_of(ask, "device_id"));
        tb_ask_run(ask, call, text_of(ask, "endpoint_id") ? on_known : on_to_make);
}

/* --- DELETE --- */
static void on_ended(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "notification subscription not found");
        else
                tb_ask_json(ask, 200,
                            json_pack("{s:s, s:s, s:b}", "device_id", text_of(ask, "device_id"),
                                      "endpoint_id", text_of(ask, "endpoint_id"), "removed", 1));
}

static void on_to_end(TbAsk *ask, const TbDbResult *rows)
{
        const char *device = text_of(ask, "device_id"), *endpoint = text_of(ask, "endpoint_id");
        if (tb_db_rows(rows) == 0 || row_of(rows, endpoint) < 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND,
                              tb_db_rows(rows) ? "notification endpoint not found" : "device not found");
                return;
        }
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_subscription_end);
        tb_db_text(call, device);
        tb_db_text(call, endpoint);
        tb_db_statement(call, tb_sql_ev_endpoint_forget);
        tb_db_text(call, endpoint);
        tb_ask_run(ask, call, on_ended);
}

static void delete_recipient(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, NULL);
        if (!ask)
                return;
        ask->kept = json_deep_copy(tb_request_query(request));
        TbDbCall *call = tb_db_call_reads();
        tb_event_recipients(ask, call, text_of(ask, "device_id"));
        tb_ask_run(ask, call, on_to_end);
}

/* --- a test --- */
static void on_tested(const TbNotifyOutcome *outcome, gpointer data)
{
        TbAsk *ask = data;
        if (outcome->gone && text_of(ask, "endpoint_id")) {
                TbDbCall *call = tb_db_call_new();
                tb_event_recipient_gone(call, text_of(ask, "endpoint_id"));
                tb_db_submit_take(ask->events->db, call, NULL, NULL, NULL);
        }
        tb_ask_json(ask, 200,
                    json_pack("{s:b, s:s?}", "ok", outcome->ok, "reason",
                              outcome->ok    ? NULL
                              : outcome->why ? outcome->why
                                             : "it was not taken"));
}

static void try_out(TbAsk *ask, const char *provider, const char *address, const char *device)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *none = json_array();
        const TbNotifyWhat what = {provider, address, device, none};
        if (!tb_notify_try(ask->events->notify, &what, on_tested, ask, &error))
                tb_ask_error(ask, error);
}

static void on_to_test(TbAsk *ask, const TbDbResult *rows)
{
        int row = row_of(rows, text_of(ask, "endpoint_id"));
        if (row < 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "notification endpoint not found");
        else
                try_out(ask, tb_db_get_text(rows, (guint)row, PROVIDER),
                        tb_db_get_text(rows, (guint)row, ADDRESS), tb_db_get_text(rows, (guint)row, LABEL));
}

static void post_test(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, NULL);
        if (!ask)
                return;
        ask->kept = json_incref(tb_request_json(request));
        if (g_strcmp0(text_of(ask, "endpoint_id"), "webhook") == 0) {
                if (*ask->user)
                        tb_ask_refuse(ask, TB_ERROR_FORBIDDEN, "the webhook is tested by the role admin");
                else
                        try_out(ask, "webhook", NULL, NULL);
                return;
        }
        TbDbCall *call = tb_db_call_reads();
        tb_event_recipients(ask, call, text_of(ask, "device_id"));
        tb_ask_run(ask, call, on_to_test);
}

#define ID(name_, required_, help_)                                                                          \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .required = required_, .min = 1,                     \
                .max = TB_LIMIT_EVENT_ID, .help = help_                                                      \
        }
#define TEXT(name_, max_, help_)                                                                             \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .max = max_, .help = help_, .shown = true            \
        }

static const TbParam of_device_params[] = {ID("device_id", true, "of whose events"), TB_PARAM_END};
static const TbParam recipient_params[] = {
        ID("device_id", true, "of whose events he is told"),
        ID("endpoint_id", false, "a recipient that is known"),
        ID("provider", false, "ntfy, email, push; by Telegram people link themselves"),
        {.name = "address",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_PUSH_ADDRESS,
         .help = "a topic of ntfy, a mail address, a browser's PushSubscription in JSON"},
        TEXT("name", TB_LIMIT_EVENT_ID, "as people call him"),
        TEXT("quiet_from", 5, "he is not told from then on …"),
        TEXT("quiet_to", 5, "… until then: 07:00; both empty: at any time"),
        TEXT("zone", 64, "where these are times: Europe/Berlin; without: UTC"),
        TB_PARAM_END,
};
static const TbParam pair_params[] = {ID("device_id", true, "of whose events"),
                                      ID("endpoint_id", true, "which recipient"), TB_PARAM_END};
static const TbParam test_params[] = {ID("device_id", true, "one of his devices"),
                                      ID("endpoint_id", true, "which recipient; webhook: the server's"),
                                      TB_PARAM_END};
static const TbParam invite_params[] = {ID("device_id", true, "of whose events"), TB_PARAM_END};
static const TbParam revoke_params[] = {ID("device_id", true, "of whose events"),
                                        ID("invite_id", true, "which invite"), TB_PARAM_END};
static const TbParam accept_params[] = {ID("invite_code", true, "that the owner has given"), TB_PARAM_END};

#define ROUTE(method_, path_, handler_, summary_, answers_, ...)                                             \
        {                                                                                                    \
                .method = method_, .path = path_, .flags = TB_EVENT_FLAGS, .handler = handler_,              \
                .tag = "events", .summary = summary_, .answers = answers_, __VA_ARGS__                       \
        }
#define BODY(params) .body = TB_BODY_JSON, .json = params

const TbRoute tb_event_recipient_routes[] = {
        ROUTE("GET", "/notifications/recipients", get_recipients, "Who is told of a device's events",
              "200 application/json; 401; 404", .query = of_device_params),
        ROUTE("POST", "/notifications/recipients", post_recipient,
              "Somebody is told of a device's events from now on; his quiet hours",
              "200 application/json; 401; 404; 503", BODY(recipient_params)),
        ROUTE("DELETE", "/notifications/recipients", delete_recipient,
              "Somebody is not told of a device's events any more", "200 application/json; 401; 404",
              .query = pair_params),
        ROUTE("POST", "/notifications/test", post_test, "Tells a recipient that this is a test",
              "200 application/json; 401; 404; 503", BODY(test_params)),
        ROUTE("GET", "/notifications/invites", tb_event_invites, "Invites to be told of a device's events",
              "200 application/json; 401; 404", .query = of_device_params),
        ROUTE("POST", "/notifications/invites", tb_event_invite, "Invites somebody; the code is shown once",
              "200 application/json; 401; 404", BODY(invite_params)),
        ROUTE("DELETE", "/notifications/invites", tb_event_invite_revoke,
              "Takes an invite back, and who came by it is told no more", "200 application/json; 401; 404",
              .query = revoke_params),
        ROUTE("POST", "/notifications/invites/accept", tb_event_invite_accept,
              "Who was invited gets a link to the bot", "200 application/json; 401; 404; 409",
              BODY(accept_params)),
        {.method = NULL},
};
