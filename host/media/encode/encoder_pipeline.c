#include "host/media/encode/encoder_private.h"

#include <gst/video/video.h>
#include <string.h>

#include "host/media/encode/even.h"
#include "host/media/encode/planar.h"
#include "host/media/reaper.h"
#include "host/media/webrtc/rtpext.h"
#include "lib/error.h"

/* longest that a frame may be taken to last: more would make the next one huge */
#define LASTS_MAX_US 200000
/* A keyframe of a huge picture takes libvpx most of a second, and the line as long: until it is there its viewers see a
 * draft of half its width and height, with which the encoding begins. */
#define DRAFT_PIXELS (2560 * 1600)

/* What a pipeline's threads know. */
typedef struct Watch {
        TbEncoders *set;
        TbEncoder *encoder; /* lives as long as the pipeline; in `failed` only compared, until it is found */
        guint build;
        char *why; /* owned; NULL: nothing happened yet */
} Watch;

/* --- output: encoder's streaming thread --- */
static void hand_out(TbEncoder *encoder, GstBuffer *buffer)
{
        bool keyframe = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        TB_COUNT(tb_media_counters()->frames_encoded, 1);
        TB_COUNT(tb_media_counters()->keyframes, keyframe);
        TB_COUNT(encoder->encoded, 1);
        __atomic_store_n(&encoder->size, (guint)gst_buffer_get_size(buffer), __ATOMIC_RELAXED);
        tb_mutex_lock(&encoder->taps_lock);
        tb_group_add(&encoder->group, buffer, keyframe, g_get_monotonic_time());
        for (guint i = 0; i < encoder->taps->len; i++) {
                TbTap *tap = g_ptr_array_index(encoder->taps, i);
                if (tap->open)
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
        const Watch *w = data;
        if (__atomic_load_n(&w->encoder->build, __ATOMIC_ACQUIRE) == w->build) /* not given up meanwhile */
                hand_out(w->encoder, buffer);
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

/* Rungs want a smaller one. With input_lock held. */
static void set_caps(TbEncoder *encoder, const TbFrame *frame, int width, int height, bool draft)
{
        guint max = tb_rung_specs[encoder->rung].max_height;
        int out_w = draft ? width / 2 : width, out_h = draft ? height / 2 : height;
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
        if (encoder->converted) /* what it takes I420 for otherwise depends on the size */
                gst_caps_set_simple(caps, "colorimetry", G_TYPE_STRING, "bt601", NULL);
        gst_app_src_set_caps(encoder->src, caps);
        encoder->caps_fps = encoder->fps;
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

/* What came now would take the draft's place. With input_lock held. */
static bool under_way(const TbEncoder *encoder)
{
        return __atomic_load_n(&encoder->encoded, __ATOMIC_RELAXED) < encoder->draft;
}

bool tb_encoder_owes(TbEncoder *encoder)
{
        tb_mutex_lock(&encoder->input_lock);
        bool owes = encoder->draft && !under_way(encoder);
        tb_mutex_unlock(&encoder->input_lock);
        return owes;
}

/* With input_lock held. */
static void tell_given(TbEncoder *encoder, gint64 pts_us)
{
        tb_mutex_lock(&encoder->taps_lock);
        for (guint i = 0; i < encoder->taps->len; i++) {
                const TbTap *tap = g_ptr_array_index(encoder->taps, i);
                if (tap->open && tap->given)
                        tap->given(tap->data, pts_us);
        }
        tb_mutex_unlock(&encoder->taps_lock);
}

void tb_encoder_push(TbEncoder *encoder, TbFrame *frame, bool again)
{
        g_autoptr(TbFrame) even =
                encoder->codec == TB_CODEC_H264 ? tb_frame_even(encoder->padded, frame) : NULL;
        if (even)
                frame = even;
        int width = frame->width, height = frame->height;
        if (width < 2 || height < 2)
                return;
        gint64 now_us = g_get_monotonic_time();
        tb_mutex_lock(&encoder->input_lock);
        if (!again && !is_due(encoder, now_us)) {
                tb_mutex_unlock(&encoder->input_lock);
                return;
        }
        if (under_way(encoder)) {
                tb_mutex_unlock(&encoder->input_lock);
                return;
        }
        bool draft = !encoder->begun && encoder->spec->drafts && !tb_rung_specs[encoder->rung].max_height &&
                     (gint64)width * height > DRAFT_PIXELS;
        g_autoptr(TbFrame) planar =
                strcmp(encoder->spec->format, "I420") == 0 ? tb_frame_planar(encoder->planar, frame) : NULL;
        bool other = encoder->converted != (planar != NULL);
        encoder->converted = planar != NULL;
        if (planar)
                frame = planar;
        if (other || frame->format != encoder->format || width != encoder->width || height != encoder->height)
                set_caps(encoder, frame, width, height, draft);
        if (draft)
                encoder->width = 0; /* the next one has caps of its own */
        encoder->begun = true;
        encoder->draft = draft ? __atomic_load_n(&encoder->encoded, __ATOMIC_RELAXED) + 1 : 0;
        gint64 pts_us = again || now_us - frame->t_us > G_USEC_PER_SEC ? now_us : frame->t_us;
        pts_us = MAX(pts_us, encoder->last_pts_us + 1);
        gint64 lasts_us = encoder->last_pts_us ? CLAMP(pts_us - encoder->last_pts_us,
                                                       G_USEC_PER_SEC / encoder->fps, LASTS_MAX_US)
                                               : LASTS_MAX_US / 4;
        encoder->last_pts_us = pts_us;
        if (!again) {
                encoder->live_us = now_us;
                if (encoder->resting) {
                        encoder->resting = false;
                        tb_encoder_apply_rate(encoder);
                }
        }
        GstBuffer *buffer = wrap(frame, width, height);
        GST_BUFFER_PTS(buffer) = (GstClockTime)pts_us * GST_USECOND - tb_media_epoch();
        GST_BUFFER_DURATION(buffer) = (GstClockTime)lasts_us * GST_USECOND; /* vp8enc counts its bits by it */
        tell_given(encoder, pts_us);
        /* under the lock: caps and buffers must not overtake each other. It only queues. */
        gst_app_src_push_buffer(encoder->src, buffer);
        tb_mutex_unlock(&encoder->input_lock);
        TB_COUNT(encoder->pushed, 1);
}

static void raw_frame(void *data, TbFrame *frame)
{
        tb_encoder_push(data, frame, false);
}

/* --- pipeline --- */
static void failed(gpointer data)
{
        Watch *w = data;
        tb_encoder_failed(w->set, w->encoder, w->build, w->why);
        g_free(w->why);
        g_free(w);
}

static GstBusSyncReply on_bus(GstBus *bus G_GNUC_UNUSED, GstMessage *message, gpointer data)
{
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
                g_autoptr(GError) error = NULL;
                gst_message_parse_error(message, &error, NULL);
                Watch *w = g_new(Watch, 1);
                *w = *(const Watch *)data;
                w->why = g_strdup(error->message);
                if (!tb_main_post(failed, w)) {
                        g_free(w->why);
                        g_free(w);
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

bool tb_encoder_build(TbEncoder *encoder, GError **error)
{
        static guint builds;
        g_autoptr(GstElement) pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
        GstElement *src = add(pipeline, gst_element_factory_make("appsrc", NULL));
        GstElement *convert = add(pipeline, gst_element_factory_make("videoconvertscale", NULL));
        GstElement *scaled = add(pipeline, gst_element_factory_make("capsfilter", NULL));
        GstElement *enc = add(pipeline, tb_codec_make(encoder->spec, encoder->whole));
        GstElement *filter = add(pipeline, gst_element_factory_make("capsfilter", NULL));
        GstElement *out = add(pipeline, gst_element_factory_make("appsink", NULL));
        if (!src || !convert || !scaled || !enc || !filter || !out ||
            !gst_element_link_many(src, convert, scaled, enc, filter, out, NULL)) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
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
        g_autoptr(GstBus) bus = gst_pipeline_get_bus(GST_PIPELINE(pipeline));
        Watch *watch = g_new0(Watch, 1);
        *watch = (Watch){.set = encoder->set, .encoder = encoder, .build = ++builds};
        gst_bus_set_sync_handler(bus, on_bus, watch, g_free);
        gst_app_sink_set_callbacks(GST_APP_SINK(out), &callbacks, g_memdup2(watch, sizeof *watch), g_free);
        tb_media_set_clock(pipeline);

        if (gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
                tb_reaper_take(g_steal_pointer(&pipeline), NULL, NULL, NULL);
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s cannot be started", encoder->spec->element);
                return false;
        }
        encoder->src = GST_APP_SRC(src);
        encoder->scaled = scaled;
        encoder->encoder = enc;
        encoder->width = encoder->height = 0;
        encoder->begun = false;
        encoder->draft = 0;
        encoder->pipeline = g_steal_pointer(&pipeline);
        encoder->pipelines++;
        __atomic_store_n(&encoder->build, watch->build, __ATOMIC_RELEASE);
        tb_encoder_set_rate(encoder, encoder->kbps, encoder->fps);
        encoder->sink =
                tb_hub_add_sink_full(encoder->hub, TB_SINK_SLATES | TB_SINK_QUIET, raw_frame, encoder);
        return true;
}

static void pipeline_ended(gpointer data)
{
        TbEncoder *encoder = data;
        if (--encoder->pipelines == 0 && encoder->ended)
                tb_encoder_free(encoder);
}

void tb_encoder_stop(TbEncoder *encoder)
{
        tb_hub_remove_sink(g_steal_pointer(&encoder->sink));
        __atomic_store_n(&encoder->build, 0, __ATOMIC_RELEASE);
        if (encoder->pipeline)
                tb_reaper_take(g_steal_pointer(&encoder->pipeline), NULL, pipeline_ended, encoder);
}
