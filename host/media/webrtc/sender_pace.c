/*
 * How fast packets leave, and how many are sent again. A keyframe is dozens of packets at once: a line with a short queue
 * loses most of them, so above a moment's worth they go at a multiple of the estimate. What is lost is asked for again,
 * and on a full line nearly everything is lost: a share of the rate goes for it and no more, else the line carries
 * nothing but repetitions. Streaming threads of one viewer's pipeline: they may wait.
 */
#include "host/media/webrtc/sender_private.h"

#define PACE_FACTOR 2.5
#define PACE_MIN_KBPS 1200
#define PACE_BURST 16000 /* bytes at once */
#define PACE_LEAST_US 200
#define RTX_SHARE 0.20
#define RTX_MIN_KBPS 30
#define RTX_BURST_MS 600 /* of its share, saved for when it is needed */
#define PACKET 1200

static void refill(TbBudget *b, gint64 now_us, int kbps, double most)
{
        if (b->at_us == 0)
                b->bytes = most;
        else
                b->bytes = MIN(b->bytes + (double)(now_us - b->at_us) * kbps / 8000, most);
        b->at_us = now_us;
}

/* Takes the turn of so many bytes. */
static void await_turn(TbSender *s, gsize bytes)
{
        tb_mutex_lock(&s->pace_lock);
        for (;;) {
                int kbps = __atomic_load_n(&s->pace_kbps, __ATOMIC_RELAXED);
                gint64 now_us = g_get_monotonic_time();
                refill(&s->pace, now_us, kbps, PACE_BURST);
                if (s->pace.bytes > 0 || s->over)
                        break;
                gint64 wait_us = (gint64)(-s->pace.bytes * 8000 / kbps) + PACE_LEAST_US;
                tb_cond_wait_until(&s->pace_over, &s->pace_lock, now_us + wait_us);
        }
        s->pace.bytes -= (double)bytes;
        tb_mutex_unlock(&s->pace_lock);
}

/* The turn of all of them at once, if there is nothing to wait for. */
static bool take_turn(TbSender *s, gsize bytes)
{
        tb_mutex_lock(&s->pace_lock);
        refill(&s->pace, g_get_monotonic_time(), __atomic_load_n(&s->pace_kbps, __ATOMIC_RELAXED),
               PACE_BURST);
        bool taken = s->pace.bytes >= (double)bytes;
        if (taken)
                s->pace.bytes -= (double)bytes;
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
                await_turn(s, gst_buffer_get_size(GST_PAD_PROBE_INFO_BUFFER(info)));
                return GST_PAD_PROBE_OK;
        }
        GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
        if (take_turn(s, gst_buffer_list_calculate_size(list)))
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
        int kbps = __atomic_load_n(&s->rtx_kbps, __ATOMIC_RELAXED);
        refill(&s->rtx, g_get_monotonic_time(), kbps, MAX((double)kbps * RTX_BURST_MS / 8, 3.0 * PACKET));
        if (s->rtx.bytes < PACKET)
                return GST_PAD_PROBE_DROP;
        s->rtx.bytes -= PACKET;
        return GST_PAD_PROBE_OK;
}

void tb_sender_set_budgets(TbSender *s)
{
        double rate = MIN(s->adapt.kbps, MAX(s->tick_kbps * 1.5, 500));
        __atomic_store_n(&s->rtx_kbps, (int)MAX(rate * RTX_SHARE, RTX_MIN_KBPS), __ATOMIC_RELAXED);
        __atomic_store_n(&s->pace_kbps, (int)MAX(s->adapt.kbps * PACE_FACTOR, PACE_MIN_KBPS),
                         __ATOMIC_RELAXED);
}
