#include "host/media/encode/encoder.h"

#include <gst/video/video.h>

#include "host/media/encode/encoder_private.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

/* A still picture is encoded again: until it is sharp, and then because the end of a burst that was lost is noticed by
 * what follows. */
#define REFRESH_MS 125
#define STILL_MS 225         /* without a new one */
#define UNSETTLED_BYTES 1200 /* of one that is encoded again: there was more to say of it */
#define REFRESH_OFTEN 24     /* times, at most */
#define REFRESH_EVERY 2      /* … one of so many, once nothing more is to be said */
#define REFRESH_SLOW_EVERY 8 /* after that */
#define EXPECT_MS 100        /* a keyframe that is no older will do when the way to the viewer opens */
#define KEY_OVERDUE_MS 500   /* a keyframe that was asked for and did not come in this time will not */
#define VBV_FRAMES 3         /* rate buffer, in frames of the rung */
#define VBV_MOST_MS 200      /* … so long a picture is on its way at the rate that it was made for */

const TbRungSpec tb_rung_specs[TB_RUNGS] = {
        [TB_RUNG_FULL] = {0, TB_LIMIT_FPS, 4000},
        [TB_RUNG_MEDIUM] = {540, 20, 1000},
        [TB_RUNG_LOW] = {360, 10, 250},
};

TbEncoders *tb_encoders_new(guint max_fps, guint max_kbps, bool hardware)
{
        TbEncoders *set = g_new0(TbEncoders, 1);
        set->all = g_ptr_array_new();
        set->coded = g_ptr_array_new();
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
        g_ptr_array_free(encoders->coded, TRUE);
        g_free(encoders);
}

guint tb_encoders_count(TbEncoders *encoders)
{
        return encoders->all->len;
}

/* --- keyframes, refresh, rate --- */
static void encode_again(TbEncoder *encoder)
{
        g_autoptr(TbFrame) frame = encoder->pipeline ? tb_hub_last(encoder->hub) : NULL;
        if (frame)
                tb_encoder_push(encoder, frame, true);
}

void tb_encoder_want_next_keyframe(TbEncoder *encoder)
{
        tb_assert_main();
        encoder->key_us = g_get_monotonic_time();
        if (!encoder->pipeline)
                return;
        g_autoptr(GstPad) pad = gst_element_get_static_pad(encoder->encoder, "src");
        gst_pad_send_event(pad, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

static void force_keyframe(TbEncoder *encoder)
{
        tb_encoder_want_next_keyframe(encoder);
        if (encoder->pipeline)
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

void tb_encoder_apply_rate(TbEncoder *encoder)
{
        guint vbv_ms = CLAMP(VBV_FRAMES * 1000 / encoder->fps, 100, VBV_MOST_MS), kbps = encoder->kbps;
        if (encoder->resting && encoder->spec->vbv_ms)
                tb_codec_rate_of_few(encoder->caps_fps, REFRESH_MS, &kbps, &vbv_ms);
        tb_codec_set_rate(encoder->encoder, encoder->spec, kbps, vbv_ms);
}

static gboolean refresh(gpointer data)
{
        TbEncoder *encoder = data;
        tb_mutex_lock(&encoder->input_lock);
        bool still = g_get_monotonic_time() - encoder->live_us > STILL_MS * 1000;
        if (still && !encoder->resting && encoder->pipeline) {
                encoder->resting = true;
                tb_encoder_apply_rate(encoder);
        }
        tb_mutex_unlock(&encoder->input_lock);
        guint n = still ? encoder->still_ticks++ : (encoder->still_ticks = 0);
        guint every = n >= REFRESH_OFTEN ? REFRESH_SLOW_EVERY
                      : __atomic_load_n(&encoder->size, __ATOMIC_RELAXED) > UNSETTLED_BYTES ? 1
                                                                                            : REFRESH_EVERY;
        if ((still && n % every == 0) || tb_encoder_owes(encoder))
                encode_again(encoder);
        tb_encoder_check(encoder);
        return G_SOURCE_CONTINUE;
}

void tb_encoder_set_rate(TbEncoder *encoder, guint kbps, guint fps)
{
        fps = CLAMP(fps, 1, MIN(tb_rung_specs[encoder->rung].max_fps, encoder->set->max_fps));
        kbps = CLAMP(kbps, 50, encoder->set->max_kbps);
        tb_mutex_lock(&encoder->input_lock);
        encoder->fps = fps;
        encoder->kbps = kbps;
        if (encoder->pipeline)
                tb_encoder_apply_rate(encoder);
        tb_mutex_unlock(&encoder->input_lock);
}

guint tb_encoder_kbps(TbEncoder *encoder)
{
        return encoder->kbps;
}

guint tb_encoder_fps(TbEncoder *encoder)
{
        return encoder->fps;
}

const char *tb_encoder_element(TbEncoder *encoder)
{
        return encoder->spec->element;
}

/* --- taps --- */
void tb_encoder_free(TbEncoder *encoder)
{
        guint64 pushed = encoder->pushed, out = encoder->encoded;
        TB_COUNT(tb_media_counters()->frames_dropped, pushed > out ? pushed - out : 0);
        tb_hub_unref(encoder->hub);
        g_ptr_array_free(encoder->taps, TRUE);
        tb_group_clear(&encoder->group);
        tb_frame_pool_unref(encoder->padded);
        tb_frame_pool_unref(encoder->planar);
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
        if (encoder->retry_timer)
                g_source_remove(encoder->retry_timer);
        tb_encoder_stop(encoder);
        encoder->ended = true;
        if (encoder->pipelines == 0)
                tb_encoder_free(encoder);
}

static TbEncoder *encoder_new(TbEncoders *set, TbHub *hub, TbCodec codec, TbRung rung, GError **error)
{
        const TbEncoderSpec *spec = tb_codec_encoder(codec, set->hardware);
        if (!spec) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
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
        tb_group_init(&encoder->group);
        encoder->padded = tb_frame_pool_new(3);
        encoder->planar = tb_frame_pool_new(3);
        encoder->kbps = tb_rung_specs[rung].kbps;
        encoder->fps = MIN(tb_rung_specs[rung].max_fps, set->max_fps);
        tb_mutex_init(&encoder->taps_lock);
        tb_mutex_init(&encoder->input_lock);
        g_ptr_array_add(set->all, encoder);
        if (!tb_encoder_build_best(encoder, error)) {
                encoder_end(encoder);
                return NULL;
        }
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
        *tap = (TbTap){.encoder = encoder, .packet = packet, .data = data};
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

/* A keyframe that was asked for and is not out yet. With taps_lock held. */
static bool key_is_coming(TbEncoder *encoder, gint64 now_us)
{
        return encoder->key_timer ||
               (encoder->key_us > encoder->group.key_us && now_us - encoder->key_us < KEY_OVERDUE_MS * 1000);
}

void tb_tap_want_whole(TbTap *tap)
{
        tb_assert_main();
        TbEncoder *encoder = tap->encoder;
        if (encoder->whole)
                return;
        encoder->whole = true;
        if (!encoder->pipeline) /* it is made anew soon */
                return;
        tb_encoder_stop(encoder);
        tb_mutex_lock(&encoder->taps_lock);
        tb_group_clear(&encoder->group);
        tb_group_init(&encoder->group);
        tb_mutex_unlock(&encoder->taps_lock);
        if (!tb_encoder_build_best(encoder, NULL))
                tb_encoder_retry(encoder);
}

void tb_tap_expect(TbTap *tap)
{
        tb_assert_main();
        TbEncoder *encoder = tap->encoder;
        gint64 now_us = g_get_monotonic_time();
        tb_mutex_lock(&encoder->taps_lock);
        bool ready = key_is_coming(encoder, now_us) || now_us - encoder->group.key_us < EXPECT_MS * 1000;
        tb_mutex_unlock(&encoder->taps_lock);
        if (!ready)
                tb_encoder_want_keyframe(encoder);
}

void tb_tap_open(TbTap *tap, bool recent)
{
        tb_assert_main();
        TbEncoder *encoder = tap->encoder;
        gint64 now_us = g_get_monotonic_time();
        tb_mutex_lock(&encoder->taps_lock);
        tap->open = true;
        bool ready = recent && tb_group_is_fresh(&encoder->group, now_us);
        for (GList *l = ready ? encoder->group.buffers.head : NULL; l; l = l->next)
                tap->packet(tap->data, l->data, l == encoder->group.buffers.head);
        ready = ready || key_is_coming(encoder, now_us);
        tb_mutex_unlock(&encoder->taps_lock);
        if (!ready)
                tb_encoder_want_keyframe(encoder);
}

void tb_tap_on_given(TbTap *tap, void (*given)(void *data, gint64 taken_us))
{
        tb_assert_main();
        tb_mutex_lock(&tap->encoder->taps_lock);
        tap->given = given;
        tb_mutex_unlock(&tap->encoder->taps_lock);
}

TbEncoder *tb_tap_encoder(TbTap *tap)
{
        return tap->encoder;
}
