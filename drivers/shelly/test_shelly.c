/* The parsers by themselves, over the public fixtures. The driver against a plug: test_shelly_lane.c. */
#include "drivers/shelly/shelly_proto.h"

#include <string.h>

#include "lib/json.h"

static json_t *fixture(const char *name)
{
        g_autofree char *path = g_strdup_printf("drivers/shelly/fixtures/%s.json",
                                                name); /* tests run at the top of the tree */
        g_autofree char *text = NULL;
        gsize size;
        g_autoptr(GError) error = NULL;
        g_file_get_contents(path, &text, &size, &error);
        g_assert_no_error(error);
        json_t *json = tb_json_parse(text, size, &error);
        g_assert_no_error(error);
        return json;
}

static json_t *of(const char *text)
{
        json_t *json = tb_json_parse(text, strlen(text), NULL);
        g_assert_nonnull(json);
        return json;
}

static void test_info(void)
{
        char id[TB_PLUG_ID];
        const char *why;
        json_auto_t *old = fixture("gen1_shelly"), *new = fixture("gen2_shelly");
        g_assert_cmpint(tb_shelly_parse_info(old, id, &why), ==, 1);
        g_assert_cmpstr(id, ==, json_string_value(json_object_get(old, "mac")));
        g_assert_cmpint(tb_shelly_parse_info(new, id, &why), ==, 2);
        g_assert_cmpstr(id, ==, json_string_value(json_object_get(new, "mac")));
        static const char *const bad[] = {"[]",
                                          "{}",
                                          "{\"type\":\"X\",\"mac\":\"\"}",
                                          "{\"type\":\"X\"}",
                                          "{\"gen\":1,\"model\":\"X\",\"mac\":\"A\"}",
                                          "{\"gen\":\"2\",\"model\":\"X\",\"mac\":\"A\"}",
                                          "{\"gen\":2,\"type\":\"X\",\"mac\":\"A\"}"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                json_auto_t *info = of(bad[i]);
                g_assert_cmpint(tb_shelly_parse_info(info, id, &why), ==, 0);
                g_assert_nonnull(why);
        }
}

static double value_of(const TbPlugState *s, const char *stream)
{
        for (guint i = 0; s->rows[i].stream; i++)
                if (strcmp(s->rows[i].stream, stream) == 0)
                        return s->values[i];
        return NAN;
}

static void test_gen1(void)
{
        TbPlugState s;
        g_autoptr(GError) error = NULL;
        json_auto_t *status = fixture("gen1_status");
        g_assert_true(tb_shelly_parse_gen1(status, 0, &s, &error));
        g_assert_cmpint(s.power.observed, ==, TB_POWER_ON);
        g_assert_cmpfloat(s.power.watts, ==, 27.5);
        g_assert_cmpfloat(s.power.energy_wh, ==, 10); /* 600 Watt-minutes */
        g_assert_cmpfloat(value_of(&s, "temperature"), ==, 29.04);
        g_assert_true(isnan(s.power.volts) && isnan(s.power.amps));
        g_assert_false(tb_shelly_parse_gen1(status, 1, &s, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        g_assert_nonnull(strstr(error->message, "no output 1 (it has 1, counted from 0)"));
        json_auto_t *shared = of("{\"relays\":[{\"ison\":true},{\"ison\":false}],\"meters\":[{\"power\":"
                                 "5,\"is_valid\":true,\"total\":1}]}");
        g_assert_true(tb_shelly_parse_gen1(shared, 0, &s, NULL));
        g_assert_true(isnan(s.power.watts)); /* one meter for both */
        json_auto_t *invalid =
                of("{\"relays\":[{\"ison\":false}],\"meters\":[{\"power\":5,\"is_valid\":false}]}");
        g_assert_true(tb_shelly_parse_gen1(invalid, 0, &s, NULL));
        g_assert_true(s.power.observed == TB_POWER_OFF && isnan(s.power.watts));
        static const char *const bad[] = {"{}", "{\"relays\":[{}]}", "{\"relays\":[]}",
                                          "{\"relays\":[{\"ison\":2}]}"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                json_auto_t *json = of(bad[i]);
                g_clear_error(&error);
                g_assert_false(tb_shelly_parse_gen1(json, 0, &s, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        }
}

static void test_gen2(void)
{
        TbPlugState s;
        g_autoptr(GError) error = NULL;
        json_auto_t *frame = fixture("gen2_switch");
        const json_t *status = json_object_get(frame, "result");
        g_assert_true(tb_shelly_parse_gen2(status, 0, &s, NULL));
        g_assert_cmpint(s.power.observed, ==, TB_POWER_ON);
        g_assert_cmpfloat(s.power.watts, ==, 2.7);
        g_assert_cmpfloat(s.power.volts, ==, 227.9);
        g_assert_cmpfloat(s.power.amps, ==, 0.121);
        g_assert_cmpfloat(s.power.energy_wh, ==, 7258.589);
        g_assert_cmpfloat(value_of(&s, "temperature"), ==, 32.1);
        g_assert_false(tb_shelly_parse_gen2(status, 1, &s, &error)); /* the state of another one */
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/shelly/info", test_info);
        g_test_add_func("/shelly/gen1", test_gen1);
        g_test_add_func("/shelly/gen2", test_gen2);
        return g_test_run();
}
