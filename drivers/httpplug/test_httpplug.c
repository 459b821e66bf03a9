/* What the parameters of a plug that somebody wrote down mean, and what is refused at once. */
#include "drivers/httpplug/httpplug_proto.h"

#include <string.h>

static void test_requests(void)
{
        TbHttpplugRequest r;
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_httpplug_request("/o?{number}=ON&z={output}", NULL, 2, &r, &error));
        g_assert_cmpstr(r.method, ==, "GET");
        g_assert_cmpstr(r.target, ==, "/o?3=ON&z=2");
        g_assert_null(r.body);
        tb_httpplug_request_clear(&r);
        g_assert_true(tb_httpplug_request("put /a", "{\"n\":{number}}", 0, &r, &error));
        g_assert_cmpstr(r.method, ==, "PUT");
        g_assert_cmpstr(r.body, ==, "{\"n\":1}");
        tb_httpplug_request_clear(&r);
        g_assert_true(tb_httpplug_request("/a", "x", 0, &r, &error));
        g_assert_cmpstr(r.method, ==, "POST");
        tb_httpplug_request_clear(&r);
        static const char *const bad[] = {"a",        "DELETE /a", "GET http://else/",
                                          "GET /a b", "GET  /a",   "/a\r\nX: y"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_assert_false(tb_httpplug_request(bad[i], NULL, 0, &r, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_clear_error(&error);
        }
}

static void test_states(void)
{
        static const struct {
                TbHttpplugPlace place;
                const char *answer;
                int output;
                TbPowerObserved is; /* UNKNOWN: an error */
        } cases[] = {
                {{0}, " on\r\n", 0, TB_POWER_ON},
                {{0}, "false", 0, TB_POWER_OFF},
                {{0}, "", 0, TB_POWER_UNKNOWN},
                {{0}, "\xff\xfe", 0, TB_POWER_UNKNOWN},
                {{.pointer = "/o/*/s"}, "{\"o\":[{\"s\":0},{\"s\":1}]}", 1, TB_POWER_ON},
                {{.pointer = "/o/*/s"}, "{\"o\":[{\"s\":0}]}", 1, TB_POWER_UNKNOWN},
                {{.pointer = "/s"}, "no JSON", 0, TB_POWER_UNKNOWN},
                {{.pattern = "is (\\w+)$"}, "x\nit is off\ny", 0, TB_POWER_OFF},
                {{.pattern = "is (\\w+)"}, "it was on", 0, TB_POWER_UNKNOWN},
                {{.on_value = "5", .off_value = "2"}, "5", 0, TB_POWER_ON},
                {{.on_value = "5", .off_value = "2"}, "2", 0, TB_POWER_OFF},
                {{.on_value = "5", .off_value = "2"}, "on", 0, TB_POWER_UNKNOWN},
                {{.pattern = "(a+)+b"},
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac",
                 0,
                 TB_POWER_UNKNOWN},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                TbPlugState s = {0};
                g_autoptr(GError) error = NULL;
                bool ok = tb_httpplug_parse(&cases[i].place, cases[i].answer, strlen(cases[i].answer),
                                            cases[i].output, &s, &error);
                g_assert_true(ok == (cases[i].is != TB_POWER_UNKNOWN));
                if (ok)
                        g_assert_cmpint(s.power.observed, ==, cases[i].is);
                else
                        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        }
}

static void test_places(void)
{
        static const struct {
                TbHttpplugPlace place;
                const char *words; /* NULL: it is one */
        } cases[] = {{{0}, NULL},
                     {{.pattern = "s=(\\d)"}, NULL},
                     {{.pattern = "s=("}, "parenthes"},
                     {{.pattern = "s=\\d"}, "a group in brackets"},
                     {{.pattern = "(s)", .pointer = "/s"}, "either this or"},
                     {{.pointer = "s"}, "begins with a slash"},
                     {{.watts = "s"}, "begins with a slash"},
                     {{.on_value = "1"}, "say both"}};
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_true(tb_httpplug_check_place(&cases[i].place, &error) == !cases[i].words);
                g_assert_true(!cases[i].words || strstr(error->message, cases[i].words));
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/httpplug/requests", test_requests);
        g_test_add_func("/httpplug/states", test_states);
        g_test_add_func("/httpplug/places", test_places);
        return g_test_run();
}
