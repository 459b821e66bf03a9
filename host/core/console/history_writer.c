/*
 * The thread that opens, writes and closes all histories, in turns, a piece each. A disk that stands still keeps this thread and
 * nobody else.
 */
#include "host/core/console/history_private.h"
#include "lib/error.h"
#include "lib/limits.h"

static struct {
        TbMutex lock;
        TbCond changed;
        GQueue ready;        /* of TbHistory, ref each; protected by lock */
        bool stop;           /* protected by lock */
        bool runs;           /* the thread, and takes what is pushed; protected by lock */
        guint64 turns;       /* that it has ended; protected by lock */
        gint64 busy_us;      /* since when it is at a turn; 0: idle; protected by lock */
        guint retry;         /* main: there was no thread */
        GPtrArray *unopened; /* main; of TbHistory, ref each: they wait for one */
        TbThread *thread;    /* main; NULL: not needed yet */
} writer = {.lock = TB_MUTEX_INIT};

static void call_waiters(TbHistory *h)
{
        if (!tb_history_is_open(h))
                return;
        while (h->waiters->len > 0) {
                TbHistoryWaiter w = g_array_index(h->waiters, TbHistoryWaiter, 0);
                g_array_remove_index(h->waiters, 0);
                w.opened(w.data);
        }
}

static void tell(gpointer data)
{
        TbHistory *h = data;
        tb_mutex_lock(&h->lock);
        h->telling = false;
        void (*changed)(gpointer) = h->changed;
        gpointer user = h->user;
        tb_mutex_unlock(&h->lock);
        if (changed)
                changed(user);
        call_waiters(h);
        tb_history_unref(h);
}

/* Lock held. */
static bool owes_news(TbHistory *h, bool opened, bool had_error)
{
        bool news = opened || (h->error != NULL) != had_error ||
                    (h->behind && (h->error || h->end - h->disk_end <= TB_LIMIT_HISTORY_BEHIND / 2));
        if (!news || h->telling)
                return false;
        h->behind = false;
        h->telling = true;
        return true;
}

static void post_news(TbHistory *h)
{
        if (!tb_main_post(tell, tb_history_ref(h)))
                tb_history_unref(h);
}

/* True: there is more. */
static bool turn(TbHistory *h, TbPiece *p)
{
        tb_mutex_lock(&h->lock);
        bool had_error = h->error != NULL, fresh = !h->open, more = !fresh && tb_history_piece_take(h, p);
        tb_mutex_unlock(&h->lock);
        if (fresh)
                tb_history_disk_open(h);
        if (more)
                tb_history_piece_write(h, p);
        tb_mutex_lock(&h->lock);
        more = h->disk_end < h->end && !h->error;
        h->queued = more;
        if (!more)
                tb_cond_broadcast(&h->settled);
        bool news = owes_news(h, fresh, had_error);
        tb_mutex_unlock(&h->lock);
        if (news)
                post_news(h);
        return more;
}

static void run(gpointer data G_GNUC_UNUSED)
{
        g_autofree TbPiece *piece = g_new(TbPiece, 1);
        tb_mutex_lock(&writer.lock);
        while (!writer.stop || writer.ready.length > 0) {
                TbHistory *h = g_queue_pop_head(&writer.ready);
                if (!h) {
                        tb_cond_wait_until(&writer.changed, &writer.lock, -1);
                        continue;
                }
                writer.busy_us = g_get_monotonic_time();
                tb_mutex_unlock(&writer.lock);
                bool more = turn(h, piece);
                if (!more)
                        tb_history_unref_by_writer(h);
                tb_mutex_lock(&writer.lock);
                if (more)
                        g_queue_push_tail(&writer.ready, h);
                writer.busy_us = 0;
                writer.turns++;
                if (writer.stop)
                        tb_cond_broadcast(&writer.changed);
        }
        writer.runs = false;
        tb_cond_broadcast(&writer.changed);
        tb_mutex_unlock(&writer.lock);
}

static gboolean start_again(gpointer data G_GNUC_UNUSED)
{
        g_autoptr(GPtrArray) unopened = g_steal_pointer(&writer.unopened);
        writer.retry = 0;
        for (guint i = 0; i < unopened->len; i++)
                tb_history_disk_wake(g_ptr_array_index(unopened, i));
        return G_SOURCE_REMOVE;
}

/* What is to be written is tried again when more comes; nothing may ever come of one that is not open. */
static void open_later(TbHistory *h)
{
        if (!writer.unopened)
                writer.unopened = g_ptr_array_new_with_free_func((GDestroyNotify)tb_history_unref);
        if (!g_ptr_array_find(writer.unopened, h, NULL))
                g_ptr_array_add(writer.unopened, tb_history_ref(h));
        if (!writer.retry)
                writer.retry =
                        g_timeout_add(TB_HISTORY_RETRY_US / G_TIME_SPAN_MILLISECOND, start_again, NULL);
}

/* Without a thread it is as without a disk: said, tried again later, and the newest bytes wait in the ring. */
static bool writer_start(TbHistory *h)
{
        g_autoptr(GError) error = NULL;
        tb_cond_init(&writer.changed);
        writer.stop = false;
        writer.runs = true;
        writer.thread = tb_thread_try_start("history", run, NULL, &error);
        if (writer.thread)
                return true;
        writer.runs = false;
        tb_cond_clear(&writer.changed);
        tb_history_disk_release(h); /* nobody writes: a new segment begins when somebody does */
        tb_mutex_lock(&h->lock);
        bool had_error = h->error != NULL;
        g_free(h->error);
        h->error =
                g_strdup_printf("cannot write the console history in %s: %s", h->dir, tb_error_detail(error));
        h->retry_us = g_get_monotonic_time() + TB_HISTORY_RETRY_US;
        bool news = owes_news(h, false, had_error);
        bool open = h->open;
        tb_mutex_unlock(&h->lock);
        if (news)
                post_news(h);
        if (!open)
                open_later(h);
        return false;
}

static void push(TbHistory *h_take)
{
        g_queue_push_tail(&writer.ready, h_take);
        tb_cond_signal(&writer.changed);
}

void tb_history_disk_wake(TbHistory *h)
{
        tb_assert_main();
        if (!writer.thread && !writer_start(h))
                return;
        tb_mutex_lock(&h->lock);
        bool wanted = !h->queued;
        h->queued = true;
        tb_mutex_unlock(&h->lock);
        if (!wanted)
                return;
        tb_mutex_lock(&writer.lock);
        push(tb_history_ref(h));
        tb_mutex_unlock(&writer.lock);
}

bool tb_history_disk_take(TbHistory *h)
{
        tb_mutex_lock(&writer.lock);
        bool taken = writer.runs;
        if (taken) {
                tb_mutex_lock(&h->lock);
                h->queued = true;
                tb_mutex_unlock(&h->lock);
                tb_ref_init(&h->ref);
                push(h);
        }
        tb_mutex_unlock(&writer.lock);
        return taken;
}

/* What a disk that works still has to take is waited for, turn by turn (TB_LIMIT_DISK_STOP_MS). */
static void writer_stop(void)
{
        if (!writer.thread)
                return;
        tb_mutex_lock(&writer.lock);
        writer.stop = true;
        tb_cond_broadcast(&writer.changed);
        for (bool answers = true; writer.runs && answers;) {
                guint64 turns = writer.turns;
                gint64 until = g_get_monotonic_time() + TB_LIMIT_DISK_STOP_MS * G_TIME_SPAN_MILLISECOND;
                while (writer.runs && turns == writer.turns && answers)
                        answers = tb_cond_wait_until(&writer.changed, &writer.lock, until);
        }
        bool ended = !writer.runs;
        tb_mutex_unlock(&writer.lock);
        if (!ended)
                return; /* the disk keeps it: the process ends without it */
        tb_thread_join(g_steal_pointer(&writer.thread));
        tb_cond_clear(&writer.changed);
}

void tb_histories_stop(void)
{
        tb_assert_main();
        g_clear_handle_id(&writer.retry, g_source_remove);
        g_clear_pointer(&writer.unopened, g_ptr_array_unref);
        tb_history_reads_stop();
        writer_stop();
}

char *tb_histories_problem(void)
{
        tb_assert_main();
        tb_mutex_lock(&writer.lock);
        gint64 since[] = {writer.busy_us, tb_history_reads_busy_us()};
        tb_mutex_unlock(&writer.lock);
        static const char *const what[] = {"what consoles say now is not stored, and they are held",
                                           "what they said before cannot be read"};
        for (guint i = 0; i < G_N_ELEMENTS(since); i++) {
                gint64 ms = since[i] ? (g_get_monotonic_time() - since[i]) / G_TIME_SPAN_MILLISECOND : 0;
                if (ms >= TB_LIMIT_DISK_LATE_MS)
                        return g_strdup_printf("the disk of the console histories has not answered for "
                                               "%" G_GINT64_FORMAT " s: %s",
                                               ms / 1000, what[i]);
        }
        return NULL;
}
