/* How long a host waits for its server to name an observer again. (Who is let go, taken back and forgotten:
 * bridge-host.test.mjs.) */
#include "host/bridge/away.h"

#include "lib/limits.h"

static void test_over(void)
{
        const gint64 ready_us = 7 * G_USEC_PER_SEC, most_us = TB_LIMIT_OBSERVER_AWAY_S * G_USEC_PER_SEC;
        TbAway away = {.ready_us = ready_us};
        g_assert_false(tb_away_is_over(&away, ready_us));
        g_assert_false(tb_away_is_over(&away, ready_us + most_us - 1));
        g_assert_true(tb_away_is_over(&away, ready_us + most_us));
        away.ready_us = 0; /* the server is away, for however long: only the peer connection can tell */
        g_assert_false(tb_away_is_over(&away, 100 * most_us));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bridge/away/over", test_over);
        return g_test_run();
}
