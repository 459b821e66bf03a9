/* The congestion controller against a simulated link: a queue that drains at the link's rate, feedback every
 * 50 ms. */
#include "host/media/webrtc/adapt.h"

#include <math.h>
#include <string.h>

#define STEP_US 10000
#define FEEDBACK_US 50000
#define OWD_US 20000
#define PACKET 1200

typedef struct Link {
        TbAdapt adapt;
        TbAdaptViewer viewer;
        gint64 now_us;
        double link_kbps, content_kbps, loss;
        gint64 free_us; /* when the link has sent all that is in it */
        double credit;  /* bytes that the encoder may send */
        guint lost_every, count;
        gint64 further_us;     /* of the path, beside the queue */
        double lost_share;     /* at random */
        bool reports;          /* a viewer without feedback of each packet: one report a second */
        guint sent, lost;      /* since the last report */
        gint64 queue_most_us;  /* more is dropped; 0: nothing is */
        guint64 arrived_bytes; /* since run() began */
        GRand *random;
        GArray *flying;
        gint64 next_feedback_us, next_report_us;
        double remb_kbps;
        double worst_delay_ms;
        guint rate_kbps;
        bool probes;
        TbAdaptProbe probe;
        double probe_credit;
        guint probed, probes_n; /* bytes of this one; so far */
        guint64 probe_bytes;    /* of all */
        GArray *delays;         /* ms of every packet of a picture since run() began */
} Link;

static void link_init(Link *l, double kbps)
{
        *l = (Link){.link_kbps = kbps, .content_kbps = 1e9, .now_us = G_USEC_PER_SEC};
        tb_adapt_init(&l->adapt, 3000, 8000);
        l->random = g_rand_new_with_seed(7);
        l->flying = g_array_new(FALSE, FALSE, sizeof(TbAdaptPacket));
        l->delays = g_array_new(FALSE, FALSE, sizeof(double));
        l->rate_kbps = 2500;
}

static void link_clear(Link *l)
{
        g_array_free(l->flying, TRUE);
        g_array_free(l->delays, TRUE);
        g_rand_free(l->random);
}

static void put(Link *l)
{
        TbAdaptPacket p = {.sent_us = l->now_us, .size = PACKET};
        bool lost = (l->lost_every && ++l->count % l->lost_every == 0) ||
                    g_rand_double(l->random) < l->lost_share;
        if (l->queue_most_us && l->free_us - l->now_us > l->queue_most_us)
                lost = true;
        else
                l->free_us = MAX(l->free_us, l->now_us) + (gint64)(PACKET * 8000 / l->link_kbps);
        p.recv_us = lost ? -1 : l->free_us + OWD_US + l->further_us;
        l->sent++;
        l->lost += lost;
        l->arrived_bytes += lost ? 0 : PACKET;
        g_array_append_val(l->flying, p);
}

static void send_probe(Link *l)
{
        if (l->probe.bytes == 0)
                return;
        for (l->probe_credit += l->probe.kbps * STEP_US / 8000;
             l->probe_credit >= PACKET && l->probed < l->probe.bytes; l->probe_credit -= PACKET) {
                put(l);
                l->probed += PACKET;
                l->probe_bytes += PACKET;
        }
        if (l->probed < l->probe.bytes)
                return;
        l->probe.bytes = 0;
        tb_adapt_probe_sent(&l->adapt, l->now_us);
}

static void send_packets(Link *l)
{
        send_probe(l);
        if (tb_adapt_holds(&l->adapt, l->now_us)) {
                l->credit = 0;
                return;
        }
        l->credit += MIN(l->rate_kbps, l->content_kbps) * STEP_US / 8000;
        while (l->credit >= PACKET) {
                l->credit -= PACKET;
                put(l);
                double late = (double)(MAX(l->free_us - l->now_us, 0) + OWD_US) / 1000;
                g_array_append_val(l->delays, late);
        }
}

static void feed_back(Link *l)
{
        guint n = 0;
        while (n < l->flying->len) {
                const TbAdaptPacket *p = &g_array_index(l->flying, TbAdaptPacket, n);
                if ((p->recv_us < 0 ? p->sent_us + OWD_US + l->further_us : p->recv_us) + OWD_US +
                            l->further_us >
                    l->now_us)
                        break;
                if (p->recv_us >= 0)
                        l->worst_delay_ms = MAX(l->worst_delay_ms, (double)(p->recv_us - p->sent_us) / 1000);
                n++;
        }
        if (n == 0)
                return;
        if (!l->reports)
                tb_adapt_feedback(&l->adapt, l->now_us, (const TbAdaptPacket *)l->flying->data, n);
        g_array_remove_range(l->flying, 0, n);
        if (l->reports && l->now_us >= l->next_report_us) {
                TbAdaptReport r = {.loss = l->sent ? (double)l->lost / l->sent : 0,
                                   .packets = l->sent,
                                   .rtt_ms = (double)(MAX(l->free_us - l->now_us, 0) + 2 * OWD_US) / 1000,
                                   .remb_kbps = l->remb_kbps,
                                   .sent_kbps = l->rate_kbps};
                tb_adapt_report(&l->adapt, l->now_us, &r);
                l->sent = l->lost = 0;
                l->next_report_us = l->now_us + G_USEC_PER_SEC;
        }
        TbAdaptPlan plan;
        l->viewer.kbps = l->adapt.kbps;
        l->viewer.fresh = l->adapt.fresh;
        l->viewer.proven_kbps = l->adapt.proven_kbps;
        tb_adapt_plan(&l->viewer, 1, l->now_us, 1280 * 720, 60, 8000, &plan);
        l->rate_kbps = plan.kbps[l->viewer.rung];
        if (l->probes && l->probe.bytes == 0 && tb_adapt_probe(&l->adapt, l->now_us, 8000, &l->probe)) {
                l->probe_credit = PACKET;
                l->probed = 0;
                l->probes_n++;
        }
}

static void run(Link *l, double seconds)
{
        gint64 end = l->now_us + (gint64)(seconds * G_USEC_PER_SEC);
        l->worst_delay_ms = 0;
        l->arrived_bytes = 0;
        l->probe_bytes = 0;
        l->probes_n = 0;
        g_array_set_size(l->delays, 0);
        for (; l->now_us < end; l->now_us += STEP_US) {
                send_packets(l);
                if (l->now_us >= l->next_feedback_us) {
                        feed_back(l);
                        l->next_feedback_us = l->now_us + FEEDBACK_US;
                }
        }
}

static void test_wide_link(void)
{
        Link l;
        link_init(&l, 50000);
        run(&l, 15);
        g_assert_cmpfloat(l.adapt.kbps, >, 7000);
        g_assert_cmpfloat(l.worst_delay_ms, <, 60);
        g_assert_cmpint(l.viewer.rung, ==, 0);
        link_clear(&l);
}

static void test_falls_and_recovers(void)
{
        Link l;
        link_init(&l, 5000);
        run(&l, 20);
        g_assert_cmpint(l.viewer.rung, ==, 0);
        g_assert_cmpfloat(l.rate_kbps, >, 2000);
        l.link_kbps = 500;
        run(&l, 4); /* the queue of the fall drains */
        run(&l, 15);
        g_test_message("at 500 kbit/s: estimate %.0f, rate %u, worst delay %.0f ms, rung %d", l.adapt.kbps,
                       l.rate_kbps, l.worst_delay_ms, l.viewer.rung);
        g_assert_cmpfloat(l.worst_delay_ms, <, 450);
        g_assert_cmpint(l.viewer.rung, >=, 1);
        g_assert_cmpuint(l.rate_kbps, >=, 150);
        g_assert_cmpuint(l.rate_kbps, <=, 500);
        l.link_kbps = 5000;
        run(&l, 45);
        g_test_message("back at 5000 kbit/s: estimate %.0f, rate %u, rung %d", l.adapt.kbps, l.rate_kbps,
                       l.viewer.rung);
        g_assert_cmpint(l.viewer.rung, ==, 0);
        g_assert_cmpfloat(l.rate_kbps, >, 1500);
        link_clear(&l);
}

static int by_size(gconstpointer a, gconstpointer b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static double p90(Link *l)
{
        g_array_sort(l->delays, by_size);
        return l->delays->len ? g_array_index(l->delays, double, l->delays->len * 9 / 10) : 0;
}

/* From any narrow line: nothing is late on it, and the full picture is back within seconds of a wide one. */
static void test_back_at_once(void)
{
        static const double lines[] = {1000, 700, 500, 300, 200};
        for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
                Link l;
                link_init(&l, 5000);
                l.probes = true;
                run(&l, 10);
                l.link_kbps = lines[i];
                run(&l, 5);
                for (int turn = 0; turn < 3; turn++) {
                        l.link_kbps = lines[i];
                        run(&l, 6);
                        run(&l, 20);
                        double late = p90(&l);
                        double arrived = (double)l.arrived_bytes * 8 / 20000;
                        guint n = l.probes_n;
                        double spent = (double)l.probe_bytes * 8 / 20000;
                        g_assert_cmpfloat(late, <, 300);
                        g_assert_cmpfloat(arrived, >, lines[i] * 0.4);
                        g_assert_cmpfloat(spent, <, lines[i] * 0.25);
                        l.link_kbps = 20000;
                        double back = 0;
                        while (l.viewer.rung > 0 && back < 10) {
                                run(&l, 0.1);
                                back += 0.1;
                        }
                        g_test_message(
                                "%.0f kbit/s: p90 %.0f ms late, %.0f arrive, %u probes of %.0f kbit/s; "
                                "full size after %.1f s",
                                lines[i], late, arrived, n, spent, back);
                        g_assert_cmpfloat(back, <, 3);
                        run(&l, 4);
                        g_assert_cmpint(l.viewer.rung, ==, 0);
                }
                link_clear(&l);
        }
}

/* A still screen costs no probes once the estimate is what it was worth, and none are sent where they would not arrive. */
static void test_probes_end(void)
{
        Link l;
        link_init(&l, 20000);
        l.probes = true;
        run(&l, 10);
        run(&l, 20);
        g_assert_cmpuint(l.probes_n, ==, 0);
        link_clear(&l);
        TbAdapt a;
        TbAdaptProbe probe;
        tb_adapt_init(&a, 500, 8000);
        g_assert_false(tb_adapt_probe(&a, G_USEC_PER_SEC, 8000, &probe)); /* it grows by itself at first */
        a.fresh = false;
        g_assert_true(tb_adapt_probe(&a, G_USEC_PER_SEC, 8000, &probe));
        g_assert_cmpfloat(probe.kbps, ==, 1000);
        g_assert_false(tb_adapt_probe(&a, G_USEC_PER_SEC, 8000, &probe)); /* one at a time */
        tb_adapt_probe_sent(&a, G_USEC_PER_SEC + 60000);
        tb_adapt_feedback(&a, 4 * G_USEC_PER_SEC, NULL, 0); /* nobody told anything of it */
        g_assert_cmpfloat(a.kbps, ==, 500);
        g_assert_cmpfloat(a.proven_kbps, ==, 0);
        g_assert_true(tb_adapt_probe(&a, 4 * G_USEC_PER_SEC, 8000, &probe));
        g_assert_false(tb_adapt_probe(&a, 40 * G_USEC_PER_SEC, 400, &probe)); /* more is of no use */
}

static void test_holds_while_the_queue_drains(void)
{
        Link l;
        link_init(&l, 5000);
        run(&l, 10);
        l.link_kbps = 300;
        bool held = false;
        for (int i = 0; i < 200 && !held; i++) {
                run(&l, 0.01);
                held = tb_adapt_holds(&l.adapt, l.now_us);
        }
        g_assert_true(held);
        g_assert_cmpfloat(l.adapt.kbps, <, 600);
        g_assert_cmpint(l.adapt.hold_until_us - l.now_us, <=, 1500000);
        link_clear(&l);
}

static void test_loss(void)
{
        Link l;
        link_init(&l, 20000);
        l.lost_every = 4;
        run(&l, 10);
        g_assert_cmpfloat(l.adapt.loss, >, 0.2);
        g_assert_cmpfloat(l.adapt.kbps, <, 1000);
        l.lost_every = 100; /* a radio link's: not a full one */
        run(&l, 30);
        g_assert_cmpfloat(l.adapt.kbps, >, 3000);
        link_clear(&l);
}

/* A still screen sends next to nothing: that says nothing about the link. */
static void test_idle_keeps_the_estimate(void)
{
        Link l;
        link_init(&l, 20000);
        run(&l, 10);
        double before = l.adapt.kbps;
        l.content_kbps = 30;
        run(&l, 60);
        g_assert_cmpfloat(l.adapt.kbps, >=, before * 0.99);
        link_clear(&l);
}

/* Nothing is known of a link at first; a wide one is used within two seconds. */
static void test_starts_low(void)
{
        Link l;
        link_init(&l, 50000);
        tb_adapt_init(&l.adapt, 1500, 8000);
        run(&l, 0.2);
        g_assert_cmpfloat(l.adapt.kbps, <, 2500);
        g_assert_true(l.adapt.fresh);
        run(&l, 2);
        g_assert_cmpfloat(l.adapt.kbps, >, 6000);
        l.link_kbps = 1000;
        run(&l, 1);
        g_assert_false(l.adapt.fresh);
        link_clear(&l);
}

/* Who has just come neither drags others down nor is sent down for them. */
static void test_fresh_beside_proven(void)
{
        TbAdaptViewer v[2] = {{.kbps = 8000}, {.kbps = 1500, .fresh = true}};
        TbAdaptPlan plan;
        tb_adapt_plan(v, 2, 10 * G_USEC_PER_SEC, 1280 * 720, 30, 8000, &plan);
        g_assert_cmpint(v[1].rung, ==, 0);
        g_assert_cmpuint(plan.kbps[0], >, 6000);
        TbAdaptViewer alone = {.kbps = 1500, .fresh = true};
        tb_adapt_plan(&alone, 1, 10 * G_USEC_PER_SEC, 4096 * 2160, 30, 8000, &plan);
        g_assert_cmpint(alone.rung, ==, 0);
        g_assert_cmpuint(plan.kbps[0], <=, 1500);
}

/* Another path, not a queue: it neither grows nor drains. */
static void test_step_of_delay(void)
{
        static const gint64 steps[] = {145000, 290000, 20000, 100000, 0};
        Link l;
        link_init(&l, 20000);
        run(&l, 10);
        for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
                double before = l.adapt.kbps;
                l.further_us = steps[i];
                run(&l, 3);
                g_test_message("path %d ms longer: %.0f kbit/s of %.0f, queue %.0f ms",
                               (int)(steps[i] / 1000), l.adapt.kbps, before, l.adapt.queue_ms);
                g_assert_cmpfloat(l.adapt.kbps, >=, before * 0.95);
                g_assert_cmpint(l.viewer.rung, ==, 0);
                g_assert_cmpfloat(l.adapt.queue_ms, <, 30);
        }
        link_clear(&l);
}

/* A queue is still one when it comes with a step. */
static void test_step_and_queue(void)
{
        Link l;
        link_init(&l, 5000);
        run(&l, 10);
        l.further_us = 200000;
        l.link_kbps = 400;
        run(&l, 8);
        g_assert_cmpfloat(l.adapt.kbps, <, 500);
        g_assert_cmpint(l.viewer.rung, >=, 1);
        link_clear(&l);
}

/* A radio link's loss does not go when less is sent; a full link's does. */
static void test_loss_of_its_own(void)
{
        Link l;
        link_init(&l, 20000);
        run(&l, 10);
        l.lost_share = 0.10;
        run(&l, 4);
        run(&l, 12);
        g_test_message("10 %% lost at random: %.0f kbit/s, loss %.2f of its own %.2f", l.adapt.kbps,
                       l.adapt.loss, l.adapt.floor);
        g_assert_cmpint(l.viewer.rung, ==, 0);
        g_assert_cmpfloat(l.adapt.kbps, >, 3000);
        l.lost_share = 0;
        run(&l, 10);
        g_assert_cmpfloat(l.adapt.floor, <, 0.03);
        g_assert_cmpfloat(l.adapt.kbps, >, 5000);
        link_clear(&l);
        /* a line with hardly a queue: nothing but loss says that it is full */
        Link tight;
        link_init(&tight, 1000);
        tight.queue_most_us = 30000;
        run(&tight, 30);
        run(&tight, 10);
        double arrived = (double)tight.arrived_bytes * 8 / 10000;
        g_test_message("1000 kbit/s without a queue: estimate %.0f, %.0f arrive, loss %.2f", tight.adapt.kbps,
                       arrived, tight.adapt.loss);
        g_assert_cmpfloat(tight.adapt.kbps, <, 1500);
        g_assert_cmpfloat(arrived, >, 350);
        link_clear(&tight);
}

/* Receiver reports alone: 300 kbit/s are found, and left again. */
static void test_reports(void)
{
        Link l;
        link_init(&l, 300);
        tb_adapt_init(&l.adapt, 1500, 8000);
        l.reports = true;
        l.queue_most_us = 500000; /* 20 KB */
        run(&l, 6);
        g_test_message("reports on 300 kbit/s: estimate %.0f, rung %d, loss %.2f", l.adapt.kbps,
                       l.viewer.rung, l.adapt.loss);
        g_assert_cmpfloat(l.adapt.kbps, <, 700);
        g_assert_cmpint(l.viewer.rung, >=, 1);
        l.link_kbps = 20000;
        run(&l, 20);
        g_assert_cmpfloat(l.adapt.kbps, >, 1200);
        link_clear(&l);
}

static void test_remb(void)
{
        TbAdapt a;
        tb_adapt_init(&a, 1500, 8000);
        const TbAdaptReport tight = {.loss = -1, .rtt_ms = -1, .remb_kbps = 720, .sent_kbps = 1200};
        tb_adapt_report(&a, G_USEC_PER_SEC, &tight);
        g_assert_cmpfloat(a.kbps, ==, 1500); /* it finds out yet */
        tb_adapt_report(&a, 2 * G_USEC_PER_SEC, &tight);
        g_assert_cmpfloat(a.kbps, ==, 1500);
        tb_adapt_report(&a, 6 * G_USEC_PER_SEC, &tight); /* it stays at that */
        g_assert_cmpfloat(a.kbps, ==, 720);
        TbAdapt queued;
        tb_adapt_init(&queued, 1500, 8000);
        tb_adapt_report(&queued, G_USEC_PER_SEC,
                        &(TbAdaptReport){.loss = 0.05, .rtt_ms = 40, .remb_kbps = 720, .sent_kbps = 1200});
        g_assert_cmpfloat(queued.kbps, ==, 720);
        /* of a screen that hardly changes it says little, whatever the link carries */
        TbAdapt still;
        tb_adapt_init(&still, 1500, 8000);
        for (int i = 1; i < 9; i++)
                tb_adapt_report(
                        &still, i * G_USEC_PER_SEC,
                        &(TbAdaptReport){.loss = 0, .rtt_ms = 40, .remb_kbps = 300, .sent_kbps = 200});
        g_assert_cmpfloat(still.kbps, >=, 1500);
        for (int i = 7; i < 20; i++) /* tried for a while, and held */
                tb_adapt_report(
                        &a, i * G_USEC_PER_SEC,
                        &(TbAdaptReport){.loss = 0, .rtt_ms = 40, .remb_kbps = 900, .sent_kbps = a.kbps});
        g_assert_cmpfloat(a.kbps, >, 720);
        g_assert_cmpfloat(a.kbps, <, 3000);
        g_assert_cmpfloat(a.loss, ==, 0);
        tb_adapt_report(&a, 13 * G_USEC_PER_SEC,
                        &(TbAdaptReport){.loss = 0.95, .rtt_ms = 40, .sent_kbps = 800});
        g_assert_cmpfloat(a.kbps, <, 100);
        g_assert_cmpfloat(a.loss, >, 0.9); /* what is shown is what happens */
}

/* Who can be sent no probes, and whose screen rests, so that nothing shows what the line carries: the full picture is tried
 * all the same, and where the line does not bear it not again and again. */
static void test_blind(void)
{
        for (int reports = 0; reports < 2; reports++) {
                Link l;
                link_init(&l, 300);
                l.reports = reports;
                l.queue_most_us = G_USEC_PER_SEC;
                l.adapt.blind = true;
                run(&l, 15);
                g_assert_cmpint(l.viewer.rung, ==, 2);
                l.link_kbps = 20000;
                l.content_kbps = 30;
                double back = 0;
                for (; l.viewer.rung > 0 && back < 30; back += 0.1)
                        run(&l, 0.1);
                g_test_message("%s: full size after %.1f s", reports ? "reports" : "feedback", back);
                g_assert_cmpfloat(back, <, 15);
                l.content_kbps = 1e9;
                l.link_kbps = 300;
                run(&l, 10);
                run(&l, 30);
                double arrived = (double)l.arrived_bytes * 8 / 30000;
                g_test_message("… and on 300 kbit/s: %.0f arrive, p90 %.0f ms late", arrived, p90(&l));
                g_assert_cmpfloat(arrived, >, 120);
                g_assert_cmpfloat(p90(&l), <, 600);
                link_clear(&l);
        }
}

/* A round trip that was long once, or a REMB that has yet to grow, is no full line; what a handful of packets says weighs as
 * much as they do. */
static void test_little_evidence(void)
{
        TbAdapt a;
        gint64 t = G_USEC_PER_SEC;
        tb_adapt_init(&a, 1500, 8000);
        for (int i = 0; i < 20; i++, t += 600000)
                tb_adapt_report(&a, t,
                                &(TbAdaptReport){.loss = 0,
                                                 .packets = 60,
                                                 .rtt_ms = i % 4 == 3 ? 110 : 12,
                                                 .remb_kbps = 120 * pow(1.08, i),
                                                 .sent_kbps = 700});
        g_assert_cmpfloat(a.kbps, >=, 1500);
        for (int i = 0; i < 20; i++, t += 3000) /* each with a request for what was lost */
                tb_adapt_report(&a, t,
                                &(TbAdaptReport){.loss = 0.66, .packets = 3, .rtt_ms = 12, .sent_kbps = 700});
        g_assert_cmpfloat(a.kbps, >=, 200);   /* what arrived: that was one loss */
        g_assert_true(tb_adapt_holds(&a, t)); /* in a queue that drops a keyframe would be lost, too */
        g_assert_false(tb_adapt_holds(&a, t + G_USEC_PER_SEC));
        g_assert_cmpfloat(a.loss, >, 0.5);
}

/* The viewer's machine was busy: everything arrives, later. That says nothing of the line. */
static void test_stalls(void)
{
        Link l;
        link_init(&l, 50000);
        l.content_kbps = 600;
        tb_adapt_init(&l.adapt, 1500, 8000);
        run(&l, 3);
        for (int i = 0; i < 3; i++) {
                l.free_us = l.now_us + 300000;
                run(&l, 2);
        }
        g_test_message("after three stalls: %.0f kbit/s", l.adapt.kbps);
        g_assert_cmpfloat(l.adapt.kbps, >, 1200);
        g_assert_cmpint(l.viewer.rung, ==, 0);
        link_clear(&l);
}

static void test_nothing_arrives(void)
{
        TbAdapt a;
        tb_adapt_init(&a, 3000, 8000);
        TbAdaptPacket lost[50];
        for (guint i = 0; i < 50; i++)
                lost[i] = (TbAdaptPacket){.sent_us = (gint64)i * 20000, .recv_us = -1, .size = PACKET};
        for (guint k = 1; k < 20; k++)
                tb_adapt_feedback(&a, (gint64)k * G_USEC_PER_SEC, lost, 50);
        g_assert_cmpfloat(a.kbps, >=, 80);
        g_assert_cmpfloat(a.kbps, <, 200);
        tb_adapt_feedback(&a, 100 * G_USEC_PER_SEC, NULL, 0);
}

static void test_one_bad_viewer(void)
{
        TbAdaptViewer v[3] = {{.kbps = 6000}, {.kbps = 5000}, {.kbps = 300}};
        TbAdaptPlan plan;
        tb_adapt_plan(v, 3, 10 * G_USEC_PER_SEC, 1280 * 720, 30, 8000, &plan);
        g_assert_cmpint(v[0].rung, ==, 0);
        g_assert_cmpint(v[1].rung, ==, 0);
        g_assert_cmpint(v[2].rung, ==, 2);
        g_assert_cmpuint(plan.kbps[0], >, 4000);
        g_assert_cmpuint(plan.kbps[1], ==, 0);
        g_assert_cmpuint(plan.kbps[2], <, 300);
        /* alone 1500 would do for the full picture; beside 6000 it has to make room */
        TbAdaptViewer mixed[2] = {{.kbps = 6000}, {.kbps = 1500}};
        tb_adapt_plan(mixed, 2, 10 * G_USEC_PER_SEC, 1280 * 720, 30, 8000, &plan);
        g_assert_cmpint(mixed[1].rung, ==, 1);
        g_assert_cmpuint(plan.kbps[0], >, 4500);
        TbAdaptViewer alone = {.kbps = 1500};
        tb_adapt_plan(&alone, 1, 10 * G_USEC_PER_SEC, 1280 * 720, 30, 8000, &plan);
        g_assert_cmpint(alone.rung, ==, 0);
}

/* A move up that failed is tried again later and later. */
static void test_backs_off(void)
{
        TbAdaptViewer v = {.kbps = 300, .rung = 0};
        TbAdaptPlan plan;
        gint64 t = 10 * G_USEC_PER_SEC, waits[3];
        tb_adapt_plan(&v, 1, t, 1280 * 720, 30, 8000, &plan);
        g_assert_cmpint(v.rung, ==, 2);
        for (int i = 0; i < 3; i++) {
                gint64 since = t;
                v.kbps = 700;
                while (v.rung == 2)
                        tb_adapt_plan(&v, 1, t += 100000, 1280 * 720, 30, 8000, &plan);
                waits[i] = t - since;
                v.kbps = 300;
                tb_adapt_plan(&v, 1, t += 100000, 1280 * 720, 30, 8000, &plan);
                g_assert_cmpint(v.rung, ==, 2);
        }
        g_assert_cmpint(waits[1], >, waits[0] * 3 / 2);
        g_assert_cmpint(waits[2], >, waits[1] * 3 / 2);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/media/adapt/wide-link", test_wide_link);
        g_test_add_func("/media/adapt/falls-and-recovers", test_falls_and_recovers);
        g_test_add_func("/media/adapt/back-at-once", test_back_at_once);
        g_test_add_func("/media/adapt/probes-end", test_probes_end);
        g_test_add_func("/media/adapt/holds-while-the-queue-drains", test_holds_while_the_queue_drains);
        g_test_add_func("/media/adapt/loss", test_loss);
        g_test_add_func("/media/adapt/idle-keeps-the-estimate", test_idle_keeps_the_estimate);
        g_test_add_func("/media/adapt/nothing-arrives", test_nothing_arrives);
        g_test_add_func("/media/adapt/one-bad-viewer", test_one_bad_viewer);
        g_test_add_func("/media/adapt/backs-off", test_backs_off);
        g_test_add_func("/media/adapt/starts-low", test_starts_low);
        g_test_add_func("/media/adapt/fresh-beside-proven", test_fresh_beside_proven);
        g_test_add_func("/media/adapt/step-of-delay", test_step_of_delay);
        g_test_add_func("/media/adapt/step-and-queue", test_step_and_queue);
        g_test_add_func("/media/adapt/loss-of-its-own", test_loss_of_its_own);
        g_test_add_func("/media/adapt/stalls", test_stalls);
        g_test_add_func("/media/adapt/reports", test_reports);
        g_test_add_func("/media/adapt/remb", test_remb);
        g_test_add_func("/media/adapt/blind", test_blind);
        g_test_add_func("/media/adapt/little-evidence", test_little_evidence);
        return g_test_run();
}
