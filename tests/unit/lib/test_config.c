/* What every daemon's configuration shares: sections, token tables, ICE servers, environment, and a line for
 * each problem. */
#include <glib/gstdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/net.h"

static const TbParam params[] = {
        {.name = "port", .type = TB_PARAM_INT, .min = 0, .max = 65535, .fallback = "80", .help = "port"},
        {.name = "on", .type = TB_PARAM_BOOL, .fallback = "false", .help = "switch"},
        {.name = "must", .type = TB_PARAM_STRING, .required = true, .max = 4, .help = "needed"},
        TB_PARAM_END,
};
static const TbParam token_params[] = {
        TB_CONFIG_TOKEN_NAME,
        {.name = "role", .type = TB_PARAM_ENUM, .choices = TB_CHOICES("viewer", "admin"), .help = "role"},
        TB_CONFIG_TOKEN,
        TB_PARAM_END,
};

static void open_text(TbConfigReader *r, const char *yaml)
{
        g_autofree char *path = NULL;
        g_autoptr(GError) error = NULL;
        int fd = g_file_open_tmp("tbconfig-XXXXXX.yaml", &path, NULL);
        g_assert_cmpint(fd, >=, 0);
        g_close(fd, NULL);
        g_assert_true(g_file_set_contents(path, yaml, -1, NULL));
        g_assert_true(tb_config_open(r, path, "/nowhere", &error));
        g_assert_no_error(error);
        g_assert_cmpstr(tb_config_file(r), ==, path);
        g_unlink(path);
}

/* The problems are those of `expected`, line by line, and no more of them. */
static void assert_problems(TbConfigReader *r, const char *expected)
{
        g_autoptr(GError) error = NULL;
        bool good = tb_config_done(r, &error);
        if (!*expected) {
                g_assert_no_error(error);
                g_assert_true(good);
                return;
        }
        g_assert_false(good);
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        g_auto(GStrv) want = g_strsplit(expected, "\n", 0), got = g_strsplit(error->message, "\n", 0);
        for (guint i = 0; want[i]; i++)
                if (!got[i] || !strstr(got[i], want[i]))
                        g_error("line %u: expected \"%s\" in: %s", i, want[i], error->message);
        g_assert_cmpuint(g_strv_length(got), ==, g_strv_length(want));
}

static void test_section(void)
{
        static const struct {
                const char *yaml, *problems;
                int port;
        } cases[] = {
                {"must: x\nport: 65535\n", "", 65535},
                {"must: x\n", "", 80},
                {"", ": must: must is missing", 80},
                {"port: 65536\non: 1\nmust: x\n",
                 ":1: port: port must be from 0 to 65535\n:2: on: on must be true", 80},
                {"port: 1\nmust: abcde\n", ":2: must: must must be 0 to 4 bytes",
                 80}, /* told once, not as missing too */
                {"must: x\nnope: 1\n", ":2: nope: unknown field", 80},
                {"- a\n- b\n", "the file must be a mapping", 80},
                {"on: yes\nmust: x\n", ":1: on: on must be true or false", 80},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(TbConfigReader) r = {0};
                open_text(&r, cases[i].yaml);
                json_auto_t *s = tb_config_section(&r, params, tb_config_root(&r), "");
                g_assert_true(json_is_object(s));
                g_assert_cmpint(json_integer_value(json_object_get(s, "port")), ==, cases[i].port);
                assert_problems(&r, cases[i].problems);
        }
}

static void test_nested(void)
{
        g_auto(TbConfigReader) r = {0};
        open_text(&r, "inner:\n  must: x\n  port: -1\nlist:\n  - a\n  - {b: 1}\nother: 3\n");
        json_t *root = tb_config_root(&r);
        json_auto_t *s = tb_config_section(&r, params, json_object_get(root, "inner"), "inner");
        g_autofree char *must = tb_config_string(s, "must"), *none = tb_config_string(s, "none");
        g_assert_cmpstr(must, ==, "x");
        g_assert_null(none);
        g_auto(GStrv) list = tb_config_strings(&r, json_object_get(root, "list"), "list");
        g_assert_cmpuint(g_strv_length(list), ==, 1);
        json_auto_t *other = tb_config_section(&r, params, json_object_get(root, "other"), "other");
        assert_problems(
                &r,
                ":3: inner.port: \n:6: list: entry 1 must be a string\n:7: other: this must be a mapping");
}

static void test_no_file(void)
{
        g_auto(TbConfigReader) r = {0};
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_config_open(&r, "/nowhere/x.yaml", "/nowhere", &error));
        g_assert_nonnull(strstr(error->message, "/nowhere/x.yaml"));
        g_assert_true(tb_config_open(&r, NULL, "/nowhere", NULL));
        g_assert_null(tb_config_file(&r));
        json_auto_t *s = tb_config_section(&r, params, tb_config_root(&r), "");
        tb_config_env_problem(&r, "HOST_PORT", "a port number is expected");
        assert_problems(&r, "must: must is missing\nenvironment: HOST_PORT: a port number is expected");
}

static void test_tokens(void)
{
        g_autofree char *longest = g_strnfill(TB_LIMIT_TOKEN, 'x'),
                        *longer = g_strnfill(TB_LIMIT_TOKEN + 1, 'x');
        g_autofree char *yaml = g_strdup_printf(
                "tokens:\n  - {name: a, role: admin, token: 0123456789abcdef}\n"
                "  - {name: b, token: 0123456789abcde}\n  - {name: c, token: %s}\n"
                "  - {name: d, token: %s}\n  - {name: e, role: boss, token: abcdefghijklmnop}\n"
                "  - {name: \"f\\u202Etoor\", token: 2123456789abcdef}\n  - {name: \"g\\nh\", token: "
                "3123456789abcdef}\n  - {name: Bert Ä, token: 4123456789abcdef}\n",
                longest, longer);
        g_auto(TbConfigReader) r = {0};
        TbAuth *auth = tb_auth_new();
        open_text(&r, yaml);
        tb_config_tokens(&r, json_object_get(tb_config_root(&r), "tokens"), "tokens", token_params,
                         TB_ROLE_VIEWER, auth);
        g_assert_cmpint(tb_auth_check(auth, "0123456789abcdef", NULL), ==, TB_ROLE_ADMIN);
        g_assert_cmpint(tb_auth_check(auth, longest, NULL), ==, TB_ROLE_VIEWER);
        g_assert_cmpint(tb_auth_check(auth, longer, NULL), ==, TB_ROLE_NONE);
        assert_problems(&r, ":3: tokens[1].token: \n:5: tokens[3].token: \n:6: tokens[4].role: \n:7: "
                            "tokens[5]: a name is "
                            "one line\n:8: tokens[6]: a name is one line");
        g_assert_cmpint(tb_auth_check(auth, "2123456789abcdef", NULL), ==, TB_ROLE_NONE);
        g_assert_cmpint(tb_auth_check(auth, "4123456789abcdef", NULL), ==, TB_ROLE_VIEWER);
        tb_auth_unref(auth);
}

static void test_ice(void)
{
        g_auto(TbConfigReader) r = {0};
        open_text(&r, "stun: ['stun:a:1', b, 'stuns:c', 'turn:d', 'http://e', '']\n");
        const json_t *list = json_object_get(tb_config_root(&r), "stun");
        g_auto(GStrv) stun = tb_config_ice(&r, list, "ice.stun", "stun");
        g_autofree char *joined = g_strjoinv(" ", stun);
        g_assert_cmpstr(joined, ==, "stun:a:1 stun:b stuns:c");
        assert_problems(&r, ":1: ice.stun: \"turn:d\"\n:1: ice.stun: \"http://e\"\n:1: ice.stun: \"\"");
}

static void test_environment(void)
{
        g_auto(TbConfigReader) r = {0};
        g_autofree char *field = g_strdup("file");
        char **list = g_strsplit("turn:file", ",", 0);
        g_assert_true(tb_config_open(&r, NULL, "/nowhere", NULL));
        g_setenv("TB_TEST_VALUE", "", TRUE);
        g_assert_null(tb_config_env("TB_TEST_VALUE"));
        tb_config_env_string(&field, "TB_TEST_VALUE");
        tb_config_env_ice(&r, &list, "TB_TEST_VALUE", "turn");
        g_assert_cmpstr(field, ==, "file");
        g_assert_cmpstr(list[0], ==, "turn:file");
        g_setenv("TB_TEST_VALUE", "a.example:3478, turns:b:443?transport=tcp  stun:c,", TRUE);
        tb_config_env_string(&field, "TB_TEST_VALUE");
        tb_config_env_ice(&r, &list, "TB_TEST_VALUE", "turn");
        g_unsetenv("TB_TEST_VALUE");
        g_assert_true(g_str_has_prefix(field, "a.example"));
        g_assert_cmpuint(g_strv_length(list), ==, 2);
        g_assert_cmpstr(list[0], ==, "turn:a.example:3478");
        g_assert_cmpstr(list[1], ==, "turns:b:443?transport=tcp");
        assert_problems(&r, "environment: TB_TEST_VALUE: \"stun:c\" is not like turn:host:3478");
        g_strfreev(list);
}

static void test_access(void)
{
        static const struct {
                const char *address;
                bool loopback;
        } cases[] = {{"127.0.0.1", true}, {"127.9.9.9", true}, {"::1", true},      {"localhost", true},
                     {"0.0.0.0", false},  {"::", false},       {"10.0.0.1", false}};
        g_auto(TbConfigReader) named = {0};
        TbAuth *open = tb_auth_new();
        g_assert_true(tb_config_open(&named, NULL, "/nowhere", NULL));
        g_assert_false(tb_address_is_loopback("127.0.0.1.example"));
        tb_config_access(&named, "127.0.0.1.example", open, true);
        assert_problems(&named, "is no address to listen on");
        tb_auth_unref(open);
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(TbConfigReader) r = {0}, bold = {0};
                TbAuth *auth = tb_auth_new();
                g_assert_true(tb_config_open(&r, NULL, "/nowhere", NULL) &&
                              tb_config_open(&bold, NULL, "/nowhere", NULL));
                g_assert_cmpint(tb_address_is_loopback(cases[i].address), ==, cases[i].loopback);
                tb_config_access(&r, cases[i].address, auth, false);
                assert_problems(&r, cases[i].loopback ? "" : "without a token");
                tb_config_access(&bold, cases[i].address, auth, true);
                g_assert_true(tb_auth_add(auth, "a", "0123456789abcdef", TB_ROLE_VIEWER, NULL));
                tb_config_access(&bold, cases[i].address, auth, false);
                assert_problems(&bold, "");
                tb_auth_unref(auth);
        }
}

static void test_listen(void)
{
        static const char *const addresses[] = {"127.0.0.1", "localhost", "::1"};
        g_autoptr(GError) error = NULL;
        for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
                char bound[TB_ADDRESS_TEXT];
                guint16 port = 0;
                int fd = tb_listen(addresses[i], 0, bound, &port, &error);
                g_assert_no_error(error);
                g_assert_cmpint(fd, >=, 0);
                g_assert_cmpint(port, >, 0);
                g_assert_true(tb_address_is_loopback(bound));
                g_assert_cmpint(tb_listen(addresses[i], port, NULL, NULL, &error), ==, -1);
                g_assert_error(error, TB_ERROR, TB_ERROR_BUSY);
                g_clear_error(&error);
                g_close(fd, NULL);
        }
        g_assert_cmpint(tb_listen("lab.example", 0, NULL, NULL, &error), ==, -1);
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/config/section", test_section);
        g_test_add_func("/config/nested", test_nested);
        g_test_add_func("/config/no-file", test_no_file);
        g_test_add_func("/config/tokens", test_tokens);
        g_test_add_func("/config/ice", test_ice);
        g_test_add_func("/config/environment", test_environment);
        g_test_add_func("/config/access", test_access);
        g_test_add_func("/net/listen", test_listen);
        return g_test_run();
}
