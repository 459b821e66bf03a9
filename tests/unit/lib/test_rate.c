/* Networks that share, token buckets. */
#include <string.h>

#include "lib/clock.h"
#include "lib/rate.h"

static void test_share_keys(void)
{
        static const struct {
                const char *address, *share, *wide;
        } cases[] = {
                {"10.1.2.3", "10.1.2.3", "10.1.2.0/24"},
                {"::ffff:10.1.2.3", "10.1.2.3", "10.1.2.0/24"},
                {"::ffff:a01:203", "10.1.2.3", "10.1.2.0/24"},
                {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"},
                {"2001:DB8:1:2::9", "2001:db8:1:2::/64", "2001:db8:1::/48"},
                {"2001:db8:1:3::9", "2001:db8:1:3::/64", "2001:db8:1::/48"},
                {"::1", "::/64", "::/48"},
                {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::/64",
                 "ffff:ffff:ffff::/48"},
                {"localhost", "localhost", "localhost"},
                {"", "", ""},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                char share[TB_NET_KEY], wide[TB_NET_KEY];
                tb_net_share_key(cases[i].address, share);
                tb_net_wide_key(cases[i].address, wide);
                g_assert_cmpstr(share, ==, cases[i].share);
                g_assert_cmpstr(wide, ==, cases[i].wide);
        }
        g_autofree char *name = g_strnfill(300, 'x');
        char key[TB_NET_KEY];
        tb_net_share_key(name, key);
        g_assert_cmpuint(strlen(key), ==, TB_NET_KEY - 1);
}

/* A whole /64 has one bucket. */
static void test_rates_by_network(void)
{
        TbRates *rates = tb_rates_new(0.5, 30);
        guint taken = 0;
        for (guint i = 0; i < 1000; i++) {
                char address[64], key[TB_NET_KEY];
                g_snprintf(address, sizeof address, "2001:db8:1:1::%x", i + 1);
                tb_net_share_key(address, key);
                taken += tb_rates_take(rates, key, 1, 1, NULL);
        }
        g_assert_cmpuint(taken, ==, 30);
        g_assert_cmpuint(tb_rates_size(rates), ==, 1);
        tb_rates_free(rates);
}

static void test_mono(void)
{
        gint64 a = tb_clock_mono_ms(), b = tb_clock_mono_ms();
        g_assert_cmpint(a, >, 0);
        g_assert_cmpint(b, >=, a);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/rate/share-keys", test_share_keys);
        g_test_add_func("/rate/by-network", test_rates_by_network);
        g_test_add_func("/clock/mono", test_mono);
        return g_test_run();
}
