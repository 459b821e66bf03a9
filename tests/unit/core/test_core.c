/* The core with a driver whose hardware is this test: commands, leases, faults, history, removal. */
#include <string.h>

#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "tests/unit/core/fake.h"

#define ONE "{\"dut\": {\"label\": \"Board\", \"attach\": \"fake://x\"}}"

static void assert_code(const Answer *a, TbErrorCode code)
{
        g_assert_nonnull(a->error);
        if (!g_error_matches(a->error, TB_ERROR, (int)code))
                g_error("expected code %d, got %d: %s", code, a->error->code, tb_error_detail(a->error));
}

static bool is_state(gpointer data)
{
        struct {
                Bench *b;
                const char *name;
                TbState state;
        } *w = data;
        TbInterface *i = tb_core_interface(w->b->core, "dut", w->name, NULL);
        return i && tb_interface_state(i, NULL) == w->state;
}

static void until_state(Bench *b, const char *name, TbState state)
{
        struct {
                Bench *b;
                const char *name;
                TbState state;
        } w = {b, name, state};
        bench_until(b, is_state, &w, name);
}

static void test_commands(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        until_state(&b, "power", TB_STATE_READY);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "power.set", "{\"state\": \"on\"}");
        g_assert_no_error(a.error);
        g_assert_cmpstr(json_string_value(json_object_get(a.result, "commanded")), ==, "on");
        g_assert_cmpstr(json_string_value(json_object_get(a.result, "observed")), ==, "on");
        g_assert_cmpfloat(json_number_value(json_object_get(a.result, "watts")), ==, 3.5);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "power.cycle", "{\"off_s\": 0.01}");
        g_assert_no_error(a.error);

        static const struct {
                const char *device, *verb, *params;
                TbErrorCode code;
                const char *field;
        } bad[] = {
                {"nix", "power.set", "{\"state\": \"on\"}", TB_ERROR_NOT_FOUND, NULL},
                {"dut", "nix.set", NULL, TB_ERROR_NOT_FOUND, NULL},
                {"dut", "power.nix", NULL, TB_ERROR_NOT_FOUND, "verb"},
                {"dut", "power", NULL, TB_ERROR_INVALID, "verb"},
                {"dut", "power.set", "{}", TB_ERROR_INVALID, "state"},
                {"dut", "power.set", "{\"state\": \"maybe\"}", TB_ERROR_INVALID, "state"},
                {"dut", "power.set", "{\"state\": \"on\", \"extra\": 1}", TB_ERROR_INVALID, "extra"},
                {"dut", "power.cycle", "{\"off_s\": 121}", TB_ERROR_INVALID, "off_s"},
                {"dut", "console.write", "{}", TB_ERROR_INVALID, "text"},
                {"dut", "console.write", "{\"base64\": \"@@\"}", TB_ERROR_INVALID, "base64"},
                {"dut", "console.break", NULL, TB_ERROR_UNSUPPORTED, NULL},
                {"dut", "console.expect", "{\"pattern\": \"(\"}", TB_ERROR_INVALID, "pattern"},
                {"dut", "input.send", "[]", TB_ERROR_INVALID, "events"},
                {"dut", "input.send", "[{\"type\": \"dance\"}]", TB_ERROR_INVALID, "type"},
                {"dut", "input.send", "[{\"type\": \"tap\", \"x\": 1}]", TB_ERROR_INVALID, "[0].y"},
                {"dut", "shell.run", "{}", TB_ERROR_INVALID, "command"},
                {"dut", "lease.take", "{\"ttl_s\": 86401}", TB_ERROR_INVALID, "ttl_s"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                bench_command(&b, &a, TB_ROLE_ADMIN, NULL, bad[i].device, bad[i].verb, bad[i].params);
                assert_code(&a, bad[i].code);
                g_assert_cmpstr(tb_error_field(a.error), ==, bad[i].field);
        }
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "power.set", "{\"state\": \"off\"}");
        assert_code(&a, TB_ERROR_FORBIDDEN);
        g_assert_cmpint(g_atomic_int_get(&fake.power), ==, 1);
        g_atomic_int_set(&fake.stuck, 1);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "power.set", "{\"state\": \"off\"}");
        assert_code(&a, TB_ERROR_DEVICE); /* commanded off, still reads on: said, not hidden */
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "power.get", NULL);
        g_assert_cmpstr(json_string_value(json_object_get(a.result, "commanded")), ==, "off");
        g_assert_cmpstr(json_string_value(json_object_get(a.result, "observed")), ==, "on");
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "shell.run", "{\"argv\": [\"hello\"]}");
        g_assert_cmpint(json_integer_value(json_object_get(a.result, "exit_code")), ==, 3);
        g_assert_cmpstr(json_string_value(json_object_get(a.result, "stdout")), ==, "hello");
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "input.send",
                      "[{\"type\":\"key\",\"key\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]");
        g_assert_no_error(a.error);
        g_assert_cmpint(g_atomic_int_get(&fake.inputs), ==, 2);
        answer_clear(&a);
        bench_stop(&b, false);
}

static void test_limits(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        until_state(&b, "input", TB_STATE_READY);
        for (guint over = 0; over <= 1; over++) {
                g_autoptr(GString) s = g_string_new("[");
                for (guint i = 0; i < TB_LIMIT_INPUT_EVENTS + over; i++)
                        g_string_append(s, i ? ",{\"type\":\"tap\",\"x\":1,\"y\":1}"
                                             : "{\"type\":\"tap\",\"x\":1,\"y\":1}");
                g_string_append_c(s, ']');
                bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "input.send", s->str);
                if (over)
                        assert_code(&a, TB_ERROR_TOO_LARGE);
                else
                        g_assert_no_error(a.error);
        }
        for (guint over = 0; over <= 1; over++) {
                g_autofree char *text = g_strnfill(TB_LIMIT_CONSOLE_WRITE + over, 'x');
                g_autofree char *params = g_strdup_printf("{\"text\": \"%s\"}", text);
                bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "console.write", params);
                g_assert_cmpint(a.error != NULL, ==, over);
        }
        /* a slow driver and more commands than may wait */
        g_atomic_int_set(&fake.slow_ms, 400);
        Answer many[TB_LIMIT_QUEUE + 8] = {0};
        TbActor actor = {.user = "tester", .role = TB_ROLE_OPERATOR, .via = "test"};
        json_auto_t *on = json_pack("{s:s}", "state", "on");
        guint refused = 0;
        TbCommand *commands[G_N_ELEMENTS(many)];
        for (guint i = 0; i < G_N_ELEMENTS(many); i++)
                commands[i] =
                        tb_core_command(b.core, &actor, "dut", "power.set", on, NULL, answer_cb, &many[i]);
        for (int i = 0; i < 50; i++)
                g_main_context_iteration(NULL, FALSE);
        for (guint i = 0; i < G_N_ELEMENTS(many); i++) {
                if (many[i].done) {
                        assert_code(&many[i], TB_ERROR_LIMIT);
                        refused++;
                } else {
                        tb_command_cancel(commands[i]);
                }
                answer_clear(&many[i]);
        }
        g_assert_cmpint(refused, >=, 6); /* one or two may be running already */
        answer_clear(&a);
        bench_stop(&b, false);
}

static bool is_away(gpointer user G_GNUC_UNUSED)
{
        return false;
}

static void test_lease(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        until_state(&b, "power", TB_STATE_READY);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "lease.take",
                      "{\"ttl_s\": 60, \"note\": \"soak\"}");
        g_assert_no_error(a.error);
        g_autofree char *lease = g_strdup(json_string_value(json_object_get(a.result, "lease")));
        g_assert_cmpuint(strlen(lease), >=, 20);
        bench_command(&b, &a, TB_ROLE_ADMIN, NULL, "dut", "power.set", "{\"state\": \"on\"}");
        assert_code(&a, TB_ERROR_LOCKED);
        g_assert_cmpstr(json_string_value(json_object_get(a.result, "holder")), ==, "tester");
        g_assert_nonnull(json_string_value(json_object_get(a.result, "expires_at")));
        bench_command(&b, &a, TB_ROLE_OPERATOR, "wrong", "dut", "power.set", "{\"state\": \"on\"}");
        assert_code(&a, TB_ERROR_LOCKED);
        g_assert_cmpint(g_atomic_int_get(&fake.power), ==, 0);
        bench_command(&b, &a, TB_ROLE_OPERATOR, lease, "dut", "power.set", "{\"state\": \"on\"}");
        g_assert_no_error(a.error);
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "power.get", NULL);
        g_assert_no_error(a.error); /* watching needs none */
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "lease.take", NULL);
        assert_code(&a, TB_ERROR_LOCKED);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "lease.release", NULL);
        assert_code(&a, TB_ERROR_LOCKED);

        /* somebody queues; an admin takes over; the waiter gets it at once, the old holder is cut at once */
        Answer waiting = {0};
        TbActor other = {.user = "other", .role = TB_ROLE_OPERATOR, .via = "test"};
        json_auto_t *wait = json_pack("{s:i}", "wait_s", 30);
        tb_core_command(b.core, &other, "dut", "lease.take", wait, NULL, answer_cb, &waiting);
        bench_command(&b, &a, TB_ROLE_ADMIN, NULL, "dut", "lease.release", NULL);
        g_assert_no_error(a.error);
        g_assert_true(waiting.done);
        g_assert_no_error(waiting.error);
        bench_command(&b, &a, TB_ROLE_OPERATOR, lease, "dut", "power.set", "{\"state\": \"off\"}");
        assert_code(&a, TB_ERROR_LOCKED);

        /* who has left gets nothing, noticed or not: it is the next one's, or nobody's */
        Answer left = {0};
        tb_command_set_there(
                tb_core_command(b.core, &other, "dut", "lease.take", wait, NULL, answer_cb, &left), is_away);
        g_autofree char *first = g_strdup(json_string_value(json_object_get(waiting.result, "lease")));
        answer_clear(&waiting);
        tb_core_command(b.core, &other, "dut", "lease.take", wait, NULL, answer_cb, &waiting);
        bench_command(&b, &a, TB_ROLE_OPERATOR, first, "dut", "lease.release", NULL);
        g_assert_no_error(a.error);
        while (!left.done || !waiting.done)
                g_main_context_iteration(NULL, TRUE);
        assert_code(&left, TB_ERROR_BUSY);
        answer_clear(&left);
        g_assert_no_error(waiting.error);

        /* it survives a restart with its secret */
        g_autofree char *second = g_strdup(json_string_value(json_object_get(waiting.result, "lease")));
        g_autofree char *dir = g_strdup(b.dir);
        answer_clear(&waiting);
        answer_clear(&a);
        bench_stop(&b, true);
        bench_start(&b, ONE, dir);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "lease.renew", NULL);
        assert_code(&a, TB_ERROR_LOCKED);
        bench_command(&b, &a, TB_ROLE_OPERATOR, second, "dut", "lease.renew", NULL);
        g_assert_no_error(a.error);
        bench_command(&b, &a, TB_ROLE_OPERATOR, second, "dut", "lease.release", NULL);
        g_assert_no_error(a.error);
        bench_command(&b, &a, TB_ROLE_OPERATOR, second, "dut", "lease.renew", NULL);
        assert_code(&a, TB_ERROR_GONE);
        answer_clear(&a);
        bench_stop(&b, false);
}

static void remember_ask(const TbEvent *event, gpointer data)
{
        if (strcmp(event->type, "lease.asked") == 0)
                *(gint64 *)data = json_integer_value(json_object_get(event->data, "ask"));
}

static void ask_for_it(Bench *b, const TbActor *actor, Answer *answer)
{
        json_auto_t *wait = json_pack("{s:i}", "wait_s", 30);
        tb_core_command(b->core, actor, "dut", "lease.take", wait, NULL, answer_cb, answer);
        g_assert_false(answer->done);
}

/* Who asks is told no, or has it, before those who asked earlier; only the holder answers, and each request once. */
static void test_lease_answer(void)
{
        Bench b;
        Answer a = {0}, bert = {0}, carl = {0};
        gint64 ask = 0;
        const TbActor one = {.user = "bert", .role = TB_ROLE_OPERATOR, .via = "test"},
                      other = {.user = "carl", .role = TB_ROLE_OPERATOR, .via = "test"};
        bench_start(&b, ONE, NULL);
        guint bus = tb_bus_subscribe(tb_core_bus(b.core), remember_ask, &ask);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "lease.take", "{\"ttl_s\": 60}");
        g_autofree char *lease = g_strdup(json_string_value(json_object_get(a.result, "lease")));
        ask_for_it(&b, &one, &bert);
        g_autofree char *no = g_strdup_printf("{\"ask\": %d, \"grant\": false}", (int)ask);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "lease.answer", no);
        assert_code(&a, TB_ERROR_LOCKED);
        g_assert_false(bert.done);
        bench_command(&b, &a, TB_ROLE_OPERATOR, lease, "dut", "lease.answer", no);
        g_assert_no_error(a.error);
        g_assert_true(bert.done);
        assert_code(&bert, TB_ERROR_LOCKED);
        g_assert_cmpstr(json_string_value(json_object_get(bert.result, "refused_by")), ==, "tester");
        bench_command(&b, &a, TB_ROLE_OPERATOR, lease, "dut", "lease.answer", no);
        assert_code(&a, TB_ERROR_NOT_FOUND);
        answer_clear(&bert);

        ask_for_it(&b, &one, &bert);
        ask_for_it(&b, &other, &carl);
        g_autofree char *yes = g_strdup_printf("{\"ask\": %d, \"grant\": true}", (int)ask);
        bench_command(&b, &a, TB_ROLE_OPERATOR, lease, "dut", "lease.answer", yes);
        g_assert_no_error(a.error);
        while (!carl.done)
                g_main_context_iteration(NULL, TRUE);
        g_assert_no_error(carl.error);
        g_assert_cmpstr(json_string_value(json_object_get(carl.result, "holder")), ==, "carl");
        g_assert_false(bert.done);

        /* who may not control any more has nothing, and the next one has it */
        TbDevice *dut = tb_core_device(b.core, "dut", NULL);
        tb_core_end_lease_of(dut, "bert", "revoked", "x");
        g_assert_cmpstr(tb_core_lease_holder(dut), ==, "carl");
        tb_core_end_lease_of(dut, "carl", "revoked", "his link was taken back");
        while (!bert.done)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpstr(tb_core_lease_holder(dut), ==, "bert");
        tb_bus_unsubscribe(tb_core_bus(b.core), bus);
        answer_clear(&a);
        answer_clear(&bert);
        answer_clear(&carl);
        bench_stop(&b, false);
}

static bool lease_is_free(gpointer data)
{
        json_auto_t *lease = tb_device_lease_json(tb_core_device(((Bench *)data)->core, "dut", NULL));
        return json_is_null(lease);
}

static void count_events(const TbEvent *event, gpointer user)
{
        json_t *counts = user;
        json_object_set_new(counts, event->type,
                            json_integer(json_integer_value(json_object_get(counts, event->type)) + 1));
}

static void test_lease_expires(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        json_auto_t *counts = json_object();
        guint id = tb_bus_subscribe(tb_core_bus(b.core), count_events, counts);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "lease.take", "{\"ttl_s\": 1}");
        bench_until(&b, lease_is_free, &b, "the end of the lease");
        g_assert_cmpint(json_integer_value(json_object_get(counts, "lease.expiring")), ==, 1);
        g_assert_cmpint(json_integer_value(json_object_get(counts, "lease.ended")), ==, 1);
        tb_bus_unsubscribe(tb_core_bus(b.core), id);
        answer_clear(&a);
        bench_stop(&b, false);
}

static void test_console_and_expect(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        until_state(&b, "console", TB_STATE_READY);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "console.expect",
                      "{\"send\": \"version\\nU-Boot 2023.01\\n=> \", \"pattern\": \"U-Boot "
                      "(\\\\d+)\\\\.(\\\\d+)\"}");
        g_assert_no_error(a.error);
        g_assert_cmpstr(json_string_value(json_object_get(a.result, "match")), ==, "U-Boot 2023.01");
        g_assert_cmpstr(json_string_value(json_array_get(json_object_get(a.result, "groups"), 0)), ==,
                        "2023");
        g_assert_cmpstr(json_string_value(json_object_get(a.result, "before")), ==, "version\n");
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "console.expect",
                      "{\"pattern\": \"U-Boot\", \"from\": 0}");
        g_assert_no_error(a.error); /* from the history; watching may */
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "console.expect",
                      "{\"send\": \"cr \\r\\nnext\", \"pattern\": \"^cr.*\\n\"}");
        g_assert_no_error(a.error); /* consoles end lines with \r\n */
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "console.expect",
                      "{\"pattern\": \"x\", \"send\": \"y\"}");
        assert_code(&a, TB_ERROR_FORBIDDEN);
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "console.expect",
                      "{\"pattern\": \"never\", \"from\": 0, \"timeout_s\": 0.05}");
        assert_code(&a, TB_ERROR_TIMEOUT);
        g_assert_nonnull(strstr(json_string_value(json_object_get(a.result, "before")), "U-Boot"));
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "console.log", NULL);
        json_t *lines = json_object_get(a.result, "lines");
        g_assert_cmpuint(json_array_size(lines), ==, 4);
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(lines, 1), "text")), ==,
                        "U-Boot 2023.01");
        g_assert_cmpint(json_integer_value(json_object_get(json_array_get(lines, 1), "offset")), ==, 8);
        g_autofree char *dir = g_strdup(b.dir);
        bench_stop(&b, true);
        bench_start(&b, ONE, dir); /* the history outlives the daemon */
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "console.log", NULL);
        g_assert_cmpuint(json_array_size(json_object_get(a.result, "lines")), ==, 4);
        answer_clear(&a);
        bench_stop(&b, false);
}

static void test_loss_and_return(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        until_state(&b, "power", TB_STATE_READY);
        until_state(&b, "shell", TB_STATE_READY);
        g_atomic_int_set(&fake.present, 0);
        g_atomic_int_set(&fake.lose, 1);
        until_state(&b, "console", TB_STATE_ABSENT);
        const char *reason = NULL;
        tb_interface_state(tb_core_interface(b.core, "dut", "console", NULL), &reason);
        g_assert_nonnull(reason);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "power.set", "{\"state\": \"on\"}");
        assert_code(&a, TB_ERROR_GONE);
        g_atomic_int_set(&fake.present, 1);
        until_state(&b, "console", TB_STATE_READY);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "power.set", "{\"state\": \"on\"}");
        g_assert_no_error(a.error);
        answer_clear(&a);
        bench_stop(&b, false);
        g_assert_cmpint(g_atomic_int_get(&fake.closes), >, 0);
}

static bool has_samples(gpointer data)
{
        json_auto_t *s =
                tb_interface_samples(tb_core_interface(((Bench *)data)->core, "dut", "sensors", NULL));
        return json_integer_value(json_object_get(json_object_get(s, "temp"), "seq")) >= 2;
}

static void test_sensors(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, ONE, NULL);
        bench_until(&b, has_samples, &b, "two samples");
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "sensors.post",
                      "[{\"stream\": \"mine\", \"value\": 1.5, \"unit\": \"V\"}, {\"stream\": \"x y\", "
                      "\"value\": 1}]");
        assert_code(&a, TB_ERROR_INVALID);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "sensors.post",
                      "{\"stream\": \"mine\", \"value\": 1.5, \"unit\": \"V\"}");
        g_assert_no_error(a.error);
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "sensors.get", NULL);
        json_t *mine = json_object_get(a.result, "mine");
        g_assert_cmpint(json_integer_value(json_object_get(mine, "seq")), ==,
                        1); /* the refused batch left nothing */
        g_assert_cmpfloat(json_number_value(json_object_get(mine, "value")), ==, 1.5);
        answer_clear(&a);
        bench_stop(&b, false);
}

static gint frames;
static void count_frame(TbFrame *frame, gpointer user G_GNUC_UNUSED)
{
        g_assert_cmpint(frame->width, ==, 16);
        g_atomic_int_inc(&frames);
        tb_frame_unref(frame);
}
static bool enough_frames(gpointer data)
{
        return g_atomic_int_get(&frames) >= GPOINTER_TO_INT(data);
}
static bool video_is_off(gpointer data G_GNUC_UNUSED)
{
        return g_atomic_int_get(&fake.video_fps) == 0;
}

static void test_video(void)
{
        Bench b;
        bench_start(&b, ONE, NULL);
        until_state(&b, "video", TB_STATE_READY);
        TbInterface *video = tb_core_interface(b.core, "dut", "video", NULL);
        g_atomic_int_set(&frames, 0);
        tb_interface_video_start(video, 25, &(TbVideoSink){.frame = count_frame}, NULL);
        bench_until(&b, enough_frames, GINT_TO_POINTER(1), "a frame");
        g_assert_cmpint(g_atomic_int_get(&fake.video_fps), ==, 25);
        g_atomic_int_set(&fake.lose, 1); /* lost and re-opened: it is started again by itself */
        bench_until(&b, enough_frames, GINT_TO_POINTER(2), "a frame after the loss");
        tb_interface_video_stop(video);
        bench_until(&b, video_is_off, NULL, "the stop");
        bench_stop(&b, false);
}

static bool was_entered(gpointer data G_GNUC_UNUSED)
{
        return g_atomic_int_get(&fake.entered) > 0;
}

static bool was_interrupted(gpointer data G_GNUC_UNUSED)
{
        return g_atomic_int_get(&fake.interrupted) > 0;
}

static void test_cancel_timeout_removal(void)
{
        Bench b;
        Answer a = {0};
        TbActor admin = {.user = "admin", .role = TB_ROLE_ADMIN, .via = "test"};
        bench_start(&b, "{}", NULL);
        json_auto_t *spec = json_pack("{s:s, s:s}", "id", "dut", "attach", "fake://y");
        g_autoptr(GError) error = NULL;
        g_assert_nonnull(bench_add_device(b.core, &admin, spec, &error));
        g_assert_null(bench_add_device(b.core, &admin, spec, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_BUSY);
        g_clear_error(&error);
        until_state(&b, "shell", TB_STATE_READY);
        g_atomic_int_set(&fake.slow_ms, 20000);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "shell.run",
                      "{\"command\": \"sleep\", \"timeout_s\": 0.1}");
        assert_code(&a, TB_ERROR_TIMEOUT);

        answer_clear(&a);
        g_atomic_int_set(&fake.interrupted, 0);
        g_atomic_int_set(&fake.entered, 0);
        json_auto_t *run = json_pack("{s:s}", "command", "sleep");
        TbCommand *command = tb_core_command(b.core, &admin, "dut", "shell.run", run, NULL, answer_cb, &a);
        bench_until(&b, was_entered, NULL, "the driver's call");
        tb_command_cancel(command);
        bench_until(&b, was_interrupted, NULL, "the interruption");
        g_assert_false(a.done); /* nobody waits any more */

        /* removal in the middle of a command: it fails, nothing dangles */
        tb_core_command(b.core, &admin, "dut", "shell.run", run, NULL, answer_cb, &a);
        g_assert_true(bench_remove_device(b.core, &admin, "dut", &error));
        g_assert_true(a.done);
        assert_code(&a, TB_ERROR_NOT_FOUND);
        g_assert_null(tb_core_device(b.core, "dut", NULL));
        answer_clear(&a);
        bench_stop(&b, false);
}

static void test_stored_devices(void)
{
        Bench b;
        TbActor admin = {.user = "admin", .role = TB_ROLE_ADMIN, .via = "test"};
        bench_start(&b, ONE, NULL);
        g_autoptr(GError) error = NULL;
        json_auto_t *spec = json_pack("{s:s, s:{s:s, s:s}}", "id", "two", "attach", "console", "fake://z",
                                      "power", "fake://z");
        g_assert_nonnull(bench_add_device(b.core, &admin, spec, &error));
        g_assert_false(bench_remove_device(b.core, &admin, "dut", &error)); /* the file names it */
        g_assert_error(error, TB_ERROR, TB_ERROR_BUSY);
        g_clear_error(&error);
        json_auto_t *label = json_pack("{s:s}", "label", "Zwei");
        g_assert_true(bench_patch_device(b.core, &admin, "two", label, &error));
        g_autofree char *dir = g_strdup(b.dir);
        bench_stop(&b, true);
        bench_start(&b, ONE, dir);
        TbDevice *two = tb_core_device(b.core, "two", &error);
        g_assert_no_error(error);
        g_assert_cmpstr(tb_device_label(two), ==, "Zwei");
        g_assert_cmpuint(two->attachments->len, ==, 1); /* one URI, one machine */
        json_auto_t *attach = json_pack("{s:s}", "attach", "fake://q");
        g_assert_true(bench_patch_device(b.core, &admin, "two", attach, &error));
        g_assert_nonnull(tb_core_interface(b.core, "two", "shell", &error));
        static const char *const bad[] = {
                "{\"id\": \"x\"}",
                "{\"id\": \"X\", \"attach\": \"fake://x\"}",
                "{\"id\": \"x\", \"attach\": \"nix://x\"}",
                "{\"id\": \"x\", \"attach\": 1}",
                "{\"id\": \"x\", \"attach\": {\"foo\": \"fake://x\"}}",
                "{\"id\": \"x\", \"attach\": \"fake://x?unknown=1\"}",
                "{\"attach\": \"fake://x\"}",
        };
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                json_auto_t *o = json_loads(bad[i], 0, NULL);
                g_assert_null(bench_add_device(b.core, &admin, o, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_clear_error(&error);
        }
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/core/commands", test_commands);
        g_test_add_func("/core/limits", test_limits);
        g_test_add_func("/core/lease", test_lease);
        g_test_add_func("/core/lease-answer", test_lease_answer);
        g_test_add_func("/core/lease-expires", test_lease_expires);
        g_test_add_func("/core/console-and-expect", test_console_and_expect);
        g_test_add_func("/core/loss-and-return", test_loss_and_return);
        g_test_add_func("/core/sensors", test_sensors);
        g_test_add_func("/core/video", test_video);
        g_test_add_func("/core/cancel-timeout-removal", test_cancel_timeout_removal);
        g_test_add_func("/core/stored-devices", test_stored_devices);
        return g_test_run();
}
