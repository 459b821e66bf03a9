#include "host/media/sound/sound_encoder.h"

#include <gst/app/app.h>
#include <gst/audio/audio.h>

#include "host/media/reaper.h"
#include "host/media/sound/sound_private.h"
#include "host/media/webrtc/rtpext.h"
#include "lib/error.h"
#include "lib/log.h"

#define BEHIND_NS (500 * GST_MSECOND) /* of sound that waits for the encoder */
#define RETRY_MS 2000                 /* after it failed */
#define MONO_BPS 48000
#define STEREO_BPS 64000

struct TbSoundEncoder {
        TbRefCount ref;  /* of main, and of each pipeline: its threads know the encoder */
        TbSoundHub *hub; /* ref */
        TbMutex lock;
        GPtrArray *taps;       /* owned by who made them; protected by lock */
        GstAppSrc *src;        /* ref; NULL: it failed, or has ended; protected by lock */
        TbSoundFormat format;  /* of src's caps; protected by lock */
        GstElement *pipeline;  /* ref; main */
        GstElement *opus;      /* borrowed from pipeline; main and, with lock, the hub's thread */
        GstElement *resampled; /* as opus */
        TbSoundTap *pcm;       /* owned; main */
        guint retry_timer;     /* main */
};

struct TbOpusTap {
        TbSoundEncoder *encoder;
        void (*packet)(void *data, GstBuffer *buffer);
        void *data; /* borrowed from who made it */
};

static void encoder_unref(gpointer data)
{
        TbSoundEncoder *e = data;
        if (!tb_ref_dec(&e->ref))
                return;
        tb_sound_hub_unref(e->hub);
        g_ptr_array_free(e->taps, TRUE);
        tb_mutex_clear(&e->lock);
        g_free(e);
}

static TbSoundEncoder *encoder_ref(TbSoundEncoder *e)
{
        tb_ref_inc(&e->ref);
        return e;
}

/* --- output: encoder's streaming thread --- */
static GstFlowReturn encoded(GstAppSink *out, gpointer data)
{
        TbSoundEncoder *e = data;
        g_autoptr(GstSample) sample = gst_app_sink_pull_sample(out);
        if (!sample)
                return GST_FLOW_EOS;
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        tb_mutex_lock(&e->lock);
        for (guint i = 0; i < e->taps->len; i++) {
                TbOpusTap *tap = g_ptr_array_index(e->taps, i);
                tap->packet(tap->data, buffer);
        }
        tb_mutex_unlock(&e->lock);
        return GST_FLOW_OK;
}

/* --- input: the hub's pushing thread --- */
static void unref_sound(gpointer sound)
{
        tb_sound_unref(sound);
}

/* With the lock held. */
static void set_format(TbSoundEncoder *e, TbSoundFormat format)
{
        g_autoptr(GstCaps) caps = gst_caps_new_simple(
                "audio/x-raw", "format", G_TYPE_STRING, "S16LE", "layout", G_TYPE_STRING, "interleaved",
                "rate", G_TYPE_INT, (int)format.rate, "channels", G_TYPE_INT, (int)format.channels, NULL);
        if (format.channels > 2)
                gst_caps_set_simple(caps, "channel-mask", GST_TYPE_BITMASK,
                                    gst_audio_channel_get_fallback_mask((int)format.channels), NULL);
        int channels = MIN((int)format.channels, 2);
        g_autoptr(GstCaps) out = gst_caps_new_simple("audio/x-raw", "rate", G_TYPE_INT, TB_OPUS_RATE,
                                                     "channels", G_TYPE_INT, channels, NULL);
        g_object_set(e->resampled, "caps", out, NULL);
        g_object_set(e->opus, "bitrate", channels == 1 ? MONO_BPS : STEREO_BPS, NULL);
        gst_app_src_set_caps(e->src, caps);
        e->format = format;
}

static void heard(void *data, TbSound *sound)
{
        TbSoundEncoder *e = data;
        gint64 at_us = sound->t_us - (gint64)(tb_media_epoch() / GST_USECOND);
        if (at_us < 0)
                return;
        tb_mutex_lock(&e->lock);
        if (e->src) {
                if (e->format.rate != sound->format.rate || e->format.channels != sound->format.channels)
                        set_format(e, sound->format);
                gsize size = tb_sound_bytes(sound);
                /* the block's own memory, no copy */
                GstBuffer *buffer =
                        gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, sound->samples, size, 0, size,
                                                    tb_sound_ref(sound), unref_sound);
                GST_BUFFER_PTS(buffer) = (GstClockTime)at_us * GST_USECOND;
                GST_BUFFER_DURATION(buffer) = (GstClockTime)tb_sound_us(sound) * GST_USECOND;
                gst_app_src_push_buffer(e->src, buffer);
        }
        tb_mutex_unlock(&e->lock);
}

/* --- the pipeline --- */
static bool build(TbSoundEncoder *e, GError **error);

static void stop(TbSoundEncoder *e)
{
        if (!e->pipeline)
                return;
        tb_mutex_lock(&e->lock);
        gst_clear_object(&e->src);
        tb_mutex_unlock(&e->lock);
        tb_reaper_take(g_steal_pointer(&e->pipeline), NULL, NULL, NULL);
}

static gboolean retry(gpointer data)
{
        TbSoundEncoder *e = data;
        if (!build(e, NULL))
                return G_SOURCE_CONTINUE;
        e->retry_timer = 0;
        return G_SOURCE_REMOVE;
}

typedef struct Failure {
        TbSoundEncoder *encoder; /* ref */
        gpointer pipeline;       /* only compared */
        char *why;               /* owned */
} Failure;

static void failed(gpointer data)
{
        Failure *f = data;
        TbSoundEncoder *e = f->encoder;
        if (e->pipeline == f->pipeline) {
                tb_log(TB_LOG_WARNING,
                       TB_F("device", tb_sound_hub_device(e->hub), "interface",
                            tb_sound_hub_interface(e->hub)),
                       "the Opus encoder failed, and is made anew: %s", f->why);
                stop(e);
                e->retry_timer = g_timeout_add(RETRY_MS, retry, e);
        }
        encoder_unref(e);
        g_free(f->why);
        g_free(f);
}

static GstBusSyncReply on_bus(GstBus *bus, GstMessage *message, gpointer data)
{
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
                g_autoptr(GError) error = NULL;
                gst_message_parse_error(message, &error, NULL);
                Failure *f = g_new(Failure, 1);
                *f = (Failure){encoder_ref(data), g_object_get_data(G_OBJECT(bus), "pipeline"),
                               g_strdup(error->message)};
                if (!tb_main_post(failed, f)) {
                        encoder_unref(f->encoder);
                        g_free(f->why);
                        g_free(f);
                }
        }
        gst_message_unref(message);
        return GST_BUS_DROP;
}

static GstElement *add(GstElement *pipeline, const char *factory)
{
        GstElement *element = gst_element_factory_make(factory, NULL);
        if (element)
                gst_bin_add(GST_BIN(pipeline), element);
        return element;
}

static bool build(TbSoundEncoder *e, GError **error)
{
        g_autoptr(GstElement) pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
        GstElement *src = add(pipeline, "appsrc"), *convert = add(pipeline, "audioconvert"),
                   *resample = add(pipeline, "audioresample"), *filter = add(pipeline, "capsfilter"),
                   *opus = add(pipeline, "opusenc"), *out = add(pipeline, "appsink");
        if (!src || !convert || !resample || !filter || !opus || !out ||
            !gst_element_link_many(src, convert, resample, filter, opus, out, NULL)) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "this host has no Opus encoder (GStreamer plugins opus, audioconvert and "
                             "audioresample are needed)");
                return false;
        }
        g_object_set(src, "format", GST_FORMAT_TIME, "is-live", TRUE, "max-bytes", (guint64)0, "max-buffers",
                     (guint64)0, "max-time", (guint64)BEHIND_NS, "leaky-type", 2, NULL);
        gst_util_set_object_arg(G_OBJECT(opus), "frame-size", G_STRINGIFY(TB_OPUS_MS));
        /* of the timestamps: see sound_encoder.h */
        gst_util_set_object_arg(G_OBJECT(opus), "audio-type", "restricted-lowdelay");
        g_object_set(opus, "complexity", 5, "tolerance", (gint64)TB_OPUS_MS * GST_MSECOND, NULL);
        g_object_set(out, "sync", FALSE, "async", FALSE, "max-buffers", 8, "enable-last-sample", FALSE, NULL);
        GstAppSinkCallbacks callbacks = {.new_sample = encoded};
        gst_app_sink_set_callbacks(GST_APP_SINK(out), &callbacks, encoder_ref(e), encoder_unref);
        g_autoptr(GstBus) bus = gst_pipeline_get_bus(GST_PIPELINE(pipeline));
        g_object_set_data(G_OBJECT(bus), "pipeline", pipeline);
        gst_bus_set_sync_handler(bus, on_bus, encoder_ref(e), encoder_unref);
        tb_media_set_clock(pipeline);
        if (gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
                tb_reaper_take(g_steal_pointer(&pipeline), NULL, NULL, NULL);
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the Opus encoder cannot be started");
                return false;
        }
        e->pipeline = g_steal_pointer(&pipeline);
        tb_mutex_lock(&e->lock);
        e->opus = opus;
        e->resampled = filter;
        e->format = (TbSoundFormat){0};
        e->src = gst_object_ref(GST_APP_SRC(src));
        tb_mutex_unlock(&e->lock);
        return true;
}

/* --- life --- */
static void encoder_end(TbSoundEncoder *e)
{
        tb_sound_hub_remove_tap(g_steal_pointer(&e->pcm));
        g_clear_handle_id(&e->retry_timer, g_source_remove);
        stop(e);
        e->hub->encoder = NULL;
        encoder_unref(e);
}

static TbSoundEncoder *encoder_new(TbSoundHub *hub, GError **error)
{
        TbSoundEncoder *e = g_new0(TbSoundEncoder, 1);
        tb_ref_init(&e->ref);
        e->hub = tb_sound_hub_ref(hub);
        tb_mutex_init(&e->lock);
        e->taps = g_ptr_array_new();
        if (!build(e, error)) {
                encoder_unref(e);
                return NULL;
        }
        hub->encoder = e;
        e->pcm = tb_sound_hub_add_tap(hub, false, heard, e);
        return e;
}

TbOpusTap *tb_opus_tap_new(TbSoundHub *hub, void (*packet)(void *data, GstBuffer *buffer), void *data,
                           GError **error)
{
        tb_assert_main();
        TbSoundEncoder *e = hub->encoder ? hub->encoder : encoder_new(hub, error);
        if (!e)
                return NULL;
        TbOpusTap *tap = g_new(TbOpusTap, 1);
        *tap = (TbOpusTap){e, packet, data};
        tb_mutex_lock(&e->lock);
        g_ptr_array_add(e->taps, tap);
        tb_mutex_unlock(&e->lock);
        return tap;
}

void tb_opus_tap_remove(TbOpusTap *tap)
{
        if (!tap)
                return;
        tb_assert_main();
        TbSoundEncoder *e = tap->encoder;
        tb_mutex_lock(&e->lock);
        g_ptr_array_remove_fast(e->taps, tap);
        bool last = e->taps->len == 0;
        tb_mutex_unlock(&e->lock);
        g_free(tap);
        if (last)
                encoder_end(e);
}

bool tb_opus_is_there(void)
{
        g_autoptr(GstElementFactory) opus = gst_element_factory_find("opusenc");
        return opus != NULL;
}
