/* Lines of a history: where they begin, by the index on disk and in memory, and what they say. Any thread. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "host/core/console/history_private.h"
#include "lib/clock.h"
#include "lib/limits.h"

#define INDEX_CHUNK 512 /* records read at once */

static gsize read_records(int fd, guint64 at, TbLineStart *out, gsize n)
{
        gssize got = pread(fd, out, n * sizeof *out, (off_t)(at * sizeof *out));
        return got < 0 ? 0 : (gsize)got / sizeof *out;
}

/* The first record at or after `from`; they rise. */
static guint64 find_record(int fd, guint64 count, guint64 from)
{
        guint64 low = 0, high = count;
        while (low < high) {
                guint64 middle = low + (high - low) / 2;
                TbLineStart line;
                if (read_records(fd, middle, &line, 1) == 1 && line.offset < from)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* One segment's lines in [from, until), and the last one before `from` that began in it. */
static void lines_of_segment(TbHistory *h, const TbSegment *s, guint64 from, guint64 until, guint limit,
                             GArray *out, TbLineStart *before)
{
        int fd = tb_history_segment_open(h, s->first, "idx", O_RDONLY);
        if (fd < 0)
                return;
        TbLineStart lines[INDEX_CHUNK];
        guint64 at = find_record(fd, s->index / sizeof *lines, from);
        if (at > 0 && out->len == 0)
                read_records(fd, at - 1, before, 1);
        for (gsize n; out->len < limit && (n = read_records(fd, at, lines, INDEX_CHUNK)) > 0; at += n) {
                for (gsize i = 0; i < n && out->len < limit; i++)
                        if (lines[i].offset >= from && lines[i].offset < until)
                                g_array_append_val(out, lines[i]);
                if (lines[n - 1].offset >= until)
                        break;
        }
        close(fd);
}

/* Lock held. The lines that are in memory: those at or after `from`, at most `limit`. */
static void recent_starts(const TbHistory *h, guint64 from, guint limit, GArray *out, TbLineStart *before)
{
        const TbLineStart *recent = (const TbLineStart *)(gconstpointer)h->recent->data;
        guint low = 0, high = h->recent->len;
        while (low < high) {
                guint middle = low + (high - low) / 2;
                if (recent[middle].offset < from)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low > 0)
                *before = recent[low - 1];
        g_array_append_vals(out, recent + low, MIN(limit, h->recent->len - low));
}

/* All line starts at or after `from`, at most `limit`, oldest first; *before: the line that runs into `from`. NULL: `memory`
 * was all that may be looked at, and does not do. */
static GArray *line_starts(TbHistory *h, guint64 from, guint limit, bool memory, TbLineStart *before)
{
        GArray *out = g_array_new(FALSE, FALSE, sizeof(TbLineStart));
        g_autoptr(GArray) recent = g_array_new(FALSE, FALSE, sizeof(TbLineStart));
        g_autoptr(GArray) segments = g_array_new(FALSE, FALSE, sizeof(TbSegment));
        TbLineStart before_recent = {.offset = G_MAXUINT64};
        tb_mutex_lock(&h->lock);
        recent_starts(h, from, limit, recent, &before_recent);
        guint64 memory_from = h->recent->len > 0 ? g_array_index(h->recent, TbLineStart, 0).offset : h->end;
        for (guint i = 0; i < h->segments->len && from < memory_from; i++) {
                const TbSegment *s = &g_array_index(h->segments, TbSegment, i);
                if (s->first + s->size > from)
                        g_array_append_vals(segments, s, 1);
        }
        tb_mutex_unlock(&h->lock);
        if (memory && segments->len > 0) {
                g_array_unref(out);
                return NULL;
        }
        for (guint i = 0; i < segments->len && out->len < limit; i++)
                lines_of_segment(h, &g_array_index(segments, TbSegment, i), from, memory_from, limit, out,
                                 before);
        if (out->len == 0 && before_recent.offset != G_MAXUINT64)
                *before = before_recent;
        g_array_append_vals(out, recent->data, MIN(limit - out->len, recent->len));
        return out;
}

typedef struct Lines {
        TbHistory *history;
        json_t *out;
        char *buf; /* TB_LIMIT_LINE bytes */
        guint limit;
        gsize bytes;
        bool memory; /* the disk is not to be touched */
        bool lacks;  /* and it would have been */
        bool whole;  /* no rest of a line that began before the first offset asked for */
} Lines;

static gsize read_some(Lines *l, guint64 at, char *buf, gsize size, guint64 *where)
{
        gsize n = 0;
        if (!l->memory)
                return tb_history_read(l->history, at, buf, size, where);
        l->lacks |= !tb_history_peek(l->history, at, buf, size, &n, where);
        return l->lacks ? 0 : n;
}

/* Takes the end of a line off: LF, CR LF. False: it does not end here. A lone CR is text: it may be progress that is drawn over. */
static bool strip_end(const char *buf, gsize *size)
{
        if (*size == 0 || buf[*size - 1] != '\n')
                return false;
        for (--*size; *size > 0 && buf[*size - 1] == '\r';)
                --*size;
        return true;
}

/* The pieces of one line in [from, stop). False: the answer is full, and *next is the piece that it lacks. */
static bool add_line(Lines *l, const TbLineStart *line, guint64 from, guint64 stop, guint64 *next)
{
        guint64 begun = from > line->offset ? from - line->offset : 0;
        if (l->whole)
                begun = (begun + TB_LIMIT_LINE - 1) / TB_LIMIT_LINE * TB_LIMIT_LINE;
        for (guint64 at = line->offset + begun; at < stop; at += TB_LIMIT_LINE) {
                *next = at;
                if (json_array_size(l->out) >= l->limit || l->bytes >= TB_LIMIT_LOG_BYTES)
                        return false;
                gsize want = (gsize)MIN(stop - at, (guint64)TB_LIMIT_LINE), got = 0;
                while (got < want) {
                        guint64 where;
                        gsize n = read_some(l, at + got, l->buf + got, want - got, &where);
                        if (n == 0 || where != at + got)
                                break;
                        got += n;
                }
                if (l->lacks)
                        return false;
                bool ends = at + got == stop && strip_end(l->buf, &got);
                if (got == 0 && at != line->offset &&
                    at != from) { /* nothing but the end of the line was left */
                        if (ends)
                                json_object_del(json_array_get(l->out, json_array_size(l->out) - 1), "more");
                        break;
                }
                g_autofree char *text = g_utf8_make_valid(l->buf, (gssize)got);
                json_t *piece = json_pack("{s:I, s:I, s:s}", "offset", (json_int_t)at, "t",
                                          (json_int_t)line->t_ms, "text", text);
                if (!ends)
                        json_object_set_new(piece, "more", json_true());
                json_array_append_new(l->out, piece);
                l->bytes += strlen(text); /* what is no UTF-8 grows */
        }
        return true;
}

/* What is kept from `from` on of a line whose beginning is not: cut off, or of a line that is longer than all that is kept. */
static void begin_anyhow(TbHistory *h, guint64 from, guint64 end, const GArray *starts, TbLineStart *before)
{
        const TbLineStart *first = starts->len > 0 ? &g_array_index(starts, TbLineStart, 0) : NULL;
        guint64 at = MAX(from, tb_history_start(h));
        if (before->offset == G_MAXUINT64 && at < (first ? first->offset : end))
                *before = (TbLineStart){at, first ? first->t_ms : tb_clock_ms()};
}

static json_t *lines(TbHistory *h, guint64 from, guint limit, bool memory, bool whole, guint64 *ret_next)
{
        TbLineStart before = {.offset = G_MAXUINT64};
        guint64 end = tb_history_end(h), next = end;
        g_autoptr(GArray) starts =
                line_starts(h, from, limit + 1, memory, &before); /* one more: it ends the last line */
        if (!starts)
                return NULL;
        if (!whole)
                begin_anyhow(h, from, end, starts, &before);
        g_autofree char *buf = g_malloc(TB_LIMIT_LINE);
        Lines l = {.history = h,
                   .out = json_array(),
                   .buf = buf,
                   .limit = limit,
                   .memory = memory,
                   .whole = whole};
        bool room = true;
        if (before.offset != G_MAXUINT64)
                room = add_line(&l, &before, from,
                                starts->len > 0 ? g_array_index(starts, TbLineStart, 0).offset : end, &next);
        for (guint i = 0; i < starts->len && room; i++) {
                const TbLineStart *line = &g_array_index(starts, TbLineStart, i);
                if (line->offset >= end)
                        break; /* it came meanwhile */
                guint64 stop = i + 1 < starts->len ? g_array_index(starts, TbLineStart, i + 1).offset : end;
                room = add_line(&l, line, from, MIN(stop, end), &next);
        }
        if (l.lacks) {
                json_decref(l.out);
                return NULL;
        }
        *ret_next = room ? end : next;
        return l.out;
}

/* --- where lines begin that are asked for by number or by time --- */
static TbLineStart recent_at(const TbHistory *h, guint i)
{
        return g_array_index(h->recent, TbLineStart, i);
}

/* Lock held. False: not here, or there may be better ones on the disk. */
static bool find_recent(const TbHistory *h, const TbHistoryWish *wish, guint64 *ret)
{
        guint n = h->recent->len, low = 0;
        if (wish->tail > 0) {
                if (n < wish->tail)
                        return false;
                *ret = recent_at(h, n - wish->tail).offset;
                return true;
        }
        for (guint high = n; low < high;) {
                guint middle = low + (high - low) / 2;
                if (recent_at(h, middle).t_ms < wish->since_ms)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret = low < n ? recent_at(h, low).offset : h->end;
        return low > 0;
}

/* The first record at or after `since_ms`; they rise, unless somebody set the clock back. */
static guint64 find_time(int fd, guint64 count, gint64 since_ms)
{
        guint64 low = 0, high = count;
        while (low < high) {
                guint64 middle = low + (high - low) / 2;
                TbLineStart line;
                if (read_records(fd, middle, &line, 1) == 1 && line.t_ms < since_ms)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* In the segments, of what is not in memory (from `memory_from` on). The oldest first by time, the youngest first by number. */
static bool find_on_disk(TbHistory *h, GArray *segments, const TbHistoryWish *wish, guint left,
                         guint64 memory_from, guint64 *ret)
{
        for (guint i = 0; i < segments->len; i++) {
                const TbSegment *s =
                        &g_array_index(segments, TbSegment, wish->tail ? segments->len - 1 - i : i);
                int fd = tb_history_segment_open(h, s->first, "idx", O_RDONLY);
                if (fd < 0)
                        continue;
                TbLineStart line;
                guint64 n = find_record(fd, s->index / sizeof line, memory_from);
                guint64 at = wish->tail ? n - MIN(n, left) : find_time(fd, n, wish->since_ms);
                bool found = (wish->tail ? n >= left : at < n) && read_records(fd, at, &line, 1) == 1;
                close(fd);
                if (found)
                        *ret = line.offset;
                if (found)
                        return true;
                left -= (guint)MIN(n, left);
        }
        return false;
}

static bool find(TbHistory *h, const TbHistoryWish *wish, bool memory, guint64 *ret)
{
        g_autoptr(GArray) segments = g_array_new(FALSE, FALSE, sizeof(TbSegment));
        tb_mutex_lock(&h->lock);
        bool here = find_recent(h, wish, ret);
        guint left = wish->tail > h->recent->len ? wish->tail - h->recent->len : 0;
        guint64 memory_from = h->recent->len > 0 ? recent_at(h, 0).offset : h->end, recent = *ret;
        for (guint i = 0; i < h->segments->len; i++)
                if (g_array_index(h->segments, TbSegment, i).first < memory_from)
                        g_array_append_val(segments, g_array_index(h->segments, TbSegment, i));
        tb_mutex_unlock(&h->lock);
        if (here || (memory && segments->len > 0))
                return here;
        if (!find_on_disk(h, segments, wish, left, memory_from, ret))
                *ret = wish->tail ? tb_history_start(h) : recent;
        return true;
}

bool tb_history_peek_find(TbHistory *h, const TbHistoryWish *wish, guint64 *ret)
{
        return find(h, wish, true, ret);
}

guint64 tb_history_find(TbHistory *h, const TbHistoryWish *wish)
{
        guint64 at = 0;
        g_assert(!tb_is_main()); /* the disk may stand still */
        find(h, wish, false, &at);
        return at;
}

json_t *tb_history_lines(TbHistory *h, guint64 from, guint limit, bool whole, guint64 *ret_next)
{
        g_assert(!tb_is_main()); /* the disk may stand still */
        return lines(h, from, limit, false, whole, ret_next);
}

json_t *tb_history_peek_lines(TbHistory *h, guint64 from, guint limit, bool whole, guint64 *ret_next)
{
        return lines(h, from, limit, true, whole, ret_next);
}
