/* Tasmota's answers by themselves; those of devices/Sonoff-Pow-R2.md and Commands.md of its documentation. */
#include "drivers/tasmota/tasmota_proto.h"

static void state(const char *text, int output, TbPowerObserved observed, double watts)
{
        TbPlugState s;
        g_autoptr(GError) error = NULL;
        json_auto_t *json = json_loads(text, 0, NULL);
        g_assert_true(tb_tasmota_parse(json, output, &s, &error));
        g_assert_cmpint(s.power.observed, ==, observed);
        g_assert_true(isnan(watts) ? isnan(s.power.watts) : s.power.watts == watts);
}

static void test_states(void)
{
        state("{\"StatusSTS\":{\"POWER\":\"ON\"}}", 0, TB_POWER_ON, NAN);
        state("{\"StatusSTS\":{\"POWER1\":\"ON\",\"POWER2\":\"OFF\"}}", 1, TB_POWER_OFF, NAN);
        state("{\"StatusSTS\":{\"POWER\":\"OFF\"},\"StatusSNS\":{\"ENERGY\":{\"Total\":3.185,\"Power\":7,"
              "\"Voltage\":221,"
              "\"Current\":0.1}}}",
              0, TB_POWER_OFF, 7);
        state("{\"StatusSTS\":{\"POWER1\":\"ON\",\"POWER2\":\"ON\"},\"StatusSNS\":{\"ENERGY\":{\"Power\":[5,"
              "6],\"Total\":[1,2],"
              "\"Voltage\":221}}}",
              1, TB_POWER_ON, 6);
}

static void test_refusals(void)
{
        static const struct {
                const char *text;
                int output;
                TbErrorCode code;
        } bad[] = {{"{\"StatusSTS\":{\"POWER\":\"ON\"}}", 1, TB_ERROR_UNPROCESSABLE},
                   {"{\"StatusSTS\":{\"POWER1\":\"ON\",\"POWER2\":\"OFF\"}}", 2, TB_ERROR_UNPROCESSABLE},
                   {"{\"StatusSTS\":{\"POWER\":\"perhaps\"}}", 0, TB_ERROR_DEVICE},
                   {"{\"StatusSTS\":{}}", 0, TB_ERROR_DEVICE},
                   {"[]", 0, TB_ERROR_DEVICE}};
        const char *why;
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                TbPlugState s;
                g_autoptr(GError) error = NULL;
                json_auto_t *json = json_loads(bad[i].text, 0, NULL);
                g_assert_false(tb_tasmota_parse(json, bad[i].output, &s, &error));
                g_assert_error(error, TB_ERROR, (int)bad[i].code);
        }
        json_auto_t *unknown = json_loads("{\"Command\":\"Unknown\"}", 0, NULL),
                    *fine = json_loads("{\"POWER\":\"ON\"}", 0, NULL);
        g_assert_true(tb_tasmota_refuses(unknown, &why));
        g_assert_false(tb_tasmota_refuses(fine, &why));
}

static void test_targets(void)
{
        g_autofree char *plain = tb_tasmota_target("Power1 On", NULL, NULL),
                        *secret = tb_tasmota_target("Status 11", NULL, "a&b=c d");
        g_assert_cmpstr(plain, ==, "/cm?cmnd=Power1%20On");
        g_assert_cmpstr(secret, ==, "/cm?user=admin&password=a%26b%3Dc%20d&cmnd=Status%2011");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/tasmota/states", test_states);
        g_test_add_func("/tasmota/refusals", test_refusals);
        g_test_add_func("/tasmota/targets", test_targets);
        return g_test_run();
}
