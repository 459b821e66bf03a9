/* Sample parsing and the plug's answer, by themselves. */
#include "drivers/transport/plug.h"

#include <string.h>

static json_t *of(const char *text)
{
        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
        g_assert_nonnull(json);
        return json;
}

static void test_pointer(void)
{
        json_auto_t *root = of("{\"a\":[{\"b\":1},{\"b\":2}],\"x/y\":{\"~\":3},\"s\":{\"1\":4},\"\":5}");
        static const struct {
                const char *pointer;
                int index, value; /* -1: nothing */
        } cases[] = {{"/a/0/b", 0, 1},   {"/a/*/b", 1, 2}, {"/a/*/b", 2, -1},
                     {"/x~1y/~0", 0, 3}, {"/s/*", 1, 4},   {"/", 0, 5},
                     {"/a/x/b", 0, -1},  {"/a/-1", 0, -1}, {"/none/at/all", 0, -1}};
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                const json_t *at = tb_reading_at(root, cases[i].pointer, cases[i].index);
                g_assert_cmpint(at ? (int)json_integer_value(at) : -1, ==, cases[i].value);
        }
        g_assert_true(tb_reading_at(root, "", 0) == root);
        g_assert_null(tb_reading_at(NULL, "/a", 0));
}

static void test_numbers(void)
{
        json_auto_t *root =
                of("{\"n\":600,\"t\":\"21.5\",\"bad\":[\"21.5 C\",\"\",true,null,\"1e999\",\"nan\"]}");
        const TbReading minutes = {"e", "energy", "W.h", "/n", 1. / 60}, text = {"t", "t", "Cel", "/t", 0},
                        bad = {"b", "b", "1", "/bad/*", 0};
        g_assert_cmpfloat(tb_reading_json(&minutes, root, 0), ==, 10);
        g_assert_cmpfloat(tb_reading_json(&text, root, 0), ==, 21.5);
        for (int i = 0; i < 7; i++)
                g_assert_true(isnan(tb_reading_json(&bad, root, i)));
        g_assert_cmpfloat(tb_reading_text("21.5 C"), ==, 21.5);
        g_assert_cmpfloat(tb_reading_text("on -3.25W"), ==, -3.25);
        g_assert_true(isnan(tb_reading_text("none")) && isnan(tb_reading_text("")));
        static const struct {
                const char *json;
                int value; /* -1: neither */
        } switches[] = {{"true", 1},      {"0", 0},          {"1", 1},     {"2", -1},  {"\"ON\"", 1},
                        {"\"false\"", 0}, {"\"maybe\"", -1}, {"null", -1}, {"1.0", -1}};
        for (guint i = 0; i < G_N_ELEMENTS(switches); i++) {
                json_auto_t *value = of(switches[i].json);
                bool on = false, known = tb_reading_switch(value, &on);
                g_assert_cmpint(known ? on : -1, ==, switches[i].value);
        }
}

static void test_plug(void)
{
        static const TbReading rows[] = {TB_READING_WATTS("/o/*/w"), TB_READING_CELSIUS("/c"), {NULL}};
        json_auto_t *answer = of("{\"o\":[{\"s\":\"on\",\"w\":3},{\"s\":\"off\"}],\"c\":20}");
        TbPlugState state;
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_plug_parse(answer, "/o/*/s", rows, 0, &state, &error));
        g_assert_true(state.power.observed == TB_POWER_ON && state.power.watts == 3 && state.values[1] == 20);
        g_assert_true(tb_plug_parse(answer, "/o/*/s", rows, 1, &state, &error));
        g_assert_true(state.power.observed == TB_POWER_OFF && isnan(state.power.watts));
        g_assert_false(tb_plug_parse(answer, "/o/*/s", rows, 2, &state, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        g_clear_error(&error);
        g_assert_false(tb_plug_parse(answer, "/none", NULL, 0, &state, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        char id[TB_PLUG_ID];
        g_autofree char *many = g_strnfill(200, 'x');
        memcpy(many + TB_PLUG_ID - 2, "\xc3\xa4", 2); /* a character over the end is left out whole */
        json_auto_t *text = json_string(many);
        g_assert_true(tb_plug_take_id(text, id));
        g_assert_cmpuint(strlen(id), ==, TB_PLUG_ID - 2);
        json_auto_t *none = json_string("");
        g_assert_false(tb_plug_take_id(none, id) || tb_plug_take_id(NULL, id));
}

static void test_words(void)
{
        static const char *const cases[][2] = {
                {"\"AN\"", "AN"},         {"true", "true"}, {"false", "false"}, {"1", "1"},
                {"12345678", "12345678"}, {"2.5", "2.5"},   {"null", NULL},     {"[]", NULL}};
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                json_auto_t *value = json_loads(cases[i][0], JSON_DECODE_ANY, NULL);
                g_autofree char *word = tb_reading_word(value);
                g_assert_cmpstr(word, ==, cases[i][1]);
        }
        g_assert_null(tb_reading_word(NULL));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/reading/pointer", test_pointer);
        g_test_add_func("/reading/numbers", test_numbers);
        g_test_add_func("/plug/parse", test_plug);
        g_test_add_func("/reading/words", test_words);
        return g_test_run();
}
