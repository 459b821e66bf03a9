#pragma once
/* What sender.c (life), sender_rungs.c (pictures, and which) and sender_feedback.c (what comes back) share.
 */
#include <gst/app/app.h>

#include "host/media/webrtc/adapt.h"
#include "host/media/webrtc/budget.h"
#include "host/media/webrtc/feed.h"
#include "host/media/webrtc/sender.h"
#include "lib/refcount.h"
#include "lib/thread.h"

#define TB_SENDER_RECENT 32
#define TB_SENDER_PROBE "probe" /* a field of our own requests: not of the viewer's, nor of its budget */

typedef struct TbSenderPacket {
        guint16 seq, size;
} TbSenderPacket;

/* What the viewer's last report counted since the beginning. */
typedef struct TbSenderSeen {
        bool any;
        guint32 highest; /* sequence number, extended */
        gint32 lost;
} TbSenderSeen;

typedef struct TbSenderSlot {
        TbSender *sender; /* borrowed: a slot ends before its sender */
        TbFeedTap *tap;   /* owned */
} TbSenderSlot;

struct TbSender {
        TbRefCount ref; /* pad probes hold it */

        /* main thread only */
        TbFeeds *feeds; /* borrowed; NULL after free */
        guint source;
        const TbOffer *offer;        /* borrowed from the session */
        GstElement *pipeline;        /* borrowed from the session */
        bool need_key;               /* pictures are dropped until the next keyframe */
        bool hold;                   /* the way is full: everything is dropped */
        TbSenderSlot *active, *next; /* owned */
        guint64 frames, keyframes, bytes, dropped;
        GstAppSrc *src;           /* ref */
        GstElement *pay, *filter; /* borrowed from pipeline */
        GObject *session;         /* ref; RTPSession, for reports */
        TbAdapt adapt;
        TbAdaptViewer viewer;
        bool started;
        guint max_kbps, pli;
        guint hold_timer;
        gint64 heard_us;   /* last RTCP of the viewer; atomic */
        TbSenderSeen seen; /* of the thread that reads RTCP */
        gint64 sent_us;    /* last time that we noticed that something was sent */
        gint64 twcc_us;    /* last feedback of each packet; 0: none yet */
        guint ssrc;
        GstPad *rtx_pad; /* ref; where packets are asked for again; NULL: the viewer did not offer that */
        guint probe_timer;
        gint64 probe_us; /* when the probe under way began */
        TbAdaptProbe probe;
        guint probe_sent, probe_next;            /* bytes; which of the recent packets */
        TbSenderPacket recent[TB_SENDER_RECENT]; /* sent last; protected by pace_lock */
        guint recent_n;                          /* in all; protected by pace_lock */
        TbBudget rtx;                            /* of rtprtxsend's thread */
        int rtx_kbps, pace_kbps;                 /* atomic */
        TbMutex pace_lock;
        TbCond pace_over;
        TbBudget pace; /* protected by pace_lock */
        bool over;     /* nothing waits any more; protected by pace_lock */
        guint64 seen_bytes, tick_bytes;
        gint64 tick_us;
        double tick_kbps, rtt_ms;
};

/* --- sender.c --- */
void tb_sender_unref(gpointer sender); /* any thread */
/* Any thread: `call` on the main thread, unless the sender ends before. Takes `packets` (nullable). */
void tb_sender_post(TbSender *sender, void (*call)(TbSender *sender, GArray *packets), GArray *packets);

/* --- sender_rungs.c; main thread --- */
/* The tap of a rung; `first`: it is the active one, else it becomes that with its first keyframe. */
TbSenderSlot *tb_sender_slot_new(TbSender *sender, TbRung rung, bool first);
void tb_sender_slot_free(TbSenderSlot *slot); /* accepts NULL */
/* The newest: what is being changed to, or the active one; NULL: none. */
TbSenderSlot *tb_sender_current(TbSender *sender);
/* Rung, bit rate and frame rate for all viewers of the source: one plan. */
void tb_sender_plan(TbSender *sender);

/* --- sender_pace.c --- */
/* Pad probes: on what the payloader gives, which smooths what is more than a moment's; on what asks rtprtxsend for a
 * packet again, which refuses what is above the share. */
GstPadProbeReturn tb_sender_pace(GstPad *pad, GstPadProbeInfo *info, gpointer sender);
GstPadProbeReturn tb_sender_rtx(GstPad *pad, GstPadProbeInfo *info, gpointer sender);
void tb_sender_end_pace(TbSender *sender); /* who waits goes on at once */
/* What both go by, from the sender's estimate. Main thread. */
void tb_sender_set_budgets(TbSender *sender);

/* --- sender_probe.c; main thread --- */
/* Begins a probe if there is one to be sent. */
void tb_sender_probe(TbSender *sender);
void tb_sender_end_probe(TbSender *sender);

/* --- sender_feedback.c --- */
/* Looks for webrtcbin's RTP session, whose RTCP is read from then on. */
void tb_sender_find_session(TbSender *sender, GstElement *webrtc);
/* A pad probe on what webrtcbin sends upstream: keyframes that are asked for, transport-wide feedback. */
GstPadProbeReturn tb_sender_upstream(GstPad *pad, GstPadProbeInfo *info, gpointer sender);
/* Round trip in ms of the viewer's receiver reports; < 0: none yet. Main thread. */
double tb_sender_read_rtt(TbSender *sender);
