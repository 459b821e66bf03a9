/* What is measured of a screen, on pictures that are drawn here; and how pictures of each format become small grey ones. */
#include <string.h>
#include <turbojpeg.h>

#include "host/analysis/analysers.h"
#include "host/analysis/picture.h"

static TbLook look_of(const TbGrey *before, const TbGrey *now)
{
        TbLook look = {.threshold = 10, .now_ms = 5000, .changed_ms = 2000, .before = before, .now = now};
        tb_look_area(&look, (const int[4]){0, 0, 0, 0});
        return look;
}

static double measure(const char *name, const TbLook *look)
{
        for (const TbAnalyser *a = tb_analysers; a->name; a++)
                if (strcmp(a->name, name) == 0)
                        return a->measure(look);
        g_assert_not_reached();
}

/* A room with things in it. */
static void draw(TbGrey *grey)
{
        for (int y = 0; y < TB_GREY_HEIGHT; y++)
                for (int x = 0; x < TB_GREY_WIDTH; x++)
                        grey->at[y * TB_GREY_WIDTH + x] = (guint8)(60 + (x / 8 * 37 + y / 6 * 53) % 120);
}

static void box(TbGrey *grey, int x0, int y0, int size, guint8 value)
{
        for (int y = y0; y < y0 + size; y++)
                memset(grey->at + y * TB_GREY_WIDTH + x0, value, (gsize)size);
}

static void light(TbGrey *grey, double gain, double offset)
{
        for (int i = 0; i < TB_GREY_POINTS; i++)
                grey->at[i] = (guint8)CLAMP(grey->at[i] * gain + offset, 0, 255);
}

static void noise(TbGrey *grey, int most)
{
        GRand *rand = g_rand_new_with_seed(16);
        for (int i = 0; i < TB_GREY_POINTS; i++)
                grey->at[i] = (guint8)CLAMP(grey->at[i] + g_rand_int_range(rand, -most, most + 1), 0, 255);
        g_rand_free(rand);
}

static void test_motion(void)
{
        TbGrey before, now;
        draw(&before);
        now = before;
        TbLook look = look_of(&before, &now);
        g_assert_cmpfloat(measure("motion", &look), ==, 0);
        noise(&now, 5);
        g_assert_cmpfloat(measure("motion", &look), ==, 0);
        now = before;
        box(&now, 40, 30, 20, 255); /* 400 of 14400 */
        g_assert_cmpfloat_with_epsilon(measure("motion", &look), 400.0 / TB_GREY_POINTS, 0.001);
        g_assert_true(tb_look_changed(&look));
        look = look_of(NULL, &now);
        g_assert_cmpfloat(measure("motion", &look), ==, 0); /* the first picture has moved from nowhere */
        look = look_of(&now, &now);
        g_assert_cmpfloat(measure("motion", &look), ==, 0);
}

/* Lamps, clouds, cameras that adapt, backlights. */
static void test_light(void)
{
        static const struct {
                double gain, offset;
        } lamps[] = {{1, 40}, {1, -40}, {1.3, 0}, {0.6, 0}, {0.8, 25}, {1, 12}};
        TbGrey before, now;
        draw(&before);
        for (guint i = 0; i < G_N_ELEMENTS(lamps); i++) {
                now = before;
                light(&now, lamps[i].gain, lamps[i].offset);
                noise(&now, 3);
                TbLook look = look_of(&before, &now);
                g_assert_cmpfloat(measure("motion", &look), <, 0.001);
                box(&now, 100, 50, 24, now.at[0] > 128 ? 0 : 255); /* who pressed the switch */
                g_assert_cmpfloat(measure("motion", &look), >, 0.02);
                g_assert_cmpfloat(measure("motion", &look), <, 0.06);
        }
        memset(&before, 0, sizeof before); /* a screen of one grey that gets another */
        memset(&now, 200, sizeof now);
        TbLook look = look_of(&before, &now);
        g_assert_cmpfloat(measure("motion", &look), ==, 0);
        draw(&now); /* and one that shows something else is no lamp */
        g_assert_cmpfloat(measure("motion", &look), >, 0.9);
}

static void test_area(void)
{
        TbGrey before, now;
        draw(&before);
        now = before;
        box(&now, 0, 0, 16, 255); /* the clock in the corner */
        TbLook look = look_of(&before, &now);
        g_assert_cmpfloat(measure("motion", &look), >, 0.01);
        tb_look_area(&look, (const int[4]){10, 0, 0, 0});
        g_assert_cmpint(look.left, ==, 16);
        g_assert_cmpfloat(measure("motion", &look), ==, 0);
        tb_look_area(&look, (const int[4]){0, 0, 90, 80});
        g_assert_cmpfloat_with_epsilon(measure("motion", &look), 256.0 / (16 * 18), 0.001);
        tb_look_area(&look, (const int[4]){95, 95, 95, 95});
        g_assert_cmpint(look.right - look.left, ==, 1);
        g_assert_cmpint(look.bottom - look.top, ==, 1);
        g_assert_cmpfloat(measure("motion", &look), ==, 0);
}

static void test_others(void)
{
        TbGrey before, now;
        memset(&before, 0, sizeof before);
        now = before;
        TbLook look = look_of(&before, &now);
        g_assert_cmpfloat(measure("black", &look), ==, 1);
        g_assert_cmpfloat(measure("brightness", &look), ==, 0);
        g_assert_cmpfloat(measure("frozen", &look), ==, 3);
        look.changed_ms = 0;
        g_assert_cmpfloat(measure("frozen", &look), ==, 0);
        g_assert_false(tb_look_changed(&look));
        box(&now, 0, 0, TB_GREY_HEIGHT, 255); /* 90 x 90 */
        g_assert_cmpfloat_with_epsilon(measure("black", &look), 1 - 8100.0 / TB_GREY_POINTS, 0.001);
        g_assert_cmpfloat_with_epsilon(measure("brightness", &look), 8100.0 / TB_GREY_POINTS, 0.001);
        memset(&now, 25, sizeof now);
        g_assert_cmpfloat(measure("black", &look), ==, 1);
        memset(&now, 26, sizeof now);
        g_assert_cmpfloat(measure("black", &look), ==, 0);
        g_assert_true(tb_look_changed(&look));
        now = before;
        now.at[77] = 11; /* one point: a cursor that blinks */
        g_assert_true(tb_look_changed(&look));
        now.at[77] = 10;
        g_assert_false(tb_look_changed(&look));
}

/* --- pictures --- */
static void paint(TbFrame *f, int x0, guint8 grey)
{
        for (int y = 0; y < f->height; y++)
                for (int x = x0; x < f->width; x++)
                        switch (f->format) {
                        case TB_PIXEL_BGRX:
                        case TB_PIXEL_RGBX: memset(f->plane[0] + y * f->stride[0] + x * 4, grey, 4); break;
                        case TB_PIXEL_YUY2:
                                f->plane[0][y * f->stride[0] + x * 2] = (guint8)(16 + grey * 219 / 255);
                                break;
                        case TB_PIXEL_NV12:
                        case TB_PIXEL_I420:
                                f->plane[0][y * f->stride[0] + x] = (guint8)(16 + grey * 219 / 255);
                                break;
                        case TB_PIXEL_JPEG: g_assert_not_reached();
                        }
}

static void check_halves(const TbGrey *grey)
{
        g_assert_cmpint(grey->at[45 * TB_GREY_WIDTH + 10], <=, 2);
        g_assert_cmpint(grey->at[45 * TB_GREY_WIDTH + 70], <=, 2);
        g_assert_cmpint(grey->at[45 * TB_GREY_WIDTH + 90], >=, 197);
        g_assert_cmpint(grey->at[45 * TB_GREY_WIDTH + 90], <=, 203);
        g_assert_cmpint(grey->at[TB_GREY_POINTS - 1], >=, 197);
}

static void test_formats(void)
{
        static const TbPixelFormat formats[] = {TB_PIXEL_BGRX, TB_PIXEL_RGBX, TB_PIXEL_YUY2, TB_PIXEL_NV12,
                                                TB_PIXEL_I420};
        static const int sizes[][2] = {{1280, 720}, {160, 90}, {640, 481}, {64, 64}, {2, 2}, {1920, 1080}};
        TbFramePool *pool = tb_frame_pool_new(1);
        TbGreyReader *reader = tb_grey_reader_new();
        for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
                for (guint k = 0; k < G_N_ELEMENTS(sizes); k++) {
                        g_autoptr(TbFrame) f =
                                tb_frame_pool_take(pool, formats[i], sizes[k][0], sizes[k][1], 0);
                        TbGrey grey;
                        paint(f, 0, 0);
                        paint(f, f->width / 2, 200);
                        g_assert_true(tb_grey_read(reader, f, &grey));
                        check_halves(&grey);
                }
        tb_grey_reader_free(reader);
        tb_frame_pool_unref(pool);
}

static void test_jpeg(void)
{
        TbFramePool *pool = tb_frame_pool_new(1), *jpegs = tb_frame_pool_new(1);
        TbGreyReader *reader = tb_grey_reader_new();
        tjhandle compress = tjInitCompress();
        static const int sizes[][2] = {{1280, 720}, {320, 240}, {100, 60}};
        for (guint k = 0; k < G_N_ELEMENTS(sizes); k++) {
                g_autoptr(TbFrame) f = tb_frame_pool_take(pool, TB_PIXEL_BGRX, sizes[k][0], sizes[k][1], 0);
                paint(f, 0, 0);
                paint(f, f->width / 2, 200);
                unsigned char *out = NULL;
                unsigned long size = 0;
                g_assert_cmpint(tjCompress2(compress, f->data, f->width, f->stride[0], f->height, TJPF_BGRX,
                                            &out, &size, TJSAMP_420, 90, 0),
                                ==, 0);
                g_autoptr(TbFrame) jpeg = tb_frame_pool_take(jpegs, TB_PIXEL_JPEG, f->width, f->height, size);
                memcpy(jpeg->data, out, size);
                jpeg->size = size;
                tjFree(out);
                TbGrey grey;
                g_assert_true(tb_grey_read(reader, jpeg, &grey));
                check_halves(&grey);
                jpeg->size = 10; /* broken: said, and the next one is read again */
                g_assert_false(tb_grey_read(reader, jpeg, &grey));
        }
        tjDestroy(compress);
        tb_grey_reader_free(reader);
        tb_frame_pool_unref(pool);
        tb_frame_pool_unref(jpegs);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/analysis/motion", test_motion);
        g_test_add_func("/analysis/light", test_light);
        g_test_add_func("/analysis/area", test_area);
        g_test_add_func("/analysis/others", test_others);
        g_test_add_func("/analysis/formats", test_formats);
        g_test_add_func("/analysis/jpeg", test_jpeg);
        return g_test_run();
}
