/* Fragments, and whole files with an index. */
#include "host/recorder/mp4.h"

#include <string.h>

#include "host/recorder/mp4_private.h"

#define SYNC 0x02000000 /* sample flags: depends on no other */
#define NO_SYNC 0x01010000

/* --- fragments --- */
static void empty_table(GByteArray *out, gconstpointer data G_GNUC_UNUSED)
{
        static const struct {
                const char *type;
                guint zeros;
        } boxes[] = {{"stts", 4}, {"stsc", 4}, {"stsz", 8}, {"stco", 4}};
        for (guint i = 0; i < G_N_ELEMENTS(boxes); i++) {
                guint at = tb_mp4_begin(out, boxes[i].type, 0);
                tb_mp4_zero(out, boxes[i].zeros);
                tb_mp4_end(out, at);
        }
}

static void trex(GByteArray *out, TbMp4Track track)
{
        guint at = tb_mp4_begin(out, "trex", 0);
        tb_mp4_u32(out, track);
        tb_mp4_u32(out, 1);
        tb_mp4_zero(out, 12);
        tb_mp4_end(out, at);
}

void tb_mp4_head(GByteArray *out, const TbMp4Setup *setup)
{
        tb_mp4_ftyp(out);
        guint moov = tb_mp4_begin(out, "moov", -1);
        tb_mp4_mvhd(out, 0);
        TbMp4TrackBox box = {.table = empty_table};
        for (box.track = TB_MP4_VIDEO; box.track <= TB_MP4_SOUND; box.track++)
                if (box.track == TB_MP4_VIDEO ? setup->avcc != NULL : setup->sound)
                        tb_mp4_trak(out, setup, &box);
        guint mvex = tb_mp4_begin(out, "mvex", -1);
        if (setup->avcc)
                trex(out, TB_MP4_VIDEO);
        if (setup->sound)
                trex(out, TB_MP4_SOUND);
        tb_mp4_end(out, mvex);
        tb_mp4_end(out, moov);
}

/* One trun for each run of samples of the track whose bytes follow each other. *ret_places: of data offsets, to be completed. */
static void traf(GByteArray *out, TbMp4Track track, const TbMp4Sample *samples, guint n, GArray *places)
{
        guint first = 0;
        while (first < n && samples[first].track != track)
                first++;
        if (first == n)
                return;
        guint at = tb_mp4_begin(out, "traf", -1), in = tb_mp4_begin(out, "tfhd", 0x020000);
        tb_mp4_u32(out, track);
        tb_mp4_end(out, in);
        in = tb_mp4_begin(out, "tfdt", 1 << 24);
        tb_mp4_u64(out, (guint64)tb_mp4_ticks(track, samples[first].at_us));
        tb_mp4_end(out, in);
        for (guint i = first; i < n;) {
                guint end = i;
                while (end < n && samples[end].track == track)
                        end++;
                in = tb_mp4_begin(out, "trun", 0x701); /* offset; duration, size, flags of each */
                tb_mp4_u32(out, end - i);
                const guint32 place[2] = {out->len, i};
                g_array_append_vals(places, place, 2);
                tb_mp4_u32(out, 0);
                for (; i < end; i++) {
                        gint64 from = tb_mp4_ticks(track, samples[i].at_us),
                               to = tb_mp4_ticks(track, samples[i].at_us + samples[i].lasts_us);
                        tb_mp4_u32(out, (guint32)MAX(to - from, 1));
                        tb_mp4_u32(out, samples[i].size);
                        tb_mp4_u32(out, samples[i].key ? SYNC : NO_SYNC);
                }
                tb_mp4_end(out, in);
                while (i < n && samples[i].track != track)
                        i++;
        }
        tb_mp4_end(out, at);
}

void tb_mp4_fragment(GByteArray *out, guint32 number, const TbMp4Sample *samples, guint n)
{
        g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint32));
        guint moof = tb_mp4_begin(out, "moof", -1), in = tb_mp4_begin(out, "mfhd", 0);
        tb_mp4_u32(out, number);
        tb_mp4_end(out, in);
        traf(out, TB_MP4_VIDEO, samples, n, places);
        traf(out, TB_MP4_SOUND, samples, n, places);
        tb_mp4_end(out, moof);
        guint32 size = 0;
        for (guint i = 0; i < n; i++) {
                for (guint k = 0; k < places->len; k += 2)
                        if (g_array_index(places, guint32, k + 1) == i) {
                                guint32 at = GUINT32_TO_BE(out->len - moof + 8 + size);
                                memcpy(out->data + g_array_index(places, guint32, k), &at, 4);
                        }
                size += samples[i].size;
        }
        tb_mp4_u32(out, size + 8);
        g_byte_array_append(out, (const guint8 *)"mdat", 4);
}

/* --- a whole file --- */
typedef struct Index {
        TbMp4Track track;
        const TbMp4Sample *samples;
        guint n;
        gint64 lasts_us;
        gint64 first_us; /* of the track's first sample */
        guint64 base;    /* where the bytes of samples begin */
        bool large;      /* offsets of 64 bits */
} Index;

static gint64 next_of(const Index *x, guint i)
{
        for (guint k = i + 1; k < x->n; k++)
                if (x->samples[k].track == x->track)
                        return x->samples[k].at_us;
        return MAX(x->lasts_us, x->samples[i].at_us + 1);
}

/* Where the film begins within the track: in the middle of it, or some time before it. */
static void edit(GByteArray *out, gconstpointer data)
{
        const Index *x = data;
        guint edts = tb_mp4_begin(out, "edts", -1), at = tb_mp4_begin(out, "elst", 1 << 24);
        tb_mp4_u32(out, x->first_us > 0 ? 2 : 1);
        if (x->first_us > 0) {
                tb_mp4_u64(out, (guint64)x->first_us);
                tb_mp4_u64(out, (guint64)-1);
                tb_mp4_u32(out, 0x10000);
        }
        tb_mp4_u64(out, (guint64)(x->lasts_us - MAX(x->first_us, 0)));
        tb_mp4_u64(out, (guint64)tb_mp4_ticks(x->track, MAX(-x->first_us, 0)));
        tb_mp4_u32(out, 0x10000);
        tb_mp4_end(out, at);
        tb_mp4_end(out, edts);
}

static void count_at(GByteArray *out, guint place, guint32 n)
{
        n = GUINT32_TO_BE(n);
        memcpy(out->data + place, &n, 4);
}

static void stts(GByteArray *out, const Index *x)
{
        guint at = tb_mp4_begin(out, "stts", 0), count = out->len, runs = 0;
        guint32 same = 0, lasts = 0;
        tb_mp4_u32(out, 0);
        for (guint i = 0; i < x->n; i++) {
                if (x->samples[i].track != x->track)
                        continue;
                gint64 ticks = tb_mp4_ticks(x->track, next_of(x, i) - x->first_us) -
                               tb_mp4_ticks(x->track, x->samples[i].at_us - x->first_us);
                guint32 this = (guint32)CLAMP(ticks, 1, G_MAXINT32);
                if (same > 0 && this != lasts) {
                        tb_mp4_u32(out, same);
                        tb_mp4_u32(out, lasts);
                        runs++;
                        same = 0;
                }
                lasts = this;
                same++;
        }
        tb_mp4_u32(out, same);
        tb_mp4_u32(out, lasts);
        count_at(out, count, runs + 1);
        tb_mp4_end(out, at);
}

static void stss(GByteArray *out, const Index *x)
{
        guint at = tb_mp4_begin(out, "stss", 0), count = out->len, keys = 0, number = 0;
        tb_mp4_u32(out, 0);
        for (guint i = 0; i < x->n; i++) {
                if (x->samples[i].track != x->track)
                        continue;
                number++;
                if (x->samples[i].key) {
                        tb_mp4_u32(out, number);
                        keys++;
                }
        }
        count_at(out, count, keys);
        tb_mp4_end(out, at);
}

/* Each sample is a chunk of its own: pictures and sound lie beside each other, as they came. */
static void table(GByteArray *out, gconstpointer data)
{
        const Index *x = data;
        stts(out, x);
        if (x->track == TB_MP4_VIDEO)
                stss(out, x);
        guint at = tb_mp4_begin(out, "stsc", 0);
        const guint32 one[] = {1, 1, 1, 1};
        for (guint i = 0; i < 4; i++)
                tb_mp4_u32(out, one[i]);
        tb_mp4_end(out, at);
        at = tb_mp4_begin(out, "stsz", 0);
        tb_mp4_u32(out, 0);
        guint count = out->len, n = 0;
        tb_mp4_u32(out, 0);
        for (guint i = 0; i < x->n; i++)
                if (x->samples[i].track == x->track) {
                        tb_mp4_u32(out, x->samples[i].size);
                        n++;
                }
        count_at(out, count, n);
        tb_mp4_end(out, at);
        at = tb_mp4_begin(out, x->large ? "co64" : "stco", 0);
        tb_mp4_u32(out, n);
        guint64 offset = x->base;
        for (guint i = 0; i < x->n; i++) {
                if (x->samples[i].track == x->track && x->large)
                        tb_mp4_u64(out, offset);
                else if (x->samples[i].track == x->track)
                        tb_mp4_u32(out, (guint32)offset);
                offset += x->samples[i].size;
        }
        tb_mp4_end(out, at);
}

static bool begins(Index *x, TbMp4Track track)
{
        x->track = track;
        for (guint i = 0; i < x->n; i++)
                if (x->samples[i].track == track) {
                        x->first_us = x->samples[i].at_us;
                        return true;
                }
        return false;
}

static void moov_of(GByteArray *out, const TbMp4Setup *setup, Index *x)
{
        guint moov = tb_mp4_begin(out, "moov", -1);
        tb_mp4_mvhd(out, x->lasts_us);
        for (TbMp4Track track = TB_MP4_VIDEO; track <= TB_MP4_SOUND; track++)
                if (begins(x, track))
                        tb_mp4_trak(out, setup, &(TbMp4TrackBox){track, x->lasts_us, edit, table, x});
        tb_mp4_end(out, moov);
}

void tb_mp4_index(GByteArray *out, const TbMp4Setup *setup, const TbMp4Sample *samples, guint n,
                  gint64 lasts_us)
{
        guint64 bytes = 0;
        for (guint i = 0; i < n; i++)
                bytes += samples[i].size;
        Index x = {.samples = samples,
                   .n = n,
                   .lasts_us = lasts_us,
                   .large = bytes > G_MAXUINT32 - (256U << 20)};
        tb_mp4_ftyp(out);
        guint begin = out->len;
        moov_of(out, setup, &x); /* how long it is says where the bytes begin */
        x.base = out->len + 16;
        g_byte_array_set_size(out, begin);
        moov_of(out, setup, &x);
        tb_mp4_u32(out, 1);
        g_byte_array_append(out, (const guint8 *)"mdat", 4);
        tb_mp4_u64(out, bytes + 16);
}
