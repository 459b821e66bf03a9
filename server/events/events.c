#include "server/events/events.h"

#include "lib/clock.h"
#include "lib/limits.h"
#include "server/events/private.h"
#include "server/store/sql.h"

#define AGAIN_MS 1000 /* until the store is asked again for what is there */

static void load(TbEvents *events);

static gboolean on_again(gpointer data)
{
        TbEvents *events = data;
        g_clear_pointer(&events->tick, g_source_unref);
        load(events);
        return G_SOURCE_REMOVE;
}

static void again(TbEvents *events)
{
        events->tick = g_timeout_source_new(AGAIN_MS);
        g_source_set_callback(events->tick, on_again, events, NULL);
        g_source_attach(events->tick, NULL);
}

static void on_last(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbEvents *events = data;
        if (error) {
                again(events);
                return;
        }
        events->last_seq = tb_db_get_int(rows, 0, 0);
        events->loaded = true;
        tb_tellings_start(events);
        tb_event_keep_start(events);
        tb_event_jobs_watch(events); /* of workers that the server's end has cut off */
}

static void on_logins(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbEvents *events = data;
        TbDbCall *call = tb_db_call_reads();
        if (!error)
                tb_event_logins_load(events, rows);
        tb_db_statement(call, tb_sql_event_last);
        if (error) {
                tb_db_call_free(call);
                again(events);
        } else if (!tb_db_submit_take(events->db, call, on_last, events, NULL))
                again(events);
}

static void load(TbEvents *events)
{
        TbDbCall *forget = tb_db_call_new(), *list = tb_db_call_reads();
        tb_db_statement(forget, tb_sql_ev_login_forget);
        tb_db_int(forget, tb_clock_ms());
        tb_db_submit_take(events->db, forget, NULL, NULL, NULL);
        tb_db_statement(list, tb_sql_ev_login_list);
        tb_db_int(list, TB_LIMIT_EVENT_LOGINS);
        if (!tb_db_submit_take(events->db, list, on_logins, events, NULL))
                again(events);
}

static bool clip_of(const json_t *event, TbPipe *to, gpointer data)
{
        const char *blob = json_string_value(json_object_get(event, "clip_blob_name"));
        gint64 size = json_integer_value(json_object_get(event, "clip_size_bytes"));
        TbEvents *events = data;
        return tb_event_clip_is_here(events, event) &&
               tb_blobs_get(events->blobs, blob, NULL, 0, size, to, NULL, NULL, NULL);
}

TbEvents *tb_events_new(const TbEventsOptions *options, TbDb *db, TbBlobs *blobs, const char *page)
{
        TbEvents *events = g_new0(TbEvents, 1);
        events->options = options;
        events->db = db;
        events->blobs = blobs;
        events->notify = tb_notify_new(&options->notify,
                                       &(TbNotifyPlace){.page = page, .clip = clip_of, .data = events});
        tb_tellings_init(events);
        events->rates = tb_rates_new((double)options->logins / options->logins_s, options->logins);
        tb_places_init(&events->places, "clips under way", TB_LIMIT_CLIPS_MOVING);
        tb_event_logins_load(events, NULL);
        load(events);
        return events;
}

void tb_events_free(TbEvents *events)
{
        if (!events)
                return;
        TbAsk *ask;
        tb_notify_free(events->notify);
        while ((ask = g_queue_pop_head(&events->waiters)) || (ask = g_queue_pop_head(&events->bot_asks)))
                tb_ask_free(ask);
        tb_tellings_clear(events);
        tb_event_keep_stop(events);
        if (events->tick) {
                g_source_destroy(events->tick);
                g_source_unref(events->tick);
        }
        g_hash_table_unref(events->logins);
        tb_rates_free(events->rates);
        tb_places_clear(&events->places);
        g_free(events);
}

void tb_events_options_clear(TbEventsOptions *options)
{
        g_free(options->worker_token);
        tb_blob_options_clear(&options->blob);
        tb_notify_options_clear(&options->notify);
        g_clear_pointer(&options->plans, g_ptr_array_unref);
}

void tb_events_metrics(GString *out, gpointer data)
{
        const TbEvents *events = data;
        tb_notify_metrics(out, events->notify);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_events_total", "Events that devices have told of.",
                       (double)events->events);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_event_credits_total",
                       "Credits that clips took, 10 s each.", (double)events->credits);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_events_over_plan_total",
                       "Events that were refused, since a plan had no more.", (double)events->over_plan);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_events_expired_total", "Events whose days were over.",
                       (double)events->expired);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_clips_orphaned_total",
                       "Clips that no event referred to.", (double)events->orphans);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_event_jobs_total", "Jobs that workers have taken.",
                       (double)events->jobs);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_events_done_total", "Events that were looked at.",
                       (double)events->done);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_events_failed_total",
                       "Events that could not be looked at.", (double)events->failed);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_event_jobs_dead_total",
                       "Jobs that no worker finished.", (double)events->dead);
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_event_workers_waiting", "Workers that wait for a job.",
                       (double)events->waiters.length);
}
