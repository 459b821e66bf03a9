#include "server/pairing/persist.h"

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/server_limits.h"
#include "server/pairing/persist_private.h"
#include "server/pairing/session_rows.h"

#define OPEN_MS 5000     /* what a start waits for the store */
#define BATCH 100        /* changes in one transaction: what building it costs the loop */
#define TOUCHED_MS 15000 /* between writes of last activities */
#define RETRY_MIN_MS 500 /* after a failure; doubles */
#define RETRY_MAX_MS 15000
#define CLOCK_SET_MS 2000 /* a wall clock that differs by more was set */
#define STALLED_MS 2000   /* a store that has not answered for so long is in trouble */

typedef struct Waiter {
        guint64 seq; /* everything up to this change */
        gint64 until_us;
        void (*done)(bool written, gpointer data);
        gpointer data;
} Waiter;

typedef struct Batch {
        TbPersist *persist;
        GPtrArray *made, *touched, *ended;       /* owned ids */
        GPtrArray *keys, *enrolments, *accounts; /* owned; NULL */
        guint64 seq;
} Batch;

static gint64 wall_offset(void)
{
        return tb_clock_wall_of(0);
}

/* --- marks --- */
static void unmark(TbPersist *p, TbSession *session)
{
        if (session->unsaved.data)
                g_queue_unlink(session->unsaved_new ? &p->made : &p->touched, &session->unsaved);
        session->unsaved.data = NULL;
}

void tb_persist_mark(TbPersist *p, TbSession *session, bool made)
{
        if (session->unsaved.data && (session->unsaved_new || !made))
                return;
        unmark(p, session);
        session->unsaved.data = session;
        session->unsaved_new = made;
        if (made && session->unsaved_seq == 0)
                session->unsaved_seq = ++p->seq;
        g_queue_push_tail_link(made ? &p->made : &p->touched, &session->unsaved);
}

static void mark_all(TbPersist *p, bool made)
{
        GHashTableIter iter;
        gpointer session;
        g_hash_table_iter_init(&iter, p->pairing->sessions);
        while (g_hash_table_iter_next(&iter, NULL, &session))
                tb_persist_mark(p, session, made);
}

static void mark_ids(TbPersist *p, const GPtrArray *ids, bool made)
{
        for (guint i = 0; i < ids->len; i++) {
                TbSession *session = g_hash_table_lookup(p->pairing->sessions, g_ptr_array_index(ids, i));
                if (session)
                        tb_persist_mark(p, session, made);
        }
}

/* --- waiters --- */
static void answer(TbPersist *p, guint64 seq, bool written)
{
        for (Waiter *w; (w = g_queue_peek_head(&p->waiters)) && w->seq <= seq;) {
                g_queue_pop_head(&p->waiters);
                w->done(written, w->data);
                g_free(w);
        }
        const Waiter *next = g_queue_peek_head(&p->waiters);
        g_source_set_ready_time(p->wait_timer, next ? next->until_us : -1);
}

/* No timeout of GLib's: that one would set its own time again when this returns, and the next waiter would wait by it. */
static gboolean on_wait_over(GSource *source G_GNUC_UNUSED, GSourceFunc callback G_GNUC_UNUSED, gpointer data)
{
        TbPersist *p = data;
        gint64 now_us = g_get_monotonic_time();
        guint64 seq = 0;
        for (GList *l = p->waiters.head; l && ((Waiter *)l->data)->until_us <= now_us; l = l->next)
                seq = ((Waiter *)l->data)->seq;
        answer(p, seq, false);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs wait_funcs = {.dispatch = on_wait_over};

/* --- transactions --- */
static void batch_free(Batch *batch)
{
        g_ptr_array_unref(batch->made);
        g_ptr_array_unref(batch->touched);
        g_ptr_array_unref(batch->ended);
        if (batch->keys)
                g_ptr_array_unref(batch->keys);
        if (batch->enrolments)
                g_ptr_array_unref(batch->enrolments);
        if (batch->accounts)
                g_ptr_array_unref(batch->accounts);
        g_free(batch);
}

static void put_back(TbPersist *p, Batch *batch)
{
        mark_ids(p, batch->made, true);
        mark_ids(p, batch->touched, false);
        for (guint i = 0; i < batch->ended->len; i++)
                g_queue_push_tail(&p->ended, g_strdup(g_ptr_array_index(batch->ended, i)));
        if (batch->keys)
                tb_host_keys_again(p->keys, batch->keys);
        if (batch->enrolments)
                tb_enrolments_again(p->enrolments, batch->enrolments);
        if (batch->accounts)
                tb_accounts_again(p->accounts, batch->accounts);
}

void tb_persist_failed(TbPersist *p, const char *why)
{
        if (g_strcmp0(p->failure, why) != 0) {
                tb_log(TB_LOG_ERROR, TB_F(), "sessions are not written (they go on, and are tried again): %s",
                       why);
                g_free(p->failure);
                p->failure = g_strdup(why);
        }
        p->failures++;
        p->retry_ms = CLAMP(p->retry_ms * 2, RETRY_MIN_MS, RETRY_MAX_MS);
        p->retry_at_ms = tb_clock_mono_ms() + p->retry_ms;
        answer(p, G_MAXUINT64, false);
}

static void on_batch(const TbDbResult *result G_GNUC_UNUSED, const GError *error, gpointer data)
{
        Batch *batch = data;
        TbPersist *p = batch->persist;
        p->batch = NULL;
        if (error) {
                put_back(p, batch);
                tb_persist_failed(p, error->message);
        } else {
                if (p->failure)
                        tb_log(TB_LOG_INFO, TB_F(), "sessions are written again");
                g_clear_pointer(&p->failure, g_free);
                p->retry_ms = 0;
                p->seq_written = MAX(p->seq_written, batch->seq);
                answer(p, p->seq_written, true);
        }
        batch_free(batch);
        if (!error)
                tb_persist_write_next(p);
}

/* The next changes as one call; NULL: there are none. */
static TbDbCall *next_call(TbPersist *p, Batch **ret_batch)
{
        TbDbCall *call = tb_db_call_new();
        Batch *batch = g_new0(Batch, 1);
        guint n = 0;
        batch->persist = p;
        batch->made = g_ptr_array_new_with_free_func(g_free);
        batch->touched = g_ptr_array_new_with_free_func(g_free);
        batch->ended = g_ptr_array_new_with_free_func(g_free);
        for (GList *l; n < BATCH && (l = p->made.head); n++) {
                TbSession *session = l->data;
                unmark(p, session);
                tb_session_row_put(call, session, p->wall_offset_ms);
                g_ptr_array_add(batch->made, g_strdup(session->id));
                batch->seq = MAX(batch->seq, session->unsaved_seq);
        }
        for (char *id; n < BATCH && (id = g_queue_pop_head(&p->ended)); n++) {
                tb_session_row_end(call, id);
                g_ptr_array_add(batch->ended, id);
        }
        for (GList *l; p->round > 0 && n < BATCH && (l = p->touched.head); n++, p->round--) {
                TbSession *session = l->data;
                unmark(p, session);
                tb_session_row_touch(call, session, p->wall_offset_ms);
                g_ptr_array_add(batch->touched, g_strdup(session->id));
        }
        batch->keys = tb_host_keys_write(p->keys, call, BATCH);
        batch->enrolments = tb_enrolments_write(p->enrolments, call);
        batch->accounts = tb_accounts_write(p->accounts, call, G_MAXUINT);
        if (p->made.length == 0) /* all sessions of before are in it, too */
                batch->seq = MAX(batch->seq, p->seq_enrolled);
        if (n > 0 || batch->keys || batch->enrolments || batch->accounts) {
                *ret_batch = batch;
                return call;
        }
        batch_free(batch);
        tb_db_call_free(call);
        return NULL;
}

/* A round: those that were active by now. */
static void begin_round(TbPersist *p)
{
        p->flushed_ms = tb_clock_mono_ms();
        p->round = p->touched.length;
}

/* When the wall clock was set, all that is written in terms of it is written again: after a restart ages come from there. */
static void look_at_clock(TbPersist *p)
{
        gint64 offset_ms = wall_offset(), differs_ms = offset_ms - p->wall_offset_ms;
        if (ABS(differs_ms) < CLOCK_SET_MS)
                return;
        tb_log(TB_LOG_INFO, TB_F(), "the wall clock was set by %" G_GINT64_FORMAT " s", differs_ms / 1000);
        p->wall_offset_ms = offset_ms;
        mark_all(p, false);
        begin_round(p);
}

void tb_persist_write_next(TbPersist *p)
{
        g_autoptr(GError) error = NULL;
        gint64 now_ms = tb_clock_mono_ms();
        if (p->batch || !p->loaded || now_ms < p->retry_at_ms)
                return;
        look_at_clock(p);
        TbDbCall *call = next_call(p, &p->batch);
        if (!call)
                return;
        Batch *batch = p->batch;
        if (tb_db_submit_take(p->db, call, on_batch, batch, &error))
                return;
        p->batch = NULL;
        put_back(p, batch);
        tb_persist_failed(p, error->message);
        batch_free(batch);
}

static void on_db_changed(gpointer data)
{
        TbPersist *p = data;
        bool runs = tb_db_state(p->db) == TB_DB_RUNNING;
        if (runs && *tb_db_reason(p->db)) {
                g_free(p->lost);
                p->lost = g_strdup(tb_db_reason(p->db));
        }
        if (!p->pairing)
                return;
        if (tb_db_generation(p->db) != p->generation) { /* the file knows nothing of what was written */
                p->generation = tb_db_generation(p->db);
                mark_all(p, true);
                tb_host_keys_all_again(p->keys);
                tb_enrolments_all_again(p->enrolments);
                tb_accounts_all_again(p->accounts);
        }
        if (runs)
                p->retry_at_ms = 0;
        if (runs && !p->loaded && !p->loading)
                tb_persist_read(p);
        tb_persist_write_next(p);
}

static void on_enrolled(gpointer data)
{
        TbPersist *p = data;
        if (p->told)
                p->told(p->told_data);
        p->seq_enrolled = ++p->seq;
        tb_persist_write_next(p);
}

/* --- life --- */
TbPersist *tb_persist_new(const char *state_dir, const char *database, GError **error)
{
        g_autoptr(GError) why = NULL;
        TbStateDir *dir = tb_state_dir_open(state_dir, "server", false, &why);
        if (!dir && g_error_matches(why, TB_ERROR, TB_ERROR_BUSY)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return NULL;
        }
        if (!dir)
                tb_log(TB_LOG_WARNING, TB_F(), "%s", why->message);
        TbPersist *p = g_new0(TbPersist, 1);
        g_autofree char *file = g_build_filename(state_dir, TB_PERSIST_FILE, NULL);
        p->dir = dir;
        p->elsewhere = database != NULL;
        p->keys = tb_host_keys_new();
        p->enrolments = tb_enrolments_new(on_enrolled, p);
        p->accounts = tb_accounts_new(on_enrolled, p);
        p->wall_offset_ms = wall_offset();
        p->wait_timer = g_source_new(&wait_funcs, sizeof(GSource));
        g_source_set_callback(p->wait_timer, NULL, p, NULL);
        g_source_attach(p->wait_timer, NULL);
        const TbDbEngine *engine = tb_db_engine_of(database, NULL); /* the configuration has asked before */
        p->db = tb_db_new(engine ? engine : &tb_db_sqlite, database ? database : file, on_db_changed, p);
        return p;
}

TbHostKeys *tb_persist_host_keys(TbPersist *persist)
{
        return persist->keys;
}

TbEnrolments *tb_persist_enrolments(TbPersist *persist)
{
        return persist->enrolments;
}

static gboolean on_late(gpointer data)
{
        *(bool *)data = true;
        return G_SOURCE_REMOVE;
}

bool tb_persist_load(TbPersist *p, TbPairing *pairing, GError **error)
{
        bool late = false;
        guint timer = g_timeout_add(OPEN_MS, on_late, &late);
        p->pairing = pairing;
        on_db_changed(p);
        while (!late && !p->loaded && !p->failure && tb_db_state(p->db) <= TB_DB_RUNNING)
                g_main_context_iteration(NULL, TRUE);
        if (!late)
                g_source_remove(timer);
        if (tb_db_state(p->db) != TB_DB_REFUSED)
                return true;
        tb_set_error(error, TB_ERROR_UNSUPPORTED, "%s: %s", p->elsewhere ? "the database" : TB_PERSIST_FILE,
                     tb_db_reason(p->db));
        return false;
}

void tb_persist_free(TbPersist *p, guint grace_ms)
{
        if (!p)
                return;
        if (p->loaded)
                begin_round(p);
        for (Batch *batch; p->loaded;) {
                TbDbCall *call = next_call(p, &batch);
                if (!call || !tb_db_submit_take(p->db, call, NULL, NULL, NULL))
                        break;
                batch_free(batch);
        }
        answer(p, G_MAXUINT64, false);
        tb_db_free(p->db, grace_ms);
        if (p->batch)
                batch_free(p->batch);
        g_source_destroy(p->wait_timer);
        g_source_unref(p->wait_timer);
        g_queue_clear_full(&p->ended, g_free);
        tb_host_keys_free(p->keys);
        tb_enrolments_free(p->enrolments);
        tb_accounts_free(p->accounts);
        tb_state_dir_close(p->dir);
        g_free(p->lost);
        g_free(p->trouble);
        g_free(p->failure);
        g_free(p);
}

/* --- use --- */
void tb_persist_changed(TbPersist *p, TbSession *session, TbSessionChange change)
{
        if (change == TB_SESSION_ENDED) {
                unmark(p, session);
                g_queue_push_tail(&p->ended, g_strdup(session->id));
        } else if (change == TB_SESSION_CHANGED) {
                unmark(p, session);
                session->unsaved_seq = ++p->seq;
                tb_persist_mark(p, session, true);
        } else {
                tb_persist_mark(p, session, change == TB_SESSION_CREATED);
        }
        if (change != TB_SESSION_TOUCHED)
                tb_persist_write_next(p);
}

void tb_persist_when_written(TbPersist *p, void (*done)(bool written, gpointer data), gpointer data)
{
        bool written = p->seq_written >= p->seq,
             waits = p->loaded && !p->failure && tb_db_state(p->db) == TB_DB_RUNNING &&
                     tb_db_waiting_ms(p->db) < tb_server_limits.persist_wait_ms;
        if (written || !waits) {
                done(written, data);
                return;
        }
        Waiter *w = g_new0(Waiter, 1);
        w->seq = p->seq;
        w->until_us = g_get_monotonic_time() + tb_server_limits.persist_wait_ms * 1000ll;
        w->done = done;
        w->data = data;
        g_queue_push_tail(&p->waiters, w);
        if (p->waiters.length == 1)
                g_source_set_ready_time(p->wait_timer, w->until_us);
}

gint64 tb_persist_tick(TbPersist *p, gint64 now_ms)
{
        bool any = g_hash_table_size(p->pairing->sessions) > 0 || p->ended.length > 0;
        if (p->loaded)
                look_at_clock(p);
        if (now_ms - p->flushed_ms >= TOUCHED_MS)
                begin_round(p);
        if (!p->loaded && !p->loading && now_ms >= p->retry_at_ms && tb_db_state(p->db) == TB_DB_RUNNING)
                tb_persist_read(p);
        tb_persist_write_next(p);
        return now_ms + (any || !p->loaded ? 1000 : TOUCHED_MS);
}

const char *tb_persist_trouble(TbPersist *p)
{
        gint64 waiting_ms = tb_db_waiting_ms(p->db);
        TbDbState state = tb_db_state(p->db);
        g_clear_pointer(&p->trouble, g_free);
        if (waiting_ms >= STALLED_MS)
                p->trouble = g_strdup_printf("sessions are not written: the %s has not answered for %d s",
                                             p->elsewhere ? "database" : "disk", (int)(waiting_ms / 1000));
        else if (state == TB_DB_FAILING || state == TB_DB_REFUSED)
                p->trouble = g_strdup_printf("sessions are not written: %s", tb_db_reason(p->db));
        else if (p->failure)
                p->trouble = g_strdup_printf("sessions are not written: %s", p->failure);
        else
                p->trouble = g_strdup(p->lost);
        return p->trouble;
}

void tb_persist_metrics(GString *out, gpointer data)
{
        const TbPersist *p = data;
        tb_db_metrics(out, p->db);
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_sessions_unwritten",
                       "Sessions that were made and are not on the disk yet.", p->made.length);
}
