/* The parser by itself. */
#include "drivers/_template/http/template_proto.h"

static void test_answers(void)
{
        TbPlugState s;
        g_autoptr(GError) error = NULL;
        json_auto_t *good = json_loads("{\"outputs\":[{\"on\":true,\"watts\":3.5},{\"on\":false}]}", 0, NULL);
        g_assert_true(tb_template_parse(good, 0, &s, &error));
        g_assert_true(s.power.observed == TB_POWER_ON && s.power.watts == 3.5);
        g_assert_true(tb_template_parse(good, 1, &s, &error));
        g_assert_true(s.power.observed == TB_POWER_OFF && isnan(s.power.watts));
        g_assert_false(tb_template_parse(good, 2, &s, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        static const char *const bad[] = {"{}", "[]", "{\"outputs\":{}}",
                                          "{\"outputs\":[{\"on\":\"perhaps\"}]}"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                json_auto_t *json = json_loads(bad[i], 0, NULL);
                g_clear_error(&error);
                g_assert_false(tb_template_parse(json, 0, &s, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/template/answers", test_answers);
        return g_test_run();
}
