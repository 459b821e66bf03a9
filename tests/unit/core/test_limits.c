/* What callers may ask for at most: every limit of lib/limits.h that the core enforces, at the limit and one
 * beyond. */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"
#include "tests/unit/core/fake.h"

/* the device's own verbs have no kind */
#define LEASE TB_KINDS
#define RECORDING (TB_KINDS + 1)

static bool valid(const TbParam *params, const char *field, json_t *value)
{
        json_auto_t *in = json_pack("{s:o}", field, value);
        /* required fields beside it are not what is asked here: one row is looked at alone */
        TbParam table[2] = {{.name = NULL}, {.name = NULL}};
        for (const TbParam *p = params; p->name; p++)
                if (strcmp(p->name, field) == 0)
                        table[0] = *p;
        g_assert_nonnull(table[0].name);
        g_autoptr(GError) error = NULL;
        json_auto_t *out = tb_params_validate(table, in, &error);
        g_assert_true((out == NULL) == (error != NULL));
        if (error)
                g_assert_cmpstr(tb_error_field(error), ==, field);
        return out != NULL;
}

static json_t *text_of(gsize size)
{
        g_autofree char *text = g_strnfill(size, 'x');
        return json_string(text);
}

static void test_parameters(void)
{
        static const struct {
                guint kind;
                const char *op, *field;
                gint64 limit;
                bool text; /* the limit counts bytes */
        } cases[] = {
                {TB_KIND_CONSOLE, "break", "ms", TB_LIMIT_BREAK_MS, false},
                {TB_KIND_CONSOLE, "resize", "columns", TB_LIMIT_TERMINAL_SIDE, false},
                {TB_KIND_CONSOLE, "resize", "rows", TB_LIMIT_TERMINAL_SIDE, false},
                {TB_KIND_INPUT, "copy", "text", TB_LIMIT_CLIPBOARD, true},
                {TB_KIND_CONSOLE, "expect", "timeout_s", TB_LIMIT_COMMAND_S, false},
                {TB_KIND_CONSOLE, "expect", "pattern", TB_LIMIT_EXPECT_PATTERN, true},
                {TB_KIND_CONSOLE, "expect", "send", TB_LIMIT_CONSOLE_WRITE, true},
                {TB_KIND_CONSOLE, "log", "limit", TB_LIMIT_LOG_LINES, false},
                {TB_KIND_CONSOLE, "write", "text", TB_LIMIT_CONSOLE_WRITE, true},
                {TB_KIND_LOGS, "get", "limit", TB_LIMIT_LOG_LINES, false},
                {TB_KIND_POWER, "cycle", "off_s", TB_LIMIT_CYCLE_OFF_S, false},
                {TB_KIND_SHELL, "run", "timeout_s", TB_LIMIT_COMMAND_S, false},
                {TB_KIND_SHELL, "run", "command", TB_LIMIT_LINE, true},
                {TB_KIND_FILES, "read", "path", TB_LIMIT_URI, true},
                {TB_KIND_INSTRUMENT, "query", "query", TB_LIMIT_LINE, true},
                {TB_KIND_INSTRUMENT, "query", "timeout_s", TB_LIMIT_COMMAND_S, false},
                {TB_KIND_MOUNT, "goto", "ra", TB_LIMIT_SKY_TEXT, true},
                {TB_KIND_MOUNT, "move", "duration_s", TB_LIMIT_MOUNT_MOVE_S, false},
                {TB_KIND_MOUNT, "exposure", "exposure_ms", TB_LIMIT_MOUNT_EXPOSURE_MS, false},
                {LEASE, "take", "ttl_s", TB_LIMIT_LEASE_S, false},
                {LEASE, "take", "wait_s", TB_LIMIT_LEASE_WAIT_S, false},
                {LEASE, "take", "note", TB_LIMIT_LABEL, true},
                {RECORDING, "set", "pre_s", TB_LIMIT_RECORD_PRE_S, false},
                {RECORDING, "clip", "pre_s", TB_LIMIT_CLIP_PRE_S, false},
                {RECORDING, "clip", "post_s", TB_LIMIT_CLIP_POST_S, false},
                {RECORDING, "clip", "note", TB_LIMIT_CLIP_NOTE, true},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                const TbVerb *verb = cases[i].kind == LEASE ? tb_core_device_verb("lease", cases[i].op)
                                     : cases[i].kind == RECORDING
                                             ? tb_core_device_verb("recording", cases[i].op)
                                             : tb_core_verb((TbKind)cases[i].kind, cases[i].op);
                g_assert_nonnull(verb);
                g_assert_cmpstr(verb->op, ==, cases[i].op);
                for (gint64 n = cases[i].limit; n <= cases[i].limit + 1; n++)
                        g_assert_cmpint(valid(verb->params, cases[i].field,
                                              cases[i].text ? text_of((gsize)n) : json_integer(n)),
                                        ==, n == cases[i].limit);
        }
}

static void assert_only_beyond(const Answer *a, bool beyond, TbErrorCode code)
{
        if (beyond)
                g_assert_error(a->error, TB_ERROR, (int)code);
        else
                g_assert_no_error(a->error);
}

/* While much is collected for others, a log ends early, and says where it goes on. */
static void test_logs_held(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
        TbInterface *iface = tb_core_interface(b.core, "dut", "console", NULL);
        for (guint i = 0; i < 1000; i++)
                tb_history_append(iface->history, "a line\n", 7);
        for (gsize held = 0; held <= TB_LIMIT_LOGS_HELD; held += TB_LIMIT_LOGS_HELD) {
                b.core->lines_held = held;
                bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "console.log",
                              "{\"from\":0,\"limit\":1000}");
                g_assert_no_error(a.error);
                gsize n = json_array_size(json_object_get(a.result, "lines"));
                gint64 next = json_integer_value(json_object_get(a.result, "next")),
                       end = json_integer_value(json_object_get(a.result, "offset"));
                g_assert_cmpint(n == 1000, ==, held == 0);
                g_assert_cmpuint(n, >, 0);
                g_assert_true(held == 0 || next < end);
                g_assert_cmpuint(b.core->lines_held, ==, held); /* given back */
        }
        b.core->lines_held = 0;
        answer_clear(&a);
        bench_stop(&b, false);
}

/* TB_LIMIT_LOG_BYTES of text in one answer: the last line begins below it, wherever the looks at the history end; the next
 * answer goes on behind it, and nothing is left out. */
static void test_log_bytes(void)
{
        static const struct {
                gsize first, others; /* bytes of the lines */
                guint n;             /* that find room */
        } rows[] = {
                {1024, 1024, TB_LIMIT_LOG_BYTES / 1024},     {1023, 1024, TB_LIMIT_LOG_BYTES / 1024 + 1},
                {1025, 1024, TB_LIMIT_LOG_BYTES / 1024},     {4096, 4096, TB_LIMIT_LOG_BYTES / 4096},
                {4095, 4096, TB_LIMIT_LOG_BYTES / 4096 + 1},
        };
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                Bench b;
                Answer a = {0};
                bench_start(&b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
                TbHistory *history = tb_core_interface(b.core, "dut", "console", NULL)->history;
                g_autofree char *first = g_strnfill(rows[i].first + 1, 'f'),
                                *other = g_strnfill(rows[i].others + 1, 'o');
                first[rows[i].first] = other[rows[i].others] = '\n';
                tb_history_append(history, first, rows[i].first + 1);
                for (guint k = 1; k < rows[i].n + 3; k++) {
                        tb_history_append(history, other, rows[i].others + 1);
                        g_assert_true(tb_history_flush(history, 60000));
                }
                bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "console.log",
                              "{\"from\":0,\"limit\":10000}");
                g_assert_no_error(a.error);
                g_assert_cmpuint(json_array_size(json_object_get(a.result, "lines")), ==, rows[i].n);
                json_int_t next = json_integer_value(json_object_get(a.result, "next"));
                g_assert_cmpint(next, ==, rows[i].first + 1 + (rows[i].n - 1) * (rows[i].others + 1));
                g_autofree char *params = g_strdup_printf("{\"from\":%" JSON_INTEGER_FORMAT "}", next);
                bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "console.log", params);
                g_assert_cmpuint(json_array_size(json_object_get(a.result, "lines")), ==, 3);
                answer_clear(&a);
                bench_stop(&b, false);
        }
}

static void test_samples(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
        for (guint over = 0; over <= 1; over++) { /* many values of one stream */
                g_autoptr(GString) s = g_string_new("[");
                for (guint i = 0; i < TB_LIMIT_SAMPLES + over; i++)
                        g_string_append(s, i ? ",{\"stream\":\"a\",\"value\":1}"
                                             : "{\"stream\":\"a\",\"value\":1}");
                g_string_append_c(s, ']');
                bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "sensors.post", s->str);
                assert_only_beyond(&a, over, TB_ERROR_TOO_LARGE);
        }
        for (guint over = 0; over <= 1; over++) { /* names */
                g_autofree char *name = g_strnfill(TB_LIMIT_ID + over, 'n'),
                                *params = g_strdup_printf("{\"stream\":\"%s\",\"value\":1}", name);
                bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "sensors.post", params);
                assert_only_beyond(&a, over, TB_ERROR_INVALID);
        }
        TbInterface *iface = tb_core_interface(b.core, "dut", "sensors", NULL);
        /* streams; the device has one of its own, which may come at any time */
        for (guint n = 0; tb_samples_count(iface->samples) < TB_LIMIT_STREAMS; n++) {
                g_autofree char *params = g_strdup_printf("[{\"stream\":\"s%u\",\"value\":1}]", n);
                bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "sensors.post", params);
                if (a.error)
                        g_assert_cmpuint(tb_samples_count(iface->samples), ==, TB_LIMIT_STREAMS);
        }
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "sensors.post",
                      "{\"stream\":\"more\",\"value\":1}");
        assert_only_beyond(&a, true, TB_ERROR_LIMIT);
        g_assert_cmpuint(tb_samples_count(iface->samples), ==, TB_LIMIT_STREAMS);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "sensors.post",
                      "{\"stream\":\"a\",\"value\":2}");
        g_assert_no_error(a.error); /* a known one goes on */
        answer_clear(&a);
        bench_stop(&b, false);
}

static void test_lease_waiters(void)
{
        Bench b;
        Answer holder = {0}, waiting[TB_LIMIT_LEASE_WAITERS + 1] = {0};
        bench_start(&b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
        bench_command(&b, &holder, TB_ROLE_OPERATOR, NULL, "dut", "lease.take", "{\"ttl_s\": 60}");
        g_assert_no_error(holder.error);
        json_auto_t *params = json_pack("{s:i, s:i}", "ttl_s", 60, "wait_s", TB_LIMIT_LEASE_WAIT_S);
        Answer beyond = {0};
        for (guint i = 0; i < G_N_ELEMENTS(waiting); i++) {
                g_autofree char *user = g_strdup_printf("user%u", i / TB_LIMIT_LEASE_WAITERS_OF_USER);
                TbActor actor = {.user = user, .role = TB_ROLE_OPERATOR, .via = "test"};
                tb_core_command(b.core, &actor, "dut", "lease.take", params, NULL, answer_cb, &waiting[i]);
                if (i + 1 == TB_LIMIT_LEASE_WAITERS_OF_USER) { /* one more of the same user */
                        tb_core_command(b.core, &actor, "dut", "lease.take", params, NULL, answer_cb,
                                        &beyond);
                        while (!beyond.done)
                                g_main_context_iteration(NULL, TRUE);
                        g_assert_error(beyond.error, TB_ERROR, TB_ERROR_LIMIT);
                        answer_clear(&beyond);
                }
        }
        while (!waiting[TB_LIMIT_LEASE_WAITERS].done)
                g_main_context_iteration(NULL, TRUE);
        g_assert_error(waiting[TB_LIMIT_LEASE_WAITERS].error, TB_ERROR, TB_ERROR_LIMIT);
        for (guint i = 0; i < TB_LIMIT_LEASE_WAITERS; i++)
                g_assert_false(waiting[i].done);
        bench_stop(&b, false); /* those that wait are answered when the core ends */
        for (guint i = 0; i < G_N_ELEMENTS(waiting); i++) {
                g_assert_true(waiting[i].done);
                answer_clear(&waiting[i]);
        }
        answer_clear(&holder);
}

/* A stored device of each size: `bytes` of id and label, `n` interfaces. */
static bool added(TbCore *core, gsize id_size, gsize label_size, guint interfaces)
{
        g_autofree char *id = g_strnfill(id_size, 'd'), *label = g_strnfill(label_size, 'L');
        json_auto_t *attach = json_object();
        for (guint i = 0; i < interfaces; i++) {
                g_autofree char *name = g_strdup_printf("p%u", i);
                json_object_set_new(attach, name,
                                    json_pack("{s:s, s:s}", "uri", "fake://x", "kind", "power"));
        }
        json_auto_t *spec = json_pack("{s:s, s:s, s:O}", "id", id, "label", label, "attach", attach);
        g_autoptr(GError) error = NULL;
        const TbActor actor = {.user = "tester", .role = TB_ROLE_ADMIN, .via = "test"};
        TbDevice *device = bench_add_device(core, &actor, spec, &error);
        g_assert_true((device == NULL) == (error != NULL));
        if (device)
                g_assert_true(bench_remove_device(core, &actor, id, NULL));
        return device != NULL;
}

/* As many devices as a host may have; one more is refused until another has gone. */
static void test_many_devices(void)
{
        Bench b;
        const TbActor actor = {.user = "tester", .role = TB_ROLE_ADMIN, .via = "test"};
        bench_start(&b, "{}", NULL);
        for (guint i = 0; i <= TB_LIMIT_DEVICES; i++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *id = g_strdup_printf("d%u", i);
                g_autofree char *uri = g_strdup_printf("fake://%s", id);
                json_auto_t *spec = json_pack("{s:s, s:{s:{s:s, s:s}}}", "id", id, "attach", "p", "uri", uri,
                                              "kind", "power");
                TbDevice *device = bench_add_device(b.core, &actor, spec, &error);
                g_assert_true((device != NULL) == (i < TB_LIMIT_DEVICES));
                if (device)
                        continue;
                g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
                g_assert_null(tb_core_device(b.core, id, NULL));
                g_assert_true(bench_remove_device(b.core, &actor, "d7", NULL));
                g_assert_nonnull(bench_add_device(b.core, &actor, spec, NULL));
        }
        bench_stop(&b, false);
}

static void test_input(void)
{
        static const struct {
                const char *format;
                int limit;
                bool text;
        } cases[] = {
                {"[{\"type\":\"swipe\",\"x1\":1,\"y1\":1,\"x2\":2,\"y2\":2,\"ms\":%s}]", TB_LIMIT_SWIPE_MS,
                 false},
                {"[{\"type\":\"tap\",\"x\":%s,\"y\":1}]", TB_LIMIT_VIDEO_SIDE, false},
                {"[{\"type\":\"text\",\"text\":\"%s\"}]", TB_LIMIT_INPUT_TEXT, true},
        };
        Bench b;
        Answer a = {0};
        bench_start(&b, "{\"dut\": {\"attach\": \"fake://x\"}}", NULL);
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                for (int over = 0; over <= 1; over++) {
                        int n = cases[i].limit + over;
                        g_autofree char *value =
                                cases[i].text ? g_strnfill((gsize)n, 'x') : g_strdup_printf("%d", n);
                        g_auto(GStrv) halves = g_strsplit(cases[i].format, "%s", 2);
                        g_autofree char *params = g_strconcat(halves[0], value, halves[1], NULL);
                        gint before = g_atomic_int_get(&fake.inputs);
                        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "input.send", params);
                        assert_only_beyond(&a, over, TB_ERROR_INVALID);
                        g_assert_cmpint(g_atomic_int_get(&fake.inputs) - before, ==, over ? 0 : 1);
                }
        }
        answer_clear(&a);
        bench_stop(&b, false);
}

static void test_devices(void)
{
        Bench b;
        bench_start(&b, "{}", NULL);
        g_assert_true(added(b.core, TB_LIMIT_ID, TB_LIMIT_LABEL, 1));
        g_assert_false(added(b.core, TB_LIMIT_ID + 1, 1, 1));
        g_assert_false(added(b.core, 1, TB_LIMIT_LABEL + 1, 1));
        g_assert_true(added(b.core, 1, 1, TB_LIMIT_INTERFACES));
        g_assert_false(added(b.core, 1, 1, TB_LIMIT_INTERFACES + 1));
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/limits/parameters", test_parameters);
        g_test_add_func("/limits/logs-held", test_logs_held);
        g_test_add_func("/limits/log-bytes", test_log_bytes);
        g_test_add_func("/limits/samples", test_samples);
        g_test_add_func("/limits/lease-waiters", test_lease_waiters);
        g_test_add_func("/limits/devices", test_devices);
        g_test_add_func("/limits/many-devices", test_many_devices);
        g_test_add_func("/limits/input", test_input);
        return g_test_run();
}
