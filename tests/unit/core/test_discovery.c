/* What a driver's discovery tells: counted on its way to main; faults once. The hardware is tests/unit/core/fake.c. */
#include <string.h>

#include "lib/limits.h"
#include "tests/unit/core/fake.h"

#define FLOOD 5000

typedef struct Seen {
        guint floods, faults, running;
        int most; /* told and not yet arrived */
} Seen;

static void on_event(const TbEvent *event, gpointer user)
{
        Seen *seen = user;
        if (strcmp(event->type, "flood") == 0) {
                seen->floods++;
                seen->most = MAX(seen->most, g_atomic_int_get(&fake.flooded) - (int)seen->floods);
        } else if (strcmp(event->type, "discovery.fault") == 0) {
                const char *reason = json_string_value(json_object_get(event->data, "reason"));
                g_assert_cmpstr(reason, ==, "the fake bus is broken \xef\xbf\xbd");
                seen->faults++;
        } else if (strcmp(event->type, "discovery.running") == 0) {
                seen->running++;
        }
}

static bool is_done(gpointer data)
{
        return ((Answer *)data)->done;
}

/* Whoever tells faster than main takes it waits; nothing is lost, and the answer comes after what it told. */
static void test_flood(void)
{
        Bench b;
        Answer a = {0};
        Seen seen = {0};
        const TbActor actor = {.user = "test", .role = TB_ROLE_OPERATOR, .via = "test"};
        bench_start(&b, "[]", NULL);
        guint id = tb_bus_subscribe(tb_core_bus(b.core), on_event, &seen);
        g_atomic_int_set(&fake.flood, FLOOD);
        tb_core_host_bus(b.core, &actor, "usb", TB_BUS_POWER, "1-1", true, answer_cb, &a);
        bench_until(&b, is_done, &a, "the end of the flood");
        g_assert_no_error(a.error);
        g_assert_cmpuint(seen.floods, ==, FLOOD);
        g_assert_cmpint(seen.most, <=, TB_LIMIT_LANE_BYTES / FAKE_EVENT + 1);
        tb_bus_unsubscribe(tb_core_bus(b.core), id);
        answer_clear(&a);
        bench_stop(&b, false);
}

static bool tried_thrice(gpointer data G_GNUC_UNUSED)
{
        return g_atomic_int_get(&fake.bus_opens) >= 4;
}

static bool runs(gpointer data)
{
        return ((Seen *)data)->running > 0;
}

static void test_fault_once(void)
{
        Bench b;
        Seen seen = {0};
        bench_start(&b, "[]", NULL);
        guint id = tb_bus_subscribe(tb_core_bus(b.core), on_event, &seen);
        g_atomic_int_set(&fake.no_bus, 1);
        bench_until(&b, tried_thrice, NULL, "three tries");
        g_assert_cmpuint(seen.faults, ==, 1);
        g_assert_cmpuint(seen.running, ==, 0);
        json_auto_t *problems = tb_core_problems_json(b.core, true);
        g_assert_cmpuint(json_array_size(problems), ==, 1);
        g_atomic_int_set(&fake.no_bus, 0);
        bench_until(&b, runs, &seen, "that it runs again");
        g_assert_cmpuint(seen.faults, ==, 1);
        g_assert_cmpuint(seen.running, ==, 1);
        tb_bus_unsubscribe(tb_core_bus(b.core), id);
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/discovery/flood", test_flood);
        g_test_add_func("/discovery/fault-once", test_fault_once);
        return g_test_run();
}
