#include "drivers/transport/pace.h"

/* Simulates a source that paints every `paint_us` with ± jitter for `n` pictures; returns how many were taken
 * and the longest time one waited. */
static guint simulate(int fps, gint64 paint_us, gint64 jitter_us, guint n, gint64 *worst_us)
{
        TbPace pace;
        tb_pace_init(&pace, fps);
        guint taken = 0;
        gint64 pending = -1; /* when the picture that waits was painted */
        gint64 start = 1000000;
        *worst_us = 0;
        for (guint i = 0; i < n; i++) {
                gint64 t = start + (gint64)i * paint_us + (i % 2 ? jitter_us : -jitter_us);
                gint64 next = start + (gint64)(i + 1) * paint_us + ((i + 1) % 2 ? jitter_us : -jitter_us);
                if (pending < 0)
                        pending = t;
                gint64 when = t + tb_pace_due_ms(&pace, t) * 1000;
                if (when < next) {
                        tb_pace_take(&pace, when);
                        taken++;
                        *worst_us = MAX(*worst_us, when - t);
                        pending = -1;
                }
        }
        return taken;
}

static void test_same_rate(void)
{
        gint64 worst;
        g_assert_cmpuint(simulate(30, 33333, 5000, 300, &worst), ==, 300); /* not one is lost to aliasing */
        g_assert_cmpint(worst, <=, 1000);
        g_assert_cmpuint(simulate(30, 33333, 0, 300, &worst), ==, 300);
        g_assert_cmpint(worst, ==, 0);
        g_assert_cmpuint(simulate(60, 16667, 2000, 600, &worst), ==, 600);
}

static void test_faster_source(void)
{
        gint64 worst;
        guint taken = simulate(30, 16667, 0, 600, &worst); /* 60 a second for 10 s */
        g_assert_cmpuint(taken, >=, 299);
        g_assert_cmpuint(taken, <=, 302);
        taken = simulate(10, 1000, 0, 10000, &worst);
        g_assert_cmpuint(taken, >=, 99);
        g_assert_cmpuint(taken, <=, 102);
}

static void test_first_at_once(void)
{
        TbPace pace;
        tb_pace_init(&pace, 1);
        g_assert_cmpint(tb_pace_due_ms(&pace, 5), ==, 0);
        tb_pace_take(&pace, 5);
        g_assert_cmpint(tb_pace_due_ms(&pace, 6), ==, 500);
        tb_pace_init(&pace, TB_LIMIT_FPS + 1);
        g_assert_cmpint(pace.interval_us, ==, G_USEC_PER_SEC / TB_LIMIT_FPS);
        tb_pace_init(&pace, 0);
        g_assert_cmpint(pace.interval_us, ==, G_USEC_PER_SEC);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/pace/same-rate", test_same_rate);
        g_test_add_func("/pace/faster-source", test_faster_source);
        g_test_add_func("/pace/first-at-once", test_first_at_once);
        return g_test_run();
}
