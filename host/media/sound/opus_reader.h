#pragma once
/*
 * Opus of a sound hub on the main thread, for who sends it on himself (the relay through the pairing server): encoded once, with what WebRTC
 * listeners get. While main is busy TB_LIMIT_OPUS_BEHIND packets wait; above, the oldest is lost, for this reader alone. It counts as a
 * listener. Thread: main.
 */
#include "host/media/sound/sound_hub.h"

typedef struct TbOpusReader TbOpusReader;

/*
 * `packet(data, bytes, size, at)`: one packet (RFC 6716) of TB_OPUS_MS; `at`: where it begins, in samples of 48 kHz on a clock of the hub's,
 * which wraps: what is lost is a gap. It may free the reader. NULL + TB_ERROR_UNAVAILABLE: no Opus encoder, or GStreamer still starts.
 */
TbOpusReader *tb_opus_reader_new(TbSoundHub *hub,
                                 void (*packet)(void *data, const guint8 *bytes, gsize size, guint32 at),
                                 void *data, GError **error);
void tb_opus_reader_free(TbOpusReader *reader); /* accepts NULL */
