/* The console histories' disk when it stands still: who appends is held back, callers are told, the end does not wait. */
#include <dlfcn.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/core/console/history_private.h"
#include "lib/limits.h"
#include "lib/thread.h"
#include "tests/unit/clock.h"
#include "tests/unit/core/histories.h"

static TbMutex lock = TB_MUTEX_INIT;
static TbCond moved;
static bool held, stuck; /* protected */

/* Instead of libc's: the disk, when a thread writes a file. */
ssize_t write(int fd, const void *bytes, size_t size)
{
        struct stat st;
        if (!tb_is_main() && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
                tb_mutex_lock(&lock);
                stuck = held;
                tb_cond_broadcast(&moved);
                while (held)
                        tb_cond_wait_until(&moved, &lock, -1);
                stuck = false;
                tb_mutex_unlock(&lock);
        }
        return syscall(SYS_write, fd, bytes, size);
}

static void set_held(bool on)
{
        tb_mutex_lock(&lock);
        held = on;
        tb_cond_broadcast(&moved);
        tb_mutex_unlock(&lock);
}

static void append(TbHistory *h, gsize size)
{
        g_autofree char *bytes = g_strnfill(size, 'x');
        tb_history_append(h, bytes, size);
}

/* The first byte, at which the writer stands until set_held(false). */
static void get_stuck(TbHistory *h)
{
        set_held(true);
        append(h, 1);
        tb_mutex_lock(&lock);
        while (!stuck)
                tb_cond_wait_until(&moved, &lock, -1);
        tb_mutex_unlock(&lock);
}

static void on_changed(gpointer user)
{
        ++*(guint *)user;
}

static void remove_dir(const char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        for (const char *name; (name = g_dir_read_name(dir));) {
                g_autofree char *file = g_build_filename(path, name, NULL);
                g_remove(file);
        }
        g_assert_cmpint(g_rmdir(path), ==, 0);
}

/* TB_LIMIT_HISTORY_BEHIND bytes wait for the disk; with one more the source is to wait, until half of them are there. */
static void test_behind(void)
{
        g_autofree char *dir = g_dir_make_tmp("tbhistory-XXXXXX", NULL);
        TbHistory *h = histories_open(dir, 0);
        guint told = 0;
        tb_history_on_change(h, on_changed, &told);
        get_stuck(h);
        histories_settle(); /* that it is open was told */
        told = 0;
        append(h, TB_LIMIT_HISTORY_BEHIND - 1);
        g_assert_false(tb_history_behind(h));
        append(h, 1);
        g_assert_true(tb_history_behind(h));
        histories_settle();
        g_assert_cmpuint(told, ==, 0);
        set_held(false);
        while (told == 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_false(tb_history_behind(h));
        g_assert_true(tb_history_flush(h, 60000));
        histories_close(h);
        remove_dir(dir);
}

/* Instead of libc's: until when main was ready to wait. */
static gint64 main_until_us;

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
        static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
        if (tb_is_main())
                main_until_us = (gint64)until->tv_sec * G_USEC_PER_SEC + until->tv_nsec / 1000;
        return real(cond, mutex, until);
}

/* TB_LIMIT_DISK_STOP_MS: what the end waits for a disk that does not answer. In a process of its own, which ends without the
 * thread. */
static void test_stop(void)
{
        if (!g_test_subprocess()) {
                g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
                g_test_trap_assert_passed();
                return;
        }
        g_autofree char *dir = g_dir_make_tmp("tbhistory-XXXXXX", NULL);
        TbHistory *h = histories_open(dir, 0);
        get_stuck(h);
        const gint64 at =
                clock_stop(60 * G_USEC_PER_SEC); /* so far back: what waits by it waits for nothing */
        tb_histories_stop();
        g_assert_cmpint(main_until_us, ==, at + TB_LIMIT_DISK_STOP_MS * 1000);
        remove_dir(dir);
        _exit(0);
}

/* TB_LIMIT_DISK_LATE_MS without an answer: then it is said. */
static void test_late(void)
{
        g_autofree char *dir = g_dir_make_tmp("tbhistory-XXXXXX", NULL);
        TbHistory *h = histories_open(dir, 0);
        clock_stop(0);
        get_stuck(h);
        clock_advance(TB_LIMIT_DISK_LATE_MS * 1000 - 1);
        g_assert_null(tb_histories_problem());
        clock_advance(1);
        g_autofree char *problem = tb_histories_problem();
        g_assert_nonnull(problem);
        g_assert_nonnull(strstr(problem, "has not answered for 2 s"));
        clock_go();
        set_held(false);
        g_assert_true(tb_history_flush(h, 60000));
        g_assert_null(tb_histories_problem());
        histories_close(h);
        remove_dir(dir);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        tb_cond_init(&moved);
        g_test_add_func("/history-disk/behind", test_behind);
        g_test_add_func("/history-disk/late", test_late);
        g_test_add_func("/history-disk/stop", test_stop);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
