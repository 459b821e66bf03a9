/* Pictures of odd sizes: no column or row is lost, in no format, and only the last ones are there twice. */
#include "host/media/encode/even.h"

/* Luma, or brightness, of a sample. */
static guint8 *at(const TbFrame *f, int x, int y)
{
        bool rgb = f->format == TB_PIXEL_BGRX || f->format == TB_PIXEL_RGBX;
        int step = rgb ? 4 : f->format == TB_PIXEL_YUY2 ? 2 : 1;
        return f->plane[0] + (gsize)y * (gsize)f->stride[0] + (gsize)(x * step);
}

static guint8 *chroma(const TbFrame *f, int plane, int x, int y)
{
        if (f->format == TB_PIXEL_YUY2)
                return f->plane[0] + (gsize)y * (gsize)f->stride[0] + (gsize)x * 4 + (plane == 1 ? 1 : 3);
        if (f->format == TB_PIXEL_NV12)
                return f->plane[1] + (gsize)y * (gsize)f->stride[1] + (gsize)x * 2 + plane - 1;
        return f->plane[plane] + (gsize)y * (gsize)f->stride[plane] + x;
}

static guint8 value(int plane, int x, int y)
{
        return (guint8)(plane * 71 + x * 7 + y * 13 + 1);
}

static void check(TbFramePool *pool, TbPixelFormat format, int width, int height)
{
        bool rgb = format == TB_PIXEL_BGRX || format == TB_PIXEL_RGBX, pairs = format == TB_PIXEL_YUY2;
        g_autoptr(TbFrame) in = tb_frame_pool_take(pool, format, width, height, 0);
        int cw = (width + 1) / 2, ch = pairs ? height : (height + 1) / 2;
        for (gsize i = 0; i < in->size; i++)
                in->data[i] = 0xee; /* what is beyond the picture */
        for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++)
                        *at(in, x, y) = value(0, x, y);
        for (int plane = 1; !rgb && plane <= 2; plane++)
                for (int y = 0; y < ch; y++)
                        for (int x = 0; x < cw; x++)
                                *chroma(in, plane, x, y) = value(plane, x, y);
        in->t_us = 77;
        g_autoptr(TbFrame) out = tb_frame_even(pool, in);
        if (width % 2 == 0 && height % 2 == 0) {
                g_assert_null(out);
                return;
        }
        g_assert_nonnull(out);
        g_assert_cmpint(out->width, ==, (width + 1) & ~1);
        g_assert_cmpint(out->height, ==, (height + 1) & ~1);
        g_assert_cmpint(out->t_us, ==, 77);
        for (int y = 0; y < out->height; y++)
                for (int x = 0; x < out->width; x++)
                        g_assert_cmpuint(*at(out, x, y), ==, value(0, MIN(x, width - 1), MIN(y, height - 1)));
        for (int plane = 1; !rgb && plane <= 2; plane++)
                for (int y = 0; y < (pairs ? out->height : ch); y++)
                        for (int x = 0; x < cw; x++)
                                g_assert_cmpuint(*chroma(out, plane, x, y), ==,
                                                 value(plane, x, MIN(y, ch - 1)));
}

static void test_all(void)
{
        static const TbPixelFormat formats[] = {TB_PIXEL_BGRX, TB_PIXEL_RGBX, TB_PIXEL_YUY2, TB_PIXEL_NV12,
                                                TB_PIXEL_I420};
        static const int sizes[][2] = {{16, 8}, {17, 8}, {16, 9}, {17, 9}, {1, 1}, {3, 1}, {721, 401}};
        TbFramePool *pool = tb_frame_pool_new(2);
        for (gsize f = 0; f < G_N_ELEMENTS(formats); f++)
                for (gsize s = 0; s < G_N_ELEMENTS(sizes); s++)
                        check(pool, formats[f], sizes[s][0], sizes[s][1]);
        g_autoptr(TbFrame) jpeg = tb_frame_pool_take(pool, TB_PIXEL_JPEG, 17, 9, 100);
        g_assert_null(tb_frame_even(pool, jpeg));
        tb_frame_pool_unref(pool);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/media/even/all", test_all);
        return g_test_run();
}
