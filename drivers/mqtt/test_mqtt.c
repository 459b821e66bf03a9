/* What parameters and messages mean. */
#include "drivers/mqtt/mqtt_proto.h"

#include <string.h>

static TbMqttOutlet outlet(const char *params)
{
        TbMqttOutlet o;
        g_autoptr(GError) error = NULL;
        json_auto_t *json = json_loads(params, 0, NULL);
        g_assert_true(tb_mqtt_outlet(json, &o, &error));
        return o;
}

static void test_presets(void)
{
        TbMqttOutlet t = outlet("{\"preset\":\"tasmota\",\"name\":\"plug\",\"output\":1}"),
                     z = outlet("{\"preset\":\"zigbee2mqtt\",\"name\":\"desk\",\"gone\":\"away\"}");
        g_assert_cmpstr(t.set, ==, "cmnd/plug/POWER2");
        g_assert_cmpstr(t.topics[TB_MQTT_STATE], ==, "stat/plug/POWER2");
        g_assert_cmpint(tb_mqtt_parse_alive(&t, "Offline"), ==, 0);
        g_assert_cmpint(tb_mqtt_parse_alive(&t, "Online"), ==, 1);
        g_assert_cmpint(tb_mqtt_parse_alive(&t, "?"), ==, -1);
        g_assert_cmpfloat(tb_mqtt_parse_watts(&t, "{\"ENERGY\":{\"Power\":3.5}}"), ==, 3.5);
        g_assert_cmpstr(z.on, ==, "{\"state\":\"ON\"}");
        g_assert_cmpint(tb_mqtt_parse_alive(&z, "{\"state\":\"online\"}"), ==, 1);
        g_assert_cmpint(tb_mqtt_parse_alive(&z, "away"), ==, 0); /* a parameter goes before the preset */
        tb_mqtt_outlet_clear(&t);
        tb_mqtt_outlet_clear(&z);
}

static void test_states(void)
{
        static const struct {
                const char *params, *payload;
                int is; /* -1: an error */
        } cases[] = {{"", "on", 1},
                     {"", " 0\n", 0},
                     {"", "\xff", -1},
                     {"", "", -1},
                     {",\"pointer\":\"/output\"", "{\"output\":true}", 1},
                     {",\"pointer\":\"/output\"", "{\"output\":0}", 0},
                     {",\"pointer\":\"/output\"", "{}", -1},
                     {",\"pointer\":\"/output\"", "on", -1},
                     {",\"state_on\":\"AN\",\"state_off\":\"AUS\"", "AN", 1},
                     {",\"state_on\":\"AN\",\"state_off\":\"AUS\"", "on", -1}};
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *params = g_strdup_printf(
                        "{\"set_topic\":\"a\",\"on\":\"1\",\"off\":\"0\",\"state_topic\":\"b\"%s}",
                        cases[i].params);
                TbMqttOutlet o = outlet(params);
                g_autoptr(GError) error = NULL;
                bool on = false, ok = tb_mqtt_parse_state(&o, cases[i].payload, &on, &error);
                g_assert_true(ok == (cases[i].is >= 0));
                g_assert_true(!ok || on == (cases[i].is == 1));
                g_assert_true(ok || g_utf8_validate(error->message, -1, NULL));
                tb_mqtt_outlet_clear(&o);
        }
}

static void test_refusals(void)
{
        static const char *const bad[] = {
                "{}",
                "{\"preset\":\"tasmota\"}",
                "{\"set_topic\":\"a\",\"on\":\"1\"}",
                "{\"preset\":\"tasmota\",\"name\":\"a/#\"}",
                "{\"set_topic\":\"a/+\",\"on\":\"1\",\"off\":\"0\"}",
                "{\"set_topic\":\"a\",\"on\":\"1\",\"off\":\"0\",\"state_on\":\"x\"}"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                TbMqttOutlet o;
                g_autoptr(GError) error = NULL;
                json_auto_t *json = json_loads(bad[i], 0, NULL);
                g_assert_false(tb_mqtt_outlet(json, &o, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mqtt/presets", test_presets);
        g_test_add_func("/mqtt/states", test_states);
        g_test_add_func("/mqtt/refusals", test_refusals);
        return g_test_run();
}
