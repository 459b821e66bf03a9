/* The packet, the ping and what their answers mean, by themselves. */
#include <string.h>

#include "drivers/wol/wol_proto.h"

static void test_packets(void)
{
        static const guint8 mac[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab}, password[] = {1, 2, 3, 4, 5, 6};
        static const char *const spellings[] = {"01-23-45-67-89-AB", "01:23:45:67:89:ab", "0123456789ab"};
        static const char *const bad[] = {"", "01-23-45-67-89", "01-23-45-67-89-AB-CD", "01-23-45-67-89-AG",
                                          "01--2345-67-89-AB"};
        guint8 parsed[TB_WOL_MAC], packet[TB_WOL_MOST];
        for (guint i = 0; i < G_N_ELEMENTS(spellings); i++) {
                g_assert_true(tb_wol_parse_mac(spellings[i], parsed));
                g_assert_cmpint(memcmp(parsed, mac, sizeof mac), ==, 0);
        }
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_wol_parse_mac(bad[i], parsed));
        g_assert_cmpuint(tb_wol_packet(mac, NULL, packet), ==, 102);
        for (int i = 0; i < 6; i++)
                g_assert_cmpuint(packet[i], ==, 0xff);
        for (int i = 0; i < 16; i++)
                g_assert_cmpint(memcmp(packet + 6 + 6 * i, mac, sizeof mac), ==, 0);
        g_assert_cmpuint(tb_wol_packet(mac, password, packet), ==, 108);
        g_assert_cmpint(memcmp(packet + 102, password, sizeof password), ==, 0);
}

static void test_pings(void)
{
        guint8 ping[TB_WOL_PING];
        tb_wol_ping(false, 0x1234, ping);
        g_assert_cmpuint(ping[0], ==, 8);
        g_assert_false(tb_wol_is_pong(false, 0x1234, ping, sizeof ping)); /* its own echo is none */
        ping[0] = 0;
        g_assert_true(tb_wol_is_pong(false, 0x1234, ping, sizeof ping));
        g_assert_false(tb_wol_is_pong(false, 0x1235, ping, sizeof ping));
        g_assert_false(tb_wol_is_pong(false, 0x1234, ping, 7));
        tb_wol_ping(true, 1, ping);
        g_assert_cmpuint(ping[0], ==, 128);
        ping[0] = 129;
        g_assert_true(tb_wol_is_pong(true, 1, ping, sizeof ping));
}

static void test_meaning(void)
{
        static const struct {
                TbWolSeen seen;
                TbPowerObserved is;
        } v[] = {{{.answered = true}, TB_POWER_ON},
                 {{.answered = false}, TB_POWER_UNKNOWN}, /* maybe the address is wrong */
                 {{.ever = true}, TB_POWER_OFF},
                 {{.ever = true, .waking = true}, TB_POWER_UNKNOWN},
                 {{.outlet_is_off = true}, TB_POWER_OFF},
                 {{.answered = true, .waking = true}, TB_POWER_ON}};
        for (guint i = 0; i < G_N_ELEMENTS(v); i++)
                g_assert_cmpint(tb_wol_judge(&v[i].seen), ==, v[i].is);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wol/packets", test_packets);
        g_test_add_func("/wol/pings", test_pings);
        g_test_add_func("/wol/meaning", test_meaning);
        return g_test_run();
}
