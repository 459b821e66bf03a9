#include "lib/param.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"

static const TbParam params[] = {
        {.name = "baud",
         .type = TB_PARAM_INT,
         .min = 50,
         .max = 4000000,
         .fallback = "115200",
         .unit = "baud",
         .help = "Speed."},
        {.name = "parity",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("none", "even", "odd"),
         .fallback = "\"none\""},
        {.name = "gain", .type = TB_PARAM_NUMBER, .min = -1.5, .max = 1.5},
        {.name = "name", .type = TB_PARAM_STRING, .min = 1, .max = 4},
        {.name = "long", .type = TB_PARAM_STRING},
        {.name = "on", .type = TB_PARAM_BOOL},
        {.name = "password", .type = TB_PARAM_SECRET},
        {.name = "list", .type = TB_PARAM_ARRAY, .min = 1, .max = 2},
        {.name = "map", .type = TB_PARAM_OBJECT},
        {.name = "any", .type = TB_PARAM_ANY},
        TB_PARAM_END,
};

typedef struct Row {
        const char *in, *out; /* JSON; out NULL: an error */
        const char *field, *detail;
} Row;

#define DEFAULTS "\"baud\":115200,\"parity\":\"none\""

static const Row rows[] = {
        {"{}", "{" DEFAULTS "}", NULL, NULL},
        {"{\"baud\":50}", "{\"baud\":50,\"parity\":\"none\"}", NULL, NULL},
        {"{\"baud\":9600.0}", "{\"baud\":9600,\"parity\":\"none\"}", NULL, NULL},
        {"{\"baud\":49}", NULL, "baud", "baud must be from 50 to 4000000 baud, got 49"},
        {"{\"baud\":4000001}", NULL, "baud", "baud must be from 50 to 4000000 baud, got 4000001"},
        {"{\"baud\":1.5}", NULL, "baud", "baud must be an integer"},
        {"{\"baud\":1e300}", NULL, "baud", "baud must be an integer"},
        {"{\"baud\":\"9600\"}", NULL, "baud", "baud must be an integer"},
        {"{\"baud\":null}", NULL, "baud", "baud must be an integer"},
        {"{\"parity\":\"mark\"}", NULL, "parity", "parity must be one of: none, even, odd"},
        {"{\"parity\":1}", NULL, "parity", "parity must be one of: none, even, odd"},
        {"{\"gain\":-1.5}", "{" DEFAULTS ",\"gain\":-1.5}", NULL, NULL},
        {"{\"gain\":1}", "{" DEFAULTS ",\"gain\":1}", NULL, NULL},
        {"{\"gain\":1.6}", NULL, "gain", "gain must be from -1.5 to 1.5, got 1.6"},
        {"{\"gain\":true}", NULL, "gain", "gain must be a number"},
        {"{\"name\":\"abcd\"}", "{" DEFAULTS ",\"name\":\"abcd\"}", NULL, NULL},
        {"{\"name\":\"\"}", NULL, "name", "name must be 1 to 4 bytes long, it has 0"},
        {"{\"name\":\"abcde\"}", NULL, "name", "name must be 1 to 4 bytes long, it has 5"},
        {"{\"name\":7}", NULL, "name", "name must be a string"},
        {"{\"on\":true}", "{" DEFAULTS ",\"on\":true}", NULL, NULL},
        {"{\"on\":0}", NULL, "on", "on must be true or false"},
        {"{\"password\":[]}", NULL, "password", "password must be a string"},
        {"{\"list\":[1,2]}", "{" DEFAULTS ",\"list\":[1,2]}", NULL, NULL},
        {"{\"list\":[1,2,3]}", NULL, "list", "list must have 1 to 2 items, it has 3"},
        {"{\"list\":[]}", NULL, "list", "list must have 1 to 2 items, it has 0"},
        {"{\"list\":{}}", NULL, "list", "list must be an array"},
        {"{\"map\":{\"a\":1}}", "{" DEFAULTS ",\"map\":{\"a\":1}}", NULL, NULL},
        {"{\"map\":[]}", NULL, "map", "map must be an object"},
        {"{\"any\":null}", "{" DEFAULTS ",\"any\":null}", NULL, NULL},
        {"{\"nope\":1}", NULL, "nope",
         "unknown field \"nope\"; known fields: baud, parity, gain, name, long, on, password, list, map, "
         "any"},
        {"[]", NULL, NULL, "the body must be a JSON object"},
        {"3", NULL, NULL, "the body must be a JSON object"},
};

static const Row text_rows[] = {
        {"{\"baud\":\"9600\"}", "{\"baud\":9600,\"parity\":\"none\"}", NULL, NULL},
        {"{\"baud\":\"9600x\"}", NULL, "baud", "baud must be an integer"},
        {"{\"baud\":\"0x1000\"}", NULL, "baud", "baud must be an integer"},
        {"{\"baud\":\" 9600\"}", NULL, "baud", "baud must be an integer"},
        {"{\"baud\":\"\"}", NULL, "baud", "baud must be an integer"},
        {"{\"baud\":\"99999999999999999999\"}", NULL, "baud", "baud must be an integer"},
        {"{\"gain\":\"0.5\"}", "{" DEFAULTS ",\"gain\":0.5}", NULL, NULL},
        {"{\"gain\":\"nan\"}", NULL, "gain", "gain must be a number"},
        {"{\"gain\":\"inf\"}", NULL, "gain", "gain must be a number"},
        {"{\"on\":\"1\"}", "{" DEFAULTS ",\"on\":true}", NULL, NULL},
        {"{\"on\":\"yes\"}", NULL, "on", "on must be true or false"},
        {"{\"name\":\"12\"}", "{" DEFAULTS ",\"name\":\"12\"}", NULL, NULL},
        {"{\"list\":\"[1]\"}", "{" DEFAULTS ",\"list\":[1]}", NULL, NULL},
        {"{\"list\":\"[1\"}", NULL, "list", "list must be an array"},
        {"{\"zzz\":\"1\"}", NULL, "zzz",
         "unknown field \"zzz\"; known fields: baud, parity, gain, name, long, on, password, list, map, any"},
};

static void check_rows(const Row *table, gsize n, json_t *(*validate)(const TbParam *, json_t *, GError **))
{
        for (gsize i = 0; i < n; i++) {
                const Row *row = &table[i];
                g_autoptr(GError) error = NULL;
                json_t *in = json_loads(row->in, JSON_DECODE_ANY, NULL);
                json_t *out = validate(params, in, &error);
                if (row->out) {
                        json_t *want = json_loads(row->out, 0, NULL);
                        g_assert_no_error(error);
                        if (!json_equal(out, want))
                                g_error("%s: got %s", row->in, json_dumps(out, 0));
                        json_decref(want);
                } else {
                        g_assert_null(out);
                        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                        g_assert_cmpstr(tb_error_field(error), ==, row->field);
                        g_assert_cmpstr(tb_error_detail(error), ==, row->detail);
                }
                json_decref(in);
                json_decref(out);
        }
}

static void test_validate(void)
{
        check_rows(rows, G_N_ELEMENTS(rows), tb_params_validate);
}

static void test_validate_text(void)
{
        check_rows(text_rows, G_N_ELEMENTS(text_rows), tb_params_validate_text);
}

static void test_string_limit(void)
{
        for (gsize extra = 0; extra < 2; extra++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *text = g_strnfill(TB_LIMIT_URI + extra, 'a');
                json_t *in = json_pack("{s:s}", "long", text), *out = tb_params_validate(params, in, &error);
                g_assert_true((out != NULL) == (extra == 0));
                json_decref(in);
                json_decref(out);
        }
}

static void test_required(void)
{
        static const TbParam table[] = {
                {.name = "state", .type = TB_PARAM_STRING, .required = true, .help = "on or off"},
                TB_PARAM_END};
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_params_validate(table, NULL, &error));
        g_assert_cmpstr(tb_error_detail(error), ==, "state is missing (on or off)");
        g_assert_cmpstr(tb_error_field(error), ==, "state");
}

/* Words of people become one line that neither breaks nor turns the lines of who reads them. */
static void test_shown(void)
{
        static const TbParam table[] = {
                {.name = "note", .type = TB_PARAM_STRING, .min = 1, .max = 40, .shown = true}, TB_PARAM_END};
        static const char *const cases[][2] = {
                {"plain", "plain"},
                {" two\r\n\tlines ", "two lines"},
                {"gpj.\u202eexe\u2066\x1b[31m\x07", "gpj.exe[31m"},
                {"\u2028Bänke \u2029🙂", "Bänke 🙂"},
                {"\u200f\r\n", NULL},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *in = json_pack("{s:s}", "note", cases[i][0]),
                            *out = tb_params_validate(table, in, &error);
                g_assert_cmpstr(json_string_value(json_object_get(out, "note")), ==, cases[i][1]);
                g_assert_true((error != NULL) == (cases[i][1] == NULL));
        }
}

static void test_no_table(void)
{
        g_autoptr(GError) error = NULL;
        json_t *none = tb_params_validate(NULL, NULL, &error);
        g_assert_cmpuint(json_object_size(none), ==, 0);
        json_decref(none);
        json_t *in = json_pack("{s:i}", "x", 1);
        g_assert_null(tb_params_validate(NULL, in, &error));
        g_assert_cmpstr(tb_error_detail(error), ==, "unknown field \"x\"; no fields are allowed here");
        json_decref(in);
}

static void test_schema(void)
{
        json_t *s = tb_params_schema(params), *d = tb_params_describe(params);
        json_t *want = json_loads("{\"type\":\"integer\",\"minimum\":50,\"maximum\":4000000,\"default\":"
                                  "115200,\"description\":\"Speed.\","
                                  "\"x-unit\":\"baud\"}",
                                  0, NULL);
        g_assert_true(json_equal(json_object_get(json_object_get(s, "properties"), "baud"), want));
        g_assert_true(json_is_false(json_object_get(s, "additionalProperties")));
        g_assert_null(json_object_get(s, "required"));
        g_assert_cmpuint(json_array_size(d), ==, G_N_ELEMENTS(params) - 1);
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(d, 1), "type")), ==, "enum");
        g_assert_cmpuint(json_array_size(json_object_get(json_array_get(d, 1), "choices")), ==, 3);
        json_decref(s);
        json_decref(d);
        json_decref(want);
}

/* What a program of another product sends: what nobody knows is left out, what is null is not there. */
static void test_keep_known(void)
{
        json_auto_t *in = json_loads("{\"long\": \"x\", \"team\": 7, \"host\": {}}", 0, NULL),
                    *nothing = json_pack("{s:n}", "long"), *list = json_array();
        tb_params_keep_known(params, in);
        g_assert_cmpuint(json_object_size(in), ==, 1);
        g_assert_cmpstr(json_string_value(json_object_get(in, "long")), ==, "x");
        tb_params_keep_known(params, nothing);
        g_assert_cmpuint(json_object_size(nothing), ==, 0);
        tb_params_keep_known(params, list);
        tb_params_keep_known(params, NULL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/param/validate", test_validate);
        g_test_add_func("/param/validate-text", test_validate_text);
        g_test_add_func("/param/string-limit", test_string_limit);
        g_test_add_func("/param/required", test_required);
        g_test_add_func("/param/shown", test_shown);
        g_test_add_func("/param/no-table", test_no_table);
        g_test_add_func("/param/schema", test_schema);
        g_test_add_func("/param/keep-known", test_keep_known);
        return g_test_run();
}
