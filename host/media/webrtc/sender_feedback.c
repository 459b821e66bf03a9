/* What comes back from a viewer, on webrtcbin's RTCP thread. */
#include <gst/video/video.h>

#include "host/media/webrtc/sender_private.h"

#define FEEDBACK_PACKETS 2048

static void got_pli(TbSender *sender, GArray *packets G_GNUC_UNUSED)
{
        sender->pli++;
        sender->heard_us = g_get_monotonic_time();
        tb_sender_want_keyframe(sender);
}

static void got_feedback(TbSender *sender, GArray *packets)
{
        gint64 now = g_get_monotonic_time();
        sender->heard_us = now;
        tb_adapt_feedback(&sender->adapt, now, (const TbAdaptPacket *)packets->data, packets->len);
        tb_sender_plan(sender);
}

G_GNUC_BEGIN_IGNORE_DEPRECATIONS /* GValueArray is what rtpsession 1.22 gives */
        static GArray *
        read_feedback(const GstStructure *s)
{
        const GValue *value = gst_structure_get_value(s, "packets");
        GValueArray *array =
                value && G_VALUE_HOLDS(value, g_value_array_get_type()) ? g_value_get_boxed(value) : NULL;
        guint n = array ? MIN(array->n_values, FEEDBACK_PACKETS) : 0;
        GArray *packets = g_array_sized_new(FALSE, FALSE, sizeof(TbAdaptPacket), n);
        for (guint i = 0; i < n; i++) {
                const GstStructure *p = gst_value_get_structure(g_value_array_get_nth(array, i));
                guint64 local = GST_CLOCK_TIME_NONE, remote = GST_CLOCK_TIME_NONE;
                gboolean lost = FALSE;
                TbAdaptPacket out = {0};
                if (!gst_structure_get(p, "local-ts", G_TYPE_UINT64, &local, "remote-ts", G_TYPE_UINT64,
                                       &remote, "size", G_TYPE_UINT, &out.size, "lost", G_TYPE_BOOLEAN, &lost,
                                       NULL) ||
                    !GST_CLOCK_TIME_IS_VALID(local))
                        continue; /* sent so long ago that rtpsession has forgotten it */
                out.sent_us = (gint64)(local / GST_USECOND);
                out.recv_us = lost || !GST_CLOCK_TIME_IS_VALID(remote) ? -1 : (gint64)(remote / GST_USECOND);
                g_array_append_val(packets, out);
        }
        return packets;
}
G_GNUC_END_IGNORE_DEPRECATIONS

GstPadProbeReturn tb_sender_upstream(GstPad *pad G_GNUC_UNUSED, GstPadProbeInfo *info, gpointer data)
{
        GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
        if (GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_UPSTREAM)
                return GST_PAD_PROBE_OK;
        const GstStructure *s = gst_event_get_structure(event);
        if (gst_video_event_is_force_key_unit(event)) {
                tb_sender_post(data, got_pli, NULL);
                return GST_PAD_PROBE_DROP;
        }
        if (gst_structure_has_name(s, "RTPTWCCPackets")) {
                tb_sender_post(data, got_feedback, read_feedback(s));
                return GST_PAD_PROBE_DROP;
        }
        return GST_PAD_PROBE_OK;
}

double tb_sender_read_rtt(TbSender *sender)
{
        if (!sender->session) {
                g_autoptr(GstElement) webrtc = gst_bin_get_by_name(GST_BIN(sender->pipeline), "webrtc");
                g_autoptr(GstElement) rtpbin = webrtc ? gst_bin_get_by_name(GST_BIN(webrtc), "rtpbin") : NULL;
                if (rtpbin)
                        g_signal_emit_by_name(rtpbin, "get-internal-session", 0, &sender->session);
                if (!sender->session)
                        return -1;
        }
        g_autoptr(GstStructure) stats = NULL;
        g_object_get(sender->session, "stats", &stats, NULL);
        const GValue *sources = stats ? gst_structure_get_value(stats, "source-stats") : NULL;
        double rtt = -1;
        G_GNUC_BEGIN_IGNORE_DEPRECATIONS
        GValueArray *array = sources ? g_value_get_boxed(sources) : NULL;
        for (guint i = 0; array && i < array->n_values; i++) {
                const GstStructure *s = g_value_get_boxed(g_value_array_get_nth(array, i));
                guint round_trip = 0;
                gboolean have = FALSE;
                if (s && gst_structure_get_boolean(s, "have-rb", &have) && have &&
                    gst_structure_get_uint(s, "rb-round-trip", &round_trip)) {
                        rtt = round_trip * 1000.0 / 65536;
                        sender->heard_us = MAX(sender->heard_us, 1);
                }
        }
        G_GNUC_END_IGNORE_DEPRECATIONS
        return rtt;
}
