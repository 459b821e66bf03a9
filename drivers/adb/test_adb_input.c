/* The pure parts: quoting (tried on a real shell, for every byte), input events to `input` commands */
#include "drivers/adb/adb_input.h"

#include <string.h>

#include "lib/limits.h"
#include "tests/contract/typing.h"

static void check_quote(const char *text)
{
        g_autofree char *quoted = tb_adb_quote(text), *script = g_strdup_printf("printf %%s %s", quoted),
                        *out = NULL;
        const char *argv[] = {"/bin/sh", "-c", script, NULL};
        int status = -1;

        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL,
                                   &status, NULL));
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpstr(out, ==, text);
}

static void test_quote(void)
{
        char all[256];

        for (int i = 0; i < 255; i++)
                all[i] = (char)(i + 1);
        all[255] = '\0';
        check_quote(all);
        check_quote("");
        for (int i = 1; i < 256; i++) { /* every byte alone: as text, without 255 shells */
                char one[2] = {(char)i, '\0'};
                g_autofree char *quoted = tb_adb_quote(one);
                g_autofree char *expected = i == '\'' ? g_strdup("''\\'''") : g_strdup_printf("'%c'", i);

                g_assert_cmpstr(quoted, ==, expected);
        }
        static const char *const nasty[] = {"$(touch /x)", "`id`", "a'b", "'", "''", "\\", "\\'",
                                            "; rm -rf /",  "a\nb", "!!",  "*", "~",  "-n", "\"$HOME\""};
        for (guint i = 0; i < G_N_ELEMENTS(nasty); i++)
                check_quote(nasty[i]);
        const char *argv[] = {"printf", "%s|", "a b", "", "c'd", NULL};
        g_autofree char *line = tb_adb_quote_argv(argv);
        g_assert_cmpstr(line, ==, "'printf' '%s|' 'a b' '' 'c'\\''d'");
}

static TbAdbInput state;

static char *commands(const TbInput *events, guint n, GError **error)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);

        g_autoptr(GArray) starts = g_array_new(FALSE, FALSE, sizeof(guint));
        guint done;

        if (!tb_adb_input_commands(&state, events, n, 1000, list, starts, &done, error)) {
                g_assert_cmpuint(done, <, n);
                g_assert_cmpuint(list->len, ==, 0);
                return NULL;
        }
        g_assert_cmpuint(starts->len, ==, list->len);
        g_ptr_array_add(list, NULL);
        return g_strjoinv("\n", (char **)list->pdata);
}

static void expect(const TbInput *events, guint n, const char *wanted)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *got = commands(events, n, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(got, ==, wanted);
}

static void expect_error(const TbInput *event, TbErrorCode code, const char *field)
{
        g_autoptr(GError) error = NULL;
        TbAdbInput before = state;

        g_assert_null(commands(event, 1, &error));
        g_assert_error(error, TB_ERROR, (int)code);
        g_assert_cmpstr(tb_error_field(error), ==, field);
        g_assert_cmpmem(&before, sizeof(before), &state, sizeof(state));
}

#define TEXT(s)                                                                                              \
        {                                                                                                    \
                .type = TB_INPUT_TEXT, .text = s                                                             \
        }
#define KEY(s, a)                                                                                            \
        {                                                                                                    \
                .type = TB_INPUT_KEY, .text = s, .action = a                                                 \
        }
#define POINTER(px, py, b)                                                                                   \
        {                                                                                                    \
                .type = TB_INPUT_POINTER, .x = px, .y = py, .buttons = b                                     \
        }

static void test_text(void)
{
        state = (TbAdbInput){0};
        expect((TbInput[]){TEXT("Hello World")}, 1, "input text 'Hello%sWorld'");
        expect((TbInput[]){TEXT("100%sure")}, 1, "input text '100%'\ninput text 'sure'");
        expect((TbInput[]){TEXT("% s")}, 1, "input text '%%ss'");
        expect((TbInput[]){TEXT("it's $HOME;`id`\n\"x\"\t|&")}, 1,
               "input text 'it'\\''s%s$HOME;`id`'\ninput keyevent 66\ninput text '\"x\"'\ninput keyevent "
               "61\ninput text '|&'");
        expect((TbInput[]){TEXT("")}, 1, "");
        expect_error(&(TbInput)TEXT("caf\xc3\xa9"), TB_ERROR_UNPROCESSABLE, "text");
        expect_error(&(TbInput)TEXT("\xff"), TB_ERROR_INVALID, "text");
        g_autofree char *most = g_strnfill(TB_LIMIT_INPUT_TEXT, 'a'),
                        *more = g_strnfill(TB_LIMIT_INPUT_TEXT + 1, 'a');
        TbInput big = TEXT(more);
        expect_error(&big, TB_ERROR_INVALID, "text");
        g_autofree char *line = g_strdup_printf("input text '%s'", most);
        expect((TbInput[]){TEXT(most)}, 1, line);
}

static void test_keys(void)
{
        state = (TbAdbInput){0};
        expect((TbInput[]){KEY("Enter", TB_KEY_PRESS), KEY("ArrowUp", TB_KEY_DOWN),
                           KEY("ArrowUp", TB_KEY_UP)},
               3, "input keyevent 66 19");
        expect((TbInput[]){KEY("a", TB_KEY_PRESS), KEY("B", TB_KEY_PRESS), KEY(" ", TB_KEY_PRESS),
                           KEY("'", TB_KEY_PRESS)},
               4, "input text 'aB%s'\\'''");
        expect((TbInput[]){KEY("KEYCODE_CAMERA", TB_KEY_PRESS)}, 1, "input keyevent KEYCODE_CAMERA");
        expect((TbInput[]){KEY("Control", TB_KEY_DOWN), KEY("a", TB_KEY_PRESS), KEY("Control", TB_KEY_UP),
                           KEY("a", TB_KEY_PRESS)},
               4, "input keycombination 113 29\ninput text 'a'");
        expect((TbInput[]){KEY("Shift", TB_KEY_DOWN), KEY("A", TB_KEY_DOWN), KEY("ArrowLeft", TB_KEY_DOWN)},
               3, "input text 'A'\ninput keycombination 59 21");
        g_assert_cmpuint(state.modifiers, !=, 0);
        expect((TbInput[]){KEY("Alt", TB_KEY_DOWN), KEY("?", TB_KEY_DOWN)}, 2,
               "input keycombination 59 57 76");
        state = (TbAdbInput){0};
        expect((TbInput[]){KEY("Meta", TB_KEY_PRESS)}, 1, "input keyevent 117");
        expect_error(&(TbInput)KEY("Hyper", TB_KEY_PRESS), TB_ERROR_INVALID, "key");
        expect_error(&(TbInput)KEY("", TB_KEY_PRESS), TB_ERROR_INVALID, "key");
        expect_error(&(TbInput)KEY("KEYCODE_A;reboot", TB_KEY_PRESS), TB_ERROR_INVALID, "key");
        expect_error(&(TbInput)KEY("KEYCODE_", TB_KEY_PRESS), TB_ERROR_INVALID, "key");
        expect_error(&(TbInput)KEY("\xc3\xa9", TB_KEY_PRESS), TB_ERROR_UNPROCESSABLE, "key");
        expect_error(&(TbInput){.type = TB_INPUT_KEY}, TB_ERROR_INVALID, "key");
}

/* --- the table of all drivers and doors, read out of the commands --- */
static void read_codes(char **codes, GString *typed)
{
        guint n = g_strv_length(codes);

        for (guint i = 0; i < n; i++)
                if (g_str_equal(codes[i], "66"))
                        g_string_append_c(typed, '\r');
        if (n == 2 && g_str_equal(codes[0], "113")) /* Control and a letter */
                g_string_append_c(typed, (char)(atoi(codes[1]) - 28));
}

static void read_command(const char *command, GString *typed)
{
        g_auto(GStrv) words = NULL;

        g_assert_true(g_shell_parse_argv(command, NULL, &words, NULL));
        if (g_str_equal(words[1], "text")) {
                g_auto(GStrv) parts = g_strsplit(words[2], "%s", -1);
                g_autofree char *text = g_strjoinv(" ", parts);

                g_string_append(typed, text);
        } else {
                read_codes(words + 2, typed);
        }
}

static void check_row(const TypingRow *row, gpointer data G_GNUC_UNUSED)
{
        g_autoptr(GArray) events = typing_events(row);
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GString) typed = g_string_new(NULL);
        g_autoptr(GArray) starts = g_array_new(FALSE, FALSE, sizeof(guint));
        guint refused = 0;

        state = (TbAdbInput){0};
        for (guint at = 0, done = 0; at < events->len; at += done + 1) {
                g_autoptr(GError) error = NULL;

                if (tb_adb_input_commands(&state, &g_array_index(events, TbInput, at), events->len - at, 1000,
                                          list, starts, &done, &error))
                        break;
                refused++;
        }
        for (guint i = 0; i < list->len; i++)
                read_command(g_ptr_array_index(list, i), typed);
        if (row->ascii)
                g_assert_cmpstr(typed->str, ==, row->text);
        g_assert_cmpint(refused > 0, ==, row->refused || !row->ascii);
        g_assert_cmpuint(state.modifiers, ==, 0);
}

/* A command knows the event that it begins with, and a name that a phone may not know has one for itself. */
static void test_starts(void)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GArray) starts = g_array_new(FALSE, FALSE, sizeof(guint));
        const TbInput events[] = {
                KEY("a", TB_KEY_PRESS),   KEY("b", TB_KEY_PRESS),           KEY("Enter", TB_KEY_PRESS),
                KEY("Tab", TB_KEY_PRESS), KEY("KEYCODE_NIX", TB_KEY_PRESS), KEY("Enter", TB_KEY_PRESS),
                KEY("c", TB_KEY_PRESS)};
        static const struct {
                const char *line;
                guint start;
        } rows[] = {{"input text 'ab'", 0},
                    {"input keyevent 66 61", 2},
                    {"input keyevent KEYCODE_NIX", 4},
                    {"input keyevent 66", 5},
                    {"input text 'c'", 6}};
        guint done;

        state = (TbAdbInput){0};
        g_assert_true(
                tb_adb_input_commands(&state, events, G_N_ELEMENTS(events), 1000, list, starts, &done, NULL));
        g_assert_cmpuint(list->len, ==, G_N_ELEMENTS(rows));
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_assert_cmpstr(g_ptr_array_index(list, i), ==, rows[i].line);
                g_assert_cmpuint(g_array_index(starts, guint, i), ==, rows[i].start);
        }
}

static void test_typing(void)
{
        typing_each(check_row, NULL);
}

static void test_place(void)
{
        const TbInput events[] = {{.type = TB_INPUT_KEY, .code = "KeyQ"},
                                  {.type = TB_INPUT_KEY, .code = "ShiftRight", .action = TB_KEY_DOWN},
                                  {.type = TB_INPUT_KEY, .code = "Digit1"},
                                  {.type = TB_INPUT_KEY, .code = "ShiftRight", .action = TB_KEY_UP},
                                  {.type = TB_INPUT_KEY, .code = "ArrowUp"}};

        state = (TbAdbInput){0};
        expect(events, G_N_ELEMENTS(events),
               "input keyevent 45\ninput keycombination 59 8\ninput keyevent 19");
        expect_error(&(TbInput){.type = TB_INPUT_KEY, .code = "Nowhere"}, TB_ERROR_INVALID, "code");
}

static void test_pointer(void)
{
        state = (TbAdbInput){.width = 540, .height = 1170};
        expect((TbInput[]){{.type = TB_INPUT_TAP, .x = 10.4, .y = 20.6}}, 1, "input tap 10 21");
        expect((TbInput[]){{.type = TB_INPUT_SWIPE, .x = 1, .y = 2, .x2 = 3, .y2 = 4, .ms = 99}}, 1,
               "input swipe 1 2 3 4 99");
        expect((TbInput[]){{.type = TB_INPUT_SWIPE, .x2 = 3, .y2 = 4, .ms = TB_LIMIT_SWIPE_MS + 1}}, 1,
               "input swipe 0 0 3 4 10000");
        expect((TbInput[]){{.type = TB_INPUT_SCROLL, .x = 100, .y = 600, .y2 = 2}}, 1,
               "input swipe 100 600 100 366 150");
        expect((TbInput[]){{.type = TB_INPUT_SCROLL, .x = 100, .y = 600, .y2 = -50}}, 1,
               "input swipe 100 600 100 1168 150");
        expect((TbInput[]){{.type = TB_INPUT_SCROLL, .x = 100, .y = 600}}, 1, "");
        expect((TbInput[]){POINTER(1, 1, 0), POINTER(5, 5, 1), POINTER(6, 6, 1), POINTER(7, 7, 1),
                           POINTER(7, 7, 0)},
               5, "input motionevent DOWN 5 5\ninput motionevent MOVE 7 7\ninput motionevent UP 7 7");
        expect((TbInput[]){POINTER(1, 1, 2), POINTER(1, 1, 0), POINTER(1, 1, 4), POINTER(1, 1, 0)}, 4,
               "input keyevent 4\ninput keyevent 3");
        expect_error(&(TbInput){.type = TB_INPUT_TAP, .x = -1}, TB_ERROR_INVALID, "x");
        expect_error(&(TbInput){.type = TB_INPUT_TAP, .y = TB_LIMIT_VIDEO_SIDE}, TB_ERROR_INVALID, "y");
        expect_error(&(TbInput){.type = TB_INPUT_SWIPE, .y2 = NAN}, TB_ERROR_INVALID, "y2");
        expect_error(&(TbInput){.type = TB_INPUT_SCROLL, .y2 = INFINITY}, TB_ERROR_INVALID, "dy");
}

/* An Android without `input motionevent`: a press is told at its end. */
static void test_old_pointer(void)
{
        state = (TbAdbInput){.no_motion = true};
        expect((TbInput[]){POINTER(5, 5, 1), POINTER(6, 6, 1), POINTER(7, 7, 0)}, 3, "input tap 7 7");
        expect((TbInput[]){POINTER(5, 5, 1)}, 1, "");
        expect((TbInput[]){POINTER(100, 200, 1), POINTER(100, 300, 0)}, 2, "input swipe 5 5 100 300 50");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/adb/input/quote", test_quote);
        g_test_add_func("/adb/input/text", test_text);
        g_test_add_func("/adb/input/keys", test_keys);
        g_test_add_func("/adb/input/typing", test_typing);
        g_test_add_func("/adb/input/starts", test_starts);
        g_test_add_func("/adb/input/place", test_place);
        g_test_add_func("/adb/input/pointer", test_pointer);
        g_test_add_func("/adb/input/old-pointer", test_old_pointer);
        return g_test_run();
}
