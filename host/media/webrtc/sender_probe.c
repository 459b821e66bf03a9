/*
 * Probes of the link (adapt.h), of packets that were sent a moment ago: they go once more in the way of RFC 4588, and who has
 * them already drops them. Main thread.
 */
#include "host/media/webrtc/sender_private.h"

#define STEP_MS 4
#define USEFUL 1.5   /* times what the full picture needs: so it stays */
#define USED 0.6     /* of what the encoder may send: it could do with more */
#define STEP_MOST 16 /* packets: a step that came late is no burst */

/* The next of the recent packets, large ones first; size 0: none was sent yet. */
static TbSenderPacket next_packet(TbSender *s)
{
        TbSenderPacket found = {0};
        tb_mutex_lock(&s->pace_lock);
        guint n = MIN(s->recent_n, TB_SENDER_RECENT), most = 0;
        for (guint i = 0; i < n; i++)
                most = MAX(most, s->recent[i].size);
        for (guint i = 0; i < n && !found.size; i++) {
                TbSenderPacket p = s->recent[s->probe_next++ % n];
                if (p.size >= most / 2)
                        found = p;
        }
        tb_mutex_unlock(&s->pace_lock);
        return found;
}

static void repeat(TbSender *s, guint16 seq)
{
        gst_pad_send_event(
                s->rtx_pad,
                gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                     gst_structure_new("GstRTPRetransmissionRequest", "seqnum", G_TYPE_UINT,
                                                       (guint)seq, "ssrc", G_TYPE_UINT, s->ssrc,
                                                       TB_SENDER_PROBE, G_TYPE_BOOLEAN, TRUE, NULL)));
}

static gboolean step(gpointer data)
{
        TbSender *s = data;
        gint64 now = g_get_monotonic_time();
        double due = s->probe.kbps * (double)(now - s->probe_us + STEP_MS * 1000) / 8000;
        TbSenderPacket p = {.size = 1};
        for (int n = 0; n < STEP_MOST && s->probe_sent < MIN((guint)due, s->probe.bytes) && p.size; n++) {
                p = next_packet(s);
                if (p.size)
                        repeat(s, p.seq);
                s->probe_sent += p.size;
        }
        if (p.size && s->probe_sent < s->probe.bytes && !s->hold)
                return G_SOURCE_CONTINUE;
        s->probe_timer = 0;
        tb_adapt_probe_sent(&s->adapt, now + 1000);
        return G_SOURCE_REMOVE;
}

void tb_sender_probe(TbSender *s)
{
        TbSenderSlot *slot = tb_sender_current(s);
        s->adapt.blind = !s->rtx_pad;
        if (!s->rtx_pad || s->probe_timer || s->hold || !s->started || !slot)
                return;
        guint width = 0, height = 0;
        tb_feeds_size(s->feeds, s->source, &width, &height);
        double useful = tb_adapt_full_kbps(width && height ? (int)(width * height) : 1280 * 720) * USEFUL;
        if (s->tick_kbps > tb_feed_tap_kbps(slot->tap) * USED)
                useful = s->max_kbps;
        gint64 now = g_get_monotonic_time();
        if (!tb_adapt_probe(&s->adapt, now, MIN(useful, s->max_kbps), &s->probe))
                return;
        s->probe_us = now;
        s->probe_sent = 0;
        s->probe_timer = g_timeout_add(STEP_MS, step, s);
}

void tb_sender_end_probe(TbSender *s)
{
        if (s->probe_timer)
                g_source_remove(s->probe_timer);
        s->probe_timer = 0;
}
