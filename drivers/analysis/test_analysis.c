/* The parameters of analysis://. */
#include "drivers/driver.h"

static bool is_fine(const char *text, const char **ret_field)
{
        g_autoptr(GError) error = NULL;
        const TbDriver *driver = tb_driver_find("analysis");
        g_autoptr(TbUri) uri = tb_uri_parse(text, &error);
        g_assert_no_error(error);
        json_auto_t *params = tb_params_validate_text(driver->params, uri->query, &error);
        bool fine = params && driver->check(uri, params, &error);
        g_assert_true(fine == (error == NULL));
        *ret_field = error ? g_intern_string(tb_error_field(error)) : NULL;
        return fine;
}

static void test_check(void)
{
        static const struct {
                const char *uri, *field; /* field NULL: it is fine */
        } rows[] = {
                {"analysis://", NULL},
                {"analysis://?interval_ms=100&inset_left=47&inset_right=48", NULL},
                {"analysis://?video=screen&threshold=255", NULL},
                {"analysis://somewhere", "uri"},
                {"analysis:///video", "uri"},
                {"analysis://?inset_left=48&inset_right=48", "inset_right"},
                {"analysis://?inset_top=95&inset_bottom=1", "inset_bottom"},
                {"analysis://?interval_ms=99", "interval_ms"},
                {"analysis://?interval_ms=60001", "interval_ms"},
                {"analysis://?threshold=0", "threshold"},
                {"analysis://?inset_top=96", "inset_top"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                const char *field = NULL;
                bool fine = is_fine(rows[i].uri, &field);
                g_test_message("%s", rows[i].uri);
                g_assert_true(fine == (rows[i].field == NULL));
                g_assert_cmpstr(field, ==, rows[i].field);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/analysis/check", test_check);
        return g_test_run();
}
