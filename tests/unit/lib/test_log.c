#include "lib/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/limits.h"

/* What a call writes to stderr. */
static char *written(bool json, const char *field, const char *message)
{
        int ends[2], saved = dup(STDERR_FILENO);
        char buf[4096];
        g_assert_cmpint(pipe(ends), ==, 0);
        dup2(ends[1], STDERR_FILENO);
        tb_log_init(TB_LOG_INFO, json);
        tb_log(TB_LOG_INFO, TB_F("peer", field), "%s", message);
        dup2(saved, STDERR_FILENO);
        close(ends[1]);
        ssize_t n = read(ends[0], buf, sizeof buf);
        close(ends[0]);
        close(saved);
        g_assert_cmpint(n, >, 0);
        return g_strndup(buf, (gsize)n);
}

static void test_escapes(void)
{
        static const struct {
                const char *field, *message, *line;
        } rows[] = {
                {"127.0.0.1", "hello", "hello peer=127.0.0.1\n"},
                {"a b", "x", "x peer=\"a b\"\n"},
                {"a\"b\\", "x", "x peer=\"a\\\"b\\\\\"\n"},
                {"a\nb", "two\nlines", "two\\x0alines peer=a\\x0ab\n"},
                {"\xc2\x9b"
                 "31m",
                 "\xc2\x9b"
                 "2J",
                 "\\u009b2J peer=\\u009b31m\n"}, /* C1: CSI */
                {"\xff",
                 "\x9b"
                 "2J",
                 "\\x9b2J peer=\\xff\n"}, /* no UTF-8 */
                {"\xe2\x80\xae"
                 "x",
                 "\xc3\xa4", "\xc3\xa4 peer=\\u202ex\n"}, /* turned round */
                {"p", "GET / user=admin", "GET / user\\x3dadmin peer=p\n"},
                {"p", "tty?baud=9600 A=b", "tty?baud=9600 A=b peer=p\n"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *line = written(false, rows[i].field, rows[i].message);
                const char *rest = strstr(line, "info    ");
                g_assert_nonnull(rest);
                g_assert_cmpstr(rest + strlen("info    "), ==, rows[i].line);
        }
}

static void test_json(void)
{
        g_autofree char *line = written(true, "\xc2\x9b\xff", "a\nb\x9b");
        g_assert_nonnull(strstr(line, "\"peer\":\"\\u009B\\uFFFD\""));
        for (const char *p = line; p[1]; p++)
                g_assert_true((guchar)*p >= 0x20 && (guchar)*p < 0x7f);
}

/* Instead of libc's: the clock of the window. */
static gint64 boot_ms; /* 0: the system's */

int clock_gettime(clockid_t id, struct timespec *t)
{
        if (id != CLOCK_BOOTTIME || boot_ms == 0)
                return (int)syscall(SYS_clock_gettime, id, t);
        *t = (struct timespec){.tv_sec = boot_ms / 1000, .tv_nsec = boot_ms % 1000 * 1000000};
        return 0;
}

/* A child's lines bear its name; TB_LIMIT_MEDIA_LOG are said in TB_LIMIT_LOG_WINDOW_MS, those above are counted, and told when
 * the window is over. */
static void test_child(void)
{
        FILE *file = tmpfile();
        int saved = dup(STDERR_FILENO);
        const gint64 begin_ms = 1000000;
        dup2(fileno(file), STDERR_FILENO);
        tb_log_init(TB_LOG_INFO, false);
        tb_log_as_child("some-child");
        boot_ms = begin_ms;
        for (int i = 1; i <= TB_LIMIT_MEDIA_LOG + 1; i++)
                tb_log(TB_LOG_INFO, TB_F("n", "x"), "line %d.", i);
        boot_ms = begin_ms + TB_LIMIT_LOG_WINDOW_MS - 1;
        tb_log(TB_LOG_INFO, TB_F(), "too early.");
        boot_ms++;
        tb_log(TB_LOG_INFO, TB_F(), "the next window.");
        boot_ms = 0;
        tb_log_as_child(NULL);
        dup2(saved, STDERR_FILENO);
        close(saved);
        rewind(file);
        g_autofree char *text = g_malloc0(1024 * 1024);
        g_assert_cmpuint(fread(text, 1, 1024 * 1024 - 1, file), >, 0);
        fclose(file);
        g_autofree char *last = g_strdup_printf("line %d. process=some-child n=x\n", TB_LIMIT_MEDIA_LOG),
                        *more = g_strdup_printf("line %d.", TB_LIMIT_MEDIA_LOG + 1);
        g_assert_nonnull(strstr(text, "line 1. process=some-child n=x\n"));
        g_assert_nonnull(strstr(text, last)); /* the limit */
        g_assert_null(strstr(text, more));    /* and one more */
        g_assert_null(strstr(text, "too early."));
        const char *told = strstr(text, "2 more lines were left out"),
                   *next = strstr(text, "the next window.");
        g_assert_nonnull(told);
        g_assert_true(next > told);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/log/escapes", test_escapes);
        g_test_add_func("/log/json", test_json);
        g_test_add_func("/log/child", test_child);
        return g_test_run();
}
