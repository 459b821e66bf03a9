/* What comes as a stream, split anywhere: events, pictures, a console's bytes with their offsets, keys and replays. */
#include <string.h>

#include "client/api.h"
#include "client/escape.h"
#include "client/events.h"
#include "client/place.h"
#include "client/screen.h"
#include "lib/error.h"
#include "lib/limits.h"

/* --- events --- */
static bool join(const char *data, gpointer user, GError **error G_GNUC_UNUSED)
{
        g_string_append_printf(user, "<%s>", data);
        return strcmp(data, "stop") != 0;
}

static void test_events(void)
{
        static const char text[] = ":\n\nid: 7\ndata: {\"a\":1}\n\ndata:x\r\ndata: y\r\n\r\nid: 8\nevent: "
                                   "z\n\ndata: stop\n\ndata: no\n\n";
        for (gsize split = 1; split < sizeof text; split++) {
                TbCliEvents e;
                tb_cli_events_init(&e);
                g_autoptr(GString) got = g_string_new(NULL);
                g_autoptr(GError) error = NULL;
                bool on = tb_cli_events_feed(&e, text, split, join, got, &error) &&
                          tb_cli_events_feed(&e, text + split, sizeof text - 1 - split, join, got, &error);
                g_assert_false(on); /* it was told to stop */
                g_assert_no_error(error);
                g_assert_cmpstr(got->str, ==, "<{\"a\":1}><x\ny><stop>");
                g_assert_cmpstr(e.id, ==, "8");
                tb_cli_events_clear(&e);
        }
}

/* TB_LIMIT_CLI_EVENT */
static void test_event_limit(void)
{
        for (gsize more = 0; more < 2; more++) {
                TbCliEvents e;
                tb_cli_events_init(&e);
                gsize n = TB_LIMIT_CLI_EVENT + more;
                g_autofree char *long_line = g_strnfill(n, 'x');
                memcpy(long_line, "data: ", 6);
                g_autoptr(GString) got = g_string_new(NULL);
                g_autoptr(GError) error = NULL;
                bool ok = tb_cli_events_feed(&e, long_line, n, join, got, &error) &&
                          tb_cli_events_feed(&e, "\n\n", 2, join, got, &error);
                g_assert_cmpint(ok, ==, more == 0);
                g_assert_cmpuint(got->len, ==, more ? 0 : n - 6 + 2);
                if (more)
                        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
                tb_cli_events_clear(&e);
        }
}

/* --- an answer --- */
/* TB_LIMIT_CLI_ANSWER */
static void test_answer_limit(void)
{
        for (gsize more = 0; more < 2; more++) {
                g_autoptr(GBytes) bytes =
                        g_bytes_new_take(g_malloc0(TB_LIMIT_CLI_ANSWER + more), TB_LIMIT_CLI_ANSWER + more);
                g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(bytes);
                g_autoptr(GByteArray) all = g_byte_array_new();
                g_autoptr(GError) error = NULL;
                g_assert_cmpint(tb_cli_read_all(in, all, &error), ==, more == 0);
                if (more)
                        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
        }
}

/* --- pictures --- */
static bool collect(const guint8 *bytes, gsize n, gpointer data, GError **error G_GNUC_UNUSED)
{
        g_byte_array_append(data, bytes, (guint)n);
        return true;
}

static void test_parts(void)
{
        static const char text[] =
                "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 3\r\nX-Timestamp: 1.5\r\n\r\nA\nB\r\n"
                "--frame\r\ncontent-length: 2\r\n\r\n\r\n\r\n--frame--\r\n";
        for (gsize split = 1; split < sizeof text; split++) {
                TbCliParts p;
                tb_cli_parts_init(&p);
                g_autoptr(GByteArray) got = g_byte_array_new();
                g_assert_true(tb_cli_parts_feed(&p, (const guint8 *)text, split, collect, got, NULL));
                g_assert_true(tb_cli_parts_feed(&p, (const guint8 *)text + split, sizeof text - 1 - split,
                                                collect, got, NULL));
                g_assert_cmpmem(got->data, got->len, "A\nB\r\n", 5);
                g_assert_cmpuint(p.parts, ==, 2);
                tb_cli_parts_clear(&p);
        }
}

/* TB_LIMIT_CLI_PICTURE */
static void test_part_limit(void)
{
        const gint64 sizes[] = {TB_LIMIT_CLI_PICTURE, TB_LIMIT_CLI_PICTURE + 1, 0, -5};
        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                TbCliParts p;
                tb_cli_parts_init(&p);
                g_autofree char *head =
                        g_strdup_printf("--f\r\nContent-Length: %" G_GINT64_FORMAT "\r\n\r\n", sizes[i]);
                g_autoptr(GByteArray) got = g_byte_array_new();
                g_autoptr(GError) error = NULL;
                bool ok = tb_cli_parts_feed(&p, (const guint8 *)head, strlen(head), collect, got, &error);
                g_assert_cmpint(ok && p.left == TB_LIMIT_CLI_PICTURE, ==, i == 0);
                tb_cli_parts_clear(&p);
        }
        TbCliParts p;
        tb_cli_parts_init(&p);
        g_autofree char *endless = g_strnfill(2000, 'x');
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_cli_parts_feed(&p, (const guint8 *)endless, 2000, collect, NULL, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        tb_cli_parts_clear(&p);
}

/* --- places --- */
static gsize take(TbCliPlace *p, guint64 offset, const char *text, TbCliPlaceNews expected)
{
        TbCliPlaceNews news;
        gsize old = tb_cli_place_take(p, offset, (const guint8 *)text, strlen(text), &news);
        g_assert_cmpint(news, ==, expected);
        return old;
}

static void test_place(void)
{
        TbCliPlace p;
        tb_cli_place_init(&p);
        tb_cli_place_set(&p, 100);
        g_assert_cmpuint(take(&p, 100, "abcdef", TB_CLI_PLACE_SAME), ==, 0);
        g_assert_cmpuint(tb_cli_place_again(&p, 200), ==, 100); /* what we have comes again, to be compared */
        g_assert_cmpuint(tb_cli_place_again(&p, 103), ==, 100);
        g_assert_cmpuint(tb_cli_place_again(&p, 90), ==, 90);
        g_assert_cmpuint(take(&p, 100, "abc", TB_CLI_PLACE_SAME), ==, 3);
        g_assert_cmpuint(take(&p, 103, "defgh", TB_CLI_PLACE_SAME), ==, 3); /* "gh" is new */
        g_assert_cmpuint(p.have, ==, 108);
        g_assert_cmpuint(take(&p, 110, "xy", TB_CLI_PLACE_GAP), ==, 0);
        g_assert_cmpuint(p.have, ==, 112);
        tb_cli_place_clear(&p);
}

/* A host that lost its last bytes: what it said since then stands where they stood. */
static void test_place_other(void)
{
        TbCliPlace p;
        tb_cli_place_init(&p);
        tb_cli_place_set(&p, 0);
        take(&p, 0, "one two three", TB_CLI_PLACE_SAME);
        g_assert_cmpuint(take(&p, 0, "one two FOUR", TB_CLI_PLACE_OTHER), ==, 8);
        g_assert_cmpuint(p.have, ==, 12);
        g_assert_cmpuint(take(&p, 12, "!", TB_CLI_PLACE_SAME), ==, 0);
        g_assert_cmpuint(take(&p, 4, "two FOUR!?", TB_CLI_PLACE_SAME), ==, 9);
        tb_cli_place_clear(&p);
}

/* Whatever comes again, and however it is cut: what is new is shown once. */
static void test_place_random(void)
{
        g_autoptr(GRand) rand = g_rand_new_with_seed(1);
        char text[4000];
        for (gsize i = 0; i < sizeof text; i++)
                text[i] = (char)('a' + g_rand_int_range(rand, 0, 26));
        TbCliPlace p;
        tb_cli_place_init(&p);
        tb_cli_place_set(&p, 0);
        g_autoptr(GByteArray) shown = g_byte_array_new();
        guint64 at = 0;
        while (p.have < sizeof text) {
                if (g_rand_int_range(rand, 0, 4) == 0)
                        at = tb_cli_place_again(&p, p.have + 1);
                gsize n = MIN((gsize)g_rand_int_range(rand, 1, 400), sizeof text - at);
                TbCliPlaceNews news;
                gsize old = tb_cli_place_take(&p, at, (const guint8 *)text + at, n, &news);
                g_assert_cmpint(news, ==, TB_CLI_PLACE_SAME);
                g_byte_array_append(shown, (const guint8 *)text + at + old, (guint)(n - old));
                at += n;
        }
        g_assert_cmpmem(shown->data, shown->len, text, sizeof text);
        tb_cli_place_clear(&p);
}

/* --- keys --- */
static void test_escape(void)
{
        TbCliEscape e;
        g_assert_true(tb_cli_escape_parse("^]", &e, NULL));
        g_assert_cmpint(e.key, ==, 0x1d);
        static const struct {
                guint8 byte;
                TbCliKey key;
        } keys[] = {{'p', TB_CLI_KEY_SEND},  {0x1d, TB_CLI_KEY_MENU}, {'p', TB_CLI_KEY_POWER},
                    {'q', TB_CLI_KEY_SEND},  {0x1d, TB_CLI_KEY_MENU}, {0x1d, TB_CLI_KEY_SEND},
                    {0x1d, TB_CLI_KEY_MENU}, {'x', TB_CLI_KEY_BACK},  {'x', TB_CLI_KEY_SEND},
                    {0x1d, TB_CLI_KEY_MENU}, {'?', TB_CLI_KEY_HELP},  {'B', TB_CLI_KEY_BREAK},
                    {0x1d, TB_CLI_KEY_MENU}, {'l', TB_CLI_KEY_LOG},   {0x1d, TB_CLI_KEY_MENU},
                    {'q', TB_CLI_KEY_QUIT}};
        for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
                g_assert_cmpint(tb_cli_escape_feed(&e, keys[i].byte), ==, keys[i].key);
        g_assert_true(tb_cli_escape_parse("^a", &e, NULL));
        g_assert_cmpint(tb_cli_escape_feed(&e, 1), ==, TB_CLI_KEY_MENU);
        g_assert_true(tb_cli_escape_parse("none", &e, NULL));
        for (int byte = 0; byte < 256; byte++)
                g_assert_cmpint(tb_cli_escape_feed(&e, (guint8)byte), ==, TB_CLI_KEY_SEND);
        const char *const bad[] = {"", "^", "]", "^1", "^]]", "^`"};
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_cli_escape_parse(bad[i], &e, NULL));
}

static void test_replay(void)
{
        static const struct {
                const char *in, *out;
        } cases[] = {{"plain\r\n", "plain\r\n"},
                     {"a\033[6nb", "ab"},
                     {"a\033[cb\033[>0c\033Zc", "abc"},
                     {"\033[31mred\033[0m", "\033[31mred\033[0m"},
                     {"\033[?25l\033[2J", "\033[?25l\033[2J"},
                     {"\033]11;?\007x", "x"},
                     {"\033]0;title\033\\x", "\033]0;title\033\\x"},
                     {"\033P+q544e\033\\x", "x"},
                     {"a\005b", "ab"},
                     {"a\033", "a\033"},
                     {"\0337\0338", "\0337\0338"}};
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                for (gsize split = 0; split <= strlen(cases[i].in); split++) {
                        TbCliReplay r;
                        tb_cli_replay_init(&r);
                        g_autoptr(GByteArray) out = g_byte_array_new();
                        tb_cli_replay_feed(&r, (const guint8 *)cases[i].in, split, out);
                        tb_cli_replay_feed(&r, (const guint8 *)cases[i].in + split,
                                           strlen(cases[i].in) - split, out);
                        tb_cli_replay_end(&r, out);
                        g_assert_cmpmem(out->data, out->len, cases[i].out, strlen(cases[i].out));
                        tb_cli_replay_clear(&r);
                }
        TbCliReplay r; /* what never ends is not held for ever */
        tb_cli_replay_init(&r);
        g_autoptr(GByteArray) out = g_byte_array_new();
        g_autofree char *endless = g_strnfill(500, '1');
        memcpy(endless, "\033[", 2);
        tb_cli_replay_feed(&r, (const guint8 *)endless, 500, out);
        g_assert_cmpmem(out->data, out->len, endless, 500);
        tb_cli_replay_clear(&r);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cli/events", test_events);
        g_test_add_func("/cli/event-limit", test_event_limit);
        g_test_add_func("/cli/answer-limit", test_answer_limit);
        g_test_add_func("/cli/parts", test_parts);
        g_test_add_func("/cli/part-limit", test_part_limit);
        g_test_add_func("/cli/place", test_place);
        g_test_add_func("/cli/place-other", test_place_other);
        g_test_add_func("/cli/place-random", test_place_random);
        g_test_add_func("/cli/escape", test_escape);
        g_test_add_func("/cli/replay", test_replay);
        return g_test_run();
}
