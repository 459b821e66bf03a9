#pragma once
/*
 * MP4 (ISO/IEC 14496-12) of one track of H.264 and one of Opus: fragments for what is being recorded, so that a file that ends anywhere plays
 * up to there, and files with an index and edit lists for clips, which begin between two keyframes. No muxer of GStreamer 1.22 writes an
 * edit list for that, and none may run per device for years; boxes are written here, and what ffmpeg and Chromium make of them is the test.
 * Pure; any thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef enum TbMp4Track { TB_MP4_VIDEO = 1, TB_MP4_SOUND = 2 } TbMp4Track; /* track ids */

/* What decoders are told before the first picture. */
typedef struct TbMp4Setup {
        guint width, height; /* 0: no picture */
        GBytes *avcc; /* AVCDecoderConfigurationRecord; ref of whoever has the setup; NULL: no picture */
        bool sound;
} TbMp4Setup;

typedef struct TbMp4Sample {
        TbMp4Track track;
        bool key;
        gint64 at_us, lasts_us; /* at: since the file's beginning */
        guint32 size;
        guint64 offset; /* of its bytes, in the file that is read */
        guint file;     /* which one, for who reads several */
} TbMp4Sample;

/* --- H.264 --- */
/* A unit in byte-stream form as MP4 has it: each NAL behind its length. New bytes; NULL: it is none. `ret_avcc` (nullable): for one with
 * parameter sets their record, a new reference; NULL: it has none. */
GBytes *tb_mp4_unit(const guint8 *bytes, gsize size, GBytes **ret_avcc);
/* Of the pictures, as the parameter sets say. False: they cannot be understood. */
bool tb_mp4_size(GBytes *avcc, guint *ret_width, guint *ret_height);

/* --- fragments --- */
void tb_mp4_head(GByteArray *out, const TbMp4Setup *setup);
/* `samples` in the order of their bytes, which follow: `size` in all. `number` counts fragments from 1 on. */
void tb_mp4_fragment(GByteArray *out, guint32 number, const TbMp4Sample *samples, guint n);

/* --- a whole file --- */
/* All that stands before the bytes of the samples, which follow in this order. A sample's time may be before 0 (from the keyframe before the
 * beginning on): an edit list hides it. `lasts_us`: how long the whole is. */
void tb_mp4_index(GByteArray *out, const TbMp4Setup *setup, const TbMp4Sample *samples, guint n,
                  gint64 lasts_us);
