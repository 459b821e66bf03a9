#include "lib/http/forwarded.h"

#include <string.h>

static void test_address(void)
{
        static const struct {
                const char *text, *address; /* NULL: none */
        } rows[] = {
                {"192.0.2.1", "192.0.2.1"},
                {" 192.0.2.1\t", "192.0.2.1"},
                {"192.0.2.1:4711", "192.0.2.1"},
                {"\"192.0.2.1:4711\"", "192.0.2.1"},
                {"2001:db8::1", "2001:db8::1"},
                {"2001:DB8:0::1", "2001:db8::1"},
                {"[2001:db8::1]", "2001:db8::1"},
                {"\"[2001:db8::1]:80\"", "2001:db8::1"},
                {"::ffff:192.0.2.1", "192.0.2.1"},
                {"[::ffff:192.0.2.1]:9", "192.0.2.1"},
                {"", NULL},
                {"unknown", NULL},
                {"_hidden", NULL},
                {"192.0.2.1:", NULL},
                {"192.0.2.1:x", NULL},
                {"192.0.2.1:123456", NULL},
                {"[2001:db8::1", NULL},
                {"[2001:db8::1]80", NULL},
                {"192.0.2", NULL},
                {"192.0.2.1 192.0.2.2", NULL},
                {"localhost", NULL},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                char address[TB_ADDRESS_TEXT] = "untouched";
                bool ok = tb_forwarded_address(rows[i].text, strlen(rows[i].text), address);
                g_assert_cmpint(ok, ==, rows[i].address != NULL);
                g_assert_cmpstr(address, ==, ok ? rows[i].address : "untouched");
        }
        g_autofree char *longer = g_strnfill(500, '1');
        char address[TB_ADDRESS_TEXT];
        g_assert_false(tb_forwarded_address(longer, 500, address));
}

static void test_client(void)
{
        static const char *const ours[] = {"10.0.0.0/8", "2001:db8:1::/48", NULL};
        static const struct {
                const char *forwarded_for, *forwarded;
                TbHop hop;
                const char *address;
        } rows[] = {
                {NULL, NULL, TB_HOP_NONE, NULL},
                {"192.0.2.1", NULL, TB_HOP_CLIENT, "192.0.2.1"},
                {"6.6.6.6, 192.0.2.1, 10.1.2.3", NULL, TB_HOP_CLIENT,
                 "192.0.2.1"}, /* 6.6.6.6 is what it claims */
                {"192.0.2.1, 127.0.0.1", NULL, TB_HOP_CLIENT, "192.0.2.1"},
                {"127.0.0.1", NULL, TB_HOP_CLIENT, "127.0.0.1"},
                {"10.0.0.1, 10.0.0.2", NULL, TB_HOP_CLIENT, "10.0.0.1"},
                {"192.0.2.1, unknown", NULL, TB_HOP_UNKNOWN, NULL},
                {"", NULL, TB_HOP_UNKNOWN, NULL},
                {",", NULL, TB_HOP_UNKNOWN, NULL},
                {NULL, "for=192.0.2.60;proto=http;by=203.0.113.43", TB_HOP_CLIENT, "192.0.2.60"},
                {NULL, "For=\"[2001:db8:cafe::17]:4711\"", TB_HOP_CLIENT, "2001:db8:cafe::17"},
                {NULL, "for=192.0.2.43, for=\"[2001:db8:1::17]:4711\"", TB_HOP_CLIENT, "192.0.2.43"},
                {NULL, "by=\"a,b;for=1.1.1.1\";for=192.0.2.7", TB_HOP_CLIENT, "192.0.2.7"},
                {NULL, "proto=https", TB_HOP_UNKNOWN, NULL},
                {"192.0.2.1", "for=127.0.0.1", TB_HOP_CLIENT,
                 "192.0.2.1"}, /* the client may have written it */
        };
        g_autoptr(GError) error = NULL;
        TbNets *nets = tb_nets_new(ours, &error);
        g_assert_no_error(error);
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                char address[TB_ADDRESS_TEXT] = "";
                TbHop hop = tb_forwarded_client(rows[i].forwarded_for, rows[i].forwarded, nets, address);
                if (hop != rows[i].hop || (hop == TB_HOP_CLIENT && strcmp(address, rows[i].address) != 0))
                        g_error("row %zu: %d %s", i, hop, address);
        }
        tb_nets_free(nets);
        GString *many = g_string_new("192.0.2.1");
        for (guint i = 0; i < 1000; i++)
                g_string_append(many, ",127.0.0.1");
        char address[TB_ADDRESS_TEXT];
        g_assert_cmpint(tb_forwarded_client(many->str, NULL, NULL, address), ==, TB_HOP_UNKNOWN);
        g_string_free(many, TRUE);
}

static void test_last(void)
{
        g_autofree char *proto =
                tb_forwarded_last("for=1.1.1.1;proto=http, for=2.2.2.2;proto=\"https\"", "proto");
        g_assert_cmpstr(proto, ==, "https");
        g_assert_null(tb_forwarded_last("proto=https, for=2.2.2.2", "proto"));
        g_assert_null(tb_forwarded_last(NULL, "proto"));
}

static void test_nets(void)
{
        static const char *const bad[][2] = {
                {"10.0.0.0/33", NULL}, {"lab", NULL}, {"", NULL}, {"10.0.0.1/8", NULL}};
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(tb_nets_new(bad[i], &error));
                g_assert_nonnull(strstr(error->message, "network"));
        }
        static const char *const list[] = {"10.0.0.0/8", "192.0.2.7", "2001:db8::/32", NULL};
        TbNets *nets = tb_nets_new(list, NULL);
        g_assert_true(tb_nets_have(nets, "10.255.255.255"));
        g_assert_false(tb_nets_have(nets, "11.0.0.0"));
        g_assert_true(tb_nets_have(nets, "192.0.2.7"));
        g_assert_false(tb_nets_have(nets, "192.0.2.8"));
        g_assert_true(tb_nets_have(nets, "2001:db8:ffff::1"));
        g_assert_false(tb_nets_have(nets, "2001:db9::1"));
        g_assert_false(tb_nets_have(nets, "lab"));
        g_assert_false(tb_nets_have(NULL, "10.0.0.1"));
        tb_nets_free(nets);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/forwarded/address", test_address);
        g_test_add_func("/forwarded/client", test_client);
        g_test_add_func("/forwarded/last", test_last);
        g_test_add_func("/nets", test_nets);
        return g_test_run();
}
