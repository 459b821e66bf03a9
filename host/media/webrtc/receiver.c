#include "host/media/webrtc/receiver.h"

#include <gst/app/gstappsink.h>
#include <gst/video/video.h>
#include <gst/webrtc/webrtc.h>
#include <string.h>

#include "lib/log.h"
#include "lib/refcount.h"

#define ASK_US (400 * 1000) /* between two questions for a keyframe */

#define TWCC "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define FEEDBACK                                                                                             \
        "clock-rate=90000,rtcp-fb-nack=true,rtcp-fb-nack-pli=true,rtcp-fb-ccm-fir=true,"                     \
        "rtcp-fb-transport-cc=true,extmap-3=(string)\"" TWCC "\""
#define VP8 "application/x-rtp,media=video,encoding-name=VP8,payload=96," FEEDBACK
#define H264                                                                                                 \
        "application/x-rtp,media=video,encoding-name=H264,payload=102,packetization-mode=(string)1,"         \
        "profile-level-id=(string)42e01f,level-asymmetry-allowed=(string)1," FEEDBACK
#define H264_UNITS "video/x-h264,stream-format=byte-stream,alignment=au" /* as viewers take them */
#define OPUS                                                                                                 \
        "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,"                     \
        "encoding-params=(string)2,minptime=(string)10,useinbandfec=(string)1"

static const char *const h264_decoders[] = {"openh264dec", "avdec_h264", NULL};

struct TbReceiver {
        TbRefCount ref;       /* foreign threads hold it while they call */
        GstElement *pipeline; /* borrowed: it outlives its pads */
        GstElement *webrtc;   /* borrowed; main thread */
        TbReceiverOps ops;
        gpointer data;
        gint hears; /* atomic: sound is wanted */
        TbReceiverUnits units;
        TbCodec codec;      /* of the pictures; streaming thread */
        gint wanted, waits; /* atomic; waits: for a keyframe */
        gint asks;          /* atomic: for a keyframe, although none is waited for */
        gint64 asked_us;    /* streaming thread */
};

static TbReceiver *receiver_ref(TbReceiver *receiver)
{
        tb_ref_inc(&receiver->ref);
        return receiver;
}

static void receiver_unref(gpointer data)
{
        TbReceiver *receiver = data;
        if (!tb_ref_dec(&receiver->ref))
                return;
        receiver->units.unref(receiver->units.data);
        g_free(receiver);
}

static void closure_unref(gpointer data, GClosure *closure G_GNUC_UNUSED)
{
        receiver_unref(data);
}

/* --- streaming threads --- */
static void ask_for_keyframe(TbReceiver *receiver, GstPad *pad)
{
        gint64 now = g_get_monotonic_time();
        if (now - receiver->asked_us <= ASK_US)
                return;
        receiver->asked_us = now;
        g_atomic_int_set(&receiver->asks, 0);
        gst_pad_send_event(pad, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

/* What comes encoded passes to the decoder while pictures are wanted, from a keyframe on. */
static GstPadProbeReturn on_unit(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
        TbReceiver *receiver = data;
        GstBuffer *unit = GST_PAD_PROBE_INFO_BUFFER(info);
        bool keyframe = !GST_BUFFER_FLAG_IS_SET(unit, GST_BUFFER_FLAG_DELTA_UNIT);
        if (!g_atomic_int_get(&receiver->wanted))
                return GST_PAD_PROBE_DROP;
        if (keyframe) {
                g_atomic_int_set(&receiver->waits, 0);
                g_atomic_int_set(&receiver->asks, 0);
        }
        bool waits = g_atomic_int_get(&receiver->waits);
        if (waits || g_atomic_int_get(&receiver->asks))
                ask_for_keyframe(receiver, pad);
        if (waits)
                return GST_PAD_PROBE_DROP;
        receiver->units.unit(receiver->units.data, unit, receiver->codec, keyframe);
        return GST_PAD_PROBE_OK;
}

static GstFlowReturn on_picture(GstAppSink *sink, gpointer data)
{
        TbReceiver *receiver = data;
        GstSample *sample = gst_app_sink_pull_sample(sink);
        if (sample && g_atomic_int_get(&receiver->wanted))
                receiver->ops.picture(receiver->data, sample);
        if (sample)
                gst_sample_unref(sample);
        return GST_FLOW_OK;
}

static GstFlowReturn on_sound(GstAppSink *sink, gpointer data)
{
        TbReceiver *receiver = data;
        GstSample *sample = gst_app_sink_pull_sample(sink);
        if (sample && g_atomic_int_get(&receiver->hears))
                receiver->ops.sound(receiver->data, sample);
        if (sample)
                gst_sample_unref(sample);
        return GST_FLOW_OK;
}

static GstElement *made(TbReceiver *receiver, const char *name)
{
        GstElement *element = name ? gst_element_factory_make(name, NULL) : NULL;
        if (element)
                gst_bin_add(GST_BIN(receiver->pipeline), element);
        return element;
}

static const char *h264_decoder(void)
{
        for (const char *const *name = h264_decoders; *name; name++) {
                g_autoptr(GstElementFactory) factory = gst_element_factory_find(*name);
                if (factory)
                        return *name;
        }
        return NULL;
}

/* `keeps`: so many that were not taken yet; the oldest go. */
static GstElement *sink_for(TbReceiver *receiver, const char *text, guint keeps,
                            GstFlowReturn (*taken)(GstAppSink *sink, gpointer data))
{
        GstElement *sink = made(receiver, "appsink");
        if (!sink)
                return NULL;
        g_autoptr(GstCaps) caps = gst_caps_from_string(text);
        g_object_set(sink, "caps", caps, "sync", FALSE, "async", FALSE, "max-buffers", keeps, "drop", TRUE,
                     NULL);
        GstAppSinkCallbacks callbacks = {.new_sample = taken};
        gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, receiver_ref(receiver), receiver_unref);
        return sink;
}

static bool link_to(GstPad *pad, GstElement *first)
{
        g_autoptr(GstPad) sink = gst_element_get_static_pad(first, "sink");
        return gst_pad_link(pad, sink) == GST_PAD_LINK_OK;
}

static bool build_video(TbReceiver *receiver, GstPad *pad, const char *encoding)
{
        bool h264 = g_strcmp0(encoding, "H264") == 0;
        GstElement *depay = made(receiver, h264 ? "rtph264depay" : "rtpvp8depay"),
                   *parse = h264 ? made(receiver, "h264parse") : NULL,
                   *decode = made(receiver, h264 ? h264_decoder() : "vp8dec"),
                   *sink = sink_for(receiver, "video/x-raw,format=I420", 1, on_picture);
        if (!depay || (h264 && !parse) || !decode || !sink)
                return false;
        receiver->codec = h264 ? TB_CODEC_H264 : TB_CODEC_VP8;
        g_object_set(depay, "request-keyframe", TRUE, "wait-for-keyframe", TRUE, NULL);
        if (parse)
                g_object_set(parse, "config-interval", -1, NULL);
        g_autoptr(GstCaps) whole = gst_caps_from_string(H264_UNITS);
        bool linked = parse ? gst_element_link(depay, parse) &&
                                      gst_element_link_filtered(parse, decode, whole) &&
                                      gst_element_link(decode, sink)
                            : gst_element_link_many(depay, decode, sink, NULL);
        g_autoptr(GstPad) units = gst_element_get_static_pad(parse ? parse : depay, "src");
        gst_pad_add_probe(units, GST_PAD_PROBE_TYPE_BUFFER, on_unit, receiver_ref(receiver), receiver_unref);
        GstElement *const all[] = {sink, decode, parse, depay};
        for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
                if (all[i])
                        gst_element_sync_state_with_parent(all[i]);
        return linked && link_to(pad, depay);
}

static bool build_sound(TbReceiver *receiver, GstPad *pad)
{
        GstElement *depay = made(receiver, "rtpopusdepay"), *decode = made(receiver, "opusdec"),
                   *convert = made(receiver, "audioconvert"),
                   *sink = sink_for(receiver,
                                    "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=[1,2]",
                                    10, on_sound);
        GstElement *const all[] = {sink, convert, decode, depay};
        for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
                if (!all[i])
                        return false;
        g_object_set(decode, "plc", TRUE, "use-inband-fec", TRUE, NULL);
        bool linked = gst_element_link_many(depay, decode, convert, sink, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
                gst_element_sync_state_with_parent(all[i]);
        return linked && link_to(pad, depay);
}

/* A pad that is linked to nothing would end the others', too. */
static bool build_nothing(TbReceiver *receiver, GstPad *pad)
{
        GstElement *sink = made(receiver, "fakesink");
        if (!sink)
                return false;
        g_object_set(sink, "sync", FALSE, "async", FALSE, NULL);
        gst_element_sync_state_with_parent(sink);
        return link_to(pad, sink);
}

static void on_pad(GstElement *webrtc G_GNUC_UNUSED, GstPad *pad, gpointer data)
{
        TbReceiver *receiver = data;
        if (GST_PAD_DIRECTION(pad) != GST_PAD_SRC)
                return;
        g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
        const GstStructure *s = caps && gst_caps_get_size(caps) > 0 ? gst_caps_get_structure(caps, 0) : NULL;
        const char *encoding = s ? gst_structure_get_string(s, "encoding-name") : NULL;
        bool video = g_strcmp0(encoding, "VP8") == 0 || (g_strcmp0(encoding, "H264") == 0 && h264_decoder()),
             sound = g_strcmp0(encoding, "OPUS") == 0;
        if (!(video   ? build_video(receiver, pad, encoding)
              : sound ? build_sound(receiver, pad)
                      : build_nothing(receiver, pad)))
                tb_log(TB_LOG_WARNING, TB_F(),
                       "what a phone sends (%s) cannot be taken: is a GStreamer plugin missing?",
                       encoding ? encoding : "unknown");
}

/* --- main --- */
static void add_section(TbReceiver *receiver, const char *text, bool again)
{
        g_autoptr(GstCaps) caps = gst_caps_from_string(text);
        GstWebRTCRTPTransceiver *transceiver = NULL;
        g_signal_emit_by_name(receiver->webrtc, "add-transceiver",
                              GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps, &transceiver);
        if (!transceiver)
                return;
        if (again)
                g_object_set(transceiver, "do-nack", TRUE, NULL);
        gst_object_unref(transceiver);
}

TbReceiver *tb_receiver_new(GstElement *pipeline, GstElement *webrtc, const TbReceiverOps *ops, gpointer data,
                            const TbReceiverUnits *units_take)
{
        TbReceiver *receiver = g_new0(TbReceiver, 1);
        tb_ref_init(&receiver->ref);
        receiver->pipeline = pipeline;
        receiver->webrtc = webrtc;
        receiver->ops = *ops;
        receiver->data = data;
        receiver->units = *units_take;
        g_object_set(webrtc, "latency", (guint)TB_RECEIVER_LATENCY_MS, NULL);
        g_signal_connect_data(webrtc, "pad-added", G_CALLBACK(on_pad), receiver_ref(receiver), closure_unref,
                              0);
        return receiver;
}

void tb_receiver_offer(TbReceiver *receiver)
{
        add_section(receiver, h264_decoder() ? H264 ";" VP8 : VP8, true);
        add_section(receiver, OPUS, false);
}

void tb_receiver_want(TbReceiver *receiver, bool pictures, bool sound)
{
        g_atomic_int_set(&receiver->hears, sound);
        if (pictures && !g_atomic_int_get(&receiver->wanted))
                g_atomic_int_set(&receiver->waits, 1);
        g_atomic_int_set(&receiver->wanted, pictures);
}

void tb_receiver_want_keyframe(TbReceiver *receiver)
{
        g_atomic_int_set(&receiver->asks, 1);
}

void tb_receiver_free(TbReceiver *receiver)
{
        if (!receiver)
                return;
        g_atomic_int_set(&receiver->wanted, 0);
        g_atomic_int_set(&receiver->hears, 0);
        receiver->webrtc = NULL;
        receiver_unref(receiver);
}
