/*
 * The encoders of a hub with the real x264enc and vp8enc: who joins late, and encoders that fail at work. No
 * machine of ours has hardware that fails on demand: the hardware encoders here are doubles of the test's
 * own, registered under the names of the real ones.
 */
#include "host/media/encode/coded.h"
#include "host/media/encode/encoder.h"

#include <gst/video/gstvideoencoder.h>
#include <gst/video/video.h>
#include <sched.h>
#include <string.h>

#include "host/media/media.h"
#include "host/media/media_private.h"
#include "host/media/private.h"
#include "lib/limits.h"
#include "lib/thread.h"

#define WAIT_US (30 * G_USEC_PER_SEC)

/* --- hardware that fails --- */
typedef enum Fault { NOT_STARTED, NO_FORMAT, THIRD_PICTURE, MUTE, FAULTS } Fault;
static const char *const NAMES[FAULTS] = {"nvh264enc", "vah264enc", "vah264lpenc", "qsvh264enc"};
static gint used[FAULTS]; /* atomic: pictures that came in; for NOT_STARTED and NO_FORMAT attempts */

static GBytes *seen_luma; /* owned; packed rows of what came in last */

typedef struct Double {
        GstVideoEncoder parent;
        GstVideoInfo info; /* one that failed may be at work while the next one starts */
        guint pictures;
} Double;

typedef struct DoubleClass {
        GstVideoEncoderClass parent;
        Fault fault;
} DoubleClass;

static Fault fault_of(gpointer element)
{
        return ((DoubleClass *)G_OBJECT_GET_CLASS(element))->fault;
}

/* Called on the way to PAUSED: the probe, which goes to READY, finds nothing wrong. */
static gboolean double_start(GstVideoEncoder *encoder)
{
        bool fails = fault_of(encoder) == NOT_STARTED;
        g_atomic_int_add(&used[NOT_STARTED], fails);
        return !fails;
}

static gboolean double_format(GstVideoEncoder *encoder, GstVideoCodecState *state)
{
        if (fault_of(encoder) == NO_FORMAT) {
                g_atomic_int_inc(&used[NO_FORMAT]);
                return FALSE;
        }
        GstCaps *caps = gst_caps_from_string(
                "video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline");
        gst_video_codec_state_unref(gst_video_encoder_set_output_state(encoder, caps, state));
        ((Double *)encoder)->info = state->info;
        return TRUE;
}

static void see(const GstVideoInfo *info, GstBuffer *buffer)
{
        GstVideoFrame frame;
        g_assert_true(gst_video_frame_map(&frame, info, buffer, GST_MAP_READ));
        GByteArray *luma = g_byte_array_new();
        for (int y = 0; y < GST_VIDEO_FRAME_HEIGHT(&frame); y++)
                g_byte_array_append(luma,
                                    (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) +
                                            y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0),
                                    (guint)GST_VIDEO_FRAME_WIDTH(&frame));
        gst_video_frame_unmap(&frame);
        GBytes *old = g_atomic_pointer_exchange(&seen_luma, g_byte_array_free_to_bytes(luma));
        g_clear_pointer(&old, g_bytes_unref);
}

static GstFlowReturn double_picture(GstVideoEncoder *encoder, GstVideoCodecFrame *frame)
{
        Double *self = (Double *)encoder;
        g_atomic_int_inc(&used[fault_of(encoder)]);
        see(&self->info, frame->input_buffer);
        if (fault_of(encoder) == MUTE) {
                gst_video_codec_frame_unref(frame);
                return GST_FLOW_OK;
        }
        if (++self->pictures == 3) {
                gst_video_codec_frame_unref(frame);
                GST_ELEMENT_ERROR(encoder, STREAM, ENCODE, ("the encoder of the graphics card hangs"),
                                  (NULL));
                return GST_FLOW_ERROR;
        }
        GST_VIDEO_CODEC_FRAME_SET_SYNC_POINT(frame);
        frame->output_buffer = gst_buffer_new_allocate(NULL, 16, NULL);
        return gst_video_encoder_finish_frame(encoder, frame);
}

static void double_class_init(gpointer klass, gpointer data)
{
        GstElementClass *element = klass;
        GstVideoEncoderClass *encoder = klass;
        ((DoubleClass *)klass)->fault = (Fault)GPOINTER_TO_INT(data);
        encoder->start = double_start;
        encoder->set_format = double_format;
        encoder->handle_frame = double_picture;
        g_autoptr(GstCaps) raw = gst_caps_from_string("video/x-raw,format=NV12"),
                           h264 = gst_caps_from_string("video/x-h264");
        gst_element_class_add_pad_template(element,
                                           gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, raw));
        gst_element_class_add_pad_template(element,
                                           gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, h264));
        gst_element_class_set_static_metadata(element, "Failing double", "Codec/Encoder/Video/Hardware",
                                              "Test double of a hardware encoder that fails", "Testbed");
}

static void register_doubles(void)
{
        for (int fault = 0; fault < FAULTS; fault++) {
                GTypeInfo info = {.class_size = sizeof(DoubleClass),
                                  .class_init = double_class_init,
                                  .class_data = GINT_TO_POINTER(fault),
                                  .instance_size = sizeof(Double)};
                g_autofree char *name = g_strdup_printf("TestDouble%d", fault);
                GType type = g_type_register_static(GST_TYPE_VIDEO_ENCODER, name, &info, 0);
                g_assert_true(gst_element_register(NULL, NAMES[fault], GST_RANK_NONE, type));
        }
}

/* --- a source and a viewer --- */
typedef struct Source {
        TbFrameSink sink;
        void *sink_data;
} Source;

static bool start(void *source, TbFrameSink sink, void *sink_data, GError **error G_GNUC_UNUSED)
{
        *(Source *)source = (Source){sink, sink_data};
        return true;
}

static void stop(void *source G_GNUC_UNUSED)
{
}

static const TbVideoSource OPS = {.start = start, .stop = stop};

typedef struct Viewer {
        TbMutex lock;
        guint packets, keyframes; /* protected by lock */
        bool began_with_key;      /* protected by lock */
        GstClockTime last_pts;    /* protected by lock */
        guint width[8];           /* of the first keyframes of VP8; protected by lock */
} Viewer;

/* RFC 6386 §9.1: frame tag, start code, 14 bits of width */
static guint vp8_width(GstBuffer *buffer)
{
        guint8 head[10] = {0};
        gst_buffer_extract(buffer, 0, head, sizeof head);
        return head[3] == 0x9d && head[4] == 0x01 && head[5] == 0x2a ? GST_READ_UINT16_LE(head + 6) & 0x3fff
                                                                     : 0;
}

static void on_packet(void *data, GstBuffer *buffer, bool keyframe)
{
        Viewer *v = data;
        tb_mutex_lock(&v->lock);
        if (v->packets++ == 0)
                v->began_with_key = keyframe;
        if (keyframe && v->keyframes < G_N_ELEMENTS(v->width))
                v->width[v->keyframes] = vp8_width(buffer);
        v->keyframes += keyframe;
        g_assert_true(GST_BUFFER_PTS_IS_VALID(buffer));
        g_assert_true(v->packets == 1 || GST_BUFFER_PTS(buffer) > v->last_pts);
        v->last_pts = GST_BUFFER_PTS(buffer);
        tb_mutex_unlock(&v->lock);
}

static guint packets_of(Viewer *v)
{
        tb_mutex_lock(&v->lock);
        guint n = v->packets;
        tb_mutex_unlock(&v->lock);
        return n;
}

static guint keyframes_of(Viewer *v)
{
        tb_mutex_lock(&v->lock);
        guint n = v->keyframes;
        tb_mutex_unlock(&v->lock);
        return n;
}

typedef struct Fixture {
        TbMedia *media;
        TbHub *hub;
        Source source;
        TbFramePool *pool;
        guint timer, painted;
} Fixture;

static gboolean paint(gpointer data)
{
        Fixture *f = data;
        TbFrame *frame = tb_frame_pool_take(f->pool, TB_PIXEL_BGRX, 320, 240, 0);
        memset(frame->data, (int)(f->painted++ * 16 & 0xff), frame->size);
        f->source.sink(f->source.sink_data, frame);
        return G_SOURCE_CONTINUE;
}

static void set_up(Fixture *f, gconstpointer no_hardware)
{
        TbMediaConfig config = {.no_hardware = no_hardware != NULL};
        f->media = tb_media_new(&config);
        f->pool = tb_frame_pool_new(4);
        f->hub = tb_media_add_hub(f->media, "board", "video", &OPS, &f->source);
        tb_hub_acquire(f->hub, true);
        f->timer = g_timeout_add(20, paint, f);
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        if (f->timer)
                g_source_remove(f->timer);
        tb_hub_release(f->hub, true);
        tb_media_free(f->media);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        tb_frame_pool_unref(f->pool);
}

#define run_until(condition)                                                                                 \
        do {                                                                                                 \
                gint64 end = g_get_monotonic_time() + WAIT_US;                                               \
                while (!(condition) && g_get_monotonic_time() < end)                                         \
                        g_main_context_iteration(NULL, TRUE);                                                \
                g_assert_true(condition);                                                                    \
        } while (0)

static TbTap *tap_new(Fixture *f, TbCodec codec, Viewer *v)
{
        g_autoptr(GError) error = NULL;
        tb_mutex_init(&v->lock);
        TbTap *tap =
                tb_tap_new(tb_media_encoders(f->media), f->hub, codec, TB_RUNG_FULL, on_packet, v, &error);
        g_assert_no_error(error);
        return tap;
}

/* --- the tests --- */
static void join_late(Fixture *f, TbCodec codec)
{
        Viewer first = {0}, late = {0};
        TbTap *a = tap_new(f, codec, &first), *b = tap_new(f, codec, &late);
        g_assert_true(tb_tap_encoder(a) == tb_tap_encoder(b));
        tb_tap_open(a, true);
        run_until(packets_of(&first) >= 3);
        g_assert_true(first.began_with_key);
        g_assert_cmpuint(packets_of(&late), ==, 0); /* not opened yet */

        /* a keyframe is there or on its way when the viewer that was expected comes */
        tb_tap_expect(b);
        guint before = packets_of(&first);
        run_until(packets_of(&first) >= before + 2);
        tb_tap_open(b, true);
        run_until(packets_of(&late) >= 3);
        g_assert_true(late.began_with_key);
        tb_tap_remove(a);
        tb_tap_remove(b);
        tb_mutex_clear(&first.lock);
        tb_mutex_clear(&late.lock);
}

static void test_join_h264(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        join_late(f, TB_CODEC_H264);
}

static void test_join_vp8(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        join_late(f, TB_CODEC_VP8);
}

/* --- for the relay --- */
typedef struct Reader {
        TbCoded *coded;
        GPtrArray *units; /* owned GBytes */
        bool began_with_key;
        guint keys;
} Reader;

static void on_unit(void *data, GBytes *bytes, bool keyframe)
{
        Reader *r = data;
        r->began_with_key |= r->units->len == 0 && keyframe;
        r->keys += keyframe;
        g_ptr_array_add(r->units, g_bytes_ref(bytes));
}

static void read_coded(Fixture *f, Reader *r)
{
        g_autoptr(GError) error = NULL;
        *r = (Reader){.units = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref)};
        r->coded = tb_coded_new(f->media, f->hub, &(TbPlaceBy){.user = "anna", .watches = true}, TB_RUNG_LOW,
                                on_unit, r, &error);
        g_assert_no_error(error);
}

/* Both have the same objects, from a keyframe on. TB_LIMIT_CODED_UNITS that wait for main are kept, and what comes then is left out up
 * to a keyframe. */
static void test_coded(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        Reader first, late;
        read_coded(f, &first);
        run_until(first.units->len >= 3);
        read_coded(f, &late);
        run_until(late.units->len >= 3);
        g_assert_true(first.began_with_key && late.began_with_key);
        g_assert_cmpuint(tb_encoders_count(tb_media_encoders(f->media)), ==, 1);
        g_assert_true(g_ptr_array_find(first.units, g_ptr_array_index(late.units, 0), NULL));
        tb_coded_free(late.coded);
        guint before = first.units->len, keys = first.keys;
        guint64 encoded = TB_COUNTED(tb_media_counters()->frames_encoded);
        while (TB_COUNTED(tb_media_counters()->frames_encoded) < encoded + TB_LIMIT_CODED_UNITS + 2) {
                paint(f); /* main does nothing else */
                sched_yield();
        }
        while (g_main_context_iteration(NULL, FALSE) && first.units->len == before)
                ;
        g_assert_cmpuint(first.units->len, ==, before + TB_LIMIT_CODED_UNITS);
        tb_coded_want_keyframe(first.coded);
        run_until(first.units->len > before + TB_LIMIT_CODED_UNITS);
        g_assert_cmpuint(first.keys, ==, keys + 1);
        tb_coded_free(first.coded);
        g_ptr_array_unref(first.units);
        g_ptr_array_unref(late.units);
}

/* A huge screen that rests, and whose keyframe takes long: its viewer has a draft of it before, and all of it at once after. */
static void test_draft(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        g_source_remove(f->timer);
        Viewer v = {0};
        TbTap *tap = tap_new(f, TB_CODEC_VP8, &v);
        tb_tap_open(tap, true);
        TbFrame *frame = tb_frame_pool_take(f->pool, TB_PIXEL_BGRX, 2600, 1602, 0);
        for (gsize i = 0; i < frame->size; i++)
                frame->data[i] = (guint8)(i * 7 >> 5);
        f->source.sink(f->source.sink_data, frame);
        run_until(keyframes_of(&v) >= 2);
        g_assert_true(v.began_with_key);
        g_assert_cmpuint(v.width[0], ==, 1300);
        g_assert_cmpuint(v.width[1], ==, 2600);
        f->timer = g_timeout_add(20, paint, f); /* no draft of what is not huge, nor of what comes later */
        run_until(keyframes_of(&v) >= 3);
        g_assert_cmpuint(v.width[2], ==, 320);
        tb_tap_remove(tap);
        tb_mutex_clear(&v.lock);
}

/* H.264 has even sizes: of an odd one the last column and row are there twice, and every other one once, as it was. */
static gboolean paint_odd(gpointer data)
{
        Fixture *f = data;
        TbFrame *frame = tb_frame_pool_take(f->pool, TB_PIXEL_BGRX, 321, 241, 0);
        for (int y = 0; y < 241; y++)
                for (int x = 0; x < 321; x++)
                        ((guint32 *)(gpointer)(frame->plane[0] + (gsize)y * (gsize)frame->stride[0]))[x] =
                                (x + y) & 1 ? 0xffffff : 0;
        f->source.sink(f->source.sink_data, frame);
        return G_SOURCE_CONTINUE;
}

/* VP8 has odd sizes, whatever the source's chroma is like. */
static void test_odd_vp8(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        static const TbPixelFormat formats[] = {TB_PIXEL_NV12, TB_PIXEL_YUY2, TB_PIXEL_I420, TB_PIXEL_BGRX};
        g_source_remove(f->timer);
        f->timer = 0;
        for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
                Viewer v = {0};
                TbTap *tap = tap_new(f, TB_CODEC_VP8, &v);
                tb_tap_open(tap, true);
                TbFrame *frame = tb_frame_pool_take(f->pool, formats[i], 321, 241, 0);
                memset(frame->data, 0x60, frame->size);
                f->source.sink(f->source.sink_data, frame);
                run_until(keyframes_of(&v) >= 1);
                g_assert_cmpuint(v.width[0], ==, 321);
                tb_tap_remove(tap);
                tb_mutex_clear(&v.lock);
        }
}

static void assert_padded(void)
{
        gsize size;
        g_autoptr(GBytes) luma = g_atomic_pointer_exchange(&seen_luma, NULL);
        g_assert_nonnull(luma);
        const guint8 *p = g_bytes_get_data(luma, &size);
        g_assert_cmpuint(size, ==, 322 * 242);
        for (int y = 0; y < 242; y++)
                for (int x = 0; x < 322; x++)
                        g_assert_cmpint(p[y * 322 + x] > 128, ==, (MIN(x, 320) + MIN(y, 240)) & 1);
}

/* Each of them is tried, fails in its own way, and the viewer gets x264's pictures in the end. The screen has an odd size. */
static void test_failover(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
        g_assert_cmpstr(tb_codec_encoder(TB_CODEC_H264, true)->element, ==, NAMES[0]);
        g_source_remove(f->timer);
        f->timer = g_timeout_add(20, paint_odd, f);
        Viewer v = {0};
        TbTap *tap = tap_new(f, TB_CODEC_H264, &v);
        tb_tap_open(tap, true);
        run_until(g_str_equal(tb_encoder_element(tb_tap_encoder(tap)), NAMES[MUTE]));
        for (int fault = 0; fault < MUTE; fault++)
                g_assert_cmpint(g_atomic_int_get(&used[fault]), >, 0);
        guint from_hardware = packets_of(&v); /* the third gave two pictures */
        g_assert_cmpuint(from_hardware, ==, 2);
        run_until(packets_of(&v) >= from_hardware + 5);
        g_assert_cmpstr(tb_encoder_element(tb_tap_encoder(tap)), ==, "x264enc");
        g_assert_cmpint(g_atomic_int_get(&used[MUTE]), >=, 5);
        g_assert_cmpuint(keyframes_of(&v), ==, from_hardware + 1); /* x264 begins with one */
        assert_padded();

        /* what failed is not tried again, and the host says so */
        json_t *info = tb_media_info(f->media);
        g_assert_cmpstr(json_string_value(json_object_get(json_object_get(info, "encoders"), "H264")), ==,
                        "x264enc");
        json_decref(info);
        tb_tap_remove(tap);
        tb_mutex_clear(&v.lock);
}

static void test_group(void)
{
        TbGroup group;
        GstBuffer *b = gst_buffer_new();
        const gint64 life = TB_GROUP_MS * 1000;
        tb_group_init(&group);
        g_assert_false(tb_group_is_fresh(&group, 1000000));
        tb_group_add(&group, b, false, 1000000); /* the middle of a group that began before us */
        g_assert_false(tb_group_is_fresh(&group, 1000000));
        tb_group_add(&group, b, true, 2000000);
        tb_group_add(&group, b, false, 2033000);
        g_assert_cmpuint(group.buffers.length, ==, 2);
        g_assert_true(tb_group_is_fresh(&group, 2000000 + life - 1));
        g_assert_false(tb_group_is_fresh(&group, 2000000 + life)); /* a new one may be made by now */
        g_assert_cmpuint(group.buffers.length, ==, 0);
        tb_group_add(&group, b, false, 2000000 + life + 1);
        g_assert_false(tb_group_is_fresh(&group, 2000000 + life + 1));
        tb_group_add(&group, b, true, 3000000);
        tb_group_add(&group, b, true, 3100000); /* begins anew */
        g_assert_cmpuint(group.buffers.length, ==, 1);
        for (int i = 0; i < 1000; i++)
                tb_group_add(&group, b, false, 3100001);
        g_assert_cmpuint(group.buffers.length, <, 100);
        tb_group_clear(&group);
        g_assert_cmpint(GST_MINI_OBJECT_REFCOUNT_VALUE(b), ==, 1);
        gst_buffer_unref(b);
}

/* A screen that rests is encoded eight times a second: it may use the whole rate all the same. */
static void test_rate_of_few(void)
{
        guint kbps = 1200, vbv_ms = 100;
        tb_codec_rate_of_few(60, 125, &kbps, &vbv_ms);
        g_assert_cmpuint(kbps / 60, ==, 1200 / 8);          /* of each picture */
        g_assert_cmpuint(kbps * vbv_ms, <=, 1200 * 8 * 17); /* the buffer: one picture's worth */
        g_assert_cmpuint(vbv_ms, >=, 17);
        kbps = 250, vbv_ms = 400;
        tb_codec_rate_of_few(6, 125, &kbps, &vbv_ms); /* that is no fewer */
        g_assert_cmpuint(kbps, ==, 250);
        g_assert_cmpuint(vbv_ms, ==, 400);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        gst_init(NULL, NULL);
        register_doubles();
        tb_main_init(NULL);
        gpointer software = GINT_TO_POINTER(1);
        g_test_add_func("/media/encoder/rate-of-few", test_rate_of_few);
        g_test_add_func("/media/encoder/group", test_group);
        g_test_add("/media/encoder/join-h264", Fixture, software, set_up, test_join_h264, tear_down);
        g_test_add("/media/encoder/coded", Fixture, software, set_up, test_coded, tear_down);
        g_test_add("/media/encoder/join-vp8", Fixture, software, set_up, test_join_vp8, tear_down);
        g_test_add("/media/encoder/draft", Fixture, software, set_up, test_draft, tear_down);
        g_test_add("/media/encoder/odd-vp8", Fixture, software, set_up, test_odd_vp8, tear_down);
        g_test_add("/media/encoder/failover", Fixture, NULL, set_up, test_failover, tear_down);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
