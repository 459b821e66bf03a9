#include "server/notify/notify.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "server/notify/post.h"

typedef struct Telling {
        TbNotify *notify; /* borrowed */
        json_t *event;    /* ref */
        TbPost *post;     /* NULL: it waits */
        GSource *again;   /* ref; NULL: it does not wait for its time */
        guint tries;
        gint64 begun_ms; /* wall clock */
        GList link;      /* in notify->tellings */
} Telling;

struct TbNotify {
        const TbNotifyOptions *options; /* borrowed */
        GQueue tellings;                /* Telling, the oldest first; owned */
        guint under_way;
        guint64 told, failed, lost;
};

static void begin_next(TbNotify *notify);

static void telling_free(Telling *t)
{
        g_queue_unlink(&t->notify->tellings, &t->link);
        tb_post_cancel(t->post);
        if (t->again) {
                g_source_destroy(t->again);
                g_source_unref(t->again);
        }
        json_decref(t->event);
        g_free(t);
}

static const char *id_of(const Telling *t)
{
        return json_string_value(json_object_get(t->event, "event_id"));
}

static void note(const Telling *t, bool ok, bool again, const char *reason, guint after_s)
{
        gint64 now_ms = tb_clock_ms();
        g_autofree char *begun = tb_clock_rfc3339(t->begun_ms), *ended = tb_clock_rfc3339(now_ms),
                        *next = again ? tb_clock_rfc3339(now_ms + after_s * 1000) : NULL;
        json_auto_t *attempt = json_pack(
                "{s:s, s:s, s:s, s:s?, s:b, s:i, s:i, s:s, s:s, s:s?}", "provider", "webhook", "recipient",
                "webhook", "status", ok ? "succeeded" : "failed", "failure_reason", reason, "retryable",
                again, "attempt_number", (int)t->tries, "max_attempts", (int)t->notify->options->retries + 1,
                "attempted_at", begun, "finished_at", ended, "next_retry_at", next);
        t->notify->options->tried(id_of(t), attempt, t->notify->options->data);
}

static void attempt(Telling *t);

static gboolean on_again(gpointer data)
{
        Telling *t = data;
        g_clear_pointer(&t->again, g_source_unref);
        attempt(t);
        return G_SOURCE_REMOVE;
}

static void on_done(guint status, guint after_s, const char *why, gpointer data)
{
        Telling *t = data;
        TbNotify *notify = t->notify;
        bool ok = status >= 200 && status < 300,
             again = !ok && tb_notify_is_retryable(status) && t->tries <= notify->options->retries;
        g_autofree char *answered = g_strdup_printf("it answered %u", status);
        const char *reason = ok ? NULL : status ? answered : why;
        after_s = MIN(after_s, TB_LIMIT_NOTIFY_PAUSE_S);
        t->post = NULL;
        note(t, ok, again, reason, after_s);
        if (again) {
                t->again = g_timeout_source_new_seconds(after_s);
                g_source_set_callback(t->again, on_again, t, NULL);
                g_source_attach(t->again, NULL);
                return;
        }
        notify->told += ok;
        notify->failed += !ok;
        if (!ok)
                tb_log(TB_LOG_WARNING, TB_F("event", id_of(t)), "the webhook was not told: %s", reason);
        notify->under_way--;
        telling_free(t);
        begin_next(notify);
}

static void attempt(Telling *t)
{
        const TbNotifyOptions *o = t->notify->options;
        json_auto_t *body = tb_notify_webhook_body(t->event);
        gsize size = 0;
        char *text = tb_json_text(body, &size);
        g_autoptr(GBytes) bytes = g_bytes_new_take(text, size);
        g_autofree char *headers = tb_notify_webhook_headers(o->secret, text, size);
        t->tries++;
        t->begun_ms = tb_clock_ms();
        t->post = tb_post(o->url, headers, bytes, o->timeout_s, on_done, t);
        if (!t->post)
                on_done(0, 0, "events.webhook.url is no address", t);
}

static void begin_next(TbNotify *notify)
{
        for (GList *l = notify->tellings.head; l && notify->under_way < TB_LIMIT_NOTIFY_UNDER_WAY;
             l = l->next) {
                Telling *t = l->data;
                if (t->tries > 0)
                        continue;
                notify->under_way++;
                attempt(t);
                return; /* the list may be another one now; who ends begins the next */
        }
}

TbNotify *tb_notify_new(const TbNotifyOptions *options)
{
        TbNotify *notify = g_new0(TbNotify, 1);
        notify->options = options;
        return notify;
}

void tb_notify_free(TbNotify *notify)
{
        if (!notify)
                return;
        while (notify->tellings.head)
                telling_free(notify->tellings.head->data);
        g_free(notify);
}

void tb_notify_event(TbNotify *notify, json_t *event)
{
        if (!notify->options->url)
                return;
        if (notify->tellings.length >= TB_LIMIT_NOTIFY_QUEUE) {
                if (notify->lost++ == 0)
                        tb_log(TB_LOG_WARNING, TB_F(),
                               "more than %d events wait to be told of: further ones are not",
                               TB_LIMIT_NOTIFY_QUEUE);
                return;
        }
        Telling *t = g_new0(Telling, 1);
        t->notify = notify;
        t->event = json_incref(event);
        t->link.data = t;
        g_queue_push_tail_link(&notify->tellings, &t->link);
        begin_next(notify);
}

void tb_notify_metrics(GString *out, gpointer data)
{
        const TbNotify *notify = data;
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_notified_total", "Events that somebody was told of.",
                       (double)notify->told);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_notify_failed_total",
                       "Events that nobody could be told of.", (double)(notify->failed + notify->lost));
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_notify_waiting", "Events that wait to be told of.",
                       (double)notify->tellings.length);
}
