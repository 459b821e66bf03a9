#include "host/media/webrtc/sound_sender.h"

#include <gst/app/app.h>
#include <gst/webrtc/webrtc.h>

#include "host/media/sound/sound_encoder.h"
#include "lib/error.h"
#include "lib/refcount.h"

typedef struct Reports { /* webrtcbin's RTCP thread has it, too */
        TbRefCount ref;
        gint64 heard_us; /* atomic */
} Reports;

struct TbSoundSender {
        TbFeedEar *ear;     /* owned */
        GstAppSrc *src;     /* ref */
        GstElement *filter; /* borrowed from pipeline */
        GstCaps *rtp;       /* ref */
        GObject *session;   /* ref; RTPSession, for reports; NULL: there is none */
        gulong handler;
        Reports *reports; /* ref */
        bool started;
        guint64 packets, bytes;
        gint64 sent_us;
};

static void reports_unref(gpointer data)
{
        Reports *r = data;
        if (tb_ref_dec(&r->ref))
                g_free(r);
}

static void reports_closure_unref(gpointer data, GClosure *closure G_GNUC_UNUSED)
{
        reports_unref(data);
}

static void on_rtcp(GObject *session G_GNUC_UNUSED, GstBuffer *buffer G_GNUC_UNUSED, gpointer data)
{
        __atomic_store_n(&((Reports *)data)->heard_us, g_get_monotonic_time(), __ATOMIC_RELAXED);
}

static void packet(void *data, GstBuffer *buffer)
{
        TbSoundSender *s = data;
        if (!s->started)
                return;
        s->packets++;
        s->bytes += gst_buffer_get_size(buffer);
        s->sent_us = g_get_monotonic_time();
        gst_app_src_push_buffer(s->src, gst_buffer_ref(buffer));
}

TbSoundSender *tb_sound_sender_new(TbFeeds *feeds, guint sound, GstElement *pipeline, const TbOffer *offer,
                                   GError **error)
{
        GstElement *src = gst_element_factory_make("appsrc", NULL);
        GstElement *pay = gst_element_factory_make("rtpopuspay", NULL);
        GstElement *filter = gst_element_factory_make("capsfilter", NULL);
        if (!src || !pay || !filter) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "this host has no RTP for Opus (GStreamer plugins app and rtp are missing)");
                return NULL;
        }
        gst_bin_add_many(GST_BIN(pipeline), src, pay, filter, NULL);
        g_autoptr(GstCaps) caps =
                gst_caps_new_simple("audio/x-opus", "rate", G_TYPE_INT, TB_OPUS_RATE, "channels", G_TYPE_INT,
                                    2, "channel-mapping-family", G_TYPE_INT, 0, NULL);
        g_object_set(src, "caps", caps, "format", GST_FORMAT_TIME, "is-live", TRUE, "max-bytes", (guint64)0,
                     "max-buffers", (guint64)(TB_SOUND_BEHIND_MS / TB_OPUS_MS), "leaky-type", 2, NULL);
        guint ssrc = (guint)g_random_int_range(1, G_MAXINT32);
        g_object_set(pay, "pt", offer->sound_payload, "ssrc", ssrc, NULL);
        g_autoptr(GstCaps) rtp = gst_caps_new_simple(
                "application/x-rtp", "media", G_TYPE_STRING, "audio", "encoding-name", G_TYPE_STRING, "OPUS",
                "clock-rate", G_TYPE_INT, TB_OPUS_RATE, "encoding-params", G_TYPE_STRING, "2", "payload",
                G_TYPE_INT, (int)offer->sound_payload, "ssrc", G_TYPE_UINT, ssrc, NULL);
        g_object_set(filter, "caps", rtp, NULL);
        if (!gst_element_link_many(src, pay, filter, NULL)) {
                tb_set_error(error, TB_ERROR_INTERNAL, "cannot link the payloader of the sound");
                return NULL;
        }
        TbSoundSender *s = g_new0(TbSoundSender, 1);
        s->src = gst_object_ref(GST_APP_SRC(src));
        s->filter = filter;
        s->rtp = gst_caps_ref(rtp);
        s->reports = g_new0(Reports, 1);
        tb_ref_init(&s->reports->ref);
        s->ear = tb_feeds_hear(feeds, sound, packet, s);
        return s;
}

bool tb_sound_sender_link(TbSoundSender *s, GstElement *webrtc, GError **error)
{
        GstPadTemplate *form = gst_element_get_pad_template(webrtc, "sink_%u");
        g_autoptr(GstPad) sink = gst_element_request_pad(webrtc, form, NULL, s->rtp);
        g_autoptr(GstPad) out = gst_element_get_static_pad(s->filter, "src");
        if (!sink || gst_pad_link(out, sink) != GST_PAD_LINK_OK) {
                tb_set_error(error, TB_ERROR_INTERNAL, "webrtcbin does not take the sound");
                return false;
        }
        g_autoptr(GstWebRTCRTPTransceiver) transceiver = NULL;
        g_object_get(sink, "transceiver", &transceiver, NULL);
        g_object_set(transceiver, "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, NULL);
        g_autoptr(GstElement) rtpbin = gst_bin_get_by_name(GST_BIN(webrtc), "rtpbin");
        if (rtpbin)
                g_signal_emit_by_name(rtpbin, "get-internal-session", 0, &s->session);
        if (s->session) {
                tb_ref_inc(&s->reports->ref);
                s->handler = g_signal_connect_data(s->session, "on-receiving-rtcp", G_CALLBACK(on_rtcp),
                                                   s->reports, reports_closure_unref, 0);
        }
        return true;
}

void tb_sound_sender_start(TbSoundSender *s)
{
        __atomic_store_n(&s->reports->heard_us, g_get_monotonic_time(), __ATOMIC_RELAXED);
        s->started = true;
}

gint64 tb_sound_sender_silent_us(TbSoundSender *s)
{
        gint64 heard_us = __atomic_load_n(&s->reports->heard_us, __ATOMIC_RELAXED);
        return s->session && heard_us ? MAX(s->sent_us - heard_us, 0) : 0;
}

void tb_sound_sender_get_sent(TbSoundSender *s, guint64 *ret_packets, guint64 *ret_bytes)
{
        *ret_packets = s->packets;
        *ret_bytes = s->bytes;
}

void tb_sound_sender_free(TbSoundSender *s)
{
        if (!s)
                return;
        tb_feed_ear_remove(s->ear);
        if (s->handler)
                g_signal_handler_disconnect(s->session, s->handler);
        g_clear_object(&s->session);
        reports_unref(s->reports);
        gst_caps_unref(s->rtp);
        gst_object_unref(s->src);
        g_free(s);
}
