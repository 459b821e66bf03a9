/* Files that are saved again until it succeeds, on a disk that fails, or does not answer at all. */
#include "host/core/state/saver.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/core/private.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "tests/unit/clock.h"

static TbMutex lock = TB_MUTEX_INIT;
static TbCond changed;
static bool held, broken; /* protected */

/* Instead of libc's: the disk. */
int fsync(int fd)
{
        tb_mutex_lock(&lock);
        while (held)
                tb_cond_wait_until(&changed, &lock, -1);
        bool fails = broken;
        tb_mutex_unlock(&lock);
        errno = EIO;
        return fails ? -1 : (int)syscall(SYS_fsync, fd);
}

static void set_disk(bool hold, bool fail)
{
        tb_mutex_lock(&lock);
        held = hold;
        broken = fail;
        tb_cond_broadcast(&changed);
        tb_mutex_unlock(&lock);
}

typedef struct Room {
        TbCore core;
        TbStateDir *dir;
        TbSaver *saver;
        char *path;
} Room;

static json_t *make(TbCore *core G_GNUC_UNUSED)
{
        static int n;
        return json_pack("{s:i}", "n", ++n);
}

static void audit_failed(const char *why, gpointer user G_GNUC_UNUSED)
{
        g_error("%s", why);
}

static void room_init(Room *r)
{
        g_autoptr(GError) error = NULL;
        *r = (Room){.path = g_dir_make_tmp("tbsaver-XXXXXX", NULL)};
        r->dir = tb_state_dir_open(r->path, "host", true, &error);
        g_assert_no_error(error);
        r->core.bus = tb_bus_new();
        r->core.disk = tb_disk_new(r->dir, audit_failed, NULL);
        r->saver = tb_saver_new(&r->core, "a.json", make);
        test_clock.held_from_ms =
                TB_LIMIT_SAVE_RETRY_FIRST_MS / 2; /* if it were shorter, it would be seen, too */
}

static void room_clear(Room *r)
{
        test_clock.held_from_ms = 0;
        tb_saver_free(r->saver);
        g_assert_true(tb_disk_free(r->core.disk));
        tb_bus_free(r->core.bus);
        tb_state_dir_close(r->dir);
        static const char *const files[] = {"a.json", "host.lock"};
        for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *file = g_build_filename(r->path, files[i], NULL);
                unlink(file);
        }
        g_assert_cmpint(rmdir(r->path), ==, 0);
        g_free(r->path);
}

static void settle(const Room *r)
{
        while (tb_saver_busy(r->saver))
                g_main_context_iteration(NULL, TRUE);
}

/* TB_LIMIT_SAVE_RETRY_FIRST_MS after the first failure, twice as long after each further one, TB_LIMIT_SAVE_RETRY_MS at most;
 * and from the beginning after one that succeeded. */
static void test_pauses(void)
{
        Room r;
        room_init(&r);
        for (guint run = 0; run < 2; run++) {
                set_disk(false, true);
                tb_saver_now(r.saver);
                settle(&r);
                guint at_most = 0;
                for (guint ms = TB_LIMIT_SAVE_RETRY_FIRST_MS; at_most < 3;
                     ms = MIN(2 * ms, TB_LIMIT_SAVE_RETRY_MS)) {
                        g_assert_nonnull(tb_saver_problem(r.saver));
                        g_assert_cmpuint(clock_last_ms(), ==, ms);
                        at_most += ms == TB_LIMIT_SAVE_RETRY_MS;
                        set_disk(false, at_most < 3);
                        g_assert_true(clock_fire(ms));
                        settle(&r);
                }
                g_assert_null(tb_saver_problem(r.saver));
                g_assert_false(clock_fire(TB_LIMIT_SAVE_RETRY_MS)); /* nothing is to be tried again */
        }
        room_clear(&r);
}

static void on_settled(const GError *error, gpointer user)
{
        GError **told = user;
        g_assert_null(*told);
        *told = error ? g_error_copy(error) : g_error_new_literal(TB_ERROR, TB_ERROR_INTERNAL, "stored");
}

/* TB_LIMIT_DISK_LATE_MS: so long callers wait for the disk, then they are told, and later ones at once. */
static void test_late(void)
{
        Room r;
        GError *told[3] = {NULL};
        room_init(&r);
        set_disk(true, false);
        tb_saver_now(r.saver);
        g_assert_cmpuint(clock_last_ms(), ==, TB_LIMIT_DISK_LATE_MS);
        tb_saver_wait(r.saver, on_settled, &told[0]);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_assert_null(told[0]);
        g_assert_true(clock_fire(TB_LIMIT_DISK_LATE_MS));
        tb_saver_wait(r.saver, on_settled, &told[1]);
        for (guint i = 0; i < 2; i++) {
                g_assert_error(told[i], TB_ERROR, TB_ERROR_UNAVAILABLE);
                g_assert_nonnull(strstr(told[i]->message, "has not answered for 2 s"));
        }
        g_assert_nonnull(tb_saver_problem(r.saver));
        set_disk(false, false);
        settle(&r);
        g_assert_null(tb_saver_problem(r.saver));
        tb_saver_wait(r.saver, on_settled, &told[2]);
        g_assert_cmpstr(told[2]->message, ==, "stored");
        for (guint i = 0; i < G_N_ELEMENTS(told); i++)
                g_error_free(told[i]);
        room_clear(&r);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(TB_LOG_ERROR, false);
        tb_main_init(NULL);
        tb_cond_init(&changed);
        g_test_add_func("/saver/pauses", test_pauses);
        g_test_add_func("/saver/late", test_late);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
