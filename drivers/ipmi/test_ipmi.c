/* What ipmitool prints, as it printed it of OpenIPMI's simulator; the reading of DCMI as its source has it. */
#include <string.h>

#include "drivers/ipmi/ipmi_proto.h"

static void test_outputs(void)
{
        TbPowerObserved is = TB_POWER_UNKNOWN;
        char id[TB_PLUG_ID] = "";
        g_assert_true(tb_ipmi_parse_state("Chassis Power is on\n", &is));
        g_assert_cmpint(is, ==, TB_POWER_ON);
        g_assert_true(tb_ipmi_parse_state("Running Get VSO\nChassis Power is off\n", &is));
        g_assert_cmpint(is, ==, TB_POWER_OFF);
        g_assert_false(tb_ipmi_parse_state("Chassis Power is unknown\n", &is));
        g_assert_false(tb_ipmi_parse_state("", &is));
        g_assert_true(tb_ipmi_parse_id(
                "System GUID   : efcdab89-6745-23a1-efcd-ab89674523a1\nGUID Encoding : IPMI\n", id));
        g_assert_cmpstr(id, ==, "efcdab89-6745-23a1-efcd-ab89674523a1");
        g_assert_false(tb_ipmi_parse_id("System GUID  : \n", id));
        g_assert_cmpfloat(
                tb_ipmi_parse_watts("\n    Instantaneous power reading:                   220 Watts\n"), ==,
                220);
        g_assert_true(isnan(tb_ipmi_parse_watts("DCMI request failed because: Invalid command (c1)")));
}

static void test_failures(void)
{
        static const struct {
                const char *err, *words;
                TbErrorCode code;
        } v[] = {{"> RAKP 2 HMAC is invalid\nError: Unable to establish IPMI v2 / RMCP+ session\n",
                  "refuses the user or the password", TB_ERROR_DEVICE},
                 {"RAKP 2 message indicates an error : unauthorized name\nError: Unable to establish IPMI v2 "
                  "/ RMCP+ session\n",
                  "refuses the user or the password", TB_ERROR_DEVICE},
                 {"Get Auth Capabilities error\nError issuing Get Channel Authentication Capabilities "
                  "request\nError: Unable to "
                  "establish IPMI v2 / RMCP+ session\n",
                  "no answer in time", TB_ERROR_GONE},
                 {"    DCMI request failed because: Invalid command (c1)\n",
                  "refuses:     DCMI request failed", TB_ERROR_UNPROCESSABLE},
                 {"\x1b[31mred\n", "refuses:  [31mred", TB_ERROR_UNPROCESSABLE},
                 {"", "ipmitool says no more", TB_ERROR_UNPROCESSABLE}};
        for (guint i = 0; i < G_N_ELEMENTS(v); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(tb_ipmi_failed("the BMC at 10.0.0.21", v[i].err, &error));
                g_assert_error(error, TB_ERROR, (int)v[i].code);
                g_assert_nonnull(strstr(error->message, v[i].words));
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ipmi/outputs", test_outputs);
        g_test_add_func("/ipmi/failures", test_failures);
        return g_test_run();
}
