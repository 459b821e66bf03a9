#include "host/core/console/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/thread.h"

/* One record of the .idx file: where a line begins and when its first byte came. */
typedef struct LineStart {
        guint64 offset;
        gint64 t_ms;
} LineStart;

typedef struct Segment {
        guint64 first; /* offset of its first byte */
        guint64 size;  /* of the .log */
        guint64 index; /* bytes of the .idx beside it */
} Segment;

struct TbHistory {
        char *dir;
        guint64 limit;
        guint64 total;      /* bytes on disk: of all segments and their indexes */
        GArray *segments;   /* of Segment, oldest first; the last one is being written */
        int log_fd, idx_fd; /* of the last segment; -1: no disk now */
        char *error;        /* why there is no disk */
        gint64 retry_us;    /* when to try the disk again */
        guint64 end;        /* offset of the next byte */
        guint8 *ring;       /* the last TB_HISTORY_RING bytes, at offset % TB_HISTORY_RING */
        guint64 ring_start; /* lowest offset in the ring */
        GArray *recent;     /* of LineStart: lines whose start is in the ring */
        bool at_line_start;
};

#define RETRY_US (5 * G_USEC_PER_SEC)

static char *segment_path(const TbHistory *h, guint64 first, const char *ending)
{
        return g_strdup_printf("%s/%020" G_GUINT64_FORMAT ".%s", h->dir, first, ending);
}

static void disk_close(TbHistory *h)
{
        if (h->log_fd >= 0)
                close(h->log_fd);
        if (h->idx_fd >= 0)
                close(h->idx_fd);
        h->log_fd = h->idx_fd = -1;
}

static void disk_failed(TbHistory *h, const char *what)
{
        int e = errno;
        disk_close(h);
        g_free(h->error);
        h->error = g_strdup_printf("%s %s: %s", what, h->dir, g_strerror(e));
        h->retry_us = g_get_monotonic_time() + RETRY_US;
}

/* Starts a segment at h->end. A disk that failed in between leaves a hole, which readers skip: offsets stay
 * true. */
static bool segment_begin(TbHistory *h)
{
        disk_close(h);
        g_autofree char *log = segment_path(h, h->end, "log");
        g_autofree char *idx = segment_path(h, h->end, "idx");
        h->log_fd = open(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        h->idx_fd = open(idx, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (h->log_fd < 0 || h->idx_fd < 0) {
                disk_failed(h, "cannot write the console history in");
                return false;
        }
        guint n = h->segments->len;
        if (n == 0 || g_array_index(h->segments, Segment, n - 1).first !=
                              h->end) { /* an empty last one is used again */
                Segment s = {.first = h->end};
                g_array_append_val(h->segments, s);
        }
        g_clear_pointer(&h->error, g_free);
        return true;
}

/* A line's place takes 16 bytes, as much as many a line: the limit counts them too. */
static void drop_old(TbHistory *h)
{
        while (h->segments->len > 1 && h->total > h->limit) {
                Segment s = g_array_index(h->segments, Segment, 0);
                g_autofree char *log = segment_path(h, s.first, "log");
                g_autofree char *idx = segment_path(h, s.first, "idx");
                unlink(log);
                unlink(idx);
                h->total -= s.size + s.index;
                g_array_remove_index(h->segments, 0);
        }
}

static int compare_segments(const void *a, const void *b)
{
        guint64 x = ((const Segment *)a)->first, y = ((const Segment *)b)->first;
        return x < y ? -1 : x > y;
}

static void scan(TbHistory *h)
{
        g_autoptr(GDir) dir = g_dir_open(h->dir, 0, NULL);
        const char *name;
        while (dir && (name = g_dir_read_name(dir))) {
                if (strlen(name) != 24 || !g_str_has_suffix(name, ".log"))
                        continue;
                g_autofree char *digits = g_strndup(name, 20);
                guint64 first;
                struct stat st;
                g_autofree char *path = g_build_filename(h->dir, name, NULL);
                if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT64 / 2, &first, NULL) ||
                    stat(path, &st) < 0)
                        continue;
                Segment s = {.first = first, .size = (guint64)st.st_size};
                g_autofree char *idx = segment_path(h, first, "idx");
                if (stat(idx, &st) == 0)
                        s.index = (guint64)st.st_size;
                h->total += s.size + s.index;
                g_array_append_val(h->segments, s);
        }
        g_array_sort(h->segments, compare_segments);
        if (h->segments->len > 0) {
                Segment last = g_array_index(h->segments, Segment, h->segments->len - 1);
                h->end = last.first + last.size;
        }
}

TbHistory *tb_history_open(const char *dir, guint64 limit)
{
        tb_assert_main();
        TbHistory *h = g_new0(TbHistory, 1);
        h->dir = g_strdup(dir);
        h->limit = limit ? limit : TB_LIMIT_HISTORY;
        h->segments = g_array_new(FALSE, FALSE, sizeof(Segment));
        h->recent = g_array_new(FALSE, FALSE, sizeof(LineStart));
        h->ring = g_malloc(TB_HISTORY_RING);
        h->log_fd = h->idx_fd = -1;
        h->at_line_start = true;
        if (g_mkdir_with_parents(dir, 0750) < 0) {
                disk_failed(h, "cannot make the folder");
        } else {
                scan(h);
                segment_begin(h); /* a new run starts a new segment: a line that was cut by a crash keeps its
                                     place */
        }
        h->ring_start = h->end;
        return h;
}

void tb_history_close(TbHistory *h)
{
        if (!h)
                return;
        disk_close(h);
        if (h->segments->len > 0) { /* a run in which nothing was said leaves no empty files */
                Segment last = g_array_index(h->segments, Segment, h->segments->len - 1);
                g_autofree char *log = segment_path(h, last.first, "log");
                g_autofree char *idx = segment_path(h, last.first, "idx");
                if (last.size == 0) {
                        unlink(log);
                        unlink(idx);
                }
        }
        g_array_free(h->segments, TRUE);
        g_array_free(h->recent, TRUE);
        g_free(h->ring);
        g_free(h->error);
        g_free(h->dir);
        g_free(h);
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

static void note_lines(TbHistory *h, const guint8 *data, gsize size, gint64 now, guint64 begin)
{
        for (gsize i = 0; i < size;) {
                if (h->at_line_start) {
                        LineStart line = {begin + i, now};
                        g_array_append_val(h->recent, line);
                }
                const guint8 *nl = memchr(data + i, '\n', size - i);
                h->at_line_start = nl != NULL;
                if (!nl)
                        break;
                i = (gsize)(nl - data) + 1;
        }
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

/* The segment's bytes must end where its size says, also after a write that was cut short by a full disk. */
static void disk_append(TbHistory *h, const guint8 *data, gsize size, guint64 begin, guint first_line)
{
        if (h->log_fd < 0)
                return;
        Segment *s = &g_array_index(h->segments, Segment, h->segments->len - 1);
        const LineStart *lines = &g_array_index(h->recent, LineStart, first_line);
        gsize n = h->recent->len - first_line;
        g_assert(s->first + s->size == begin);
        if (!write_all(h->log_fd, data, size) || (n > 0 && !write_all(h->idx_fd, lines, n * sizeof *lines))) {
                int e = errno;
                if (ftruncate(h->log_fd, (off_t)s->size) < 0) {
                        h->total -= s->size;
                        s->size = 0; /* cannot be trusted any more */
                }
                errno = e;
                disk_failed(h, "cannot write the console history in");
                return;
        }
        s->size += size;
        s->index += n * sizeof *lines;
        h->total += size + n * sizeof *lines;
        if (s->size + s->index >= TB_LIMIT_HISTORY_SEGMENT)
                segment_begin(h);
        drop_old(h);
}

void tb_history_append(TbHistory *h, const void *data, gsize size)
{
        tb_assert_main();
        if (size == 0)
                return;
        if (h->log_fd < 0 && g_get_monotonic_time() >= h->retry_us)
                segment_begin(h);
        guint64 begin = h->end;
        guint lines_before = h->recent->len;
        note_lines(h, data, size, tb_clock_ms(), begin);
        ring_put(h, data, size);
        disk_append(h, data, size, begin, lines_before);
        guint stale = 0;
        while (stale < h->recent->len && g_array_index(h->recent, LineStart, stale).offset < h->ring_start)
                stale++;
        if (stale > 1024) /* amortised: moving the array for every line would be quadratic */
                g_array_remove_range(h->recent, 0, stale);
}

guint64 tb_history_start(TbHistory *h)
{
        return h->segments->len > 0 ? MIN(g_array_index(h->segments, Segment, 0).first, h->ring_start)
                                    : h->ring_start;
}

guint64 tb_history_end(TbHistory *h)
{
        return h->end;
}

const char *tb_history_error(TbHistory *h)
{
        return h->error;
}

/* The segment that holds `offset`, or the next one after it; NULL when only the ring has it. */
static const Segment *segment_at(const TbHistory *h, guint64 offset)
{
        for (guint i = 0; i < h->segments->len; i++) {
                const Segment *s = &g_array_index(h->segments, Segment, i);
                if (offset < s->first + s->size)
                        return s;
        }
        return NULL;
}

gsize tb_history_read(TbHistory *h, guint64 offset, void *buf, gsize size, guint64 *ret_offset)
{
        tb_assert_main();
        offset = MAX(offset, tb_history_start(h));
        *ret_offset = offset;
        if (offset >= h->end || size == 0)
                return 0;
        if (offset < h->ring_start) {
                const Segment *s = segment_at(h, offset);
                if (s && MAX(s->first, offset) < h->ring_start) {
                        *ret_offset = MAX(s->first, offset); /* a hole was skipped */
                        g_autofree char *path = segment_path(h, s->first, "log");
                        int fd = open(path, O_RDONLY | O_CLOEXEC);
                        gsize want = (gsize)MIN((guint64)size, s->first + s->size - *ret_offset);
                        gssize n = fd >= 0 ? pread(fd, buf, want, (off_t)(*ret_offset - s->first)) : -1;
                        if (fd >= 0)
                                close(fd);
                        if (n > 0)
                                return (gsize)n;
                }
                offset = h->ring_start;
                *ret_offset = offset;
        }
        gsize n = (gsize)MIN((guint64)size, h->end - offset);
        gsize at = (gsize)(offset % TB_HISTORY_RING);
        gsize first = MIN(n, TB_HISTORY_RING - at);
        memcpy(buf, h->ring + at, first);
        memcpy((guint8 *)buf + first, h->ring, n - first);
        return n;
}

/* All line starts at or after `from`, at most `limit`, oldest first. */
static GArray *line_starts(TbHistory *h, guint64 from, guint limit)
{
        GArray *out = g_array_new(FALSE, FALSE, sizeof(LineStart));
        guint64 memory_from = h->recent->len > 0 ? g_array_index(h->recent, LineStart, 0).offset : h->end;
        for (guint i = 0; i < h->segments->len && out->len < limit && from < memory_from; i++) {
                const Segment *s = &g_array_index(h->segments, Segment, i);
                if (s->first + s->size <= from)
                        continue;
                g_autofree char *path = segment_path(h, s->first, "idx");
                g_autofree char *raw = NULL;
                gsize size = 0;
                if (!g_file_get_contents(path, &raw, &size, NULL))
                        continue;
                for (gsize k = 0; k + sizeof(LineStart) <= size && out->len < limit; k += sizeof(LineStart)) {
                        LineStart line;
                        memcpy(&line, raw + k, sizeof line);
                        if (line.offset >= from && line.offset < memory_from)
                                g_array_append_val(out, line);
                }
        }
        for (guint i = 0; i < h->recent->len && out->len < limit; i++) {
                LineStart line = g_array_index(h->recent, LineStart, i);
                if (line.offset >= from)
                        g_array_append_val(out, line);
        }
        return out;
}

json_t *tb_history_lines(TbHistory *h, guint64 from, guint limit, guint64 *ret_next)
{
        tb_assert_main();
        json_t *lines = json_array();
        g_autoptr(GArray) starts = line_starts(h, from, limit + 1); /* one more: it ends the last line */
        g_autofree char *buf = g_malloc(TB_LIMIT_LINE);
        *ret_next = h->end;
        for (guint i = 0; i < starts->len; i++) {
                const LineStart *line = &g_array_index(starts, LineStart, i);
                if (i == limit) {
                        *ret_next = line->offset;
                        break;
                }
                guint64 stop = i + 1 < starts->len ? g_array_index(starts, LineStart, i + 1).offset : h->end;
                gsize want = (gsize)MIN(stop - line->offset, (guint64)TB_LIMIT_LINE), got = 0;
                while (got < want) {
                        guint64 at;
                        gsize n = tb_history_read(h, line->offset + got, buf + got, want - got, &at);
                        if (n == 0 || at != line->offset + got)
                                break;
                        got += n;
                }
                while (got > 0 && (buf[got - 1] == '\n' || buf[got - 1] == '\r'))
                        got--;
                g_autofree char *text = g_utf8_make_valid(buf, (gssize)got);
                json_array_append_new(lines, json_pack("{s:I, s:I, s:s}", "offset", (json_int_t)line->offset,
                                                       "t", (json_int_t)line->t_ms, "text", text));
        }
        return lines;
}
