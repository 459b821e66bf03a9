/* Words of devices in our messages: one text for people, whatever bytes came */
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/text.h"

#define TURNED "\xe2\x80\xae" /* U+202E: what follows runs to the left */

static void test_shown(void)
{
        static const struct {
                const char *said, *shown;
        } all[] = {
                {"ok", "ok"},
                {"", ""},
                {"grün 电源 🔌", "grün 电源 🔌"},
                {"two\nlines\tand a tab\r", "two\nlines\tand a tab"},
                {"\x1b[31mred\x1b[0m\a", "[31mred[0m"},
                {"exe." TURNED "gpj", "exe.gpj"},
                {"\xe2\x81\xa6isolated\xe2\x81\xa9", "isolated"},
                {"\xc2\x9b"
                 "31m",
                 "31m"}, /* C1: CSI */
                {"a\xff"
                 "b\xc3",
                 "a\xef\xbf\xbd"
                 "b\xef\xbf\xbd"},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
                g_autofree char *shown = tb_text_shown(g_strdup(all[i].said));

                g_assert_cmpstr(shown, ==, all[i].shown);
        }
}

/* However a message is put together. */
static void test_errors(void)
{
        static const char said[] = "\x1b]0;x\a" TURNED "ok\xff";
        g_autoptr(GError) plain = NULL, field = NULL;

        tb_set_error(&plain, TB_ERROR_DEVICE, "it says %s", said);
        tb_error_prefix(&plain, "%s: ", said);
        tb_error_suffix(&plain, "; %s", said);
        g_assert_cmpstr(plain->message, ==,
                        "]0;xok\xef\xbf\xbd: it says ]0;xok\xef\xbf\xbd; ]0;xok\xef\xbf\xbd");
        tb_error_set_field(&field, TB_ERROR_INVALID, "uri", "%s is none", said);
        g_assert_cmpstr(field->message, ==, "]0;xok\xef\xbf\xbd is none");
        g_assert_cmpstr(tb_error_field(field), ==, "uri");
}

/* A bound of bytes cuts between characters, and what is no text does not grow beyond it. */
static void test_cut(void)
{
        g_autofree char *detail = g_strnfill(TB_LIMIT_DETAIL + 1, 'x'),
                        *cut = tb_text_cut(detail, TB_LIMIT_DETAIL), *wide = tb_text_cut("ab\xe7\x94\xb5", 4),
                        *bad = tb_text_cut("\xff\xff\xff", 4);

        g_assert_cmpuint(strlen(cut), ==, TB_LIMIT_DETAIL);
        g_assert_cmpstr(wide, ==, "ab");
        g_assert_cmpstr(bad, ==, "\xef\xbf\xbd");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/text/shown", test_shown);
        g_test_add_func("/text/errors", test_errors);
        g_test_add_func("/text/cut", test_cut);
        return g_test_run();
}
