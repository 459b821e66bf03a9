#pragma once
/*
 * TbEncoder: one encoding of one hub: encode once per (hub, codec, rung), for however many peers look at it.
 * Made by the first tap, gone with the last. Its own pipeline:
 *
 *   hub sink -> appsrc (one frame, the older is dropped) -> convert + scale -> encoder -> appsink -> taps
 *
 * Access units go to taps as shared read-only GstBuffers with PTS on tb_media_epoch(). An H.264 source goes
 * through as it is on rung 0. Thread: main; taps are called on the encoder's streaming thread.
 */
#include <glib.h>
#include <gst/gst.h>
#include <stdbool.h>

#include "host/media/codec.h"
#include "host/media/hub.h"

typedef enum TbRung { TB_RUNG_FULL, TB_RUNG_MEDIUM, TB_RUNG_LOW, TB_RUNGS } TbRung;

typedef struct TbEncoder TbEncoder;
typedef struct TbTap TbTap;
typedef struct TbEncoders TbEncoders;

/* All encoders of a host. `max_fps`, `max_kbps`: of the full rung. */
TbEncoders *tb_encoders_new(guint max_fps, guint max_kbps, bool hardware);
void tb_encoders_free(TbEncoders *encoders); /* every tap was removed */
guint tb_encoders_count(TbEncoders *encoders);

/*
 * `packet(data, buffer, keyframe)`: `buffer` is borrowed. It must return at once and not call the encoder.
 * After tb_tap_remove() returned it is not called any more. The first packet that a new tap sees may be in
 * the middle of a group: wait for a keyframe, one is on its way. NULL + TB_ERROR_UNAVAILABLE: no encoder for
 * `codec` on this machine.
 */
TbTap *tb_tap_new(TbEncoders *encoders, TbHub *hub, TbCodec codec, TbRung rung,
                  void (*packet)(void *data, GstBuffer *buffer, bool keyframe), void *data, GError **error);
void tb_tap_remove(TbTap *tap); /* frees it; accepts NULL */
TbEncoder *tb_tap_encoder(TbTap *tap);

/* A keyframe as soon as possible: at once, or TB_KEYFRAME_INTERVAL_MS after the one before it. A still
 * picture is encoded again for it. */
void tb_encoder_want_keyframe(TbEncoder *encoder);
void tb_encoder_set_rate(TbEncoder *encoder, guint kbps, guint fps);
guint tb_encoder_kbps(TbEncoder *encoder);
guint tb_encoder_fps(TbEncoder *encoder);
TbRung tb_encoder_rung(TbEncoder *encoder);
const char *tb_encoder_element(TbEncoder *encoder); /* static: "x264enc" */

#define TB_KEYFRAME_INTERVAL_MS 250
