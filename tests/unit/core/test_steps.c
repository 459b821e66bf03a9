/* Commands of several steps: a fault at each of them, a new holder between them, an emergency: each ends in a state that is stated. */
#include <string.h>

#include "host/core/private.h"
#include "lib/limits.h"
#include "tests/unit/core/fake.h"

#define ONE "{\"dut\": {\"label\": \"Board\", \"attach\": \"fake://x\"}}"

static bool is_ready(gpointer data)
{
        TbInterface *i = tb_core_interface(((Bench *)data)->core, "dut", "power", NULL);
        return i && tb_interface_state(i, NULL) == TB_STATE_READY;
}

static void begin(Bench *b)
{
        bench_start(b, ONE, NULL);
        bench_until(b, is_ready, b, "the lane");
        Answer a = {0};
        bench_command(b, &a, TB_ROLE_OPERATOR, NULL, "dut", "power.set", "{\"state\": \"on\"}");
        g_assert_no_error(a.error);
        answer_clear(&a);
        g_atomic_int_set(&fake.sets, 0);
        g_atomic_int_set(&fake.gets, 0);
}

static json_t *power(Bench *b)
{
        return tb_interface_power_json(tb_core_interface(b->core, "dut", "power", NULL));
}

static void assert_power(Bench *b, const char *commanded, const char *observed, bool reason)
{
        json_auto_t *o = power(b);
        g_assert_cmpstr(json_string_value(json_object_get(o, "commanded")), ==, commanded);
        g_assert_cmpstr(json_string_value(json_object_get(o, "observed")), ==, observed);
        g_assert_cmpint(json_object_get(o, "reason") != NULL, ==, reason);
}

static void note_left(const TbEvent *event, gpointer user)
{
        if (strcmp(event->type, "power.left") == 0)
                ++*(guint *)user;
}

/* "observed/running" of each power.state */
static void note_steps(const TbEvent *event, gpointer user)
{
        if (strcmp(event->type, "power.state") != 0)
                return;
        const char *running = json_string_value(json_object_get(event->data, "running"));
        g_string_append_printf(user, "%s/%s ", json_string_value(json_object_get(event->data, "observed")),
                               running ? running : "-");
}

/* Who follows the bus sees each step, and that a command is at it: a board that is off within a cycle is none that fails. */
static void test_steps_told(void)
{
        Bench b;
        Answer a = {0};
        g_autoptr(GString) steps = g_string_new(NULL);
        begin(&b);
        guint id = tb_bus_subscribe(tb_core_bus(b.core), note_steps, steps);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "power.cycle", "{\"off_s\": 0.01}");
        g_assert_no_error(a.error);
        g_assert_cmpstr(steps->str, ==, "on/cycle off/cycle on/cycle on/- ");
        tb_bus_unsubscribe(tb_core_bus(b.core), id);
        answer_clear(&a);
        bench_stop(&b, false);
}

static bool is_settled(gpointer data)
{
        return g_hash_table_size(((Bench *)data)->core->commands) == 0;
}

#define ALL (1 << 30)
/* A cycle is set off, look, set on, look. The bits say which op of its kind fails. */
static const struct {
        const char *name;
        gint sets, gets;
        bool fails;
        const char *commanded, *observed;
        bool left;
} table[] = {
        {"nothing fails", 0, 0, false, "on", "on", false},
        {"off fails once: on again is said", 1 << 0, 0, true, "on", "on", false},
        {"the look at off fails once", 0, 1 << 0, true, "on", "on", false},
        {"on fails once: tried again", 1 << 1, 0, false, "on", "on", false},
        {"on fails three times", 1 << 1 | 1 << 2 | 1 << 3, 0, false, "on", "on", false},
        {"the look at on fails once", 0, 1 << 1, false, "on", "on", false},
        {"on fails for ever: left off", 1 << 1 | ALL, 0, true, "on", "off", true},
        {"everything fails", 1 << 0 | ALL, 0, true, "on", "on", true},
};

static void test_table(void)
{
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                Bench b;
                Answer a = {0};
                guint left = 0;
                begin(&b);
                guint id = tb_bus_subscribe(tb_core_bus(b.core), note_left, &left);
                g_test_message("%s", table[i].name);
                g_atomic_int_set(&fake.fail_sets, table[i].sets);
                g_atomic_int_set(&fake.fail_gets, table[i].gets);
                bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "power.cycle",
                              "{\"off_s\": 0.01, \"timeout_s\": 2}");
                bench_until(&b, is_settled, &b, "the last look");
                g_assert_cmpint(a.error != NULL, ==, table[i].fails);
                assert_power(&b, table[i].commanded, table[i].observed, table[i].left);
                g_assert_cmpuint(left, ==, table[i].left);
                g_assert_cmpint(a.error && strstr(a.error->message, "left "), ==, table[i].left);
                if (table[i].left) { /* what works again clears it */
                        g_atomic_int_set(&fake.fail_sets, 0);
                        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "power.set",
                                      "{\"state\": \"on\"}");
                        assert_power(&b, "on", "on", false);
                }
                tb_bus_unsubscribe(tb_core_bus(b.core), id);
                answer_clear(&a);
                bench_stop(&b, false);
        }
}

static TbCommand *run(Bench *b, Answer *a, const char *user, TbRole role, const char *lease, const char *verb,
                      const char *params)
{
        json_auto_t *o = json_loads(params, 0, NULL);
        const TbActor actor = {.user = user, .role = role, .lease = lease, .via = "test"};
        return tb_core_command(b->core, &actor, "dut", verb, o, NULL, answer_cb, a);
}

static bool answered(gpointer data)
{
        return ((Answer *)data)->done;
}

static bool is_off(gpointer data G_GNUC_UNUSED)
{
        return !g_atomic_int_get(&fake.power);
}

static bool is_left(gpointer data)
{
        json_auto_t *o = power(data);
        return json_object_get(o, "reason") != NULL;
}

static char *take(Bench *b, const char *user, const char *params)
{
        Answer a = {0};
        run(b, &a, user, TB_ROLE_OPERATOR, NULL, "lease.take", params);
        bench_until(b, answered, &a, "the lease");
        g_assert_no_error(a.error);
        char *secret = g_strdup(json_string_value(json_object_get(a.result, "lease")));
        answer_clear(&a);
        return secret;
}

/* A cycle and what waits behind it end with the lease; the board stays as the new holder finds it. */
static void take_over(bool by_admin)
{
        Bench b;
        Answer cycle = {0}, queued = {0}, a = {0};
        begin(&b);
        g_autofree char *alice = take(&b, "alice", by_admin ? "{\"ttl_s\": 60}" : "{\"ttl_s\": 1}");
        run(&b, &cycle, "alice", TB_ROLE_OPERATOR, alice, "power.cycle", "{\"off_s\": 60}");
        run(&b, &queued, "alice", TB_ROLE_OPERATOR, alice, "power.set", "{\"state\": \"on\"}");
        bench_until(&b, is_off, NULL, "off");
        if (by_admin) {
                run(&b, &a, "root", TB_ROLE_ADMIN, NULL, "lease.release", "{}");
                bench_until(&b, answered, &a, "the take-over");
                g_assert_no_error(a.error);
        } else {
                g_autofree char *bob = take(&b, "bob", "{\"ttl_s\": 60, \"wait_s\": 30}");
        }
        g_assert_true(cycle.done && queued.done);
        g_assert_error(cycle.error, TB_ERROR, TB_ERROR_LOCKED);
        g_assert_error(queued.error, TB_ERROR, TB_ERROR_LOCKED);
        g_assert_nonnull(strstr(cycle.error->message, by_admin ? "root" : "bob"));
        bench_until(&b, is_left, &b, "the worker");
        bench_until(&b, is_settled, &b, "the last look");
        g_assert_cmpint(g_atomic_int_get(&fake.power), ==, 0);
        g_assert_cmpint(g_atomic_int_get(&fake.sets), ==, 1);
        assert_power(&b, "off", "off", true);
        answer_clear(&a);
        answer_clear(&cycle);
        answer_clear(&queued);
        bench_stop(&b, false);
}

static void test_take_over(void)
{
        take_over(true);
}

static void test_expiry(void)
{
        take_over(false);
}

static void test_emergency(void)
{
        Bench b;
        Answer cycle = {0}, queued = {0}, off = {0}, a = {0};
        begin(&b);
        g_autofree char *alice = take(&b, "alice", "{\"ttl_s\": 60}");
        run(&b, &off, "bob", TB_ROLE_OPERATOR, NULL, "power.set",
            "{\"state\": \"off\", \"emergency\": true}");
        bench_until(&b, answered, &off, "the refusal");
        g_assert_error(off.error, TB_ERROR, TB_ERROR_LOCKED);
        answer_clear(&off);
        g_atomic_int_set(&fake.slow_ms, 20000); /* an on that hangs */
        g_atomic_int_set(&fake.entered, 0);
        run(&b, &cycle, "alice", TB_ROLE_OPERATOR, alice, "power.set", "{\"state\": \"on\"}");
        run(&b, &queued, "alice", TB_ROLE_OPERATOR, alice, "power.cycle", "{\"off_s\": 0.01}");
        json_auto_t *on = json_pack("{s:s}", "state", "on");
        for (guint i = 0; i < TB_LIMIT_QUEUE_OF_USER; i++) { /* and a share that is full */
                const TbActor holder = {
                        .user = "alice", .role = TB_ROLE_OPERATOR, .lease = alice, .via = "test"};
                tb_core_command(b.core, &holder, "dut", "power.set", on, NULL, NULL, NULL);
        }
        while (!g_atomic_int_get(&fake.entered))
                g_main_context_iteration(NULL, FALSE);
        g_atomic_int_set(&fake.slow_ms, 0);
        run(&b, &off, "root", TB_ROLE_ADMIN, NULL, "power.set", "{\"state\": \"off\", \"emergency\": true}");
        g_assert_true(!off.done);
        bench_until(&b, answered, &off, "off");
        g_assert_no_error(off.error);
        g_assert_cmpstr(json_string_value(json_object_get(off.result, "observed")), ==, "off");
        g_assert_error(cycle.error, TB_ERROR, TB_ERROR_BUSY);
        g_assert_error(queued.error, TB_ERROR, TB_ERROR_BUSY);
        bench_until(&b, is_settled, &b, "the queue");
        assert_power(&b, "off", "off", false);
        bench_command(&b, &a, TB_ROLE_ADMIN, alice, "dut", "power.set",
                      "{\"state\": \"on\", \"emergency\": true}");
        g_assert_cmpstr(tb_error_field(a.error), ==, "emergency");
        answer_clear(&a);
        answer_clear(&off);
        answer_clear(&cycle);
        answer_clear(&queued);
        bench_stop(&b, false);
}

static bool is_back(gpointer data)
{
        return g_hash_table_size(((Bench *)data)->core->at_work) == 0;
}

/* The device goes while its worker is in the middle: the caller is told at once, and what comes back touches nothing. */
static void test_removed(void)
{
        Bench b;
        Answer a = {0};
        begin(&b);
        const TbActor admin = {.user = "root", .role = TB_ROLE_ADMIN, .via = "test"};
        json_auto_t *spec = json_pack("{s:s, s:s}", "id", "gone", "attach", "fake://y");
        g_assert_nonnull(bench_add_device(b.core, &admin, spec, NULL));
        g_atomic_int_set(&fake.slow_ms, 20000);
        g_atomic_int_set(&fake.entered, 0);
        json_auto_t *on = json_pack("{s:s}", "state", "on");
        tb_core_command(b.core, &admin, "gone", "power.set", on, NULL, answer_cb, &a);
        while (!g_atomic_int_get(&fake.entered))
                g_main_context_iteration(NULL, FALSE);
        g_assert_true(bench_remove_device(b.core, &admin, "gone", NULL));
        bench_until(&b, answered, &a, "its answer");
        g_assert_error(a.error, TB_ERROR, TB_ERROR_NOT_FOUND);
        bench_until(&b, is_back, &b, "the worker");
        g_atomic_int_set(&fake.slow_ms, 0);
        assert_power(&b, "on", "on", false); /* of the one that stays */
        answer_clear(&a);
        bench_stop(&b, false);
}

/* Its caller leaves in the middle: the cycle goes on. */
static void test_caller_leaves(void)
{
        Bench b;
        Answer a = {0};
        begin(&b);
        TbCommand *c = run(&b, &a, "alice", TB_ROLE_OPERATOR, NULL, "power.cycle", "{\"off_s\": 0.05}");
        bench_until(&b, is_off, NULL, "off");
        tb_command_cancel(c);
        bench_until(&b, is_settled, &b, "its end");
        g_assert_false(a.done);
        assert_power(&b, "on", "on", false);
        bench_stop(&b, false);
}

/* With tokens the holder is the user: without X-Lease from any tab, and not another user with it. */
static void test_holder(void)
{
        Bench b;
        Answer a = {0};
        begin(&b);
        g_assert_true(tb_auth_add(b.config->auth, "alice", "alice-has-a-long-token", TB_ROLE_OPERATOR, NULL));
        g_assert_true(tb_auth_add(b.config->auth, "bob", "bob-has-a-long-token-too", TB_ROLE_OPERATOR, NULL));
        g_autofree char *secret = take(&b, "alice", "{}");
        static const struct {
                const char *user;
                bool secret, allowed;
        } who[] = {{"alice", false, true},
                   {"alice", true, true},
                   {"bob", false, false},
                   {"bob", true, false},
                   {"observer:alice", false, false},
                   {"server:alice", false, false}};
        for (guint i = 0; i < G_N_ELEMENTS(who); i++) {
                run(&b, &a, who[i].user, TB_ROLE_OPERATOR, who[i].secret ? secret : NULL, "power.set",
                    "{\"state\": \"on\"}");
                bench_until(&b, answered, &a, who[i].user);
                g_assert_cmpint(a.error == NULL, ==, who[i].allowed);
                answer_clear(&a);
        }
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/steps/table", test_table);
        g_test_add_func("/steps/told", test_steps_told);
        g_test_add_func("/steps/take-over", test_take_over);
        g_test_add_func("/steps/expiry", test_expiry);
        g_test_add_func("/steps/removed", test_removed);
        g_test_add_func("/steps/emergency", test_emergency);
        g_test_add_func("/steps/caller-leaves", test_caller_leaves);
        g_test_add_func("/steps/holder", test_holder);
        return g_test_run();
}
