/*
 * What rules tell elsewhere: JSON by POST, signed, in a queue that outlives restarts (webhooks.json of the state folder). Straight to the
 * address (no proxy, no redirect), nothing of the answer is read but its status. A try that fails is made again with a growing
 * pause, until it is a day old; a refusal that another try would not change ends it.
 */
#include <libsoup/soup.h>
#include <string.h>

#include "host/core/kept.h"
#include "host/rules/private.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/json.h"
#include "lib/limits_rules.h"
#include "lib/log.h"
#include "lib/signature.h"

#define FIRST_PAUSE_MS 2000
#define TIMEOUT_S 15
#define AT_ONCE 8
#define AT_ONCE_THERE 2           /* to one host: that it never answers keeps nobody else waiting */
#define PAUSE_MS (3600 * 1000)    /* longest pause between two tries, before the jitter … */
#define OLD_MS (24 * 3600 * 1000) /* … until it is so old */

typedef struct Sending {
        TbWebhooks *webhooks; /* borrowed; NULL: nobody waits for it any more */
        SoupMessage *message; /* ref */
        char *id;             /* of its item */
        char *place;          /* host and port where it goes */
} Sending;

struct TbWebhooks {
        TbCore *core;         /* borrowed */
        SoupSession *session; /* ref; made with the first one */
        GCancellable *cancel; /* ref */
        json_t *items;        /* array of {id,rule,device,url,secret,body,tries,next,since}; owned */
        GList *sending;       /* Sending */
        guint timer;
};

static void look(TbWebhooks *w);

static void keep(TbWebhooks *w)
{
        tb_core_keep(w->core, TB_KEPT_WEBHOOKS, json_deep_copy(w->items));
}

static const char *text_of(const json_t *item, const char *key)
{
        return json_string_value(json_object_get(item, key));
}

static bool is_sending(const TbWebhooks *w, const char *id)
{
        for (const GList *l = w->sending; l; l = l->next)
                if (strcmp(((Sending *)l->data)->id, id) == 0)
                        return true;
        return false;
}

static char *place_of(const json_t *item)
{
        g_autoptr(GUri) uri = g_uri_parse(text_of(item, "url"), G_URI_FLAGS_NONE, NULL);
        const char *host = uri ? g_uri_get_host(uri) : NULL;
        return g_strdup_printf("%s %d", host ? host : "", uri ? g_uri_get_port(uri) : -1);
}

static guint sending_to(const TbWebhooks *w, const char *place)
{
        guint n = 0;
        for (const GList *l = w->sending; l; l = l->next)
                n += strcmp(((Sending *)l->data)->place, place) == 0;
        return n;
}

static void tell(TbWebhooks *w, const json_t *item, const char *state, const char *why)
{
        g_autofree char *shown = tb_rule_place(text_of(item, "url"));
        tb_bus_publish(tb_core_bus(w->core), "rule.webhook", text_of(item, "device"), NULL,
                       json_pack("{s:s, s:s, s:s, s:s*}", "rule", text_of(item, "rule"), "url", shown,
                                 "state", state, "why", why));
        if (why)
                tb_log(TB_LOG_WARNING, TB_F("rule", text_of(item, "rule")), "webhook %s: %s (%s)", shown, why,
                       state);
}

/* The pause doubles; a fifth of it, more or less, is by the item and its number, so that many do not come at once. */
static gint64 pause_ms(const json_t *item, int tries)
{
        gint64 pause = MIN((gint64)FIRST_PAUSE_MS << MIN(tries - 1, 20), PAUSE_MS);
        return pause + pause / 5 * (g_str_hash(text_of(item, "id")) / (guint)tries % 100) / 100;
}

static void failed(TbWebhooks *w, size_t i, json_t *item, const char *why, bool for_good)
{
        int tries = (int)json_integer_value(json_object_get(item, "tries")) + 1;
        gint64 now = tb_clock_ms();
        if (now - json_integer_value(json_object_get(item, "since")) > OLD_MS)
                for_good = true;
        if (tries == 1 || for_good)
                tell(w, item, for_good ? "given up" : "tried again", why);
        if (for_good) {
                json_array_remove(w->items, i);
                return;
        }
        json_object_set_new(item, "tries", json_integer(tries));
        json_object_set_new(item, "next", json_integer(now + pause_ms(item, tries)));
}

static void ended(TbWebhooks *w, const char *id, guint status, const GError *error)
{
        size_t i;
        json_t *item;
        json_array_foreach (w->items, i, item) {
                if (strcmp(text_of(item, "id"), id) != 0)
                        continue;
                if (!error && status >= 200 && status < 300) {
                        tell(w, item, "sent", NULL);
                        json_array_remove(w->items, i);
                } else {
                        g_autofree char *why = error ? g_strdup(error->message)
                                                     : g_strdup_printf("it answered with status %u", status);
                        bool again = error || status >= 500 || status == 408 || status == 429;
                        json_t *held = json_incref(item);
                        failed(w, i, held, why, !again);
                        json_decref(held);
                }
                break;
        }
        keep(w);
        look(w);
}

static void on_answer(GObject *session, GAsyncResult *result, gpointer data)
{
        Sending *s = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(GInputStream) body = soup_session_send_finish(SOUP_SESSION(session), result, &error);
        TbWebhooks *w = s->webhooks;
        if (w) {
                w->sending = g_list_remove(w->sending, s);
                ended(w, s->id, error ? 0 : soup_message_get_status(s->message), error);
        }
        g_object_unref(s->message);
        g_free(s->id);
        g_free(s->place);
        g_free(s);
}

static void send_item(TbWebhooks *w, const json_t *item)
{
        const char *body = text_of(item, "body"), *secret = text_of(item, "secret");
        if (!w->session)
                w->session =
                        soup_session_new_with_options("proxy-resolver", NULL, "user-agent", "testbed-host",
                                                      "timeout", TIMEOUT_S, "idle-timeout", 5, NULL);
        SoupMessage *m = soup_message_new("POST", text_of(item, "url"));
        if (!m) {
                g_autoptr(GError) wrong =
                        g_error_new_literal(TB_ERROR, TB_ERROR_INVALID, "that is no address");
                ended(w, text_of(item, "id"), 0, wrong);
                return;
        }
        soup_message_set_flags(m, SOUP_MESSAGE_NO_REDIRECT);
        g_autoptr(GBytes) bytes = g_bytes_new(body, strlen(body));
        soup_message_set_request_body_from_bytes(m, "application/json", bytes);
        SoupMessageHeaders *headers = soup_message_get_request_headers(m);
        soup_message_headers_append(headers, "X-Testbed-Delivery", text_of(item, "id"));
        if (secret) {
                g_autofree char *sum = tb_signature(secret, body, strlen(body));
                soup_message_headers_append(headers, "X-Testbed-Signature", sum);
        }
        Sending *s = g_new(Sending, 1);
        *s = (Sending){w, m, g_strdup(text_of(item, "id")), place_of(item)};
        w->sending = g_list_prepend(w->sending, s);
        soup_session_send_async(w->session, m, G_PRIORITY_DEFAULT, w->cancel, on_answer, s);
}

static gboolean on_timer(gpointer data)
{
        TbWebhooks *w = data;
        w->timer = 0;
        look(w);
        return G_SOURCE_REMOVE;
}

/* Sends what is due, and comes back for what will be. */
static void look(TbWebhooks *w)
{
        gint64 now = tb_clock_ms(), next = G_MAXINT64;
        size_t i;
        json_t *item;
        g_clear_handle_id(&w->timer, g_source_remove);
        json_array_foreach (w->items, i, item) {
                gint64 due = json_integer_value(json_object_get(item, "next"));
                if (is_sending(w, text_of(item, "id")))
                        continue;
                if (due > now) { /* a clock that was set back keeps nothing waiting for longer than a pause */
                        next = MIN(next, MIN(due, now + PAUSE_MS * 2));
                        continue;
                }
                if (g_list_length(w->sending) >= AT_ONCE)
                        return; /* the end of one looks again */
                g_autofree char *place = place_of(item);
                if (sending_to(w, place) < AT_ONCE_THERE)
                        send_item(w, item);
        }
        if (next != G_MAXINT64)
                w->timer = g_timeout_add((guint)MAX(next - now, 1), on_timer, w);
}

/* One that is under way may have arrived: what is given up is one that is not; there are more than AT_ONCE. */
static size_t oldest_that_waits(const TbWebhooks *w)
{
        size_t i;
        const json_t *item;
        json_array_foreach (w->items, i, item)
                if (!is_sending(w, text_of(item, "id")))
                        return i;
        return 0;
}

void tb_webhooks_say(TbWebhooks *w, const char *rule, const char *device, const char *url, const char *secret,
                     json_t *body_take)
{
        json_auto_t *body = body_take;
        g_autofree char *id = tb_random_token(12), *text = tb_json_text(body, NULL);
        json_t *item = json_pack("{s:s, s:s, s:s*, s:s, s:s*, s:s, s:i, s:I, s:I}", "id", id, "rule", rule,
                                 "device", device, "url", url, "secret", secret, "body", text ? text : "{}",
                                 "tries", 0, "next", (json_int_t)0, "since", (json_int_t)tb_clock_ms());
        json_array_append_new(w->items, item);
        while (json_array_size(w->items) > TB_LIMIT_RULE_WEBHOOKS) {
                size_t oldest = oldest_that_waits(w);
                tell(w, json_array_get(w->items, oldest), "given up",
                     "too many wait: the oldest is left out");
                json_array_remove(w->items, oldest);
        }
        keep(w);
        look(w);
}

static bool is_sound(const json_t *item)
{
        return text_of(item, "id") && text_of(item, "rule") && text_of(item, "url") && text_of(item, "body");
}

TbWebhooks *tb_webhooks_new(TbCore *core)
{
        TbWebhooks *w = g_new0(TbWebhooks, 1);
        w->core = core;
        w->cancel = g_cancellable_new();
        w->items = json_array();
        size_t i;
        json_t *item;
        json_array_foreach (tb_core_kept(core, TB_KEPT_WEBHOOKS), i, item)
                if (is_sound(item) && i < TB_LIMIT_RULE_WEBHOOKS)
                        json_array_append_new(w->items, json_deep_copy(item));
        look(w);
        return w;
}

void tb_webhooks_free(TbWebhooks *w)
{
        g_cancellable_cancel(w->cancel);
        for (GList *l = w->sending; l; l = l->next)
                ((Sending *)l->data)->webhooks = NULL; /* each ends by itself */
        g_list_free(w->sending);
        g_clear_handle_id(&w->timer, g_source_remove);
        g_clear_object(&w->session);
        g_object_unref(w->cancel);
        json_decref(w->items);
        g_free(w);
}
