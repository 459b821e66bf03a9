/*
 * How fast packets leave, and how many are sent again. A keyframe is dozens of packets at once: a line with a short queue
 * loses most of them, so above a moment's worth they go at a multiple of the estimate. What is lost is asked for again,
 * and on a full line nearly everything is lost: a share of the rate goes for it and no more, else the line carries
 * nothing but repetitions. Streaming threads of one viewer's pipeline: they may wait.
 */
#include "host/media/webrtc/sender_private.h"

#define PACE_LEAST_US 200
#define PACKET 1200

/* With pace_lock held. */
static void note(TbSender *s, GstBuffer *buffer)
{
        guint16 seq;
        if (gst_buffer_extract(buffer, 2, &seq, sizeof seq) == sizeof seq) /* RFC 3550 §5.1 */
                s->recent[s->recent_n++ % TB_SENDER_RECENT] =
                        (TbSenderPacket){GUINT16_FROM_BE(seq), (guint16)gst_buffer_get_size(buffer)};
}

/* Takes the turn of so many bytes. */
static void await_turn(TbSender *s, GstBuffer *buffer)
{
        tb_mutex_lock(&s->pace_lock);
        for (;;) {
                int kbps = __atomic_load_n(&s->pace_kbps, __ATOMIC_RELAXED);
                gint64 now_us = g_get_monotonic_time();
                gint64 wait_us = tb_budget_wait_us(&s->pace, now_us, kbps, TB_PACE_BURST);
                if (wait_us == 0 || s->over)
                        break;
                tb_cond_wait_until(&s->pace_over, &s->pace_lock, now_us + wait_us + PACE_LEAST_US);
        }
        s->pace.bytes -= (double)gst_buffer_get_size(buffer);
        note(s, buffer);
        tb_mutex_unlock(&s->pace_lock);
}

static gboolean note_one(GstBuffer **buffer, guint i G_GNUC_UNUSED, gpointer sender)
{
        note(sender, *buffer);
        return TRUE;
}

/* The turn of all of them at once, if there is nothing to wait for. */
static bool take_turn(TbSender *s, GstBufferList *list)
{
        gsize bytes = gst_buffer_list_calculate_size(list);
        tb_mutex_lock(&s->pace_lock);
        bool taken = tb_budget_take(&s->pace, g_get_monotonic_time(),
                                    __atomic_load_n(&s->pace_kbps, __ATOMIC_RELAXED), TB_PACE_BURST, bytes);
        if (taken)
                gst_buffer_list_foreach(list, note_one, s);
        tb_mutex_unlock(&s->pace_lock);
        return taken;
}

void tb_sender_end_pace(TbSender *s)
{
        tb_mutex_lock(&s->pace_lock);
        s->over = true;
        tb_cond_broadcast(&s->pace_over);
        tb_mutex_unlock(&s->pace_lock);
}

GstPadProbeReturn tb_sender_pace(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
        TbSender *s = data;
        if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
                await_turn(s, GST_PAD_PROBE_INFO_BUFFER(info));
                return GST_PAD_PROBE_OK;
        }
        GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
        if (take_turn(s, list))
                return GST_PAD_PROBE_OK;
        /* one by one: each comes back here as a buffer */
        list = gst_buffer_list_make_writable(list);
        GST_PAD_PROBE_INFO_DATA(info) = list;
        GstFlowReturn flow = GST_FLOW_OK;
        while (flow == GST_FLOW_OK && gst_buffer_list_length(list) > 0) {
                GstBuffer *buffer = gst_buffer_ref(gst_buffer_list_get(list, 0));
                gst_buffer_list_remove(list, 0, 1);
                flow = gst_pad_push(pad, buffer);
        }
        return GST_PAD_PROBE_DROP; /* the list, which is empty */
}

GstPadProbeReturn tb_sender_rtx(GstPad *pad G_GNUC_UNUSED, GstPadProbeInfo *info, gpointer data)
{
        TbSender *s = data;
        GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
        if (GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_UPSTREAM ||
            !gst_event_has_name(event, "GstRTPRetransmissionRequest"))
                return GST_PAD_PROBE_OK;
        if (gst_structure_has_field(gst_event_get_structure(event), TB_SENDER_PROBE))
                return GST_PAD_PROBE_OK;
        int kbps = __atomic_load_n(&s->rtx_kbps, __ATOMIC_RELAXED);
        return tb_budget_take(&s->rtx, g_get_monotonic_time(), kbps, tb_budget_rtx_burst(kbps), PACKET)
                       ? GST_PAD_PROBE_OK
                       : GST_PAD_PROBE_DROP;
}

void tb_sender_set_budgets(TbSender *s)
{
        int rtx_kbps, pace_kbps;
        tb_budget_rates(s->adapt.kbps, s->tick_kbps, &rtx_kbps, &pace_kbps);
        __atomic_store_n(&s->rtx_kbps, rtx_kbps, __ATOMIC_RELAXED);
        __atomic_store_n(&s->pace_kbps, pace_kbps, __ATOMIC_RELAXED);
}
