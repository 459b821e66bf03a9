/* host.yaml: what is said, where; environment; access rules. */
#include <glib/gstdio.h>
#include <string.h>

#include "host/core/config.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"

static TbHostConfig *load(const char *yaml, GError **error)
{
        g_autofree char *path = NULL;
        int fd = g_file_open_tmp("tbconfig-XXXXXX.yaml", &path, NULL);
        g_close(fd, NULL);
        g_assert_true(g_file_set_contents(path, yaml, -1, NULL));
        TbHostConfig *c = tb_host_config_load(
                &(TbHostOptions){.config_file = path, .state_dir = "/tmp/tb-none"}, error);
        g_unlink(path);
        return c;
}

static void test_good(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TbHostConfig) c = load(
                "name: lab-1\nport: 7000\nvnc: {port: 0, password: geheim}\nice:\n  stun: [ 'stun:a:3478' ]\n"
                "tokens:\n  - {name: ci, role: operator, token: 0123456789abcdef}\n"
                "devices:\n  a:\n    label: A\n    attach: fake://x\n  b:\n    attach: {uart1: {uri: "
                "'fake://y', kind: console}}\n",
                &error);
        g_assert_no_error(error);
        g_assert_cmpstr(c->name, ==, "lab-1");
        g_assert_cmpint(c->port, ==, 7000);
        g_assert_cmpint(c->vnc_port, ==, 0);
        g_assert_cmpint(c->novnc_port, ==, 6080);
        g_assert_cmpstr(c->ice.stun[0], ==, "stun:a:3478");
        g_assert_false(tb_auth_is_open(c->auth));
        g_assert_cmpuint(json_object_size(c->devices), ==, 2);
        g_assert_cmpstr(c->state_dir, ==, "/tmp/tb-none");
}

static void test_environment(void)
{
        g_autoptr(GError) error = NULL;
        g_setenv("HOST_PORT", "7123", TRUE);
        g_setenv("HOST_NAME", "from-env", TRUE);
        g_setenv("WEBRTC_STUN_SERVERS", "stun:a:1, stun:b:2", TRUE);
        g_autoptr(TbHostConfig) c = load("name: file\nport: 1\n", &error);
        g_assert_no_error(error);
        g_assert_cmpint(c->port, ==, 7123);
        g_assert_cmpstr(c->name, ==, "from-env");
        g_assert_cmpstr(c->ice.stun[1], ==, "stun:b:2");
        g_setenv("HOST_PORT", "65536", TRUE);
        g_assert_null(load("name: file\n", &error));
        g_assert_nonnull(strstr(error->message, "HOST_PORT"));
        g_unsetenv("HOST_PORT");
        g_setenv("PORT", "8100", TRUE);
        g_setenv("RENDER_EXTERNAL_URL", "http://localhost:9", TRUE);
        g_autoptr(TbHostConfig) platform = load("port: 1\n", NULL);
        g_assert_cmpint(platform->port, ==, 8100);
        g_assert_cmpstr(platform->url, ==, "http://localhost:9");
        g_setenv("HOST_PORT", "7123", TRUE);
        g_setenv("HOST_URL", "http://localhost:8", TRUE);
        g_autoptr(TbHostConfig) named = load("port: 1\n", NULL);
        g_assert_cmpint(named->port, ==, 7123); /* the daemon's own word wins */
        g_assert_cmpstr(named->url, ==, "http://localhost:8");
        g_unsetenv("PORT");
        g_unsetenv("RENDER_EXTERNAL_URL");
        g_unsetenv("HOST_URL");
        g_unsetenv("HOST_PORT");
        g_unsetenv("HOST_NAME");
        g_unsetenv("WEBRTC_STUN_SERVERS");
}

/* Every problem is said, with its line. */
static void test_bad(void)
{
        static const struct {
                const char *yaml, *expected;
        } cases[] = {
                {"name: x\nports: 3\n", "ports"},
                {"name: x\nport: 70000\n", ".yaml:2: port"},
                {"vnc:\n  port: 1\n  password: ninechars\n", ".yaml:3: vnc.password"},
                {"tokens:\n  - {name: a, role: boss, token: 0123456789abcdef}\n", ".yaml:2: tokens[0].role"},
                {"tokens:\n  - {name: a, role: admin, token: short}\n", "tokens[0].token"},
                {"devices:\n  a:\n    attach: nix://x\n", ".yaml:3: devices.a.attach"},
                {"devices:\n  A:\n    attach: fake://x\n", "devices.A.id"},
                {"devices:\n  a:\n    attach:\n      power: fake://x\n      foo: fake://x\n",
                 ".yaml:5: devices.a.foo"},
                {"devices:\n  a:\n    attach: fake://x\n  b:\n    attach: fake://x\n",
                 ".yaml:5: devices: the outlet fake://x is that of a/power: b/power cannot have it"},
                {"devices:\n  a:\n    attach: fake://x\n    colour: red\n", "unknown field \"colour\""},
                {"address: 0.0.0.0\n", "without a token"},
                {"listen: 0.0.0.0:6109\n", "without a token"},
                {"listen: 70000\n", ".yaml:1: listen: an address, a port or"},
                {"listen: {}\n", "listen"},
                {"port: 1\nlisten: 2\n", "say either this or"},
                {"ice: {turn: ['http://x']}\n", "turn"},
                {"ice: {turn: ['turn:x']}\n", "ice.turn_secret"},
                {"name: [\n", ".yaml:"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(load(cases[i].yaml, &error));
                g_assert_nonnull(error);
                if (!strstr(error->message, cases[i].expected))
                        g_error("case %u: expected \"%s\" in: %s", i, cases[i].expected, error->message);
        }
        g_autoptr(GError) error = NULL;
        g_assert_null(load("port: 70000\nnovnc: {port: -1}\n", &error));
        g_assert_nonnull(strstr(error->message, "\n")); /* both, a line each */
}

static void test_listen(void)
{
        static const struct {
                const char *yaml, *address;
                guint port; /* 0: the one that it is without */
        } cases[] = {{"listen: 6110\n", "127.0.0.1", 6110},
                     {"listen: '::1'\n", "::1", 0},
                     {"listen: 127.0.0.2\n", "127.0.0.2", 0},
                     {"listen: '[::1]:6111'\n", "::1", 6111},
                     {"listen: 127.0.0.1:6112\n", "127.0.0.1", 6112}};
        g_autoptr(TbHostConfig) plain = load("name: x\n", NULL);
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(TbHostConfig) c = load(cases[i].yaml, &error);
                g_assert_no_error(error);
                g_assert_cmpstr(c->address, ==, cases[i].address);
                g_assert_cmpuint(c->port, ==, cases[i].port ? cases[i].port : plain->port);
        }
}

/* What --check lets pass has to start, and to reach who it says. */
static void test_addresses(void)
{
        static const char *const bad[][2] = {
                {"server: {url: 'ftp://x'}", "server.url (SERVER_URL)"},
                {"server: {url: 'http://a b'}", "server.url (SERVER_URL)"},
                {"server: {url: 'https://u:geheim@x'}", "without a name and password"},
                {"server: {url: 'http://'}", "server.url (SERVER_URL)"},
                {"name: a b\nserver: {url: 'http://x'}", "name (HOST_NAME)"},
                {"url: 'http://u:geheim@localhost'", "without a name and password"},
                {"address: 300.1.1.1", "300.1.1.1 is no address to listen on"},
                {"address: lab.example", "lab.example is no address to listen on"},
        };
        static const char *const good[] = {"server: {url: 'wss://x/staging/'}",
                                           "server: {url: 'http://[::1]:5109'}",
                                           "server: {url: 'https://pr\303\274fstand.example'}",
                                           "name: a b",
                                           "address: localhost",
                                           "address: ::1"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(load(bad[i][0], &error));
                g_assert_nonnull(strstr(error->message, bad[i][1]));
                g_assert_null(strstr(error->message, "geheim"));
        }
        for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(TbHostConfig) c = load(good[i], &error);
                g_assert_no_error(error);
        }
}

static void test_devices(void)
{
        g_autoptr(GString) yaml = g_string_new("devices:\n");
        g_autoptr(GError) error = NULL;
        for (guint i = 0; i < TB_LIMIT_DEVICES; i++)
                g_string_append_printf(yaml, "  d%u: {attach: 'fake://x%u'}\n", i, i);
        g_autoptr(TbHostConfig) most = load(yaml->str, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(json_object_size(most->devices), ==, TB_LIMIT_DEVICES);
        g_string_append(yaml, "  one-more: {attach: 'fake://x'}\n");
        g_assert_null(load(yaml->str, &error));
        g_assert_nonnull(strstr(error->message, "devices: a host has at most 256 devices"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/config/good", test_good);
        g_test_add_func("/config/environment", test_environment);
        g_test_add_func("/config/bad", test_bad);
        g_test_add_func("/config/listen", test_listen);
        g_test_add_func("/config/addresses", test_addresses);
        g_test_add_func("/config/devices", test_devices);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
