/*
 * Viewers without feedback of each packet (adapt.h): receiver reports, of about a second each, and REMB. No probe shows what
 * their line carries, so more is tried by pictures, carefully, and for a while not above what has just been too much.
 */
#include "host/media/webrtc/adapt_private.h"

#define REMB_LESS 0.95
#define REMB_SAME 0.05
#define REMB_STAYS_US (5 * G_USEC_PER_SEC)
#define QUEUE_MS 150 /* of the round trip above its least: reports are few, and jitter is in them */
#define LATE_MS 100  /* twice in a row: a REMB that is low may be right */
/* with each request for what was lost comes a report, of the few packets since the last */
#define REPORT_US 400000
#define REPORT_PACKETS 10
#define LOSS_HIGH 0.10
#define LOSS_FULL 0.25
#define HOLD_LOST_US 500000
#define HOLD_QUEUE_MS 500
#define END_US (8 * G_USEC_PER_SEC) /* so long not above what the line has just borne */

/* Of those that come shortly after each other one is made. False: it is not time for it. */
static bool gather(TbAdapt *a, gint64 now_us, double *loss, guint packets)
{
        if (*loss < 0 || packets == 0)
                return true;
        gint64 passed_us = now_us - a->reports.judged_us;
        a->reports.packets += packets;
        a->reports.lost += *loss * packets;
        if (passed_us < REPORT_US ||
            (a->reports.packets < REPORT_PACKETS && passed_us < TB_ADAPT_REPORT_MOST_US))
                return false;
        *loss = a->reports.lost / a->reports.packets;
        a->reports.judged_us = now_us;
        a->reports.packets = 0;
        a->reports.lost = 0;
        return true;
}

/* A viewer says at most half more than what it gets, and less while it finds out, when pictures come unevenly, or when its
 * machine is busy: less than what is sent says something of the link when something else does, too, or when it stays. */
static bool remb_stays(TbAdapt *a, gint64 now_us, double remb_kbps)
{
        if (!a->remb_less_us || ABS(remb_kbps - a->remb_less_kbps) > a->remb_less_kbps * REMB_SAME) {
                a->remb_less_us = now_us; /* one that changes is finding out */
                a->remb_less_kbps = remb_kbps;
        }
        return now_us - a->remb_less_us >= REMB_STAYS_US;
}

/* In a queue that drops, a keyframe would be lost, too; in a long one it would be late. */
static void hold(TbAdapt *a, gint64 now_us, double loss)
{
        if (loss > LOSS_FULL && now_us - a->hold_until_us > TB_ADAPT_REPORT_MOST_US)
                a->hold_until_us = now_us + HOLD_LOST_US;
        else if (a->queue_ms > HOLD_QUEUE_MS && now_us >= a->hold_until_us)
                a->hold_until_us = now_us + (gint64)(MIN(a->queue_ms, TB_ADAPT_HOLD_MS) * 1000);
}

void tb_adapt_report(TbAdapt *a, gint64 now_us, const TbAdaptReport *r)
{
        gint64 passed_us = a->last_us ? now_us - a->last_us : 0;
        double loss = r->loss;
        a->blind = true;
        if (!gather(a, now_us, &loss, r->packets))
                return;
        if (r->rtt_ms >= 0) {
                tb_adapt_note_base(a, now_us, (gint64)(r->rtt_ms * 1000));
                double queue_ms = r->rtt_ms - (double)MIN(a->base_us[0], a->base_us[1]) / 1000;
                a->queue_ms = (a->queue_ms + queue_ms) / 2;
                a->queued_reports = queue_ms > LATE_MS ? a->queued_reports + 1 : 0;
        }
        bool full = false;
        if (r->remb_kbps > 0 && r->remb_kbps < r->sent_kbps * REMB_LESS)
                full = remb_stays(a, now_us, r->remb_kbps) || loss > TB_ADAPT_LOSS_LOW ||
                       a->queued_reports >= 2;
        else if (r->remb_kbps > 0)
                a->remb_less_us = 0;
        if (full)
                tb_adapt_cut(a, now_us, MAX(r->remb_kbps, r->sent_kbps / 2));
        if (loss < 0)
                return;
        a->last_us = now_us;
        a->loss = loss;
        a->sent_kbps = r->sent_kbps;
        a->recv_kbps = r->sent_kbps * (1 - loss);
        hold(a, now_us, loss);
        double before = a->kbps;
        if (loss > LOSS_HIGH)
                /* what arrives is what the line carries; a little loss may be its own */
                tb_adapt_cut(a, now_us,
                             loss > LOSS_FULL ? MIN(a->recv_kbps * 0.85, a->kbps * 0.7)
                                              : a->kbps * (1 - 0.5 * loss));
        else if (a->queue_ms > QUEUE_MS)
                tb_adapt_cut(a, now_us, MIN(a->recv_kbps, a->kbps) * 0.8);
        else if (loss < TB_ADAPT_LOSS_LOW && !full)
                tb_adapt_grow(a, now_us, a->fresh ? passed_us / 2 : passed_us);
        if (a->kbps < before) {
                a->ceiling_kbps = MAX(a->recv_kbps, a->kbps);
                a->ceiling_us = now_us + END_US;
        }
}
