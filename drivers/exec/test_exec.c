#include "drivers/exec/exec_proto.h"

#include <string.h>

static void test_power(void)
{
        static const struct {
                const char *text;
                TbPowerObserved state;
        } good[] = {{"on\n", TB_POWER_ON},
                    {" OFF ", TB_POWER_OFF},
                    {"1", TB_POWER_ON},
                    {"0\r\n", TB_POWER_OFF},
                    {"unknown", TB_POWER_UNKNOWN},
                    {"{\"state\":\"Unknown\"}", TB_POWER_UNKNOWN},
                    {"{\"state\":1}", TB_POWER_ON},
                    {"{\"state\":\"on\"}", TB_POWER_ON},
                    {"{\"observed\":false}", TB_POWER_OFF}};
        TbPowerState s;
        for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
                g_assert_true(tb_exec_parse_power(good[i].text, strlen(good[i].text), &s, NULL));
                g_assert_cmpint(s.observed, ==, good[i].state);
                g_assert_true(isnan(s.watts));
        }
        g_assert_true(tb_exec_parse_power("{\"state\":\"on\",\"watts\":3.5,\"volts\":\"x\"}", 40, &s, NULL));
        g_assert_cmpfloat(s.watts, ==, 3.5);
        g_assert_true(isnan(s.volts));
        static const char *const bad[] = {"",       "maybe", "{\"state\":3}",    "{", "{\"watts\":1}",
                                          "on off", "\xff",  "{\"state\":null}", "[]"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(tb_exec_parse_power(bad[i], strlen(bad[i]), &s, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/exec/power", test_power);
        return g_test_run();
}
