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

/* What a message says of a stream. */
static void test_stream(void)
{
        static const struct {
                const char *row, *payload;
                double value; /* NAN: none */
                gint64 t_ms;
        } rows[] = {
                {"{}", "21.5", 21.5, 0},
                {"{}", " 21.5 C ", 21.5, 0},
                {"{}", "40%", 40, 0},
                {"{}", "ON", 1, 0},
                {"{}", "false", 0, 0},
                {"{}", "21.5x", NAN, 0},
                {"{}", "nan", NAN, 0},
                {"{}", "1e999", NAN, 0},
                {"{}", "", NAN, 0},
                {"{}", "\xff\xfe", NAN, 0},
                {"{\"at\":\"/a/1\",\"time\":\"/ts\"}", "{\"a\":[0,\"7.5\"],\"ts\":1795204800}", 7.5,
                 1795204800000},
                {"{\"at\":\"/on\",\"time\":\"/ts\"}", "{\"on\":true,\"ts\":\"2026-11-20T20:00:00.5Z\"}", 1,
                 1795204800500},
                {"{\"at\":\"/a\"}", "no json", NAN, 0},
                {"{\"at\":\"/a\"}", "{\"a\":{}}", NAN, 0},
        };
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                json_auto_t *more = json_loads(rows[i].row, 0, NULL);
                const TbDeclared row = {.more = more};
                double value = NAN;
                gint64 t_ms = 0;
                bool ok = tb_mqtt_parse_stream(&row, rows[i].payload, &value, &t_ms);
                g_assert_true(ok == !isnan(rows[i].value));
                if (ok)
                        g_assert_cmpfloat(value, ==, rows[i].value);
                g_assert_cmpint(t_ms, ==, rows[i].t_ms);
        }
        json_auto_t *wild = json_loads("[{\"stream\":\"a\",\"topic\":\"a/+\"}]", 0, NULL);
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_mqtt_check_streams(wild, &error));
        g_assert_cmpstr(tb_error_field(error), ==, "streams");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mqtt/presets", test_presets);
        g_test_add_func("/mqtt/states", test_states);
        g_test_add_func("/mqtt/refusals", test_refusals);
        g_test_add_func("/mqtt/stream", test_stream);
        return g_test_run();
}
