/* What people say to the Telegram bot: "/start TOKEN" links their chat to the device that the token is for, once. It comes by the
 * webhook, or is asked for when somebody waits for it (getUpdates). */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/log.h"
#include "server/events/private.h"
#include "server/store/sql.h"

typedef struct Linking {
        TbEvents *events; /* borrowed */
        char *chat;       /* owned */
        bool answers;     /* what went wrong is told to the chat, too */
        gint64 now_ms;
} Linking;

char *tb_event_token_hash(const char *token)
{
        return g_compute_checksum_for_string(G_CHECKSUM_SHA256, token, -1);
}

/* --- what is said back --- */
static void on_said(guint status G_GNUC_UNUSED, const json_t *result G_GNUC_UNUSED, const char *why,
                    gpointer data G_GNUC_UNUSED)
{
        if (why)
                tb_log(TB_LOG_WARNING, TB_F(), "the bot could not answer: %s", why);
}

static void answer(TbEvents *events, const char *chat, const char *words)
{
        g_autoptr(GError) error = NULL;
        if (!tb_telegram_call(events->notify, "sendMessage",
                              json_pack("{s:s, s:s}", "chat_id", chat, "text", words), on_said, NULL, &error))
                tb_log(TB_LOG_WARNING, TB_F(), "the bot could not answer: %s", error->message);
}

static void on_linked(const TbDbResult *rows, const GError *error, gpointer data)
{
        Linking *l = data;
        const char *status = rows && tb_db_rows(rows) ? tb_db_get_text(rows, 0, 0) : NULL,
                   *chat = status ? tb_db_get_text(rows, 0, 2) : NULL;
        bool now = status && strcmp(status, "linked") == 0 && g_strcmp0(chat, l->chat) == 0;
        if (now && tb_db_get_int(rows, 0, 3) == l->now_ms)
                answer(l->events, l->chat,
                       "Connected: you are told here of what this device notices. Go back to Testbed.");
        else if (l->answers && error)
                answer(l->events, l->chat, "That did not work just now. Send it once more in a minute.");
        else if (l->answers && now)
                answer(l->events, l->chat, "This chat is connected already.");
        else if (l->answers && status)
                answer(l->events, l->chat,
                       "This link was used, taken back, or is too old. Begin a new connection in Testbed.");
        else if (l->answers)
                answer(l->events, l->chat, "This link is not known. Begin a new connection in Testbed.");
        g_free(l->chat);
        g_free(l);
}

/* All in one transaction: the token is taken by one chat, the chat is a recipient and subscribed, the invite accepted. */
static void link_chat(TbEvents *events, const TbTelegramStart *start, bool answers)
{
        static const char *const steps[] = {tb_sql_ev_link_take, tb_sql_ev_link_endpoint,
                                            tb_sql_ev_link_subscribe, tb_sql_ev_link_invite};
        g_autofree char *hash = tb_event_token_hash(start->token), *id = tb_uuid();
        Linking *l = g_new0(Linking, 1);
        *l = (Linking){events, g_strdup(start->chat), answers, tb_clock_ms()};
        TbDbCall *call = tb_db_call_new();
        for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
                tb_db_statement(call, steps[i]);
                tb_db_text(call, hash);
                tb_db_text(call, start->chat);
                tb_db_int(call, l->now_ms);
                if (i == 0 || i == 3)
                        tb_db_text(call, start->username);
                if (i == 1)
                        tb_db_text(call, id);
        }
        tb_db_statement(call, tb_sql_ev_link_find);
        tb_db_text(call, hash);
        g_autoptr(GError) error = NULL;
        if (!tb_db_submit_take(events->db, call, on_linked, l, &error))
                on_linked(NULL, error, l);
}

static gint64 take_update(TbEvents *events, const json_t *update, bool answers)
{
        gint64 number;
        TbTelegramStart start = {0};
        if (!tb_telegram_start(update, &number, &start))
                return number;
        if (*start.token)
                link_chat(events, &start, answers);
        else if (answers)
                answer(events, start.chat,
                       "Begin in Testbed: “Tell me by Telegram” gives a link to this bot.");
        tb_telegram_start_clear(&start);
        return number;
}

/* --- getUpdates --- */
static bool ask_updates(TbEvents *events, TbTelegramDone then);

static void asked(TbEvents *events)
{
        GQueue asks = events->bot_asks;
        g_queue_init(&events->bot_asks);
        events->is_bot_asked = false;
        for (TbAsk *ask; (ask = g_queue_pop_head(&asks));) {
                ask->then_bot(ask);
        }
}

static void on_again(guint status G_GNUC_UNUSED, const json_t *result, const char *why, gpointer data)
{
        TbEvents *events = data;
        const json_t *update;
        gsize i;
        if (why)
                tb_log(TB_LOG_WARNING, TB_F(), "the bot's messages are not known: %s", why);
        json_array_foreach (result, i, update) {
                gint64 number = take_update(events, update, false);
                events->bot_offset = MAX(events->bot_offset, number + 1);
        }
        asked(events);
}

static void on_webhook_gone(guint status G_GNUC_UNUSED, const json_t *result, const char *why, gpointer data)
{
        TbEvents *events = data;
        if (!result || !ask_updates(events, on_again)) {
                tb_log(TB_LOG_WARNING, TB_F(), "the bot's webhook stands in the way of its messages: %s",
                       why ? why : "busy");
                asked(events);
        }
}

/* A webhook that is set keeps its messages from us (409): it goes, they stay. */
static void on_updates(guint status, const json_t *result, const char *why, gpointer data)
{
        TbEvents *events = data;
        if (status == 409) {
                tb_log(TB_LOG_INFO, TB_F(), "the bot had a webhook: it is removed to link a chat");
                if (!tb_telegram_call(events->notify, "deleteWebhook",
                                      json_pack("{s:b}", "drop_pending_updates", 0), on_webhook_gone, events,
                                      NULL))
                        asked(events);
                return;
        }
        on_again(status, result, why, data);
}

static bool ask_updates(TbEvents *events, TbTelegramDone then)
{
        json_t *body = json_pack("{s:i, s:i, s:[s, s]}", "timeout", 0, "limit", 100, "allowed_updates",
                                 "message", "edited_message");
        if (events->bot_offset)
                json_object_set_new(body, "offset", json_integer(events->bot_offset));
        return tb_telegram_call(events->notify, "getUpdates", body, then, events, NULL);
}

void tb_event_bot_sync(TbAsk *ask, void (*then)(TbAsk *ask))
{
        TbEvents *events = ask->events;
        ask->then_bot = then;
        g_queue_push_tail(&events->bot_asks, ask);
        if (events->is_bot_asked)
                return;
        events->is_bot_asked = true;
        if (!ask_updates(events, on_updates))
                asked(events);
}

/* --- the webhook --- */
void tb_event_bot_webhook(TbRequest *request, gpointer data)
{
        TbEvents *events = data;
        const TbNotifyOptions *o = &events->options->notify;
        const char *shown = tb_request_header(request, "X-Telegram-Bot-Api-Secret-Token");
        if (o->telegram_token && o->telegram_secret) {
                guint8 a[TB_SECRET_HASH], b[TB_SECRET_HASH];
                tb_secret_hash(o->telegram_secret, a);
                tb_secret_hash(shown ? shown : "", b);
                if (!tb_secret_equal(a, b, sizeof a)) {
                        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_UNAUTHORIZED,
                                                                      "invalid webhook secret");
                        tb_http_decline(request, error);
                        return;
                }
        }
        /* without a secret it is anybody's word: the token decides, and nobody is made to hear from the bot by it */
        if (o->telegram_token)
                take_update(events, tb_request_json(request), o->telegram_secret != NULL);
        tb_request_reply_json(request, 200, json_pack("{s:b}", "ok", 1));
}
