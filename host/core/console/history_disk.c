/* What the writer does to a history's folder: opens it, puts a piece of the ring there, drops what is old, closes it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/core/console/history_private.h"
#include "lib/limits.h"

#define SEGMENTS_LEAST 8 /* of a history that is full: the oldest goes as a whole, and most is to stay */

void tb_history_disk_release(TbHistory *h)
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
        tb_history_disk_release(h);
        g_free(h->error);
        h->error = g_strdup_printf("%s %s: %s", what, h->dir, g_strerror(e));
        h->retry_us = g_get_monotonic_time() + TB_HISTORY_RETRY_US;
}

/* Starts a segment at `at`. A disk that failed in between leaves a hole, which readers skip: offsets stay true. */
static bool segment_begin(TbHistory *h, guint64 at)
{
        tb_history_disk_release(h);
        h->log_fd = tb_history_segment_open(h, at, "log", O_RDWR | O_CREAT | O_APPEND);
        h->idx_fd = h->log_fd < 0 ? -1 : tb_history_segment_open(h, at, "idx", O_RDWR | O_CREAT | O_APPEND);
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

/* Lock held. What came before the folder was read gets its place behind what stands there. */
static void settle_place(TbHistory *h, guint64 base)
{
        guint8 *ring = g_malloc(TB_HISTORY_RING);
        for (guint64 at = h->ring_start; at < h->end;) {
                gsize to = (gsize)((base + at) % TB_HISTORY_RING);
                gsize n = (gsize)MIN(h->end - at, (guint64)(TB_HISTORY_RING - to));
                tb_history_copy_ring(h, at, ring + to, n);
                at += n;
        }
        g_free(h->ring);
        h->ring = ring;
        for (guint i = 0; i < h->recent->len; i++)
                g_array_index(h->recent, TbLineStart, i).offset += base;
        h->ring_start += base;
        h->end += base;
        h->base = h->disk_end = base;
        h->open = true;
}

void tb_history_disk_open(TbHistory *h)
{
        int e = g_mkdir_with_parents(h->dir, 0750) < 0 ? errno : 0;
        GArray *found = tb_history_scan(h);
        guint64 base = 0;
        tb_mutex_lock(&h->lock);
        for (guint i = 0; i < found->len; i++) {
                const TbSegment *s = &g_array_index(found, TbSegment, i);
                h->total += s->size + s->index;
                base = s->first + s->size;
        }
        g_array_unref(h->segments);
        h->segments = found;
        g_clear_pointer(&h->error, g_free);
        if (e)
                failed(h, "cannot make the folder", e);
        tb_mutex_unlock(&h->lock);
        if (!e)
                segment_begin(h, base); /* a new run starts a new segment: a line that was cut by a crash
                                             keeps its place */
        tb_mutex_lock(&h->lock);
        settle_place(h, base);
        tb_mutex_unlock(&h->lock);
}

void tb_history_disk_close(TbHistory *h)
{
        tb_history_disk_release(h);
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
bool tb_history_piece_take(TbHistory *h, TbPiece *p)
{
        if (h->disk_end == h->end || (h->error && g_get_monotonic_time() < h->retry_us))
                return false;
        p->hole = h->disk_end < h->ring_start;
        h->disk_end = p->from = MAX(h->disk_end, h->ring_start);
        p->size = (gsize)MIN(h->end - p->from, (guint64)TB_HISTORY_PIECE);
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
                if (p->n_lines == TB_HISTORY_PIECE_LINES) {
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
void tb_history_piece_write(TbHistory *h, const TbPiece *p)
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
                full = s->size + s->index >=
                       MIN((guint64)TB_LIMIT_HISTORY_SEGMENT, h->limit / SEGMENTS_LEAST);
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
