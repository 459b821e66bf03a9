/* The messages of /host/ws and the data channels, by the golden files that the browser's tests read too. */
#include <string.h>

#include "host/core/control/control_msg.h"
#include "host/core/core.h"
#include "lib/error.h"
#include "lib/limits.h"

#define GOLDEN "tests/fixtures/proto"

/* "power.set" -> the verb's own check; what the control protocol leaves to core */
static bool params_ok(const TbControlMessage *m, GError **error)
{
        g_auto(GStrv) words = g_strsplit(m->verb, ".", 2);
        for (const TbVerb *v = tb_core_verbs(); v->op; v++) {
                if (!v->params || g_strcmp0(words[1], v->op) != 0 || strcmp(tb_verb_noun(v), words[0]) != 0)
                        continue;
                json_t *valid = tb_params_validate(v->params, m->params, error);
                json_decref(valid);
                return valid != NULL;
        }
        return true;
}

static void check_golden(const char *name, json_t *golden)
{
        g_auto(TbControlMessage) m = {0};
        g_autoptr(GError) error = NULL;
        char *text = json_dumps(json_object_get(golden, "message"), JSON_COMPACT | JSON_ENCODE_ANY);
        bool ok = tb_control_parse(text, strlen(text), &m, &error);
        bool want = json_is_true(json_object_get(golden, "valid"));
        const char *blamed = json_string_value(json_object_get(golden, "error"));
        const char *path = blamed ? strchr(blamed, ':') + 1 : NULL;
        if (ok && m.kind == TB_CONTROL_COMMAND && (want || g_str_has_prefix(path, "params.")))
                ok = params_ok(&m, &error);
        free(text);
        /* what a command does with its params is judged by the verb itself, which needs a device:
         * test_control.c */
        if (!want && ok && path && g_str_has_prefix(path, "params."))
                return;
        if (ok != want)
                g_error("%s: %s", name, ok ? "accepted" : tb_error_detail(error));
        if (want)
                return;
        const char *field = tb_error_field(error);
        const char *plain = g_str_has_prefix(path, "params.") ? path + 7 : path;
        if (field && strcmp(field, path) != 0 && strcmp(field, plain) != 0)
                g_error("%s: blames %s, not %s", name, field, path);
}

static void test_golden(void)
{
        g_autoptr(GDir) dir = g_dir_open(GOLDEN, 0, NULL);
        guint viewer = 0;
        for (const char *name; (name = g_dir_read_name(dir));) {
                if (!g_str_has_suffix(name, ".json"))
                        continue;
                g_autofree char *path = g_build_filename(GOLDEN, name, NULL);
                json_auto_t *golden = json_load_file(path, 0, NULL);
                g_assert_nonnull(golden);
                if (g_strcmp0(json_string_value(json_object_get(golden, "direction")), "viewer->host") != 0)
                        continue;
                check_golden(name, golden);
                viewer++;
        }
        g_assert_cmpuint(viewer, >, 20);
}

static void refuses(const char *text, const char *field, gint64 id)
{
        g_auto(TbControlMessage) m = {0};
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_control_parse(text, strlen(text), &m, &error));
        g_assert_cmpstr(tb_error_field(error), ==, field);
        g_assert_cmpint(m.id, ==, id);
}

static void test_refusals_name_the_command(void)
{
        refuses("{\"id\":7,\"verb\":\"power.set\"}", "device", 7);
        refuses("{\"id\":7,\"device\":\"board\"}", "verb", 7);
        refuses("{\"id\":7,\"device\":\"board\",\"verb\":\"power.set\",\"params\":[]}", "params", 7);
        refuses("{\"id\":7,\"device\":\"board\",\"verb\":\"power.\"}", "verb", 7);
        refuses("{\"id\":7,\"device\":\"board\",\"verb\":\".set\"}", "verb", 7);
        refuses("{\"id\":7.5,\"device\":\"board\",\"verb\":\"power.set\"}", "id", 0);
        refuses("{\"device\":\"board\",\"verb\":\"power.set\"}", "id", 0);
        refuses("[]", "message", 0);
        refuses("{\"id\":3,\"subscribe\":[\"console:board\"],\"from\":-1}", "from", 3);
        refuses("{\"id\":3,\"subscribe\":[\"console:board\"],\"offset\":-1}", "offset", 3);
        refuses("{\"type\":\"dance\"}", "type", 0);
}

static void test_not_json(void)
{
        static const char *const bad[] = {"",     "{",   "{\"id\":1,\"id\":2}",
                                          "\xff", "nul", "{\"a\":\"\\ud800\"}"};
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_auto(TbControlMessage) m = {0};
                g_autoptr(GError) error = NULL;
                g_assert_false(tb_control_parse(bad[i], strlen(bad[i]), &m, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        }
}

static void test_limits(void)
{
        for (guint over = 0; over <= 1; over++) {
                g_autoptr(GString) s = g_string_new("{\"subscribe\":[\"event\"");
                for (guint i = 1; i < TB_CONTROL_TOPICS + over; i++)
                        g_string_append(s, ",\"event\"");
                g_string_append(s, "]}");
                g_auto(TbControlMessage) m = {0};
                g_autoptr(GError) error = NULL;
                g_assert_cmpint(tb_control_parse(s->str, s->len, &m, &error), ==, !over);
        }
        for (guint over = 0; over <= 1; over++) { /* of one message */
                g_autoptr(GString) s = g_string_new("{\"type\":\"ping\",\"pad\":\"");
                gsize rest = TB_LIMIT_WS_MESSAGE + over - s->len - 2;
                g_autofree char *pad = g_strnfill(rest, 'x');
                g_string_append_printf(s, "%s\"}", pad);
                g_auto(TbControlMessage) m = {0};
                g_assert_cmpint(tb_control_parse(s->str, s->len, &m, NULL), ==, !over);
        }
}

static void test_topics(void)
{
        static const struct {
                const char *text, *name, *device, *interface;
        } good[] = {
                {"event", "event", NULL, NULL},
                {"console:board", "console", "board", NULL},
                {"sensor:rpi-4.b/uart_1", "sensor", "rpi-4.b", "uart_1"},
        };
        static const char *const bad[] = {"",         ":board",      "Event",     "event:",      "event:-x",
                                          "event:a/", "event:a/b/c", "event:a b", "console:../x"};
        for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
                g_auto(TbTopic) t = {0};
                g_assert_true(tb_topic_parse(good[i].text, &t));
                g_assert_cmpstr(t.name, ==, good[i].name);
                g_assert_cmpstr(t.device, ==, good[i].device);
                g_assert_cmpstr(t.interface, ==, good[i].interface);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_auto(TbTopic) t = {0};
                g_assert_false(tb_topic_parse(bad[i], &t));
        }
}

static void test_results(void)
{
        g_autoptr(GError) error = NULL;
        tb_error_set_field(&error, TB_ERROR_LOCKED, "lease", "board is leased by anna");
        json_auto_t *extra = json_pack("{s:s}", "holder", "anna");
        json_auto_t *failed = tb_control_result(7, NULL, error, extra);
        json_t *e = json_object_get(failed, "error");
        g_assert_true(json_is_false(json_object_get(failed, "ok")));
        g_assert_cmpint(json_integer_value(json_object_get(e, "status")), ==, 423);
        g_assert_cmpstr(json_string_value(json_object_get(e, "field")), ==, "lease");
        g_assert_cmpstr(json_string_value(json_object_get(e, "holder")), ==, "anna");
        g_assert_null(strchr(json_string_value(json_object_get(e, "detail")), '\x1f'));
        json_auto_t *null = json_null();
        json_auto_t *done = tb_control_result(8, null, NULL, NULL);
        char *text = json_dumps(done, JSON_COMPACT | JSON_SORT_KEYS);
        g_assert_cmpstr(text, ==, "{\"id\":8,\"ok\":true}");
        free(text);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/control/msg/golden", test_golden);
        g_test_add_func("/control/msg/refusals", test_refusals_name_the_command);
        g_test_add_func("/control/msg/not-json", test_not_json);
        g_test_add_func("/control/msg/limits", test_limits);
        g_test_add_func("/control/msg/topics", test_topics);
        g_test_add_func("/control/msg/results", test_results);
        return g_test_run();
}
