#include "lib/net.h"

#include "lib/error.h"
#include "lib/limits.h"

static void test_ranges(void)
{
        static const struct {
                const char *range, *address;
                bool inside;
        } cases[] = {{"10.1.0.0/16", "10.1.255.255", true},
                     {"10.1.0.0/16", "10.2.0.0", false},
                     {"10.1.0.0/16", "::ffff:10.1.2.3", true},
                     {"10.1.2.3", "10.1.2.3", true},
                     {"10.1.2.3", "10.1.2.2", false},
                     {"0.0.0.0/0", "192.0.2.1", true},
                     {"0.0.0.0/0", "::1", false},
                     {"::/0", "192.0.2.1", true},
                     {"fd00::/8", "fdff::1", true},
                     {"fd00::/8", "fe80::1", false},
                     {"fe80::/10", "fe80::1%eth0", true},
                     {"10.0.0.0/8", "", false},
                     {"10.0.0.0/8", "10.1", false},
                     {"10.0.0.0/8", "localhost", false}};
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                json_auto_t *list = json_pack("[s]", cases[i].range);
                g_autoptr(GArray) ranges = NULL;
                g_autoptr(GError) error = NULL;
                g_assert_true(tb_net_ranges_parse(list, &ranges, &error));
                g_assert_cmpint(tb_net_ranges_contain(ranges, cases[i].address), ==, cases[i].inside);
        }
        g_assert_false(tb_net_ranges_contain(NULL, "127.0.0.1"));
}

static void test_bad_ranges(void)
{
        static const char *const bad[] = {"",        "10.1.0.0/33",    "10.1.0.0/-1", "10.1.0.0/",
                                          "10.1/16", "10.1.2.3/16",    "fd00::1/8",   "::/129",
                                          "host",    "fe80::%eth0/10", "10.0.0.0/8x", "010.0.0.0/8"};
        TbNetRange range;
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(tb_net_range_parse(bad[i], &range, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        }
        json_auto_t *list = json_array();
        g_autoptr(GArray) ranges = NULL;
        g_assert_false(tb_net_ranges_parse(list, &ranges, NULL)); /* nobody could connect */
        for (int i = 0; i < TB_LIMIT_NET_RANGES; i++)
                json_array_append_new(list, json_string("10.0.0.0/8"));
        g_assert_true(tb_net_ranges_parse(list, &ranges, NULL));
        json_array_append_new(list, json_string("10.0.0.0/8"));
        g_autoptr(GArray) more = NULL;
        g_assert_false(tb_net_ranges_parse(list, &more, NULL));
        json_auto_t *text = json_string("10.0.0.0/8"), *mixed = json_pack("[i]", 10);
        g_assert_false(tb_net_ranges_parse(text, &more, NULL) || tb_net_ranges_parse(mixed, &more, NULL) ||
                       tb_net_ranges_parse(NULL, &more, NULL));
}

static void test_endpoints(void)
{
        static const struct {
                const char *text, *address;
                int port; /* 0: refused */
        } cases[] = {{"127.0.0.1:4001", "127.0.0.1", 4001},
                     {"[::1]:4001", "::1", 4001},
                     {"4001", NULL, 4001},
                     {"[::]:1", "::", 1},
                     {"localhost:2", "localhost", 2},
                     {"0.0.0.0:65535", "0.0.0.0", 65535},
                     {"127.0.0.1:0", NULL, 0},
                     {"127.0.0.1:65536", NULL, 0},
                     {"::1:4001", NULL, 0},
                     {"[::1]", NULL, 0},
                     {"[::1:4001", NULL, 0},
                     {"host:4001", NULL, 0},
                     {":4001", NULL, 0},
                     {"127.0.0.1:", NULL, 0},
                     {"", NULL, 0},
                     {"[127.0.0.1]:1", NULL, 0},
                     {"[]:1", NULL, 0},
                     {"127.0.0.1: 1", NULL, 0}};
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *address = NULL;
                g_autoptr(GError) error = NULL;
                guint16 port = 0;
                g_assert_cmpint(tb_net_endpoint_parse(cases[i].text, &address, &port, &error), ==,
                                cases[i].port != 0);
                g_assert_cmpint(port, ==, cases[i].port);
                g_assert_cmpstr(address, ==, cases[i].address);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/net/ranges", test_ranges);
        g_test_add_func("/net/bad-ranges", test_bad_ranges);
        g_test_add_func("/net/endpoints", test_endpoints);
        return g_test_run();
}
