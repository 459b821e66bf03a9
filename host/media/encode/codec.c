#include "host/media/encode/codec.h"

#include <string.h>

#include "lib/log.h"

#define H264_OUTPUT "video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline"
#define KEYFRAME_NEVER "100000" /* frames; keyframes come when a viewer needs one */

static const char *const X264[] = {"tune",
                                   "zerolatency",
                                   "speed-preset",
                                   "ultrafast",
                                   "bframes",
                                   "0",
                                   "key-int-max",
                                   KEYFRAME_NEVER,
                                   "byte-stream",
                                   "true",
                                   "aud",
                                   "false",
                                   "rc-lookahead",
                                   "0",
                                   "sync-lookahead",
                                   "0",
                                   "sliced-threads",
                                   "true",
                                   "intra-refresh",
                                   "false",
                                   "qp-min",
                                   "10",
                                   "qp-step", /* a picture that rests is sharp within seconds */
                                   "12",
                                   "pass",
                                   "cbr",
                                   "option-string",
                                   "scenecut=0",
                                   NULL};
static const char *const OPENH264[] = {"complexity",
                                       "low",
                                       "rate-control",
                                       "bitrate",
                                       "gop-size",
                                       KEYFRAME_NEVER,
                                       "scene-change-detection",
                                       "false",
                                       "usage-type",
                                       "screen",
                                       NULL};
static const char *const NVENC[] = {"preset", "low-latency-hq", "rc-mode", "cbr",      "zerolatency",
                                    "true",   "bframes",        "0",       "gop-size", "-1",
                                    "aud",    "false",          NULL};
static const char *const VAAPI[] = {
        "rate-control", "cbr",   "b-frames",     "0", "ref-frames", "1", "key-int-max", "1024",
        "aud",          "false", "target-usage", "7", NULL};
static const char *const QSV[] = {"rate-control", "cbr",      "b-frames", "0", "low-latency",
                                  "true",         "gop-size", "1024",     NULL};
static const char *const NOTHING[] = {NULL};
static const char *const VP8[] = {"deadline",
                                  "1",
                                  "cpu-used",
                                  "-12",
                                  "end-usage",
                                  "cbr",
                                  "lag-in-frames",
                                  "0",
                                  "error-resilient",
                                  "default",
                                  "keyframe-max-dist",
                                  KEYFRAME_NEVER,
                                  "keyframe-mode",
                                  "auto",
                                  "threads",
                                  "1",
                                  "token-partitions",
                                  "0",
                                  "min-quantizer",
                                  "8",
                                  "max-quantizer",
                                  "60",
                                  "static-threshold",
                                  "100",
                                  "buffer-size",
                                  "100",
                                  "buffer-initial-size",
                                  "50",
                                  "buffer-optimal-size",
                                  "60",
                                  "undershoot",
                                  "100",
                                  "overshoot",
                                  "15",
                                  "max-intra-bitrate",
                                  "400",
                                  NULL};

/* Best first. Bit rates: x264enc and the hardware encoders count in kbit/s, openh264enc and vp8enc in bit/s.
 */
static const TbEncoderSpec SPECS[] = {
        {TB_CODEC_H264, "nvh264enc", true, "NV12", NVENC, "bitrate", 1000, NULL, false, H264_OUTPUT},
        {TB_CODEC_H264, "vah264enc", true, "NV12", VAAPI, "bitrate", 1000, NULL, false, H264_OUTPUT},
        {TB_CODEC_H264, "vah264lpenc", true, "NV12", VAAPI, "bitrate", 1000, NULL, false, H264_OUTPUT},
        {TB_CODEC_H264, "qsvh264enc", true, "NV12", QSV, "bitrate", 1000, NULL, false, H264_OUTPUT},
        {TB_CODEC_H264, "v4l2h264enc", true, "NV12", NOTHING, NULL, 0, NULL, false,
         H264_OUTPUT ",level=(string)4"},
        {TB_CODEC_H264, "x264enc", false, "I420", X264, "bitrate", 1000, "vbv-buf-capacity", false,
         H264_OUTPUT},
        {TB_CODEC_H264, "openh264enc", false, "I420", OPENH264, "bitrate", 1, NULL, false, H264_OUTPUT},
        {TB_CODEC_VP8, "vp8enc", false, "I420", VP8, "target-bitrate", 1, NULL, true, "video/x-vp8"},
};

static gint8 probed[G_N_ELEMENTS(SPECS)]; /* 0: not yet, 1: works, -1: does not */

const char *tb_codec_name(TbCodec codec)
{
        switch (codec) {
        case TB_CODEC_H264: return "H264";
        case TB_CODEC_VP8: return "VP8";
        case TB_CODECS: break;
        }
        return "?";
}

static bool works(const TbEncoderSpec *spec)
{
        g_autoptr(GstElement) element = gst_element_factory_make(spec->element, NULL);
        if (!element)
                return false;
        gst_object_ref_sink(element);
        bool ready = gst_element_set_state(element, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE;
        gst_element_set_state(element, GST_STATE_NULL);
        return ready;
}

const TbEncoderSpec *tb_codec_encoder(TbCodec codec, bool hardware)
{
        for (gsize i = 0; i < G_N_ELEMENTS(SPECS); i++) {
                if (SPECS[i].codec != codec || (SPECS[i].hardware && !hardware))
                        continue;
                if (!probed[i])
                        probed[i] = works(&SPECS[i]) ? 1 : -1;
                if (probed[i] > 0)
                        return &SPECS[i];
        }
        return NULL;
}

void tb_codec_distrust(const TbEncoderSpec *spec)
{
        if (spec->hardware)
                probed[spec - SPECS] = -1;
}

GstElement *tb_codec_make(const TbEncoderSpec *spec, bool whole)
{
        GstElement *element = gst_element_factory_make(spec->element, "encoder");
        if (!element)
                return NULL;
        GObjectClass *klass = G_OBJECT_GET_CLASS(element);
        for (const char *const *p = spec->properties; p[0]; p += 2)
                if (g_object_class_find_property(klass, p[0]))
                        gst_util_set_object_arg(G_OBJECT(element), p[0], p[1]);
                else
                        tb_log(TB_LOG_DEBUG, TB_F(), "%s has no property %s", spec->element, p[0]);
        if (strcmp(spec->element, "x264enc") == 0)
                g_object_set(element, "threads", whole ? 1 : CLAMP(g_get_num_processors(), 1, 4), NULL);
        return element;
}

void tb_codec_rate_of_few(guint fps, guint every_ms, guint *kbps, guint *vbv_ms)
{
        if (fps * every_ms <= 1000)
                return;
        *kbps = *kbps * fps * every_ms / 1000;
        *vbv_ms = MAX(*vbv_ms * 1000 / (fps * every_ms), 1000 / fps + 1);
}

void tb_codec_set_rate(GstElement *element, const TbEncoderSpec *spec, guint kbps, guint vbv_ms)
{
        if (spec->vbv_ms)
                g_object_set(element, spec->vbv_ms, vbv_ms, NULL);
        if (!spec->bitrate)
                return;
        g_autofree char *value = g_strdup_printf("%u", kbps * 1000 / spec->bitrate_unit);
        gst_util_set_object_arg(G_OBJECT(element), spec->bitrate,
                                value); /* int or uint, as the element has it */
}
