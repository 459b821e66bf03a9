#pragma once
/* Boxes, for the files of mp4.h. */
#include "host/recorder/mp4.h"

#define TB_MP4_SCALE 1000000     /* of pictures: microseconds */
#define TB_MP4_SOUND_SCALE 48000 /* as Opus in MP4 has it */

void tb_mp4_u8(GByteArray *out, guint8 n);
void tb_mp4_u16(GByteArray *out, guint16 n);
void tb_mp4_u32(GByteArray *out, guint32 n);
void tb_mp4_u64(GByteArray *out, guint64 n);
void tb_mp4_zero(GByteArray *out, guint n);
/* Its place, for tb_mp4_end(), which writes its size. `full`: version << 24 | flags; -1: a plain box. */
guint tb_mp4_begin(GByteArray *out, const char *type, gint64 full);
void tb_mp4_end(GByteArray *out, guint place);
gint64 tb_mp4_ticks(TbMp4Track track, gint64 us);

void tb_mp4_ftyp(GByteArray *out);
void tb_mp4_mvhd(GByteArray *out, gint64 lasts_us);
/* trak: `table` writes what stands in stbl behind stsd, `edit` an edts or nothing. */
typedef struct TbMp4TrackBox {
        TbMp4Track track;
        gint64 lasts_us; /* 0: in fragments */
        void (*edit)(GByteArray *out, gconstpointer data);
        void (*table)(GByteArray *out, gconstpointer data);
        gconstpointer data;
} TbMp4TrackBox;
void tb_mp4_trak(GByteArray *out, const TbMp4Setup *setup, const TbMp4TrackBox *box);
