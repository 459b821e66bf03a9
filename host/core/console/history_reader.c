#include "host/core/console/history_reader.h"

#include <string.h>

#include "host/core/console/history_private.h"
#include "lib/error.h"
#include "lib/log.h"

#define STOP_MS 500         /* what the end waits for the thread */
#define START_RETRY_MS 1000 /* when there is no thread */

/* One look at the disk: belongs to the thread while it is in its queue, then to main. */
typedef struct Fetch {
        TbHistoryReader *reader; /* main; NULL: it has gone */
        TbHistory *history;      /* ref */
        guint64 asked;
        guint limit;        /* of lines; 0: bytes */
        TbHistoryWish wish; /* where lines begin instead of `asked` */
        /* what came */
        guint64 at, next; /* of bytes: where they begin; of lines: where to go on */
        gsize n;
        bool whole;
        guint8 *bytes; /* owned */
        json_t *lines; /* owned */
} Fetch;

struct TbHistoryReader {
        TbHistory *history; /* ref */
        void (*ready)(gpointer user);
        gpointer user;
        gint64 from;   /* unless placed */
        guint64 early; /* what had come when it was to begin "now", of a history that was not open */
        guint64 at;    /* with placed */
        bool placed;
        bool whole;         /* lines: none of which the beginning is before its place */
        TbHistoryWish wish; /* of the first look at lines; zeros: none */
        guint lacks;        /* lines that the last peek lacked; 0: bytes */
        Fetch *got;         /* owned; NULL: none */
        Fetch *fetch;       /* under way; NULL: none */
        bool unopened;      /* waits for the history */
};

static struct {
        TbMutex lock;
        TbCond changed;
        GQueue fetches;   /* of Fetch; protected by lock */
        bool stop, ended; /* protected by lock */
        gint64 busy_us;   /* since when it is at a look; 0: idle; protected by lock */
        TbThread *thread; /* main; NULL: not needed yet */
        guint retry;      /* main: there was no thread */
} disk = {.lock = TB_MUTEX_INIT};

static void fetch_free(Fetch *f)
{
        if (!f)
                return;
        tb_history_unref(f->history);
        g_free(f->bytes);
        json_decref(f->lines);
        g_free(f);
}

/* --- the thread that reads the disk --- */
static void fetched(gpointer data)
{
        Fetch *f = data;
        TbHistoryReader *r = f->reader;
        if (!r) {
                fetch_free(f);
                return;
        }
        r->fetch = NULL;
        r->got = f;
        if (f->wish.tail || f->wish.since_ms)
                r->at = f->asked;
        r->wish = (TbHistoryWish){0};
        r->ready(r->user);
}

static void look(Fetch *f)
{
        if (f->limit > 0) {
                if (f->wish.tail || f->wish.since_ms)
                        f->asked = tb_history_find(f->history, &f->wish);
                f->lines = tb_history_lines(f->history, f->asked, f->limit, f->whole, &f->next);
                return;
        }
        f->bytes = g_malloc(TB_HISTORY_PIECE);
        f->n = tb_history_read(f->history, f->asked, f->bytes, TB_HISTORY_PIECE, &f->at);
}

static void run(gpointer data G_GNUC_UNUSED)
{
        tb_mutex_lock(&disk.lock);
        while (!disk.stop) {
                Fetch *f = g_queue_pop_head(&disk.fetches);
                if (!f) {
                        tb_cond_wait_until(&disk.changed, &disk.lock, -1);
                        continue;
                }
                disk.busy_us = g_get_monotonic_time();
                tb_mutex_unlock(&disk.lock);
                look(f);
                if (!tb_main_post(fetched, f))
                        fetch_free(f);
                tb_mutex_lock(&disk.lock);
                disk.busy_us = 0;
        }
        disk.ended = true;
        tb_cond_broadcast(&disk.changed);
        tb_mutex_unlock(&disk.lock);
}

static void start(void);

static gboolean start_again(gpointer data G_GNUC_UNUSED)
{
        disk.retry = 0;
        start();
        return G_SOURCE_REMOVE;
}

static void start(void)
{
        g_autoptr(GError) error = NULL;
        if (disk.thread || disk.retry)
                return;
        tb_cond_init(&disk.changed);
        disk.stop = disk.ended = false;
        disk.thread = tb_thread_try_start("history-read", run, NULL, &error);
        if (disk.thread)
                return;
        tb_cond_clear(&disk.changed);
        tb_log(TB_LOG_WARNING, TB_F(), "old console history waits to be read: %s; tried again",
               tb_error_detail(error));
        disk.retry = g_timeout_add(START_RETRY_MS, start_again, NULL);
}

void tb_history_reads_stop(void)
{
        tb_assert_main();
        g_clear_handle_id(&disk.retry, g_source_remove);
        gint64 until = g_get_monotonic_time() + STOP_MS * G_TIME_SPAN_MILLISECOND;
        GQueue left = G_QUEUE_INIT;
        tb_mutex_lock(&disk.lock);
        left = disk.fetches;
        g_queue_init(&disk.fetches);
        disk.stop = true;
        if (disk.thread)
                tb_cond_broadcast(&disk.changed);
        while (disk.thread && !disk.ended && tb_cond_wait_until(&disk.changed, &disk.lock, until))
                ;
        bool ended = disk.thread && disk.ended;
        tb_mutex_unlock(&disk.lock);
        for (Fetch *f; (f = g_queue_pop_head(&left));) {
                if (f->reader)
                        f->reader->fetch = NULL;
                fetch_free(f);
        }
        if (!ended)
                return; /* it has none, or the disk keeps it: the process ends without it */
        tb_thread_join(g_steal_pointer(&disk.thread));
        tb_cond_clear(&disk.changed);
}

gint64 tb_history_reads_busy_us(void)
{
        tb_mutex_lock(&disk.lock);
        gint64 since = disk.busy_us;
        tb_mutex_unlock(&disk.lock);
        return since;
}

/* --- the reader --- */
/* Where it is, as soon as that can be told. */
static bool place(TbHistoryReader *r)
{
        if (r->placed)
                return true;
        if (!tb_history_is_open(r->history))
                return false;
        gint64 end = (gint64)tb_history_end(r->history);
        if (r->from == TB_HISTORY_NOW)
                r->at = r->history->base + r->early;
        else
                r->at = (guint64)(r->from < 0 ? MAX(0, end + r->from) : MIN(r->from, end));
        return r->placed = true;
}

void tb_history_reader_seek(TbHistoryReader *r, gint64 from)
{
        guint64 end = tb_history_end(r->history);
        r->from = from;
        r->placed = from >= 0 && from != TB_HISTORY_NOW && tb_history_is_open(r->history);
        if (r->placed)
                r->at = (guint64)from;
        else if (!tb_history_is_open(r->history))
                r->early = end;
        else {
                r->placed = true;
                r->at = from < 0 ? (guint64)MAX(0, (gint64)end + from) : end;
        }
}

TbHistoryReader *tb_history_reader_new(TbHistory *history, gint64 from, void (*ready)(gpointer),
                                       gpointer user)
{
        tb_assert_main();
        TbHistoryReader *r = g_new0(TbHistoryReader, 1);
        r->history = tb_history_ref(history);
        r->ready = ready;
        r->user = user;
        tb_history_reader_seek(r, from);
        return r;
}

void tb_history_reader_free(TbHistoryReader *r)
{
        if (!r)
                return;
        tb_assert_main();
        if (r->fetch)
                r->fetch->reader = NULL; /* the thread does not look at it; fetched() does */
        if (r->unopened)
                tb_history_forget(r->history, r);
        fetch_free(r->got);
        tb_history_unref(r->history);
        g_free(r);
}

gint64 tb_history_reader_place(const TbHistoryReader *r)
{
        return r->placed ? (gint64)r->at : r->from;
}

void tb_history_reader_wish(TbHistoryReader *r, const TbHistoryWish *wish)
{
        r->wish = *wish;
}

bool tb_history_reader_waits(const TbHistoryReader *r)
{
        return r->fetch || r->unopened;
}

static void drop_got(TbHistoryReader *r)
{
        g_clear_pointer(&r->got, fetch_free);
}

bool tb_history_reader_peek(TbHistoryReader *r, void *buf, gsize size, gsize *ret_n, guint64 *ret_offset)
{
        g_assert(!r->fetch);
        r->lacks = 0;
        *ret_n = 0;
        if (!place(r))
                return false;
        const Fetch *f = r->got && r->got->bytes ? r->got : NULL;
        bool within = f && r->at >= f->at && r->at < f->at + f->n;
        if (within || (f && r->at == f->asked)) {
                *ret_offset = MAX(r->at, f->at);
                gsize skip = (gsize)(*ret_offset - f->at);
                *ret_n = MIN(size, f->n - skip);
                memcpy(buf, f->bytes + skip, *ret_n);
                if (f->n == 0)
                        drop_got(r);
                return true;
        }
        drop_got(r);
        return tb_history_peek(r->history, r->at, buf, size, ret_n, ret_offset);
}

json_t *tb_history_reader_peek_lines(TbHistoryReader *r, guint limit, guint64 *ret_next)
{
        g_assert(!r->fetch);
        r->lacks = limit;
        if (!place(r))
                return NULL;
        json_t *lines = NULL;
        if (r->wish.tail || r->wish.since_ms) {
                if (!tb_history_peek_find(r->history, &r->wish, &r->at))
                        return NULL;
                r->wish = (TbHistoryWish){0};
        }
        if (r->got && r->got->lines && r->got->asked == r->at) {
                *ret_next = r->got->next;
                lines = json_incref(r->got->lines);
        }
        drop_got(r);
        return lines ? lines : tb_history_peek_lines(r->history, r->at, limit, r->whole, ret_next);
}

void tb_history_reader_whole_lines(TbHistoryReader *r)
{
        r->whole = true;
}

static void opened(gpointer data)
{
        TbHistoryReader *r = data;
        r->unopened = false;
        place(r);
        r->ready(r->user);
}

void tb_history_reader_fetch(TbHistoryReader *r)
{
        tb_assert_main();
        if (tb_history_reader_waits(r))
                return;
        if (!place(r) && tb_history_when_open(r->history, opened, r)) {
                r->unopened = true;
                return;
        }
        place(r);
        r->fetch = g_new(Fetch, 1);
        *r->fetch = (Fetch){.reader = r,
                            .history = tb_history_ref(r->history),
                            .asked = r->at,
                            .limit = r->lacks,
                            .wish = r->wish,
                            .whole = r->whole};
        start();
        tb_mutex_lock(&disk.lock);
        g_queue_push_tail(&disk.fetches, r->fetch);
        if (disk.thread)
                tb_cond_signal(&disk.changed);
        tb_mutex_unlock(&disk.lock);
}

gsize tb_history_reader_read(TbHistoryReader *r, void *buf, gsize size, guint64 *ret_offset)
{
        gsize n = 0;
        if (!tb_history_reader_waits(r) && !tb_history_reader_peek(r, buf, size, &n, ret_offset))
                tb_history_reader_fetch(r);
        return n;
}

json_t *tb_history_reader_lines(TbHistoryReader *r, guint limit, guint64 *ret_next)
{
        if (tb_history_reader_waits(r))
                return NULL;
        json_t *lines = tb_history_reader_peek_lines(r, limit, ret_next);
        if (!lines)
                tb_history_reader_fetch(r);
        return lines;
}
