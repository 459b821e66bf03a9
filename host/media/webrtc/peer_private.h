#pragma once
/* What peer.c (life), peer_negotiate.c (offer to answer) and peer_ice.c (the way to the viewer) share. */
#include <gst/gst.h>
#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>

#include "host/media/webrtc/channels.h"
#include "host/media/webrtc/offer.h"
#include "host/media/webrtc/peer.h"
#include "host/media/webrtc/sender.h"
#include "lib/refcount.h"

struct TbPeer {
        TbRefCount ref; /* webrtcbin's threads hold it while they call; everything below is main's */
        TbMedia *media; /* borrowed; NULL after the end */
        TbHub *hub;     /* ref; NULL: data only */
        const TbPeerCallbacks *callbacks; /* static */
        void *data;                       /* borrowed from who made it */
        char *label;                      /* owned */
        int answer_wait_ms;
        bool answer_at_relay;
        bool turn;            /* it may have relay ports */
        TbOffer offer;        /* owned */
        GstElement *pipeline; /* ref; NULL after the end */
        GstElement *webrtc;   /* borrowed from pipeline */
        TbSender *sender;     /* owned; NULL without video */
        TbChannels *channels; /* owned */
        guint sctp;           /* number of the transport; the reaper gives it back */
        TbPeerState state;
        char *reason; /* owned; why it ends */
        bool ending, ended;
        bool posted;           /* `closed` is on its way through the loop */
        GstSDPMessage *answer; /* owned; made, not told yet */
        bool told;             /* the answer was given */
        GPtrArray *candidates; /* owned strings; ours, before the answer */
        guint remote_candidates;
        guint answer_timer, tick_timer;
        gint64 born_us, lost_us; /* lost: since when ICE is disconnected; 0: it is not */
};

/* Any thread. */
TbPeer *tb_peer_ref(TbPeer *peer);
void tb_peer_unref(gpointer peer);
void tb_peer_closure_unref(gpointer peer, GClosure *closure); /* a GClosureNotify */
/* Any thread: `call(peer, value, number)` on the main thread, unless the peer ends before. Takes `value`. */
void tb_peer_post(TbPeer *peer, void (*call)(TbPeer *peer, gpointer value, guint number), gpointer value,
                  GDestroyNotify free_value, guint number);

/* --- peer_negotiate.c; main thread --- */
/* Listens to webrtcbin's candidates. Before it is started. */
void tb_peer_set_up_negotiation(TbPeer *peer);
/* Gives webrtcbin the offer; the answer comes by the callbacks. */
bool tb_peer_negotiate(TbPeer *peer, GError **error);

/* --- peer_ice.c; main thread --- */
/* Sets up webrtcbin's agent, and listens to the states of ICE, DTLS and the connection. Before it is started.
 */
void tb_peer_set_up_ice(TbPeer *peer, const char *const *servers);
