/* Reads of a state join: how many calls the device sees, that nobody is answered from before a change, and who ends what. */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"
#include "tests/unit/core/fake.h"

#define ONE "{\"dut\": {\"label\": \"Board\", \"attach\": \"fake://x\"}}"

static bool is_ready(gpointer data)
{
        TbInterface *i = tb_core_interface(((Bench *)data)->core, "dut", "power", NULL);
        return i && tb_interface_state(i, NULL) == TB_STATE_READY;
}

static bool is_answered(gpointer data)
{
        return ((Answer *)data)->done;
}

static bool is_reading(gpointer data G_GNUC_UNUSED)
{
        return g_atomic_int_get(&fake.reading) != 0;
}

static bool is_quiet(gpointer data)
{
        return g_hash_table_size(((Bench *)data)->core->commands) == 0;
}

static void begin(Bench *b)
{
        bench_start(b, ONE, NULL);
        bench_until(b, is_ready, b, "the lane");
        g_atomic_int_set(&fake.hold_gets, 1);
}

static TbCommand *run(Bench *b, Answer *a, const char *user, TbRole role, const char *verb,
                      const char *params)
{
        const TbActor actor = {.user = user, .role = role, .via = "test"};
        json_auto_t *p = params ? json_loads(params, 0, NULL) : NULL;
        return tb_core_command(b->core, &actor, "dut", verb, p, NULL, answer_cb, a);
}

static TbCommand *get(Bench *b, Answer *a, const char *user, TbRole role)
{
        return run(b, a, user, role, "power.get", NULL);
}

static void assert_observed(Bench *b, Answer *a, const char *observed)
{
        bench_until(b, is_answered, a, "an answer");
        g_assert_no_error(a->error);
        g_assert_cmpstr(json_string_value(json_object_get(a->result, "observed")), ==, observed);
        answer_clear(a);
}

/* 500 GETs of a viewer are one call; so are those of who controls beside them. At the limits, and one beyond. */
static void test_one_call(void)
{
        Bench b;
        begin(&b);
        const guint n = TB_LIMIT_JOINED / 2 + 1;
        g_autofree Answer *eve = g_new0(Answer, n), *mallory = g_new0(Answer, n);
        Answer bob = {0};
        get(&b, &eve[0], "eve", TB_ROLE_VIEWER);
        bench_until(&b, is_reading, NULL, "the driver");
        for (guint i = 1; i < n; i++)
                get(&b, &eve[i], "eve", TB_ROLE_VIEWER);
        bench_until(&b, is_answered, &eve[n - 1], "the refusal");
        g_assert_error(eve[n - 1].error, TB_ERROR, TB_ERROR_LIMIT);
        guint room = TB_LIMIT_JOINED / 4;
        for (guint i = 0; i <= room; i++)
                get(&b, &mallory[i], "mallory", TB_ROLE_VIEWER);
        bench_until(&b, is_answered, &mallory[room], "the refusal");
        g_assert_error(mallory[room].error, TB_ERROR, TB_ERROR_LIMIT);
        get(&b, &bob, "bob", TB_ROLE_OPERATOR);
        TbInterface *power = tb_core_interface(b.core, "dut", "power", NULL);
        g_assert_cmpuint(power->reads->len, ==, 1);
        g_assert_false(eve[0].done || bob.done);
        g_atomic_int_set(&fake.hold_gets, 0);
        assert_observed(&b, &bob, "off");
        for (guint i = 0; i + 1 < n; i++)
                assert_observed(&b, &eve[i], "off");
        for (guint i = 0; i < room; i++)
                assert_observed(&b, &mallory[i], "off");
        g_assert_cmpint(g_atomic_int_get(&fake.gets), ==, 1);
        answer_clear(&eve[n - 1]);
        answer_clear(&mallory[room]);
        g_assert_cmpuint(power->reads->len, ==, 0);
        bench_stop(&b, false);
}

/* A read that began before a change answers nobody who came after it; one that waits looks after it, and is joined. */
static void test_changes(void)
{
        Bench b;
        Answer before = {0}, set = {0}, after[3] = {0};
        begin(&b);
        get(&b, &before, "eve", TB_ROLE_VIEWER);
        bench_until(&b, is_reading, NULL, "the driver");
        run(&b, &set, "bob", TB_ROLE_OPERATOR, "power.set", "{\"state\": \"on\"}");
        for (guint i = 0; i < G_N_ELEMENTS(after); i++)
                get(&b, &after[i], i ? "eve" : "bob", i ? TB_ROLE_VIEWER : TB_ROLE_OPERATOR);
        g_assert_cmpuint(tb_core_interface(b.core, "dut", "power", NULL)->reads->len, ==, 2);
        g_atomic_int_set(&fake.hold_gets, 0);
        assert_observed(&b, &before, "off");
        assert_observed(&b, &set, "on");
        for (guint i = 0; i < G_N_ELEMENTS(after); i++)
                assert_observed(&b, &after[i], "on");
        g_assert_cmpint(g_atomic_int_get(&fake.gets), ==, 3); /* before; the read-back; all that came after */
        bench_until(&b, is_quiet, &b, "quiet");
        bench_stop(&b, false);
}

/* Who came first leaves: the others are answered. The last one leaves: the driver is let go. */
static void test_leaving(void)
{
        Bench b;
        Answer a[3] = {0};
        begin(&b);
        TbCommand *first = get(&b, &a[0], "eve", TB_ROLE_VIEWER);
        bench_until(&b, is_reading, NULL, "the driver");
        get(&b, &a[1], "bob", TB_ROLE_OPERATOR);
        tb_command_cancel(first);
        g_atomic_int_set(&fake.hold_gets, 0);
        assert_observed(&b, &a[1], "off");
        g_assert_false(a[0].done);
        g_atomic_int_set(&fake.hold_gets, 1);
        first = get(&b, &a[0], "eve", TB_ROLE_VIEWER);
        TbCommand *second = get(&b, &a[1], "bob", TB_ROLE_OPERATOR);
        bench_until(&b, is_reading, NULL, "the driver");
        tb_command_cancel(first);
        tb_command_cancel(second);
        bench_until(&b, is_quiet, &b, "quiet");
        while (g_atomic_int_get(&fake.reading)) /* it was interrupted: hold_gets is set still */
                g_main_context_iteration(NULL, FALSE);
        g_assert_cmpint(g_atomic_int_get(&fake.gets), ==, 1);
        get(&b, &a[2], "bob", TB_ROLE_OPERATOR); /* and no answer from the dead one */
        g_atomic_int_set(&fake.hold_gets, 0);
        assert_observed(&b, &a[2], "off");
        bench_stop(&b, false);
}

/* A failure is everybody's; a removed device's callers are told. */
static void test_failing(void)
{
        Bench b;
        Answer a[2] = {0};
        begin(&b);
        g_atomic_int_set(&fake.fail_gets, 1);
        for (guint i = 0; i < 2; i++)
                get(&b, &a[i], i ? "bob" : "eve", TB_ROLE_VIEWER);
        g_atomic_int_set(&fake.hold_gets, 0);
        for (guint i = 0; i < 2; i++) {
                bench_until(&b, is_answered, &a[i], "the failure");
                g_assert_error(a[i].error, TB_ERROR, TB_ERROR_DEVICE);
                answer_clear(&a[i]);
        }
        g_atomic_int_set(&fake.hold_gets, 1);
        for (guint i = 0; i < 2; i++)
                get(&b, &a[i], i ? "bob" : "eve", TB_ROLE_VIEWER);
        bench_until(&b, is_reading, NULL, "the driver");
        tb_commands_of_removed(b.core, tb_core_device(b.core, "dut", NULL));
        for (guint i = 0; i < 2; i++) {
                bench_until(&b, is_answered, &a[i], "the refusal");
                g_assert_error(a[i].error, TB_ERROR, TB_ERROR_NOT_FOUND);
                answer_clear(&a[i]);
        }
        bench_stop(&b, false);
}

/* The lane was busy until the first caller's time was up: who came later has time left, and a read of its own. */
static void test_late(void)
{
        Bench b;
        Answer set = {0}, a[2] = {0};
        begin(&b);
        g_atomic_int_set(&fake.hold_gets, 0);
        g_atomic_int_set(&fake.slow_ms, 100);
        run(&b, &set, "bob", TB_ROLE_OPERATOR, "power.set", "{\"state\": \"on\"}");
        TbCommand *first = get(&b, &a[0], "eve", TB_ROLE_VIEWER);
        get(&b, &a[1], "eve", TB_ROLE_VIEWER);
        first->call.deadline_us = 1;
        GHashTableIter iter;
        gpointer c;
        g_hash_table_iter_init(&iter, b.core->commands);
        while (g_hash_table_iter_next(&iter, &c, NULL))
                if (((TbCommand *)c)->leads)
                        ((TbCommand *)c)->call.deadline_us = 1;
        bench_until(&b, is_answered, &a[0], "the refusal");
        g_assert_error(a[0].error, TB_ERROR, TB_ERROR_TIMEOUT);
        assert_observed(&b, &a[1], "on");
        answer_clear(&a[0]);
        answer_clear(&set);
        bench_stop(&b, false);
}

static bool is_looking(gpointer data G_GNUC_UNUSED)
{
        return g_atomic_int_get(&fake.looking) != 0;
}

static void bus(Bench *b, Answer *a, const char *user, TbRole role, TbBusOp op)
{
        const TbActor actor = {.user = user, .role = role, .via = "test"};
        tb_core_host_bus(b->core, &actor, "usb", op, "1-1", true, answer_cb, a);
}

/* The host's bus: looks join, but for those after a change; a viewer's flood leaves room for who switches. */
static void test_bus(void)
{
        Bench b;
        Answer power = {0}, after[2] = {0};
        const guint n = TB_LIMIT_JOINED / 2 + 1;
        g_autofree Answer *eve = g_new0(Answer, n);
        begin(&b);
        g_atomic_int_set(&fake.hold_looks, 1);
        bus(&b, &eve[0], "eve", TB_ROLE_VIEWER, TB_BUS_TREE);
        bench_until(&b, is_looking, NULL, "the bus");
        for (guint i = 1; i < n; i++)
                bus(&b, &eve[i], "eve", TB_ROLE_VIEWER, TB_BUS_TREE);
        bus(&b, &power, "bob", TB_ROLE_OPERATOR, TB_BUS_POWER);
        for (guint i = 0; i < G_N_ELEMENTS(after); i++)
                bus(&b, &after[i], "eve", TB_ROLE_VIEWER, TB_BUS_TREE);
        g_atomic_int_set(&fake.hold_looks, 0);
        for (guint i = 0; i < G_N_ELEMENTS(after); i++) {
                bench_until(&b, is_answered, &after[i], "the tree");
                g_assert_cmpint(json_integer_value(json_object_get(after[i].result, "port")), ==, 1);
                answer_clear(&after[i]);
        }
        g_assert_no_error(power.error);
        answer_clear(&power);
        for (guint i = 0; i < n; i++) {
                bench_until(&b, is_answered, &eve[i], "the look");
                if (i + 1 == n)
                        g_assert_error(eve[i].error, TB_ERROR, TB_ERROR_LIMIT);
                else
                        g_assert_cmpint(json_integer_value(json_object_get(eve[i].result, "port")), ==, 0);
                answer_clear(&eve[i]);
        }
        g_assert_cmpint(g_atomic_int_get(&fake.looks), ==, 2);
        bench_stop(&b, false);
}

/* What the bus's thread fails at is answered once, however soon the thread was: before who asked for it went on. */
static void test_bus_fails(void)
{
        static const TbBusOp ops[] = {TB_BUS_RESET, TB_BUS_POWER, TB_BUS_TREE};
        Bench b;
        begin(&b);
        g_atomic_int_set(&fake.fail_bus, 1);
        for (int i = 0; i < 3000; i++) {
                Answer a[2] = {0};
                for (guint k = 0; k < G_N_ELEMENTS(a); k++)
                        bus(&b, &a[k], "bob", TB_ROLE_OPERATOR, ops[i % 3]);
                for (guint k = 0; k < G_N_ELEMENTS(a); k++) {
                        bench_until(&b, is_answered, &a[k], "the refusal");
                        g_assert_error(a[k].error, TB_ERROR, TB_ERROR_NOT_FOUND);
                }
                while (g_main_context_iteration(NULL, FALSE)) /* a second answer would come here */
                        ;
                for (guint k = 0; k < G_N_ELEMENTS(a); k++)
                        answer_clear(&a[k]);
        }
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/join/one-call", test_one_call);
        g_test_add_func("/join/changes", test_changes);
        g_test_add_func("/join/leaving", test_leaving);
        g_test_add_func("/join/failing", test_failing);
        g_test_add_func("/join/late", test_late);
        g_test_add_func("/join/bus", test_bus);
        g_test_add_func("/join/bus-fails", test_bus_fails);
        return g_test_run();
}
