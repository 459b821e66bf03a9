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
                    {"{\"state\":\"on\"}", TB_POWER_ON},
                    {"{\"observed\":false}", TB_POWER_OFF}};
        TbPowerState s;
        for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
                g_assert_true(exec_parse_power(good[i].text, strlen(good[i].text), &s, NULL));
                g_assert_cmpint(s.observed, ==, good[i].state);
                g_assert_true(isnan(s.watts));
        }
        g_assert_true(exec_parse_power("{\"state\":\"on\",\"watts\":3.5,\"volts\":\"x\"}", 40, &s, NULL));
        g_assert_cmpfloat(s.watts, ==, 3.5);
        g_assert_true(isnan(s.volts));
        static const char *const bad[] = {"", "maybe", "{\"state\":3}", "{", "{\"watts\":1}", "on off"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(exec_parse_power(bad[i], strlen(bad[i]), &s, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        }
}

static void collect(const TbSample *sample, gpointer data)
{
        g_string_append_printf(data, "%s=%g%s;", sample->stream, sample->value, sample->unit);
}

static void check(const char *text, const char *expected)
{
        g_autoptr(GString) out = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        bool ok = exec_parse_samples(text, strlen(text), "value", collect, out, &error);
        if (expected) {
                g_assert_no_error(error);
                g_assert_cmpstr(out->str, ==, expected);
        } else {
                g_assert_false(ok);
                g_assert_nonnull(error);
        }
}

static void test_samples(void)
{
        check("21.5\n", "value=21.51;");
        check("temp 21.5 Cel\nfan.rpm\t900\n\n", "temp=21.5Cel;fan.rpm=9001;");
        check("{\"a\":1,\"b\":{\"value\":2,\"unit\":\"V\"}}", "a=11;b=2V;");
        check("", NULL);
        check("Temp 1", NULL);
        check("temp x", NULL);
        check("temp 1 V more", NULL);
        check("inf", NULL);
        check("{\"a\":null}", NULL);
        check("{\"a\":1", NULL);
        GString *many = g_string_new(NULL);
        for (int i = 0; i <= 128; i++)
                g_string_append_printf(many, "s%d 1\n", i);
        check(many->str, NULL); /* TB_LIMIT_STREAMS + 1 */
        g_string_free(many, TRUE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/exec/power", test_power);
        g_test_add_func("/exec/samples", test_samples);
        return g_test_run();
}
