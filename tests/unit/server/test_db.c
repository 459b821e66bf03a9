/* The store lane with a real SQLite file: transactions, deadlines, full disks, damaged and newer files. */
#include "server/store/db.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "server/store/hostkeys.h"
#include "server/store/private.h"
#include "server/store/sql.h"
#include "tests/unit/server/db_rig.h"

/* --- what it bounds --- */
/* Wrong numbers of parameters, and SQL that runs for ever: refused, ended; the lane lives. */
static void test_bad_calls(void)
{
        World w;
        Answer a = {0};
        setup(&w, NULL);
        start(&w);
        TbDbCall *few = tb_db_call_new();
        tb_db_statement(few, tb_sql_host_put);
        ask(&w, &a, few);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_INVALID);
        TbDbCall *endless = tb_db_call_reads();
        tb_db_statement(endless,
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) "
                        "FROM n");
        gint64 since_us = g_get_monotonic_time();
        ask(&w, &a, endless);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_TIMEOUT);
        g_assert_cmpint(g_get_monotonic_time() - since_us, >=, TB_LIMIT_DB_CALL_MS * 1000ll); /* not before */
        ask(&w, &a, put("a", "k"));
        g_assert_no_error(a.error);
        answer_clear(&a);
        teardown(&w);
}

/* The queue has an end, in calls and in bytes; what is in it is answered. */
static void test_limits(void)
{
        World w;
        guint there = 0;
        g_autoptr(GError) error = NULL;
        setup(&w, NULL);
        start(&w);
        g_autofree char *big = g_strnfill(TB_LIMIT_DB_QUEUE_BYTES, 'x');
        g_assert_false(tb_db_submit_take(w.db, put("big", big), NULL, NULL, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        big[TB_LIMIT_DB_QUEUE_BYTES - 1024] = '\0'; /* with the rest of the call it just fits */
        Answer a = {0};
        ask(&w, &a, put("big", big));
        g_assert_no_error(a.error);
        /* the lane is held up for as long as this takes, and the queue fills */
        TbDbCall *slow = tb_db_call_reads();
        tb_db_statement(
                slow,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
        Answer s = {0};
        g_assert_true(tb_db_submit_take(w.db, slow, on_answer, &s, NULL));
        while (tb_db_submit_take(w.db, put("a", "k"), NULL, NULL, NULL))
                there++;
        g_assert_cmpuint(there, >=, TB_LIMIT_DB_QUEUE - 1);
        g_assert_cmpuint(there, <=, TB_LIMIT_DB_QUEUE + 1);
        UNTIL(s.there);
        g_assert_error(s.error, TB_ERROR, TB_ERROR_TIMEOUT);
        answer_clear(&s);
        answer_clear(&a);
        UNTIL(tb_db_waiting_ms(w.db) == 0);
        teardown(&w);
}

/* --- files in a bad way --- */
/* One result: to its last byte, and not one more; the next call is answered. */
static void test_result(void)
{
        World w;
        Answer a = {0};
        setup(&w, NULL);
        start(&w);
        for (gint64 more = 0; more <= 1; more++) {
                TbDbCall *blob = tb_db_call_reads();
                tb_db_statement(blob, "SELECT zeroblob($1)");
                tb_db_int(blob, TB_LIMIT_DB_RESULT - (gint64)sizeof(TbDbValue) + more);
                ask(&w, &a, blob);
                if (more)
                        g_assert_error(a.error, TB_ERROR, TB_ERROR_TOO_LARGE);
                else
                        g_assert_no_error(a.error);
                g_assert_cmpuint(a.rows, ==, more ? 0 : 1);
        }
        ask(&w, &a, put("a", "k"));
        g_assert_no_error(a.error);
        answer_clear(&a);
        teardown(&w);
}

static void spoil(World *w, gsize from)
{
        g_autofree char *bytes = NULL;
        gsize size;
        g_assert_true(g_file_get_contents(w->file, &bytes, &size, NULL));
        for (gsize i = from; i < size; i++)
                bytes[i] = (char)(i * 7);
        g_assert_true(g_file_set_contents(w->file, bytes, (gssize)size, NULL));
}

static void test_damaged(void)
{
        static const gsize from[] = {0, 100, 5000};
        for (guint i = 0; i < G_N_ELEMENTS(from); i++) {
                World w;
                Answer a = {0};
                setup(&w, NULL);
                start(&w);
                ask(&w, &a, put("lab-1", "k"));
                stop(&w);
                spoil(&w, from[i]);
                start(&w);
                g_assert_cmpint(tb_db_state(w.db), ==, TB_DB_RUNNING);
                g_assert_nonnull(strstr(tb_db_reason(w.db), "put aside as"));
                g_assert_cmpuint(tb_db_generation(w.db), ==, 1);
                g_assert_cmpuint(files(&w, "damaged-", false), >=, 1);
                g_assert_cmpuint(hosts(&w), ==, 0);
                ask(&w, &a, put("lab-2", "k"));
                g_assert_no_error(a.error);
                answer_clear(&a);
                teardown(&w);
        }
}

static void test_removed_while_running(void)
{
        World w;
        Answer a = {0};
        setup(&w, NULL);
        start(&w);
        ask(&w, &a, put("lab-1", "k"));
        files(&w, "server.db", true);
        for (guint i = 0; tb_db_generation(w.db) == 0; i++) { /* it looks once a second */
                ask(&w, &a, put("lab-2", "k"));
                g_assert_cmpuint(i, <, 10000000);
        }
        ask(&w, &a, put("lab-3", "k"));
        g_assert_no_error(a.error);
        g_assert_true(g_file_test(w.file, G_FILE_TEST_EXISTS));
        answer_clear(&a);
        teardown(&w);
}

static void test_newer(void)
{
        World w;
        Answer a = {0};
        setup(&w, NULL);
        start(&w);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_migrations_add);
        tb_db_int(call, 9999);
        tb_db_text(call, "of-tomorrow");
        tb_db_int(call, 1);
        ask(&w, &a, call);
        g_assert_no_error(a.error);
        stop(&w);
        start(&w);
        g_assert_cmpint(tb_db_state(w.db), ==, TB_DB_REFUSED);
        g_assert_nonnull(strstr(tb_db_reason(w.db), "newer testbed-server (schema 9999"));
        ask(&w, &a, put("a", "k")); /* is answered all the same */
        g_assert_error(a.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_assert_cmpuint(files(&w, "damaged-", false), ==, 0);
        answer_clear(&a);
        teardown(&w);
}

/* A link in the file's place is not followed; what it points to stays as it is. */
static void test_link(void)
{
        World w;
        g_autofree char *text = NULL;
        setup(&w, NULL);
        g_autofree char *other = g_build_filename(w.folder, "precious", NULL);
        g_assert_true(g_file_set_contents(other, "precious", -1, NULL));
        g_assert_cmpint(symlink(other, w.file), ==, 0);
        start(&w);
        g_assert_cmpint(tb_db_state(w.db), ==, TB_DB_FAILING);
        g_assert_true(g_file_get_contents(other, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "precious");
        g_unlink(w.file); /* the next try does */
        UNTIL(tb_db_state(w.db) == TB_DB_RUNNING);
        teardown(&w);
}

/* A disk that is full fails the calls with its reason; with room again everything goes on. Needs a mount of its own: root. */
static void test_full_disk(void)
{
        World w;
        Answer a = {0};
        setup(&w, NULL);
        if (mount("tb-db", w.folder, "tmpfs", 0, "size=2m") < 0) {
                g_test_skip("a small tmpfs needs the right to mount");
                teardown(&w);
                return;
        }
        start(&w);
        g_autofree char *filler = g_build_filename(w.folder, "filler", NULL), *much = g_strnfill(60000, 'x');
        for (guint i = 0; i < 100; i++) {
                char name[16];
                g_snprintf(name, sizeof name, "lab-%u", i);
                ask(&w, &a, put(name, much));
                if (a.error)
                        break;
        }
        g_assert_error(a.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_assert_cmpint(tb_db_state(w.db), ==, TB_DB_FAILING);
        g_assert_cmpstr(tb_db_reason(w.db), !=, "");
        guint before = hosts(&w);
        g_assert_cmpuint(before, >, 0);
        g_assert_cmpint(mount("tb-db", w.folder, "tmpfs", MS_REMOUNT, "size=12m"), ==, 0);
        ask(&w, &a, put("after", "k"));
        g_assert_no_error(a.error);
        UNTIL(tb_db_state(w.db) == TB_DB_RUNNING);
        g_assert_cmpuint(hosts(&w), ==, before + 1);
        answer_clear(&a);
        stop(&w);
        g_assert_cmpint(umount2(w.folder, MNT_DETACH), ==, 0);
        teardown(&w);
}

/* --- a disk that does not answer --- */
static TbMutex gate;
static TbCond gate_moved;
static bool gate_shut; /* protected by gate */
static guint begun;    /* transactions; protected by gate */

static TbDbFault stalled_run(gpointer connection, const TbDbStatement *statement, gint64 until_us,
                             TbDbResult *result, GError **error)
{
        tb_mutex_lock(&gate);
        begun += strcmp(statement->sql, tb_db_sqlite.begin) == 0;
        while (gate_shut)
                tb_cond_wait_until(&gate_moved, &gate, -1);
        tb_mutex_unlock(&gate);
        return tb_db_sqlite.run(connection, statement, until_us, result, error);
}

static void set_gate(bool shut)
{
        tb_mutex_lock(&gate);
        gate_shut = shut;
        tb_cond_broadcast(&gate_moved);
        tb_mutex_unlock(&gate);
}

static gboolean count_turn(gpointer turns)
{
        ++*(guint *)turns;
        return G_SOURCE_CONTINUE;
}

/* The loop goes on, waiting is told; what waited is answered when the disk does. */
static void test_stall(void)
{
        World w;
        Answer a = {0};
        TbDbEngine engine = tb_db_sqlite;
        guint turns = 0, turning = g_timeout_add(1, count_turn, &turns);
        engine.run = stalled_run;
        setup(&w, NULL);
        w.db = tb_db_new(&engine, w.file, on_changed, &w);
        UNTIL(tb_db_state(w.db) == TB_DB_RUNNING);
        set_gate(true);
        g_assert_true(tb_db_submit_take(w.db, put("lab-1", "k"), on_answer, &a, NULL));
        UNTIL(tb_db_waiting_ms(w.db) > 200);
        g_assert_false(a.there);
        g_assert_cmpuint(turns, >, 10);
        set_gate(false);
        UNTIL(a.there);
        g_assert_no_error(a.error);
        g_assert_cmpint(tb_db_waiting_ms(w.db), ==, 0);
        /* the end does not wait for it for longer than it was told */
        set_gate(true);
        answer_clear(&a);
        g_assert_true(tb_db_submit_take(w.db, put("lab-2", "k"), on_answer, &a, NULL));
        gint64 since_us = g_get_monotonic_time();
        TbDb *given_up = g_steal_pointer(&w.db);
        tb_db_free(given_up, 100);
        g_assert_cmpint(g_get_monotonic_time() - since_us, >=, 100000);
        g_assert_false(a.there);
        set_gate(false);
        /* it still writes what it was given, and ends */
        w.db = tb_db_new(&tb_db_sqlite, w.file, NULL, NULL);
        UNTIL(tb_db_state(w.db) == TB_DB_RUNNING);
        UNTIL(hosts(&w) == 2);
        g_assert_false(a.there);
        g_source_remove(turning);
        teardown(&w);
}

static guint transactions(bool forget)
{
        tb_mutex_lock(&gate);
        guint n = begun;
        if (forget)
                begun = 0;
        tb_mutex_unlock(&gate);
        return n;
}

/* Calls that wait together are one transaction, TB_LIMIT_DB_TRANSACTION of them; one more begins the next. */
static void test_transactions(void)
{
        static const guint beyond[] = {0, 1};
        for (guint i = 0; i < G_N_ELEMENTS(beyond); i++) {
                World w;
                Answer first = {0}, last[TB_LIMIT_DB_TRANSACTION + 1] = {0};
                const guint n = TB_LIMIT_DB_TRANSACTION + beyond[i];
                TbDbEngine engine = tb_db_sqlite;
                guint turns = 0, turning = g_timeout_add(5, count_turn, &turns);
                engine.run = stalled_run;
                setup(&w, NULL);
                w.db = tb_db_new(&engine, w.file, on_changed, &w);
                UNTIL(tb_db_state(w.db) == TB_DB_RUNNING);
                transactions(true);
                set_gate(true);
                g_assert_true(tb_db_submit_take(w.db, put("lab-1", "k"), on_answer, &first, NULL));
                UNTIL(transactions(false) == 1); /* it has begun: the others wait together */
                for (guint k = 0; k < n; k++)
                        g_assert_true(tb_db_submit_take(w.db, put("lab-2", "k"), on_answer, &last[k], NULL));
                set_gate(false);
                for (guint k = 0; k < n; k++) {
                        UNTIL(last[k].there);
                        g_assert_no_error(last[k].error);
                }
                g_assert_cmpuint(transactions(false), ==, 2 + beyond[i]);
                g_source_remove(turning);
                teardown(&w);
        }
}

/* SQLite's pauses while somebody else has the lock: they are counted and take no time. */
static gint64 paused_us;  /* protected by gate */
static gint64 release_us; /* protected by gate: after so long the other one gives it back; < 0: never */
static sqlite3 *other;    /* protected by gate */

static int on_pause(sqlite3_vfs *vfs G_GNUC_UNUSED, int us)
{
        tb_mutex_lock(&gate);
        paused_us += us;
        if (release_us >= 0 && paused_us >= release_us)
                g_assert_cmpint(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), ==, SQLITE_OK);
        tb_mutex_unlock(&gate);
        return us;
}

/* TB_LIMIT_DB_BUSY_MS: a lock that is given back by then has cost nothing but time; after it the call has failed. */
static void test_busy(void)
{
        sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
        int (*before)(sqlite3_vfs *, int) = vfs->xSleep;
        for (guint beyond = 0; beyond <= 1; beyond++) {
                World w;
                Answer a = {0};
                setup(&w, NULL);
                start(&w);
                ask(&w, &a, put("lab-1", "k"));
                tb_mutex_lock(&gate);
                g_assert_cmpint(sqlite3_open(w.file, &other), ==, SQLITE_OK);
                g_assert_cmpint(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
                vfs->xSleep = on_pause;
                paused_us = 0;
                release_us = beyond ? -1 : TB_LIMIT_DB_BUSY_MS * 1000;
                tb_mutex_unlock(&gate);
                ask(&w, &a, put("lab-2", "k"));
                tb_mutex_lock(&gate);
                g_assert_cmpint(paused_us, ==, TB_LIMIT_DB_BUSY_MS * 1000);
                if (beyond)
                        g_assert_cmpint(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), ==, SQLITE_OK);
                sqlite3_close(other);
                vfs->xSleep = before;
                tb_mutex_unlock(&gate);
                if (beyond)
                        g_assert_error(a.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
                else
                        g_assert_no_error(a.error);
                answer_clear(&a);
                teardown(&w);
        }
}

/* --- host keys --- */
static void test_host_keys(void)
{
        TbHostKeys *keys = tb_host_keys_new();
        tb_host_keys_put(keys, "lab", "one", "K1", NULL, 100);
        tb_host_keys_put(keys, "lab", "two", "K2", NULL, 200);
        tb_host_keys_put(keys, "lab", "one", "K1", NULL, 150);
        g_assert_cmpstr(tb_host_keys_find(keys, "lab", NULL)->key, ==, "K2");
        g_assert_cmpint(tb_host_keys_find(keys, "lab", "one")->first_ms, ==, 100);
        g_assert_null(tb_host_keys_find(keys, "lab", "three"));
        g_assert_true(tb_host_keys_forget(keys, "lab", "two"));
        g_assert_false(tb_host_keys_forget(keys, "lab", "two"));
        TbDbCall *call = tb_db_call_new();
        g_autoptr(GPtrArray) written = tb_host_keys_write(keys, call, 10);
        g_assert_cmpuint(written->len, ==, 2);
        g_assert_null(tb_host_keys_write(keys, call, 10)); /* nothing has changed since */
        tb_host_keys_again(keys, written);
        g_autoptr(GPtrArray) again = tb_host_keys_write(keys, call, 10);
        g_assert_cmpuint(again->len, ==, 2);
        tb_db_call_free(call);
        tb_host_keys_free(keys);
}

#define DAY_MS ((gint64)24 * 3600 * 1000)

static bool newcomer(TbHostKeys *keys, guint i, const char *net, gint64 now_ms)
{
        char name[16];
        g_snprintf(name, sizeof name, "h%u", i);
        return tb_host_keys_put(keys, name, "i", "k", net, now_ms);
}

/* TB_LIMIT_HOST_KEYS: who is known is pushed out by no newcomer, unless he is away for long. */
static void test_host_keys_full(void)
{
        TbHostKeys *keys = tb_host_keys_new();
        const gint64 now = 400 * DAY_MS, brief = now - 1;
        tb_host_keys_put(keys, "there", "i", "K1", NULL, 1);
        tb_host_keys_present(keys, "there", "i", true, 2); /* and connected since */
        tb_host_keys_put(keys, "away", "i", "K2", NULL, now - 100 * DAY_MS);
        tb_host_keys_present(keys, "away", "i", false, now - TB_LIMIT_HOST_KEY_DAYS * DAY_MS + 1);
        for (guint i = 2; i < TB_LIMIT_HOST_KEYS; i++)
                g_assert_true(newcomer(keys, i, NULL, brief));
        g_assert_false(newcomer(keys, TB_LIMIT_HOST_KEYS, NULL, now)); /* limit + 1 */
        g_assert_true(newcomer(keys, 2, NULL, now));                   /* known already */
        g_assert_nonnull(tb_host_keys_find(keys, "away", NULL));
        g_assert_true(newcomer(keys, TB_LIMIT_HOST_KEYS, NULL, now + 1)); /* its days are over */
        g_assert_null(tb_host_keys_find(keys, "away", NULL));
        g_assert_false(newcomer(keys, TB_LIMIT_HOST_KEYS + 1, NULL, brief + DAY_MS - 1));
        g_assert_true(newcomer(keys, TB_LIMIT_HOST_KEYS + 1, NULL, brief + DAY_MS)); /* who only looked in */
        g_assert_nonnull(tb_host_keys_find(keys, "there", NULL));
        g_assert_cmpuint(tb_host_keys_size(keys), ==, TB_LIMIT_HOST_KEYS);
        tb_host_keys_free(keys);
}

/* TB_LIMIT_HOST_KEY_BRIEF_S: who was here for so long keeps his place for weeks; for a moment less, for a day. */
static void test_host_keys_brief(void)
{
        for (gint64 less = 0; less <= 1; less++) {
                TbHostKeys *keys = tb_host_keys_new();
                const gint64 gone = TB_LIMIT_HOST_KEY_BRIEF_S * 1000 - less, now = gone + 2 * DAY_MS;
                tb_host_keys_put(keys, "was-here", "i", "K", NULL, 0);
                tb_host_keys_present(keys, "was-here", "i", false, gone);
                for (guint i = 1; i < TB_LIMIT_HOST_KEYS; i++)
                        g_assert_true(newcomer(keys, i, NULL, now));
                g_assert_cmpint(newcomer(keys, TB_LIMIT_HOST_KEYS, NULL, now), ==, less);
                g_assert_cmpint(tb_host_keys_find(keys, "was-here", NULL) == NULL, ==, less);
                tb_host_keys_free(keys);
        }
}

/* A few networks fill the table: the largest makes room for a newcomer of another, by the youngest that was here briefly. */
static void test_host_keys_largest(void)
{
        TbHostKeys *keys = tb_host_keys_new();
        const guint each = TB_LIMIT_HOST_KEYS_EACH, nets = TB_LIMIT_HOST_KEYS / TB_LIMIT_HOST_KEYS_EACH;
        for (guint i = 0; i < TB_LIMIT_HOST_KEYS; i++) {
                g_autofree char *net = g_strdup_printf("192.0.2.%u", i / each % nets);
                g_assert_true(newcomer(keys, i, net, DAY_MS + i));
        }
        g_assert_true(tb_host_keys_put(keys, "lab", "i", "K", "198.51.100.1", DAY_MS + 5000));
        g_assert_null(tb_host_keys_find(keys, "h1023", NULL));
        g_assert_nonnull(tb_host_keys_find(keys, "h1022", NULL));
        g_assert_true(tb_host_keys_put(keys, "lab2", "i", "K", "198.51.100.1", DAY_MS + 5001));
        g_assert_false(newcomer(keys, 5000, "192.0.2.0",
                                DAY_MS + 5002)); /* nobody makes room for one of the largest */
        g_assert_nonnull(tb_host_keys_find(keys, "lab", NULL));
        tb_host_keys_free(keys);
}

/* TB_LIMIT_HOST_KEYS_EACH: a network makes room among its own. */
static void test_host_keys_share(void)
{
        TbHostKeys *keys = tb_host_keys_new();
        g_assert_true(tb_host_keys_put(keys, "old", "i", "K", "192.0.2.1", 0));
        for (guint i = 0; i < TB_LIMIT_HOST_KEYS_EACH; i++)
                g_assert_true(newcomer(keys, i, "192.0.2.9", DAY_MS));
        g_assert_false(newcomer(keys, TB_LIMIT_HOST_KEYS_EACH, "192.0.2.9", DAY_MS)); /* limit + 1 */
        g_assert_true(newcomer(keys, TB_LIMIT_HOST_KEYS_EACH, "192.0.2.1", DAY_MS));
        g_assert_true(newcomer(keys, 9999, "192.0.2.9", 3 * DAY_MS));
        g_assert_nonnull(tb_host_keys_find(keys, "old", NULL)); /* of another network */
        g_assert_cmpuint(tb_host_keys_size(keys), ==, TB_LIMIT_HOST_KEYS_EACH + 2);
        tb_host_keys_free(keys);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(TB_LOG_ERROR, false);
        tb_mutex_init(&gate);
        tb_cond_init(&gate_moved);
        g_test_add_func("/db/bad-calls", test_bad_calls);
        g_test_add_func("/db/limits", test_limits);
        g_test_add_func("/db/result", test_result);
        g_test_add_func("/db/transactions", test_transactions);
        g_test_add_func("/db/damaged", test_damaged);
        g_test_add_func("/db/removed-while-running", test_removed_while_running);
        g_test_add_func("/db/newer", test_newer);
        g_test_add_func("/db/link", test_link);
        g_test_add_func("/db/full-disk", test_full_disk);
        g_test_add_func("/db/stall", test_stall);
        g_test_add_func("/db/busy", test_busy);
        g_test_add_func("/db/host-keys", test_host_keys);
        g_test_add_func("/db/host-keys-full", test_host_keys_full);
        g_test_add_func("/db/host-keys-brief", test_host_keys_brief);
        g_test_add_func("/db/host-keys-share", test_host_keys_share);
        g_test_add_func("/db/host-keys-largest", test_host_keys_largest);
        return g_test_run();
}
