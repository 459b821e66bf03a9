/* Redfish's answers by themselves; their shapes are those of DMTF's public mockups (DSP2043). */
#include <string.h>

#include "drivers/redfish/redfish_proto.h"

#define RESET(values)                                                                                        \
        "{\"Actions\":{\"#ComputerSystem.Reset\":{\"target\":\"/"                                            \
        "r\",\"ResetType@Redfish.AllowableValues\":" values "}}}"

static void test_ways(void)
{
        json_auto_t *all = json_loads(RESET("[\"On\",\"ForceOff\",\"GracefulShutdown\"]"), 0, NULL),
                    *few = json_loads(RESET("[\"ForceOn\"]"), 0, NULL), *silent = json_loads("{}", 0, NULL);
        g_assert_cmpstr(tb_redfish_reset(all, true, false), ==, "On");
        g_assert_cmpstr(tb_redfish_reset(all, false, false), ==, "ForceOff");
        g_assert_cmpstr(tb_redfish_reset(all, false, true), ==, "GracefulShutdown");
        g_assert_cmpstr(tb_redfish_reset(few, true, false), ==, "ForceOn");
        g_assert_null(tb_redfish_reset(few, false, false));
        g_assert_cmpstr(tb_redfish_reset(silent, false, false), ==, "ForceOff");
}

static void test_systems(void)
{
        g_autoptr(GError) several = NULL, none = NULL, elsewhere = NULL;
        json_auto_t *one = json_loads("{\"Members\":[{\"@odata.id\":\"/redfish/v1/Systems/1\"}]}", 0, NULL),
                    *two = json_loads(
                            "{\"Members\":[{\"@odata.id\":\"/redfish/v1/Systems/a\"},{\"@odata.id\":"
                            "\"/redfish/v1/Systems/b\"}]}",
                            0, NULL),
                    *bad = json_loads("{\"Members\":[{\"@odata.id\":\"@evil.example/\"}]}", 0, NULL);
        g_assert_cmpstr(tb_redfish_system(one, NULL, NULL), ==, "/redfish/v1/Systems/1");
        g_assert_cmpstr(tb_redfish_system(two, "b", NULL), ==, "/redfish/v1/Systems/b");
        g_assert_null(tb_redfish_system(two, NULL, &several));
        g_assert_nonnull(strstr(several->message, "(a, b)"));
        g_assert_null(tb_redfish_system(two, "c", &none));
        g_assert_null(tb_redfish_system(bad, NULL, &elsewhere)); /* it would lead to another host */
        g_assert_error(elsewhere, TB_ERROR, TB_ERROR_UNPROCESSABLE);
}

static void test_states(void)
{
        static const struct {
                const char *text;
                int observed; /* -1: none */
        } v[] = {{"{\"PowerState\":\"On\"}", TB_POWER_ON},
                 {"{\"PowerState\":\"Off\"}", TB_POWER_OFF},
                 {"{\"PowerState\":\"PoweringOn\"}", TB_POWER_UNKNOWN},
                 {"{\"PowerState\":\"PoweringOff\"}", TB_POWER_UNKNOWN},
                 {"{\"PowerState\":null}", -1},
                 {"{}", -1}};
        json_auto_t *power = json_loads("{\"PowerControl\":[{\"PowerConsumedWatts\":344}]}", 0, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(v); i++) {
                TbPlugState s;
                g_autoptr(GError) error = NULL;
                json_auto_t *system = json_loads(v[i].text, 0, NULL);
                g_assert_true(tb_redfish_parse(system, power, &s, &error) == (v[i].observed >= 0));
                if (v[i].observed < 0)
                        continue;
                g_assert_cmpint(s.power.observed, ==, v[i].observed);
                g_assert_cmpfloat(s.power.watts, ==, 344);
                g_assert_true(tb_redfish_parse(system, NULL, &s, &error));
                g_assert_true(isnan(s.power.watts));
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/redfish/ways", test_ways);
        g_test_add_func("/redfish/systems", test_systems);
        g_test_add_func("/redfish/states", test_states);
        return g_test_run();
}
