/* testbed-media as the host sees it, with programs in its place that break every promise. */
#include "host/media/child/child.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/limits.h"
#include "lib/thread.h"
#include "tests/unit/clock.h"

typedef struct Seen {
        guint lost, changed;
        char *why; /* owned; of the last loss */
} Seen;

static void on_message(const TbLinkMessage *m G_GNUC_UNUSED, void *data G_GNUC_UNUSED)
{
}

static void on_lost(const char *why, void *data)
{
        Seen *seen = data;
        seen->lost++;
        g_free(seen->why);
        seen->why = g_strdup(why);
}

static void on_changed(void *data)
{
        ((Seen *)data)->changed++;
}

static const TbMediaChildCallbacks callbacks = {on_message, on_lost, on_changed};

/* A program of one shell script. The caller owns the path. */
static char *script(const char *folder, const char *text)
{
        char *path = g_build_filename(folder, "program", NULL);
        g_autofree char *whole = g_strconcat("#!/bin/sh\n", text, "\n", NULL);
        g_assert_true(g_file_set_contents(path, whole, -1, NULL));
        g_assert_cmpint(g_chmod(path, 0700), ==, 0);
        return path;
}

/* Runs `program` until it was lost `times`; the reason of the last one. */
static char *lose(const char *program, guint times)
{
        Seen seen = {0};
        TbMediaChild *child = tb_media_child_new(program, &(TbLinkSetup){.max_fps = 60}, &callbacks, &seen);
        tb_media_child_start(child);
        while (seen.lost < times)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(seen.changed, >=, 1);
        g_assert_nonnull(tb_media_child_why(child));
        g_assert_null(tb_media_child_link(child));
        tb_media_child_free(child);
        return seen.why;
}

static void test_missing(void)
{
        gint64 at = g_get_monotonic_time();
        g_autofree char *why = lose("/nonexistent/testbed-media", 3);
        g_assert_nonnull(strstr(why, "cannot be started"));
        g_assert_cmpint(g_get_monotonic_time() - at, >=, (100 + 200) * 1000); /* the pauses between grow */
}

static void test_ends(void)
{
        g_autofree char *folder = g_dir_make_tmp("tb-child-XXXXXX", NULL);
        g_autofree char *program = script(folder, "exit 3");
        g_autofree char *why = lose(program, 1);
        g_assert_cmpstr(why, ==, "testbed-media ended with code 3");
        g_unlink(program);
        g_rmdir(folder);
}

static void test_hostile(void)
{
        static const char *const says[] = {
                "printf 'no message at all' >&3; exec sleep 60",
                /* a PING, which only the host sends */
                "printf '\\000\\000\\000\\000\\012\\000\\000\\000\\000\\000\\000\\000' >&3; exec sleep 60",
                /* 4 GB are to come */
                "printf '\\377\\377\\377\\377\\055\\000\\000\\000\\000\\000\\000\\000' >&3; exec sleep 60"};
        for (gsize i = 0; i < G_N_ELEMENTS(says); i++) {
                g_autofree char *folder = g_dir_make_tmp("tb-child-XXXXXX", NULL);
                g_autofree char *program = script(folder, says[i]);
                g_autofree char *why = lose(program, 1);
                g_assert_nonnull(strstr(why, "sent what it may not"));
                g_unlink(program);
                g_rmdir(folder);
        }
}

/* What it starts with: no variable of ours, no descriptor of ours but its socket. */
static void test_inherits(void)
{
        g_autofree char *folder = g_dir_make_tmp("tb-child-XXXXXX", NULL);
        g_autofree char *program = script(
                folder,
                "env >\"${0%/*}/env\"; for f in /proc/$$/fd/*; do echo \"${f##*/}\"; done >\"${0%/*}/fds\"");
        g_autofree char *env_path = g_build_filename(folder, "env", NULL),
                        *fds_path = g_build_filename(folder, "fds", NULL);
        g_setenv("TESTBED_TOKEN", "a-token-0123456789", TRUE);
        int null = g_open("/dev/null", O_RDONLY), kept = fcntl(null, F_DUPFD, 57); /* without O_CLOEXEC */
        g_autofree char *why = lose(program, 1);
        g_autofree char *env = NULL, *fds = NULL;
        g_assert_true(g_file_get_contents(env_path, &env, NULL, NULL));
        g_assert_true(g_file_get_contents(fds_path, &fds, NULL, NULL));
        g_assert_null(strstr(env, "TESTBED_TOKEN"));
        g_auto(GStrv) lines = g_strsplit(fds, "\n", -1);
        g_autofree char *number = g_strdup_printf("%d", kept);
        g_assert_true(g_strv_contains((const char *const *)lines, "3"));
        g_assert_false(g_strv_contains((const char *const *)lines, number));
        g_close(kept, NULL);
        g_close(null, NULL);
        g_unlink(env_path);
        g_unlink(fds_path);
        g_unlink(program);
        g_rmdir(folder);
}

/* Instead of libc's: how often something was ended. */
static guint kills;

int kill(pid_t pid, int signal)
{
        kills += signal == SIGKILL;
        return (int)syscall(SYS_kill, pid, signal);
}

#define TICK_MS 500 /* of child.c: it is looked after twice a second */

/* The loop goes on until the child, which was ended, is buried. */
static void wait_for_end(const Seen *seen, const char *says)
{
        g_assert_cmpuint(kills, ==, 1);
        while (seen->lost == 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_nonnull(strstr(seen->why, says));
}

static TbMediaChild *begin(const char *program, Seen *seen)
{
        test_clock.held_from_ms = TICK_MS;
        kills = 0;
        clock_stop(0);
        TbMediaChild *child = tb_media_child_new(program, &(TbLinkSetup){.max_fps = 60}, &callbacks, seen);
        tb_media_child_start(child);
        return child;
}

static void end(TbMediaChild *child, Seen *seen)
{
        tb_media_child_free(child);
        g_free(seen->why);
        clock_go();
        test_clock.held_from_ms = 0;
}

/* TB_LIMIT_MEDIA_START_S: until then it may load, then it is ended. */
static void test_never_ready(void)
{
        g_autofree char *folder = g_dir_make_tmp("tb-child-XXXXXX", NULL);
        g_autofree char *program = script(folder, "exec sleep 600");
        Seen seen = {0};
        TbMediaChild *child = begin(program, &seen);
        clock_advance(TB_LIMIT_MEDIA_START_S * G_USEC_PER_SEC);
        g_assert_true(clock_fire(TICK_MS));
        g_assert_cmpuint(kills, ==, 0);
        clock_advance(1);
        g_assert_true(clock_fire(TICK_MS));
        wait_for_end(&seen, "did not become ready in time");
        end(child, &seen);
        g_unlink(program);
        g_rmdir(folder);
}

/* TB_LIMIT_MEDIA_PINGS: so many without an answer are waited for, and at the next it is ended. */
static void test_hangs(void)
{
        g_autofree char *folder = g_dir_make_tmp("tb-child-XXXXXX", NULL);
        /* one process, which ends with its group: a `cat` outlives its shell for a moment */
        g_autofree char *program = script(folder, "exec tail -c +1 -f \"${0%/*}/ready\" >&3");
        g_autofree char *ready = g_build_filename(folder, "ready", NULL);
        g_autoptr(GByteArray) message = tb_link_write(&(TbLinkMessage){.type = TB_LINK_READY}, NULL);
        g_assert_true(g_file_set_contents(ready, (const char *)message->data, message->len, NULL));
        Seen seen = {0};
        TbLinkReady guards;
        TbMediaChild *child = begin(program, &seen);
        while (!tb_media_child_guards(child, &guards))
                g_main_context_iteration(NULL, TRUE);
        for (guint i = 0; i < TB_LIMIT_MEDIA_PINGS; i++)
                g_assert_true(clock_fire(TICK_MS));
        g_assert_cmpuint(kills, ==, 0);
        g_assert_true(clock_fire(TICK_MS));
        wait_for_end(&seen, "does not answer any more");
        end(child, &seen);
        g_unlink(ready);
        g_unlink(program);
        g_rmdir(folder);
}

static void test_pauses(void)
{
        g_assert_cmpuint(tb_media_child_pause_ms(1), ==, 100);
        g_assert_cmpuint(tb_media_child_pause_ms(2), ==, 200);
        guint before = 0;
        for (guint crashes = 1; crashes < 64; crashes++) {
                guint ms = tb_media_child_pause_ms(crashes);
                g_assert_cmpuint(ms, >=, before);
                before = ms;
        }
        g_assert_cmpuint(tb_media_child_pause_ms(TB_LIMIT_MEDIA_CRASHES), ==, TB_LIMIT_MEDIA_RESTART_MS);
        g_assert_cmpuint(tb_media_child_pause_ms(TB_LIMIT_MEDIA_CRASHES + 1), ==,
                         2 * TB_LIMIT_MEDIA_RESTART_MS);
        guint last = TB_LIMIT_MEDIA_CRASHES; /* the first whose doubled pause is above the limit */
        while (tb_media_child_pause_ms(last) * 2 <= TB_LIMIT_MEDIA_PAUSE_MS)
                last++;
        g_assert_cmpuint(tb_media_child_pause_ms(last), <, TB_LIMIT_MEDIA_PAUSE_MS);
        g_assert_cmpuint(tb_media_child_pause_ms(last + 1), ==, TB_LIMIT_MEDIA_PAUSE_MS);
        g_assert_cmpuint(tb_media_child_pause_ms(G_MAXUINT), ==, TB_LIMIT_MEDIA_PAUSE_MS);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/media/child/pauses", test_pauses);
        g_test_add_func("/media/child/missing", test_missing);
        g_test_add_func("/media/child/ends", test_ends);
        g_test_add_func("/media/child/hostile", test_hostile);
        g_test_add_func("/media/child/inherits", test_inherits);
        g_test_add_func("/media/child/never-ready", test_never_ready);
        g_test_add_func("/media/child/hangs", test_hangs);
        return g_test_run();
}
