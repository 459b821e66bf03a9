/* What an attach URI of a raw TCP console may be. The lane itself is tested against socat in
 * test_tcp_lane.c. */
#include "drivers/driver.h"

extern const TbDriver tb_driver_tcp;

static void test_check(void)
{
        static const struct {
                const char *uri;
                bool good;
        } cases[] = {
                {"tcp://10.0.0.7:4001", true},    {"tcp://[fd00::1]:23", true},
                {"tcp:///run/board.sock", true},  {"tcp://10.0.0.7", false},
                {"tcp://10.0.0.7:4001/x", false}, {"tcp://", false},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(TbUri) uri = tb_uri_parse(cases[i].uri, &error);
                g_assert_no_error(error);
                g_assert_cmpint(tb_driver_tcp.check(uri, NULL, &error), ==, cases[i].good);
                if (!cases[i].good)
                        g_assert_cmpstr(tb_error_field(error), ==, "uri");
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/tcp/check", test_check);
        return g_test_run();
}
