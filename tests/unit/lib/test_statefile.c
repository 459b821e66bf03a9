/* State files: replaced as a whole or not at all, never through a link, never over what was not understood. */
#include "lib/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"

typedef struct Room {
        char *path;
        TbStateDir *dir;
} Room;

static void room_open(Room *r)
{
        g_autoptr(GError) error = NULL;
        r->dir = tb_state_dir_open(r->path, "host", true, &error);
        g_assert_no_error(error);
}

static void room_init(Room *r)
{
        r->path = g_dir_make_tmp("tbstate-XXXXXX", NULL);
        room_open(r);
}

static char *in(const Room *r, const char *name)
{
        return g_build_filename(r->path, name, NULL);
}

static guint count(const Room *r, const char *part)
{
        g_autoptr(GDir) d = g_dir_open(r->path, 0, NULL);
        guint n = 0;
        for (const char *name; (name = g_dir_read_name(d));)
                n += strstr(name, part) != NULL;
        return n;
}

static void put(const Room *r, const char *name, const char *text, gssize size)
{
        g_autofree char *path = in(r, name);
        g_assert_true(g_file_set_contents(path, text, size, NULL));
}

static void room_clear(Room *r)
{
        tb_state_dir_close(r->dir);
        g_autoptr(GDir) d = g_dir_open(r->path, 0, NULL);
        for (const char *name; (name = g_dir_read_name(d));) {
                g_autofree char *path = in(r, name);
                g_remove(path);
        }
        g_assert_cmpint(g_rmdir(r->path), ==, 0);
        g_free(r->path);
}

static guint mode_of(const char *path)
{
        struct stat st;
        g_assert_cmpint(lstat(path, &st), ==, 0);
        return st.st_mode & 0777;
}

static gint64 wall_us; /* 0: the system's clock */

/* Instead of GLib's: so that a millisecond may last. */
gint64 g_get_real_time(void)
{
        struct timespec t;
        if (wall_us)
                return wall_us;
        clock_gettime(CLOCK_REALTIME, &t);
        return (gint64)t.tv_sec * G_USEC_PER_SEC + t.tv_nsec / 1000;
}

/* TB_LIMIT_STATE_KEPT files of one name are kept aside within a millisecond; one more stays where it is, and is not written
 * over either. */
static void test_kept_at_once(void)
{
        Room r;
        room_init(&r);
        wall_us = 1700000000ll * G_USEC_PER_SEC;
        for (guint i = 0; i < TB_LIMIT_STATE_KEPT; i++) {
                g_autoptr(GError) error = NULL;
                put(&r, "a.json", "odd", -1);
                g_assert_true(tb_state_keep_aside(r.dir, "a.json", NULL, &error));
                g_assert_no_error(error);
        }
        g_autoptr(GError) error = NULL;
        put(&r, "a.json", "one more", -1);
        g_assert_false(tb_state_keep_aside(r.dir, "a.json", NULL, &error));
        g_assert_nonnull(strstr(error->message, "cannot be kept aside"));
        g_assert_false(tb_state_write(r.dir, "a.json", "{}", 2, NULL));
        g_assert_cmpuint(count(&r, "a.json"), ==, TB_LIMIT_STATE_KEPT + 1);
        g_autofree char *path = in(&r, "a.json"), *text = NULL;
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "one more");
        wall_us = 0;
        room_clear(&r);
}

static void test_modes(void)
{
        g_autofree char *top = g_dir_make_tmp("tbstate-XXXXXX", NULL),
                        *path = g_build_filename(top, "state", NULL);
        mode_t before = umask(0);
        Room r = {path, NULL};
        room_open(&r);
        g_assert_true(tb_state_write(r.dir, "a.json", "{}", 2, NULL));
        int fd = tb_state_append(r.dir, "log", NULL);
        g_assert_cmpint(fd, >=, 0);
        close(fd);
        g_assert_true(tb_state_make_folder(r.dir, "x/y", NULL));
        g_autofree char *a = in(&r, "a.json"), *log = in(&r, "log"), *x = in(&r, "x"), *y = in(&r, "x/y"),
                        *lock = in(&r, "host.lock");
        g_assert_cmphex(mode_of(path), ==, 0700);
        g_assert_cmphex(mode_of(a), ==, 0600);
        g_assert_cmphex(mode_of(log), ==, 0600);
        g_assert_cmphex(mode_of(lock), ==, 0600);
        g_assert_cmphex(mode_of(x), ==, 0700);
        g_assert_cmphex(mode_of(y), ==, 0700);
        /* a folder that we used before is closed again; one that is not ours stays as it is */
        tb_state_dir_close(r.dir);
        g_chmod(path, 0755);
        room_open(&r);
        g_assert_cmphex(mode_of(path), ==, 0700);
        g_chmod(top, 0755);
        TbStateDir *other = tb_state_dir_open(top, "host", true, NULL);
        g_assert_cmphex(mode_of(top), ==, 0755);
        tb_state_dir_close(other);
        umask(before);
        g_rmdir(y);
        r.path = g_steal_pointer(&path);
        room_clear(&r);
        g_autofree char *top_lock = g_build_filename(top, "host.lock", NULL);
        g_remove(top_lock);
        g_assert_cmpint(g_rmdir(top), ==, 0);
}

static void test_links(void)
{
        Room r;
        room_init(&r);
        g_autofree char *victim = in(&r, "victim"), *link = in(&r, "f.json"), *folder = in(&r, "history"),
                        *now = NULL;
        put(&r, "victim", "precious", -1);
        g_assert_cmpint(symlink(victim, link), ==, 0);
        g_assert_cmpint(symlink("/tmp", folder), ==, 0);
        gsize n;
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_state_read(r.dir, "f.json", &n, &error));
        g_assert_nonnull(strstr(error->message, "symbolic link"));
        g_assert_cmpint(tb_state_append(r.dir, "f.json", NULL), ==, -1);
        g_assert_false(tb_state_make_folder(r.dir, "history/board", NULL));
        g_assert_false(tb_state_make_folder(r.dir, "../x", NULL));
        g_assert_true(tb_state_write(r.dir, "f.json", "mine", 4, NULL)); /* replaces the link */
        g_assert_true(g_file_get_contents(victim, &now, NULL, NULL));
        g_assert_cmpstr(now, ==, "precious");
        /* what stands where the new text is written */
        g_autofree char *tmp = in(&r, ".g.json.tmp");
        g_assert_cmpint(symlink(victim, tmp), ==, 0);
        g_assert_true(tb_state_write(r.dir, "g.json", "mine", 4, NULL));
        g_free(now);
        g_assert_true(g_file_get_contents(victim, &now, NULL, NULL));
        g_assert_cmpstr(now, ==, "precious");
        tb_state_dir_close(r.dir); /* a lock that is a link */
        g_autofree char *lock = in(&r, "host.lock");
        g_remove(lock);
        g_assert_cmpint(symlink(victim, lock), ==, 0);
        g_clear_error(&error);
        g_assert_null(tb_state_dir_open(r.path, "host", true, &error));
        g_assert_nonnull(strstr(error->message, "symbolic link"));
        r.dir = NULL;
        room_clear(&r);
}

static void test_lock(void)
{
        Room r;
        room_init(&r);
        g_autoptr(GError) error = NULL;
        g_autofree char *pid = g_strdup_printf("pid %d", (int)getpid()), *lock = in(&r, "host.lock"),
                        *link = g_strconcat(r.path, "-l", NULL);
        g_assert_null(tb_state_dir_open(r.path, "host", true, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_BUSY);
        g_assert_nonnull(strstr(error->message, pid));
        g_assert_cmpint(symlink(r.path, link), ==, 0);
        g_assert_null(tb_state_dir_open(link, "host", true, NULL));
        g_remove(link);
        g_remove(lock); /* removing the file lets nobody in */
        g_clear_error(&error);
        g_assert_null(tb_state_dir_open(r.path, "host", true, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_BUSY);
        tb_state_dir_close(r.dir);
        room_open(&r);
        room_clear(&r);
}

static void test_leftovers(void)
{
        Room r;
        room_init(&r);
        put(&r, ".devices.json.tmp", "half", -1);
        put(&r, "devices.json.AB12CD", "half", -1); /* as g_file_set_contents() writes */
        put(&r, "devices.json", "{}", -1);
        put(&r, "devices.json.2026-11-29T04-40-00.000Z.kept", "old", -1);
        put(&r, "devices.json.backup", "a user's own", -1);
        tb_state_dir_close(r.dir);
        room_open(&r);
        g_assert_cmpuint(count(&r, "tmp"), ==, 0);
        g_assert_cmpuint(count(&r, "AB12CD"), ==, 0);
        g_assert_cmpuint(count(&r, "devices.json"), ==, 3);
        g_assert_cmpuint(count(&r, "backup"), ==, 1);
        room_clear(&r);
}

static void test_not_understood(void)
{
        static const struct {
                const char *text;
                gssize size;
        } bad[] = {{"", 0},
                   {"{\"a\": 1", -1},
                   {"[]", -1},
                   {"null", -1},
                   {"\xff\xfe\0\0", 4},
                   {"{\"a\":1,\"a\":2}", -1},
                   {"{\"a\":\"\\u0000\"}", -1}};
        Room r;
        room_init(&r);
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_state_load(r.dir, "d.json", JSON_OBJECT, &error));
        g_assert_no_error(error); /* none is no error */
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                put(&r, "d.json", bad[i].text, bad[i].size);
                g_assert_null(tb_state_load(r.dir, "d.json", JSON_OBJECT, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INTERNAL);
                g_assert_nonnull(strstr(error->message, ".kept"));
                g_clear_error(&error);
                g_assert_cmpuint(count(&r, ".kept"), ==, i + 1);
                g_assert_true(tb_state_write(r.dir, "d.json", "{}", 2, NULL));
        }
        g_autofree char *deep = g_strnfill(100000, '['), *path = in(&r, "d.json");
        put(&r, "d.json", deep, -1);
        g_assert_null(tb_state_load(r.dir, "d.json", JSON_ARRAY, NULL));
        g_assert_cmpuint(count(&r, ".kept"), ==, G_N_ELEMENTS(bad) + 1);
        g_assert_cmpint(g_mkdir(path, 0700), ==, 0); /* a folder of that name */
        g_assert_null(tb_state_load(r.dir, "d.json", JSON_OBJECT, &error));
        g_assert_nonnull(error);
        g_assert_cmpuint(count(&r, ".kept"), ==, G_N_ELEMENTS(bad) + 2);
        g_assert_cmpint(mkfifo(path, 0600), ==, 0); /* waits for nobody */
        g_assert_null(tb_state_load(r.dir, "d.json", JSON_OBJECT, NULL));
        g_assert_cmpuint(count(&r, ".kept"), ==, G_N_ELEMENTS(bad) + 3);
        room_clear(&r);
}

static void test_limit(void)
{
        Room r;
        room_init(&r);
        g_autofree char *text = g_strnfill(TB_LIMIT_STATE_FILE + 1, 'x');
        g_autoptr(GError) error = NULL;
        gsize n;
        g_assert_true(tb_state_write(r.dir, "big", text, TB_LIMIT_STATE_FILE, &error));
        g_autofree char *back = tb_state_read(r.dir, "big", &n, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(n, ==, TB_LIMIT_STATE_FILE);
        g_assert_false(tb_state_write(r.dir, "big", text, TB_LIMIT_STATE_FILE + 1, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
        g_clear_error(&error);
        put(&r, "big", text, TB_LIMIT_STATE_FILE + 1);
        g_assert_null(tb_state_read(r.dir, "big", &n, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
        room_clear(&r);
}

/* A daemon killed at any moment of a save: the old text or the new one, and nothing beside it afterwards. */
static void test_killed(void)
{
        Room r;
        room_init(&r);
        tb_state_dir_close(g_steal_pointer(&r.dir));
        for (guint round = 0; round < 40; round++) {
                int pipes[2];
                char c;
                g_assert_cmpint(pipe(pipes), ==, 0);
                pid_t pid = fork();
                if (pid == 0) {
                        TbStateDir *dir = tb_state_dir_open(r.path, "host", true, NULL);
                        for (guint i = 0; dir; i++) {
                                g_autofree char *fill = g_strnfill(1000 + i * 977 % 50000, 'y');
                                json_t *o = json_pack("{s:i, s:s}", "i", (int)i, "fill", fill);
                                if (!tb_state_save(dir, "s.json", o, NULL) || write(pipes[1], "s", 1) != 1)
                                        break;
                                json_decref(o);
                        }
                        _exit(1);
                }
                close(pipes[1]);
                for (guint i = 0; i <= round % 7; i++)
                        g_assert_cmpint(read(pipes[0], &c, 1), ==, 1);
                kill(pid, SIGKILL);
                g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
                close(pipes[0]);
                room_open(&r);
                g_autoptr(GError) error = NULL;
                json_auto_t *o = tb_state_load(r.dir, "s.json", JSON_OBJECT, &error);
                g_assert_no_error(error);
                g_assert_nonnull(o);
                g_assert_cmpuint(count(&r, ".tmp"), ==, 0);
                tb_state_dir_close(g_steal_pointer(&r.dir));
        }
        room_clear(&r);
}

static void test_full(void)
{
        Room r;
        room_init(&r);
        g_assert_true(tb_state_write(r.dir, "s.json", "old", 3, NULL));
        signal(SIGXFSZ, SIG_IGN);
        g_autoptr(GError) error = NULL;
        pid_t pid = fork(); /* a limit of the process stands for a full disk */
        if (pid == 0) {
                g_autofree char *text = g_strnfill(8192, 'n');
                const struct rlimit few = {4096, 4096};
                _exit(setrlimit(RLIMIT_FSIZE, &few) == 0 &&
                                      !tb_state_write(r.dir, "s.json", text, 8192, &error) && error
                              ? 0
                              : 1);
        }
        int status = -1;
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        gsize n;
        g_autofree char *now = tb_state_read(r.dir, "s.json", &n, NULL);
        g_assert_cmpstr(now, ==, "old");
        g_assert_cmpuint(count(&r, ".tmp"), ==, 0);
        room_clear(&r);
}

static void test_clock(void)
{
        gint64 a = tb_clock_mono_ms();
        g_assert_cmpint(a, >, 0);
        g_assert_cmpint(tb_clock_mono_ms(), >=, a);
        g_assert_cmpint(tb_clock_ms(), >, G_GINT64_CONSTANT(1600000000000));
        gint64 then = tb_clock_wall_of(a);
        g_assert_cmpint(ABS(then - tb_clock_ms()), <, 60000);
        for (guint i = 0; i < 20000; i++)
                g_assert_cmpint(tb_clock_wall_of(a), ==, then); /* people see one instant once */
        static const struct {
                gint64 ms;
                const char *text;
        } times[] = {{0, "1970-01-01T00:00:00.000Z"},      {1, "1970-01-01T00:00:00.001Z"},
                     {-1, "1969-12-31T23:59:59.999Z"},     {-1000, "1969-12-31T23:59:59.000Z"},
                     {-38512, "1969-12-31T23:59:21.488Z"}, {1700000000123, "2023-11-14T22:13:20.123Z"}};
        for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
                g_autofree char *text = tb_clock_rfc3339(times[i].ms);
                g_assert_cmpstr(text, ==, times[i].text);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/state/kept-at-once", test_kept_at_once);
        g_test_add_func("/statefile/modes", test_modes);
        g_test_add_func("/statefile/links", test_links);
        g_test_add_func("/statefile/lock", test_lock);
        g_test_add_func("/statefile/leftovers", test_leftovers);
        g_test_add_func("/statefile/not-understood", test_not_understood);
        g_test_add_func("/statefile/limit", test_limit);
        g_test_add_func("/statefile/killed", test_killed);
        g_test_add_func("/statefile/full", test_full);
        g_test_add_func("/clock", test_clock);
        return g_test_run();
}
