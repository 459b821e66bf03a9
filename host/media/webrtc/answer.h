#pragma once
/* The answer to a browser's offer. Pure. */
#include <gst/sdp/sdp.h>

#include "host/media/webrtc/offer.h"

/* What the browser is told, made of webrtcbin's answer to `offer->sdp`: refused sections refused,
 * what webrtcbin leaves out added, `candidates` ("candidate:…", NULL-terminated) put in. The caller owns it.
 */
char *tb_offer_answer(const TbOffer *offer, const GstSDPMessage *answer, const char *const *candidates);
