/*
 * Who is still to be told of what. A row of the store for each event and recipient keeps it at once: it is there with the summary that
 * asks for it, it is `begun` before anybody is told, and one that the server's end has cut off is not told again, since it may have
 * arrived. What comes too often, and what quiet hours held back, goes together as one message.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "server/events/private.h"
#include "server/events/quiet.h"
#include "server/store/sql.h"

#define AT_ONCE (TB_LIMIT_NOTIFY_UNDER_WAY - 2) /* the rest is for tests, and for links of the bot */
#define LOOK_ROWS 256
#define FAILED_MS 5000 /* the store could not be asked: again after that */
#define SHORTEST_MS 50 /* between looks while something waits */
#define LONGEST_MS 60000

/* After those of event-get.sql. */
enum { ENDPOINT = 31, TRIES, PROVIDER, ADDRESS, QUIET_FROM, QUIET_TO, ZONE, DEVICE };

typedef struct Telling {
        TbEvents *events;                             /* borrowed */
        char *endpoint, *provider, *address, *device; /* owned; address, device NULL: none */
        json_t *list;                                 /* owned; events, the oldest first */
        guint tries;                                  /* with this one */
        gint64 begun_ms;                              /* wall clock */
        GList link;                                   /* in events->tellings */
} Telling;

typedef struct Pace {
        gint64 at_ms[TB_LIMIT_NOTIFY_BURST]; /* wall clock, of the last messages */
        guint next;
} Pace;

static void telling_free(gpointer p)
{
        Telling *t = p;
        g_free(t->endpoint);
        g_free(t->provider);
        g_free(t->address);
        g_free(t->device);
        json_decref(t->list);
        g_free(t);
}

/* --- with the summary --- */
void tb_telling_add(const TbEvents *events, TbDbCall *call, const char *event_id)
{
        gint64 now_ms = tb_clock_ms();
        tb_db_statement(call, tb_sql_ev_telling_add);
        tb_db_text(call, event_id);
        tb_db_int(call, now_ms);
        if (!tb_notify_has(events->notify, "webhook"))
                return;
        tb_db_statement(call, tb_sql_ev_telling_hook);
        tb_db_text(call, event_id);
        tb_db_int(call, now_ms);
}

/* --- notes of tries --- */
/* As the original notes it: without what may be secret of an address. */
static char *recipient_of(const TbEvents *events, const char *provider, const char *address)
{
        if (strcmp(provider, "push") == 0)
                return g_strdup("a browser");
        if (strcmp(provider, "webhook") != 0)
                return g_strdup(address ? address : provider);
        const char *url = events->options->notify.webhook_url;
        g_autoptr(GUri) uri = url ? g_uri_parse(url, G_URI_FLAGS_NONE, NULL) : NULL;
        return uri ? g_uri_to_string_partial(uri,
                                             G_URI_HIDE_USERINFO | G_URI_HIDE_QUERY | G_URI_HIDE_FRAGMENT)
                   : g_strdup("webhook");
}

static void note(TbEvents *events, TbDbCall *call, const char *event_id, const Telling *t, const char *why,
                 bool again, gint64 next_ms)
{
        gint64 now_ms = tb_clock_ms();
        g_autofree char *begun = tb_clock_rfc3339(t->begun_ms), *ended = tb_clock_rfc3339(now_ms),
                        *next = again ? tb_clock_rfc3339(next_ms) : NULL,
                        *whom = recipient_of(events, t->provider, t->address);
        json_auto_t *attempt = json_pack(
                "{s:s, s:s, s:s, s:s?, s:b, s:i, s:i, s:s, s:s, s:s?}", "provider", t->provider, "recipient",
                whom, "status", why ? "failed" : "succeeded", "failure_reason", why, "retryable", again,
                "attempt_number", (int)t->tries, "max_attempts", (int)events->options->notify.retries + 1,
                "attempted_at", begun, "finished_at", ended, "next_retry_at", next);
        tb_event_note_attempt(call, event_id, attempt);
}

/* --- pace --- */
static Pace *pace_of(TbEvents *events, const char *endpoint, const char *device_id)
{
        char *key = g_strdup_printf("%s %s", endpoint, device_id);
        Pace *pace = g_hash_table_lookup(events->paces, key);
        if (pace) {
                g_free(key);
                return pace;
        }
        pace = g_new0(Pace, 1);
        g_hash_table_insert(events->paces, key, pace);
        return pace;
}

static gboolean is_old(gpointer key G_GNUC_UNUSED, gpointer value, gpointer now)
{
        const Pace *pace = value;
        guint last = (pace->next + TB_LIMIT_NOTIFY_BURST - 1) % TB_LIMIT_NOTIFY_BURST;
        return pace->at_ms[last] + TB_LIMIT_NOTIFY_BURST_S * 1000 <= *(gint64 *)now;
}

static const char *device_id_of(const json_t *events)
{
        return json_string_value(json_object_get(json_array_get(events, 0), "device_id"));
}

/* When this may be told: 0: now. */
static gint64 later_ms(const Telling *t, const TbDbResult *rows, guint row)
{
        const TbQuiet quiet = {(int)tb_db_get_int(rows, row, QUIET_FROM),
                               (int)tb_db_get_int(rows, row, QUIET_TO), tb_db_get_text(rows, row, ZONE)};
        gint64 now_ms = tb_clock_ms(), until_ms = 0;
        if (!tb_notify_is_for_people(t->provider))
                return 0;
        until_ms = tb_quiet_until(&quiet, now_ms);
        if (until_ms)
                return until_ms;
        const Pace *pace = pace_of(t->events, t->endpoint, device_id_of(t->list));
        until_ms = pace->at_ms[pace->next] + TB_LIMIT_NOTIFY_BURST_S * 1000; /* of the oldest of them */
        return pace->at_ms[pace->next] && until_ms > now_ms ? until_ms : 0;
}

/* --- one try --- */
static void wake_when_done(const TbDbResult *rows G_GNUC_UNUSED, const GError *error, gpointer data)
{
        if (error)
                tb_log(TB_LOG_WARNING, TB_F(), "what came of telling somebody was not kept: %s",
                       error->message);
        tb_tellings_wake(data);
}

static void end(Telling *t, const char *state, guint tries, gint64 due_ms, TbDbCall *call)
{
        TbEvents *events = t->events;
        const json_t *event;
        gsize i;
        json_array_foreach (t->list, i, event) {
                tb_db_statement(call, tb_sql_ev_telling_end);
                tb_db_text(call, json_string_value(json_object_get(event, "event_id")));
                tb_db_text(call, t->endpoint);
                tb_db_text(call, state);
                tb_db_int(call, tries);
                tb_db_int(call, due_ms);
        }
        g_queue_unlink(&events->tellings, &t->link);
        telling_free(t);
        g_autoptr(GError) error = NULL;
        if (!tb_db_submit_take(events->db, call, wake_when_done, events, &error))
                wake_when_done(NULL, error, events);
}

static void on_told(const TbNotifyOutcome *outcome, gpointer data)
{
        Telling *t = data;
        TbEvents *events = t->events;
        const TbNotifyOptions *o = &events->options->notify;
        bool again = !outcome->ok && outcome->again && t->tries <= o->retries;
        gint64 now_ms = tb_clock_ms(),
               pause_ms = outcome->after_s
                                  ? outcome->after_s * G_GINT64_CONSTANT(1000)
                                  : MIN(o->pause_s * G_GINT64_CONSTANT(1000) << MIN(t->tries - 1, 16),
                                        TB_LIMIT_NOTIFY_PAUSE_S * G_GINT64_CONSTANT(1000));
        const char *why = outcome->ok ? NULL : outcome->why ? outcome->why : "it was not taken";
        const json_t *event;
        gsize i;
        TbDbCall *call = tb_db_call_new();
        json_array_foreach (t->list, i, event)
                note(events, call, json_string_value(json_object_get(event, "event_id")), t, why, again,
                     now_ms + pause_ms);
        if (outcome->ok && tb_notify_is_for_people(t->provider)) {
                Pace *pace = pace_of(events, t->endpoint, device_id_of(t->list));
                pace->at_ms[pace->next] = now_ms;
                pace->next = (pace->next + 1) % TB_LIMIT_NOTIFY_BURST;
        }
        if (outcome->gone)
                tb_event_recipient_gone(call, t->endpoint);
        if (why && !again)
                tb_log(TB_LOG_WARNING,
                       TB_F("event",
                            json_string_value(json_object_get(json_array_get(t->list, 0), "event_id"))),
                       "%s was not told: %s", t->provider, why);
        end(t, outcome->ok ? "done" : again ? "waiting" : "failed", t->tries, now_ms + pause_ms, call);
}

static void begin(Telling *t)
{
        g_autoptr(GError) error = NULL;
        t->begun_ms = tb_clock_ms();
        t->tries++;
        const TbNotifyWhat what = {t->provider, t->address, t->device, t->list};
        if (tb_notify_try(t->events->notify, &what, on_told, t, &error))
                return;
        if (g_error_matches(error, TB_ERROR, TB_ERROR_LIMIT)) /* no room just now: that was no try */
                end(t, "waiting", t->tries - 1, t->begun_ms + 1000, tb_db_call_new());
        else
                on_told(&(TbNotifyOutcome){.why = error->message}, t);
}

/* --- looks at what is due --- */
static gboolean on_time(gpointer data)
{
        TbEvents *events = data;
        g_clear_pointer(&events->telling_timer, g_source_unref);
        tb_tellings_wake(events);
        return G_SOURCE_REMOVE;
}

static void wait_ms(TbEvents *events, gint64 ms)
{
        if (events->telling_timer) {
                g_source_destroy(events->telling_timer);
                g_source_unref(events->telling_timer);
        }
        events->telling_timer = g_timeout_source_new((guint)CLAMP(ms, SHORTEST_MS, LONGEST_MS));
        g_source_set_callback(events->telling_timer, on_time, events, NULL);
        g_source_attach(events->telling_timer, NULL);
}

static void looked(TbEvents *events, gint64 next_ms)
{
        events->is_telling = false;
        if (events->tell_again) {
                events->tell_again = false;
                tb_tellings_wake(events);
        } else if (next_ms > 0 && (next_ms > tb_clock_ms() || events->tellings.length == 0))
                wait_ms(events, next_ms - tb_clock_ms()); /* else the end of one is waited for */
}

static void on_next(const TbDbResult *rows, const GError *error, gpointer data)
{
        looked(data, error ? tb_clock_ms() + FAILED_MS : tb_db_get_int(rows, 0, 0));
}

/* Those that are begun in the store now are told, then it is asked when the next one is due. */
static void on_begun(const TbDbResult *rows G_GNUC_UNUSED, const GError *error, gpointer data)
{
        TbEvents *events = data;
        for (GList *l = events->tellings.head, *next; l; l = next) {
                Telling *t = l->data;
                next = l->next;
                if (t->begun_ms)
                        continue;
                if (!error) {
                        begin(t);
                        continue;
                }
                g_queue_unlink(&events->tellings, &t->link);
                telling_free(t);
        }
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_ev_telling_next);
        if (error) {
                tb_db_call_free(call);
                looked(events, tb_clock_ms() + FAILED_MS);
        } else if (!tb_db_submit_take(events->db, call, on_next, events, NULL))
                looked(events, tb_clock_ms() + FAILED_MS);
}

static Telling *telling_of(TbEvents *events, const TbDbResult *rows, guint from, guint to)
{
        Telling *t = g_new0(Telling, 1);
        t->events = events;
        t->endpoint = g_strdup(tb_db_get_text(rows, from, ENDPOINT));
        t->provider = g_strdup(tb_db_get_text(rows, from, PROVIDER));
        t->address = g_strdup(tb_db_get_text(rows, from, ADDRESS));
        t->device = g_strdup(tb_db_get_text(rows, from, DEVICE));
        t->list = json_array();
        t->link.data = t;
        for (guint i = from; i < to; i++) {
                json_array_append_new(t->list, tb_event_of_row(rows, i));
                t->tries = MAX(t->tries, (guint)tb_db_get_int(rows, i, TRIES));
        }
        return t;
}

static bool belong_together(const TbDbResult *rows, guint a, guint b)
{
        return tb_notify_is_for_people(tb_db_get_text(rows, a, PROVIDER)) &&
               strcmp(tb_db_get_text(rows, a, ENDPOINT), tb_db_get_text(rows, b, ENDPOINT)) == 0 &&
               strcmp(tb_db_get_text(rows, a, 3), tb_db_get_text(rows, b, 3)) == 0;
}

/* He is told of that device just now: what follows comes after it. */
static bool is_busy(const Telling *t)
{
        if (!tb_notify_is_for_people(t->provider))
                return false;
        for (const GList *l = t->events->tellings.head; l; l = l->next) {
                const Telling *other = l->data;
                if (strcmp(other->endpoint, t->endpoint) == 0 &&
                    strcmp(device_id_of(other->list), device_id_of(t->list)) == 0)
                        return true;
        }
        return false;
}

static void add_rows(TbDbCall *call, const Telling *t, const char *sql, gint64 due_ms)
{
        const json_t *event;
        gsize i;
        json_array_foreach (t->list, i, event) {
                tb_db_statement(call, sql);
                tb_db_text(call, json_string_value(json_object_get(event, "event_id")));
                tb_db_text(call, t->endpoint);
                if (due_ms)
                        tb_db_int(call, due_ms);
        }
}

static void on_due(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbEvents *events = data;
        guint n = error ? 0 : tb_db_rows(rows);
        gint64 now_ms = tb_clock_ms();
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_telling_next); /* a call has one at least */
        g_hash_table_foreach_remove(events->paces, is_old, &now_ms);
        for (guint from = 0, to; from < n && events->tellings.length < AT_ONCE; from = to) {
                for (to = from + 1; to < n && to - from < TB_LIMIT_NOTIFY_DIGEST; to++)
                        if (!belong_together(rows, from, to))
                                break;
                Telling *t = telling_of(events, rows, from, to);
                if (is_busy(t)) {
                        telling_free(t);
                        continue;
                }
                gint64 due_ms = later_ms(t, rows, from);
                if (due_ms) {
                        add_rows(call, t, tb_sql_ev_telling_later, due_ms);
                        telling_free(t);
                        continue;
                }
                add_rows(call, t, tb_sql_ev_telling_begin, 0);
                g_queue_push_tail_link(&events->tellings, &t->link);
        }
        g_autoptr(GError) full = NULL;
        if (error) {
                tb_db_call_free(call);
                looked(events, now_ms + FAILED_MS);
        } else if (!tb_db_submit_take(events->db, call, on_begun, events, &full))
                on_begun(NULL, full, events);
}

void tb_tellings_wake(TbEvents *events)
{
        if (!events->loaded || events->is_telling) {
                events->tell_again = events->is_telling;
                return;
        }
        events->is_telling = true;
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_ev_telling_due);
        tb_db_int(call, tb_clock_ms());
        tb_db_int(call, LOOK_ROWS);
        if (!tb_db_submit_take(events->db, call, on_due, events, NULL))
                looked(events, tb_clock_ms() + FAILED_MS);
}

/* --- the start --- */
static void on_lost(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbEvents *events = data;
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_telling_next);
        for (guint i = 0; !error && i < tb_db_rows(rows); i++) {
                const char *id = tb_db_get_text(rows, i, 0);
                const Telling t = {.provider = (char *)tb_db_get_text(rows, i, 3),
                                   .address = (char *)tb_db_get_text(rows, i, 4),
                                   .tries = (guint)tb_db_get_int(rows, i, 2) + 1,
                                   .begun_ms = tb_clock_ms()};
                tb_log(TB_LOG_WARNING, TB_F("event", id),
                       "the server ended while %s was being told: it is not told again", t.provider);
                note(events, call, id, &t,
                     "the server ended while this was being told: it may have arrived, and is not told again",
                     false, 0);
                tb_db_statement(call, tb_sql_ev_telling_end);
                tb_db_text(call, id);
                tb_db_text(call, tb_db_get_text(rows, i, 1));
                tb_db_text(call, "failed");
                tb_db_int(call, t.tries);
                tb_db_int(call, t.begun_ms);
        }
        if (!tb_db_submit_take(events->db, call, wake_when_done, events, NULL))
                tb_tellings_wake(events);
}

void tb_tellings_start(TbEvents *events)
{
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_ev_telling_begun);
        tb_db_int(call, TB_LIMIT_EVENTS_PAGE);
        if (!tb_db_submit_take(events->db, call, on_lost, events, NULL))
                tb_tellings_wake(events);
}

void tb_tellings_init(TbEvents *events)
{
        events->paces = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void tb_tellings_clear(TbEvents *events)
{
        if (events->telling_timer) {
                g_source_destroy(events->telling_timer);
                g_source_unref(events->telling_timer);
        }
        for (GList *l; (l = g_queue_pop_head_link(&events->tellings));)
                telling_free(l->data);
        g_hash_table_unref(events->paces);
}
