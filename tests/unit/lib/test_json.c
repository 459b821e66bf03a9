/* What the limits of lib/json.h refuse, and what they let through. */
#include "lib/json.h"

#include "lib/error.h"
#include "lib/json_glance.h"
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

/* Each row beside jansson: a glance takes nothing that it does not, and of what is usual all. */
static void test_glance(void)
{
        static const struct {
                const char *text, *type; /* NULL: is left to a tree */
        } rows[] = {
                {"{\"type\":\"sensor\",\"seq\":1,\"data\":{\"alpha\":-1.5e-3,\"x\":[0,1.25,true,false,null]}"
                 "}",
                 "sensor"},
                {" {\n\t\"a\" : [] , \"type\" : \"x\" , \"b\" : {} }\r\n", "x"},
                {"{\"sdp\":\"v=0\\r\\n\\\"\\/\",\"type\":\"offer\"}", "offer"},
                {"{\"type\":\"\xc3\xa9\xf0\x9f\x98\x80\"}", "\xc3\xa9\xf0\x9f\x98\x80"},
                {"{\"a\":{\"type\":\"inner\"},\"type\":\"outer\"}", "outer"},
                {"{\"type\":\"\"}", ""},
                /* not JSON */
                {"", NULL},
                {"{", NULL},
                {"{\"type\":\"x\"", NULL},
                {"{\"type\":\"x\"}}", NULL},
                {"{\"type\":\"x\",}", NULL},
                {"{\"type\":\"x\" \"a\":1}", NULL},
                {"{\"type\":\"x\",\"a\":01}", NULL},
                {"{\"type\":\"x\",\"a\":1.}", NULL},
                {"{\"type\":\"x\",\"a\":.5}", NULL},
                {"{\"type\":\"x\",\"a\":-}", NULL},
                {"{\"type\":\"x\",\"a\":1e}", NULL},
                {"{\"type\":\"x\",\"a\":nul}", NULL},
                {"{\"type\":\"x\",\"a\":[1,]}", NULL},
                {"{\"type\":\"x\",\"a\":\"\n\"}", NULL},
                {"{\"type\":\"x\",\"a\":\"\\x\"}", NULL},
                {"{\"type\":\"x\",\"a\":\"\xc0\xaf\"}", NULL},
                {"{\"type\":\"x\",\"a\":\"\xed\xa0\x80\"}", NULL},
                {"{\"type\":\"x\",\"type\":\"y\"}", NULL},
                {"{\"type\":\"x\",\"a\":{\"b\":1,\"b\":2}}", NULL},
                {"{\"type\":\"x\",\"a\":1e999}", NULL},
                /* a tree says */
                {"[\"type\"]", NULL},
                {"{\"type\":1}", NULL},
                {"{\"a\":\"type\"}", NULL},
                {"{\"t\\u0079pe\":\"x\"}", NULL},
                {"{\"type\":\"x\",\"a\":\"\\u00e9\"}", NULL},
                {"{\"type\":\"x\",\"a\":12345678901234567890}", NULL},
                {"{\"type\":\"x\",\"a\":[[[[[[[[[]]]]]]]]]}", NULL},
                {"{\"type\":\"01234567890123456789012345678901\"}", NULL},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                char type[TB_JSON_TYPE];
                bool taken = tb_json_glance(rows[i].text, strlen(rows[i].text), type);
                g_test_message("%s", rows[i].text);
                g_assert_cmpint(taken, ==, rows[i].type != NULL);
                json_auto_t *tree = tb_json_parse(rows[i].text, strlen(rows[i].text), NULL);
                if (taken)
                        g_assert_cmpstr(json_string_value(json_object_get(tree, "type")), ==, type);
                if (taken)
                        g_assert_cmpstr(type, ==, rows[i].type);
        }
}

static bool glances(const char *begin, const char *repeated, guint n, const char *end)
{
        g_autoptr(GString) text = g_string_new(begin);
        char type[TB_JSON_TYPE];
        for (guint i = 0; i < n; i++)
                g_string_append(text, repeated);
        g_string_append(text, end);
        return tb_json_glance(text->str, text->len, type);
}

/* As many keys, and bytes, and so deep, and long numbers and types, as are looked at, and one more. */
static void test_glance_limits(void)
{
        g_assert_true(glances("{\"type\":\"x\",\"a\":", "[", 7, "]]]]]]]}"));
        g_assert_false(glances("{\"type\":\"x\",\"a\":", "[", 8, "]]]]]]]]}"));
        g_assert_true(glances("{\"type\":\"x\",\"a\":", "1", 15, "}"));
        g_assert_false(glances("{\"type\":\"x\",\"a\":", "1", 16, "}"));
        g_assert_true(glances("{\"type\":\"x\",\"a\":1e", "9", 2, "}"));
        g_assert_false(glances("{\"type\":\"x\",\"a\":1e", "9", 3, "}"));
        g_assert_true(glances("{\"type\":\"", "x", TB_JSON_TYPE - 1, "\"}"));
        g_assert_false(glances("{\"type\":\"", "x", TB_JSON_TYPE, "\"}"));
        for (guint keys = 16; keys <= 17; keys++) {
                g_autoptr(GString) text = g_string_new("{\"type\":\"x\"");
                for (guint i = 1; i < keys; i++)
                        g_string_append_printf(text, ",\"k%u\":%u", i, i);
                g_string_append_c(text, '}');
                char type[TB_JSON_TYPE];
                g_assert_cmpint(tb_json_glance(text->str, text->len, type), ==, keys == 16);
        }
        g_autoptr(GString) text = g_string_new("{\"type\":\"x\",\"a\":\"");
        while (text->len < TB_LIMIT_JSON_VALUES - 2)
                g_string_append_c(text, 'a');
        g_string_append(text, "\"}");
        char type[TB_JSON_TYPE];
        g_assert_true(tb_json_glance(text->str, text->len, type));
        g_string_append_c(text, ' ');
        g_assert_false(tb_json_glance(text->str, text->len, type));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/json/values", test_values);
        g_test_add_func("/json/what-counts", test_what_counts);
        g_test_add_func("/json/glance", test_glance);
        g_test_add_func("/json/glance-limits", test_glance_limits);
        return g_test_run();
}
