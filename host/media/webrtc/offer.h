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

typedef struct TbOffer {
        char *sdp;       /* owned */
        int video_mline; /* -1: none that we can send to, or not wanted */
        int data_mline;  /* -1: no data channels */
        guint n_mlines;
        TbCodec codec;
        guint payload;
        char *profile; /* owned; H.264 profile-level-id of that payload as offered; NULL for VP8 */
        guint ext_playout_delay, ext_twcc, ext_capture_time; /* ids of the offer; 0: not offered */
        char *ufrag, *mid;               /* owned; of the first media section, whose transport all share */
        char *declined[TB_OFFER_MLINES]; /* owned; m-lines of the answer ("m=audio 0 …") for sections that we
                                            refuse; else NULL */
        char *held; /* owned; the first section of the answer when we send nothing in it, but for its transport;
                       else NULL. It is held open, since Chromium with bundlePolicy max-bundle takes no answer
                       that refuses the section whose transport the others share (RFC 8843 §7.3.1 allows it) */
} TbOffer;

/* `want_video` false: video in the offer is declined, a data channel must be there. `offer` is filled on
 * success only. */
bool tb_offer_parse(const char *sdp, bool want_video, TbOffer *ret_offer, GError **error);
void tb_offer_clear(TbOffer *offer);

typedef struct TbOfferExtension {
        guint id;        /* of the offer; 0: not offered */
        const char *uri; /* static */
} TbOfferExtension;
void tb_offer_extensions(const TbOffer *offer, TbOfferExtension ret[TB_OFFER_EXTENSIONS]);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbOffer, tb_offer_clear)
