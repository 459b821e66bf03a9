/* audit.jsonl: it is bounded, and what is refused over and over is counted. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "host/core/private.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "tests/unit/core/fake.h"

#define NONE "{}"

static const TbActor otto = {.user = "otto", .role = TB_ROLE_OPERATOR, .via = "rest"},
                     vera = {.user = "vera", .role = TB_ROLE_VIEWER, .via = "rest"};

static gint64 size_of(const char *dir, const char *name)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        GStatBuf st;
        return g_stat(path, &st) == 0 ? st.st_size : -1;
}

/* A file of `size` bytes as an earlier run left it. */
static void leave_file(const char *dir, gint64 size)
{
        g_autofree char *path = g_build_filename(dir, "audit.jsonl", NULL);
        g_assert_true(g_file_set_contents(path, "", 0, NULL));
        g_assert_cmpint(truncate(path, size), ==, 0);
}

static guint64 count_lines(const char *dir, const char *word)
{
        g_autofree char *path = g_build_filename(dir, "audit.jsonl", NULL), *text = NULL;
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_auto(GStrv) parts = g_strsplit(text, word, -1);
        return g_strv_length(parts) - 1;
}

static void audit(Bench *b, const TbActor *actor, const char *device, const char *verb, json_t *params,
                  const GError *error, gint64 ms)
{
        tb_audit(b->core, actor, device, verb, params, error, ms);
        g_assert_true(tb_disk_flush(b->core->disk, 5000));
}

static void test_rotation(void)
{
        Bench b;
        g_autofree char *dir = g_dir_make_tmp("tbaudit-XXXXXX", NULL);
        bench_start(&b, NONE, dir);
        audit(&b, &otto, "dut", "power.set", NULL, NULL, 1);
        gint64 line = size_of(dir, "audit.jsonl");
        g_assert_cmpint(line, >, 50);
        bench_stop(&b, true);

        leave_file(dir, TB_LIMIT_AUDIT - line - 1); /* with the line end that a file of before gets */
        bench_start(&b, NONE, dir);
        audit(&b, &otto, "dut", "power.set", NULL, NULL, 1);
        g_assert_cmpint(size_of(dir, "audit.jsonl"), ==, TB_LIMIT_AUDIT);
        g_assert_cmpint(size_of(dir, "audit.1.jsonl"), ==, -1);
        audit(&b, &otto, "dut", "power.set", NULL, NULL, 1);
        g_assert_cmpint(size_of(dir, "audit.jsonl"), ==, line);
        g_assert_cmpint(size_of(dir, "audit.1.jsonl"), ==, TB_LIMIT_AUDIT);
        bench_stop(&b, true);

        leave_file(dir, TB_LIMIT_AUDIT - line); /* limit + 1: the one before it goes */
        bench_start(&b, NONE, dir);
        audit(&b, &otto, "dut", "power.set", NULL, NULL, 1);
        g_assert_cmpint(size_of(dir, "audit.1.jsonl"), ==, TB_LIMIT_AUDIT - line);
        g_assert_cmpint(size_of(dir, "audit.jsonl"), <=, line + 1);
        g_assert_cmpint(size_of(dir, "audit.2.jsonl"), ==, -1);
        bench_stop(&b, false);
}

/* TB_LIMIT_REFUSALS_SAID in TB_LIMIT_REFUSALS_MS: of each user on his own, and what was done is always written. */
static void test_refusals(void)
{
        Bench b;
        g_autofree char *dir = g_dir_make_tmp("tbaudit-XXXXXX", NULL);
        g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_FORBIDDEN, "no");
        bench_start(&b, NONE, dir);
        for (int i = 0; i < TB_LIMIT_REFUSALS_SAID; i++)
                audit(&b, &vera, "dut", "power.set", NULL, error, 0);
        g_assert_cmpuint(count_lines(dir, "\"vera\""), ==, TB_LIMIT_REFUSALS_SAID);
        for (int i = 0; i < 1000; i++) /* limit + 1, and on */
                audit(&b, &vera, "dut", "power.set", NULL, error, 0);
        g_assert_cmpuint(count_lines(dir, "\"vera\""), ==, TB_LIMIT_REFUSALS_SAID);
        audit(&b, &otto, "dut", "power.set", NULL, error, 0);
        audit(&b, &vera, "dut", "lease.get", NULL, NULL, 0);
        g_assert_cmpuint(count_lines(dir, "\"otto\""), ==, 1);
        g_assert_cmpuint(count_lines(dir, "\"vera\""), ==, TB_LIMIT_REFUSALS_SAID + 1);
        bench_stop(&b, true);
        g_assert_cmpuint(count_lines(dir, "\"more\":1000"), ==,
                         1); /* counted, and said when the time is over */
        bench_start(&b, NONE, dir);
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/audit/rotation", test_rotation);
        g_test_add_func("/audit/refusals", test_refusals);
        return g_test_run();
}
