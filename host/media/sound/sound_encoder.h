#pragma once
/*
 * TbSoundEncoder: the Opus of one sound hub: encoded once, for however many listen. Made by the first tap, gone with the last. Its own
 * pipeline: hub -> appsrc (half a second, the oldest is dropped) -> convert, resample to 48 kHz -> opusenc -> appsink -> taps.
 *
 * Packets of TB_OPUS_MS go to taps as shared read-only GstBuffers with PTS on tb_media_epoch(). One follows the other by exactly their
 * length, until a source's clock has drifted by more than TB_OPUS_MS: then one is left out, or there is a gap. Thread: main; taps are called on
 * the encoder's streaming thread.
 */
#include <gst/gst.h>

#include "host/media/sound/sound_hub.h"

typedef struct TbOpusTap TbOpusTap;

/* `packet(data, buffer)`: `buffer` is borrowed. It must return at once and not call the encoder. It is not called after
 * tb_opus_tap_remove() returned. A tap keeps the source running; who listens is counted by tb_sound_hub_acquire(). NULL +
 * TB_ERROR_UNAVAILABLE: this machine has no Opus encoder. */
TbOpusTap *tb_opus_tap_new(TbSoundHub *hub, void (*packet)(void *data, GstBuffer *buffer), void *data,
                           GError **error);
void tb_opus_tap_remove(TbOpusTap *tap); /* frees it; accepts NULL */

bool tb_opus_is_there(void); /* main thread, once GStreamer runs */

#define TB_OPUS_MS 20 /* what every client decodes; aiortc decodes nothing else */
#define TB_OPUS_RATE 48000
