/* What the limits of lib/json.h refuse, and what they let through. */
#include "lib/json.h"

#include "lib/error.h"
#include "lib/limits.h"

/* A bracket and the commas stand for the values. */
static GString *list_of(guint n, const char *value)
{
        GString *text = g_string_new("[");
        for (guint i = 0; i < n; i++)
                g_string_append_printf(text, "%s%s", i > 0 ? "," : "", value);
        return g_string_append_c(text, ']');
}

static void test_values(void)
{
        for (guint extra = 0; extra < 2; extra++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(GString) text = list_of(TB_LIMIT_JSON_VALUES + extra, "0");
                json_auto_t *value = tb_json_parse(text->str, text->len, &error);
                json_auto_t *kept = tb_json_parse_kept(text->str, text->len, NULL);
                g_assert_cmpuint(json_array_size(kept), ==,
                                 TB_LIMIT_JSON_VALUES + extra); /* ours has no such limit */
                g_assert_cmpint(value == NULL, ==, extra);
                if (extra)
                        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        }
}

/* An object counts for itself; what stands in a text for nothing. */
static void test_what_counts(void)
{
        g_autoptr(GString) objects = list_of(TB_LIMIT_JSON_VALUES / 2 + 1, "{}");
        g_autoptr(GString) texts = list_of(TB_LIMIT_JSON_VALUES / 2 + 1, "\"[{,,,\\\"[\"");
        json_auto_t *refused = tb_json_parse(objects->str, objects->len, NULL);
        json_auto_t *taken = tb_json_parse(texts->str, texts->len, NULL);
        g_assert_null(refused);
        g_assert_nonnull(taken);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/json/values", test_values);
        g_test_add_func("/json/what-counts", test_what_counts);
        return g_test_run();
}
