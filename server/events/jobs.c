/* The queue: jobs in the store, leased to workers for a time that they renew. POST /jobs/claim, POST /jobs/{job_id}/progress. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "server/events/private.h"
#include "server/store/sql.h"

#define LOOK_MS 1000 /* between looks at leases that ran out */
#define LEASE_MS (TB_LIMIT_JOB_LEASE_S * G_GINT64_CONSTANT(1000))

void tb_event_job_add(TbDbCall *call, const char *event_id)
{
        g_autofree char *job = g_strconcat("event-", event_id, NULL);
        tb_db_statement(call, tb_sql_ev_job_add);
        tb_db_text(call, job);
        tb_db_text(call, event_id);
        tb_db_int(call, tb_clock_ms());
}

void tb_event_job_end(TbDbCall *call, const char *event_id)
{
        tb_db_statement(call, tb_sql_ev_job_end);
        tb_db_text(call, event_id);
}

/* --- claim --- */
static void claim(TbAsk *ask);

static void stop_waiting(TbAsk *ask)
{
        if (!ask->link.data)
                return;
        ask->link.data = NULL;
        g_queue_unlink(&ask->events->waiters, &ask->link);
        tb_request_on_gone(ask->request, NULL, NULL);
}

static void on_gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        stop_waiting(data);
        tb_ask_free(data);
}

static void nothing(TbAsk *ask)
{
        tb_request_reply_empty(ask->request, 204);
        tb_ask_free(ask);
}

static void wait_for_one(TbAsk *ask)
{
        TbEvents *events = ask->events;
        if (tb_clock_mono_ms() >= ask->until_ms || events->waiters.length >= TB_LIMIT_JOB_WAITERS ||
            !tb_request_is_there(ask->request)) {
                nothing(ask);
                return;
        }
        ask->link.data = ask;
        g_queue_push_tail_link(&events->waiters, &ask->link);
        tb_request_on_gone(ask->request, on_gone, ask);
        tb_event_jobs_watch(events);
}

static json_t *job_of(const TbDbResult *rows, const char *lease)
{
        const char *prompt = tb_db_get_text(rows, 0, 9);
        return json_pack(
                "{s:s, s:s, s:I, s:i, s:{s:s, s:s, s:s, s:s?, s:s?, s:s, s:s?}, s:I, s:s}", "job_id",
                tb_db_get_text(rows, 0, 0), "lease", lease, "attempt", (json_int_t)tb_db_get_int(rows, 0, 1),
                "lease_s", TB_LIMIT_JOB_LEASE_S, "payload", "event_id", tb_db_get_text(rows, 0, 3),
                "session_id", tb_db_get_text(rows, 0, 4), "device_id", tb_db_get_text(rows, 0, 5),
                "clip_blob_name", tb_db_get_text(rows, 0, 6), "clip_container", tb_db_get_text(rows, 0, 7),
                "clip_mime", tb_db_get_text(rows, 0, 8), "analysis_prompt", prompt, "clip_size_bytes",
                (json_int_t)tb_db_get_int(rows, 0, 10), "clip_etag", tb_db_get_text(rows, 0, 11));
}

static void on_claimed(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                wait_for_one(ask);
                return;
        }
        ask->events->jobs++;
        tb_event_jobs_watch(ask->events);
        tb_ask_json(ask, 200, job_of(rows, ask->id));
}

static void claim(TbAsk *ask)
{
        gint64 now_ms = tb_clock_ms();
        TbDbCall *call = tb_db_call_new();
        g_free(ask->id);
        ask->id = tb_random_token(18);
        tb_db_statement(call, tb_sql_ev_job_claim);
        tb_db_text(call, ask->id);
        tb_db_text(call, json_string_value(json_object_get(ask->kept, "worker")));
        tb_db_int(call, now_ms);
        tb_db_int(call, now_ms + LEASE_MS);
        tb_db_int(call, TB_LIMIT_JOB_ATTEMPTS);
        tb_db_statement(call, tb_sql_ev_job_get);
        tb_db_text(call, ask->id);
        tb_ask_run(ask, call, on_claimed);
}

void tb_event_claim(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WORKER, NULL);
        if (!ask)
                return;
        if (*ask->user) {
                tb_ask_refuse(ask, TB_ERROR_FORBIDDEN,
                              "jobs of everybody are for workers: show the worker's token (WORKER_API_TOKEN "
                              "of the server)");
                return;
        }
        ask->kept = json_incref(tb_request_json(request));
        ask->until_ms = tb_clock_mono_ms() + json_integer_value(json_object_get(ask->kept, "wait_s")) * 1000;
        claim(ask);
}

/* Each tries, the longest waiting first: what one does not get he waits for again. */
void tb_event_jobs_ready(TbEvents *events)
{
        TbAsk *first = events->waiters.head ? events->waiters.head->data : NULL;
        if (!first)
                return;
        stop_waiting(first);
        claim(first);
}

/* --- progress --- */
static void on_renewed(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_BUSY,
                              "the job is not yours any more: it was canceled, or took too long");
                return;
        }
        const json_t *fraction = json_object_get(ask->kept, "fraction");
        if (fraction)
                tb_event_say(ask->events, NULL,
                             json_pack("{s:s, s:s, s:f}", "type", "event.progress", "event_id",
                                       tb_db_get_text(rows, 0, 0), "fraction", json_number_value(fraction)));
        tb_ask_json(ask, 200, json_pack("{s:i}", "lease_s", TB_LIMIT_JOB_LEASE_S));
}

void tb_event_progress(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WORKER, tb_request_arg(request, "job_id"));
        if (!ask)
                return;
        ask->kept = json_incref(tb_request_json(request));
        TbDbCall *call = tb_db_call_new();
        gint64 later_s = json_integer_value(json_object_get(ask->kept, "later_s"));
        tb_db_statement(call, later_s ? tb_sql_ev_job_later : tb_sql_ev_job_renew);
        tb_db_text(call, ask->id);
        tb_db_text(call, json_string_value(json_object_get(ask->kept, "lease")));
        tb_db_int(call, tb_clock_ms() + (later_s ? later_s * 1000 : LEASE_MS));
        tb_ask_run(ask, call, on_renewed);
}

/* --- leases that ran out --- */
static void on_next(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbEvents *events = data;
        if (!error && tb_db_get_int(rows, 0, 0) == 0 && events->waiters.length == 0 && events->tick) {
                g_source_destroy(events->tick);
                g_clear_pointer(&events->tick, g_source_unref);
        }
}

static void on_killed(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbEvents *events = data;
        for (guint i = 0; !error && i < tb_db_rows(rows); i++) {
                const char *id = tb_db_get_text(rows, i, 0);
                g_autofree char *reason =
                        g_strdup_printf("no worker finished it in %d tries", (int)tb_db_get_int(rows, i, 1));
                tb_log(TB_LOG_WARNING, TB_F("event", id), "%s", reason);
                events->dead++;
                tb_event_give_up(events, id, reason);
        }
}

static void answer_late(TbEvents *events)
{
        gint64 now_ms = tb_clock_mono_ms();
        for (GList *l = events->waiters.head, *next; l; l = next) {
                TbAsk *ask = l->data;
                next = l->next;
                if (ask->until_ms > now_ms)
                        continue;
                stop_waiting(ask);
                nothing(ask);
        }
}

static gboolean on_tick(gpointer data)
{
        TbEvents *events = data;
        TbDbCall *kill = tb_db_call_new(), *next = tb_db_call_reads();
        answer_late(events);
        tb_db_statement(kill, tb_sql_ev_job_kill);
        tb_db_int(kill, tb_clock_ms());
        tb_db_int(kill, TB_LIMIT_JOB_ATTEMPTS);
        tb_db_submit_take(events->db, kill, on_killed, events, NULL);
        tb_db_statement(next, tb_sql_ev_job_next);
        tb_db_submit_take(events->db, next, on_next, events, NULL);
        tb_event_jobs_ready(events); /* one whose lease ran out */
        return G_SOURCE_CONTINUE;
}

void tb_event_jobs_watch(TbEvents *events)
{
        if (events->tick)
                return;
        events->tick = g_timeout_source_new(LOOK_MS);
        g_source_set_callback(events->tick, on_tick, events, NULL);
        g_source_attach(events->tick, NULL);
}
