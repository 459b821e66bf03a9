#include <glib.h>
#include <linux/videodev2.h>
#include <string.h>

#include "drivers/v4l2/v4l2_proto.h"
#include "lib/limits.h"

#define YUYV V4L2_PIX_FMT_YUYV
#define MJPG V4L2_PIX_FMT_MJPEG

/* A USB 2 webcam: raw is slow at high resolutions. */
static const TbV4l2Mode webcam[] = {
        {YUYV, 640, 480, 30},
        {YUYV, 1280, 720, 10},
        {YUYV, 1920, 1080, 5},
        {MJPG, 640, 480, 30},
        {MJPG, 1280, 720, 60},
        {MJPG, 1280, 720, 30},
        {MJPG, 1920, 1080, 30},
        {V4L2_PIX_FMT_GREY, 1280, 720, 90},
        {V4L2_PIX_FMT_H264, 1280, 720, 30},
};

static void test_choose(void)
{
        static const struct {
                TbV4l2Wish wish;
                int best;
        } wishes[] = {
                {{0, 1280, 720, 30}, 5}, /* fast enough, and not faster */
                {{0, 1280, 720, 10}, 1}, /* raw when it is fast enough */
                {{0, 640, 480, 30}, 0},
                {{MJPG, 640, 480, 30}, 3},
                {{0, 1280, 720, 120}, 4}, /* the fastest when none is fast enough */
                {{0, 1920, 1080, 0}, 6},
                {{0, 1300, 700, 29.97}, 5},
                {{0, 8000, 8000, 30}, 6},
                {{0, 1, 1, 30}, 0},
                {{YUYV, 1920, 1080, 30}, 2},
                {{V4L2_PIX_FMT_NV12, 640, 480, 30}, -1}, /* it has none */
                {{V4L2_PIX_FMT_GREY, 0, 0, 0}, -1},      /* and nobody shows grey */
        };

        for (guint i = 0; i < G_N_ELEMENTS(wishes); i++)
                g_assert_cmpint(tb_v4l2_choose(webcam, G_N_ELEMENTS(webcam), &wishes[i].wish), ==,
                                wishes[i].best);
        g_assert_cmpint(tb_v4l2_choose(webcam, 0, &wishes[0].wish), ==, -1);
        static const TbV4l2Mode wrong[] = {{YUYV, 0, 0, 30},
                                           {YUYV, TB_LIMIT_VIDEO_SIDE + 1, 16, 30},
                                           {YUYV, 16, TB_LIMIT_VIDEO_SIDE + 1, 30},
                                           {YUYV, TB_LIMIT_VIDEO_SIDE, 16, 30}};
        g_assert_cmpint(tb_v4l2_choose(wrong, 3, &wishes[0].wish), ==, -1);
        g_assert_cmpint(tb_v4l2_choose(wrong, 4, &wishes[0].wish), ==, 3);
}

static void test_snap(void)
{
        g_assert_cmpint(tb_v4l2_snap(1280, 16, 1920, 16), ==, 1280);
        g_assert_cmpint(tb_v4l2_snap(1287, 16, 1920, 16), ==, 1280);
        g_assert_cmpint(tb_v4l2_snap(1289, 16, 1920, 16), ==, 1296);
        g_assert_cmpint(tb_v4l2_snap(5, 16, 1920, 16), ==, 16);
        g_assert_cmpint(tb_v4l2_snap(5000, 16, 1920, 16), ==, 1920);
        g_assert_cmpint(tb_v4l2_snap(100, 16, 1920, 0), ==, 100);
        g_assert_cmpint(tb_v4l2_snap(100, 50, 20, 2), ==, 50); /* a driver that says nonsense */
}

static void test_names(void)
{
        char text[5];
        TbPixelFormat format;

        g_assert_cmphex(tb_v4l2_fourcc("yuyv"), ==, YUYV);
        g_assert_cmphex(tb_v4l2_fourcc("auto"), ==, 0);
        tb_v4l2_fourcc_text(MJPG, text);
        g_assert_cmpstr(text, ==, "MJPG");
        tb_v4l2_fourcc_text(0x01020304, text);
        g_assert_cmpstr(text, ==, "????");
        g_assert_true(tb_v4l2_format(V4L2_PIX_FMT_NV12, &format));
        g_assert_cmpint(format, ==, TB_PIXEL_NV12);
        g_assert_false(tb_v4l2_format(V4L2_PIX_FMT_SBGGR8, &format));
}

/* Every format, odd and even sizes, a stride with padding that must not appear in the frame; exact heap
 * copies, so ASan sees one byte too many. */
static void test_fill(void)
{
        static const TbPixelFormat formats[] = {TB_PIXEL_BGRX, TB_PIXEL_YUY2, TB_PIXEL_NV12, TB_PIXEL_I420};
        static const int sizes[][2] = {{8, 4}, {7, 5}, {2, 2}, {33, 3}};
        TbFramePool *pool = tb_frame_pool_new(2);

        for (guint i = 0; i < G_N_ELEMENTS(formats) * G_N_ELEMENTS(sizes); i++) {
                TbPixelFormat format = formats[i / G_N_ELEMENTS(sizes)];
                int width = sizes[i % G_N_ELEMENTS(sizes)][0], height = sizes[i % G_N_ELEMENTS(sizes)][1];
                g_autoptr(TbFrame) frame = tb_frame_pool_take(pool, format, width, height, 0);
                gsize stride = (gsize)frame->stride[0] + 64, size = tb_v4l2_size(format, height, stride);
                g_autofree guint8 *data = g_malloc(size);
                for (gsize k = 0; k < size; k++)
                        data[k] = (guint8)(k % stride);
                g_assert_false(tb_v4l2_fill(frame, data, size - 1, stride));
                g_assert_false(tb_v4l2_fill(frame, data, size, 1)); /* rows that overlap */
                g_assert_true(tb_v4l2_fill(frame, data, size, stride));
                for (int y = 0; y < height; y++) {
                        for (int x = 0; x < frame->stride[0]; x++)
                                g_assert_cmpint(frame->plane[0][y * frame->stride[0] + x], ==, (guint8)x);
                }
        }
        tb_frame_pool_unref(pool);
}

static void test_fill_chroma(void)
{
        TbFramePool *pool = tb_frame_pool_new(2);
        g_autoptr(TbFrame) frame = tb_frame_pool_take(pool, TB_PIXEL_I420, 4, 4, 0);
        guint8 data[24];

        for (guint i = 0; i < sizeof data; i++)
                data[i] = (guint8)i; /* Y 0..15, U 16..19, V 20..23 */
        g_assert_true(tb_v4l2_fill(frame, data, sizeof data, 4));
        g_assert_cmpint(frame->plane[0][frame->stride[0] * 3 + 3], ==, 15);
        g_assert_cmpint(frame->plane[1][0], ==, 16);
        g_assert_cmpint(frame->plane[1][frame->stride[1] + 1], ==, 19);
        g_assert_cmpint(frame->plane[2][frame->stride[2]], ==, 22);
        tb_frame_pool_unref(pool);
}

static void test_fill_jpeg(void)
{
        static const guint8 jpeg[] = {0xff, 0xd8, 0xff, 0xdb, 1, 2, 3};
        TbFramePool *pool = tb_frame_pool_new(2);
        g_autoptr(TbFrame) frame = tb_frame_pool_take(pool, TB_PIXEL_JPEG, 640, 480, sizeof jpeg);

        g_assert_true(tb_v4l2_fill(frame, jpeg, sizeof jpeg, 0));
        g_assert_cmpmem(frame->data, frame->size, jpeg, sizeof jpeg);
        for (gsize n = 0; n < 4; n++)
                g_assert_false(tb_v4l2_fill(frame, jpeg, n, 0));
        g_assert_false(tb_v4l2_fill(frame, jpeg + 1, sizeof jpeg - 1, 0)); /* not the start of a picture */
        tb_frame_pool_unref(pool);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/v4l2/choose", test_choose);
        g_test_add_func("/v4l2/snap", test_snap);
        g_test_add_func("/v4l2/names", test_names);
        g_test_add_func("/v4l2/fill", test_fill);
        g_test_add_func("/v4l2/fill-chroma", test_fill_chroma);
        g_test_add_func("/v4l2/fill-jpeg", test_fill_jpeg);
        return g_test_run();
}
