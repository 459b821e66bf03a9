#pragma once
/*
 * Pictures and sound of a device as they are encoded anyway, for who keeps them (host/recorder) or shows them in his own way (host/vnc): one encoding, with what WebRTC viewers
 * of the full size get. Thread: main, but the calls, which come on an encoder's thread: they must return at once and call nothing of here;
 * none comes after the free. `at_us`: when it was taken, by g_get_monotonic_time().
 */
#include <glib.h>
#include <stdbool.h>

#include "host/media/media.h"

typedef struct TbRecordVideo TbRecordVideo;
typedef struct TbRecordSound TbRecordSound;

/* What becomes of a picture. Both on threads of the encoder. */
typedef struct TbRecordCalls {
        /* It goes into the encoder now; nullable. What is given and never put out was left out for a newer one. */
        void (*given)(void *data, gint64 at_us);
        void (*unit)(void *data, const guint8 *bytes, gsize size, gint64 at_us, bool keyframe);
        bool whole; /* a picture is one slice: tb_tap_want_whole() */
} TbRecordCalls;

/* One access unit, H.264 in byte-stream form; a keyframe has its parameter sets. The hub is held and its source runs, without counting as a
 * viewer. TB_ERROR_UNAVAILABLE: no encoder, or GStreamer still starts. */
TbRecordVideo *tb_record_video_new(TbMedia *media, TbHub *hub, const TbRecordCalls *calls, void *data,
                                   GError **error);
void tb_record_video_keyframe(TbRecordVideo *video); /* the next picture is one */
void tb_record_video_free(TbRecordVideo *video);     /* accepts NULL */

/* One packet of Opus, 20 ms. */
TbRecordSound *tb_record_sound_new(TbSoundHub *hub,
                                   void (*packet)(void *data, const guint8 *bytes, gsize size, gint64 at_us),
                                   void *data, GError **error);
void tb_record_sound_free(TbRecordSound *sound); /* accepts NULL */
