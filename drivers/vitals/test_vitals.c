/* Texts of proc(5), whole and cut at every offset. */
#include "drivers/transport/samples.h"
#include "drivers/vitals/vitals_proto.h"

#include <string.h>

static const char memory[] =
        "MemTotal:       24683692 kB\nMemFree:        12000000 kB\nMemAvailable:   24000000 kB\n";
static const char stat_text[] = "cpu  100 20 30 4000 50 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n";
static const char net[] = "Inter-|   Receive                                                |  Transmit\n"
                          " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
                          "packets errs drop fifo colls carrier compressed\n"
                          "    lo: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0\n"
                          "  eth0: 123456 99 0 0 0 0 0 0 654321 88 0 0 0 0 0 0\n"
                          "wlan0:1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n";

static void test_values(void)
{
        double load[3], uptime;
        g_assert_true(tb_vitals_parse_load("0.52 1.05 2.25 1/234 5678\n", load));
        g_assert_cmpfloat(load[2], ==, 2.25);
        g_assert_true(tb_vitals_parse_uptime("12345.67 9.0\n", &uptime));
        TbVitalsMemory m;
        g_assert_true(tb_vitals_parse_memory(memory, &m));
        g_assert_cmpfloat(m.available, ==, 24000000.0 * 1024);
        TbVitalsCpu c;
        g_assert_true(tb_vitals_parse_cpu(stat_text, &c));
        g_assert_cmpuint(c.total, ==, 4221);
        g_assert_cmpuint(c.busy, ==, 171);
        TbVitalsNet n;
        g_assert_true(tb_vitals_parse_net(net, &n));
        g_assert_cmpuint(n.received, ==, 123457);
        g_assert_cmpuint(n.sent, ==, 654323);
}

static void test_bad(void)
{
        double load[3];
        TbVitalsMemory m;
        TbVitalsCpu c;
        TbVitalsNet n;
        g_assert_false(tb_vitals_parse_load("0.52 x 2", load));
        g_assert_false(tb_vitals_parse_load("nan 1 1", load));
        g_assert_false(tb_vitals_parse_memory("MemTotal: 1 MB\nMemAvailable: 1 kB\n", &m));
        g_assert_false(tb_vitals_parse_memory("MemTotal: 0 kB\nMemAvailable: 1 kB\n", &m));
        g_assert_false(tb_vitals_parse_cpu("cpu0 1 2 3 4 5 6 7 8", &c));
        g_assert_false(tb_vitals_parse_cpu("cpu  1 2 3", &c));
        g_assert_false(tb_vitals_parse_cpu("cpu  99999999999999999999999 2 3 4 5 6 7 8", &c));
        g_assert_false(tb_vitals_parse_net("", &n));
        const char *const texts[] = {memory, stat_text, net};
        for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
                for (gsize cut = 0; cut <= strlen(texts[i]); cut++) {
                        g_autofree char *part = g_strndup(texts[i], cut);
                        tb_vitals_parse_load(part, load);
                        tb_vitals_parse_memory(part, &m);
                        tb_vitals_parse_cpu(part, &c);
                        tb_vitals_parse_net(part, &n);
                }
}

static void test_names(void)
{
        static const char *const table[][2] = {{"Package id 0\n", "package-id-0"},
                                               {"x86_pkg_temp", "x86-pkg-temp"},
                                               {"", "sensor"},
                                               {"--", "sensor"},
                                               {" A ", "a"}};
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                g_autofree char *part = tb_samples_part(table[i][0]);
                g_assert_cmpstr(part, ==, table[i][1]);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vitals/values", test_values);
        g_test_add_func("/vitals/bad", test_bad);
        g_test_add_func("/vitals/names", test_names);
        return g_test_run();
}
