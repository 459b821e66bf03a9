#pragma once
/*
 * Which encoder elements this machine has, and how each is set up for live screens: no lookahead, no
 * B-frames, a small rate buffer, keyframes only when somebody asks. Hardware encoders are probed once, at run
 * time: an element counts when it can go to READY, and until it fails at work.
 */
#include <gst/gst.h>
#include <stdbool.h>

/* How good a stream is: a source has one encoder per codec and rung that somebody wants. */
typedef enum TbRung { TB_RUNG_FULL, TB_RUNG_MEDIUM, TB_RUNG_LOW, TB_RUNGS } TbRung;

typedef enum TbCodec { TB_CODEC_H264, TB_CODEC_VP8, TB_CODECS } TbCodec;

const char *tb_codec_name(TbCodec codec); /* static: "H264" "VP8" */

typedef struct TbEncoderSpec {
        TbCodec codec;
        const char *element;
        bool hardware;
        const char *format;            /* raw video format that it takes */
        const char *const *properties; /* name, value, …, NULL; unknown ones are left out */
        const char *bitrate;           /* property */
        guint bitrate_unit;            /* bit/s per unit of it */
        const char *vbv_ms;            /* property in milliseconds; NULL: none */
        bool drafts;        /* a keyframe of a large picture takes it long: see encoder_pipeline.c */
        const char *output; /* caps after it */
} TbEncoderSpec;

/* The best encoder for `codec` that works; NULL: none. Main thread; the first call probes. */
const TbEncoderSpec *tb_codec_encoder(TbCodec codec, bool hardware);
/* It failed at work: a hardware encoder is not used any more by this process; one in software is. Main
 * thread.
 */
void tb_codec_distrust(const TbEncoderSpec *spec);
/* A new floating element, set up; `whole`: so that a picture is one slice. NULL when it cannot be made. */
GstElement *tb_codec_make(const TbEncoderSpec *spec, bool whole);
/* x264 gives each picture the share of one of `fps`. Of a rate and its buffer makes those by which pictures that come every
 * `every_ms` get all of the rate, each at most what the buffer holds. */
void tb_codec_rate_of_few(guint fps, guint every_ms, guint *kbps, guint *vbv_ms);
void tb_codec_set_rate(GstElement *element, const TbEncoderSpec *spec, guint kbps, guint vbv_ms);
