/* When `expect` takes the end of what a console said for its end. */
#include "host/core/private.h"
#include "lib/limits.h"
#include "tests/unit/clock.h"
#include "tests/unit/core/fake.h"

static void wait_for_held(guint ms)
{
        while (clock_last_ms() != ms)
                g_main_context_iteration(NULL, TRUE);
}

/* TB_LIMIT_EXPECT_QUIET_MS: a number at the end may go on; when nothing came for so long it has ended, not a moment before. */
static void test_quiet(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
        TbInterface *iface = tb_core_interface(b.core, "dut", "console", NULL);
        tb_history_append(iface->history, "boot 1234", strlen("boot 1234"));
        json_auto_t *params =
                json_pack("{s:s, s:i, s:i}", "pattern", "\\d+", "from", 0, "timeout_s", TB_LIMIT_COMMAND_S);
        const TbActor actor = {.user = "tester", .role = TB_ROLE_VIEWER, .via = "test"};
        test_clock.held_from_ms = TB_LIMIT_EXPECT_QUIET_MS / 2;
        clock_stop(0);
        tb_core_command(b.core, &actor, "dut", "console.expect", params, NULL, answer_cb, &a);
        wait_for_held(TB_LIMIT_EXPECT_QUIET_MS);
        clock_advance(TB_LIMIT_EXPECT_QUIET_MS * 1000 - 1);
        test_clock.held_from_ms = 1;
        g_assert_true(clock_fire(TB_LIMIT_EXPECT_QUIET_MS)); /* looks at when something came last */
        const guint rest_ms = clock_last_ms();
        g_assert_cmpuint(rest_ms, <, TB_LIMIT_EXPECT_QUIET_MS);
        g_assert_false(a.done);
        clock_advance(1);
        g_assert_true(clock_fire(rest_ms));
        g_assert_false(clock_fire(rest_ms)); /* there is nothing left to wait for */
        test_clock.held_from_ms = 0;
        while (!a.done)
                g_main_context_iteration(NULL, TRUE);
        g_assert_no_error(a.error);
        g_assert_cmpstr(json_string_value(json_object_get(a.result, "match")), ==, "1234");
        clock_go();
        answer_clear(&a);
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/expect/quiet", test_quiet);
        return g_test_run();
}
