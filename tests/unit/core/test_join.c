/* Reads of a state join, and emergencies: how many calls the device sees, that nobody is answered from before a change, and who ends what. */
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
        g_assert_cmpuint(power->joints->len, ==, 1);
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
        g_assert_cmpuint(power->joints->len, ==, 0);
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
        g_assert_cmpuint(tb_core_interface(b.core, "dut", "power", NULL)->joints->len, ==, 2);
        g_atomic_int_set(&fake.hold_gets, 0);
        assert_observed(&b, &before, "off");
        assert_observed(&b, &set, "on");
        for (guint i = 0; i < G_N_ELEMENTS(after); i++)
                assert_observed(&b, &after[i], "on");
        g_assert_cmpint(g_atomic_int_get(&fake.gets), ==, 3); /* before; the read-back; all that came after */
        bench_until(&b, is_quiet, &b, "quiet");
        bench_stop(&b, false);
}

static gboolean wake(gpointer fired)
{
        *(bool *)fired = true;
        return G_SOURCE_REMOVE;
}

static bool is_true(gpointer value)
{
        return *(const bool *)value;
}

/* A cycle keeps the lane: who asks is answered after TB_LIMIT_KNOWN_MS with what the cycle has seen. A device that is being asked is
 * waited for. */
static void test_known(void)
{
        Bench b;
        Answer cycle = {0}, off = {0}, during = {0}, slow = {0};
        begin(&b);
        g_atomic_int_set(&fake.hold_gets, 0);
        run(&b, &cycle, "bob", TB_ROLE_OPERATOR, "power.cycle", "{\"off_s\": 60}");
        gint64 begun = g_get_monotonic_time();
        get(&b, &during, "eve", TB_ROLE_VIEWER);
        bench_until(&b, is_answered, &during, "what is known");
        g_assert_cmpstr(json_string_value(json_object_get(during.result, "commanded")), ==,
                        "on"); /* as it is to end */
        g_assert_cmpstr(json_string_value(json_object_get(during.result, "running")), ==,
                        "cycle"); /* that it is off is no fault */
        assert_observed(&b, &during, "off");
        g_assert_cmpint(g_get_monotonic_time() - begun, >=, TB_LIMIT_KNOWN_MS * 1000);
        g_assert_false(cycle.done);
        run(&b, &off, "bob", TB_ROLE_OPERATOR, "power.set", "{\"state\": \"off\", \"emergency\": true}");
        bench_until(&b, is_answered, &cycle, "the cycle's end");
        bench_until(&b, is_quiet, &b, "quiet");
        answer_clear(&cycle);
        answer_clear(&off);
        g_atomic_int_set(&fake.hold_gets, 1);
        get(&b, &slow, "eve", TB_ROLE_VIEWER);
        bool fired = false;
        g_timeout_add(TB_LIMIT_KNOWN_MS + 100, wake, &fired);
        bench_until(&b, is_true, &fired, "the time");
        g_assert_false(slow.done);
        g_atomic_int_set(&fake.hold_gets, 0);
        assert_observed(&b, &slow, "off");
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

#define OFF_NOW "{\"state\": \"off\", \"emergency\": true}"

static TbCommand *off_now(Bench *b, Answer *a, const char *user, TbRole role)
{
        return run(b, a, user, role, "power.set", OFF_NOW);
}

/* It is on, and an emergency of otto is in its read-back, which takes until `hold_gets` is taken back. */
static void begin_emergency(Bench *b, Answer *otto)
{
        Answer on = {0};
        begin(b);
        g_atomic_int_set(&fake.hold_gets, 0);
        run(b, &on, "otto", TB_ROLE_OPERATOR, "power.set", "{\"state\": \"on\"}");
        assert_observed(b, &on, "on");
        bench_until(b, is_quiet, b, "quiet");
        g_atomic_int_set(&fake.hold_gets, 1);
        g_atomic_int_set(&fake.sets, 0);
        g_atomic_int_set(&fake.interrupted, 0);
        off_now(b, otto, "otto", TB_ROLE_OPERATOR);
        bench_until(b, is_reading, NULL, "the driver");
}

/* However often somebody presses, and whatever is asked for in between: no emergency ends another one, and who asks after a change
 * has a look that is later. */
static void test_emergencies(void)
{
        Bench b;
        Answer otto[4] = {0}, root[2] = {0}, on = {0};
        begin_emergency(&b, &otto[0]);
        off_now(&b, &otto[1], "otto", TB_ROLE_OPERATOR);
        off_now(&b, &root[0], "root", TB_ROLE_ADMIN);
        GPtrArray *joints = tb_core_interface(b.core, "dut", "power", NULL)->joints;
        g_assert_cmpuint(joints->len, ==, 1);
        run(&b, &on, "otto", TB_ROLE_OPERATOR, "power.set", "{\"state\": \"on\"}");
        off_now(&b, &root[1], "root", TB_ROLE_ADMIN);
        for (guint i = 2; i < G_N_ELEMENTS(otto); i++)
                off_now(&b, &otto[i], "otto", TB_ROLE_OPERATOR);
        g_assert_cmpuint(joints->len, ==, 2);
        bench_until(&b, is_answered, &on, "the one that is none");
        g_assert_error(on.error, TB_ERROR, TB_ERROR_BUSY);
        g_atomic_int_set(&fake.hold_gets, 0);
        for (guint i = 0; i < G_N_ELEMENTS(root); i++)
                assert_observed(&b, &root[i], "off");
        for (guint i = 0; i < G_N_ELEMENTS(otto); i++)
                assert_observed(&b, &otto[i], "off");
        bench_until(&b, is_quiet, &b, "quiet");
        g_assert_cmpint(g_atomic_int_get(&fake.sets), ==, 2);
        g_assert_cmpint(g_atomic_int_get(&fake.power), ==, 0);
        answer_clear(&on);
        bench_stop(&b, false);
}

/* A caller of an emergency loses the device: the emergency is the others' still. The last one: it ends. */
static void test_emergency_revoked(void)
{
        Bench b;
        Answer otto = {0}, root = {0}, lease = {0}, again = {0};
        begin_emergency(&b, &otto);
        off_now(&b, &root, "root", TB_ROLE_ADMIN);
        run(&b, &lease, "bob", TB_ROLE_OPERATOR, "lease.take", "{}");
        bench_until(&b, is_answered, &otto, "the one who lost it");
        g_assert_error(otto.error, TB_ERROR, TB_ERROR_LOCKED);
        g_assert_false(root.done);
        g_atomic_int_set(&fake.hold_gets, 0);
        assert_observed(&b, &root, "off");
        off_now(&b, &again, "otto", TB_ROLE_OPERATOR);
        bench_until(&b, is_answered, &again, "the refusal");
        g_assert_error(again.error, TB_ERROR, TB_ERROR_LOCKED);
        answer_clear(&otto);
        answer_clear(&again);
        bench_until(&b, is_answered, &lease, "the lease");
        answer_clear(&lease);
        bench_stop(&b, false);
}

/* Those that were withdrawn while they waited keep no place of the lane. */
static void test_emergencies_withdrawn(void)
{
        Bench b;
        Answer otto = {0}, root = {0};
        begin_emergency(&b, &otto);
        for (guint i = 0; i <= 2 * TB_LIMIT_QUEUE_URGENT; i++) {
                Answer on = {0}, off = {0};
                run(&b, &on, "otto", TB_ROLE_OPERATOR, "power.set", "{\"state\": \"on\"}");
                TbCommand *waits = off_now(&b, &off, "otto", TB_ROLE_OPERATOR);
                tb_command_withdraw(waits, g_error_new(TB_ERROR, TB_ERROR_LOCKED, "somebody took it"));
                bench_until(&b, is_answered, &on, "the end of on");
                bench_until(&b, is_answered, &off, "its end");
                g_assert_error(off.error, TB_ERROR, TB_ERROR_LOCKED);
                answer_clear(&on);
                answer_clear(&off);
        }
        off_now(&b, &root, "root", TB_ROLE_ADMIN);
        g_atomic_int_set(&fake.hold_gets, 0);
        assert_observed(&b, &root, "off");
        assert_observed(&b, &otto, "off");
        g_assert_cmpint(g_atomic_int_get(&fake.sets), ==, 2);
        bench_stop(&b, false);
}

/* A crowd at the limit, and one beyond: an admin finds a place. */
static void test_emergency_places(void)
{
        Bench b;
        const guint n = TB_LIMIT_JOINED / 2 + 1, room = TB_LIMIT_JOINED / 4;
        g_autofree Answer *otto = g_new0(Answer, n), *mallory = g_new0(Answer, n);
        Answer root = {0};
        begin_emergency(&b, &otto[0]);
        for (guint i = 1; i < n; i++)
                off_now(&b, &otto[i], "otto", TB_ROLE_OPERATOR);
        for (guint i = 0; i <= room; i++)
                off_now(&b, &mallory[i], "mallory", TB_ROLE_OPERATOR);
        bench_until(&b, is_answered, &otto[n - 1], "the refusal");
        g_assert_error(otto[n - 1].error, TB_ERROR, TB_ERROR_LIMIT);
        bench_until(&b, is_answered, &mallory[room], "the refusal");
        g_assert_error(mallory[room].error, TB_ERROR, TB_ERROR_LIMIT);
        off_now(&b, &root, "root", TB_ROLE_ADMIN);
        g_atomic_int_set(&fake.hold_gets, 0);
        assert_observed(&b, &root, "off");
        for (guint i = 0; i < n - 1; i++)
                assert_observed(&b, &otto[i], "off");
        for (guint i = 0; i < room; i++)
                assert_observed(&b, &mallory[i], "off");
        g_assert_cmpint(g_atomic_int_get(&fake.sets), ==, 1);
        answer_clear(&otto[n - 1]);
        answer_clear(&mallory[room]);
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/join/one-call", test_one_call);
        g_test_add_func("/join/changes", test_changes);
        g_test_add_func("/join/known", test_known);
        g_test_add_func("/join/leaving", test_leaving);
        g_test_add_func("/join/failing", test_failing);
        g_test_add_func("/join/late", test_late);
        g_test_add_func("/join/bus", test_bus);
        g_test_add_func("/join/bus-fails", test_bus_fails);
        g_test_add_func("/join/emergencies", test_emergencies);
        g_test_add_func("/join/emergency-revoked", test_emergency_revoked);
        g_test_add_func("/join/emergencies-withdrawn", test_emergencies_withdrawn);
        g_test_add_func("/join/emergency-places", test_emergency_places);
        return g_test_run();
}
