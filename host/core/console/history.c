#include "host/core/console/history.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "host/core/console/history_private.h"
#include "lib/clock.h"
#include "lib/limits.h"

/* Lines of the ring that are remembered beside the disk's index: a console of empty lines has a million. A disk that
 * keeps less than this for sure forgets lines before the ring does: then all are remembered. */
#define RECENT_MAX 65536
#define DISK_FOR_LINES (TB_HISTORY_RING * (guint64)(2 * (1 + sizeof(TbLineStart))))

G_STATIC_ASSERT(2 * TB_LIMIT_HISTORY_BEHIND < TB_HISTORY_RING);

/* Histories by folder: one that is closed and still being written is found again. */
static TbMutex registry_lock = TB_MUTEX_INIT;
static GHashTable *registry; /* dir -> TbHistory, borrowed; protected by registry_lock */

TbHistory *tb_history_ref(TbHistory *h)
{
        tb_ref_inc(&h->ref);
        return h;
}

static void history_free(TbHistory *h)
{
        tb_history_disk_close(h);
        g_array_free(h->segments, TRUE);
        g_array_free(h->recent, TRUE);
        g_array_free(h->waiters, TRUE);
        tb_cond_clear(&h->settled);
        tb_mutex_clear(&h->lock);
        g_free(h->ring);
        g_free(h->error);
        g_free(h->dir);
        g_free(h);
}

/* The files are closed by the writer, which also opens them: whoever opens the folder next finds it in order. */
static void unref(TbHistory *h, bool by_writer)
{
        tb_mutex_lock(&registry_lock);
        bool last = tb_ref_dec(&h->ref) && (by_writer || !tb_history_disk_take(h));
        if (last)
                g_hash_table_remove(registry, h->dir);
        tb_mutex_unlock(&registry_lock);
        if (last)
                history_free(h);
}

void tb_history_unref(TbHistory *h)
{
        if (h)
                unref(h, false);
}

void tb_history_unref_by_writer(TbHistory *h)
{
        unref(h, true);
}

static TbHistory *history_new(const char *dir)
{
        TbHistory *h = g_new0(TbHistory, 1);
        tb_ref_init(&h->ref);
        tb_mutex_init(&h->lock);
        tb_cond_init(&h->settled);
        h->dir = g_strdup(dir);
        h->segments = g_array_new(FALSE, FALSE, sizeof(TbSegment));
        h->recent = g_array_new(FALSE, FALSE, sizeof(TbLineStart));
        h->waiters = g_array_new(FALSE, FALSE, sizeof(TbHistoryWaiter));
        h->ring = g_malloc(TB_HISTORY_RING);
        h->log_fd = h->idx_fd = -1;
        h->at_line_start = true;
        return h;
}

TbHistory *tb_history_open(const char *dir, guint64 limit)
{
        tb_assert_main();
        tb_mutex_lock(&registry_lock);
        if (!registry)
                registry = g_hash_table_new(g_str_hash, g_str_equal);
        TbHistory *h = g_hash_table_lookup(registry, dir);
        if (h) {
                tb_ref_inc(&h->ref);
        } else {
                h = history_new(dir);
                g_hash_table_insert(registry, h->dir, h);
        }
        tb_mutex_unlock(&registry_lock);
        tb_mutex_lock(&h->lock);
        h->limit = limit ? limit : TB_LIMIT_HISTORY;
        bool wake = !h->open && !h->queued;
        tb_mutex_unlock(&h->lock);
        if (wake)
                tb_history_disk_wake(h);
        return h;
}

void tb_history_close(TbHistory *h)
{
        if (!h)
                return;
        tb_assert_main();
        tb_history_on_change(h, NULL, NULL);
        tb_history_unref(h);
}

void tb_history_on_change(TbHistory *h, void (*changed)(gpointer), gpointer user)
{
        tb_assert_main();
        tb_mutex_lock(&h->lock);
        h->changed = changed;
        h->user = user;
        tb_mutex_unlock(&h->lock);
}

bool tb_history_is_open(TbHistory *h)
{
        tb_mutex_lock(&h->lock);
        bool open = h->open;
        tb_mutex_unlock(&h->lock);
        return open;
}

bool tb_history_when_open(TbHistory *h, void (*opened)(gpointer), gpointer data)
{
        tb_assert_main();
        TbHistoryWaiter w = {opened, data};
        if (h->waiters->len == 0 && tb_history_is_open(h))
                return false;
        g_array_append_val(h->waiters, w); /* behind those that are about to be called, too */
        return true;
}

void tb_history_forget(TbHistory *h, gpointer data)
{
        tb_assert_main();
        for (guint i = h->waiters->len; i-- > 0;)
                if (g_array_index(h->waiters, TbHistoryWaiter, i).data == data)
                        g_array_remove_index(h->waiters, i);
}

static void ring_put(TbHistory *h, const guint8 *data, gsize size)
{
        if (size >
            TB_HISTORY_RING) { /* only the newest part can stay; offsets go on as if all had been put */
                data += size - TB_HISTORY_RING;
                h->end += size - TB_HISTORY_RING;
                size = TB_HISTORY_RING;
                h->ring_start = h->end;
        }
        gsize at = (gsize)(h->end % TB_HISTORY_RING);
        gsize first = MIN(size, TB_HISTORY_RING - at);
        memcpy(h->ring + at, data, first);
        memcpy(h->ring, data + first, size - first);
        h->end += size;
        if (h->end - h->ring_start > TB_HISTORY_RING)
                h->ring_start = h->end - TB_HISTORY_RING;
}

static void note_lines(TbHistory *h, const guint8 *data, gsize size, gint64 now)
{
        for (gsize i = 0; i < size;) {
                if (h->at_line_start) {
                        TbLineStart line = {h->end + i, now};
                        g_array_append_val(h->recent, line);
                }
                const guint8 *nl = memchr(data + i, '\n', size - i);
                h->at_line_start = nl != NULL;
                if (!nl)
                        break;
                i = (gsize)(nl - data) + 1;
        }
}

/* Forgets lines that left the ring, and, where there are very many, those that the disk has. */
static void forget_lines(TbHistory *h)
{
        guint stale = 0;
        while (stale < h->recent->len) {
                guint64 offset = g_array_index(h->recent, TbLineStart, stale).offset;
                bool on_disk = offset < h->disk_end && !h->error && h->limit > DISK_FOR_LINES &&
                               h->recent->len - stale > RECENT_MAX;
                if (offset >= h->ring_start && !on_disk)
                        break;
                stale++;
        }
        if (stale > 1024) /* amortised: moving the array for every line would be quadratic */
                g_array_remove_range(h->recent, 0, stale);
}

void tb_history_append(TbHistory *h, const void *data, gsize size)
{
        tb_assert_main();
        if (size == 0)
                return;
        tb_mutex_lock(&h->lock);
        note_lines(h, data, size, tb_clock_ms());
        ring_put(h, data, size);
        forget_lines(h);
        bool wake = !h->queued && (!h->error || g_get_monotonic_time() >= h->retry_us);
        tb_mutex_unlock(&h->lock);
        if (wake)
                tb_history_disk_wake(h);
}

bool tb_history_behind(TbHistory *h)
{
        tb_mutex_lock(&h->lock);
        h->behind = !h->error && (!h->open || h->end - h->disk_end > TB_LIMIT_HISTORY_BEHIND);
        bool behind = h->behind;
        tb_mutex_unlock(&h->lock);
        return behind;
}

bool tb_history_flush(TbHistory *h, int ms)
{
        tb_assert_main();
        gint64 until = g_get_monotonic_time() + (gint64)ms * 1000;
        tb_mutex_lock(&h->lock);
        while (h->queued && tb_cond_wait_until(&h->settled, &h->lock, until))
                ;
        bool done = !h->queued;
        tb_mutex_unlock(&h->lock);
        return done;
}

static guint64 start_of(const TbHistory *h)
{
        return h->segments->len > 0 ? MIN(g_array_index(h->segments, TbSegment, 0).first, h->ring_start)
                                    : h->ring_start;
}

guint64 tb_history_start(TbHistory *h)
{
        tb_mutex_lock(&h->lock);
        guint64 start = start_of(h);
        tb_mutex_unlock(&h->lock);
        return start;
}

guint64 tb_history_end(TbHistory *h)
{
        tb_mutex_lock(&h->lock);
        guint64 end = h->end;
        tb_mutex_unlock(&h->lock);
        return end;
}

char *tb_history_error(TbHistory *h)
{
        tb_mutex_lock(&h->lock);
        char *error = g_strdup(h->error);
        tb_mutex_unlock(&h->lock);
        return error;
}

const TbSegment *tb_history_segment_at(const TbHistory *h, guint64 offset)
{
        for (guint i = 0; i < h->segments->len; i++) {
                const TbSegment *s = &g_array_index(h->segments, TbSegment, i);
                if (offset < s->first + s->size)
                        return s;
        }
        return NULL;
}

void tb_history_copy_ring(const TbHistory *h, guint64 offset, void *buf, gsize size)
{
        gsize at = (gsize)(offset % TB_HISTORY_RING);
        gsize first = MIN(size, TB_HISTORY_RING - at);
        memcpy(buf, h->ring + at, first);
        memcpy((guint8 *)buf + first, h->ring, size - first);
}

/* Lock held. True: *ret_n bytes came out of memory; false: `segment` has them, from *ret_offset on. */
static bool read_memory(const TbHistory *h, guint64 offset, bool no_disk, void *buf, gsize size, gsize *ret_n,
                        guint64 *ret_offset, TbSegment *ret_segment)
{
        offset = MAX(offset, start_of(h));
        *ret_offset = offset;
        *ret_n = 0;
        if (offset >= h->end || size == 0)
                return true;
        if (offset < h->ring_start) {
                const TbSegment *s = no_disk ? NULL : tb_history_segment_at(h, offset);
                if (s && MAX(s->first, offset) < h->ring_start) {
                        *ret_offset = MAX(s->first, offset); /* a hole was skipped */
                        *ret_segment = *s;
                        return false;
                }
                *ret_offset = offset = h->ring_start;
        }
        *ret_n = (gsize)MIN((guint64)size, h->end - offset);
        tb_history_copy_ring(h, offset, buf, *ret_n);
        return true;
}

bool tb_history_peek(TbHistory *h, guint64 offset, void *buf, gsize size, gsize *ret_n, guint64 *ret_offset)
{
        TbSegment on_disk;
        tb_mutex_lock(&h->lock);
        bool got = read_memory(h, offset, false, buf, size, ret_n, ret_offset, &on_disk);
        tb_mutex_unlock(&h->lock);
        return got;
}

gsize tb_history_read(TbHistory *h, guint64 offset, void *buf, gsize size, guint64 *ret_offset)
{
        g_assert(!tb_is_main()); /* the disk may stand still */
        gsize n = 0;
        TbSegment s;
        for (bool no_disk = false;; no_disk = true) {
                tb_mutex_lock(&h->lock);
                bool got = read_memory(h, offset, no_disk, buf, size, &n, ret_offset, &s);
                tb_mutex_unlock(&h->lock);
                if (got)
                        return n;
                int fd = tb_history_segment_open(h, s.first, "log", O_RDONLY);
                gsize want = (gsize)MIN((guint64)size, s.first + s.size - *ret_offset);
                gssize r = fd >= 0 ? pread(fd, buf, want, (off_t)(*ret_offset - s.first)) : -1;
                if (fd >= 0)
                        close(fd);
                if (r > 0)
                        return (gsize)r;
        }
}
