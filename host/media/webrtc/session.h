#pragma once
/*
 * TbSession: one WebRTC viewer on this side of the link: the seam behind which webrtcbin can be replaced. The
 * browser offers, we answer. Video of one source, sound of another, and the data channels that the browser makes (`control`
 * reliable, `sensor` unordered without retransmission). It lives in its own pipeline, so that one which stalls,
 * vanishes or misbehaves touches no other. The other direction is a phone: there we offer (`answer` is told our offer), it answers
 * (tb_session_accept()), and sends.
 *
 * Order of callbacks, all on the main thread: `answer` at most once and first; then any of the others; `closed`
 * exactly once and last, never from inside a call of this header.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/media/link/message.h"
#include "host/media/link/viewer_state.h"
#include "host/media/webrtc/feed.h"
#include "host/media/webrtc/receiver.h"

typedef struct TbSession TbSession;

typedef struct TbSessionCallbacks {
        /* `error` is set and `sdp` NULL when no answer could be made; `closed` follows. Strings are borrowed. */
        void (*answer)(TbSession *session, const char *sdp, const GError *error, void *data);
        /* A candidate of ours: "candidate:…", for trickle ICE. May come before the answer. */
        void (*candidate)(TbSession *session, const char *candidate, void *data);
        /* Our new ICE, an SDP fragment; "": it cannot be restarted. From inside tb_session_restart(). */
        void (*restarted)(TbSession *session, const char *fragment, void *data);
        void (*state)(TbSession *session, TbViewerState state, void *data);
        void (*channel)(TbSession *session, const char *channel, bool open, void *data);
        void (*message)(TbSession *session, const char *channel, const char *bytes, gsize length, bool text,
                        void *data);
        void (*stats)(TbSession *session, const TbLinkStats *stats, void *data); /* twice a second */
        /* A picture of a phone as it came (TbReceiverUnits), while somebody wants its pictures; PTS on tb_media_epoch(). Borrowed. */
        void (*unit)(TbSession *session, GstBuffer *unit, TbCodec codec, bool keyframe, void *data);
        /* `reason` is for people. `session` is gone when it returns. */
        void (*closed)(TbSession *session, const char *reason, void *data);
} TbSessionCallbacks;

typedef struct TbSessionOptions { /* copied */
        guint source;             /* of pictures; 0: video in the offer is declined */
        guint sound;              /* 0: sound in the offer is declined */
        const char *device;       /* for logs; "" */
        const char *label;        /* for logs: an address, a session */
        const char *offer;        /* NULL: a phone, whose pictures and sound go to `phone` */
        TbReceiverOps phone;
        guint32 id; /* for it */
        const char *const *ice_servers;
        /* The answer waits for our candidates at most this long (and for the first one, or the end of
         * gathering, up to 3 s), so that it can be used without trickle from us (WHEP has none in that
         * direction). Negative: do not wait. Candidates that are in the answer are not given to `candidate`. */
        int answer_wait_ms;
        bool answer_at_relay; /* the wait is for a candidate of a TURN server, and ends with it */
        guint max_kbps;       /* of this viewer; 0: no limit of its own */
} TbSessionOptions;

/* `feeds` outlives it. `callbacks` is static. */
TbSession *tb_session_new(TbFeeds *feeds, const TbSessionOptions *options,
                          const TbSessionCallbacks *callbacks, void *data, GError **error);
/* Starts the end; returns at once; `closed` comes later. Idempotent. */
void tb_session_close(TbSession *session, const char *reason);
/* Ends it without `closed`. For the end of the program. */
void tb_session_free(TbSession *session);
/* A candidate of the other side, checked: "candidate:…". */
void tb_session_add_candidate(TbSession *session, const char *candidate);
/* `credentials`: "ufrag pwd" of the viewer's new ICE (RFC 8445 §9); its candidates are added after it. */
void tb_session_restart(TbSession *session, const char *credentials);
/* False: TB_ERROR_NOT_FOUND no such channel; TB_ERROR_BUSY not open; TB_ERROR_LIMIT it does not read, and will
 * be closed. */
bool tb_session_send(TbSession *session, const char *channel, const char *text, GError **error);
/* The phone's answer to our offer, as it came. One that is none ends the session. */
void tb_session_accept(TbSession *session, const char *answer);
/* What of the phone is wanted. */
void tb_session_want_of_phone(TbSession *session, bool pictures, bool sound);
/* The viewer shows nothing although bytes arrive: sends a keyframe soon; a phone is asked for one. */
void tb_session_want_keyframe(TbSession *session);
