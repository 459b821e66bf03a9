/* The writer of the state folder with a disk that stands still: main goes on, what waits is counted. */
#include <dlfcn.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/core/state/disk.h"
#include "lib/limits.h"
#include "lib/statefile.h"
#include "lib/thread.h"
#include "tests/unit/clock.h"

static TbMutex lock = TB_MUTEX_INIT;
static TbCond changed;
static bool held, stuck; /* protected */

/* Instead of libc's: the disk. */
int fsync(int fd)
{
        tb_mutex_lock(&lock);
        stuck = held;
        tb_cond_broadcast(&changed);
        while (held)
                tb_cond_wait_until(&changed, &lock, -1);
        tb_mutex_unlock(&lock);
        return (int)syscall(SYS_fsync, fd);
}

/* Instead of libc's: until when main was ready to wait, and a look at it before it does. */
static gint64 main_until_us;

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
        static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
        main_until_us = (gint64)until->tv_sec * G_USEC_PER_SEC +
                        until->tv_nsec / 1000; /* the thread waits for ever */
        return real(cond, mutex, until);
}

static void hold(bool on)
{
        tb_mutex_lock(&lock);
        held = on;
        tb_cond_broadcast(&changed);
        tb_mutex_unlock(&lock);
}

static guint64 stored; /* number */
static void done(guint64 number, const char *why, gpointer user G_GNUC_UNUSED)
{
        g_assert_null(why);
        stored = number;
}

static void work(TbStateDir *dir G_GNUC_UNUSED, gpointer data)
{
        static char n;
        *(char *)data = ++n;
}

static void audit_failed(const char *why, gpointer user G_GNUC_UNUSED)
{
        g_error("%s", why);
}

static char *line_of(gsize size)
{
        char *line = g_strnfill(size, 'x');
        line[size - 1] = '\n';
        return line;
}

static char *text_of(const char *dir, const char *name)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        char *text = NULL;
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

/* TB_LIMIT_AUDIT_QUEUE bytes wait; one line more is counted, and a line says so when the disk goes on. */
static void test_queue(void)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_dir_make_tmp("tbdisk-XXXXXX", NULL);
        TbStateDir *dir = tb_state_dir_open(path, "host", true, &error);
        g_assert_no_error(error);
        TbDisk *disk = tb_disk_new(dir, audit_failed, NULL);
        guint place = tb_disk_place(disk, "a.json", done, NULL);
        hold(true);
        tb_disk_save(disk, place, 1, g_strdup("1"));
        g_assert_false(tb_disk_flush(disk, 50));
        tb_disk_save(disk, place, 2, g_strdup("2"));
        tb_disk_save(disk, place, 3, g_strdup("3"));
        for (gsize n = 0; n < TB_LIMIT_AUDIT_QUEUE; n += 1024)
                tb_disk_audit(disk, line_of(1024));
        tb_disk_audit(disk, line_of(1)); /* limit + 1 */
        /* TB_LIMIT_DISK_WORKS: other things, in turn; what finds no room stays the caller's */
        static char order[3];
        g_assert_true(tb_disk_run(disk, TB_LIMIT_DISK_WORKS - 1, work, &order[1]));
        g_assert_true(tb_disk_run(disk, 1, work, &order[2]));
        g_assert_false(tb_disk_run(disk, 1, work, &order[0]));
        g_assert_cmpuint(stored, ==, 0);
        hold(false);
        g_assert_true(tb_disk_flush(disk, 20000));
        g_assert_cmpint(order[0], ==, 0);
        g_assert_cmpint(order[1], ==, 1);
        g_assert_cmpint(order[2], ==, 2);
        while (stored < 3)
                g_main_context_iteration(NULL, TRUE);
        g_autofree char *file = text_of(path, "a.json"), *audit = text_of(path, "audit.jsonl");
        g_assert_cmpstr(file, ==, "3"); /* the latest wins */
        g_auto(GStrv) lines = g_strsplit(g_strchomp(audit), "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), ==, TB_LIMIT_AUDIT_QUEUE / 1024 + 1);
        g_assert_nonnull(strstr(lines[TB_LIMIT_AUDIT_QUEUE / 1024], "\"more\":1,"));
        g_assert_null(tb_disk_problem(disk));
        g_assert_true(tb_disk_free(disk));
        tb_state_dir_close(dir);
}

static void unwritten(const char *why G_GNUC_UNUSED, gpointer user)
{
        ++*(guint *)user;
}

/* A trail that cannot be written is a problem until a line is written again. */
static void test_untaken(void)
{
        g_autoptr(GError) error = NULL;
        guint told = 0;
        g_autofree char *path = g_dir_make_tmp("tbdisk-XXXXXX", NULL),
                        *in_the_way = g_build_filename(path, "audit.jsonl", NULL);
        TbStateDir *dir = tb_state_dir_open(path, "host", true, &error);
        g_assert_no_error(error);
        TbDisk *disk = tb_disk_new(dir, unwritten, &told);
        g_assert_cmpint(g_mkdir(in_the_way, 0700), ==, 0);
        tb_disk_audit(disk, line_of(10));
        g_assert_true(tb_disk_flush(disk, 20000));
        g_autofree char *problem = tb_disk_problem(disk);
        g_assert_nonnull(problem);
        g_assert_nonnull(strstr(problem, "the audit trail is not written: "));
        while (told == 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(g_rmdir(in_the_way), ==, 0);
        tb_disk_audit(disk, line_of(10));
        g_assert_true(tb_disk_flush(disk, 20000));
        g_assert_null(tb_disk_problem(disk));
        g_assert_true(tb_disk_free(disk));
        tb_state_dir_close(dir);
}

/* TB_LIMIT_AUDIT_WAITS_US: a disk that is slow for each line costs main its allowance, and then no time. */
static void test_slow(void)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_dir_make_tmp("tbdisk-XXXXXX", NULL);
        TbStateDir *dir = tb_state_dir_open(path, "host", true, &error);
        g_assert_no_error(error);
        TbDisk *disk = tb_disk_new(dir, audit_failed, NULL);
        guint place = tb_disk_place(disk, "a.json", done, NULL), quick = 0;
        gint64 begun = g_get_monotonic_time(), waited = 0;
        for (guint i = 1; i <= 60; i++) {
                hold(true);
                tb_disk_save(disk, place, i, g_strdup("1"));
                gint64 before = g_get_monotonic_time();
                tb_disk_audit(disk, line_of(100)); /* behind the file: not before this disk goes on */
                gint64 took = g_get_monotonic_time() - before;
                quick += took < TB_LIMIT_AUDIT_WAIT_MS * 1000 / 2;
                waited += took;
                hold(false);
                g_assert_true(tb_disk_flush(disk, 20000));
        }
        double seconds = (double)(g_get_monotonic_time() - begun) / 1e6;
        g_test_message("waited %.1f ms in %.2f s, %u of 60 not at all", (double)waited / 1000, seconds,
                       quick);
        g_assert_cmpuint(quick, >, 0); /* all but a few, where this thread has a processor */
        while (stored < 60)
                g_main_context_iteration(NULL, TRUE);
        stored = 0;
        g_assert_true(tb_disk_free(disk));
        tb_state_dir_close(dir);
}

#define AGO_US (60 * G_USEC_PER_SEC) /* so far back stands the clock: what waits by it waits for nothing */

/* TB_LIMIT_AUDIT_WAIT_MS for a line, and not at all for the next ones until the disk has caught up; TB_LIMIT_DISK_LATE_MS:
 * then callers are told; TB_LIMIT_DISK_STOP_MS at the end. In a process of its own, which ends without its thread. */
static void test_waits(void)
{
        if (!g_test_subprocess()) {
                g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
                g_test_trap_assert_passed();
                return;
        }
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_dir_make_tmp("tbdisk-XXXXXX", NULL);
        TbStateDir *dir = tb_state_dir_open(path, "host", true, &error);
        g_assert_no_error(error);
        TbDisk *disk = tb_disk_new(dir, audit_failed, NULL);
        guint place = tb_disk_place(disk, "a.json", done, NULL);
        const gint64 at = clock_stop(AGO_US);
        hold(true);
        tb_disk_save(disk, place, 1, g_strdup("1"));
        tb_mutex_lock(&lock);
        while (!stuck)
                tb_cond_wait_until(&changed, &lock, -1);
        tb_mutex_unlock(&lock);
        main_until_us = 0;
        tb_disk_audit(disk, line_of(100));
        g_assert_cmpint(main_until_us, ==, at + TB_LIMIT_AUDIT_WAIT_MS * 1000);
        main_until_us = 0;
        tb_disk_audit(disk, line_of(100));
        g_assert_cmpint(main_until_us, ==, 0);

        clock_advance(TB_LIMIT_DISK_LATE_MS * 1000 - 1);
        g_assert_null(tb_disk_problem(disk));
        clock_advance(1);
        g_autofree char *problem = tb_disk_problem(disk);
        g_assert_nonnull(problem);
        g_assert_nonnull(strstr(problem, "has not answered for 2 s"));

        g_assert_false(tb_disk_free(disk));
        g_assert_cmpint(main_until_us, ==, g_get_monotonic_time() + TB_LIMIT_DISK_STOP_MS * 1000);
        _exit(0); /* the disk keeps the thread */
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        tb_cond_init(&changed);
        g_test_add_func("/disk/untaken", test_untaken);
        g_test_add_func("/disk/slow", test_slow);
        g_test_add_func("/disk/queue", test_queue);
        g_test_add_func("/disk/waits", test_waits);
        return g_test_run();
}
