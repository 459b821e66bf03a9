#include "host/media/webrtc/adapt.h"

#include "host/media/webrtc/adapt_private.h"

#define BASE_HALF_US (10 * G_USEC_PER_SEC) /* the least delay is looked for in 10 to 20 s */
#define QUEUE_LOW_MS 60                    /* below: the link has room */
#define QUEUE_HIGH_MS 90                   /* above, twice in a row: it is full */
#define QUEUE_HOLD_MS 250                  /* above: wait until it is empty */
#define LOSS_HIGH 0.10
#define LOSS_TESTED 0.04 /* above, without a queue: is it the link's own? */
#define LOSS_FLOOR 0.16  /* most that is taken for the link's own */
#define TEST_US (1200 * 1000)
#define TEST_EVERY_US (6 * G_USEC_PER_SEC)
#define TEST_PACKETS 20 /* of a window, to tell anything */
#define JUMP_US 45000   /* from one packet to the next */
#define JUMP_FLAT_US 40000
#define JUMP_LASTS_US 200000 /* flat for so long: it is no queue, which would grow or drain */
#define JUMP_PACKETS 6
#define JUMP_FALLS_US 600000
#define GROW_USED 0.60  /* per second, while at least half of the estimate is used */
#define GROW_FRESH 1.5  /* per second, until the first cut */
#define GROW_IDLE 0.15  /* per second else: nothing proves that the link would carry it */
#define GROW_BLIND 0.30 /* … and nothing ever will: it is found out by pictures, which begin small */
#define BLIND_KBPS 4000 /* the full picture of any screen */
#define CUT_EVERY_US 300000
#define RECENT_CUT_US (3 * G_USEC_PER_SEC)

void tb_adapt_init(TbAdapt *a, guint start_kbps, guint max_kbps)
{
        *a = (TbAdapt){.kbps = MIN(start_kbps, max_kbps),
                       .max_kbps = max_kbps,
                       .fresh = true,
                       .base_us = {G_MAXINT64, G_MAXINT64},
                       .win_recv_us = -1,
                       .win_sent_us = -1};
}

static double kbps(guint64 bytes, gint64 us)
{
        return us > 0 ? (double)bytes * 8000 / (double)us : 0;
}

void tb_adapt_note_base(TbAdapt *a, gint64 now_us, gint64 delay_us)
{
        if (a->base_since_us == 0)
                a->base_since_us = now_us;
        if (now_us - a->base_since_us > BASE_HALF_US) {
                a->base_us[1] = a->base_us[0];
                a->base_us[0] = G_MAXINT64;
                a->base_since_us = now_us;
        }
        a->base_us[0] = MIN(a->base_us[0], delay_us);
}

static void restart_window(TbAdapt *a)
{
        a->win_recv_us = a->last_recv_us;
        a->win_sent_us = a->last_sent_us;
        a->win_recv_bytes = a->win_sent_bytes = 0;
        a->win_packets = a->win_lost = 0;
}

/* Rates over windows of half a second, by the clocks of both ends. */
static void count(TbAdapt *a, const TbAdaptPacket *p)
{
        if (a->win_sent_us < 0)
                a->win_sent_us = p->sent_us;
        a->win_sent_bytes += p->size;
        a->win_packets++;
        a->test_packets++;
        a->test_lost += p->recv_us < 0;
        a->last_sent_us = p->sent_us;
        if (p->recv_us < 0) {
                a->win_lost++;
        } else {
                if (a->win_recv_us < 0)
                        a->win_recv_us = p->recv_us;
                else
                        a->win_recv_bytes += p->size; /* the first one opens the interval */
                a->last_recv_us = p->recv_us;
        }
        gint64 sent = a->last_sent_us - a->win_sent_us,
               received = a->win_recv_us < 0 ? 0 : a->last_recv_us - a->win_recv_us;
        if (MAX(sent, received) < TB_ADAPT_WINDOW_US)
                return;
        a->sent_kbps = kbps(a->win_sent_bytes, MAX(sent, TB_ADAPT_WINDOW_US / 2));
        a->recv_kbps = kbps(a->win_recv_bytes, MAX(received, TB_ADAPT_WINDOW_US / 4));
        double loss = (double)a->win_lost / a->win_packets;
        a->loss = a->win_packets >= 10 ? loss : (a->loss + loss) / 2;
        a->floor = MIN(a->floor, (a->floor + a->loss) / 2 + TB_ADAPT_LOSS_LOW / 2);
        a->windows += a->win_packets >= TEST_PACKETS;
        restart_window(a);
}

/* What arrived since the window began, when that says something already: after a fall of the link half a
 * second is too long to wait. */
static double arriving(const TbAdapt *a)
{
        gint64 us = a->win_recv_us < 0 ? 0 : a->last_recv_us - a->win_recv_us;
        return us > TB_ADAPT_WINDOW_US / 5 ? kbps(a->win_recv_bytes, us) : a->recv_kbps;
}

void tb_adapt_cut(TbAdapt *a, gint64 now_us, double to)
{
        if (to < a->kbps)
                a->kbps = MAX(to, TB_ADAPT_MIN_KBPS);
        a->last_cut_us = now_us;
        a->fresh = false;
        tb_adapt_probe_later(a, now_us);
}

void tb_adapt_grow(TbAdapt *a, gint64 now_us, gint64 passed_us)
{
        bool used = a->recv_kbps > a->kbps * 0.5;
        /* carefully at first: what was too much a moment ago is so now */
        bool recent = now_us - a->last_cut_us < RECENT_CUT_US;
        bool late = a->reports.judged_us; /* what it does to the link is heard of late */
        double rate = recent ? GROW_IDLE : used && !late ? GROW_USED : a->blind ? GROW_BLIND : GROW_IDLE;
        if (a->fresh)
                rate = GROW_FRESH;
        double seconds = (double)MIN(passed_us, TB_ADAPT_REPORT_MOST_US) / G_USEC_PER_SEC;
        double limit = MAX(a->kbps, a->recv_kbps * 3 + 500);
        if (a->blind) /* a screen that rests would keep it small for ever */
                limit = MAX(limit, BLIND_KBPS);
        if (now_us < a->ceiling_us) /* a probe has shown where the link ends */
                limit = MIN(limit, MAX(a->kbps, a->ceiling_kbps));
        a->kbps = MIN(MIN(a->kbps + (a->kbps * rate + 20) * seconds, limit), a->max_kbps);
}

/* --- another path --- */
static void rebase(TbAdapt *a, gint64 now_us, gint64 delay_us)
{
        a->base_us[0] = a->base_us[1] = delay_us;
        a->base_since_us = now_us;
        a->queue_ms = 0;
        a->queued_reports = 0;
        a->held_us = 0;
}

/* One packet that arrived. A queue grows by what is sent, and drains when less is: a delay that jumps by more than that
 * and is flat afterwards is a longer path, and one that falls again by itself was a stall. */
static void watch_jump(TbAdapt *a, gint64 now_us, gint64 sent_us, gint64 delay_us)
{
        if (a->jump.since_us) {
                bool falls = delay_us < a->jump.most_us - JUMP_FLAT_US;
                a->jump.falls = a->jump.falls || falls;
                a->jump.least_us = MIN(a->jump.least_us, delay_us);
                a->jump.most_us = MAX(a->jump.most_us, delay_us);
                a->jump.n++;
                if (a->jump.falls) {
                        /* what had waited comes at once: the viewer's machine, or its radio, was busy */
                        if (!falls || delay_us < a->jump.from_us + JUMP_FLAT_US ||
                            sent_us - a->jump.since_us > JUMP_FALLS_US)
                                a->jump.since_us = 0;
                } else if (a->jump.most_us - a->jump.least_us > JUMP_FLAT_US) {
                        a->jump.since_us = 0;
                } else if (a->jump.n >= JUMP_PACKETS && sent_us - a->jump.since_us >= JUMP_LASTS_US) {
                        rebase(a, now_us, a->jump.least_us);
                        a->jump.since_us = 0;
                }
        } else if (a->prev_sent_us && delay_us - a->prev_delay_us > JUMP_US) {
                a->jump.since_us = sent_us;
                a->jump.from_us = a->prev_delay_us;
                a->jump.least_us = a->jump.most_us = delay_us;
                a->jump.n = 1;
                a->jump.falls = false;
        }
        a->prev_delay_us = delay_us;
        a->prev_sent_us = sent_us;
        /* while nothing was sent a queue has drained; what has not become shorter was none */
        if (a->held_us && sent_us >= a->hold_until_us) {
                if (a->held_delay_us - delay_us < a->held_us * 3 / 10)
                        rebase(a, now_us, delay_us);
                a->held_us = 0;
        }
}

/* --- loss of the link's own --- */
double tb_adapt_own_loss(const TbAdapt *a)
{
        return MAX(a->loss - a->floor, 0);
}

/* Half of the rate for a second: loss that stays is the link's own. True: the test rules, for now. */
static bool test_loss(TbAdapt *a, gint64 now_us)
{
        if (a->test_us) {
                if (now_us - a->test_us < TEST_US || a->test_packets < 2 * TEST_PACKETS)
                        return now_us - a->test_us < 3 * TEST_US;
                double loss = (double)a->test_lost / a->test_packets;
                if (loss > a->tested_loss * 0.5 && loss <= LOSS_FLOOR) { /* it stays */
                        a->floor = loss * 1.1 + TB_ADAPT_LOSS_LOW / 2;
                        a->kbps = MAX(a->kbps, a->tested_kbps);
                }
                a->test_us = 0;
                return true;
        }
        if (a->loss < LOSS_TESTED || tb_adapt_own_loss(a) < TB_ADAPT_LOSS_LOW || a->loss > 2 * LOSS_FLOOR ||
            a->queue_ms > QUEUE_LOW_MS || a->windows < 2 ||
            (a->last_test_us && now_us - a->last_test_us < TEST_EVERY_US))
                return false;
        a->tested_kbps = a->kbps;
        a->tested_loss = a->loss;
        a->test_us = a->last_test_us = now_us;
        a->windows = a->test_packets = a->test_lost = 0;
        tb_adapt_cut(a, now_us, a->kbps * 0.5);
        restart_window(a);
        return true;
}

/* False: nothing shall be sent for now. */
static bool judge_queue(TbAdapt *a, gint64 now_us, gint64 mean_us, gint64 newest_us)
{
        gint64 base = MIN(a->base_us[0], a->base_us[1]);
        double report_ms = (double)(mean_us - base) / 1000;
        a->queue_ms += (MAX(report_ms, 0) - a->queue_ms) * 0.5;
        a->queued_reports = report_ms > QUEUE_HIGH_MS ? a->queued_reports + 1 : 0;
        if (a->queued_reports == 1)
                restart_window(a); /* from here on arrivals measure the full link, not the time before */
        double newest_ms = (double)(newest_us - base) / 1000;
        if (newest_ms <= QUEUE_HOLD_MS || a->hold_until_us >= now_us)
                return true;
        a->held_us = (gint64)(MIN(newest_ms, TB_ADAPT_HOLD_MS) * 1000);
        a->held_delay_us = newest_us;
        a->hold_until_us = now_us + a->held_us;
        a->test_us = 0;
        tb_adapt_cut(a, now_us, arriving(a) * 0.75);
        return false;
}

void tb_adapt_feedback(TbAdapt *a, gint64 now_us, const TbAdaptPacket *packets, guint n)
{
        gint64 sum = 0;
        guint arrived = 0;
        gint64 newest_delay = 0, newest_sent = 0;
        for (guint i = 0; i < n; i++) {
                count(a, &packets[i]);
                tb_adapt_probe_count(a, &packets[i]);
                if (packets[i].recv_us < 0)
                        continue;
                newest_delay = packets[i].recv_us - packets[i].sent_us;
                tb_adapt_note_base(a, now_us, newest_delay);
                watch_jump(a, now_us, packets[i].sent_us, newest_delay);
                newest_sent = packets[i].sent_us;
                sum += newest_delay;
                arrived++;
        }
        gint64 passed_us = a->last_us ? now_us - a->last_us : 0;
        a->last_us = now_us;
        tb_adapt_probe_judge(a, now_us);
        if (a->jump.since_us) /* not known yet what it is */
                return;
        if (tb_adapt_probe_queues(a, newest_sent) &&
            newest_delay - MIN(a->base_us[0], a->base_us[1]) < QUEUE_HOLD_MS * 1000)
                return; /* the queue is of our own making, and ends by itself */
        if (arrived > 0 && !judge_queue(a, now_us, sum / arrived, newest_delay))
                return;
        bool may_cut = now_us - a->last_cut_us > CUT_EVERY_US;
        if (a->queued_reports >= 2 && may_cut)
                tb_adapt_cut(a, now_us, arriving(a) * 0.85);
        else if (test_loss(a, now_us))
                return;
        else if (tb_adapt_own_loss(a) > LOSS_HIGH && may_cut)
                tb_adapt_cut(a, now_us, a->kbps * (1 - 0.5 * a->loss));
        else if (a->queue_ms < QUEUE_LOW_MS && tb_adapt_own_loss(a) < TB_ADAPT_LOSS_LOW &&
                 !tb_adapt_holds(a, now_us))
                tb_adapt_grow(a, now_us, passed_us);
}

bool tb_adapt_holds(const TbAdapt *a, gint64 now_us)
{
        return now_us < a->hold_until_us;
}
