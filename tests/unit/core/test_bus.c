/* The bus: order, replay, gaps, subscribers that come and go inside a call. */
#include "host/core/state/bus.h"
#include "lib/limits.h"
#include "lib/thread.h"

static void count(const TbEvent *event G_GNUC_UNUSED, gpointer user)
{
        ++*(guint *)user;
}

static void test_replay(void)
{
        TbBus *bus = tb_bus_new();
        guint64 first = tb_bus_last_id(bus);
        for (int i = 0; i < 10; i++)
                tb_bus_publish(bus, "x", "dut", NULL, NULL);
        tb_bus_publish_transient(bus, "sample", "dut", "sensors", NULL);
        guint n = 0;
        g_assert_true(tb_bus_replay(bus, first, count, &n));
        g_assert_cmpuint(n, ==, 10); /* transient ones are not kept */
        n = 0;
        g_assert_true(tb_bus_replay(bus, 0, count, &n)); /* from the beginning */
        g_assert_cmpuint(n, ==, 10);
        n = 0;
        g_assert_true(tb_bus_replay(bus, first + 7, count, &n));
        g_assert_cmpuint(n, ==, 3);
        n = 0;
        g_assert_true(tb_bus_replay(bus, tb_bus_last_id(bus), count, &n));
        g_assert_cmpuint(n, ==, 0);
        g_assert_false(tb_bus_replay(bus, tb_bus_last_id(bus) + 1, count, &n)); /* an id that we never gave */
        for (int i = 0; i < TB_LIMIT_BUS_REPLAY; i++)
                tb_bus_publish(bus, "y", NULL, NULL, NULL);
        n = 0;
        g_assert_true(tb_bus_replay(bus, first + 10, count, &n)); /* just the limit */
        g_assert_cmpuint(n, ==, TB_LIMIT_BUS_REPLAY);
        n = 0;
        g_assert_false(tb_bus_replay(bus, first + 9, count, &n)); /* one more is gone, and that is said */
        g_assert_cmpuint(n, ==, TB_LIMIT_BUS_REPLAY);
        n = 0;
        g_assert_false(tb_bus_replay(bus, 0, count, &n));
        tb_bus_free(bus);
}

static void count_types(const TbEvent *event, gpointer user)
{
        guint *n = user;
        n[g_str_equal(event->type, "command")]++;
}

/* What somebody is refused pushes nothing out of the replay but what he was refused before. */
static void test_refusals(void)
{
        TbBus *bus = tb_bus_new();
        guint n[2] = {0};
        tb_bus_publish(bus, "lease.taken", "dut", NULL, NULL);
        for (int i = 0; i < TB_LIMIT_BUS_REFUSALS; i++)
                tb_bus_publish_refusal(bus, "command", "dut", NULL, json_object());
        tb_bus_replay(bus, 0, count_types, n);
        g_assert_cmpuint(n[0], ==, 1);
        g_assert_cmpuint(n[1], ==, TB_LIMIT_BUS_REFUSALS);
        for (int i = 0; i < 2 * TB_LIMIT_BUS_REPLAY; i++) /* limit + 1, and on */
                tb_bus_publish_refusal(bus, "command", "dut", NULL, json_object());
        n[0] = n[1] = 0;
        tb_bus_replay(bus, 0, count_types, n);
        g_assert_cmpuint(n[0], ==, 1);
        g_assert_cmpuint(n[1], ==, TB_LIMIT_BUS_REFUSALS);
        for (int i = 0; i < TB_LIMIT_BUS_REPLAY; i++)
                tb_bus_publish(bus, "y", NULL, NULL, NULL);
        n[0] = n[1] = 0;
        tb_bus_replay(bus, 0, count_types, n); /* all of the refusals were older */
        g_assert_cmpuint(n[0], ==, TB_LIMIT_BUS_REPLAY);
        g_assert_cmpuint(n[1], ==, 0);
        tb_bus_publish_refusal(bus, "command", "dut", NULL, json_object());
        n[0] = n[1] = 0;
        tb_bus_replay(bus, 0, count_types, n);
        g_assert_cmpuint(n[1], ==, 1);
        tb_bus_free(bus);
}

/* Few that are large count like many that are small. */
static void test_bytes(void)
{
        TbBus *bus = tb_bus_new();
        const guint size = 64 * 1024, fit = TB_LIMIT_BUS_BYTES / size;
        g_autofree char *text = g_strnfill(size, 'x');
        for (guint i = 0; i < fit - 8; i++) /* what is around the texts fits, too */
                tb_bus_publish(bus, "y", NULL, NULL, json_pack("{s:s}", "text", text));
        guint n = 0;
        g_assert_true(tb_bus_replay(bus, 0, count, &n));
        g_assert_cmpuint(n, ==, fit - 8);
        for (guint i = 0; i < fit; i++)
                tb_bus_publish(bus, "y", NULL, NULL, json_pack("{s:s}", "text", text));
        n = 0;
        g_assert_false(tb_bus_replay(bus, 0, count, &n));
        g_assert_cmpuint(n, <, fit);
        g_assert_cmpuint(n, >=, fit - 8);
        tb_bus_free(bus);
}

typedef struct Nested {
        TbBus *bus;
        guint a, b, calls_a, calls_b;
} Nested;

static void call_b(const TbEvent *event G_GNUC_UNUSED, gpointer user)
{
        ((Nested *)user)->calls_b++;
}

static void call_a(const TbEvent *event, gpointer user)
{
        Nested *n = user;
        n->calls_a++;
        if (n->calls_a == 1) {
                tb_bus_unsubscribe(n->bus, n->a); /* itself */
                tb_bus_unsubscribe(n->bus, n->b); /* one that would come after it */
                n->b = tb_bus_subscribe(n->bus, call_b, n);
                tb_bus_publish(n->bus, "inner", event->device, NULL, NULL);
        }
}

static void test_nested(void)
{
        Nested n = {.bus = tb_bus_new()};
        n.a = tb_bus_subscribe(n.bus, call_a, &n);
        n.b = tb_bus_subscribe(n.bus, call_b, &n);
        tb_bus_publish(n.bus, "outer", "dut", NULL, NULL);
        g_assert_cmpuint(n.calls_a, ==, 1);
        g_assert_cmpuint(n.calls_b, >=, 1); /* the new one heard at least the inner event */
        guint before = n.calls_b;
        tb_bus_publish(n.bus, "after", NULL, NULL, NULL);
        g_assert_cmpuint(n.calls_a, ==, 1);
        g_assert_cmpuint(n.calls_b, ==, before + 1);
        tb_bus_free(n.bus);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/bus/replay", test_replay);
        g_test_add_func("/bus/refusals", test_refusals);
        g_test_add_func("/bus/bytes", test_bytes);
        g_test_add_func("/bus/nested", test_nested);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
