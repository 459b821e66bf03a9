#pragma once
/*
 * TbPeer: one WebRTC viewer. The browser offers, we answer. Video of one hub, sound of another, and the data channels that the
 * browser makes (`control` reliable, `sensor` unordered without retransmission). The connection itself lives in the
 * child process testbed-media (host/media/README.md): when that ends, every peer is `closed` with the reason.
 *
 * Order of callbacks, all on the main thread: `answer` exactly once, unless tb_peer_close() came first; then
 * any of the others; `closed` exactly once and last (also after tb_peer_close() and when the host ends),
 * never from inside a call of this header. Errors of tb_peer_new: TB_ERROR_INVALID (400: malformed SDP),
 * TB_ERROR_UNPROCESSABLE (422: no codec of ours in the offer), TB_ERROR_TOO_LARGE, TB_ERROR_LIMIT (429: too
 * many viewers), TB_ERROR_UNAVAILABLE (503: no encoder, or testbed-media is being started again).
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "host/media/link/viewer_state.h"
#include "host/media/media.h"

typedef struct TbPeer TbPeer;

typedef struct TbPeerCallbacks {
        /* `error` is set and `sdp` NULL when no answer could be made; `closed` follows. Strings are borrowed.
         */
        void (*answer)(TbPeer *peer, const char *sdp, const GError *error, void *data);
        /* A candidate of ours: "candidate:…", for trickle ICE. May come before the answer. (nullable) */
        void (*candidate)(TbPeer *peer, const char *candidate, const char *mid, guint mline_index,
                          void *data);
        void (*state)(TbPeer *peer, TbViewerState state, void *data);              /* nullable */
        void (*channel)(TbPeer *peer, const char *channel, bool open, void *data); /* nullable */
        /* A message of the browser; `bytes` has a NUL behind its `length` bytes. (nullable) */
        void (*message)(TbPeer *peer, const char *channel, const char *bytes, gsize length, bool text,
                        void *data);
        /* Our side's new ICE, an SDP fragment: what follows tb_peer_restart(). NULL: it cannot be restarted. (nullable) */
        void (*restarted)(TbPeer *peer, const char *fragment, void *data);
        /* A picture, a block of sound of a phone. On a thread of its own, one at a time; not after tb_peer_close() has returned. Of
         * who is called, both must be there. */
        void (*picture)(TbFrame *frame_take, void *data);
        void (*phone_sound)(TbSound *sound_take, void *data);
        /* `reason` is for people: "closed", "the other side went away", … `peer` is gone when it returns. */
        void (*closed)(TbPeer *peer, const char *reason, void *data);
} TbPeerCallbacks;

/* Zero and NULL mean the default. Copied. */
typedef struct TbPeerOptions {
        const TbPlaceBy *by;            /* whose place among the viewers it takes */
        const char *label;              /* for logs and statistics: an address, a session */
        const char *const *ice_servers; /* NULL: those of the TbMediaConfig */
        /* The answer waits for our candidates at most this long (and for the first one, or the end of
         * gathering, up to 3 s), so that it can be used without trickle from us (WHEP has none in that
         * direction). 0: 40 ms; negative: do not wait. Candidates that are in the answer are not given to
         * `candidate`. */
        int answer_wait_ms;
        bool answer_at_relay; /* the wait is for a candidate of a TURN server, and ends with it */
        guint max_kbps;       /* of this viewer; 0: no limit of its own */
        /* Goes beside the picture, in step with it, when the offer has a section for it; NULL: there is none. With both, an offer
         * without a section of video only listens. */
        TbSoundHub *sound;
} TbPeerOptions;

/* `hub` NULL: video in the offer is declined; without `sound`, too: data channels only. `callbacks` is static. */
TbPeer *tb_peer_new(TbMedia *media, TbHub *hub, const char *offer_sdp, const TbPeerOptions *options,
                    const TbPeerCallbacks *callbacks, void *data, GError **error);
/* Starts the end; returns at once; `closed` comes later. Idempotent. */
void tb_peer_close(TbPeer *peer, const char *reason);

/* A candidate of the other side: "candidate:…" or "a=candidate:…"; "" (end of candidates) and `.local` ones
 * are accepted and ignored (the browser reaches us). False: TB_ERROR_INVALID malformed, TB_ERROR_LIMIT more
 * than TB_LIMIT_CANDIDATES. */
bool tb_peer_add_candidate(TbPeer *peer, const char *candidate, guint mline_index, GError **error);
/* Body of a WHEP PATCH (application/trickle-ice-sdpfrag, RFC 8840), as tb_peer_add_candidate() for each candidate of
 * it; all or none. */
bool tb_peer_add_sdpfrag(TbPeer *peer, const char *fragment, GError **error);
/* The viewer's ICE begins anew, with these credentials and the candidates of `fragment`; those of before do not count any
 * more. `restarted` follows. Media flow by the old way until there is a new one. False: nothing was changed. */
bool tb_peer_restart(TbPeer *peer, const char *ufrag, const char *pwd, const char *fragment, GError **error);
const char *tb_peer_ufrag(TbPeer *peer); /* the viewer's; borrowed until tb_peer_restart() */

/* False: TB_ERROR_NOT_FOUND no such channel; TB_ERROR_BUSY not open; TB_ERROR_LIMIT it does not read, and will be closed;
 * TB_ERROR_TOO_LARGE. */
bool tb_peer_send(TbPeer *peer, const char *channel, const char *text, GError **error);
TbHub *tb_peer_hub(TbPeer *peer);        /* borrowed; nullable */
TbSoundHub *tb_peer_sound(TbPeer *peer); /* that it hears; borrowed; nullable */

/*
 * The other direction: a phone, which sends to us. `answer` is told our offer (SDP), `candidate` (must be there) our candidates
 * behind it, for m-line 0; its answer goes to tb_peer_accept(), its candidates to tb_peer_add_candidate(). The channels
 * `sensor` and `control` are ours. Its pictures and sound come while they are wanted; it is no viewer and takes nobody's place.
 * Errors: TB_ERROR_UNAVAILABLE.
 */
TbPeer *tb_peer_call(TbMedia *media, const TbPeerOptions *options, const TbPeerCallbacks *callbacks,
                     void *data, GError **error);
void tb_peer_accept(TbPeer *peer,
                    const char *answer_sdp); /* the first one; one that is none closes the peer */
void tb_peer_want(TbPeer *peer, bool pictures, bool sound); /* first: neither */

typedef struct TbPeerStats {
        double sent_kbps, recv_kbps; /* TWCC, over the last second; recv < 0: no report yet */
        double loss_percent;
        double rtt_ms;       /* < 0: no report yet */
        double queue_ms;     /* estimated waiting time in the network */
        guint estimate_kbps; /* what the controller thinks that the link carries */
        guint target_kbps, target_fps;
        int rung;                                  /* 0 full, 1 medium, 2 low */
        guint64 frames, keyframes, bytes, dropped; /* dropped = frames held back for this viewer */
        guint64 sound_packets, sound_bytes;
        guint pli; /* keyframes that it asked for */
} TbPeerStats;

void tb_peer_get_stats(TbPeer *peer, TbPeerStats *ret_stats);
/* {"device","interface","label","state","codec","rung","sent_kbps",…}; the caller owns the reference. */
json_t *tb_peer_to_json(TbPeer *peer);
