/* The main thread's side of the lane. */
#include "server/store/db.h"

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/server_limits.h"
#include "server/store/private.h"

void tb_db_unref(TbDb *db)
{
        if (!tb_ref_dec(&db->refs))
                return;
        tb_queue_free(db->calls);
        tb_mutex_clear(&db->lock);
        tb_cond_clear(&db->over);
        g_free(db->where);
        g_free(db->name);
        g_free(db->reason);
        g_free(db->said);
        g_free(db);
}

static TbDb *db_ref(TbDb *db)
{
        tb_ref_inc(&db->refs);
        return db;
}

static void call_destroy(gpointer p)
{
        tb_db_call_free(p);
}

/* --- lane -> main --- */
typedef struct News { /* a change of state, or (calls) a transaction's results */
        TbDb *db;     /* ref */
        TbDbState state;
        char *reason; /* owned */
        guint generation;
        GPtrArray *calls; /* owned TbDbCall; NULL: a change of state */
} News;

static void news_free(News *news)
{
        if (news->calls)
                g_ptr_array_unref(news->calls);
        g_free(news->reason);
        tb_db_unref(news->db);
        g_free(news);
}

static void deliver(TbDb *db, TbDbCall *call)
{
        g_queue_remove(&db->under_way, call); /* the oldest, or near it */
        db->bytes -= call->bytes;
        db->calls_done++;
        db->calls_failed += call->error != NULL;
        db->seconds += (double)(g_get_monotonic_time() - call->since_us) / G_USEC_PER_SEC;
        if (call->done && !db->closed)
                call->done(call->error ? NULL : call->result, call->error, call->data);
}

static void on_news(gpointer data)
{
        News *news = data;
        TbDb *db = news->db;
        for (guint i = 0; news->calls && i < news->calls->len; i++)
                deliver(db, g_ptr_array_index(news->calls, i));
        if (news->calls) {
                db->transactions++;
        } else {
                db->state = news->state;
                db->generation = news->generation;
                g_free(db->reason);
                db->reason = g_steal_pointer(&news->reason);
                if (db->changed && !db->closed)
                        db->changed(db->data);
        }
        news_free(news);
}

static void post(News *news)
{
        TbDb *db = news->db;
        tb_mutex_lock(&db->lock); /* held: after tb_db_free() there may be no main loop to post to */
        bool posted = !db->gone && tb_main_post(on_news, news);
        tb_mutex_unlock(&db->lock);
        if (!posted)
                news_free(news);
}

void tb_db_tell_state(TbDb *db, TbDbState state, const char *reason)
{
        if (db->told == state && g_strcmp0(db->said, reason) == 0)
                return;
        db->told = state;
        g_free(db->said);
        db->said = g_strdup(reason);
        if (state == TB_DB_RUNNING && *reason)
                tb_log(TB_LOG_ERROR, TB_F(), "store: %s", reason);
        else if (state == TB_DB_RUNNING)
                tb_log(TB_LOG_INFO, TB_F(), "store: %s is written", db->name);
        else
                tb_log(TB_LOG_WARNING, TB_F(), "store: %s: %s", db->name, reason);
        News *news = g_new0(News, 1);
        news->db = db_ref(db);
        news->state = state;
        news->reason = g_strdup(reason);
        news->generation = db->begun;
        post(news);
}

void tb_db_tell_results(TbDb *db, GPtrArray *calls_take)
{
        News *news = g_new0(News, 1);
        news->db = db_ref(db);
        news->calls = calls_take;
        post(news);
}

/* --- main -> lane --- */
TbDb *tb_db_new(const TbDbEngine *engine, const char *where, void (*changed)(gpointer data), gpointer data)
{
        tb_assert_main();
        TbDb *db = g_new0(TbDb, 1);
        tb_ref_init(&db->refs);
        tb_mutex_init(&db->lock);
        tb_cond_init(&db->over);
        db->engine = engine;
        db->where = g_strdup(where);
        db->name = engine->name ? engine->name(where) : g_strdup(where);
        db->changed = changed;
        db->data = data;
        db->reason = g_strdup("");
        db->calls = tb_queue_new(TB_LIMIT_DB_QUEUE, call_destroy);
        tb_thread_detach("store", tb_db_lane, db_ref(db)); /* a write to a stalled disk cannot be ended */
        return db;
}

void tb_db_free(TbDb *db, guint grace_ms)
{
        if (!db)
                return;
        tb_assert_main();
        gint64 until_us = g_get_monotonic_time() + grace_ms * 1000ll;
        bool ended = true;
        db->closed = true;
        tb_queue_close(db->calls);
        tb_mutex_lock(&db->lock);
        while (!db->ended && ended)
                ended = tb_cond_wait_until(&db->over, &db->lock, until_us) || db->ended;
        db->gone = true;
        tb_mutex_unlock(&db->lock);
        if (!ended)
                tb_log(TB_LOG_ERROR, TB_F(), "store: %s: the disk does not answer; %u calls are given up",
                       db->name, db->under_way.length);
        g_queue_clear(&db->under_way); /* the calls themselves are the lane's */
        tb_db_unref(db);
}

bool tb_db_submit_take(TbDb *db, TbDbCall *call, TbDbDone done, gpointer data, GError **error)
{
        tb_assert_main();
        call->done = done;
        call->data = data;
        call->since_us = g_get_monotonic_time();
        call->until_us = call->since_us + tb_server_limits.db_call_ms * 1000ll;
        gsize bytes = call->bytes;
        bool fits = db->bytes + bytes <= tb_server_limits.db_queue_bytes;
        if (fits)
                g_queue_push_tail(&db->under_way, call);
        if (fits && tb_queue_push(db->calls, call)) {
                db->bytes += bytes;
                return true;
        }
        if (fits)
                g_queue_pop_tail(&db->under_way);
        tb_db_call_free(call);
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "too much waits for the store already; try again later");
        return false;
}

TbDbState tb_db_state(const TbDb *db)
{
        return db->state;
}

const char *tb_db_reason(const TbDb *db)
{
        return db->reason;
}

guint tb_db_generation(const TbDb *db)
{
        return db->generation;
}

gint64 tb_db_waiting_ms(const TbDb *db)
{
        const TbDbCall *oldest = g_queue_peek_head((GQueue *)&db->under_way);
        return oldest ? MAX((g_get_monotonic_time() - oldest->since_us) / 1000, 1) : 0;
}

void tb_db_metrics(GString *out, gpointer data)
{
        const TbDb *db = data;
        const struct {
                TbMetricType type;
                const char *name, *help;
                double value;
        } lines[] = {
                {TB_METRIC_GAUGE, "testbed_store_up", "Whether the store is written (1) or not (0).",
                 db->state == TB_DB_RUNNING},
                {TB_METRIC_GAUGE, "testbed_store_queue", "Calls under way to the store.",
                 db->under_way.length},
                {TB_METRIC_GAUGE, "testbed_store_queue_bytes", "Bytes of them.", (double)db->bytes},
                {TB_METRIC_GAUGE, "testbed_store_waiting_seconds",
                 "How long the oldest of them is under way.", (double)tb_db_waiting_ms(db) / 1000},
                {TB_METRIC_COUNTER, "testbed_store_calls_total", "Calls that were answered.",
                 (double)db->calls_done},
                {TB_METRIC_COUNTER, "testbed_store_failures_total", "Of them, those that failed.",
                 (double)db->calls_failed},
                {TB_METRIC_COUNTER, "testbed_store_transactions_total", "Transactions and reads.",
                 (double)db->transactions},
                {TB_METRIC_COUNTER, "testbed_store_seconds_total", "From call to answer, of all calls.",
                 db->seconds},
        };
        for (guint i = 0; i < G_N_ELEMENTS(lines); i++)
                tb_metrics_one(out, lines[i].type, lines[i].name, lines[i].help, lines[i].value);
}
