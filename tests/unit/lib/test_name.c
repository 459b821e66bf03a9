/* The one rule of names, at its limits; and texts that are cut to theirs. */
#include <string.h>

#include "lib/limits.h"
#include "lib/name.h"
#include "lib/text.h"

static void test_rules(void)
{
        static const struct {
                const char *text;
                bool id, host, stream, type;
        } rows[] = {
                {"board", true, true, true, true},
                {"0", true, true, true, false},
                {"a.b-c_d", true, true, true, true},
                {"a-", true, true, true, true},
                {"Board", false, true, true, false},
                {"_private", false, false, true, false},
                {".hidden", false, false, true, false},
                {"a..b", true, true, true, false},
                {"a.", true, true, true, false},
                {"power.state", true, true, true, true},
                {"machine.guest_panicked", true, true, true, true},
                {"power.9", true, true, true, false},
                {"", false, false, false, false},
                {"a/b", false, false, false, false},
                {"a b", false, false, false, false},
                {"a\n", false, false, false, false},
                {"\xc3\xa4", false, false, false, false},
                {NULL, false, false, false, false},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_assert_cmpint(tb_name_valid(TB_NAME_ID, rows[i].text), ==, rows[i].id);
                g_assert_cmpint(tb_name_valid(TB_NAME_HOST, rows[i].text), ==, rows[i].host);
                g_assert_cmpint(tb_name_valid(TB_NAME_STREAM, rows[i].text), ==, rows[i].stream);
                g_assert_cmpint(tb_name_valid(TB_NAME_TYPE, rows[i].text), ==, rows[i].type);
        }
}

static void test_size(void)
{
        for (int rule = TB_NAME_ID; rule <= TB_NAME_TYPE; rule++) {
                g_autofree char *longest = g_strnfill(TB_LIMIT_ID, 'z'),
                                *over = g_strnfill(TB_LIMIT_ID + 1, 'z');
                g_assert_true(tb_name_valid((TbNameRule)rule, longest));
                g_assert_false(tb_name_valid((TbNameRule)rule, over));
                g_assert_true(tb_name_valid_n((TbNameRule)rule, over, TB_LIMIT_ID));
                g_assert_false(tb_name_valid_n((TbNameRule)rule, "a\0b", 3));
                g_assert_true(strlen(tb_name_rule((TbNameRule)rule)) > 0);
        }
}

static void test_cut(void)
{
        static const struct {
                const char *text;
                gsize max;
                const char *want;
        } rows[] = {
                {"abc", 3, "abc"},
                {"abcd", 3, "abc"},
                {"", 3, ""},
                {"a\xc3\xa4", 3, "a\xc3\xa4"},
                {"a\xc3\xa4", 2, "a"},
                {"\xf0\x9f\x98\x80", 3, ""},
                {"\xff", 3, "\xef\xbf\xbd"},
                {"\xff", 2, ""},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *cut = tb_text_cut(rows[i].text, rows[i].max);
                g_assert_cmpstr(cut, ==, rows[i].want);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/name/rules", test_rules);
        g_test_add_func("/name/size", test_size);
        g_test_add_func("/text/cut", test_cut);
        return g_test_run();
}
