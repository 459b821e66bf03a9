/* Boxes that fragments and whole files share. */
#include <string.h>

#include "host/recorder/mp4_private.h"

void tb_mp4_u8(GByteArray *out, guint8 n)
{
        g_byte_array_append(out, &n, 1);
}

void tb_mp4_u16(GByteArray *out, guint16 n)
{
        n = GUINT16_TO_BE(n);
        g_byte_array_append(out, (const guint8 *)&n, 2);
}

void tb_mp4_u32(GByteArray *out, guint32 n)
{
        n = GUINT32_TO_BE(n);
        g_byte_array_append(out, (const guint8 *)&n, 4);
}

void tb_mp4_u64(GByteArray *out, guint64 n)
{
        n = GUINT64_TO_BE(n);
        g_byte_array_append(out, (const guint8 *)&n, 8);
}

void tb_mp4_zero(GByteArray *out, guint n)
{
        while (n--)
                tb_mp4_u8(out, 0);
}

guint tb_mp4_begin(GByteArray *out, const char *type, gint64 full)
{
        guint place = out->len;
        tb_mp4_u32(out, 0);
        g_byte_array_append(out, (const guint8 *)type, 4);
        if (full >= 0)
                tb_mp4_u32(out, (guint32)full);
        return place;
}

void tb_mp4_end(GByteArray *out, guint place)
{
        guint32 size = GUINT32_TO_BE(out->len - place);
        memcpy(out->data + place, &size, 4);
}

gint64 tb_mp4_ticks(TbMp4Track track, gint64 us)
{
        return track == TB_MP4_SOUND ? us * (TB_MP4_SOUND_SCALE / 1000) / 1000 : us;
}

void tb_mp4_ftyp(GByteArray *out)
{
        guint at = tb_mp4_begin(out, "ftyp", -1);
        g_byte_array_append(out, (const guint8 *)"isom\0\0\2\0isomiso6avc1mp41", 24);
        tb_mp4_end(out, at);
}

static void matrix(GByteArray *out)
{
        static const guint32 one[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
        for (guint i = 0; i < 9; i++)
                tb_mp4_u32(out, one[i]);
}

void tb_mp4_mvhd(GByteArray *out, gint64 lasts_us)
{
        guint at = tb_mp4_begin(out, "mvhd", 1 << 24);
        tb_mp4_zero(out, 16); /* made, changed: the segment's name and the clip say it */
        tb_mp4_u32(out, TB_MP4_SCALE);
        tb_mp4_u64(out, (guint64)lasts_us);
        tb_mp4_u32(out, 0x10000); /* rate */
        tb_mp4_u16(out, 0x100);   /* volume */
        tb_mp4_zero(out, 10);
        matrix(out);
        tb_mp4_zero(out, 24);
        tb_mp4_u32(out, 3); /* the next track id */
        tb_mp4_end(out, at);
}

static void tkhd(GByteArray *out, const TbMp4Setup *setup, const TbMp4TrackBox *box)
{
        bool video = box->track == TB_MP4_VIDEO;
        guint at = tb_mp4_begin(out, "tkhd", 1 << 24 | 3); /* enabled, in the movie */
        tb_mp4_zero(out, 16);
        tb_mp4_u32(out, box->track);
        tb_mp4_zero(out, 4);
        tb_mp4_u64(out, (guint64)box->lasts_us);
        tb_mp4_zero(out, 12); /* reserved, layer, group */
        tb_mp4_u16(out, video ? 0 : 0x100);
        tb_mp4_zero(out, 2);
        matrix(out);
        tb_mp4_u32(out, video ? setup->width << 16 : 0);
        tb_mp4_u32(out, video ? setup->height << 16 : 0);
        tb_mp4_end(out, at);
}

static void mdhd(GByteArray *out, const TbMp4TrackBox *box)
{
        guint at = tb_mp4_begin(out, "mdhd", 1 << 24);
        tb_mp4_zero(out, 16);
        tb_mp4_u32(out, box->track == TB_MP4_VIDEO ? TB_MP4_SCALE : TB_MP4_SOUND_SCALE);
        tb_mp4_u64(out, (guint64)tb_mp4_ticks(box->track, box->lasts_us));
        tb_mp4_u16(out, 0x55c4); /* und */
        tb_mp4_zero(out, 2);
        tb_mp4_end(out, at);
        at = tb_mp4_begin(out, "hdlr", 0);
        tb_mp4_zero(out, 4);
        g_byte_array_append(out, (const guint8 *)(box->track == TB_MP4_VIDEO ? "vide" : "soun"), 4);
        tb_mp4_zero(out, 13);
        tb_mp4_end(out, at);
}

static void avc1(GByteArray *out, const TbMp4Setup *setup)
{
        guint at = tb_mp4_begin(out, "avc1", -1), in;
        tb_mp4_zero(out, 6);
        tb_mp4_u16(out, 1);
        tb_mp4_zero(out, 16);
        tb_mp4_u16(out, (guint16)setup->width);
        tb_mp4_u16(out, (guint16)setup->height);
        tb_mp4_u32(out, 0x480000); /* 72 dpi */
        tb_mp4_u32(out, 0x480000);
        tb_mp4_zero(out, 4);
        tb_mp4_u16(out, 1);
        tb_mp4_zero(out, 32);
        tb_mp4_u16(out, 24);
        tb_mp4_u16(out, 0xffff);
        in = tb_mp4_begin(out, "avcC", -1);
        g_byte_array_append(out, g_bytes_get_data(setup->avcc, NULL), (guint)g_bytes_get_size(setup->avcc));
        tb_mp4_end(out, in);
        tb_mp4_end(out, at);
}

static void opus(GByteArray *out)
{
        guint at = tb_mp4_begin(out, "Opus", -1), in;
        tb_mp4_zero(out, 6);
        tb_mp4_u16(out, 1);
        tb_mp4_zero(out, 8);
        tb_mp4_u16(out, 2); /* channels; packets of one are decoded to two */
        tb_mp4_u16(out, 16);
        tb_mp4_zero(out, 4);
        tb_mp4_u32(out, (guint32)TB_MP4_SOUND_SCALE << 16);
        in = tb_mp4_begin(out, "dOps", -1);
        tb_mp4_u8(out, 0);
        tb_mp4_u8(out, 2);
        tb_mp4_u16(out, 0); /* what the encoder is behind is in the times already */
        tb_mp4_u32(out, TB_MP4_SOUND_SCALE);
        tb_mp4_u16(out, 0);
        tb_mp4_u8(out, 0);
        tb_mp4_end(out, in);
        tb_mp4_end(out, at);
}

static void minf(GByteArray *out, const TbMp4Setup *setup, const TbMp4TrackBox *box)
{
        bool video = box->track == TB_MP4_VIDEO;
        guint in = tb_mp4_begin(out, "minf", -1),
              at = tb_mp4_begin(out, video ? "vmhd" : "smhd", video ? 1 : 0);
        tb_mp4_zero(out, video ? 8 : 4);
        tb_mp4_end(out, at);
        at = tb_mp4_begin(out, "dinf", -1);
        guint dref = tb_mp4_begin(out, "dref", 0);
        tb_mp4_u32(out, 1);
        tb_mp4_end(out, tb_mp4_begin(out, "url ", 1)); /* in this file */
        tb_mp4_end(out, dref);
        tb_mp4_end(out, at);
        at = tb_mp4_begin(out, "stbl", -1);
        guint stsd = tb_mp4_begin(out, "stsd", 0);
        tb_mp4_u32(out, 1);
        if (video)
                avc1(out, setup);
        else
                opus(out);
        tb_mp4_end(out, stsd);
        box->table(out, box->data);
        tb_mp4_end(out, at);
        tb_mp4_end(out, in);
}

void tb_mp4_trak(GByteArray *out, const TbMp4Setup *setup, const TbMp4TrackBox *box)
{
        guint at = tb_mp4_begin(out, "trak", -1);
        tkhd(out, setup, box);
        if (box->edit)
                box->edit(out, box->data);
        guint mdia = tb_mp4_begin(out, "mdia", -1);
        mdhd(out, box);
        minf(out, setup, box);
        tb_mp4_end(out, mdia);
        tb_mp4_end(out, at);
}
