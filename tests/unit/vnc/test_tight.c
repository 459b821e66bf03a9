/* Strips of the Tight encoding: no larger than what libvncserver sends at once (else it would cut them
 * again), and of whole JPEG blocks. What is sent is compared pixel by pixel in tests/integration/vnc-viewers.
 */
#include <glib.h>

#include "host/vnc/tight.h"
#include "lib/limits.h"

static void test_rows(void)
{
        for (int width = 1; width <= TB_LIMIT_VIDEO_SIDE; width++) {
                int rows = tb_vnc_tight_rows(width);
                g_assert_cmpint(rows, >=, 16);
                g_assert_cmpint(rows % 16, ==, 0);
                g_assert_cmpint(rows * MIN(width, 2048), <=, 65536);
        }
        g_assert_cmpint(tb_vnc_tight_rows(1280), ==, 48);
        g_assert_cmpint(tb_vnc_tight_rows(1920), ==, 32);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vnc/tight/rows", test_rows);
        return g_test_run();
}
