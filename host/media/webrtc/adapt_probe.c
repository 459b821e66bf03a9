/*
 * Whether a link carries more than is sent is known only when more is sent. Pictures would show it by being late; a probe is
 * a short burst of what the viewer has already. When it arrives as fast as it was sent, the link carries that; when it arrives
 * slower, the pace of its arrival is what the link carries. The queue that it makes is (rate / link - 1) times as long as the
 * burst: less than a tenth of a second.
 */
#include "host/media/webrtc/adapt_private.h"

#include <string.h>

#define FIRST 2.0 /* times the estimate */
#define MORE 3.0  /* after one that was carried */
#define LASTS_US 60000
#define LEAST_BYTES 6000
#define MOST_BYTES 60000
#define LEAST_PACKETS 3 /* that say anything */
#define LOW_KBPS 250    /* below: MORE at once, the burst is a few packets all the same */
#define EVERY_US (1700 * 1000)
#define AFTER_CUT_US (700 * 1000)
#define ANSWER_US G_USEC_PER_SEC
#define QUEUE_US 300000 /* what is sent so soon after one may wait behind it */
#define QUEUE_MS 30     /* there is one already: no need to ask */
#define CARRIED 0.8     /* of the pace at which it was sent */
#define LOSS 0.1
#define CEILING 0.95
#define CEILING_US (8 * G_USEC_PER_SEC) /* unless another one shows more */

void tb_adapt_probe_later(TbAdapt *a, gint64 now_us)
{
        a->probe.next_us = MAX(a->probe.next_us, now_us + AFTER_CUT_US);
        a->probe.carried = 0;
        a->proven_kbps = 0;
}

bool tb_adapt_probe(TbAdapt *a, gint64 now_us, double useful_kbps, TbAdaptProbe *ret_probe)
{
        useful_kbps = MIN(useful_kbps, a->max_kbps);
        if (a->fresh || a->kbps >= useful_kbps || a->probe.from_us || now_us < a->probe.next_us ||
            a->queue_ms > QUEUE_MS || a->test_us || a->jump.since_us || a->loss > LOSS + a->floor ||
            tb_adapt_holds(a, now_us))
                return false;
        double kbps =
                MIN(a->kbps * (a->probe.carried || a->kbps < LOW_KBPS ? MORE : FIRST), useful_kbps * 1.2);
        kbps = MAX(kbps, a->kbps * 1.3);
        *ret_probe = (TbAdaptProbe){kbps, (guint)CLAMP(kbps * LASTS_US / 8000,
                                                       CLAMP(a->kbps * 30, 1200 * LEAST_PACKETS, LEAST_BYTES),
                                                       MOST_BYTES)};
        guint carried = a->probe.carried;
        memset(&a->probe, 0, sizeof a->probe);
        a->probe.carried = carried;
        a->probe.from_us = a->probe.queues_from = now_us;
        a->probe.recv[0] = a->probe.sent[0] = -1;
        a->probe.to_us = a->probe.queues_to = G_MAXINT64;
        a->probe.next_us = now_us + EVERY_US;
        return true;
}

void tb_adapt_probe_sent(TbAdapt *a, gint64 now_us)
{
        if (!a->probe.from_us || a->probe.to_us != G_MAXINT64)
                return;
        a->probe.to_us = now_us;
        a->probe.queues_to = now_us + QUEUE_US;
}

void tb_adapt_probe_count(TbAdapt *a, const TbAdaptPacket *p)
{
        if (!a->probe.from_us || p->sent_us < a->probe.from_us)
                return;
        if (p->sent_us > a->probe.to_us) {
                a->probe.over = true;
                return;
        }
        a->probe.n++;
        if (a->probe.sent[0] < 0)
                a->probe.sent[0] = p->sent_us;
        else
                a->probe.sent_bytes += p->size;
        a->probe.sent[1] = p->sent_us;
        if (p->recv_us < 0) {
                a->probe.lost++;
                return;
        }
        if (a->probe.recv[0] < 0)
                a->probe.recv[0] = p->recv_us;
        else
                a->probe.recv_bytes += p->size;
        a->probe.recv[1] = MAX(a->probe.recv[1], p->recv_us);
}

static double pace(guint64 bytes, const gint64 *span)
{
        return (double)bytes * 8000 / (double)MAX(span[1] - span[0], 1000);
}

void tb_adapt_probe_judge(TbAdapt *a, gint64 now_us)
{
        if (!a->probe.from_us ||
            !(a->probe.over || (a->probe.to_us < now_us && now_us - a->probe.to_us > ANSWER_US)))
                return;
        a->probe.from_us = 0;
        if (a->probe.n - a->probe.lost < LEAST_PACKETS)
                return;
        double sent = pace(a->probe.sent_bytes, a->probe.sent),
               got = pace(a->probe.recv_bytes, a->probe.recv);
        bool lossy = a->probe.lost > (guint)((LOSS + a->floor) * a->probe.n) + 1;
        if (!lossy && got >= sent * CARRIED) {
                a->proven_kbps = MIN(MIN(got, sent), a->max_kbps);
                a->kbps = MAX(a->kbps, a->proven_kbps);
                a->ceiling_us = 0;
                a->probe.carried++;
                a->probe.next_us = now_us;
                return;
        }
        a->probe.carried = 0;
        a->ceiling_kbps = got * CEILING;
        a->ceiling_us = now_us + CEILING_US;
        a->kbps = MAX(a->kbps, MIN(a->ceiling_kbps * CEILING, a->max_kbps));
}

bool tb_adapt_probe_queues(const TbAdapt *a, gint64 sent_us)
{
        return a->probe.queues_from && sent_us >= a->probe.queues_from && sent_us <= a->probe.queues_to;
}
