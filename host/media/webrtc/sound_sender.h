#pragma once
/*
 * The sound of one session: packets of Opus, shared by all who listen -> appsrc -> its own payloader -> webrtcbin. Nothing is adapted: it is small
 * beside a picture, and goes before it. A viewer whose way is full loses sound alone, TB_SOUND_BEHIND_MS of it wait at most. Thread: main.
 */
#include <gst/gst.h>
#include <stdbool.h>

#include "host/media/webrtc/feed.h"
#include "host/media/webrtc/offer.h"

typedef struct TbSoundSender TbSoundSender;

#define TB_SOUND_BEHIND_MS 200

/* `feeds` and `pipeline` are borrowed for its life. */
TbSoundSender *tb_sound_sender_new(TbFeeds *feeds, guint sound, GstElement *pipeline, const TbOffer *offer,
                                   GError **error);
/* After the offer was set on `webrtc`, before the answer is made. */
bool tb_sound_sender_link(TbSoundSender *sender, GstElement *webrtc, GError **error);
void tb_sound_sender_start(TbSoundSender *sender); /* the way is open */
/* How long nothing has come from the viewer although it was sent sound. */
gint64 tb_sound_sender_silent_us(TbSoundSender *sender);
void tb_sound_sender_get_sent(TbSoundSender *sender, guint64 *ret_packets, guint64 *ret_bytes);
void tb_sound_sender_free(TbSoundSender *sender); /* the pipeline may still run; accepts NULL */
