#pragma once
/* What session.c (life), session_negotiate.c (offer to answer), session_call.c (a phone: our offer), session_ice.c (the way to the
 * viewer) and session_restart.c (another way) share. */
#include <gst/gst.h>
#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>
#include <sys/socket.h>

#include "host/media/webrtc/channels.h"
#include "host/media/webrtc/offer.h"
#include "host/media/webrtc/receiver.h"
#include "host/media/webrtc/sender.h"
#include "host/media/webrtc/session.h"
#include "host/media/webrtc/sound_sender.h"
#include "lib/refcount.h"

struct TbSession {
        TbRefCount ref; /* webrtcbin's threads hold it while they call; everything below is main's */
        TbFeeds *feeds; /* borrowed */
        guint source;   /* 0: no pictures */
        guint sound;    /* 0: no sound */
        char *device;   /* owned */
        const TbSessionCallbacks *callbacks; /* static */
        void *data;                          /* borrowed from who made it */
        char *label;                         /* owned */
        int answer_wait_ms;
        bool answer_at_relay;
        bool turn;            /* it may have relay ports */
        TbOffer offer;        /* owned */
        GstElement *pipeline; /* ref; NULL after the end */
        GstElement *webrtc;   /* borrowed from pipeline */
        TbSender *sender;     /* owned; NULL without video */
        TbSoundSender *ear;   /* owned; NULL without sound */
        TbReceiver *receiver; /* owned; NULL: it is no phone */
        TbChannels *channels; /* owned */
        guint sctp;           /* number of the transport; the reaper gives it back */
        TbViewerState state;
        char *reason; /* owned; why it ends */
        bool ending, ended;
        GstSDPMessage *answer; /* owned; made, not told yet; to a phone: our offer */
        bool told;             /* the answer was given */
        bool accepted;         /* a phone's answer was taken */
        GPtrArray *candidates; /* owned strings; ours, before the answer */
        guint answer_timer, tick_timer;
        int probe;               /* a socket that asks whether the viewer's port is still there; -1: none */
        gint64 born_us, lost_us; /* lost: since when ICE is disconnected; 0: it is not */
};

/* Any thread. */
TbSession *tb_session_ref(TbSession *session);
void tb_session_unref(gpointer session);
void tb_session_closure_unref(gpointer session, GClosure *closure); /* a GClosureNotify */
/* Any thread: `call(session, value, number)` on the main thread, unless the session ends before. Takes `value`. */
void tb_session_post(TbSession *session, void (*call)(TbSession *session, gpointer value, guint number),
                     gpointer value, GDestroyNotify free_value, guint number);

/* --- peer_negotiate.c; main thread --- */
/* Listens to webrtcbin's candidates. Before it is started. */
void tb_session_set_up_negotiation(TbSession *session);
/* Gives webrtcbin the offer; the answer comes by the callbacks. */
bool tb_session_negotiate(TbSession *session, GError **error);

/* Error of a promise's reply; NULL when it has none. The caller owns it. Any thread. */
GError *tb_session_promise_error(GstPromise *promise);

/* --- session_call.c; main thread --- */
bool tb_session_call(TbSession *session, GError **error); /* makes our offer, which comes by the callbacks */

/* --- peer_ice.c; main thread --- */
/* Sets up webrtcbin's agent, and listens to the states of ICE, DTLS and the connection. Before it is started.
 */
void tb_session_set_up_ice(TbSession *session, const char *const *servers);

/* --- session_restart.c; main thread --- */
/* The number of the agent's stream; 0: there is none yet. */
guint tb_session_stream(gpointer agent);

/* --- session_probe.c; main thread --- */
/* Of a viewer that has been silent: true once its machine has said that nobody has that port any more. Asks anew with
 * each call. */
bool tb_session_port_is_closed(TbSession *session);
void tb_session_end_probe(TbSession *session); /* it was heard, or ends */
/* Where a NiceAgent's stream goes. False: nowhere yet, or by a relay or TCP, whose far end cannot be asked. */
bool tb_session_remote(gpointer agent, guint stream, struct sockaddr_storage *ret_address);
int tb_probe_open(const struct sockaddr_storage *to); /* a socket of the caller's; -1: none */
/* Asks; true once the answer to a question was that nobody has the port. */
bool tb_probe_refused(int fd);
