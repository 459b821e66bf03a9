/* How lines are named in an attach URI (gpio_proto.h). */
#include <string.h>

#include "drivers/gpio/gpio_proto.h"
#include "lib/error.h"

static void test_lines(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) specs = tb_gpio_parse_lines(
                "boot=17:out:on:safe=off,button=GPIO4:in:pull-up:active-low,led=22:out:open-drain", &error);

        g_assert_no_error(error);
        g_assert_cmpuint(specs->len, ==, 3);
        const TbGpioSpec *boot = &g_array_index(specs, TbGpioSpec, 0), *button = boot + 1, *led = boot + 2;
        g_assert_cmpstr(boot->name, ==, "boot");
        g_assert_cmpstr(boot->line, ==, "17");
        g_assert_true(boot->output && boot->on && boot->safe == 0 && !boot->active_low);
        g_assert_cmpstr(button->line, ==, "GPIO4");
        g_assert_true(!button->output && button->active_low && button->bias == TB_GPIO_PULL_UP &&
                      button->safe == -1);
        g_assert_true(led->drive == TB_GPIO_OPEN_DRAIN && !led->on);
}

static void test_bad(void)
{
        static const char *const bad[] = {"",
                                          "boot",
                                          "=17",
                                          "boot=",
                                          "boot=17:sideways",
                                          "boot=17:in:on",
                                          "b=17:in:safe=off",
                                          "b=17:in:open-drain",
                                          "b=1,b=2",
                                          "b=1,c=1",
                                          "b b=1",
                                          "b=1,",
                                          "b=0123456789012345678901234567890123:out",
                                          "b=\xff"};

        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(GArray) specs = tb_gpio_parse_lines(bad[i], &error);
                if (*bad[i] || specs == NULL)
                        g_assert_null(specs);
                else
                        g_assert_cmpuint(specs->len, ==, 0);
                if (!specs) {
                        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                        g_assert_cmpstr(tb_error_field(error), ==, "lines");
                }
        }
}

static void test_limit(void)
{
        g_autoptr(GString) text = g_string_new(NULL);

        for (guint i = 0; i < TB_LIMIT_GPIO_LINES; i++)
                g_string_append_printf(text, "%sl%u=%u:in", i ? "," : "", i, i);
        g_autoptr(GArray) most = tb_gpio_parse_lines(text->str, NULL);
        g_assert_cmpuint(most->len, ==, TB_LIMIT_GPIO_LINES);
        g_string_append(text, ",more=1000:in");
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_gpio_parse_lines(text->str, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
}

static void test_power(void)
{
        TbGpioSpec spec;
        g_autoptr(GError) error = NULL;

        g_assert_true(tb_gpio_parse_power("27:active-low:safe=off", &spec, &error));
        g_assert_true(spec.output && spec.active_low && spec.safe == 0);
        g_assert_false(tb_gpio_parse_power("27:in", &spec, &error));
        g_assert_cmpstr(tb_error_field(error), ==, "power");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/gpio/lines", test_lines);
        g_test_add_func("/gpio/bad", test_bad);
        g_test_add_func("/gpio/limit", test_limit);
        g_test_add_func("/gpio/power", test_power);
        return g_test_run();
}
