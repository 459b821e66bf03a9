#include "drivers/testpattern/pattern.h"

static void test_time(void)
{
        static const int sizes[][2] = {
                {1280, 720}, {TB_TESTPATTERN_MIN_WIDTH, TB_TESTPATTERN_MIN_HEIGHT}, {641, 361}, {1920, 1080}};
        static const gint64 times[] = {0, 1, 1795305600123,
                                       (G_GINT64_CONSTANT(1) << TB_TESTPATTERN_BITS) - 1};
        for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
                TbTestpattern p;
                tb_testpattern_init(&p, sizes[i][0], sizes[i][1]);
                g_autofree guint32 *pixels = g_new(guint32, (gsize)p.width * (gsize)p.height);
                for (guint t = 0; t < G_N_ELEMENTS(times); t++) {
                        tb_testpattern_draw(&p, pixels, t * 1000, times[t], -1,
                                            0); /* wherever the bars are, the blocks stay readable */
                        g_assert_cmpint(tb_testpattern_read(pixels, p.width), ==, times[t]);
                }
                tb_testpattern_clear(&p);
        }
}

static void test_moves(void)
{
        TbTestpattern p;
        tb_testpattern_init(&p, 320, 200);
        g_autofree guint32 *a = g_new(guint32, 320 * 200), *b = g_new(guint32, 320 * 200);
        tb_testpattern_draw(&p, a, 1, 1000, -1, 0);
        tb_testpattern_draw(&p, b, 2, 1000, -1, 0);
        guint changed = 0;
        for (guint i = 0; i < 320 * 200; i++)
                changed += a[i] != b[i];
        g_assert_cmpuint(changed, >, 1000);
        tb_testpattern_draw(&p, b, 1, 1000, 319, 199); /* a marker at the edge stays inside */
        g_assert_cmphex(b[320 * 200 - 1], ==, 0xffffff);
        tb_testpattern_clear(&p);
}

static void test_flash(void)
{
        TbTestpattern p;
        tb_testpattern_init(&p, 320, 200);
        p.flashes = true;
        g_autofree guint32 *a = g_new(guint32, 320 * 200);
        static const struct {
                gint64 t_ms;
                guint32 corner;
        } at[] = {{5000, 0xffffff}, {5099, 0xffffff}, {5100, 0}, {5999, 0}};
        for (guint i = 0; i < G_N_ELEMENTS(at); i++) {
                tb_testpattern_draw(&p, a, i, at[i].t_ms, -1, 0);
                g_assert_cmphex(a[320 * 200 - 1], ==, at[i].corner);
                g_assert_cmphex(a[160 * 320 + 250], ==, at[i].corner);
                g_assert_cmpint(tb_testpattern_read(a, 320), ==, at[i].t_ms);
        }
        tb_testpattern_clear(&p);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/pattern/time", test_time);
        g_test_add_func("/pattern/moves", test_moves);
        g_test_add_func("/pattern/flash", test_flash);
        return g_test_run();
}
