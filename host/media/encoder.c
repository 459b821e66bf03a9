#include "host/media/encoder.h"

#include <gst/app/app.h>
#include <gst/video/video.h>

#include "host/media/hub_private.h"
#include "host/media/reaper.h"
#include "host/media/rtpext.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define REFRESH_MS                                                                                           \
        250 /* a still picture is encoded again: the end of a burst that was lost is noticed by what follows \
             */
#define REFRESH_SLOW_AFTER 12 /* refreshes, then one of four */
#define LASTS_MAX_US                                                                                         \
        200000       /* longest that a frame may be taken to last: more would make the next one huge         \
                      */
#define VBV_FRAMES 3 /* rate buffer, in frames of the rung */

typedef struct RungSpec {
        guint max_height; /* pixels; 0: as the source */
        guint max_fps, kbps;
} RungSpec;

static const RungSpec RUNGS[TB_RUNGS] = {
        [TB_RUNG_FULL] = {0, TB_LIMIT_FPS, 4000},
        [TB_RUNG_MEDIUM] = {540, 20, 1000},
        [TB_RUNG_LOW] = {360, 10, 250},
};

struct TbEncoders {
        GPtrArray *all; /* borrowed TbEncoder */
        guint max_fps, max_kbps;
        bool hardware;
};

struct TbEncoder {
        TbEncoders *set; /* borrowed */
        TbHub *hub;      /* ref */
        TbCodec codec;
        TbRung rung;
        const TbEncoderSpec *spec;      /* static */
        GstElement *pipeline;           /* ref */
        GstAppSrc *src;                 /* borrowed from pipeline */
        GstElement *scaled, *encoder;   /* borrowed from pipeline */
        TbHubSink *sink, *encoded_sink; /* owned */

        TbMutex taps_lock;
        GPtrArray *taps; /* owned by who made them; protected by taps_lock */

        TbMutex input_lock;      /* frames come from the hub and, again, from main */
        TbPixelFormat format;    /* of the current caps; protected by input_lock */
        int width, height;       /* of the current caps; 0: none yet; protected by input_lock */
        gint64 live_us;          /* when the hub's last frame went in; protected by input_lock */
        gint64 last_pts_us;      /* protected by input_lock */
        gint64 due_us;           /* the next frame of the rung's rate; protected by input_lock */
        guint fps;               /* protected by input_lock */
        guint64 pushed, encoded; /* atomic */

        guint kbps;
        gint64 key_us; /* when the last keyframe was asked for */
        guint key_timer, refresh_timer, still_ticks;
        bool failed; /* atomic: the pipeline told an error */
};

struct TbTap {
        TbEncoder *encoder;
        void (*packet)(void *data, GstBuffer *buffer, bool keyframe);
        void *data; /* borrowed from who made it */
};

TbEncoders *tb_encoders_new(guint max_fps, guint max_kbps, bool hardware)
{
        TbEncoders *set = g_new0(TbEncoders, 1);
        set->all = g_ptr_array_new();
        set->max_fps = max_fps;
        set->max_kbps = max_kbps;
        set->hardware = hardware;
        return set;
}

void tb_encoders_free(TbEncoders *encoders)
{
        if (!encoders)
                return;
        g_assert(encoders->all->len == 0);
        g_ptr_array_free(encoders->all, TRUE);
        g_free(encoders);
}

guint tb_encoders_count(TbEncoders *encoders)
{
        return encoders->all->len;
}

/* --- output: encoder's streaming thread --- */
static void hand_out(TbEncoder *encoder, GstBuffer *buffer)
{
        bool keyframe = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        TB_COUNT(tb_media_counters()->frames_encoded, 1);
        TB_COUNT(tb_media_counters()->keyframes, keyframe);
        TB_COUNT(encoder->encoded, 1);
        tb_mutex_lock(&encoder->taps_lock);
        for (guint i = 0; i < encoder->taps->len; i++) {
                TbTap *tap = g_ptr_array_index(encoder->taps, i);
                tap->packet(tap->data, buffer, keyframe);
        }
        tb_mutex_unlock(&encoder->taps_lock);
}

static GstFlowReturn encoded(GstAppSink *out, gpointer data)
{
        g_autoptr(GstSample) sample = gst_app_sink_pull_sample(out);
        if (!sample)
                return GST_FLOW_EOS;
        /* x264enc moves its PTS up by 1000 hours (so that no DTS is negative) and says so in its segment; a
         * viewer's pipeline has a segment of its own. */
        GstBuffer *buffer = gst_buffer_copy(gst_sample_get_buffer(sample)); /* shares the bytes */
        const GstSegment *segment = gst_sample_get_segment(sample);
        GST_BUFFER_PTS(buffer) =
                gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
        GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
        hand_out(data, buffer);
        gst_buffer_unref(buffer);
        return GST_FLOW_OK;
}

/* --- input: the hub's pushing thread, or main --- */
static void unref_frame(gpointer frame)
{
        tb_frame_unref(frame);
}

/* The frame's own memory, no copy; it goes back to its pool when the converter has read it. */
static GstBuffer *wrap(TbFrame *frame, int width, int height)
{
        static const GstVideoFormat formats[] = {
                [TB_PIXEL_BGRX] = GST_VIDEO_FORMAT_BGRx, [TB_PIXEL_RGBX] = GST_VIDEO_FORMAT_RGBx,
                [TB_PIXEL_YUY2] = GST_VIDEO_FORMAT_YUY2, [TB_PIXEL_NV12] = GST_VIDEO_FORMAT_NV12,
                [TB_PIXEL_I420] = GST_VIDEO_FORMAT_I420,
        };
        gsize offset[GST_VIDEO_MAX_PLANES] = {0};
        gint stride[GST_VIDEO_MAX_PLANES] = {0};
        guint planes = 0;
        for (; planes < 3 && frame->plane[planes]; planes++) {
                offset[planes] = (gsize)(frame->plane[planes] - frame->data);
                stride[planes] = frame->stride[planes];
        }
        GstBuffer *buffer = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, frame->data, frame->size, 0,
                                                        frame->size, tb_frame_ref(frame), unref_frame);
        gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, formats[frame->format],
                                       (guint)width, (guint)height, planes, offset, stride);
        return buffer;
}

/* Encoders want even sizes, and rungs a smaller one. With input_lock held. */
static void set_caps(TbEncoder *encoder, const TbFrame *frame, int width, int height)
{
        guint max = RUNGS[encoder->rung].max_height;
        int out_w = width, out_h = height;
        if (max && height > (int)max) {
                out_h = (int)max;
                out_w = MAX((int)((gint64)width * out_h / height) & ~1, 2);
        }
        g_autoptr(GstCaps) scaled = gst_caps_new_simple(
                "video/x-raw", "format", G_TYPE_STRING, encoder->spec->format, "width", G_TYPE_INT, out_w,
                "height", G_TYPE_INT, out_h, "colorimetry", G_TYPE_STRING, "bt601", "pixel-aspect-ratio",
                GST_TYPE_FRACTION, 1, 1, NULL);
        g_object_set(encoder->scaled, "caps", scaled, NULL);
        /* 0/1: frames come when something changes; x264 then counts its bits by their time stamps */
        g_autoptr(GstCaps) caps = gst_caps_new_simple(
                "video/x-raw", "format", G_TYPE_STRING, tb_pixel_format_name(frame->format), "width",
                G_TYPE_INT, width, "height", G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, 0, 1,
                "max-framerate", GST_TYPE_FRACTION, (int)encoder->fps, 1, "pixel-aspect-ratio",
                GST_TYPE_FRACTION, 1, 1, NULL);
        gst_app_src_set_caps(encoder->src, caps);
        encoder->format = frame->format;
        encoder->width = width;
        encoder->height = height;
}

/* False: too soon for the rung's frame rate. With input_lock held. */
static bool is_due(TbEncoder *encoder, gint64 now_us)
{
        gint64 interval = G_USEC_PER_SEC / encoder->fps;
        if (now_us + interval / 4 <
            encoder->due_us) /* a quarter early is jitter of a source that runs at that very rate */
                return false;
        encoder->due_us = MAX(encoder->due_us + interval, now_us - interval + interval / 2);
        return true;
}

static void push(TbEncoder *encoder, TbFrame *frame, bool again)
{
        int width = frame->width & ~1, height = frame->height & ~1;
        if (width < 2 || height < 2)
                return;
        gint64 now_us = g_get_monotonic_time();
        tb_mutex_lock(&encoder->input_lock);
        if (!again && !is_due(encoder, now_us)) {
                tb_mutex_unlock(&encoder->input_lock);
                return;
        }
        if (frame->format != encoder->format || width != encoder->width || height != encoder->height)
                set_caps(encoder, frame, width, height);
        gint64 pts_us = again || now_us - frame->t_us > G_USEC_PER_SEC ? now_us : frame->t_us;
        pts_us = MAX(pts_us, encoder->last_pts_us + 1);
        gint64 lasts_us = encoder->last_pts_us ? CLAMP(pts_us - encoder->last_pts_us,
                                                       G_USEC_PER_SEC / encoder->fps, LASTS_MAX_US)
                                               : LASTS_MAX_US / 4;
        encoder->last_pts_us = pts_us;
        if (!again)
                encoder->live_us = now_us;
        GstBuffer *buffer = wrap(frame, width, height);
        GST_BUFFER_PTS(buffer) = (GstClockTime)pts_us * GST_USECOND - tb_media_epoch();
        GST_BUFFER_DURATION(buffer) = (GstClockTime)lasts_us * GST_USECOND; /* vp8enc counts its bits by it */
        /* under the lock: caps and buffers must not overtake each other. It only queues. */
        gst_app_src_push_buffer(encoder->src, buffer);
        tb_mutex_unlock(&encoder->input_lock);
        TB_COUNT(encoder->pushed, 1);
}

static void raw_frame(void *data, TbFrame *frame)
{
        push(data, frame, false);
}

/* --- pipeline --- */
typedef struct Failure {
        TbEncoders *set;
        TbEncoder *encoder; /* only compared, until it is found alive */
        char *text;
} Failure;

static void failed(gpointer data);

static GstBusSyncReply on_bus(GstBus *bus G_GNUC_UNUSED, GstMessage *message, gpointer data)
{
        TbEncoder *encoder = data;
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR &&
            !__atomic_exchange_n(&encoder->failed, true, __ATOMIC_ACQ_REL)) {
                g_autoptr(GError) error = NULL;
                gst_message_parse_error(message, &error, NULL);
                Failure *f = g_new(Failure, 1);
                *f = (Failure){encoder->set, encoder, g_strdup(error->message)};
                if (!tb_main_post(failed, f)) {
                        g_free(f->text);
                        g_free(f);
                }
        }
        gst_message_unref(message);
        return GST_BUS_DROP;
}

static GstElement *add(GstElement *pipeline, GstElement *element)
{
        if (element)
                gst_bin_add(GST_BIN(pipeline), element);
        return element;
}

static bool build(TbEncoder *encoder, GError **error)
{
        g_autoptr(GstElement) pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
        GstElement *src = add(pipeline, gst_element_factory_make("appsrc", NULL));
        GstElement *convert = add(pipeline, gst_element_factory_make("videoconvertscale", NULL));
        GstElement *scaled = add(pipeline, gst_element_factory_make("capsfilter", NULL));
        GstElement *enc = add(pipeline, tb_codec_make(encoder->spec));
        GstElement *filter = add(pipeline, gst_element_factory_make("capsfilter", NULL));
        GstElement *out = add(pipeline, gst_element_factory_make("appsink", NULL));
        if (!src || !convert || !scaled || !enc || !filter || !out ||
            !gst_element_link_many(src, convert, scaled, enc, filter, out, NULL)) {
                g_set_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE,
                            "cannot build the %s encoder: GStreamer plugins are missing",
                            tb_codec_name(encoder->codec));
                return false;
        }
        /* one frame: what was not encoded when the next one comes is too old */
        g_object_set(src, "format", GST_FORMAT_TIME, "is-live", TRUE, "max-buffers", (guint64)1, "max-bytes",
                     (guint64)0, "leaky-type", 2, NULL);
        gst_util_set_object_arg(G_OBJECT(convert), "method",
                                encoder->rung == TB_RUNG_FULL ? "nearest-neighbour" : "bilinear");
        g_autoptr(GstCaps) caps = gst_caps_from_string(encoder->spec->output);
        g_object_set(filter, "caps", caps, NULL);
        g_object_set(out, "sync", FALSE, "async", FALSE, "max-buffers", 8, "enable-last-sample", FALSE, NULL);
        GstAppSinkCallbacks callbacks = {.new_sample = encoded};
        gst_app_sink_set_callbacks(GST_APP_SINK(out), &callbacks, encoder, NULL);
        g_autoptr(GstBus) bus = gst_pipeline_get_bus(GST_PIPELINE(pipeline));
        gst_bus_set_sync_handler(bus, on_bus, encoder, NULL);
        tb_media_set_clock(pipeline);

        encoder->src = GST_APP_SRC(src);
        encoder->scaled = scaled;
        encoder->encoder = enc;
        encoder->width = encoder->height = 0;
        encoder->pipeline = g_steal_pointer(&pipeline);
        tb_encoder_set_rate(encoder, encoder->kbps, encoder->fps);
        gst_element_set_state(encoder->pipeline, GST_STATE_PLAYING);
        return true;
}

static void start_input(TbEncoder *encoder)
{
        encoder->sink =
                tb_hub_add_sink_full(encoder->hub, TB_SINK_SLATES | TB_SINK_QUIET, raw_frame, encoder);
}

static void stop_input(TbEncoder *encoder)
{
        tb_hub_remove_sink(g_steal_pointer(&encoder->sink));
}

/* The encoder broke (a hardware one at this size, say): once more, in software. Main thread. */
static void failed(gpointer data)
{
        Failure *f = data;
        TbEncoder *encoder = f->encoder;
        if (g_ptr_array_find(f->set->all, encoder, NULL)) {
                tb_log(TB_LOG_WARNING, TB_F("device", tb_hub_device(encoder->hub)), "encoder %s failed: %s",
                       encoder->spec->element, f->text);
                stop_input(encoder);
                tb_reaper_take(g_steal_pointer(&encoder->pipeline), NULL, NULL);
                const TbEncoderSpec *spec = tb_codec_encoder(encoder->codec, false);
                if (spec && spec != encoder->spec) {
                        encoder->spec = spec;
                        __atomic_store_n(&encoder->failed, false, __ATOMIC_RELEASE);
                        if (build(encoder, NULL))
                                start_input(encoder);
                }
        }
        g_free(f->text);
        g_free(f);
}

/* --- keyframes, refresh, rate --- */
static void encode_again(TbEncoder *encoder)
{
        g_autoptr(TbFrame) frame = encoder->pipeline ? tb_hub_last(encoder->hub) : NULL;
        if (frame)
                push(encoder, frame, true);
}

static void force_keyframe(TbEncoder *encoder)
{
        encoder->key_us = g_get_monotonic_time();
        if (!encoder->pipeline)
                return;
        g_autoptr(GstPad) pad = gst_element_get_static_pad(encoder->encoder, "src");
        gst_pad_send_event(pad, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
        encode_again(encoder);
}

static gboolean key_due(gpointer data)
{
        TbEncoder *encoder = data;
        encoder->key_timer = 0;
        force_keyframe(encoder);
        return G_SOURCE_REMOVE;
}

void tb_encoder_want_keyframe(TbEncoder *encoder)
{
        tb_assert_main();
        if (encoder->key_timer)
                return;
        gint64 wait_us = encoder->key_us + TB_KEYFRAME_INTERVAL_MS * 1000 - g_get_monotonic_time();
        if (encoder->key_us == 0 || wait_us <= 0)
                force_keyframe(encoder);
        else
                encoder->key_timer = g_timeout_add((guint)(wait_us / 1000 + 1), key_due, encoder);
}

static gboolean refresh(gpointer data)
{
        TbEncoder *encoder = data;
        tb_mutex_lock(&encoder->input_lock);
        bool still = g_get_monotonic_time() - encoder->live_us > REFRESH_MS * 900;
        tb_mutex_unlock(&encoder->input_lock);
        if (!still)
                encoder->still_ticks = 0;
        else if (encoder->still_ticks++ < REFRESH_SLOW_AFTER || encoder->still_ticks % 4 == 0)
                encode_again(encoder);
        return G_SOURCE_CONTINUE;
}

void tb_encoder_set_rate(TbEncoder *encoder, guint kbps, guint fps)
{
        fps = CLAMP(fps, 1, MIN(RUNGS[encoder->rung].max_fps, encoder->set->max_fps));
        kbps = CLAMP(kbps, 50, encoder->set->max_kbps);
        tb_mutex_lock(&encoder->input_lock);
        encoder->fps = fps;
        tb_mutex_unlock(&encoder->input_lock);
        encoder->kbps = kbps;
        if (encoder->pipeline)
                tb_codec_set_rate(encoder->encoder, encoder->spec, kbps,
                                  CLAMP(VBV_FRAMES * 1000 / fps, 100, 400));
}

guint tb_encoder_kbps(TbEncoder *encoder)
{
        return encoder->kbps;
}

guint tb_encoder_fps(TbEncoder *encoder)
{
        return encoder->fps;
}

TbRung tb_encoder_rung(TbEncoder *encoder)
{
        return encoder->rung;
}

const char *tb_encoder_element(TbEncoder *encoder)
{
        return encoder->spec->element;
}

/* --- taps --- */
/* The pipeline has ended: none of its threads can be in a callback of ours. */
static void encoder_free(gpointer data)
{
        TbEncoder *encoder = data;
        guint64 pushed = encoder->pushed, out = encoder->encoded;
        TB_COUNT(tb_media_counters()->frames_dropped, pushed > out ? pushed - out : 0);
        tb_hub_unref(encoder->hub);
        g_ptr_array_free(encoder->taps, TRUE);
        tb_mutex_clear(&encoder->taps_lock);
        tb_mutex_clear(&encoder->input_lock);
        g_free(encoder);
}

static void encoder_end(TbEncoder *encoder)
{
        g_ptr_array_remove_fast(encoder->set->all, encoder);
        if (encoder->key_timer)
                g_source_remove(encoder->key_timer);
        if (encoder->refresh_timer)
                g_source_remove(encoder->refresh_timer);
        stop_input(encoder);
        if (encoder->pipeline)
                tb_reaper_take(g_steal_pointer(&encoder->pipeline), encoder_free, encoder);
        else
                encoder_free(encoder);
}

static TbEncoder *encoder_new(TbEncoders *set, TbHub *hub, TbCodec codec, TbRung rung, GError **error)
{
        const TbEncoderSpec *spec = tb_codec_encoder(codec, set->hardware);
        if (!spec) {
                g_set_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE,
                            "this host has no %s encoder (GStreamer plugins x264 or vpx are missing)",
                            tb_codec_name(codec));
                return NULL;
        }
        TbEncoder *encoder = g_new0(TbEncoder, 1);
        encoder->set = set;
        encoder->hub = tb_hub_ref(hub);
        encoder->codec = codec;
        encoder->rung = rung;
        encoder->spec = spec;
        encoder->taps = g_ptr_array_new();
        encoder->kbps = RUNGS[rung].kbps;
        encoder->fps = MIN(RUNGS[rung].max_fps, set->max_fps);
        tb_mutex_init(&encoder->taps_lock);
        tb_mutex_init(&encoder->input_lock);
        g_ptr_array_add(set->all, encoder);
        if (!build(encoder, error)) {
                encoder_end(encoder);
                return NULL;
        }
        start_input(encoder);
        encoder->refresh_timer = g_timeout_add(REFRESH_MS, refresh, encoder);
        return encoder;
}

static TbEncoder *find(TbEncoders *set, TbHub *hub, TbCodec codec, TbRung rung)
{
        for (guint i = 0; i < set->all->len; i++) {
                TbEncoder *e = g_ptr_array_index(set->all, i);
                if (e->hub == hub && e->codec == codec && e->rung == rung)
                        return e;
        }
        return NULL;
}

TbTap *tb_tap_new(TbEncoders *encoders, TbHub *hub, TbCodec codec, TbRung rung,
                  void (*packet)(void *data, GstBuffer *buffer, bool keyframe), void *data, GError **error)
{
        tb_assert_main();
        TbEncoder *encoder = find(encoders, hub, codec, rung);
        if (!encoder)
                encoder = encoder_new(encoders, hub, codec, rung, error);
        if (!encoder)
                return NULL;
        TbTap *tap = g_new(TbTap, 1);
        *tap = (TbTap){encoder, packet, data};
        tb_mutex_lock(&encoder->taps_lock);
        g_ptr_array_add(encoder->taps, tap);
        tb_mutex_unlock(&encoder->taps_lock);
        return tap;
}

void tb_tap_remove(TbTap *tap)
{
        if (!tap)
                return;
        tb_assert_main();
        TbEncoder *encoder = tap->encoder;
        tb_mutex_lock(&encoder->taps_lock);
        g_ptr_array_remove_fast(encoder->taps, tap);
        bool last = encoder->taps->len == 0;
        tb_mutex_unlock(&encoder->taps_lock);
        g_free(tap);
        if (last)
                encoder_end(encoder);
}

TbEncoder *tb_tap_encoder(TbTap *tap)
{
        return tap->encoder;
}
