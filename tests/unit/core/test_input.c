/* Input from any connection: what it holds, when it lets go, what a modifier made, and what one event costs. */
#include <string.h>

#include "host/core/input/made.h"
#include "host/core/private.h"
#include "lib/limits.h"
#include "tests/unit/core/fake.h"

#define ONE "{\"dut\": {\"attach\": \"fake://x\"}}"

static void send_as(Bench *b, const char *who, const char *lease, const char *events, Answer *a)
{
        const TbActor actor = {.user = who ? who : "script",
                               .role = TB_ROLE_OPERATOR,
                               .lease = lease,
                               .via = "test",
                               .who = who};
        json_auto_t *params = json_loads(events, JSON_DECODE_ANY, NULL);
        g_assert_nonnull(params);
        answer_clear(a);
        tb_core_command(b->core, &actor, "dut", "input.send", params, NULL, answer_cb, a);
        while (!a->done)
                g_main_context_iteration(NULL, TRUE);
}

static void ok(Bench *b, const char *who, const char *events)
{
        Answer a = {0};
        send_as(b, who, NULL, events, &a);
        g_assert_no_error(a.error);
        answer_clear(&a);
}

static bool has_seen(gpointer text)
{
        tb_mutex_lock(&fake.input_lock);
        bool seen = strcmp(fake.input ? fake.input->str : "", text) == 0;
        tb_mutex_unlock(&fake.input_lock);
        return seen;
}

static void forget(void)
{
        tb_mutex_lock(&fake.input_lock);
        if (fake.input)
                g_string_truncate(fake.input, 0);
        tb_mutex_unlock(&fake.input_lock);
}

static void expect(Bench *b, const char *text)
{
        bench_until(b, has_seen, (gpointer)text, text);
        forget();
}

#define DOWN(key) "{\"type\":\"key\",\"key\":\"" key "\",\"action\":\"down\"}"
#define UP(key) "{\"type\":\"key\",\"key\":\"" key "\",\"action\":\"up\"}"
#define TAP(key) "{\"type\":\"key\",\"key\":\"" key "\"}"
#define POINT(x, buttons) "{\"type\":\"pointer\",\"x\":" #x ",\"y\":1,\"buttons\":" #buttons "}"

static void test_leaving(void)
{
        Bench b;
        bench_start(&b, ONE, NULL);
        ok(&b, "a", "[" DOWN("Shift") "," DOWN("x") "," POINT(5, 1) "]");
        expect(&b, "+Shift !+x p5,1:1 ");
        tb_core_left(b.core, "b");
        tb_core_left(b.core, "a"); /* the last that went down comes up first */
        expect(&b, "-x -Shift p5,1:0 ");
        tb_core_left(b.core, "a");
        ok(&b, "a", "[" TAP("y") "]");
        expect(&b, "!=y ");

        /* two hold one key: it comes up with the last of them */
        ok(&b, "a", "[" DOWN("Shift") "]");
        ok(&b, "b", "[" DOWN("Shift") "]");
        ok(&b, "a", "[" UP("Shift") "]");
        expect(&b, "+Shift +Shift ");
        tb_core_left(b.core, "b");
        expect(&b, "-Shift ");

        /* what was sent before the end is typed before what is let go */
        Answer a = {0};
        const TbActor actor = {.user = "a", .role = TB_ROLE_OPERATOR, .via = "test", .who = "a"};
        json_auto_t *params = json_loads("[" DOWN("Control") "]", 0, NULL);
        tb_core_command(b.core, &actor, "dut", "input.send", params, NULL, answer_cb, &a);
        tb_core_left(b.core, "a");
        expect(&b, "+Control -Control ");
        bench_stop(&b, false); /* by then it has been answered, with whatever */
        answer_clear(&a);
}

/* Shift comes up before the key: which name that has then is the viewer's layout's matter. */
static void test_other_name(void)
{
        Bench b;
        bench_start(&b, ONE, NULL);
        ok(&b, "a", "[" DOWN("Shift") "," DOWN("A") "," UP("Shift") "," UP("a") "]");
        expect(&b, "+Shift !+A -Shift -A ");
        ok(&b, "a", "[" DOWN("1") "," DOWN("B") "," UP("b") "," UP("&") "," UP("&") "]");
        expect(&b, "!+1 !+B -B -1 -& ");
        ok(&b, "a", "[" DOWN("F1") "," UP("x") "]"); /* no character */
        expect(&b, "+F1 -x ");
        /* so nobody keeps down what another one types */
        ok(&b, "b", "[" DOWN("A") "," UP("A") "]");
        expect(&b, "!+A -A ");
        bench_stop(&b, true);
}

static void test_lease(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        ok(&b, "a", "[" DOWN("Shift") "," POINT(5, 1) "]");
        forget();
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "lease.take", "{\"ttl_s\": 60}");
        expect(&b, "-Shift p5,1:0 ");
        g_autofree char *lease = g_strdup(json_string_value(json_object_get(a.result, "lease")));
        send_as(&b, "a", NULL, "[" TAP("q") "]", &a);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_LOCKED);
        send_as(&b, "c", lease, "[" DOWN("Alt") "]", &a);
        g_assert_no_error(a.error);
        forget();
        bench_command(&b, &a, TB_ROLE_ADMIN, NULL, "dut", "lease.release", NULL); /* taken over */
        expect(&b, "-Alt ");
        answer_clear(&a);
        bench_stop(&b, false);
}

/* A script has no connection that ends: it says its next word soon, or lets go. */
static void test_rest(void)
{
        Bench b;
        bench_start(&b, ONE, NULL);
        ok(&b, NULL, "[" DOWN("Shift") "]");
        ok(&b, NULL, "[" TAP("A") "]");
        expect(&b, "+Shift !=A ");
        gint64 begin = g_get_monotonic_time();
        expect(&b, "-Shift ");
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, TB_LIMIT_INPUT_REST_MS * 900);
        ok(&b, NULL, "[" DOWN("Shift") "]"); /* the device goes before its time is over */
        bench_stop(&b, false);
}

static void test_costs_itself(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        send_as(&b, "a", NULL,
                "[" TAP("a") "," DOWN("Unknown") "," TAP("b") ",{\"type\":\"text\",\"text\":\"née\"}," TAP(
                        "c") "]",
                &a);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        g_assert_nonnull(strstr(a.error->message, "event 1"));
        g_assert_nonnull(strstr(a.error->message, "Unknown"));
        expect(&b, "!=a !=b !=c ");
        tb_core_left(b.core, "a"); /* what was refused is not down */
        ok(&b, "b",
           "[{\"type\":\"text\",\"text\":\"a\\r\\nb\\rc\\n\"}," TAP(
                   "d") ",{\"type\":\"key\",\"code\":\"KeyQ\"}]");
        expect(&b, "\"a\nb\nc\n\" !=d =@KeyQ ");
        send_as(&b, "a", NULL, "[{\"type\":\"key\"}]", &a);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_INVALID);
        answer_clear(&a);
        bench_stop(&b, false);
}

static void test_pointer(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        ok(&b, "a", "[" POINT(1, 1) "]");
        ok(&b, "b", "[" POINT(9, 0) "]"); /* moves: the pointer is somewhere else */
        send_as(&b, "b", NULL, "[" POINT(9, 1) "]", &a);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_BUSY);
        send_as(&b, "b", NULL, "[{\"type\":\"tap\",\"x\":1,\"y\":1}]", &a);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_BUSY);
        ok(&b, "b", "[" POINT(8, 1) "]"); /* said once */
        ok(&b, "a", "[" POINT(2, 1) "," POINT(3, 0) "]");
        ok(&b, "b",
           "[" POINT(7, 1) "," POINT(7, 0) "," POINT(7, 1) "]"); /* that press counts for nothing any more */
        expect(&b, "p1,1:1 p2,1:1 p3,1:0 p7,1:0 p7,1:0 p7,1:1 ");
        ok(&b, "b", "[" POINT(7, 31) "," POINT(7, 0) "]");
        expect(&b, "p7,1:31 p7,1:0 ");

        ok(&b, "a",
           "[{\"type\":\"scroll\",\"x\":1,\"y\":1,\"dy\":0.4},{\"type\":\"scroll\",\"x\":1,\"y\":1,\"dy\":0."
           "4}]");
        ok(&b, "b", "[{\"type\":\"scroll\",\"x\":1,\"y\":1,\"dy\":0.4}]"); /* of somebody else's fingers */
        ok(&b, "a", "[{\"type\":\"scroll\",\"x\":1,\"y\":1,\"dy\":0.4,\"dx\":-2.5}]");
        expect(&b, "w-2,1 ");
        answer_clear(&a);
        bench_stop(&b, false);
}

static void test_limit(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        for (guint over = 0; over <= 1; over++) {
                g_autoptr(GString) s = g_string_new("[");
                for (guint i = 0; i < TB_LIMIT_INPUT_HELD + over; i++)
                        g_string_append_printf(s, "%s{\"type\":\"key\",\"key\":\"F%u\",\"action\":\"down\"}",
                                               i ? "," : "", i);
                g_string_append_c(s, ']');
                send_as(&b, over ? "b" : "a", NULL, s->str, &a);
                g_assert_cmpint(a.error != NULL, ==, over);
        }
        g_assert_error(a.error, TB_ERROR, TB_ERROR_LIMIT);
        answer_clear(&a);
        bench_stop(&b, false);
}

static void test_made(void)
{
        enum { S = TB_MADE_SHIFT, C = TB_MADE_CONTROL, A = TB_MADE_ALT, M = TB_MADE_META, G = TB_MADE_ALTGR };
        static const struct {
                guint held;
                const char *key;
                bool exact;
        } rows[] = {
                {0, "a", true},      {S, "A", true},      {0, "Enter", false}, {C, "c", false},
                {C | S, "C", false}, {C | A, "t", false}, {C | A, "-", false}, {C | A, "Delete", false},
                {C | A, "@", true},  {C | A, "{", true},  {C | A, "€", true},  {C | A, "\\", true},
                {G, "@", true},      {C | G, "@", true},  {C | G, "é", true},  {A, "x", false},
                {A, "@", true},      {A, "|", true},      {A, "[", false},     {A | S, "<", false},
                {A | S, "\\", true}, {A, "ü", true},      {M, "c", false},     {M | A, "@", false},
                {A, "F4", false},
        };
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
                if (tb_made_exact(rows[i].held, rows[i].key) != rows[i].exact)
                        g_error("row %u: %s", i, rows[i].key);
        g_assert_cmpuint(tb_made_modifier("Shift_R", NULL), ==, S);
        g_assert_cmpuint(tb_made_modifier(NULL, "AltLeft"), ==, A);
        g_assert_cmpuint(tb_made_modifier("a", NULL), ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/input/leaving", test_leaving);
        g_test_add_func("/input/other-name", test_other_name);
        g_test_add_func("/input/lease", test_lease);
        g_test_add_func("/input/rest", test_rest);
        g_test_add_func("/input/costs-itself", test_costs_itself);
        g_test_add_func("/input/pointer", test_pointer);
        g_test_add_func("/input/limit", test_limit);
        g_test_add_func("/input/made", test_made);
        return g_test_run();
}
