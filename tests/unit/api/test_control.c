/* One viewer's conversation: every command is acknowledged, subscriptions push, slow carriers lose no console
 * byte. */
#include <string.h>

#include "host/core/control/control.h"
#include "host/core/control/control_msg.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "tests/unit/clock.h"
#include "tests/unit/core/fake.h"

#define TWO "{\"dut\": {\"attach\": \"fake://x\"}, \"other\": {\"attach\": \"fake://y\"}}"

typedef struct Viewer {
        TbControl *control;
        GPtrArray *messages; /* json_t */
        gint room;           /* messages that can be taken; -1: any */
        gsize queued;
} Viewer;

static bool take(const char *text, gsize size, gpointer data)
{
        Viewer *v = data;
        g_assert_cmpuint(strlen(text), ==, size);
        if (v->room == 0)
                return false;
        if (v->room > 0)
                v->room--;
        json_t *m = json_loads(text, 0, NULL);
        g_assert_nonnull(m);
        g_ptr_array_add(v->messages, m);
        return true;
}

static gsize queued(gpointer data)
{
        return ((Viewer *)data)->queued;
}

static const TbControlOps ops = {.send = take, .queued = queued};

static void viewer_open(Viewer *v, Bench *b, TbRole role, const char *device)
{
        TbActor actor = {.user = "anna", .role = role, .via = "test", .request = "r1"};
        *v = (Viewer){.room = -1};
        v->messages = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
        v->control = tb_control_new(b->core, &actor, device, &ops, v);
}

static void viewer_close(Viewer *v)
{
        tb_control_free(v->control);
        g_ptr_array_unref(v->messages);
}

static void say(Viewer *v, const char *text)
{
        tb_control_receive(v->control, text, strlen(text));
}

/* The answer to a command, or NULL. */
static json_t *answer_of(Viewer *v, json_int_t id)
{
        for (guint i = 0; i < v->messages->len; i++) {
                json_t *m = g_ptr_array_index(v->messages, i);
                if (json_integer_value(json_object_get(m, "id")) == id && json_object_get(m, "ok"))
                        return m;
        }
        return NULL;
}

typedef struct WaitAnswer {
        Viewer *v;
        json_int_t id;
} WaitAnswer;

static bool has_answer(gpointer data)
{
        WaitAnswer *w = data;
        return answer_of(w->v, w->id) != NULL;
}

static json_t *ask(Bench *b, Viewer *v, json_int_t id, const char *text)
{
        say(v, text);
        bench_until(b, has_answer, &(WaitAnswer){v, id}, text);
        return answer_of(v, id);
}

static int status_of(json_t *answer)
{
        return json_is_true(json_object_get(answer, "ok"))
                       ? 200
                       : (int)json_integer_value(json_object_get(json_object_get(answer, "error"), "status"));
}

static bool is_ready(gpointer data)
{
        Bench *b = data;
        TbInterface *one = tb_core_interface(b->core, "dut", "power", NULL),
                    *two = tb_core_interface(b->core, "other", "shell", NULL);
        return tb_interface_state(one, NULL) == TB_STATE_READY &&
               tb_interface_state(two, NULL) == TB_STATE_READY;
}

static void start(Bench *b)
{
        bench_start(b, TWO, NULL);
        bench_until(b, is_ready, b, "ready");
}

static void test_commands(void)
{
        Bench b;
        Viewer v;
        start(&b);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, NULL);
        json_t *a = ask(&b, &v, 1,
                        "{\"id\":1,\"device\":\"dut\",\"verb\":\"power.set\",\"params\":{\"state\":\"on\"}}");
        g_assert_cmpint(status_of(a), ==, 200);
        g_assert_cmpstr(json_string_value(json_object_get(json_object_get(a, "result"), "observed")), ==,
                        "on");
        g_assert_cmpint(
                status_of(
                        ask(&b, &v, 2,
                            "{\"id\":2,\"device\":\"dut\",\"interface\":\"power\",\"verb\":\"power.get\"}")),
                ==, 200);
        g_assert_cmpint(
                status_of(ask(
                        &b, &v, 3,
                        "{\"id\":3,\"device\":\"dut\",\"interface\":\"console\",\"verb\":\"power.get\"}")),
                ==, 400);
        g_assert_cmpint(status_of(ask(&b, &v, 4, "{\"id\":4,\"device\":\"nix\",\"verb\":\"power.get\"}")), ==,
                        404);
        g_assert_cmpint(status_of(ask(&b, &v, 5, "{\"id\":5,\"device\":\"dut\",\"verb\":\"power.dance\"}")),
                        ==, 404);
        a = ask(&b, &v, 6,
                "{\"id\":6,\"device\":\"dut\",\"verb\":\"power.set\",\"params\":{\"state\":\"maybe\"}}");
        g_assert_cmpint(status_of(a), ==, 400);
        g_assert_cmpstr(json_string_value(json_object_get(json_object_get(a, "error"), "field")), ==,
                        "state");
        g_assert_cmpint(status_of(ask(&b, &v, 7, "{\"id\":7,\"verb\":\"power.get\"}")), ==, 400);
        guint before = v.messages->len;
        say(&v, "{\"type\":\"ping\",\"t\":5}");
        say(&v, "garbage");
        g_assert_cmpuint(v.messages->len, ==, before + 2);
        g_assert_cmpstr(json_string_value(json_object_get(g_ptr_array_index(v.messages, before), "type")), ==,
                        "pong");
        g_assert_cmpstr(json_string_value(json_object_get(g_ptr_array_index(v.messages, before + 1), "type")),
                        ==, "error");
        viewer_close(&v);
        bench_stop(&b, false);
}

static void test_leases(void)
{
        Bench b;
        Viewer anna, bob, watcher;
        start(&b);
        viewer_open(&anna, &b, TB_ROLE_OPERATOR, NULL);
        viewer_open(&bob, &b, TB_ROLE_OPERATOR, NULL);
        viewer_open(&watcher, &b, TB_ROLE_VIEWER, NULL);
        g_assert_cmpint(
                status_of(ask(
                        &b, &anna, 1,
                        "{\"id\":1,\"device\":\"dut\",\"verb\":\"lease.take\",\"params\":{\"ttl_s\":60}}")),
                ==, 200);
        /* the lease that was taken here holds for what is said here */
        g_assert_cmpint(status_of(ask(&b, &anna, 2,
                                      "{\"id\":2,\"device\":\"dut\",\"verb\":\"power.set\",\"params\":{"
                                      "\"state\":\"on\"}}")),
                        ==, 200);
        json_t *a =
                ask(&b, &bob, 3,
                    "{\"id\":3,\"device\":\"dut\",\"verb\":\"power.set\",\"params\":{\"state\":\"off\"}}");
        g_assert_cmpint(status_of(a), ==, 423);
        g_assert_cmpstr(json_string_value(json_object_get(json_object_get(a, "error"), "holder")), ==,
                        "anna");
        g_assert_nonnull(json_object_get(json_object_get(a, "error"), "expires_at"));
        g_assert_cmpint(status_of(ask(&b, &bob, 4, "{\"id\":4,\"device\":\"dut\",\"verb\":\"power.get\"}")),
                        ==, 200);
        g_assert_cmpint(status_of(ask(&b, &watcher, 5,
                                      "{\"id\":5,\"device\":\"other\",\"verb\":\"power.set\",\"params\":{"
                                      "\"state\":\"off\"}}")),
                        ==, 403);
        g_assert_cmpint(
                status_of(ask(&b, &anna, 6, "{\"id\":6,\"device\":\"dut\",\"verb\":\"lease.release\"}")), ==,
                200);
        g_assert_cmpint(status_of(ask(&b, &bob, 7,
                                      "{\"id\":7,\"device\":\"dut\",\"verb\":\"power.set\",\"params\":{"
                                      "\"state\":\"off\"}}")),
                        ==, 200);
        viewer_close(&anna);
        viewer_close(&bob);
        viewer_close(&watcher);
        bench_stop(&b, false);
}

static void test_one_device_only(void)
{
        Bench b;
        Viewer v;
        start(&b);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, "dut");
        g_assert_cmpint(status_of(ask(&b, &v, 1, "{\"id\":1,\"device\":\"other\",\"verb\":\"power.get\"}")),
                        ==, 403);
        g_assert_cmpint(status_of(ask(&b, &v, 2, "{\"id\":2,\"subscribe\":[\"console:other\"]}")), ==, 403);
        g_assert_cmpint(status_of(ask(&b, &v, 3, "{\"id\":3,\"subscribe\":[\"event\"]}")), ==, 200);
        guint before = v.messages->len;
        tb_bus_publish(tb_core_bus(b.core), "test", "other", NULL, NULL);
        g_assert_cmpuint(v.messages->len, ==, before);
        tb_bus_publish(tb_core_bus(b.core), "test", "dut", NULL, NULL);
        g_assert_cmpuint(v.messages->len, ==, before + 1);
        viewer_close(&v);
        bench_stop(&b, false);
}

static bool has_type(gpointer data)
{
        WaitAnswer *w = data;
        for (guint i = 0; i < w->v->messages->len; i++)
                if (g_strcmp0(
                            json_string_value(json_object_get(g_ptr_array_index(w->v->messages, i), "type")),
                            "sample") == 0)
                        return true;
        return false;
}

static void test_subscriptions(void)
{
        Bench b;
        Viewer v;
        start(&b);
        viewer_open(&v, &b, TB_ROLE_VIEWER, NULL);
        g_assert_cmpint(status_of(ask(&b, &v, 1, "{\"id\":1,\"subscribe\":[\"sensor:dut\"]}")), ==, 200);
        bench_until(&b, has_type, &(WaitAnswer){&v, 0}, "a sample");
        g_assert_cmpint(status_of(ask(&b, &v, 2, "{\"id\":2,\"unsubscribe\":[\"sensor:dut\"]}")), ==, 200);
        static const struct {
                const char *topics;
                int status;
        } rows[] = {
                {"\"console\"", 400},
                {"\"console:nix\"", 404},
                {"\"console:dut/power\"", 404},
                {"\"weather\"", 400},
                {"\"picture:dut\"", 422},
                {"\"event:nix\"", 404},
                {"\"log\"", 400},
                {"\"events\",\"console:dut\",\"console:dut/console\"", 200},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *text =
                        g_strdup_printf("{\"id\":%zu,\"subscribe\":[%s]}", 10 + i, rows[i].topics);
                g_assert_cmpint(status_of(ask(&b, &v, (json_int_t)(10 + i), text)), ==, rows[i].status);
        }
        viewer_close(&v);
        bench_stop(&b, false);
}

/* Puts the console's messages together; asserts that offsets follow each other. */
static void console_bytes(Viewer *v, GByteArray *out)
{
        json_int_t next = -1;
        g_byte_array_set_size(out, 0);
        for (guint i = 0; i < v->messages->len; i++) {
                json_t *m = g_ptr_array_index(v->messages, i);
                if (g_strcmp0(json_string_value(json_object_get(m, "type")), "console") != 0)
                        continue;
                gsize n = 0;
                g_autofree guchar *raw = g_base64_decode(json_string_value(json_object_get(m, "base64")), &n);
                json_int_t offset = json_integer_value(json_object_get(m, "offset"));
                g_assert_true(next < 0 || offset == next);
                next = offset + (json_int_t)n;
                g_byte_array_append(out, raw, (guint)n);
        }
}

typedef struct WaitBytes {
        Viewer *v;
        GByteArray *got;
        guint want;
} WaitBytes;

static bool has_bytes(gpointer data)
{
        WaitBytes *w = data;
        if (w->v->room == 0)
                w->v->room = 2; /* the carrier takes a little now and then */
        console_bytes(w->v, w->got);
        return w->got->len >= w->want;
}

static void test_slow_console(void)
{
        Bench b;
        Viewer v;
        Answer a = {0};
        start(&b);
        viewer_open(&v, &b, TB_ROLE_VIEWER, NULL);
        g_assert_cmpint(status_of(ask(&b, &v, 1, "{\"id\":1,\"subscribe\":[\"console:dut\"]}")), ==, 200);
        g_autoptr(GString) sent = g_string_new(NULL);
        while (sent->len < 200000)
                g_string_append_printf(sent, "%zu,", sent->len);
        v.room = 0;
        g_autofree char *params = g_strdup_printf("{\"text\":\"%s\"}", sent->str);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "console.write", params);
        g_assert_no_error(a.error);
        g_autoptr(GByteArray) got = g_byte_array_new();
        bench_until(&b, has_bytes, &(WaitBytes){&v, got, (guint)sent->len}, "all console bytes");
        g_assert_cmpmem(got->data, got->len, sent->str, sent->len);
        /* a second viewer replays from the beginning */
        Viewer late;
        viewer_open(&late, &b, TB_ROLE_VIEWER, NULL);
        g_assert_cmpint(
                status_of(ask(&b, &late, 1, "{\"id\":1,\"subscribe\":[\"console:dut\"],\"offset\":0}")), ==,
                200);
        bench_until(&b, has_bytes, &(WaitBytes){&late, got, (guint)sent->len}, "the replay");
        g_assert_cmpmem(got->data, got->len, sent->str, sent->len);
        viewer_close(&late);
        viewer_close(&v);
        answer_clear(&a);
        bench_stop(&b, false);
}

static bool has_gap(gpointer data)
{
        WaitAnswer *w = data;
        json_t *last =
                w->v->messages->len ? g_ptr_array_index(w->v->messages, w->v->messages->len - 1) : NULL;
        return g_strcmp0(json_string_value(json_object_get(last, "event")), "gap") == 0;
}

static void test_lost_events_are_told(void)
{
        Bench b;
        Viewer v;
        start(&b);
        viewer_open(&v, &b, TB_ROLE_VIEWER, NULL);
        g_assert_cmpint(status_of(ask(&b, &v, 1, "{\"id\":1,\"subscribe\":[\"event:dut\"]}")), ==, 200);
        v.room = 0;
        for (int i = 0; i < 5; i++)
                tb_bus_publish(tb_core_bus(b.core), "test", "dut", NULL, NULL);
        v.room = -1;
        bench_until(&b, has_gap, &(WaitAnswer){&v, 0}, "the gap");
        json_t *gap = g_ptr_array_index(v.messages, v.messages->len - 1);
        g_assert_cmpint(json_integer_value(json_object_get(json_object_get(gap, "data"), "lost")), ==, 5);
        viewer_close(&v);
        bench_stop(&b, false);
}

static bool is_entered(gpointer data)
{
        return g_atomic_int_get(&fake.entered) >= GPOINTER_TO_INT(data);
}

static bool is_interrupted(gpointer data G_GNUC_UNUSED)
{
        return g_atomic_int_get(&fake.interrupted) > 0;
}

static bool is_on(gpointer data G_GNUC_UNUSED)
{
        return g_atomic_int_get(&fake.power) == 1;
}

static void test_leaving(void)
{
        Bench b;
        Viewer v;
        start(&b);
        g_atomic_int_set(&fake.slow_ms, 3000);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, NULL);
        say(&v, "{\"id\":1,\"device\":\"dut\",\"verb\":\"shell.run\",\"params\":{\"command\":\"x\"}}");
        bench_until(&b, is_entered, GINT_TO_POINTER(1), "the shell runs");
        viewer_close(&v);
        bench_until(&b, is_interrupted, NULL, "the shell was interrupted");
        g_atomic_int_set(&fake.slow_ms, 200);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, NULL);
        say(&v, "{\"id\":1,\"device\":\"dut\",\"verb\":\"power.set\",\"params\":{\"state\":\"on\"}}");
        bench_until(&b, is_entered, GINT_TO_POINTER(2), "power is being switched");
        viewer_close(&v);
        bench_until(&b, is_on, NULL, "power goes on to its end");
        bench_stop(&b, false);
}

static void test_limits(void)
{
        Bench b;
        Viewer v;
        start(&b);
        g_atomic_int_set(&fake.slow_ms, 2000);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, NULL);
        for (int i = 1; i <= TB_CONTROL_IN_FLIGHT + 1; i++) {
                g_autofree char *text = g_strdup_printf(
                        "{\"id\":%d,\"device\":\"%s\",\"verb\":\"shell.run\",\"params\":{\"command\":\"x\"}}",
                        i, i % 2 ? "dut" : "other");
                say(&v, text);
        }
        json_t *over = answer_of(&v, TB_CONTROL_IN_FLIGHT + 1);
        g_assert_nonnull(over);
        g_assert_cmpint(status_of(over), ==, 429);
        say(&v, "{\"id\":1,\"device\":\"dut\",\"verb\":\"power.get\"}"); /* an id that is in use */
        g_assert_cmpint(status_of(answer_of(&v, 1)), ==, 409);
        viewer_close(&v);
        viewer_open(&v, &b, TB_ROLE_VIEWER, NULL);
        for (int i = 0; i <= TB_CONTROL_TOPICS; i++) {
                g_autofree char *topic = g_strdup_printf("event:dut/i%d", i);
                g_autoptr(GError) error = NULL;
                g_assert_cmpint(tb_control_subscribe(v.control, topic, -1, &error), ==,
                                i < TB_CONTROL_TOPICS);
                if (error)
                        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        }
        viewer_close(&v);
        bench_stop(&b, false);
}

/* What the carrier cannot take is said, at the limit and one byte beyond it. */
static void test_large_answer(void)
{
        static const char get[] = "{\"id\":1,\"device\":\"dut\",\"verb\":\"power.get\"}";
        TbControlOps narrow = ops;
        TbActor actor = {.user = "anna", .role = TB_ROLE_OPERATOR, .via = "test", .request = "r1"};
        Bench b;
        Viewer v;
        start(&b);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, NULL);
        char *text = json_dumps(ask(&b, &v, 1, get), JSON_COMPACT);
        gsize size = strlen(text);
        free(text);
        viewer_close(&v);
        for (gsize missing = 0; missing <= 1; missing++) {
                narrow.max = size - missing;
                v = (Viewer){.room = -1,
                             .messages = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref)};
                v.control = tb_control_new(b.core, &actor, NULL, &narrow, &v);
                g_assert_cmpint(status_of(ask(&b, &v, 1, get)), ==, missing ? 413 : 200);
                viewer_close(&v);
        }
        bench_stop(&b, false);
}

/* What cannot be read is answered by its number, and not left to a time-out. */
static void test_unreadable(void)
{
        Bench b;
        Viewer v;
        start(&b);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, NULL);
        g_assert_cmpint(
                status_of(
                        ask(&b, &v, 41,
                            "{\"id\":41,\"device\":\"dut\",\"verb\":\"input.send\",\"params\":{\"events\":[{"
                            "\"type\":\"text\",\"text\":\"half \\ud83d\"}]}}")),
                ==, 400);
        g_assert_cmpint(
                status_of(ask(&b, &v, 42, "{\"a\":{\"id\":7},\"b\":\"\\\"id\\\":8\", \"id\" : 42, nonsense")),
                ==, 400);
        say(&v, "{\"a\":{\"id\":7}, nonsense"); /* nobody's number: said all the same */
        json_t *last = g_ptr_array_index(v.messages, v.messages->len - 1);
        g_assert_cmpstr(json_string_value(json_object_get(last, "type")), ==, "error");
        g_assert_null(answer_of(&v, 7));
        g_assert_null(answer_of(&v, 8));
        viewer_close(&v);
        bench_stop(&b, false);
}

static void press(Viewer *v, int id, const char *more, const char *key, const char *action)
{
        g_autofree char *text = g_strdup_printf(
                "{\"id\":%d,%s\"device\":\"dut\",\"verb\":\"input.send\",\"params\":{\"events\":[{\"type\":"
                "\"key\",\"key\":\"%s\",\"action\":\"%s\"}]}}",
                id, more, key, action);
        say(v, text);
}

/* Input that stood still on its way is dropped, and said; the clocks of both sides need not agree. */
static void test_late_input(void)
{
        Bench b;
        Viewer v;
        start(&b);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, NULL);
        clock_stop(0);
        for (int late = 0; late <= 2; late++) {
                g_autofree char *t =
                        g_strdup_printf("\"t\":%d,", 50000 - (late ? TB_LIMIT_INPUT_AGE_MS + late - 1 : 0));
                press(&v, late + 1, t, "a", "press");
        }
        clock_go();
        for (int late = 0; late <= 2; late++) {
                bench_until(&b, has_answer, &(WaitAnswer){&v, late + 1}, "an answer");
                g_assert_cmpint(status_of(answer_of(&v, late + 1)), ==, late == 2 ? 504 : 200);
        }
        g_assert_cmpint(g_atomic_int_get(&fake.inputs), ==, 2);
        /* a clock that stood still while its machine slept is a clock all the same */
        clock_stop(0);
        clock_advance(3000 * 1000);
        press(&v, 4, "\"t\":51990,", "a", "press");
        clock_go();
        bench_until(&b, has_answer, &(WaitAnswer){&v, 4}, "an answer");
        g_assert_cmpint(status_of(answer_of(&v, 4)), ==, 200);
        viewer_close(&v);
        bench_stop(&b, false);
}

/* So is a command that its sender has given up; ten seconds are the limit. */
static void test_late_command(void)
{
        Bench b;
        Viewer v;
        start(&b);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, NULL);
        clock_stop(0);
        for (int late = 0; late <= 2; late++) {
                g_autofree char *text =
                        g_strdup_printf("{\"id\":%d,\"t\":%d,\"device\":\"dut\",\"verb\":\"power.set\","
                                        "\"params\":{\"state\":\"on\"}}",
                                        late + 1, 50000 - (late ? TB_LIMIT_COMMAND_AGE_MS + late - 1 : 0));
                say(&v, text);
        }
        clock_go();
        for (int late = 0; late <= 2; late++)
                bench_until(&b, has_answer, &(WaitAnswer){&v, late + 1}, "an answer");
        g_assert_cmpint(status_of(answer_of(&v, 1)), !=, 504);
        g_assert_cmpint(status_of(answer_of(&v, 2)), !=, 504);
        g_assert_cmpint(status_of(answer_of(&v, 3)), ==, 504);
        viewer_close(&v);
        bench_stop(&b, false);
}

static bool has_inputs(gpointer n)
{
        return g_atomic_int_get(&fake.inputs) == GPOINTER_TO_INT(n);
}

/* One page on two connections holds one key; it comes up when one of them ends. */
static void test_one_page(void)
{
        Bench b;
        Viewer v, w;
        start(&b);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, NULL);
        viewer_open(&w, &b, TB_ROLE_OPERATOR, NULL);
        press(&v, 1, "\"client\":\"page\",", "Shift", "down");
        bench_until(&b, has_answer, &(WaitAnswer){&v, 1}, "Shift");
        press(&w, 1, "\"client\":\"page\",", "Shift", "up");
        bench_until(&b, has_answer, &(WaitAnswer){&w, 1}, "Shift up");
        viewer_close(&w); /* nothing is down */
        viewer_open(&w, &b, TB_ROLE_OPERATOR, NULL);
        say(&w, "{\"type\":\"ping\",\"client\":\"page\"}"); /* only says who it is */
        press(&v, 2, "\"client\":\"page\",", "z", "down");
        bench_until(&b, has_answer, &(WaitAnswer){&v, 2}, "z");
        viewer_close(&w);
        bench_until(&b, has_inputs, GINT_TO_POINTER(4), "z comes up");
        press(&v, 3, "\"client\":\"page\",", "x", "down");
        press(&v, 4, "", "y", "down");
        bench_until(&b, has_answer, &(WaitAnswer){&v, 4}, "y");
        g_assert_cmpint(g_atomic_int_get(&fake.inputs), ==, 6);
        viewer_close(&v);
        bench_until(&b, has_inputs, GINT_TO_POINTER(8), "both come up");
        bench_stop(&b, false);
}

/* A page that asked for it and says nothing any more lets go; one that speaks, or did not ask, does not. */
static void test_silent_holder(void)
{
        Bench b;
        Viewer v;
        start(&b);
        viewer_open(&v, &b, TB_ROLE_OPERATOR, NULL);
        say(&v, "{\"type\":\"ping\",\"hold\":10001}");
        json_t *refusal = g_ptr_array_index(v.messages, v.messages->len - 1);
        g_assert_cmpstr(json_string_value(json_object_get(refusal, "type")), ==, "error");
        g_autofree char *most = g_strdup_printf("{\"type\":\"ping\",\"hold\":%d}", TB_LIMIT_HOLD_MS);
        say(&v, most);
        say(&v, "{\"type\":\"ping\",\"hold\":0}");
        say(&v, "{\"type\":\"ping\",\"hold\":200}");
        press(&v, 1, "", "Shift", "down");
        bench_until(&b, has_answer, &(WaitAnswer){&v, 1}, "Shift");
        const gint64 begin = g_get_monotonic_time();
        gint64 silent = begin;
        while (silent - begin < 600 * 1000) { /* three times as long */
                silent = g_get_monotonic_time();
                say(&v, "{\"type\":\"ping\"}");
                g_main_context_iteration(NULL, FALSE);
        }
        g_assert_cmpint(g_atomic_int_get(&fake.inputs), ==, 1);
        bench_until(&b, has_inputs, GINT_TO_POINTER(2), "Shift comes up");
        g_assert_cmpint(g_get_monotonic_time() - silent, >=, 200 * 1000);
        say(&v, "{\"type\":\"ping\",\"hold\":200}");
        say(&v, "{\"type\":\"ping\",\"hold\":0}");
        press(&v, 2, "", "x", "down");
        bench_until(&b, has_answer, &(WaitAnswer){&v, 2}, "x");
        viewer_close(&v);
        bench_until(&b, has_inputs, GINT_TO_POINTER(4), "x comes up at the end");
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/control/commands", test_commands);
        g_test_add_func("/control/leases", test_leases);
        g_test_add_func("/control/one-device", test_one_device_only);
        g_test_add_func("/control/subscriptions", test_subscriptions);
        g_test_add_func("/control/slow-console", test_slow_console);
        g_test_add_func("/control/lost-events", test_lost_events_are_told);
        g_test_add_func("/control/leaving", test_leaving);
        g_test_add_func("/control/limits", test_limits);
        g_test_add_func("/control/large-answer", test_large_answer);
        g_test_add_func("/control/unreadable", test_unreadable);
        g_test_add_func("/control/late-input", test_late_input);
        g_test_add_func("/control/late-command", test_late_command);
        g_test_add_func("/control/one-page", test_one_page);
        g_test_add_func("/control/silent-holder", test_silent_holder);
        return g_test_run();
}
