/* What a 201 waits for: sessions on the disk, by a database that another program keeps from writing. */
#include "server/pairing/persist.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "server/pairing/pairing_private.h"
#include "tests/unit/clock.h"

static TbMutex lock = TB_MUTEX_INIT;
static TbCond moved;
static bool held, stuck; /* protected */

/* SQLite's pause between two looks at a lock of somebody else: it lasts as long as the test says. */
static int on_pause(sqlite3_vfs *vfs G_GNUC_UNUSED, int us)
{
        tb_mutex_lock(&lock);
        stuck = true;
        tb_cond_broadcast(&moved);
        while (held)
                tb_cond_wait_until(&moved, &lock, -1);
        tb_mutex_unlock(&lock);
        return us;
}

static void on_written(bool written, gpointer data)
{
        g_assert_cmpint(*(int *)data, ==, -1);
        *(int *)data = written;
}

static void on_session(TbSession *session, TbSessionChange change, gpointer data)
{
        tb_persist_changed(data, session, change);
}

static void turn(void)
{
        for (guint i = 0; i < 100; i++)
                g_main_context_iteration(NULL, FALSE);
}

static const TbPartyOps ops;
static const TbIceConfig no_ice;

static void create(TbPairing *pairing)
{
        const TbSessionAsk ask = {.mode = TB_MODE_VIEW, .observers = 1, .share = "net", .wide = "wide"};
        g_autoptr(GError) error = NULL;
        g_autofree char *token = NULL, *view = NULL;
        tb_pairing_create(pairing, &ask, 1000, &token, &view, &error);
        g_assert_no_error(error);
}

/* TB_LIMIT_PERSIST_WAIT_MS: so long an answer waits for the disk, not a moment less; and who comes then does not wait at all. */
static void test_wait(void)
{
        g_autofree char *dir = g_dir_make_tmp("tbpersist-XXXXXX", NULL),
                        *file = g_build_filename(dir, "server.db", NULL);
        g_autoptr(GError) error = NULL;
        TbPersist *p = tb_persist_new(dir, NULL, &error);
        g_assert_no_error(error);
        TbAuth *hosts = tb_auth_new();
        TbPairing *pairing = tb_pairing_new(&(TbPairingOptions){
                .ops = &ops, .ice = &no_ice, .hosts = hosts, .session_changed = on_session, .data = p});
        g_assert_true(tb_persist_load(p, pairing, &error));
        g_assert_no_error(error);

        sqlite3 *other = NULL;
        g_assert_cmpint(sqlite3_open(file, &other), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
        sqlite3_vfs_find(NULL)->xSleep = on_pause;
        held = true;
        clock_stop(60 * G_USEC_PER_SEC); /* so far back: what waits by it waits for nothing */
        create(pairing);
        tb_mutex_lock(&lock);
        while (!stuck)
                tb_cond_wait_until(&moved, &lock, -1);
        tb_mutex_unlock(&lock);

        int first = -1, second = -1, later = -1;
        tb_persist_when_written(p, on_written, &first);
        clock_advance(TB_LIMIT_PERSIST_WAIT_MS * 1000 - 1);
        turn();
        g_assert_cmpint(first, ==, -1);
        create(pairing);
        tb_persist_when_written(p, on_written, &second); /* for another one: it has its own time */
        clock_advance(1);
        turn();
        g_assert_cmpint(first, ==, 0);
        clock_advance(TB_LIMIT_PERSIST_WAIT_MS * 1000 - 2);
        turn();
        g_assert_cmpint(second, ==, -1);
        clock_advance(1);
        turn();
        g_assert_cmpint(second, ==, 0);
        tb_persist_when_written(p, on_written, &later);
        g_assert_cmpint(later, ==, 0);

        clock_go();
        g_assert_cmpint(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), ==, SQLITE_OK);
        sqlite3_close(other);
        tb_mutex_lock(&lock);
        held = false;
        tb_cond_broadcast(&moved);
        tb_mutex_unlock(&lock);
        tb_persist_free(p, 20000);
        tb_pairing_free(pairing);
        tb_auth_unref(hosts);
        g_autoptr(GDir) files = g_dir_open(dir, 0, NULL);
        for (const char *name; (name = g_dir_read_name(files));) {
                g_autofree char *path = g_build_filename(dir, name, NULL);
                g_remove(path);
        }
        g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(TB_LOG_ERROR, false);
        tb_main_init(NULL);
        tb_cond_init(&moved);
        g_test_add_func("/persist/wait", test_wait);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
