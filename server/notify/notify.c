#include "server/notify/notify.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/metrics.h"
#include "server/notify/private.h"
#include "server/notify/push_seal.h"

#define CLIP_BYTES (256 * 1024) /* under way between the store and who is told */

static const TbNotifier *const notifiers[] = {&tb_notifier_webhook, &tb_notifier_telegram, &tb_notifier_ntfy,
                                              &tb_notifier_email, &tb_notifier_push};

typedef struct Try {
        TbNotify *notify; /* borrowed */
        GList link;       /* in notify->tries */
        TbSend *send;     /* owned; NULL: none is under way */
        /* of somebody who is told */
        const TbNotifier *notifier; /* NULL: a call of the bot */
        char *address, *device;     /* owned; NULL: none */
        json_t *events;             /* owned */
        guint stage;
        TbNotifyDone done;
        /* of a call of the bot */
        TbTelegramDone answered;
        gpointer data;
} Try;

struct TbNotify {
        const TbNotifyOptions *options; /* borrowed */
        TbNotifyPlace place;
        GQueue tries; /* Try; owned */
        guint64 told, failed;
};

static const TbNotifier *notifier_of(const char *name)
{
        for (gsize i = 0; i < G_N_ELEMENTS(notifiers); i++)
                if (g_strcmp0(notifiers[i]->name, name) == 0)
                        return notifiers[i];
        return NULL;
}

guint tb_notify_count(void)
{
        return G_N_ELEMENTS(notifiers);
}

const char *tb_notify_name(guint i)
{
        return notifiers[i]->name;
}

bool tb_notify_has(const TbNotify *notify, const char *provider)
{
        const TbNotifier *n = notifier_of(provider);
        return n && n->is_set(notify->options);
}

bool tb_notify_is_for_people(const char *provider)
{
        const TbNotifier *n = notifier_of(provider);
        return n && n->is_for_people;
}

bool tb_notify_check_address(const char *provider, const char *address, GError **error)
{
        const TbNotifier *n = notifier_of(provider);
        if (n && n->check)
                return n->check(address, error);
        tb_error_set_field(error, TB_ERROR_INVALID, "provider",
                           "provider must be telegram, ntfy, email or push: %s has no recipients of its own",
                           provider);
        return false;
}

bool tb_notify_may_reach(const TbNotify *notify, const char *provider, const char *address, GError **error)
{
        const TbNotifier *n = notifier_of(provider);
        return tb_notify_check_address(provider, address, error) &&
               (!n->may || n->may(notify->options, address, error));
}

char *tb_notify_push_key(const TbNotify *notify)
{
        guint8 key[TB_PUSH_PRIVATE];
        return notify->options->push_key && tb_push_private_parse(notify->options->push_key, key)
                       ? tb_push_public(key)
                       : NULL;
}

/* --- requests --- */
char *tb_said_own(TbSaid *said, char *text_take)
{
        g_ptr_array_add(said->owned, text_take);
        return text_take;
}

void tb_said_json(TbSaid *said, const char *url, json_t *body_take)
{
        said->ask.url = url;
        said->ask.body = tb_said_own(said, tb_json_text(body_take, &said->ask.size));
        json_decref(body_take);
}

bool tb_judge_http(const TbSendAnswer *answer, bool *ret_again, bool *ret_other G_GNUC_UNUSED,
                   guint *ret_after_s, char **ret_why)
{
        if (answer->status >= 200 && answer->status < 300)
                return true;
        *ret_again = answer->status == 0 || answer->status == 429 || answer->status >= 500;
        *ret_after_s = answer->retry_after_s;
        *ret_why = answer->status ? g_strdup_printf("it answered %u", answer->status) : g_strdup(answer->why);
        return false;
}

/* --- tries --- */
static void try_free(Try *t)
{
        g_queue_unlink(&t->notify->tries, &t->link);
        tb_send_cancel(t->send);
        g_free(t->address);
        g_free(t->device);
        json_decref(t->events);
        g_free(t);
}

static Try *try_new(TbNotify *notify, GError **error)
{
        if (notify->tries.length >= TB_LIMIT_NOTIFY_UNDER_WAY) {
                tb_set_error(error, TB_ERROR_LIMIT,
                             "%d people are being told of something just now: try again in a moment",
                             TB_LIMIT_NOTIFY_UNDER_WAY);
                return NULL;
        }
        Try *t = g_new0(Try, 1);
        t->notify = notify;
        t->link.data = t;
        g_queue_push_tail_link(&notify->tries, &t->link);
        return t;
}

static bool say(Try *t, bool *ret_is_way, GError **error);

static void on_answer(const TbSendAnswer *answer, gpointer data)
{
        Try *t = data;
        TbNotify *notify = t->notify;
        bool again = false, other = false, is_way = false;
        guint after_s = 0;
        g_autofree char *why = NULL;
        t->send = NULL;
        bool ok = (t->notifier->judge ? t->notifier->judge : tb_judge_http)(answer, &again, &other, &after_s,
                                                                            &why);
        t->stage++;
        if (!ok && other && say(t, &is_way, NULL))
                return;
        bool gone = !ok && t->notifier->is_gone && t->notifier->is_gone(answer);
        notify->told += ok;
        notify->failed += !ok;
        TbNotifyDone done = t->done;
        gpointer whose = t->data;
        try_free(t);
        done(&(TbNotifyOutcome){ok, again, MIN(after_s, TB_LIMIT_NOTIFY_PAUSE_S), why, gone}, whose);
}

/* False with *ret_is_way: it could not be begun; without: there is no further way. */
static bool say(Try *t, bool *ret_is_way, GError **error)
{
        const TbNotifyPlace *place = &t->notify->place;
        TbSaid said = {.owned = g_ptr_array_new_with_free_func(g_free)};
        const TbNotifyWhat what = {t->notifier->name, t->address, t->device, t->events};
        said.ask.timeout_s = t->notify->options->timeout_s;
        *ret_is_way = t->notifier->say(t->notify->options, place, &what, t->stage, &said);
        g_autoptr(TbPipe) pipe = *ret_is_way && said.wants_clip ? tb_pipe_new(CLIP_BYTES) : NULL;
        if (pipe && !place->clip(json_array_get(t->events, 0), pipe, place->data)) {
                g_ptr_array_unref(said.owned); /* there is none: the next way */
                t->stage++;
                return say(t, ret_is_way, error);
        }
        said.ask.file = pipe;
        if (*ret_is_way)
                t->send = tb_send(&said.ask, on_answer, t, error);
        g_ptr_array_unref(said.owned);
        return t->send != NULL;
}

bool tb_notify_try(TbNotify *notify, const TbNotifyWhat *what, TbNotifyDone done, gpointer data,
                   GError **error)
{
        const TbNotifier *notifier = notifier_of(what->provider);
        bool is_way = false;
        if (!notifier || !notifier->is_set(notify->options)) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s is not configured on the server (events: %s)",
                             what->provider, what->provider);
                return false;
        }
        Try *t = try_new(notify, error);
        if (!t)
                return false;
        t->notifier = notifier;
        t->address = g_strdup(what->address);
        t->device = g_strdup(what->device);
        t->events = json_deep_copy(what->events);
        t->done = done;
        t->data = data;
        if (say(t, &is_way, error))
                return true;
        try_free(t);
        return false;
}

/* --- the bot --- */
static void on_bot_answer(const TbSendAnswer *answer, gpointer data)
{
        Try *t = data;
        t->send = NULL;
        json_auto_t *body = tb_json_parse(answer->text, answer->size, NULL);
        const char *words = json_string_value(json_object_get(body, "description"));
        const json_t *result =
                json_is_true(json_object_get(body, "ok")) ? json_object_get(body, "result") : NULL;
        g_autofree char *why = result        ? NULL
                               : words       ? tb_words_cut(words, 300)
                               : answer->why ? g_strdup(answer->why)
                                             : g_strdup_printf("it answered %u", answer->status);
        TbTelegramDone done = t->answered;
        gpointer whose = t->data;
        try_free(t);
        done(answer->status, result, why, whose);
}

bool tb_telegram_call(TbNotify *notify, const char *method, json_t *body_take, TbTelegramDone done,
                      gpointer data, GError **error)
{
        const TbNotifyOptions *o = notify->options;
        static const char *const headers[] = {"Content-Type: application/json", NULL};
        gsize size;
        g_autofree char *body = tb_json_text(body_take, &size),
                        *url = g_strdup_printf("%s/bot%s/%s", o->telegram_url, o->telegram_token, method);
        json_decref(body_take);
        Try *t = try_new(notify, error);
        if (!t)
                return false;
        t->answered = done;
        t->data = data;
        t->send = tb_send(&(TbSendAsk){.url = url,
                                       .headers = headers,
                                       .body = body,
                                       .size = size,
                                       .timeout_s = o->timeout_s},
                          on_bot_answer, t, error);
        if (t->send)
                return true;
        try_free(t);
        return false;
}

/* --- life --- */
TbNotify *tb_notify_new(const TbNotifyOptions *options, const TbNotifyPlace *place)
{
        tb_send_init();
        TbNotify *notify = g_new0(TbNotify, 1);
        notify->options = options;
        notify->place = *place;
        return notify;
}

void tb_notify_free(TbNotify *notify)
{
        if (!notify)
                return;
        while (notify->tries.head)
                try_free(notify->tries.head->data);
        g_free(notify);
}

void tb_notify_options_clear(TbNotifyOptions *o)
{
        char *const all[] = {o->webhook_url,  o->webhook_secret,      o->telegram_token,
                             o->telegram_url, o->telegram_onboarding, o->telegram_secret,
                             o->ntfy_url,     o->ntfy_token,          o->smtp_url,
                             o->smtp_from,    o->smtp_user,           o->smtp_password,
                             o->push_key,     o->push_subject,        o->push_services};
        for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
                g_free(all[i]);
}

void tb_notify_metrics(GString *out, gpointer data)
{
        const TbNotify *notify = data;
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_notified_total", "Messages that were taken.",
                       (double)notify->told);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_notify_failed_total",
                       "Tries of telling somebody that failed.", (double)notify->failed);
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_notify_under_way", "Tries that are under way.",
                       (double)notify->tries.length);
}
