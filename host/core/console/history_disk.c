/*
 * The disk's side of histories: one thread writes them all in turns, a piece each, out of their rings. A disk
 * that stands still keeps this thread and nobody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/core/console/history_private.h"
#include "lib/error.h"
#include "lib/limits.h"

#define RETRY_US (5 * G_USEC_PER_SEC)
#define PIECE (64 * 1024) /* bytes written in one turn */
#define PIECE_LINES 8192
#define STOP_MS 200 /* what the end waits for the thread */

static struct {
        TbMutex lock;
        TbCond changed;
        GQueue ready;     /* of TbHistory, ref each; protected by lock */
        bool stop;        /* protected by lock */
        bool ended;       /* protected by lock */
        TbThread *thread; /* main; NULL: not needed yet */
} writer = {.lock = TB_MUTEX_INIT};

static void files_close(TbHistory *h)
{
        if (h->log_fd >= 0)
                close(h->log_fd);
        if (h->idx_fd >= 0)
                close(h->idx_fd);
        h->log_fd = h->idx_fd = -1;
}

/* Lock held. */
static void failed(TbHistory *h, const char *what, int e)
{
        files_close(h);
        g_free(h->error);
        h->error = g_strdup_printf("%s %s: %s", what, h->dir, g_strerror(e));
        h->retry_us = g_get_monotonic_time() + RETRY_US;
}

/* Starts a segment at `at`. A disk that failed in between leaves a hole, which readers skip: offsets stay true. */
static bool segment_begin(TbHistory *h, guint64 at)
{
        files_close(h);
        g_autofree char *log = tb_history_segment_path(h, at, "log");
        g_autofree char *idx = tb_history_segment_path(h, at, "idx");
        h->log_fd = open(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        h->idx_fd = h->log_fd < 0 ? -1 : open(idx, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        int e = errno;
        tb_mutex_lock(&h->lock);
        bool ok = h->log_fd >= 0 && h->idx_fd >= 0;
        if (!ok) {
                failed(h, "cannot write the console history in", e);
        } else {
                guint n = h->segments->len;
                TbSegment s = {.first = at};
                if (n == 0 || g_array_index(h->segments, TbSegment, n - 1).first != at)
                        g_array_append_val(h->segments, s); /* an empty last one is used again */
                g_clear_pointer(&h->error, g_free);
        }
        tb_mutex_unlock(&h->lock);
        return ok;
}

void tb_history_disk_open(TbHistory *h)
{
        if (g_mkdir_with_parents(h->dir, 0750) < 0) {
                failed(h, "cannot make the folder", errno);
        } else {
                tb_history_scan(h);
                segment_begin(h, h->end); /* a new run starts a new segment: a line that was cut by a crash
                                             keeps its place */
        }
        h->ring_start = h->disk_end = h->end;
}

void tb_history_disk_close(TbHistory *h)
{
        files_close(h);
        if (h->segments->len == 0)
                return;
        TbSegment last = g_array_index(h->segments, TbSegment, h->segments->len - 1);
        g_autofree char *log = tb_history_segment_path(h, last.first, "log");
        g_autofree char *idx = tb_history_segment_path(h, last.first, "idx");
        if (last.size == 0) { /* a run in which nothing was said leaves no empty files */
                unlink(log);
                unlink(idx);
        }
}

/* --- writing --- */
typedef struct Piece {
        guint64 from;
        gsize size;
        guint n_lines;
        bool hole; /* bytes before it left the ring unwritten */
        guint8 bytes[PIECE];
        TbLineStart lines[PIECE_LINES];
} Piece;

/* Lock held. False: nothing is to be written now. */
static bool take_piece(TbHistory *h, Piece *p)
{
        if (h->disk_end == h->end || (h->error && g_get_monotonic_time() < h->retry_us))
                return false;
        p->hole = h->disk_end < h->ring_start;
        h->disk_end = p->from = MAX(h->disk_end, h->ring_start);
        p->size = (gsize)MIN(h->end - p->from, (guint64)PIECE);
        p->n_lines = 0;
        guint low = 0, high = h->recent->len;
        while (low < high) {
                guint middle = low + (high - low) / 2;
                if (g_array_index(h->recent, TbLineStart, middle).offset < p->from)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < h->recent->len; low++) {
                TbLineStart line = g_array_index(h->recent, TbLineStart, low);
                if (line.offset >= p->from + p->size)
                        break;
                if (p->n_lines == PIECE_LINES) {
                        p->size = (gsize)(line.offset - p->from);
                        break;
                }
                p->lines[p->n_lines++] = line;
        }
        tb_history_copy_ring(h, p->from, p->bytes, p->size);
        return true;
}

static bool write_all(int fd, const void *data, gsize size)
{
        const guint8 *p = data;
        while (size > 0) {
                gssize n = write(fd, p, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                p += n;
                size -= (gsize)n;
        }
        return true;
}

/* A line's place takes 16 bytes, as much as many a line: the limit counts them too. */
static void drop_old(TbHistory *h)
{
        for (;;) {
                tb_mutex_lock(&h->lock);
                bool drop = h->segments->len > 1 && h->total > h->limit;
                TbSegment s = {0};
                if (drop) {
                        s = g_array_index(h->segments, TbSegment, 0);
                        h->total -= s.size + s.index;
                        g_array_remove_index(h->segments, 0);
                }
                tb_mutex_unlock(&h->lock);
                if (!drop)
                        return;
                g_autofree char *log = tb_history_segment_path(h, s.first, "log");
                g_autofree char *idx = tb_history_segment_path(h, s.first, "idx");
                unlink(log);
                unlink(idx);
        }
}

/* The segment's bytes must end where its size says, also after a write that was cut short by a full disk. */
static void write_piece(TbHistory *h, const Piece *p)
{
        if ((h->log_fd < 0 || p->hole) && !segment_begin(h, p->from))
                return;
        gsize lines = p->n_lines * sizeof *p->lines;
        bool ok = write_all(h->log_fd, p->bytes, p->size) && write_all(h->idx_fd, p->lines, lines);
        int e = errno;
        tb_mutex_lock(&h->lock);
        TbSegment *s = &g_array_index(h->segments, TbSegment, h->segments->len - 1);
        bool full = false;
        if (ok) {
                s->size += p->size;
                s->index += lines;
                h->total += p->size + lines;
                h->disk_end = p->from + p->size;
                full = s->size + s->index >= TB_LIMIT_HISTORY_SEGMENT;
        } else {
                if (ftruncate(h->idx_fd, (off_t)s->index) < 0 || ftruncate(h->log_fd, (off_t)s->size) < 0) {
                        h->total -= s->size;
                        s->size = 0; /* cannot be trusted any more */
                }
                failed(h, "cannot write the console history in", e);
        }
        tb_mutex_unlock(&h->lock);
        if (full)
                segment_begin(h, p->from + p->size);
        if (ok)
                drop_old(h);
}

/* --- the thread --- */
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
        tb_history_unref(h);
}

/* Lock held. */
static bool owes_news(TbHistory *h, bool had_error)
{
        bool news = (h->error != NULL) != had_error ||
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
static bool turn(TbHistory *h, Piece *p)
{
        tb_mutex_lock(&h->lock);
        bool had_error = h->error != NULL, more = take_piece(h, p);
        tb_mutex_unlock(&h->lock);
        if (more)
                write_piece(h, p);
        tb_mutex_lock(&h->lock);
        more = h->disk_end < h->end && !h->error;
        h->queued = more;
        if (!more)
                tb_cond_broadcast(&h->settled);
        bool news = owes_news(h, had_error);
        tb_mutex_unlock(&h->lock);
        if (news)
                post_news(h);
        return more;
}

static void run(gpointer data G_GNUC_UNUSED)
{
        g_autofree Piece *piece = g_new(Piece, 1);
        tb_mutex_lock(&writer.lock);
        while (!writer.stop || writer.ready.length > 0) {
                TbHistory *h = g_queue_pop_head(&writer.ready);
                if (!h) {
                        tb_cond_wait_until(&writer.changed, &writer.lock, -1);
                        continue;
                }
                tb_mutex_unlock(&writer.lock);
                bool more = turn(h, piece);
                if (!more)
                        tb_history_unref(h);
                tb_mutex_lock(&writer.lock);
                if (more)
                        g_queue_push_tail(&writer.ready, h);
        }
        writer.ended = true;
        tb_cond_broadcast(&writer.changed);
        tb_mutex_unlock(&writer.lock);
}

/* Without a thread it is as without a disk: said, tried again later, and the newest bytes wait in the ring. */
static bool writer_start(TbHistory *h)
{
        g_autoptr(GError) error = NULL;
        tb_cond_init(&writer.changed);
        writer.stop = writer.ended = false;
        writer.thread = tb_thread_try_start("history", run, NULL, &error);
        if (writer.thread)
                return true;
        tb_cond_clear(&writer.changed);
        files_close(h); /* nobody writes: a new segment begins when somebody does */
        tb_mutex_lock(&h->lock);
        bool had_error = h->error != NULL;
        g_free(h->error);
        h->error =
                g_strdup_printf("cannot write the console history in %s: %s", h->dir, tb_error_detail(error));
        h->retry_us = g_get_monotonic_time() + RETRY_US;
        bool news = owes_news(h, had_error);
        tb_mutex_unlock(&h->lock);
        if (news)
                post_news(h);
        return false;
}

void tb_history_disk_wake(TbHistory *h)
{
        tb_assert_main();
        if (!writer.thread && !writer_start(h))
                return;
        tb_mutex_lock(&h->lock);
        bool push = !h->queued;
        h->queued = true;
        tb_mutex_unlock(&h->lock);
        if (!push)
                return;
        tb_mutex_lock(&writer.lock);
        g_queue_push_tail(&writer.ready, tb_history_ref(h));
        tb_cond_signal(&writer.changed);
        tb_mutex_unlock(&writer.lock);
}

void tb_histories_stop(void)
{
        tb_assert_main();
        if (!writer.thread)
                return;
        gint64 until = g_get_monotonic_time() + STOP_MS * G_TIME_SPAN_MILLISECOND;
        tb_mutex_lock(&writer.lock);
        writer.stop = true;
        tb_cond_broadcast(&writer.changed);
        while (!writer.ended && tb_cond_wait_until(&writer.changed, &writer.lock, until))
                ;
        bool ended = writer.ended;
        tb_mutex_unlock(&writer.lock);
        if (!ended)
                return; /* the disk keeps it: the process ends without it */
        tb_thread_join(g_steal_pointer(&writer.thread));
        tb_cond_clear(&writer.changed);
}
