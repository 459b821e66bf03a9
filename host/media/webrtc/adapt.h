#pragma once
/*
 * Congestion control, pure: no clock, no threads, no GStreamer. Two parts (adapt_probe.c is of the first):
 *
 * TbAdapt, one per viewer: from what its browser reports of each packet (transport-wide feedback: when it was
 * sent, when it arrived, or that it did not) to what its link carries. Queueing delay is the one-way delay
 * above the least of the last ~20 s. While a queue stands, what arrives *is* the capacity of the link: the
 * estimate goes just below it. With a long queue (a link that fell from 5 Mbit/s to 500 kbit/s has seconds of
 * it) nothing is sent until it has drained. Without a queue the estimate grows, faster while the viewer uses
 * it.
 *
 * tb_adapt_plan, one per (hub, codec): from the estimates of its viewers to a rung of encoders for each and a
 * bit rate for each rung. A viewer that is much worse than the others of its rung moves down instead of
 * dragging them.
 *
 * Units: microseconds of any one clock, kbit/s, milliseconds.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_ADAPT_RUNGS 3

typedef struct TbAdaptPacket {
        gint64 sent_us;
        gint64 recv_us; /* of the receiver's clock; -1: lost */
        guint size;     /* bytes */
} TbAdaptPacket;

typedef struct TbAdaptReport {
        double loss;      /* 0…1 since the report before; < 0: not told */
        guint packets;    /* that it is of; 0: not known */
        double rtt_ms;    /* < 0: not known */
        double remb_kbps; /* what the viewer says that it can receive; 0: it does not */
        double sent_kbps; /* meanwhile */
} TbAdaptReport;

typedef struct TbAdapt {
        double kbps, max_kbps;       /* estimate; never above max */
        double recv_kbps, sent_kbps; /* of the last TB_ADAPT_WINDOW_US of packets */
        double proven_kbps;          /* what a probe has shown since the last cut; 0: nothing */
        double queue_ms, loss;       /* smoothed; loss 0…1 */
        bool fresh;                  /* nothing has shown yet that the link has an end */
        bool blind;                  /* in: no probe can be sent */
        gint64 hold_until_us;        /* send nothing before; 0: no hold */
        /* private */
        gint64 base_us[2], base_since_us; /* least one-way delay of this and the last half of the window */
        gint64 last_us, last_cut_us, last_recv_us;
        gint64 win_recv_us, win_sent_us; /* first of the counting window; -1: none */
        gint64 last_sent_us;
        guint64 win_recv_bytes, win_sent_bytes;
        guint win_packets, win_lost;
        guint queued_reports; /* in a row */
        /* the delay has jumped: from, and what came since */
        struct {
                gint64 since_us, from_us, least_us, most_us; /* since: 0: it has not */
                guint n;
                bool falls;
        } jump;
        gint64 prev_delay_us, prev_sent_us; /* of the packet that arrived last; sent 0: none */
        gint64 held_delay_us, held_us; /* when a hold began, and for how long; held 0: none is to be judged */
        /* whether loss goes when less is sent */
        double floor; /* loss that does not */
        double tested_kbps, tested_loss;
        gint64 test_us; /* when the test under way began; 0: none */
        gint64 last_test_us;
        double remb_less_kbps;
        gint64 remb_less_us; /* since when REMB has asked for that, and for less than is sent; 0: it does not */
        /* reports that have come since one was judged */
        struct {
                gint64 judged_us;
                guint packets;
                double lost;
        } reports;
        guint windows, test_packets, test_lost; /* counted since it began */
        /* a burst that shows whether the link carries more */
        struct {
                gint64 from_us, to_us;          /* when it is sent; from 0: none is under way */
                gint64 next_us;                 /* not before */
                gint64 queues_from, queues_to;  /* what was sent then may wait behind it */
                gint64 sent[2], recv[2];        /* of its first and last packet; recv[0] -1: none arrived */
                guint64 sent_bytes, recv_bytes; /* after the first */
                guint n, lost, carried;         /* carried: probes in a row */
                bool over;                      /* something that was sent later was told of */
        } probe;
        double ceiling_kbps; /* what a probe did not show */
        gint64 ceiling_us;   /* until */
} TbAdapt;

#define TB_ADAPT_WINDOW_US 500000

void tb_adapt_init(TbAdapt *a, guint start_kbps, guint max_kbps);
/* One feedback message, packets in order of sending; `now_us` on the sender's clock. */
void tb_adapt_feedback(TbAdapt *a, gint64 now_us, const TbAdaptPacket *packets, guint n);
/* One receiver report or REMB of a viewer who sends no such feedback. */
void tb_adapt_report(TbAdapt *a, gint64 now_us, const TbAdaptReport *report);

typedef struct TbAdaptProbe {
        double kbps;
        guint bytes; /* in all */
} TbAdaptProbe;

/* Shall a probe be sent now, to find out whether the link carries more, up to `useful_kbps`? Begins it: until
 * tb_adapt_probe_sent() all that is sent is part of it, and its packets come back by tb_adapt_feedback(). A probe that the
 * link carries raises the estimate at once; one that it does not shows where the link ends. */
bool tb_adapt_probe(TbAdapt *a, gint64 now_us, double useful_kbps, TbAdaptProbe *ret_probe);
void tb_adapt_probe_sent(TbAdapt *a, gint64 now_us);

/* Should pictures be held back at `now_us`? */
bool tb_adapt_holds(const TbAdapt *a, gint64 now_us);

typedef struct TbAdaptViewer {
        double kbps;        /* estimate */
        int rung;           /* in: now; out: wanted */
        double proven_kbps; /* TbAdapt.proven_kbps */
        bool fresh;         /* TbAdapt.fresh: it keeps its rung, and drags nobody down */
        int failed;         /* upward moves that had to be taken back in a row */
        gint64 moved_us;    /* last change of rung */
        bool probing;       /* moved up, not proven yet */
} TbAdaptViewer;

typedef struct TbAdaptPlan {
        guint kbps[TB_ADAPT_RUNGS], fps[TB_ADAPT_RUNGS]; /* of each rung; 0: nobody is on it */
} TbAdaptPlan;

/* Estimate from which on a viewer gets the full picture. */
double tb_adapt_full_kbps(int pixels);
/* `pixels` of the source, `max_fps` and `max_kbps` of a stream. Changes viewers[i]. */
void tb_adapt_plan(TbAdaptViewer *viewers, guint n, gint64 now_us, int pixels, guint max_fps, guint max_kbps,
                   TbAdaptPlan *ret_plan);
