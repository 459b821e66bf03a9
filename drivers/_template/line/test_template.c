#include "drivers/_template/line/template_proto.h"

#include <math.h>

#include "lib/error.h"

static void test_requests(void)
{
        g_autofree char *on = tb_template_request_set(3, true), *get = tb_template_request_get(12);
        g_assert_cmpstr(on, ==, "set 3 on\n");
        g_assert_cmpstr(get, ==, "get 12\n");
}

static void test_answers(void)
{
        TbTemplateState s;
        g_assert_true(tb_template_parse("on 3.25", &s, NULL));
        g_assert_true(s.on);
        g_assert_cmpfloat(s.watts, ==, 3.25);
        g_assert_true(tb_template_parse("off", &s, NULL));
        g_assert_true(!s.on && isnan(s.watts));
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_template_parse("error no such outlet", &s, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        static const char *const bad[] = {"", "o", "once", "on ", "on x", "on 1x", "on inf", "on -1", "OFF"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_clear_error(&error);
                g_assert_false(tb_template_parse(bad[i], &s, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/template/requests", test_requests);
        g_test_add_func("/template/answers", test_answers);
        return g_test_run();
}
