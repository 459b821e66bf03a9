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

/* TB_LIMIT_BUS_VIEWERS: who comes and goes pushes out others who came and went, and no refusals either. */
static void test_viewers(void)
{
        TbBus *bus = tb_bus_new();
        guint n[2] = {0};
        tb_bus_publish(bus, "lease.taken", "dut", NULL, NULL);
        tb_bus_publish_share(bus, TB_BUS_REFUSALS, "command", "dut", NULL, json_object());
        for (int i = 0; i < 2 * TB_LIMIT_BUS_REPLAY; i++) {
                tb_bus_publish_share(bus, TB_BUS_VIEWERS, "viewer.joined", "dut", NULL, json_object());
                n[0] = n[1] = 0;
                if (i == TB_LIMIT_BUS_VIEWERS - 1 || i == TB_LIMIT_BUS_VIEWERS ||
                    i == 2 * TB_LIMIT_BUS_REPLAY - 1) {
                        tb_bus_replay(bus, 0, count_types, n);
                        g_assert_cmpuint(n[0], ==, 1 + TB_LIMIT_BUS_VIEWERS);
                        g_assert_cmpuint(n[1], ==, 1);
                }
        }
        for (int i = 0; i < TB_LIMIT_BUS_REPLAY; i++)
                tb_bus_publish(bus, "y", NULL, NULL, NULL);
        tb_bus_publish_share(bus, TB_BUS_VIEWERS, "viewer.left", "dut", NULL, json_object());
        n[0] = n[1] = 0;
        tb_bus_replay(bus, 0, count_types, n); /* the shares' events were older */
        g_assert_cmpuint(n[0], ==, TB_LIMIT_BUS_REPLAY);
        g_assert_cmpuint(n[1], ==, 0);
        tb_bus_free(bus);
}

/* TB_LIMIT_BUS_PHONES: a phone in a stranger's hand pushes out what phones said before, and nothing else. */
static void test_phones(void)
{
        TbBus *bus = tb_bus_new();
        guint n[2] = {0};
        tb_bus_publish(bus, "command", "dut", NULL, NULL);
        for (int i = 0; i < TB_LIMIT_BUS_REPLAY + 1; i++) {
                tb_bus_publish_share(bus, TB_BUS_PHONES, "button.down", "phone1", NULL, json_object());
                if (i != TB_LIMIT_BUS_PHONES - 1 && i != TB_LIMIT_BUS_PHONES && i != TB_LIMIT_BUS_REPLAY)
                        continue;
                n[0] = n[1] = 0;
                tb_bus_replay(bus, 0, count_types, n);
                g_assert_cmpuint(n[0], ==, TB_LIMIT_BUS_PHONES);
                g_assert_cmpuint(n[1], ==, 1);
        }
        tb_bus_free(bus);
}

/* What somebody is refused pushes nothing out of the replay but what he was refused before. */
static void test_refusals(void)
{
        TbBus *bus = tb_bus_new();
        guint n[2] = {0};
        tb_bus_publish(bus, "lease.taken", "dut", NULL, NULL);
        for (int i = 0; i < TB_LIMIT_BUS_REFUSALS; i++)
                tb_bus_publish_share(bus, TB_BUS_REFUSALS, "command", "dut", NULL, json_object());
        tb_bus_replay(bus, 0, count_types, n);
        g_assert_cmpuint(n[0], ==, 1);
        g_assert_cmpuint(n[1], ==, TB_LIMIT_BUS_REFUSALS);
        for (int i = 0; i < 2 * TB_LIMIT_BUS_REPLAY; i++) /* limit + 1, and on */
                tb_bus_publish_share(bus, TB_BUS_REFUSALS, "command", "dut", NULL, json_object());
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
        tb_bus_publish_share(bus, TB_BUS_REFUSALS, "command", "dut", NULL, json_object());
        n[0] = n[1] = 0;
        tb_bus_replay(bus, 0, count_types, n);
        g_assert_cmpuint(n[1], ==, 1);
        tb_bus_free(bus);
}

/* Shares that are mixed, and older than all else, go oldest first, each out of its own. */
static void test_mixed_shares(void)
{
        TbBus *bus = tb_bus_new();
        guint n[2] = {0};
        for (int i = 0; i < 2 * TB_LIMIT_BUS_VIEWERS; i++) {
                tb_bus_publish_share(bus, TB_BUS_VIEWERS, "viewer.joined", "dut", NULL, NULL);
                tb_bus_publish_share(bus, TB_BUS_REFUSALS, "command", "dut", NULL, NULL);
        }
        tb_bus_replay(bus, 0, count_types, n);
        g_assert_cmpuint(n[0], ==, TB_LIMIT_BUS_VIEWERS);
        g_assert_cmpuint(n[1], ==, TB_LIMIT_BUS_REFUSALS);
        for (int i = 0; i < TB_LIMIT_BUS_REPLAY - TB_LIMIT_BUS_REFUSALS; i++) /* the older two thirds go */
                tb_bus_publish(bus, "y", NULL, NULL, NULL);
        n[0] = n[1] = 0;
        tb_bus_replay(bus, 0, count_types, n);
        g_assert_cmpuint(n[0] + n[1], ==, TB_LIMIT_BUS_REPLAY);
        for (int i = 0; i < TB_LIMIT_BUS_REFUSALS; i++) {
                tb_bus_publish_share(bus, TB_BUS_VIEWERS, "viewer.left", "dut", NULL, NULL);
                tb_bus_publish_share(bus, TB_BUS_REFUSALS, "command", "dut", NULL, NULL);
        }
        n[0] = n[1] = 0;
        tb_bus_replay(bus, 0, count_types, n);
        g_assert_cmpuint(n[0] + n[1], <=, TB_LIMIT_BUS_REPLAY);
        g_assert_cmpuint(n[1], ==, TB_LIMIT_BUS_REFUSALS);
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

/* --- readers --- */
typedef struct Reader {
        TbBus *bus;
        guint id, n;
        guint64 lost;
        GArray *values; /* of guint */
        const char *last_text;
        gint64 slow_us;
        guint leaves_at; /* n; 0: never */
        guint *calls;    /* of all */
} Reader;

static void reader_lost(guint64 events, gpointer user)
{
        ((Reader *)user)->lost += events;
}

static void reader_read(const TbEvent *event, gpointer user)
{
        Reader *r = user;
        guint value = (guint)json_integer_value(json_object_get(event->data, "value"));
        for (gint64 until = g_get_monotonic_time() + r->slow_us; g_get_monotonic_time() < until;)
                ;
        g_array_append_val(r->values, value);
        r->last_text = tb_event_text(event, TB_EVENT_MESSAGE, NULL);
        if (r->calls)
                ++*r->calls;
        if (++r->n == r->leaves_at)
                tb_bus_unsubscribe(r->bus, r->id);
}

static void readers_open(TbBus *bus, Reader *readers, guint n, guint *calls)
{
        for (guint i = 0; i < n; i++) {
                readers[i] = (Reader){
                        .bus = bus, .values = g_array_new(FALSE, FALSE, sizeof(guint)), .calls = calls};
                readers[i].id = tb_bus_read(bus, reader_read, reader_lost, &readers[i]);
        }
}

static void readers_close(TbBus *bus, Reader *readers, guint n)
{
        for (guint i = 0; i < n; i++) {
                tb_bus_unsubscribe(bus, readers[i].id);
                g_array_unref(readers[i].values);
        }
}

static void sample(TbBus *bus, const char *stream, guint value)
{
        tb_bus_publish_transient(bus, "sample", "dut", "sensors",
                                 json_pack("{s:s, s:i}", "stream", stream, "value", (int)value));
}

static void run_dry(guint *calls)
{
        guint before;
        do {
                before = *calls;
                g_main_context_iteration(NULL, FALSE);
        } while (*calls > before || g_main_context_pending(NULL));
}

/* Who publishes tells few; the others are told in turns that end, each in order, and the text is one for all. */
static void test_turns(void)
{
        enum { READERS = 100, EVENTS = 20 };
        TbBus *bus = tb_bus_new();
        Reader readers[READERS];
        guint calls = 0;
        readers_open(bus, readers, READERS, &calls);
        for (guint i = 0; i < EVENTS; i++)
                sample(bus, "a", i);
        g_assert_cmpuint(calls, ==, TB_LIMIT_BUS_AT_ONCE);
        for (guint i = 0; i < READERS; i++)
                readers[i].slow_us = TB_LIMIT_TURN_US / 4;
        while (calls < READERS * EVENTS / 4) {
                guint before = calls;
                g_main_context_iteration(NULL, TRUE);
                g_assert_cmpuint(calls - before, <=, 4);
        }
        for (guint i = 0; i < READERS; i++)
                readers[i].slow_us = 0;
        run_dry(&calls);
        for (guint i = 0; i < READERS; i++) {
                g_assert_cmpuint(readers[i].values->len, ==, EVENTS);
                for (guint k = 0; k < EVENTS; k++)
                        g_assert_cmpuint(g_array_index(readers[i].values, guint, k), ==, k);
        }
        sample(bus, "a", 0);
        guint same = 0;
        for (guint i = 0; i < READERS; i++)
                same += readers[i].n == EVENTS + 1 &&
                        readers[i].last_text == readers[(i + 1) % READERS].last_text;
        g_assert_cmpuint(same, >=, TB_LIMIT_BUS_AT_ONCE - 1); /* not only alike: the same bytes */
        readers_close(bus, readers, READERS);
        tb_bus_free(bus);
}

static void test_latest_wins(void)
{
        TbBus *bus = tb_bus_new();
        Reader r;
        guint calls = 0;
        readers_open(bus, &r, 1, &calls);
        for (guint i = 0; i < TB_LIMIT_BUS_AT_ONCE; i++)
                sample(bus, "a", 0);
        sample(bus, "slow", 7);
        for (guint i = 1; i < TB_LIMIT_BUS_PASSING; i++)
                sample(bus, "a", i);
        tb_bus_publish(bus, "kept", NULL, NULL, json_pack("{s:i}", "value", 9999));
        sample(bus, "a", TB_LIMIT_BUS_PASSING); /* one too many: the first of its stream goes */
        run_dry(&calls);
        g_assert_cmpuint(r.n, ==, TB_LIMIT_BUS_AT_ONCE + TB_LIMIT_BUS_PASSING + 1);
        const guint *v = &g_array_index(r.values, guint, TB_LIMIT_BUS_AT_ONCE);
        g_assert_cmpuint(v[0], ==, 7);
        g_assert_cmpuint(v[1], ==, 2);
        g_assert_cmpuint(v[TB_LIMIT_BUS_PASSING - 1], ==, 9999);
        g_assert_cmpuint(v[TB_LIMIT_BUS_PASSING], ==, TB_LIMIT_BUS_PASSING);
        g_assert_cmpuint(r.lost, ==, 0);
        readers_close(bus, &r, 1);
        tb_bus_free(bus);
}

static void test_lost(void)
{
        for (guint over = 0; over < 2; over++) {
                TbBus *bus = tb_bus_new();
                Reader r;
                guint calls = 0;
                readers_open(bus, &r, 1, &calls);
                for (guint i = 0; i < TB_LIMIT_BUS_AT_ONCE + TB_LIMIT_BUS_WAITING + over; i++)
                        tb_bus_publish(bus, "x", NULL, NULL, json_pack("{s:i}", "value", (int)i));
                run_dry(&calls);
                g_assert_cmpuint(r.n, ==, TB_LIMIT_BUS_AT_ONCE + TB_LIMIT_BUS_WAITING);
                g_assert_cmpuint(r.lost, ==, over);
                readers_close(bus, &r, 1);
                tb_bus_free(bus);
        }
}

static void test_readers_leave(void)
{
        enum { READERS = 20, EVENTS = 40 };
        TbBus *bus = tb_bus_new();
        Reader readers[READERS];
        guint calls = 0;
        readers_open(bus, readers, READERS, &calls);
        for (guint i = 0; i < READERS; i++)
                readers[i].leaves_at = i; /* some at once, some in the loop */
        for (guint i = 0; i < EVENTS; i++)
                tb_bus_publish(bus, "x", NULL, NULL, NULL);
        tb_bus_unsubscribe(bus, readers[0].id);
        run_dry(&calls);
        for (guint i = 1; i < READERS; i++)
                g_assert_cmpuint(readers[i].n, ==, i);
        readers_close(bus, readers, READERS);
        tb_bus_free(bus);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/bus/replay", test_replay);
        g_test_add_func("/bus/refusals", test_refusals);
        g_test_add_func("/bus/viewers", test_viewers);
        g_test_add_func("/bus/phones", test_phones);
        g_test_add_func("/bus/mixed-shares", test_mixed_shares);
        g_test_add_func("/bus/bytes", test_bytes);
        g_test_add_func("/bus/nested", test_nested);
        g_test_add_func("/bus/readers/turns", test_turns);
        g_test_add_func("/bus/readers/latest-wins", test_latest_wins);
        g_test_add_func("/bus/readers/lost", test_lost);
        g_test_add_func("/bus/readers/leave", test_readers_leave);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
