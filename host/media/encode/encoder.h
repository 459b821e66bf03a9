#pragma once
/*
 * TbEncoder: one encoding of one hub: encode once per (hub, codec, rung), for however many peers look at it.
 * Made by the first tap, gone with the last. Its own pipeline:
 *
 *   hub sink -> appsrc (one frame, the older is dropped) -> convert + scale -> encoder -> appsink -> taps
 *
 * Access units go to taps as shared read-only GstBuffers with PTS on tb_media_epoch(). Thread: main; taps are
 * called on the encoder's streaming thread.
 */
#include <glib.h>
#include <gst/gst.h>
#include <stdbool.h>

#include "host/media/encode/codec.h"
#include "host/media/encode/group.h"
#include "host/media/hub/hub.h"

typedef struct TbEncoder TbEncoder;
typedef struct TbTap TbTap;
typedef struct TbEncoders TbEncoders;

/* All encoders of a host. `max_fps`, `max_kbps`: of the full rung. */
TbEncoders *tb_encoders_new(guint max_fps, guint max_kbps, bool hardware);
void tb_encoders_free(TbEncoders *encoders); /* every tap was removed */
guint tb_encoders_count(TbEncoders *encoders);

/*
 * `packet(data, buffer, keyframe)`: `buffer` is borrowed. It must return at once and not call the encoder.
 * It is not called before tb_tap_open(), nor after tb_tap_remove() returned. The first packet that a tap sees
 * may be in the middle of a group: wait for a keyframe, one is on its way. NULL + TB_ERROR_UNAVAILABLE: no
 * encoder for `codec` on this machine.
 */
TbTap *tb_tap_new(TbEncoders *encoders, TbHub *hub, TbCodec codec, TbRung rung,
                  void (*packet)(void *data, GstBuffer *buffer, bool keyframe), void *data, GError **error);
void tb_tap_remove(TbTap *tap); /* frees it; accepts NULL */
/* Before it is opened: from now on a picture is one slice, for viewers that take a slice for a picture (noVNC 1.7). It takes one core the
 * time that several slices take many. The encoder begins anew, with a keyframe, and stays so. */
void tb_tap_want_whole(TbTap *tap);
/* It will be opened within moments: sees to it that a keyframe is there by then. */
void tb_tap_expect(TbTap *tap);
/* Packets come from now on. `recent`: beginning at once with those since the last keyframe, when that is no
 * older than TB_KEYFRAME_INTERVAL_MS (called from in here); only for a viewer that has not seen a later one.
 */
void tb_tap_open(TbTap *tap, bool recent);
/* From now on `given(data, taken_us)` is called for each picture that goes into the encoder, before it can come out, on the thread that
 * brings it: it must return at once and not call the encoder. `taken_us`: what the packet's PTS will say, as
 * g_get_monotonic_time(). One that never comes out was left out for a newer one. */
void tb_tap_on_given(TbTap *tap, void (*given)(void *data, gint64 taken_us));
TbEncoder *tb_tap_encoder(TbTap *tap);

/* A keyframe as soon as possible: at once, or TB_KEYFRAME_INTERVAL_MS after the one before it. A still
 * picture is encoded again for it. */
void tb_encoder_want_keyframe(TbEncoder *encoder);
/* The next picture that is encoded anyway is one: for who records, and wants no picture twice. */
void tb_encoder_want_next_keyframe(TbEncoder *encoder);
void tb_encoder_set_rate(TbEncoder *encoder, guint kbps, guint fps);
guint tb_encoder_kbps(TbEncoder *encoder);
guint tb_encoder_fps(TbEncoder *encoder);
const char *tb_encoder_element(TbEncoder *encoder); /* static: "x264enc" */

#define TB_KEYFRAME_INTERVAL_MS TB_GROUP_MS /* who joins in between begins with the one before */
