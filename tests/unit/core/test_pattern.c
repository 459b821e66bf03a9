/* Patterns over a stream: the same is found however the bytes are cut; what has no meaning in a stream is refused. */
#include <string.h>
#include <time.h>

#include "host/core/console/pattern.h"
#include "host/core/console/pattern_private.h"
#include "lib/error.h"
#include "lib/limits.h"

#define NO_LIMIT G_MAXINT64

static TbPattern *pattern_of(const char *text)
{
        g_autoptr(GError) error = NULL;
        TbPattern *p = tb_pattern_new(text, strlen(text), &error);
        g_assert_no_error(error);
        return p;
}

/* {"match",…} as text, or "none"; cut into pieces of `piece` bytes; 0: random ones. */
static char *find(const char *pattern, const void *bytes, gsize size, gsize piece, gint64 until_us)
{
        TbPattern *p = pattern_of(pattern);
        TbScan *s = tb_scan_new(p);
        const guint8 *data = bytes;
        char *out = NULL;
        for (gsize fed = 0; !out;) {
                g_autoptr(GError) error = NULL;
                TbScanState state = tb_scan_step(s, fed == size && tb_scan_room(s) > 0, until_us, &error);
                gsize n = piece ? piece : (gsize)g_test_rand_int_range(1, 9);
                n = MIN(MIN(n, size - fed), tb_scan_room(s));
                if (state == TB_SCAN_FOUND) {
                        guint64 end = 0;
                        json_auto_t *match = tb_scan_match(s, false, &end);
                        json_object_set_new(match, "end", json_integer((json_int_t)end));
                        json_object_del(match, "before"); /* a block boundary more or less */
                        out = json_dumps(match, JSON_COMPACT | JSON_SORT_KEYS);
                } else if (state == TB_SCAN_FAILED) {
                        out = strdup(error->message);
                } else if (n > 0) {
                        tb_scan_feed(s, data + fed, n);
                        fed += n;
                } else if (state == TB_SCAN_MORE && fed == size) {
                        out = strdup("none");
                }
        }
        tb_scan_free(s);
        tb_pattern_free(p);
        return out;
}

static void same_however_cut(const char *pattern, const char *bytes, const char *expected)
{
        for (gsize piece = 0; piece < 6; piece++) {
                g_autoptr(GString) all = g_string_new(NULL);
                char *got = find(pattern, bytes, strlen(bytes), piece == 5 ? strlen(bytes) + 1 : piece,
                                 piece == 4 ? 0 : NO_LIMIT); /* 0: every look at the clock ends a turn */
                json_auto_t *o = json_loads(got, 0, NULL);
                const char *match = o ? json_string_value(json_object_get(o, "match")) : got;
                if (g_strcmp0(match, expected) != 0)
                        g_error("/%s/ in pieces of %zu: \"%s\", not \"%s\"", pattern, piece, match, expected);
                free(got);
        }
}

static void test_cutting(void)
{
        same_however_cut("foo(?!bar)", "foobar\n", "none");
        same_however_cut("foo(?=bar)", "foobar\n", "foo");
        same_however_cut("^OK$", "x\r\nOK\r\ny", "OK");
        same_however_cut("^OK$", "x\nOK\ny", "OK");
        same_however_cut("OK$", "xOK", "OK");
        same_however_cut("\\d+", "boot 1234 5", "1234");
        same_however_cut("\\d+", "boot 1234", "1234");
        same_however_cut("=> $", "a\r\n=> x\r\n=> ", "=> ");
        same_however_cut("a+b|a", "xaaac", "a");
        same_however_cut("(?<=pass: )\\w+", "pass: secret \r\n", "secret");
        same_however_cut("^cr.*\n", "cr \r\nnext", "cr \r\n");
        same_however_cut("\\bend\\b", "bend end.", "end");
        same_however_cut("x*", "y\n", "");
        same_however_cut("foo\\Kbar", "foobar\n", "bar");
        same_however_cut("\\((?:[^()]|(?R))*\\)", "f((a)(b))\n", "((a)(b))");
        same_however_cut("[]$]x\\$", "$x$\n", "$x$");
        same_however_cut("\\Q$(\\E$", "a$(\r\n", "$(");
        same_however_cut("(?x) OK $ # $ at the end", "OK\r\n", "OK");
        same_however_cut("^(?:a|ab)(?:c|bcd)(?:d*)$", "abcd\r\n", "abcd");
        same_however_cut("\\AOK", "OK", "OK");
        same_however_cut("\\AOK", "xOK", "none");
        same_however_cut("^.$", "\xc3\xa4\n", "none"); /* bytes */
        same_however_cut("(?m-m)OK$", "OK\nx", "none");
}

/* Whatever went by before: nothing is refused, and matches on both sides of a block's end are found. */
static void test_window(void)
{
        const gsize block = TB_LIMIT_EXPECT_WINDOW;
        for (gsize before = block - 3; before <= 5 * block; before += block + 1) {
                g_autoptr(GString) bytes = g_string_new(NULL);
                while (bytes->len < before)
                        g_string_append_len(bytes, "0123456789abcde\n", (gssize)MIN(16, before - bytes->len));
                g_string_append(bytes, "login: ");
                char *got = find("login: $", bytes->str, bytes->len, 5000, NO_LIMIT);
                g_assert_nonnull(strstr(got, "\"match\":\"login: \""));
                free(got);
        }
        /* as long as the window: found wherever it begins; twice as long and more: not */
        for (guint i = 0; i < 2; i++) {
                g_autoptr(GString) bytes = g_string_new(NULL);
                for (gsize k = 0; k < block - 1; k++)
                        g_string_append_c(bytes, '.');
                g_string_append_c(bytes, '<');
                for (gsize k = 0; k < (i == 0 ? block - 2 : 2 * block); k++)
                        g_string_append_c(bytes, '-');
                g_string_append(bytes, ">\n");
                char *got = find("<[^>]*>", bytes->str, bytes->len, 7919, NO_LIMIT);
                g_assert_cmpint(g_str_equal(got, "none"), ==, i);
                free(got);
        }
}

static void test_refused(void)
{
        static const struct {
                const char *pattern, *says;
        } cases[] = {
                {"(foo", "offset 4"},
                {"(*UTF)^.$", "(*NAME)"},
                {"(*UTF8)x", "(*NAME)"},
                {"(*UCP)\\w", "(*NAME)"},
                {"(*LIMIT_MATCH=4000000000)(a+)+b", "(*NAME)"},
                {"(*NO_JIT)x", "(*NAME)"},
                {"(*CRLF)x", "(*NAME)"},
                {"x(*UTF)", "offset"},
                {"a\\Cb", "\\C"},
                {"\\Gx", "\\G"},
                {"a(?C1)b", "callout"},
                {"a(?C{x})b", "callout"},
                {"x{2,1}", "offset"},
                {"(?:a{1,65535}){1,65535}", "large"},
                {"(?<=a+)b", "offset"},
                {"\\p{L}\\x{100}", "offset"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                TbPattern *p = tb_pattern_new(cases[i].pattern, strlen(cases[i].pattern), &error);
                if (p || !strstr(error->message, cases[i].says))
                        g_error("/%s/: %s", cases[i].pattern, p ? "taken" : error->message);
                g_assert_cmpint(error->code, ==, TB_ERROR_INVALID);
        }
}

/* Patterns that explode end by their limits, in words, and in turns that are short. */
static gint64 cpu_us(void)
{
        struct timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (gint64)t.tv_sec * G_USEC_PER_SEC + t.tv_nsec / 1000;
}

static void test_explosions(void)
{
        static const char *const patterns[] = {"(a+)+b",
                                               "(a|a)*b",
                                               "(a*)*b",
                                               "(?:a{1,100}){1,100}b",
                                               "(?:.|\\n)*(?:.|\\n)*x",
                                               "^(a+)+$",
                                               "(a+)\\1+b",
                                               "((?R)a|a)+b",
                                               "(?s)(?=(.*)\\1x)",
                                               "a*a*a*a*[^a]x",
                                               "(?=(a+))\\1*[^a]x"};
        g_autofree char *bytes = g_strnfill(TB_LIMIT_EXPECT_WINDOW, 'a');
        for (guint i = 0; i < G_N_ELEMENTS(patterns); i++) {
                TbPattern *p = pattern_of(patterns[i]);
                TbScan *s = tb_scan_new(p);
                tb_scan_feed(s, bytes, TB_LIMIT_EXPECT_WINDOW);
                g_autoptr(GError) error = NULL;
                TbScanState state;
                guint turns = 0;
                gint64 begin = cpu_us();
                while ((state = tb_scan_step(s, true, 0, &error)) == TB_SCAN_AGAIN && turns++ < 3)
                        ;
                g_assert_cmpint(cpu_us() - begin, <, 10 * (TB_LIMIT_EXPECT_PLACE_US + G_USEC_PER_SEC / 10));
                g_assert_true(state == TB_SCAN_FAILED ? error != NULL : state != TB_SCAN_FOUND || i == 5);
                tb_scan_free(s);
                tb_pattern_free(p);
        }
}

/* What the library itself says of a pattern under our limits: the oracle. */
static int matcher(const TbPattern *p, const char *bytes, gsize size)
{
        pcre2_match_context *context = pcre2_match_context_create(NULL);
        pcre2_match_data *match = pcre2_match_data_create_from_pattern(p->re, NULL);
        pcre2_set_match_limit(context, TB_LIMIT_EXPECT_STEPS);
        pcre2_set_heap_limit(context, TB_LIMIT_EXPECT_HEAP_KB);
        pcre2_set_offset_limit(context, 0);
        int rc = pcre2_match(p->re, (PCRE2_SPTR)bytes, size, 0, PCRE2_PARTIAL_HARD, match, context);
        pcre2_match_data_free(match);
        pcre2_match_context_free(context);
        return rc;
}

/* `n` times "a", and empty lines that end the search. */
static char *subject(gsize n)
{
        char *bytes = g_strnfill(n + 3, 'a');
        memcpy(bytes + n, "\n\n\n", 3);
        return bytes;
}

/* TB_LIMIT_EXPECT_STEPS, TB_LIMIT_EXPECT_HEAP_KB: the longest text on which a pattern keeps within them is searched; with more the
 * pattern is refused. */
static void test_limits(void)
{
        static const struct {
                const char *pattern, *says;
                int rc;
                gsize most,
                        step; /* enough to be refused; how near to the limit we look, for each look takes long */
        } rows[] = {
                {"^a*?a*?a*?a*?[^a\\n]", "match limit", PCRE2_ERROR_MATCHLIMIT, 512, 1},
                {"^(?:(a)|(b))*[^a\\n]", "heap limit", PCRE2_ERROR_HEAPLIMIT, 128 * 1024, 16384},
        };
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                TbPattern *p = pattern_of(rows[i].pattern);
                gsize fits = 1, beyond = rows[i].most;
                while (beyond - fits > rows[i].step) {
                        gsize middle = fits + (beyond - fits) / 2;
                        g_autofree char *bytes = subject(middle);
                        int rc = matcher(p, bytes, middle + 3);
                        g_assert_true(rc == PCRE2_ERROR_NOMATCH || rc == rows[i].rc);
                        *(rc == rows[i].rc ? &beyond : &fits) = middle;
                }
                g_assert_cmpuint(beyond, <, rows[i].most);
                for (gsize n = fits; n <= beyond; n += beyond - fits) {
                        g_autofree char *bytes = subject(n);
                        g_autoptr(GError) error = NULL;
                        TbScan *s = tb_scan_new(p);
                        tb_scan_feed(s, bytes, n + 3);
                        TbScanState state = tb_scan_step(s, false, NO_LIMIT, &error);
                        g_assert_cmpint(state, ==, n == fits ? TB_SCAN_MORE : TB_SCAN_FAILED);
                        if (n == beyond)
                                g_assert_nonnull(strstr(error->message, rows[i].says));
                        tb_scan_free(s);
                }
                tb_pattern_free(p);
        }
}

/* Also as base64: the bytes as they came, where the text has replaced some. */
static void test_base64(void)
{
        TbPattern *p = pattern_of("\\x01(.+)\\x02(x)?");
        TbScan *s = tb_scan_new(p);
        g_autoptr(GError) error = NULL;
        guint64 end = 0;
        tb_scan_feed(s, "\xfe\x01\xff\x00\x02", 5);
        json_auto_t *seen = tb_scan_seen(s, true);
        g_assert_cmpint(tb_scan_step(s, true, NO_LIMIT, &error), ==, TB_SCAN_FOUND);
        json_auto_t *match = tb_scan_match(s, true, &end);
        json_auto_t *expected =
                json_pack("{s:s, s:[s, n], s:s}", "match", "Af8AAg==", "groups", "/wA=", "before", "/g==");
        g_assert_true(json_equal(json_object_get(match, "base64"), expected));
        g_assert_cmpstr(json_string_value(json_object_get(match, "before")), ==, "\xef\xbf\xbd");
        g_assert_cmpstr(json_string_value(json_object_get(json_object_get(seen, "base64"), "before")), ==,
                        "/gH/AAI=");
        g_assert_cmpuint(end, ==, 5);
        tb_scan_free(s);
        tb_pattern_free(p);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/pattern/cutting", test_cutting);
        g_test_add_func("/pattern/window", test_window);
        g_test_add_func("/pattern/refused", test_refused);
        g_test_add_func("/pattern/explosions", test_explosions);
        g_test_add_func("/pattern/limits", test_limits);
        g_test_add_func("/pattern/base64", test_base64);
        return g_test_run();
}
