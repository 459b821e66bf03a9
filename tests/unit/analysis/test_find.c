/* Pictures on screens: found where they are, at the likeness that they have; areas with margins; what is no needle. */
#include <math.h>
#include <png.h>
#include <string.h>

#include "host/analysis/find/needle.h"
#include "lib/error.h"
#include "lib/limits.h"

#define FOREVER G_MAXINT64
#define ANYWHERE ((TbRect){0, 0, TB_LIMIT_VIDEO_SIDE, TB_LIMIT_VIDEO_SIDE})

/* Windows, text and noise, the same each time. */
static TbGreyImage screen_new(int width, int height)
{
        TbGreyImage s = {0};
        g_autoptr(GRand) rand = g_rand_new_with_seed(7);
        tb_grey_image_set(&s, width, height);
        memset(s.at, 210, (gsize)width * (gsize)height);
        for (int i = 0; i < width * height / 250; i++) {
                int x = g_rand_int_range(rand, 0, width - 40), y = g_rand_int_range(rand, 0, height - 20),
                    w = g_rand_int_range(rand, 5, 40), h = g_rand_int_range(rand, 3, 20),
                    grey = g_rand_int_range(rand, 0, 256);
                for (int row = y; row < y + h; row++)
                        memset(s.at + row * width + x, grey, (gsize)w);
        }
        return s;
}

static TbGreyImage cut(const TbGreyImage *s, int x, int y, int w, int h)
{
        TbGreyImage c = {0};
        tb_grey_image_set(&c, w, h);
        for (int row = 0; row < h; row++)
                memcpy(c.at + row * w, s->at + (y + row) * s->width + x, (gsize)w);
        return c;
}

static char *png_of(const TbGreyImage *image)
{
        png_image png = {.version = PNG_IMAGE_VERSION,
                         .width = (png_uint_32)image->width,
                         .height = (png_uint_32)image->height,
                         .format = PNG_FORMAT_GRAY};
        png_alloc_size_t size = 0;
        g_assert_true(png_image_write_to_memory(&png, NULL, &size, 0, image->at, 0, NULL));
        g_autofree guchar *bytes = g_malloc(size);
        g_assert_true(png_image_write_to_memory(&png, bytes, &size, 0, image->at, 0, NULL));
        return g_base64_encode(bytes, size);
}

/* Every size, at many places: the place itself, and exactly alike. */
static void test_exact(void)
{
        static const int sizes[][2] = {{9, 9}, {24, 12}, {64, 20}, {120, 90}, {301, 177}};
        TbGreyImage screen = screen_new(640, 360);
        g_autoptr(GRand) rand = g_rand_new_with_seed(3);
        for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
                for (int n = 0; n < 6; n++) {
                        int w = sizes[i][0], h = sizes[i][1], x = g_rand_int_range(rand, 0, 641 - w),
                            y = g_rand_int_range(rand, 0, 361 - h);
                        TbGreyImage needle = cut(&screen, x, y, w, h);
                        TbMatch m;
                        g_assert_true(tb_match_find(&screen, &needle, ANYWHERE, FOREVER, &m));
                        g_assert_cmpfloat(m.score, ==, 1);
                        TbGreyImage there = cut(&screen, m.x, m.y, w, h); /* flat ones are at many places */
                        g_assert_cmpmem(there.at, (gsize)(w * h), needle.at, (gsize)(w * h));
                        tb_grey_image_clear(&there);
                        tb_grey_image_clear(&needle);
                }
        tb_grey_image_clear(&screen);
}

/* What an encoder does to a picture costs little; one that is not there has much less. */
static void test_likeness(void)
{
        TbGreyImage screen = screen_new(640, 360), needle = cut(&screen, 200, 100, 80, 60);
        g_autoptr(GRand) rand = g_rand_new_with_seed(5);
        TbMatch m;
        for (int i = 0; i < 80 * 60; i++) /* what is nowhere else */
                needle.at[i] = (guint8)(i % 80 * 3);
        for (int row = 0; row < 60; row++)
                memcpy(screen.at + (100 + row) * 640 + 200, needle.at + row * 80, 80);
        for (int i = 0; i < 640 * 360; i++) {
                int noisy = screen.at[i] + g_rand_int_range(rand, -6, 7);
                screen.at[i] = (guint8)CLAMP(noisy, 0, 255);
        }
        g_assert_true(tb_match_find(&screen, &needle, ANYWHERE, FOREVER, &m));
        g_assert_cmpint(m.x, ==, 200);
        g_assert_cmpint(m.y, ==, 100);
        g_assert_cmpfloat(m.score, >, 0.98);
        for (int i = 0; i < 80 * 60; i++)
                needle.at[i] = (guint8)((i % 80 / 4 + i / 320) % 2 ? 0 : 255);
        g_assert_true(tb_match_find(&screen, &needle, ANYWHERE, FOREVER, &m));
        g_assert_cmpfloat(m.score, <, 0.75);
        tb_grey_image_clear(&needle);
        tb_grey_image_clear(&screen);
}

static void test_edges(void)
{
        TbGreyImage screen = screen_new(320, 200), all = cut(&screen, 0, 0, 320, 200),
                    corner = cut(&screen, 280, 170, 40, 30), larger = screen_new(321, 200);
        TbMatch m;
        g_assert_true(tb_match_find(&screen, &all, ANYWHERE, FOREVER, &m));
        g_assert_cmpint(m.x + m.y, ==, 0);
        g_assert_true(tb_match_find(&screen, &corner, ANYWHERE, FOREVER, &m));
        g_assert_cmpint(m.x, ==, 280);
        g_assert_false(tb_match_find(&screen, &larger, ANYWHERE, FOREVER, &m));
        g_assert_false(
                tb_match_find(&screen, &corner, (TbRect){281, 0, 40, 200}, FOREVER, &m)); /* no room there */
        g_assert_false(tb_match_find(&screen, &corner, (TbRect){-50, -50, 20, 20}, FOREVER, &m));
        g_assert_true(tb_match_find(&screen, &corner, (TbRect){0, 0, 100, 100}, FOREVER, &m));
        g_assert_cmpfloat(m.score, <, 1);
        g_assert_false(tb_match_find(&screen, &corner, ANYWHERE, 0, &m)); /* its time is over */
        tb_grey_image_clear(&larger);
        tb_grey_image_clear(&corner);
        tb_grey_image_clear(&all);
        tb_grey_image_clear(&screen);
}

/* Two areas of a whole screen, as openQA's needles: each may have moved by its margin, not more. */
static void test_areas(void)
{
        TbGreyImage before = screen_new(640, 360), now = screen_new(640, 360);
        TbGreyImage one = cut(&before, 100, 80, 60, 40);
        for (int row = 0; row < 40; row++) /* moved by 20 to the right */
                memcpy(now.at + (80 + row) * 640 + 120, one.at + row * 60, 60);
        g_autofree char *png = png_of(&before);
        static const struct {
                const char *areas;
                bool found;
        } rows[] = {
                {"[{\"x\":400,\"y\":200,\"width\":100,\"height\":80}]", true},
                {"[{\"xpos\":100,\"ypos\":80,\"width\":60,\"height\":40,\"match\":96,\"type\":\"match\"}]",
                 true},
                {"[{\"x\":100,\"y\":80,\"width\":60,\"height\":40,\"margin\":10,\"match\":99.9}]", false},
                {"[{\"x\":400,\"y\":200,\"width\":100,\"height\":80},{\"x\":100,\"y\":80,\"width\":60,"
                 "\"height\":40,"
                 "\"margin\":20}]",
                 true},
        };
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                json_auto_t *areas = json_loads(rows[i].areas, 0, NULL);
                g_autoptr(GError) error = NULL;
                TbNeedle *needle = tb_needle_new(png, areas, ANYWHERE, 0.96, &error);
                TbNeedleFound found;
                g_assert_no_error(error);
                g_assert_true(tb_needle_look(needle, &now, FOREVER, &found));
                g_assert_cmpint(found.found, ==, rows[i].found);
                tb_needle_free(needle);
        }
        tb_grey_image_clear(&one);
        tb_grey_image_clear(&now);
        tb_grey_image_clear(&before);
}

static void test_refused(void)
{
        TbGreyImage small = screen_new(100, 60);
        g_autofree char *png = png_of(&small), *cut_off = g_strndup(png, strlen(png) / 2);
        static const char *const areas[] = {"[{\"x\":90,\"y\":0,\"width\":11,\"height\":10}]", "[{\"x\":1}]",
                                            "[7]", "[{\"width\":0,\"height\":1}]",
                                            "[{\"width\":5,\"height\":5,\"type\":\"exclude\"}]"};
        const char *const images[] = {"", "bm8gUE5H", cut_off};
        for (guint i = 0; i < G_N_ELEMENTS(images); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(tb_needle_new(images[i], NULL, ANYWHERE, 0.9, &error));
                g_assert_cmpstr(tb_error_field(error), ==, "image");
        }
        for (guint i = 0; i < G_N_ELEMENTS(areas); i++) {
                json_auto_t *list = json_loads(areas[i], 0, NULL);
                g_autoptr(GError) error = NULL;
                g_assert_nonnull(list);
                g_assert_null(tb_needle_new(png, list, ANYWHERE, 0.9, &error));
                g_assert_cmpstr(tb_error_field(error), ==, "areas");
        }
        tb_grey_image_clear(&small);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/find/exact", test_exact);
        g_test_add_func("/find/likeness", test_likeness);
        g_test_add_func("/find/edges", test_edges);
        g_test_add_func("/find/areas", test_areas);
        g_test_add_func("/find/refused", test_refused);
        return g_test_run();
}
