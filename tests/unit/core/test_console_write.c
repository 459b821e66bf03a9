/* A write to a console goes in turns of its lane, for as long as the device takes something. */
#include "host/core/private.h"
#include "lib/limits.h"
#include "tests/unit/clock.h"
#include "tests/unit/core/fake.h"

static const TbActor operator_ = {"ann", TB_ROLE_OPERATOR, NULL, "test", NULL};

static gboolean turns_were(gpointer n)
{
        return g_atomic_int_get(&fake.writes) >= GPOINTER_TO_INT(n);
}

static void turns(int n)
{
        int until = g_atomic_int_get(&fake.writes) + n;
        while (!turns_were(GINT_TO_POINTER(until)))
                g_main_context_iteration(NULL, FALSE);
}

static json_int_t written(const Answer *a)
{
        return json_integer_value(json_object_get(a->result, "written"));
}

static void start(Bench *b, int takes)
{
        bench_start(b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
        g_assert_true(tb_history_flush(tb_core_interface(b->core, "dut", "console", NULL)->history, 60000));
        g_atomic_int_set(&fake.takes, takes);
        g_atomic_int_set(&fake.writes, 0);
}

static void stop(Bench *b)
{
        g_atomic_int_set(&fake.takes, 0);
        bench_stop(b, false);
}

/* What a turn did not take is written in the next, each byte once. */
static void test_turns(void)
{
        Bench b;
        Answer a = {0}, seen = {0};
        start(&b, 3);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "console.write", "{\"text\": \"0123456789\"}");
        g_assert_no_error(a.error);
        g_assert_cmpint(written(&a), ==, 10);
        g_assert_cmpint(g_atomic_int_get(&fake.writes), ==, 4);
        g_assert_cmpint(g_atomic_int_get(&fake.turn_ms), <=, TB_LIMIT_WRITE_TURN_MS);
        bench_command(&b, &seen, TB_ROLE_OPERATOR, NULL, "dut", "console.expect",
                      "{\"pattern\": \"0123456789\", \"from\": 0, \"timeout_s\": 5}");
        g_assert_no_error(seen.error);
        answer_clear(&a);
        answer_clear(&seen);
        stop(&b);
}

/* A line that is held holds who writes, and nobody else; it is over when it took nothing for TB_LIMIT_WRITE_STALL_MS, and then it is
 * said how much it has. */
static void test_held(void)
{
        Bench b;
        Answer a = {0}, power = {0};
        start(&b, 4);
        clock_stop(0);
        json_auto_t *params = json_pack("{s:s}", "text", "0123456789");
        g_atomic_int_set(&fake.takes, 4);
        tb_core_command(b.core, &operator_, "dut", "console.write", params, NULL, answer_cb, &a);
        while (!turns_were(GINT_TO_POINTER(1)))
                g_thread_yield(); /* main did not see the end of its first turn yet */
        g_atomic_int_set(&fake.takes, -1);
        turns(2);
        clock_advance(TB_LIMIT_WRITE_STALL_MS * G_TIME_SPAN_MILLISECOND - 1);
        turns(3);
        g_assert_false(a.done);
        bench_command(&b, &power, TB_ROLE_OPERATOR, NULL, "dut", "power.get", "{}");
        g_assert_no_error(power.error);
        g_assert_false(a.done);
        clock_advance(1);
        while (!a.done)
                g_main_context_iteration(NULL, TRUE);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_TIMEOUT);
        g_assert_nonnull(strstr(a.error->message, "took 4 of 10 bytes"));
        g_assert_cmpint(written(&a), ==, 4);
        gsize taken = 0;
        g_assert_true(tb_console_goes_on(a.result, a.error, 10, &taken));
        g_assert_cmpuint(taken, ==, 4);
        clock_go();
        answer_clear(&a);
        answer_clear(&power);
        stop(&b);
}

/* Longer than any deadline: it ends when all is taken. */
static void test_slow(void)
{
        Bench b;
        Answer a = {0};
        start(&b, 1);
        clock_stop(0);
        g_autofree char *text = g_strnfill(200, 'x');
        json_auto_t *params = json_pack("{s:s}", "text", text);
        tb_core_command(b.core, &operator_, "dut", "console.write", params, NULL, answer_cb, &a);
        for (int seen = 0; !a.done; seen = g_atomic_int_get(&fake.writes)) {
                while (g_atomic_int_get(&fake.writes) == seen && !a.done) /* none comes after the last one */
                        g_main_context_iteration(NULL, FALSE);
                clock_advance((TB_LIMIT_WRITE_STALL_MS - 1) * G_TIME_SPAN_MILLISECOND);
        }
        g_assert_no_error(a.error);
        g_assert_cmpint(written(&a), ==, 200);
        clock_go();
        answer_clear(&a);
        stop(&b);
}

static void test_goes_on(void)
{
        gsize taken;
        json_auto_t *some = json_pack("{s:i}", "written", 7);
        g_autoptr(GError) late = g_error_new(TB_ERROR, TB_ERROR_TIMEOUT, "late"),
                          full = g_error_new(TB_ERROR, TB_ERROR_LIMIT, "full"),
                          gone = g_error_new(TB_ERROR, TB_ERROR_GONE, "gone");
        g_assert_true(tb_console_goes_on(NULL, NULL, 10, &taken) && taken == 10);
        g_assert_true(tb_console_goes_on(some, late, 10, &taken) && taken == 7);
        g_assert_true(tb_console_goes_on(some, late, 5, &taken) && taken == 5);
        g_assert_true(tb_console_goes_on(NULL, full, 10, &taken) && taken == 0);
        g_assert_false(tb_console_goes_on(some, gone, 10, &taken));
        g_assert_false(tb_console_goes_on(NULL, late, 10, &taken)); /* nobody knows how much */
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/console-write/turns", test_turns);
        g_test_add_func("/console-write/held", test_held);
        g_test_add_func("/console-write/slow", test_slow);
        g_test_add_func("/console-write/goes-on", test_goes_on);
        return g_test_run();
}
