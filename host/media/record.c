#include "host/media/record.h"

#include "host/media/encode/encoder.h"
#include "host/media/gstreamer.h"
#include "host/media/media_private.h"
#include "host/media/sound/sound_encoder.h"
#include "host/media/webrtc/rtpext.h"

struct TbRecordVideo {
        TbHub *hub; /* ref */
        TbTap *tap; /* owned */
        TbRecordCalls calls;
        void *data; /* borrowed from who made it */
};

struct TbRecordSound {
        TbSoundHub *hub; /* ref */
        TbOpusTap *tap;  /* owned */
        void (*packet)(void *data, const guint8 *bytes, gsize size, gint64 at_us);
        void *data; /* borrowed from who made it */
};

static gint64 taken_at(const GstBuffer *buffer)
{
        return (gint64)((GST_BUFFER_PTS(buffer) + tb_media_epoch()) / GST_USECOND);
}

/* The encoder's thread. */
static void on_unit(void *data, GstBuffer *buffer, bool keyframe)
{
        const TbRecordVideo *video = data;
        GstMapInfo map;
        if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
                return;
        video->calls.unit(video->data, map.data, map.size, taken_at(buffer), keyframe);
        gst_buffer_unmap(buffer, &map);
}

/* The thread that brings the picture. */
static void on_given(void *data, gint64 taken_us)
{
        const TbRecordVideo *video = data;
        video->calls.given(video->data, taken_us);
}

TbRecordVideo *tb_record_video_new(TbMedia *media, TbHub *hub, const TbRecordCalls *calls, void *data,
                                   GError **error)
{
        if (!tb_gstreamer_ready(error))
                return NULL;
        TbRecordVideo *video = g_new0(TbRecordVideo, 1);
        video->calls = *calls;
        video->data = data;
        video->tap =
                tb_tap_new(tb_media_encoders(media), hub, TB_CODEC_H264, TB_RUNG_FULL, on_unit, video, error);
        if (!video->tap) {
                g_free(video);
                return NULL;
        }
        video->hub = tb_hub_ref(hub);
        tb_hub_acquire(hub, false);
        if (calls->given)
                tb_tap_on_given(video->tap, on_given);
        if (calls->whole)
                tb_tap_want_whole(video->tap);
        tb_tap_open(video->tap, true);
        return video;
}

void tb_record_video_keyframe(TbRecordVideo *video)
{
        tb_encoder_want_next_keyframe(tb_tap_encoder(video->tap));
}

void tb_record_video_free(TbRecordVideo *video)
{
        if (!video)
                return;
        tb_tap_remove(video->tap);
        tb_hub_release(video->hub, false);
        tb_hub_unref(video->hub);
        g_free(video);
}

/* The encoder's thread. */
static void on_packet(void *data, GstBuffer *buffer)
{
        const TbRecordSound *sound = data;
        GstMapInfo map;
        if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
                return;
        sound->packet(sound->data, map.data, map.size, taken_at(buffer));
        gst_buffer_unmap(buffer, &map);
}

TbRecordSound *tb_record_sound_new(TbSoundHub *hub,
                                   void (*packet)(void *data, const guint8 *bytes, gsize size, gint64 at_us),
                                   void *data, GError **error)
{
        if (!tb_gstreamer_ready(error))
                return NULL;
        TbRecordSound *sound = g_new0(TbRecordSound, 1);
        sound->packet = packet;
        sound->data = data;
        sound->tap = tb_opus_tap_new(hub, on_packet, sound, error);
        if (!sound->tap) {
                g_free(sound);
                return NULL;
        }
        sound->hub = tb_sound_hub_ref(hub);
        tb_sound_hub_acquire(hub, false);
        return sound;
}

void tb_record_sound_free(TbRecordSound *sound)
{
        if (!sound)
                return;
        tb_opus_tap_remove(sound->tap);
        tb_sound_hub_release(sound->hub, false);
        tb_sound_hub_unref(sound->hub);
        g_free(sound);
}
