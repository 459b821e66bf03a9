#include "lib/secret.h"

#include "lib/error.h"

static void test_texts(void)
{
        g_autoptr(TbSecrets) secrets = tb_secrets_new();
        tb_secrets_add(secrets, NULL);
        tb_secrets_add(secrets, "x");
        tb_secrets_add(secrets, "hunter2");
        tb_secrets_add(secrets, "hunter2 and/more");
        static const struct {
                const char *text, *shown;
        } cases[] = {{"nothing", "nothing"},
                     {"x", "x"},
                     {"", ""},
                     {"hunter2", "***"},
                     {"http://a/?p=hunter2&q=hunter2", "http://a/?p=***&q=***"},
                     {"?p=hunter2%20and%2Fmore.", "?p=***."},
                     {"?p=hunter2%20and%2fmore.", "?p=***."},
                     {"hunter2 and/more", "***"}};
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *shown = tb_secrets_hide(secrets, cases[i].text);
                g_assert_cmpstr(shown, ==, cases[i].shown);
        }
        g_assert_null(tb_secrets_hide(secrets, NULL));
        g_autofree char *copy = tb_secrets_hide(NULL, "hunter2");
        g_assert_cmpstr(copy, ==, "hunter2");
        g_autofree char *shortest = g_strnfill(TB_SECRET_MIN - 1, 'q'), *kept = NULL, *hidden = NULL;
        tb_secrets_add(secrets, shortest);
        kept = tb_secrets_hide(secrets, shortest);
        g_assert_cmpstr(kept, ==, shortest);
        g_autofree char *enough = g_strnfill(TB_SECRET_MIN, 'z');
        tb_secrets_add(secrets, enough);
        hidden = tb_secrets_hide(secrets, enough);
        g_assert_cmpstr(hidden, ==, "***");
}

static void test_json(void)
{
        g_autoptr(TbSecrets) secrets = tb_secrets_new();
        tb_secrets_add(secrets, "hunter2");
        json_auto_t *value =
                tb_secrets_hide_json(secrets, json_pack("{s:[s,s,i], s:{s:s}}", "list", "hunter2", "b", 1,
                                                        "in", "k", "a hunter2 b"));
        json_auto_t *want = json_pack("{s:[s,s,i], s:{s:s}}", "list", "***", "b", 1, "in", "k", "a *** b");
        g_assert_true(json_equal(value, want));
        g_assert_null(tb_secrets_hide_json(secrets, NULL));
        g_autoptr(GError) error = NULL;
        tb_error_set_field(&error, TB_ERROR_INVALID, "uri", "it says hunter2");
        tb_secrets_hide_error(secrets, error);
        g_assert_cmpstr(error->message, ==, "it says ***");
        g_assert_cmpstr(tb_error_field(error), ==, "uri");
        tb_secrets_hide_error(secrets, NULL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/secret/texts", test_texts);
        g_test_add_func("/secret/json", test_json);
        return g_test_run();
}
