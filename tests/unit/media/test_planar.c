/* RGB to I420, by the numbers of BT.601 (Recommendation ITU-R BT.601-7, 2.5.3), also of odd sizes. */
#include <math.h>

#include "host/media/encode/planar.h"

static void rgb_at(int x, int y, int rgb[3])
{
        rgb[0] = x / 2 * 2 * 9 & 255; /* the same in each block of four: its chroma is theirs */
        rgb[1] = y / 2 * 2 * 17 & 255;
        rgb[2] = (x / 2 * 31 + y / 2 * 7) & 255;
}

static void near(guint8 is, double should)
{
        g_assert_cmpfloat(fabs((double)is - should), <=, 2);
}

static void check(TbFramePool *pool, TbPixelFormat format, int width, int height)
{
        g_autoptr(TbFrame) in = tb_frame_pool_take(pool, format, width, height, 0);
        for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++) {
                        guint8 *p = in->plane[0] + (gsize)y * (gsize)in->stride[0] + (gsize)x * 4;
                        int rgb[3];
                        rgb_at(x, y, rgb);
                        for (int i = 0; i < 3; i++)
                                p[format == TB_PIXEL_RGBX ? i : 2 - i] = (guint8)rgb[i];
                        p[3] = (guint8)(x * 5); /* means nothing */
                }
        in->t_us = 77;
        g_autoptr(TbFrame) out = tb_frame_planar(pool, in);
        g_assert_nonnull(out);
        g_assert_cmpint(out->format, ==, TB_PIXEL_I420);
        g_assert_cmpint(out->width, ==, width);
        g_assert_cmpint(out->height, ==, height);
        g_assert_cmpint(out->t_us, ==, 77);
        for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++) {
                        int c[3];
                        rgb_at(x, y, c);
                        double r = c[0] / 255.0, g = c[1] / 255.0, b = c[2] / 255.0;
                        double luma = 0.299 * r + 0.587 * g + 0.114 * b;
                        near(out->plane[0][y * out->stride[0] + x], 16 + 219 * luma);
                        near(out->plane[1][y / 2 * out->stride[1] + x / 2], 128 + 224 * (b - luma) / 1.772);
                        near(out->plane[2][y / 2 * out->stride[2] + x / 2], 128 + 224 * (r - luma) / 1.402);
                }
}

static void test_all(void)
{
        TbFramePool *pool = tb_frame_pool_new(2);
        const int sizes[][2] = {{64, 48}, {2, 2}, {33, 17}, {1, 1}, {130, 3}};
        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                check(pool, TB_PIXEL_BGRX, sizes[i][0], sizes[i][1]);
                check(pool, TB_PIXEL_RGBX, sizes[i][0], sizes[i][1]);
        }
        g_autoptr(TbFrame) other = tb_frame_pool_take(pool, TB_PIXEL_YUY2, 16, 16, 0);
        g_assert_null(tb_frame_planar(pool, other));
        tb_frame_pool_unref(pool);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/planar/all", test_all);
        return g_test_run();
}
