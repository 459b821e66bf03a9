/* Where a log goes on after a break, whatever the phone's clock says */
#include "drivers/adb/adb_log_seen.h"

/* What a replay of `log` says that was not told. Owned. */
static char *new_of(TbAdbLogSeen *seen, const char *kept, const char *log)
{
        g_auto(GStrv) look = g_strsplit(kept, " ", -1), lines = g_strsplit(log, " ", -1);
        GString *out = g_string_new("");

        tb_adb_log_look(seen);
        for (guint i = 0; look[i] != NULL; i++)
                tb_adb_log_kept(seen, look[i]);
        for (guint i = 0; lines[i] != NULL; i++) {
                if (tb_adb_log_old(seen, lines[i]))
                        continue;
                tb_adb_log_told(seen, lines[i]);
                g_string_append_printf(out, "%s%s", out->len > 0 ? " " : "", lines[i]);
        }
        return g_string_free(out, FALSE);
}

static void check(const char *told, const char *kept, const char *log, const char *wanted)
{
        TbAdbLogSeen seen = {0};
        g_auto(GStrv) lines = g_strsplit(told, " ", -1);

        for (guint i = 0; lines[i] != NULL; i++)
                tb_adb_log_told(&seen, lines[i]);
        g_autofree char *said = new_of(&seen, kept, log), *again = new_of(&seen, log, log);
        g_assert_cmpstr(said, ==, wanted);
        g_assert_cmpstr(again, ==, "");
}

static void test_goes_on(void)
{
        check("a b c", "a b c", "a b c", "");
        check("a b c", "a b c d", "a b c d e", "d e");
        check("b c", "a b c d", "a b c d", "d"); /* a is from before the attachment */
}

/* A box whose clock begins anew has another log; one whose clock was set back has the same. */
static void test_clock(void)
{
        check("2026-1 2026-2", "2009-1 2009-2", "2009-1 2009-2 2009-3", "2009-1 2009-2 2009-3");
        check("2026-1 2026-2", "2026-1 2026-2 2009-1", "2026-1 2026-2 2009-1 2009-2", "2009-1 2009-2");
}

static void test_thrown_away(void)
{
        check("a b c", "a b d", "a b d", "d"); /* c, by its app's share of the log */
        check("a b c", "d e", "d e", "d e");   /* all that were told */
        check("a b c", "b c d", "d e", "d e"); /* the last one, between the two */
        check("a a", "a a b", "a a b", "b");   /* twice in one millisecond */
        check("a", "", "a b", "a b");          /* nothing is kept any more: it is told rather than lost */
}

static void test_many(void)
{
        TbAdbLogSeen seen = {0};
        g_autoptr(GString) all = g_string_new("0");

        tb_adb_log_told(&seen, "0");
        for (int i = 1; i < 3 * TB_ADB_LOG_SEEN; i++) {
                g_autofree char *line = g_strdup_printf("%d", i);
                tb_adb_log_told(&seen, line);
                g_string_append_printf(all, " %d", i);
        }
        g_autofree char *more = g_strconcat(all->str, " new", NULL), *said = new_of(&seen, more, more);
        g_assert_cmpstr(said, ==, "new");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/adb/log/goes-on", test_goes_on);
        g_test_add_func("/adb/log/clock", test_clock);
        g_test_add_func("/adb/log/thrown-away", test_thrown_away);
        g_test_add_func("/adb/log/many", test_many);
        return g_test_run();
}
