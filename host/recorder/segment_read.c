/* What a segment has, in whatever state it was left. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/recorder/mp4_private.h"
#include "host/recorder/segment.h"
#include "lib/error.h"

#define BOX_MOST (8 << 20)
#define SAMPLES_MOST 2000000 /* of one file; some hours */

typedef struct Reader {
        const guint8 *bytes; /* of one box */
        gsize size;
        guint64 base, file_size; /* where it stands in the file */
        gint64 begin_us;
        guint file;
        TbMp4Setup *setup;
        GArray *samples;
} Reader;

static guint32 u32(const guint8 *at)
{
        guint32 n;
        memcpy(&n, at, 4);
        return GUINT32_FROM_BE(n);
}

static guint64 u64(const guint8 *at)
{
        return (guint64)u32(at) << 32 | u32(at + 4);
}

/* The box at `at` within `end`: where its inside begins and ends. False: there is none that is whole. */
static bool box(const Reader *r, gsize at, gsize end, gsize *ret_in, gsize *ret_end)
{
        if (end - at < 8)
                return false;
        guint32 size = u32(r->bytes + at);
        *ret_in = at + 8;
        *ret_end = at + size;
        return size >= 8 && size <= end - at;
}

static bool is(const Reader *r, gsize at, const char *type)
{
        return memcmp(r->bytes + at + 4, type, 4) == 0;
}

/* Through boxes that only hold others, to avcC. */
static void look_for_avcc(Reader *r, gsize from, gsize end)
{
        static const struct {
                const char *type;
                gsize skip; /* before the boxes inside */
        } way[] = {{"moov", 0}, {"trak", 0}, {"mdia", 0}, {"minf", 0},
                   {"stbl", 0}, {"stsd", 8}, {"avc1", 78}};
        for (gsize at = from, in, next; end > at && box(r, at, end, &in, &next); at = next) {
                if (is(r, at, "avcC") && !r->setup->avcc && next - in <= 65536)
                        r->setup->avcc = g_bytes_new(r->bytes + in, next - in);
                else if (is(r, at, "Opus"))
                        r->setup->sound = true;
                for (guint i = 0; i < G_N_ELEMENTS(way); i++)
                        if (is(r, at, way[i].type) && in + way[i].skip <= next)
                                look_for_avcc(r, in + way[i].skip, next);
        }
}

static void trun(Reader *r, gsize in, gsize end, TbMp4Track track, guint64 *ticks)
{
        if (end - in < 12 || u32(r->bytes + in) != 0x701)
                return;
        guint64 n = u32(r->bytes + in + 4), offset = r->base + u32(r->bytes + in + 8);
        gint64 scale = track == TB_MP4_SOUND ? TB_MP4_SOUND_SCALE : TB_MP4_SCALE;
        const guint8 *row = r->bytes + in + 12;
        for (n = MIN(n, (end - in - 12) / 12); n > 0 && r->samples->len < SAMPLES_MOST; n--, row += 12) {
                guint32 lasts = u32(row), size = u32(row + 4);
                if (offset > r->file_size || size > r->file_size - offset ||
                    *ticks > G_MAXINT64 / TB_MP4_SCALE)
                        return;
                TbMp4Sample sample = {.track = track,
                                      .key = u32(row + 8) == 0x02000000,
                                      .at_us = r->begin_us + (gint64)*ticks * TB_MP4_SCALE / scale,
                                      .lasts_us = (gint64)lasts * TB_MP4_SCALE / scale,
                                      .size = size,
                                      .offset = offset,
                                      .file = r->file};
                g_array_append_val(r->samples, sample);
                *ticks += lasts;
                offset += size;
        }
}

static void traf(Reader *r, gsize from, gsize end)
{
        guint32 track = 0;
        guint64 ticks = 0;
        for (gsize at = from, in, next; end > at && box(r, at, end, &in, &next); at = next) {
                if (is(r, at, "tfhd") && next - in >= 8)
                        track = u32(r->bytes + in + 4);
                else if (is(r, at, "tfdt") && next - in >= 12)
                        ticks = u64(r->bytes + in + 4);
                else if (is(r, at, "trun") && (track == TB_MP4_VIDEO || track == TB_MP4_SOUND))
                        trun(r, in, next, (TbMp4Track)track, &ticks);
        }
}

/* One box of the file itself, whole in memory. False: it is none that matters. */
static bool top_box(Reader *r)
{
        gsize in, end;
        if (!box(r, 0, r->size, &in, &end))
                return false;
        if (is(r, 0, "moov"))
                look_for_avcc(r, 0, end);
        for (gsize k = in, from, next; is(r, 0, "moof") && end > k && box(r, k, end, &from, &next); k = next)
                if (is(r, k, "traf"))
                        traf(r, from, next);
        return is(r, 0, "moov");
}

bool tb_segment_parse(TbSegmentBytes read, gpointer source, gint64 begin_us, guint file,
                      TbMp4Setup *ret_setup, GArray *samples)
{
        *ret_setup = (TbMp4Setup){0};
        bool begun = false;
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        Reader r = {.begin_us = begin_us, .file = file, .setup = ret_setup, .samples = samples};
        guint8 head[8];
        r.file_size = read(source, 0, NULL, 0);
        while (r.base + 8 <= r.file_size && read(source, r.base, head, 8) == 8) {
                guint64 size = u32(head);
                if (size < 8)
                        break; /* such as we write are never larger than 4 GiB */
                if ((memcmp(head + 4, "moov", 4) == 0 || memcmp(head + 4, "moof", 4) == 0) &&
                    size <= BOX_MOST) {
                        g_byte_array_set_size(bytes, (guint)size);
                        if (read(source, r.base, bytes->data, size) != size)
                                break;
                        r.bytes = bytes->data;
                        r.size = size;
                        begun |= top_box(&r);
                }
                r.base += size;
        }
        if (ret_setup->avcc)
                tb_mp4_size(ret_setup->avcc, &ret_setup->width, &ret_setup->height);
        return begun;
}

static guint64 read_file(gpointer source, guint64 at, guint8 *to, guint64 n)
{
        int fd = GPOINTER_TO_INT(source);
        if (n == 0) {
                struct stat st;
                return fstat(fd, &st) == 0 ? (guint64)st.st_size : 0;
        }
        gssize got = pread(fd, to, n, (off_t)at);
        return got < 0 ? 0 : (guint64)got;
}

bool tb_segment_read(const char *path, guint file, TbMp4Setup *ret_setup, GArray *samples, GError **error)
{
        *ret_setup = (TbMp4Setup){0};
        g_autofree char *name = g_path_get_basename(path);
        gint64 begin_ms = tb_segment_time(name);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        bool ok = fd >= 0 && begin_ms >= 0 &&
                  tb_segment_parse(read_file, GINT_TO_POINTER(fd), begin_ms * 1000, file, ret_setup, samples);
        if (fd >= 0)
                close(fd);
        if (!ok)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s: there is no recording in it", path);
        return ok;
}
