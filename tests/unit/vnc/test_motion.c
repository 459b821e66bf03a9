/* When a picture moves so much that its viewers get a film of it. */
#include "host/vnc/motion.h"

#define FRAME_US (G_USEC_PER_SEC / 30)

/* `part` changes 30 times a second, for so long. The time at its end. */
static gint64 run(TbVncMotion *motion, double part, gint64 from_us, double seconds)
{
        gint64 until = from_us + (gint64)(seconds * G_USEC_PER_SEC);
        for (; from_us < until; from_us += FRAME_US)
                tb_vnc_motion_add(motion, part, from_us);
        return from_us;
}

static void test_moves(void)
{
        TbVncMotion motion = {0};
        gint64 now = 1000;
        g_assert_false(tb_vnc_motion_moves(&motion, now));
        tb_vnc_motion_add(&motion, 1, now); /* a page that comes up */
        g_assert_false(tb_vnc_motion_moves(&motion, now));
        now = run(&motion, 1, now, 0.5);
        g_assert_true(tb_vnc_motion_moves(&motion, now));
        now = run(&motion, 0.001, now, 1); /* a while after it stood still */
        g_assert_true(tb_vnc_motion_moves(&motion, now));
        now = run(&motion, 0.001, now, 4);
        g_assert_false(tb_vnc_motion_moves(&motion, now));
}

/* Between the two it stays as it is. */
static void test_between(void)
{
        TbVncMotion motion = {0};
        gint64 now = run(&motion, 0.1, 1000, 5); /* three pictures a second */
        g_assert_false(tb_vnc_motion_moves(&motion, now));
        now = run(&motion, 1, now, 1);
        g_assert_true(tb_vnc_motion_moves(&motion, now));
        now = run(&motion, 0.1, now, 10);
        g_assert_true(tb_vnc_motion_moves(&motion, now));
        tb_vnc_motion_rest(&motion);
        g_assert_false(tb_vnc_motion_moves(&motion, now));
        g_assert_false(tb_vnc_motion_moves(&motion, now - G_USEC_PER_SEC)); /* a clock that goes back */
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vnc-motion/moves", test_moves);
        g_test_add_func("/vnc-motion/between", test_between);
        return g_test_run();
}
