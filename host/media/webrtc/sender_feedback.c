/* What comes back from a viewer, on webrtcbin's RTCP thread. */
#include <gst/rtp/gstrtcpbuffer.h>
#include <gst/video/video.h>
#include <string.h>

#include "host/media/webrtc/sender_private.h"

#define FEEDBACK_PACKETS 2048
#define TWCC_RECENT_US (3 * G_USEC_PER_SEC)

static void got_pli(TbSender *sender, GArray *packets G_GNUC_UNUSED)
{
        sender->pli++;
        tb_sender_want_keyframe(sender);
}

static void got_feedback(TbSender *sender, GArray *packets)
{
        gint64 now = g_get_monotonic_time();
        sender->twcc_us = now;
        tb_adapt_feedback(&sender->adapt, now, (const TbAdaptPacket *)packets->data, packets->len);
        tb_sender_plan(sender);
        tb_sender_probe(sender);
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

/* --- reports --- */
/* draft-alvestrand-rmcat-remb-03: "REMB", number of SSRCs, exponent (6 bits) and mantissa (18 bits) of bit/s */
static double read_remb(GstRTCPPacket *packet)
{
        if (gst_rtcp_packet_fb_get_type(packet) != GST_RTCP_PSFB_TYPE_AFB ||
            gst_rtcp_packet_fb_get_fci_length(packet) < 2)
                return 0;
        const guint8 *fci = gst_rtcp_packet_fb_get_fci(packet);
        if (memcmp(fci, "REMB", 4) != 0)
                return 0;
        guint32 word = GST_READ_UINT32_BE(fci + 4);
        return (double)(word & 0x3ffff) * (double)(1ULL << (word >> 18 & 0x3f)) / 1000;
}

/* RFC 3550 §6.4.1: lost and highest sequence number since the beginning; `seen` are those of the report before. */
static void read_loss(guint32 highest, gint32 lost, TbSenderSeen *seen, TbAdaptReport *report)
{
        gint32 packets = (gint32)(highest - seen->highest);
        report->loss = 0;
        report->packets = 0;
        if (seen->any && packets > 0) {
                report->packets = (guint)packets;
                report->loss = CLAMP((double)(lost - seen->lost) / packets, 0, 1);
        }
        *seen = (TbSenderSeen){true, highest, lost};
}

static bool read_packet(GstRTCPPacket *packet, TbSender *sender, TbAdaptReport *report)
{
        GstRTCPType type = gst_rtcp_packet_get_type(packet);
        if (type == GST_RTCP_TYPE_PSFB) {
                double remb = read_remb(packet);
                report->remb_kbps = remb > 0 ? remb : report->remb_kbps;
                return remb > 0;
        }
        if (type != GST_RTCP_TYPE_RR && type != GST_RTCP_TYPE_SR)
                return false;
        for (guint i = 0; i < gst_rtcp_packet_get_rb_count(packet); i++) {
                guint32 of, highest, jitter, lsr, dlsr;
                guint8 fraction;
                gint32 lost;
                gst_rtcp_packet_get_rb(packet, i, &of, &fraction, &lost, &highest, &jitter, &lsr, &dlsr);
                if (of != sender->ssrc)
                        continue;
                read_loss(highest, lost, &sender->seen, report);
                return true;
        }
        return false;
}

static void got_report(TbSender *sender, GArray *reports)
{
        TbAdaptReport report = g_array_index(reports, TbAdaptReport, 0);
        gint64 now = g_get_monotonic_time();
        if (sender->twcc_us && now - sender->twcc_us < TWCC_RECENT_US)
                return; /* which knows more */
        sender->rtt_ms = report.rtt_ms = tb_sender_read_rtt(sender);
        report.sent_kbps = sender->tick_kbps;
        tb_adapt_report(&sender->adapt, now, &report);
        tb_sender_plan(sender);
}

static void on_rtcp(GObject *session G_GNUC_UNUSED, GstBuffer *buffer, gpointer data)
{
        TbSender *sender = data;
        __atomic_store_n(&sender->heard_us, g_get_monotonic_time(), __ATOMIC_RELAXED);
        TbAdaptReport report = {.loss = -1};
        bool told = false;
        GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
        GstRTCPPacket packet;
        if (!gst_rtcp_buffer_map(buffer, GST_MAP_READ, &rtcp))
                return;
        for (gboolean more = gst_rtcp_buffer_get_first_packet(&rtcp, &packet); more;
             more = gst_rtcp_packet_move_to_next(&packet))
                told = read_packet(&packet, sender, &report) || told;
        gst_rtcp_buffer_unmap(&rtcp);
        if (!told)
                return;
        GArray *one = g_array_sized_new(FALSE, FALSE, sizeof report, 1);
        g_array_append_val(one, report);
        tb_sender_post(sender, got_report, one);
}

static void closure_unref(gpointer sender, GClosure *closure G_GNUC_UNUSED)
{
        tb_sender_unref(sender);
}

void tb_sender_find_session(TbSender *sender, GstElement *webrtc)
{
        g_autoptr(GstElement) rtpbin =
                sender->session ? NULL : gst_bin_get_by_name(GST_BIN(webrtc), "rtpbin");
        if (rtpbin)
                g_signal_emit_by_name(rtpbin, "get-internal-session", 0, &sender->session);
        if (!rtpbin || !sender->session)
                return;
        tb_ref_inc(&sender->ref);
        g_signal_connect_data(sender->session, "on-receiving-rtcp", G_CALLBACK(on_rtcp), sender,
                              closure_unref, 0);
}

double tb_sender_read_rtt(TbSender *sender)
{
        if (!sender->session) {
                g_autoptr(GstElement) webrtc = gst_bin_get_by_name(GST_BIN(sender->pipeline), "webrtc");
                if (webrtc)
                        tb_sender_find_session(sender, webrtc);
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
                }
        }
        G_GNUC_END_IGNORE_DEPRECATIONS
        return rtt;
}
