/* Tapo's answers by themselves, and the account and envelopes of securePassthrough: vectors and fixtures as tapo_proto.h names them. */
#include <string.h>

#include "drivers/tapo/passthrough.h"

static void test_envelopes(void)
{
        TbTapoPass pass = {0};
        for (guint8 i = 0; i < 16; i++) {
                pass.key[i] = i;
                pass.iv[i] = 0x10 + i;
        }
        g_autofree char *sealed = tb_tapo_pass_seal(&pass, "{\"method\":\"get_device_info\"}"),
                        *open = tb_tapo_pass_open(&pass, sealed), *bad = tb_tapo_pass_open(&pass, "AAAA"),
                        *none = tb_tapo_pass_open(&pass, "");
        g_assert_cmpstr(sealed, ==, "AoTU/alSJog6QIUAiFg+poqOeIoym5tr6MEsEcHy66o=");
        g_assert_cmpstr(open, ==, "{\"method\":\"get_device_info\"}");
        g_assert_null(bad);
        g_assert_null(none);
        json_auto_t *first = tb_tapo_login("user@example.com", "password123", 1),
                    *second = tb_tapo_login("user@example.com", "password123", 2);
        g_assert_cmpstr(json_string_value(json_object_get(first, "username")), ==,
                        "NjNhNzEwNTY5MjYxYTI0YjM3NjYyNzViNzAwMGNlOGQ3YjMyZTJmNw==");
        g_assert_cmpstr(json_string_value(json_object_get(first, "password")), ==, "cGFzc3dvcmQxMjM=");
        g_assert_cmpstr(json_string_value(json_object_get(second, "password2")), ==,
                        "Y2JmZGFjNjAwOGY5Y2FiNDA4Mzc4NGNiZDE4NzRmNzY2MThkMmE5Nw==");
        g_assert_null(json_object_get(second, "password"));
}

static void test_answers(void)
{
        static const struct {
                const char *answer, *child;
                TbTapoAnswer judged;
        } v[] = {{"{\"error_code\":0,\"result\":{}}", NULL, TB_TAPO_FINE},
                 {"{\"error_code\":0}", NULL, TB_TAPO_FINE},
                 {"{\"error_code\":9999}", NULL, TB_TAPO_AGAIN},
                 {"{\"error_code\":-1501}", NULL, TB_TAPO_ACCOUNT},
                 {"{\"error_code\":-1002}", NULL, TB_TAPO_REFUSED},
                 {"{\"error_code\":\"0\"}", NULL, TB_TAPO_REFUSED},
                 {"{}", NULL, TB_TAPO_REFUSED},
                 {"{\"error_code\":0,\"result\":{\"responseData\":{\"error_code\":0,\"result\":{}}}}", "c",
                  TB_TAPO_FINE},
                 {"{\"error_code\":0,\"result\":{\"responseData\":{\"error_code\":-1008}}}", "c",
                  TB_TAPO_REFUSED},
                 {"{\"error_code\":0,\"result\":{}}", "c", TB_TAPO_REFUSED},
                 {"{\"error_code\":9999}", "c", TB_TAPO_AGAIN}};
        for (guint i = 0; i < G_N_ELEMENTS(v); i++) {
                const json_t *result;
                json_int_t code;
                json_auto_t *answer = json_loads(v[i].answer, 0, NULL);
                g_assert_cmpint(tb_tapo_judge(answer, v[i].child, &result, &code), ==, v[i].judged);
        }
}

static void test_requests(void)
{
        json_auto_t *child = tb_tapo_request("set_device_info", json_pack("{s:b}", "device_on", 1), "80AA01"),
                    *expected =
                            json_loads("{\"method\":\"control_child\",\"params\":{\"device_id\":\"80AA01\","
                                       "\"requestData\":{\"method\":\"set_device_info\",\"params\":{"
                                       "\"device_on\":true}}}}",
                                       0, NULL),
                    *bare = tb_tapo_request("get_device_info", NULL, NULL),
                    *bare_expected = json_loads("{\"method\":\"get_device_info\"}", 0, NULL);
        g_assert_true(json_equal(child, expected));
        g_assert_true(json_equal(bare, bare_expected));
}

static void test_states(void)
{
        TbPlugState s;
        g_autoptr(GError) error = NULL;
        json_auto_t *info = json_loads("{\"device_on\":true,\"mac\":\"5C-62-8B-00-00-01\"}", 0, NULL),
                    *usage = json_loads("{\"current_power\":7420,\"month_energy\":1421,\"today_energy\":12}",
                                        0, NULL),
                    *meter = json_loads(
                            "{\"current_ma\":96,\"energy_wh\":16,\"power_mw\":5569,\"voltage_mv\":121405}", 0,
                            NULL),
                    *none = json_object();
        g_assert_true(tb_tapo_parse(info, NULL, NULL, &s, &error));
        g_assert_true(s.power.observed == TB_POWER_ON && isnan(s.power.watts) && !s.rows);
        g_assert_true(tb_tapo_parse(info, usage, NULL, &s, &error));
        g_assert_cmpfloat_with_epsilon(s.power.watts, 7.42, 1e-9);
        g_assert_true(isnan(s.power.energy_wh)); /* of a day: no counter */
        g_assert_cmpfloat(s.values[1], ==, 12);
        g_assert_true(tb_tapo_parse(info, NULL, meter, &s, &error));
        g_assert_cmpfloat_with_epsilon(s.power.watts, 5.569, 1e-9);
        g_assert_cmpfloat_with_epsilon(s.power.volts, 121.405, 1e-9);
        g_assert_cmpfloat(s.power.energy_wh, ==, 16);
        g_assert_false(tb_tapo_parse(none, NULL, NULL, &s, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        char id[TB_PLUG_ID];
        g_assert_true(tb_tapo_parse_id(info, id));
        g_assert_false(tb_tapo_parse_id(none, id));
}

static void test_strips(void)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *list = json_loads("{\"child_device_list\":[{\"device_id\":\"b\",\"slot_number\":2},"
                                       "{\"device_id\":\"a\",\"slot_number\":1}]}",
                                       0, NULL),
                    *bare = json_loads("{\"child_device_list\":[{\"device_id\":\"a\"}]}", 0, NULL),
                    *parts = json_loads(
                            "{\"component_list\":[{\"id\":\"device\",\"ver_code\":2},{\"id\":\"led\"}]}", 0,
                            NULL);
        g_assert_cmpstr(json_string_value(json_object_get(tb_tapo_child(list, 0, &error), "device_id")), ==,
                        "a");
        g_assert_cmpstr(json_string_value(json_object_get(tb_tapo_child(bare, 0, &error), "device_id")), ==,
                        "a");
        g_assert_null(tb_tapo_child(list, 2, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        g_assert_cmpint(tb_tapo_has(parts, "device"), ==, 2);
        g_assert_cmpint(tb_tapo_has(parts, "led"), ==, 1);
        g_assert_cmpint(tb_tapo_has(parts, "control_child"), ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/tapo/envelopes", test_envelopes);
        g_test_add_func("/tapo/answers", test_answers);
        g_test_add_func("/tapo/requests", test_requests);
        g_test_add_func("/tapo/states", test_states);
        g_test_add_func("/tapo/strips", test_strips);
        return g_test_run();
}
