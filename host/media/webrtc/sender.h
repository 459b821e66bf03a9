#pragma once
/*
 * The video of one session: tap of a shared feed -> appsrc -> its own payloader (payload type and extension
 * ids of its offer) -> webrtcbin; and what comes back: PLI, transport-wide feedback, reports. Moves its
 * viewer between the rungs of encoders as the link allows (adapt.h). Thread: main.
 */
#include <gst/gst.h>
#include <stdbool.h>

#include "host/media/link/message.h"
#include "host/media/webrtc/feed.h"
#include "host/media/webrtc/offer.h"

typedef struct TbSender TbSender;

/* `feeds`, `pipeline` and `offer` are borrowed for its life. */
TbSender *tb_sender_new(TbFeeds *feeds, guint source, GstElement *pipeline, const TbOffer *offer,
                        guint max_kbps, GError **error);
/* After the offer was set on `webrtc`, before the answer is made. */
bool tb_sender_link(TbSender *sender, GstElement *webrtc, GError **error);
/* The way will be open within moments (ICE is through, DTLS is not yet): a keyframe shall be there by then.
 */
void tb_sender_expect(TbSender *sender);
/* The way is open: pictures flow, beginning with a keyframe. */
void tb_sender_start(TbSender *sender);
/* Once a second. False: the viewer has not reported anything for `silence_us` although it was sent pictures.
 */
bool tb_sender_tick(TbSender *sender, gint64 silence_us);
/* How long nothing has come from the viewer although it was sent pictures. */
gint64 tb_sender_silent_us(TbSender *sender);
/* webrtcbin has made the element that sends packets again. */
void tb_sender_bound_rtx(TbSender *sender, GstElement *rtx);
void tb_sender_want_keyframe(TbSender *sender);
void tb_sender_get_stats(TbSender *sender, TbLinkStats *ret_stats);
void tb_sender_free(TbSender *sender); /* main; the pipeline may still run; accepts NULL */
