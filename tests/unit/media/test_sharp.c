/*
 * A screen full of text that rests, by the real x264enc and a decoder that is not ours: sharp (44 dB) within two seconds of
 * pictures. One that is encoded on comes every 125 ms after a rest of 225 (encoder.c), so that is 15 of them.
 * Not under ThreadSanitizer: it is about what two libraries make of a picture, which takes it minutes.
 */
#include <gst/app/app.h>
#include <gst/video/video.h>
#include <math.h>
#include <string.h>

#include "host/media/encode/encoder.h"
#include "host/media/media.h"
#include "host/media/media_private.h"
#include "host/media/private.h"
#include "lib/thread.h"

#define WIDTH 1280
#define HEIGHT 720
#define PICTURES 15
#define SHARP_DB 44.0
#define WAIT_US (60 * G_USEC_PER_SEC)

typedef struct Source {
        TbFrameSink sink;
        void *data;
} Source;

static bool start(void *source, TbFrameSink sink, void *data, GError **error G_GNUC_UNUSED)
{
        *(Source *)source = (Source){sink, data};
        return true;
}

static void stop(void *source G_GNUC_UNUSED)
{
}

static const TbVideoSource OPS = {.start = start, .stop = stop};

/* Glyphs of 5x7 in cells of 8x16, two thirds of them taken; white on black. */
static bool is_ink(int x, int y)
{
        guint cell = (guint)(y / 16 * 1013 + x / 8 * 7919), column = (guint)x % 8, row = (guint)y % 16;
        guint bits = cell * 2654435761u;
        if (bits % 3 == 0 || column < 1 || column > 5 || row < 4 || row > 10)
                return false;
        return (bits ^ bits >> 13) * 2246822519u >> ((row - 4) * 5 + column - 1) % 31 & 1;
}

static TbFrame *text(TbFramePool *pool)
{
        TbFrame *frame = tb_frame_pool_take(pool, TB_PIXEL_BGRX, WIDTH, HEIGHT, 0);
        for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < WIDTH; x++)
                        ((guint32 *)(gpointer)(frame->plane[0] + (gsize)y * (gsize)frame->stride[0]))[x] =
                                is_ink(x, y) ? 0xffffff : 0;
        return frame;
}

/* Of the luma: BT.601 has black at 16 and white at 235. */
static double psnr(GstSample *sample)
{
        GstVideoInfo info;
        GstVideoFrame frame;
        g_assert_true(gst_video_info_from_caps(&info, gst_sample_get_caps(sample)));
        g_assert_cmpint(info.width, ==, WIDTH);
        g_assert_cmpint(info.height, ==, HEIGHT);
        g_assert_true(gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ));
        const guint8 *luma = GST_VIDEO_FRAME_PLANE_DATA(&frame, 0);
        gint64 sum = 0;
        for (int y = 0; y < HEIGHT; y++, luma += GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0))
                for (int x = 0; x < WIDTH; x++) {
                        int off = luma[x] - (is_ink(x, y) ? 235 : 16);
                        sum += off * off;
                }
        gst_video_frame_unmap(&frame);
        return 10 * log10(255.0 * 255 * WIDTH * HEIGHT / (double)MAX(sum, 1));
}

static void on_packet(void *data, GstBuffer *buffer, bool keyframe G_GNUC_UNUSED)
{
        g_async_queue_push(data, gst_buffer_ref(buffer));
}

static void test_text(void)
{
        g_autoptr(GError) error = NULL;
        Source source = {0};
        TbMediaConfig config = {.no_hardware = true};
        TbMedia *media = tb_media_new(&config);
        TbFramePool *pool = tb_frame_pool_new(2);
        TbHub *hub = tb_media_add_hub(media, "board", "video", &OPS, &source);
        tb_hub_acquire(hub, true);
        GAsyncQueue *packets = g_async_queue_new();
        g_autoptr(GstElement) decoder =
                gst_parse_launch("appsrc name=in format=time "
                                 "caps=video/"
                                 "x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline,"
                                 "width=1280,height=720 ! "
                                 "openh264dec ! appsink name=out sync=false",
                                 &error);
        g_assert_no_error(error);
        g_autoptr(GstElement) in = gst_bin_get_by_name(GST_BIN(decoder), "in"),
                              out = gst_bin_get_by_name(GST_BIN(decoder), "out");
        gst_element_set_state(decoder, GST_STATE_PLAYING);
        TbTap *tap = tb_tap_new(tb_media_encoders(media), hub, TB_CODEC_H264, TB_RUNG_FULL, on_packet,
                                packets, &error);
        g_assert_no_error(error);
        tb_tap_open(tap, true);
        source.sink(source.data, text(pool));

        double db = 0;
        gint64 end_us = g_get_monotonic_time() + WAIT_US;
        for (guint n = 0; n < PICTURES && db < SHARP_DB;) {
                g_main_context_iteration(NULL, FALSE);
                GstBuffer *buffer = g_async_queue_timeout_pop(packets, 2000);
                g_assert_cmpint(g_get_monotonic_time(), <, end_us);
                if (!buffer)
                        continue;
                n++;
                g_assert_cmpint(gst_app_src_push_buffer(GST_APP_SRC(in), buffer), ==, GST_FLOW_OK);
                g_autoptr(GstSample) sample = gst_app_sink_pull_sample(GST_APP_SINK(out));
                g_assert_nonnull(sample);
                db = psnr(sample);
                g_test_message("picture %u: %.1f dB", n, db);
        }
        g_assert_cmpfloat(db, >=, SHARP_DB);

        tb_tap_remove(tap);
        tb_hub_release(hub, true);
        gst_element_set_state(decoder, GST_STATE_NULL);
        tb_media_free(media);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        GstBuffer *left;
        while ((left = g_async_queue_try_pop(packets)))
                gst_buffer_unref(left);
        g_async_queue_unref(packets);
        tb_frame_pool_unref(pool);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        gst_init(NULL, NULL);
        tb_main_init(NULL);
        g_test_add_func("/media/sharp/text", test_text);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
