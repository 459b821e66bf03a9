/* Chats of Telegram and devices: /notifications/telegram/…. The words are the original's where its clients show them. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/limits.h"
#include "server/events/private.h"
#include "server/store/sql.h"

#define TOKEN_BYTES 24
#define KEEP_MS                                                                                              \
        (86400 * G_GINT64_CONSTANT(1000)) /* of a link that was not used in time: it can be said why */

/* --- answers --- */
static json_t *state(bool enabled, bool ready, const char *status, const char *reason)
{
        return json_pack("{s:b, s:b, s:s, s:s?}", "enabled", enabled, "ready", ready, "status", status,
                         "reason", reason);
}

static json_t *not_configured(void)
{
        return state(false, false, "not_configured", "Telegram bot token is not configured on the server.");
}

static json_t *unknown_device(void)
{
        return state(true, false, "unknown_device", "Device is not registered yet. Refresh and try again.");
}

static bool has_bot(const TbAsk *ask)
{
        return tb_notify_has(ask->events->notify, "telegram");
}

static const char *device_of(TbRequest *request)
{
        return json_string_value(json_object_get(tb_request_query(request), "device_id"));
}

/* --- link/start, and invites/accept --- */
static json_t *with_link(json_t *out, const char *attempt, const char *url, gint64 expires_ms,
                         const char *token)
{
        g_autofree char *command = token ? g_strdup_printf("/start %s", token) : NULL;
        json_object_set_new(out, "attempt_id", attempt ? json_string(attempt) : json_null());
        json_object_set_new(out, "connect_url", url ? json_string(url) : json_null());
        json_object_set_new(out, "expires_at", tb_event_time(expires_ms));
        json_object_set_new(out, "link_code", token ? json_string(token) : json_null());
        json_object_set_new(out, "fallback_command", command ? json_string(command) : json_null());
        return out;
}

static void on_begun(TbAsk *ask, const TbDbResult *rows)
{
        const char *token = json_string_value(json_object_get(ask->kept, "token")),
                   *device = json_string_value(json_object_get(ask->kept, "device_id"));
        bool made = false;
        for (guint i = 0; i < tb_db_rows(rows); i++)
                made = made || tb_db_get_int(rows, i, 2) == 1;
        if (!made && tb_db_rows(rows) == 0) {
                tb_ask_json(ask, 200, with_link(unknown_device(), NULL, NULL, 0, NULL));
                return;
        }
        if (!made) {
                g_autoptr(GError) error = g_error_new(
                        TB_ERROR, TB_ERROR_LIMIT, "%d links are open: wait until they are used or too old",
                        TB_LIMIT_INVITES);
                tb_ask_error(ask, error);
                return;
        }
        g_autofree char *url = tb_telegram_link(ask->events->options->notify.telegram_onboarding, token);
        json_t *out =
                with_link(state(true, false, "pending",
                                "Open Telegram and send /start from the bot chat to link this device."),
                          ask->id, url, json_integer_value(json_object_get(ask->kept, "expires")), token);
        json_object_set_new(out, "device_id", json_string(device));
        tb_ask_json(ask, 200, out);
}

static void get_link(TbAsk *ask, TbDbCall *call, const char *device)
{
        tb_db_statement(call, tb_sql_ev_link_get);
        tb_db_text(call, ask->id);
        tb_db_text(call, device);
        tb_db_text(call, ask->user);
}

void tb_event_link_begin(TbAsk *ask, const char *device_id, const char *invite)
{
        const TbNotifyOptions *o = &ask->events->options->notify;
        if (!has_bot(ask) || !o->telegram_onboarding) {
                tb_ask_json(ask, 200,
                            with_link(has_bot(ask) ? state(true, false, "error",
                                                           "Telegram onboarding URL is not configured.")
                                                   : not_configured(),
                                      NULL, NULL, 0, NULL));
                return;
        }
        g_autofree char *token = tb_random_token(TOKEN_BYTES), *hash = tb_event_token_hash(token);
        gint64 now_ms = tb_clock_ms(), expires_ms = now_ms + o->link_ttl_s * G_GINT64_CONSTANT(1000);
        g_free(ask->id);
        ask->id = tb_uuid();
        json_decref(ask->kept);
        ask->kept = json_pack("{s:s, s:s, s:I}", "token", token, "device_id", device_id, "expires",
                              (json_int_t)expires_ms);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_link_old);
        tb_db_int(call, now_ms - KEEP_MS);
        tb_db_statement(call, tb_sql_ev_link_add);
        tb_db_text(call, ask->id);
        tb_db_text(call, device_id);
        tb_db_text(call, ask->user);
        tb_db_text(call, invite);
        tb_db_text(call, hash);
        tb_db_int(call, now_ms);
        tb_db_int(call, expires_ms);
        tb_db_int(call, TB_LIMIT_INVITES);
        get_link(ask, call, device_id);
        tb_ask_run(ask, call, on_begun);
}

static void link_start(TbRequest *request, gpointer data)
{
        const char *device = json_string_value(json_object_get(tb_request_json(request), "device_id"));
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, NULL);
        if (ask)
                tb_event_link_begin(ask, device, "");
}

/* --- link/status --- */
static void say_status(TbAsk *ask, const TbDbResult *rows)
{
        const char *status = NULL;
        gint64 expires_ms = 0;
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (tb_db_get_int(rows, i, 2) == 1) {
                        status = tb_db_get_text(rows, i, 0);
                        expires_ms = tb_db_get_int(rows, i, 1);
                }
        json_t *out;
        if (!status)
                out = tb_db_rows(rows) == 0
                              ? unknown_device()
                              : state(true, false, "not_found",
                                      "This link attempt no longer exists. Start a new Telegram connection.");
        else if (strcmp(status, "linked") == 0)
                out = state(true, true, "ready", NULL);
        else if (expires_ms <= tb_clock_ms())
                out = state(true, false, "expired",
                            "This link attempt expired. Start a new Telegram connection.");
        else
                out = state(true, false, "pending", "Waiting for Telegram link confirmation.");
        json_object_set_new(out, "linked", json_boolean(json_is_true(json_object_get(out, "ready"))));
        json_object_set_new(out, "attempt_id", json_string(ask->id));
        tb_ask_json(ask, 200, out);
}

static void after_sync(TbAsk *ask)
{
        TbDbCall *call = tb_db_call_reads();
        get_link(ask, call, json_string_value(json_object_get(ask->kept, "device_id")));
        tb_ask_run(ask, call, say_status);
}

static void on_status(TbAsk *ask, const TbDbResult *rows)
{
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (tb_db_get_int(rows, i, 2) == 1 && strcmp(tb_db_get_text(rows, i, 0), "pending") == 0) {
                        tb_event_bot_sync(ask, after_sync);
                        return;
                }
        say_status(ask, rows);
}

static void link_status(TbRequest *request, gpointer data)
{
        const json_t *query = tb_request_query(request);
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_READ,
                                json_string_value(json_object_get(query, "attempt_id")));
        if (!ask)
                return;
        if (!has_bot(ask)) {
                json_t *out = not_configured();
                json_object_set_new(out, "linked", json_false());
                json_object_set_new(out, "attempt_id", json_string(ask->id));
                tb_ask_json(ask, 200, out);
                return;
        }
        ask->kept = json_deep_copy(query);
        TbDbCall *call = tb_db_call_reads();
        get_link(ask, call, device_of(request));
        tb_ask_run(ask, call, on_status);
}

/* --- who is linked: rows of ev-target-list.sql --- */
static void targets(TbRequest *request, gpointer data, TbEventNeed need, TbAskThen then)
{
        const char *device = device_of(request);
        TbAsk *ask = tb_ask_new(data, request, need, NULL);
        if (!ask)
                return;
        ask->id = g_strdup(
                device ? device : json_string_value(json_object_get(tb_request_json(request), "device_id")));
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_ev_target_list);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
        tb_ask_run(ask, call, then);
}

static const char *first_chat(const TbDbResult *rows)
{
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (tb_db_get_text(rows, i, 1))
                        return tb_db_get_text(rows, i, 1);
        return NULL;
}

static void say_target(TbAsk *ask, const TbDbResult *rows)
{
        const char *chat = has_bot(ask) ? first_chat(rows) : NULL;
        tb_ask_json(ask, 200,
                    json_pack("{s:b, s:b, s:s, s:s?}", "enabled", has_bot(ask), "linked", chat != NULL,
                              "device_id", ask->id, "chat_id", chat));
}

static void target(TbRequest *request, gpointer data)
{
        targets(request, data, TB_NEED_READ, say_target);
}

static void say_targets(TbAsk *ask, const TbDbResult *rows)
{
        json_t *list = json_array();
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (tb_db_get_text(rows, i, 1))
                        json_array_append_new(list,
                                              json_pack("{s:s, s:s?}", "chat_id", tb_db_get_text(rows, i, 1),
                                                        "telegram_username", tb_db_get_text(rows, i, 2)));
        tb_ask_json(ask, 200,
                    json_pack("{s:b, s:s, s:o}", "enabled", has_bot(ask), "device_id", ask->id, "recipients",
                              list));
}

static void target_list(TbRequest *request, gpointer data)
{
        targets(request, data, TB_NEED_CLIP, say_targets);
}

/* --- readiness --- */
static void on_chat(guint status, const json_t *result, const char *why, gpointer data)
{
        TbAsk *ask = data;
        if (result) {
                tb_ask_json(ask, 200, state(true, true, "ready", NULL));
                return;
        }
        g_autofree char *again = g_strdup_printf("%s. Tap Connect Telegram alerts to re-link.", why),
                        *failed = g_strdup_printf("Telegram check failed with status %u.", status);
        if (status == 400 || status == 403)
                tb_ask_json(ask, 200, state(true, false, "needs_user_action", again));
        else
                tb_ask_json(
                        ask, 200,
                        state(true, false, "error",
                              status ? failed
                                     : "Unable to reach Telegram right now. Please retry in a few seconds."));
}

static void say_readiness(TbAsk *ask, const TbDbResult *rows)
{
        const char *chat = first_chat(rows);
        g_autoptr(GError) error = NULL;
        if (tb_db_rows(rows) == 0)
                tb_ask_json(ask, 200, unknown_device());
        else if (!chat)
                tb_ask_json(ask, 200,
                            state(true, false, "needs_user_action",
                                  "Tap Connect Telegram alerts to start linking."));
        else if (!tb_telegram_call(ask->events->notify, "getChat", json_pack("{s:s}", "chat_id", chat),
                                   on_chat, ask, &error))
                tb_ask_error(ask, error);
}

static void readiness(TbRequest *request, gpointer data)
{
        TbEvents *events = data;
        if (tb_notify_has(events->notify, "telegram")) {
                targets(request, data, TB_NEED_READ, say_readiness);
                return;
        }
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_READ, NULL);
        if (ask)
                tb_ask_json(ask, 200, not_configured());
}

/* --- a test: each chat of a device, one after the other --- */
static void test_next(TbAsk *ask);

static void on_tested(const TbNotifyOutcome *outcome, gpointer data)
{
        TbAsk *ask = data;
        ask->tries += outcome->ok;
        test_next(ask);
}

static void test_next(TbAsk *ask)
{
        json_auto_t *none = json_array();
        g_autoptr(GError) error = NULL;
        g_autofree char *chat = g_strdup(json_string_value(json_array_get(ask->kept, 0)));
        json_array_remove(ask->kept, 0);
        const TbNotifyWhat what = {"telegram", chat, NULL, none};
        if (!chat)
                tb_ask_json(
                        ask, 200,
                        json_pack("{s:b, s:i}", "ok", ask->tries > 0, "delivered_count", (int)ask->tries));
        else if (!tb_notify_try(ask->events->notify, &what, on_tested, ask, &error))
                tb_ask_error(ask, error);
}

static void on_to_test(TbAsk *ask, const TbDbResult *rows)
{
        ask->kept = json_array();
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (tb_db_get_text(rows, i, 1))
                        json_array_append_new(ask->kept, json_string(tb_db_get_text(rows, i, 1)));
        if (tb_db_rows(rows) == 0)
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "device not found");
        else if (!has_bot(ask))
                tb_ask_refuse(ask, TB_ERROR_UNAVAILABLE,
                              "Telegram bot token is not configured on the server.");
        else if (json_array_size(ask->kept) == 0)
                tb_ask_refuse(ask, TB_ERROR_BUSY, "no Telegram recipients are linked to this device");
        else
                test_next(ask);
}

static void test(TbRequest *request, gpointer data)
{
        targets(request, data, TB_NEED_WRITE, on_to_test);
}

#define ID(name_, help_)                                                                                     \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .required = true, .min = 1,                          \
                .max = TB_LIMIT_EVENT_ID, .help = help_                                                      \
        }
static const TbParam device_params[] = {ID("device_id", "which device"), TB_PARAM_END};
static const TbParam status_params[] = {ID("device_id", "which device"),
                                        ID("attempt_id", "that link/start answered"), TB_PARAM_END};

#define GET(path_, params_, handler_, summary_)                                                              \
        {                                                                                                    \
                .method = "GET", .path = "/notifications/telegram/" path_, .flags = TB_EVENT_FLAGS,          \
                .query = params_, .handler = handler_, .tag = "events", .summary = summary_,                 \
                .answers = "200 application/json; 401"                                                       \
        }
#define POST(path_, params_, handler_, summary_, answers_)                                                   \
        {                                                                                                    \
                .method = "POST", .path = "/notifications/telegram/" path_, .flags = TB_EVENT_FLAGS,         \
                .body = TB_BODY_JSON, .json = params_, .handler = handler_, .tag = "events",                 \
                .summary = summary_, .answers = "200 application/json; 401; " answers_                       \
        }

const TbRoute tb_event_link_routes[] = {
        GET("readiness", device_params, readiness, "Whether a device's first chat can be told"),
        POST("link/start", device_params, link_start, "A token that links a chat to a device, once", "429"),
        GET("link/status", status_params, link_status, "What became of such a token"),
        GET("target", device_params, target, "The first chat that is linked to a device"),
        GET("targets", device_params, target_list, "Chats that are told of a device's events"),
        POST("test", device_params, test, "Tells each chat of a device that this is a test", "404; 409; 503"),
        {.method = "POST",
         .path = "/notifications/telegram/webhook",
         .flags = TB_EVENT_FLAGS | TB_ROUTE_STRANGERS,
         .body = TB_BODY_JSON_ANY,
         .handler = tb_event_bot_webhook,
         .tag = "events",
         .summary = "What Telegram tells the bot",
         .answers = "200 application/json; 401"},
        {.method = NULL},
};
