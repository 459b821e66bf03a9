#pragma once
/*
 * A browser's offer (SDP, RFC 8866, 8829): what of it we can serve, and the plain offer that is handed to
 * webrtcbin in its place. webrtcbin 1.22 asserts on offers that lack a mid, so nothing of the original text
 * reaches it: `sdp` is written anew from what was checked here. Pure. Errors: TB_ERROR_INVALID malformed,
 * TB_ERROR_UNPROCESSABLE well-formed but not for us, TB_ERROR_TOO_LARGE. They say what is wrong.
 */
#include <glib.h>
#include <gst/sdp/sdp.h>
#include <stdbool.h>

#include "host/media/encode/codec.h"

#define TB_OFFER_MLINES 16
#define TB_OFFER_EXTENSIONS 3 /* RTP header extensions that we write */

/* What becomes of a media section of the offer. */
typedef enum TbOfferUse {
        TB_OFFER_REFUSED, /* port 0 in the answer */
        TB_OFFER_HELD, /* open, with nothing sent: it is the one whose transport the others share, and Chromium with
                             bundlePolicy max-bundle takes no answer that refuses it (RFC 8843 §7.3.1 allows it) */
        TB_OFFER_VIDEO,
        TB_OFFER_DATA,
        TB_OFFER_SOUND,
} TbOfferUse;

typedef struct TbOfferSection {
        TbOfferUse use;
        char *mid;   /* owned; NULL: the offer names it not, nor may the answer */
        char *proto; /* owned; of its m-line, which the answer repeats */
        char *text; /* owned; refused: all that the answer has of it; held: all but the transport; else NULL */
} TbOfferSection;

typedef struct TbOffer {
        char *sdp;       /* owned; has the sections that we use, and no other */
        int video_mline; /* of the offer; -1: none that we can send to, or not wanted */
        int data_mline;  /* -1: no data channels */
        int sound_mline; /* as video_mline */
        guint n_mlines;
        TbOfferSection sections[TB_OFFER_MLINES];
        bool bundled;  /* the sections that we use are of one a=group:BUNDLE */
        guint tagged;  /* the section whose transport it is (RFC 8843 §7.2: offerer tagged) */
        bool old_data; /* "DTLS/SCTP 5000" and a=sctpmap, as before RFC 8841 */
        TbCodec codec;
        guint payload;
        guint sound_payload; /* of Opus */
        char *profile;       /* owned; H.264 profile-level-id of that payload as offered; NULL for VP8 */
        guint ext_playout_delay, ext_twcc, ext_capture_time; /* ids of the offer; 0: not offered */
        char *ufrag;                                         /* owned; of the transport */
} TbOffer;

/* What there is to send. Without one of them its section of the offer is declined, and without both a data channel must be there. Of
 * both either is enough where the viewer's offer has no other; of one alone it is asked for. */
typedef enum TbOfferWant {
        TB_OFFER_WANT_VIDEO = 1 << 0,
        TB_OFFER_WANT_SOUND = 1 << 1,
} TbOfferWant;

/* `want`: of TbOfferWant. `offer` is filled on success only. */
bool tb_offer_parse(const char *sdp, guint want, TbOffer *ret_offer, GError **error);
void tb_offer_clear(TbOffer *offer);

typedef struct TbOfferExtension {
        guint id;        /* of the offer; 0: not offered */
        const char *uri; /* static */
} TbOfferExtension;
void tb_offer_extensions(const TbOffer *offer, TbOfferExtension ret[TB_OFFER_EXTENSIONS]);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbOffer, tb_offer_clear)
