/* What the server takes from the environment of a platform that runs containers. */
#include "lib/error.h"
#include "server/config.h"

static void test_platform(void)
{
        g_autoptr(GError) error = NULL;
        g_setenv("PORT", "10000", TRUE);
        g_setenv("RENDER_EXTERNAL_URL", "https://pair.example.org/", TRUE);
        g_setenv("TESTBED_TOKEN", "0123456789abcdef", TRUE);
        g_autoptr(TbServerConfig) given = tb_server_config_load("/dev/null", "/nowhere", false, &error);
        g_assert_no_error(error);
        g_assert_cmpint(given->port, ==, 10000);
        g_assert_cmpstr(given->url, ==, "https://pair.example.org");
        g_assert_cmpstr(given->names[0], ==, "pair.example.org"); /* else it would answer 421 */
        g_setenv("SERVER_URL", "https://named.example.org", TRUE);
        g_autoptr(TbServerConfig) named = tb_server_config_load("/dev/null", "/nowhere", false, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(named->url, ==, "https://named.example.org");
        g_setenv("PORT", "65536", TRUE);
        g_assert_null(tb_server_config_load("/dev/null", "/nowhere", false, &error));
        g_assert_nonnull(strstr(error->message, "PORT: a port number is expected, got \"65536\""));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/server-config/platform", test_platform);
        return g_test_run();
}
