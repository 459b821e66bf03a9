/* What is kept of those who type and point: never what may be a password, unless the host's owner wants all of it. */
#include "host/recorder/typed.h"
#include "lib/json.h"
#include "lib/limits_input_kept.h"

/* The line of `events`, or of `bytes` for a console, as text; NULL: nothing is kept. */
static char *line_of(TbTyped *typed, const char *events, const char *bytes, gsize size, gint64 t_ms)
{
        json_auto_t *list = events ? json_loads(events, 0, NULL) : NULL;
        const TbRecordingInput input = {.interface = events ? "input" : "console",
                                        .user = "ada",
                                        .via = "ws",
                                        .t_ms = t_ms,
                                        .events = list,
                                        .bytes = bytes,
                                        .size = size};
        json_auto_t *line = tb_typed_line(typed, &input);
        return line ? tb_json_text(line, NULL) : NULL;
}

static void assert_kept(TbTypedHow how, const char *events, const char *expected)
{
        TbTyped typed = {.how = how};
        g_autofree char *line = line_of(&typed, events, NULL, 0, 1000);
        g_autofree char *whole =
                expected ? g_strdup_printf("{\"type\":\"input\",\"t\":1000,\"interface\":\"input\","
                                           "\"user\":\"ada\",\"via\":\"ws\",\"events\":[%s]}",
                                           expected)
                         : NULL;
        g_assert_cmpstr(line, ==, whole);
}

#define KEY(key_) "{\"type\":\"key\",\"key\":\"" key_ "\",\"action\":\"press\"}"

static void test_keys(void)
{
        static const char *const named[] = {KEY("Enter"), KEY("F2"), KEY("ArrowUp"), KEY("Control"),
                                            KEY("XF86AudioMute")};
        static const char *const characters[] = {KEY("s"),  KEY("\u00e9"), KEY(" "),      KEY("exclam"),
                                                 KEY("FF"), KEY("F123"),   KEY("Deleted")};
        for (guint i = 0; i < G_N_ELEMENTS(named); i++) {
                g_autofree char *events = g_strdup_printf("[%s]", named[i]);
                assert_kept(TB_TYPED_KEYS, events, named[i]);
        }
        for (guint i = 0; i < G_N_ELEMENTS(characters); i++) {
                g_autofree char *events = g_strdup_printf("[%s]", characters[i]);
                assert_kept(TB_TYPED_KEYS, events, KEY("\u2022"));
                assert_kept(TB_TYPED_ALL, events, characters[i]);
        }
        /* the place of a key says what stands on it */
        assert_kept(TB_TYPED_KEYS, "[{\"type\":\"key\",\"code\":\"KeyS\",\"action\":\"down\"}]",
                    "{\"type\":\"key\",\"action\":\"down\",\"key\":\"\u2022\"}");
        assert_kept(TB_TYPED_OFF, "[" KEY("Enter") "]", NULL);
}

static void test_texts(void)
{
        const char *text = "[{\"type\":\"text\",\"text\":\"s\u00e9cret\"}]";
        assert_kept(TB_TYPED_KEYS, text, "{\"type\":\"text\",\"characters\":6}");
        assert_kept(TB_TYPED_ALL, text, "{\"type\":\"text\",\"text\":\"s\u00e9cret\",\"characters\":6}");
        assert_kept(TB_TYPED_ALL, "[{\"type\":\"copy\",\"text\":\"secret\"}]",
                    "{\"type\":\"copy\",\"characters\":6}");
}

/* TB_LIMIT_RECORD_TYPED bytes, and one more. */
static void test_console(void)
{
        TbTyped typed = {.how = TB_TYPED_KEYS};
        g_autofree char *hidden = line_of(&typed, NULL, "pa\xc3\xa9\r\x03", 6, 1), *shown = NULL;
        g_assert_nonnull(strstr(hidden, "\"bytes\":6,\"text\":\"\u2022\u2022\u2022\\r\\u0003\""));
        typed.how = TB_TYPED_ALL;
        shown = line_of(&typed, NULL, "reboot\r", 7, 1);
        g_assert_nonnull(strstr(shown, "\"text\":\"reboot\\r\""));
        g_autofree char *much = g_strnfill(TB_LIMIT_RECORD_TYPED + 1, 'x');
        for (gsize n = TB_LIMIT_RECORD_TYPED; n <= TB_LIMIT_RECORD_TYPED + 1; n++) {
                g_autofree char *line = line_of(&typed, NULL, much, n, 1);
                json_auto_t *said = json_loads(line, 0, NULL);
                g_assert_cmpint(json_integer_value(json_object_get(said, "bytes")), ==, (gint64)n);
                g_assert_cmpuint(json_string_length(json_object_get(said, "text")), ==,
                                 TB_LIMIT_RECORD_TYPED);
        }
        typed.how = TB_TYPED_OFF;
        g_assert_null(line_of(&typed, NULL, "x", 1, 1));
}

/* TB_LIMIT_RECORD_MOVES a second of a hand that moves a thousand times; each button that goes down or up. */
static void test_moves(void)
{
        TbTyped typed = {.how = TB_TYPED_KEYS};
        guint kept = 0;
        for (gint64 ms = 0; ms < 1000; ms++) {
                g_autofree char *line = line_of(
                        &typed, "[{\"type\":\"pointer\",\"x\":1,\"y\":2,\"buttons\":0}]", NULL, 0, 5000 + ms);
                kept += line != NULL;
        }
        g_assert_cmpuint(kept, ==, TB_LIMIT_RECORD_MOVES);
        g_autofree char *down =
                line_of(&typed, "[{\"type\":\"pointer\",\"x\":1,\"y\":2,\"buttons\":1}]", NULL, 0, 5999);
        g_autofree char *up =
                line_of(&typed, "[{\"type\":\"pointer\",\"x\":1,\"y\":2,\"buttons\":0}]", NULL, 0, 5999);
        g_assert_nonnull(down);
        g_assert_nonnull(up);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/typed/keys", test_keys);
        g_test_add_func("/typed/texts", test_texts);
        g_test_add_func("/typed/console", test_console);
        g_test_add_func("/typed/moves", test_moves);
        return g_test_run();
}
