#pragma once
/*
 * The encoded pictures of the host's sources as this process gets them: each once, whoever looks, and handed on
 * to every viewer here. A feed is one rung of one source; it is subscribed to while a tap is on it. What is
 * wished of its encoder (a keyframe, a rate) goes to the host by the ops. Thread: main.
 */
#include <gst/gst.h>
#include <stdbool.h>

#include "host/media/encode/codec.h"

typedef struct TbFeeds TbFeeds;
typedef struct TbFeedTap TbFeedTap;

/* Wishes, to be granted or not. */
typedef struct TbFeedOps {
        void (*subscribe)(void *data, guint source, TbRung rung, bool on);
        void (*keyframe)(void *data, guint source, TbRung rung);
        void (*rate)(void *data, guint source, TbRung rung, guint kbps, guint fps);
        void (*phone_keyframe)(void *data, guint phone); /* of a phone */
} TbFeedOps;

typedef struct TbFeedLimits {
        guint max_fps, max_kbps;    /* of a stream */
        guint16 min_port, max_port; /* of ICE; 0: any */
} TbFeedLimits;

/* `ops` is static. */
TbFeeds *tb_feeds_new(const TbFeedLimits *limits, const TbFeedOps *ops, void *data);
void tb_feeds_free(TbFeeds *feeds); /* every tap was removed; accepts NULL */
const TbFeedLimits *tb_feeds_limits(TbFeeds *feeds);
GPtrArray *tb_feeds_senders(TbFeeds *feeds); /* of TbSender; borrowed: they put themselves in and out */

/* --- what the host tells --- */
typedef struct TbFeedSource {
        guint width, height;
        TbCodec codec;
        guint origin; /* the phone whose pictures they are; 0: none */
} TbFeedSource;
void tb_feeds_set_source(TbFeeds *feeds, guint source, const TbFeedSource *what);
void tb_feeds_size(TbFeeds *feeds, guint source, guint *ret_width, guint *ret_height); /* 0: not known */
/* What the encoder is set to. */
void tb_feeds_set_rate(TbFeeds *feeds, guint source, TbRung rung, guint kbps, guint fps);
/* The next picture, borrowed; PTS on tb_media_epoch(). Nothing happens when nobody is on that feed. */
void tb_feeds_push(TbFeeds *feeds, guint source, TbRung rung, GstBuffer *buffer, bool keyframe);

/* --- phones: what they send goes to who looks at them as it came, while that can be (pass.h) --- */
/* The next picture of a phone, borrowed; PTS on tb_media_epoch(). */
void tb_feeds_push_phone(TbFeeds *feeds, guint phone, TbCodec codec, GstBuffer *buffer, bool keyframe);

/* --- sound: packets as the host sends them --- */
typedef struct TbFeedEar TbFeedEar;
/* `packet(data, buffer)`: `buffer` is borrowed; PTS on tb_media_epoch(). It removes no ears. */
TbFeedEar *tb_feeds_hear(TbFeeds *feeds, guint sound, void (*packet)(void *data, GstBuffer *buffer),
                         void *data);
void tb_feed_ear_remove(TbFeedEar *ear); /* frees it; accepts NULL */
/* The next packet, borrowed. */
void tb_feeds_push_sound(TbFeeds *feeds, guint sound, GstBuffer *buffer);

/* --- taps --- */
/* `packet(data, buffer, keyframe)`: `buffer` is borrowed. It may remove taps of other feeds only. Not called
 * before tb_feed_tap_open(). The first packet may be in the middle of a group: wait for a keyframe. */
TbFeedTap *tb_feed_tap_new(TbFeeds *feeds, guint source, TbRung rung,
                           void (*packet)(void *data, GstBuffer *buffer, bool keyframe), void *data);
void tb_feed_tap_remove(TbFeedTap *tap); /* frees it; accepts NULL */
/* It will be opened within moments: sees to it that a keyframe is there by then. */
void tb_feed_tap_expect(TbFeedTap *tap);
/* Packets come from now on. `recent`: beginning at once with those since the last keyframe, when that is no
 * older than TB_GROUP_MS (called from in here); only for a viewer that has not seen a later one. */
void tb_feed_tap_open(TbFeedTap *tap, bool recent);
void tb_feed_tap_want_keyframe(TbFeedTap *tap);
void tb_feed_tap_set_rate(TbFeedTap *tap, guint kbps, guint fps);
TbRung tb_feed_tap_rung(TbFeedTap *tap);
guint tb_feed_tap_kbps(TbFeedTap *tap); /* 0: not known yet */
guint tb_feed_tap_fps(TbFeedTap *tap);
