#include "lib/tally.h"

#include "lib/limits.h"
#include "lib/thread.h"

static struct {
        guint calls;
        guint64 more;
        char *last; /* owned */
} told;

static void say(const char *key, guint64 more, double seconds, gpointer data)
{
        g_assert_true(data == &told);
        g_assert_cmpfloat(seconds, >=, 0);
        g_assert_cmpuint(more, >, 0);
        told.calls++;
        told.more += more;
        g_free(told.last);
        told.last = g_strdup(key);
}

static void reset(void)
{
        g_free(told.last);
        told = (typeof(told)){0};
}

static void test_counts(void)
{
        reset();
        TbTally *tally = tb_tally_new(2, 60000, say, &told);
        g_assert_true(tb_tally_note(tally, "a"));
        g_assert_true(tb_tally_note(tally, "a"));
        for (guint i = 0; i < 4120; i++)
                g_assert_false(tb_tally_note(tally, "a"));
        g_assert_true(tb_tally_note(tally, "b")); /* another kind has its own */
        g_assert_cmpuint(told.calls, ==, 0);
        tb_tally_flush(tally);
        g_assert_cmpuint(told.calls, ==, 1);
        g_assert_cmpuint(told.more, ==, 4120);
        g_assert_cmpstr(told.last, ==, "a");
        g_assert_true(tb_tally_note(tally, "a")); /* a new window */
        tb_tally_free(tally);
        g_assert_cmpuint(told.calls, ==, 1);
}

static void test_window_ends_by_itself(void)
{
        reset();
        TbTally *tally = tb_tally_new(0, 20, say, &told);
        g_assert_false(tb_tally_note(tally, "quiet"));
        while (told.calls == 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(told.more, ==, 1);
        tb_tally_free(tally);
}

static void test_keys_are_bounded(void)
{
        reset();
        TbTally *tally = tb_tally_new(1, 60000, say, &told);
        for (guint i = 0; i < TB_LIMIT_TALLY_KEYS; i++) {
                g_autofree char *key = g_strdup_printf("%u", i);
                g_assert_true(tb_tally_note(tally, key));
        }
        g_assert_true(tb_tally_note(tally, "one beyond")); /* the first of the others */
        for (guint i = 0; i < 500; i++) {
                g_autofree char *key = g_strdup_printf("beyond %u", i);
                g_assert_false(tb_tally_note(tally, key));
        }
        tb_tally_free(tally);
        g_assert_cmpuint(told.calls, ==, 1);
        g_assert_cmpuint(told.more, ==, 500);
        g_assert_cmpstr(told.last, ==, "others");
}

static TbTally *noisy;

static void say_and_note(const char *key, guint64 more, double seconds, gpointer data)
{
        say(key, more, seconds, data);
        tb_tally_note(noisy, key); /* what is said may be counted itself */
}

static void test_noting_while_telling(void)
{
        reset();
        noisy = tb_tally_new(0, 60000, say_and_note, &told);
        g_assert_false(tb_tally_note(noisy, "x"));
        tb_tally_flush(noisy);
        g_assert_cmpuint(told.calls, ==, 1);
        tb_tally_free(noisy);
        g_assert_cmpuint(told.calls, ==, 2);
}

static void test_text(void)
{
        static const struct {
                guint64 more;
                double seconds;
                const char *text;
        } cases[] = {
                {1, 0.01, "and 1 more in 1 s"},
                {999, 10.02, "and 999 more in 10 s"},
                {4120, 10, "and 4,120 more in 10 s"},
                {1234567, 9.6, "and 1,234,567 more in 10 s"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = tb_tally_text(cases[i].more, cases[i].seconds);
                g_assert_cmpstr(text, ==, cases[i].text);
        }
}

/* TB_LIMIT_TALLY_SAID lines of a kind are said, one more is counted. */
static void test_said_in_log(void)
{
        TbTally *tally = tb_tally_new_log();
        for (guint i = 0; i < TB_LIMIT_TALLY_SAID; i++)
                g_assert_true(tb_tally_note(tally, "a"));
        g_assert_false(tb_tally_note(tally, "a"));
        g_assert_true(tb_tally_note(tally, "b"));
        tb_tally_free(tally);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/tally/counts", test_counts);
        g_test_add_func("/tally/window-ends-by-itself", test_window_ends_by_itself);
        g_test_add_func("/tally/keys-are-bounded", test_keys_are_bounded);
        g_test_add_func("/tally/noting-while-telling", test_noting_while_telling);
        g_test_add_func("/tally/text", test_text);
        g_test_add_func("/tally/said-in-log", test_said_in_log);
        int rc = g_test_run();
        reset();
        tb_main_stop();
        return rc;
}
