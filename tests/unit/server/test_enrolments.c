/* Tokens of hosts that admins made: whose they become, how long they wait, how many there are, and what is kept of them. */
#include "server/store/enrolments.h"

#include <glib/gstdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "server/pairing/persist.h"

#define HOUR_MS ((gint64)3600 * 1000)

static void on_change(gpointer data)
{
        ++*(guint *)data;
}

static const char *id_of(TbEnrolments *all, const char *token)
{
        const TbEnrolment *e = tb_enrolments_find(all, token);
        return e ? e->id : NULL;
}

static void assert_refused(const TbEnrolment *e, const char *name, const char *key, gint64 now_ms,
                           const char *words)
{
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_enrolment_admits(e, name, key, now_ms, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAUTHORIZED);
        g_assert_nonnull(strstr(error->message, words));
}

static void test_life(void)
{
        guint changes = 0;
        TbEnrolments *all = tb_enrolments_new(on_change, &changes);
        g_autofree char *any = NULL, *named = NULL;
        const TbEnrolment *a = tb_enrolments_add(all, NULL, HOUR_MS, 1000, &any, NULL),
                          *b = tb_enrolments_add(all, "lab-2", HOUR_MS, 2000, &named, NULL);
        g_assert_cmpuint(changes, ==, 2);
        g_assert_true(g_str_has_prefix(any, TB_ENROLMENT_PREFIX) && strlen(any) > 40);
        g_assert_true(tb_enrolments_find(all, any) == a && tb_enrolments_find(all, named) == b);
        g_assert_null(tb_enrolments_find(all, "enrol-"));

        g_assert_true(tb_enrolment_admits(a, "lab-1", "K1", 1000 + HOUR_MS - 1, NULL));
        assert_refused(a, "lab-1", "K1", 1000 + HOUR_MS, "time of this token is over");
        assert_refused(a, "lab-1", NULL, 2000, "update testbed-host");
        assert_refused(b, "lab-1", "K1", 2000, "for the host \"lab-2\" alone");

        tb_enrolments_bind(all, a->id, "K1", "lab-1", 5000);
        g_assert_cmpuint(changes, ==, 3);
        g_assert_cmpstr(a->host, ==, "lab-1");
        assert_refused(a, "lab-1", "K2", 6000, "Another host has used this token");
        g_assert_true(tb_enrolment_admits(a, "lab-1", "K1", 1000 * HOUR_MS, NULL)); /* until it is revoked */
        tb_enrolments_bind(all, a->id, "K1", "lab-1", 7000);                        /* it came again */
        tb_enrolments_seen(all, a->id, 9000);
        tb_enrolments_seen(all, "nobody", 9000);
        g_assert_cmpuint(changes, ==, 3); /* times are written when there is time */
        g_assert_cmpint(a->first_ms, ==, 5000);
        g_assert_cmpint(a->last_ms, ==, 9000);

        g_autoptr(GPtrArray) list = tb_enrolments_list(all);
        g_assert_cmpuint(list->len, ==, 2);
        g_assert_true(g_ptr_array_index(list, 0) == b);
        g_assert_true(tb_enrolments_remove(all, a->id));
        g_assert_null(tb_enrolments_find(all, any));
        g_assert_false(tb_enrolments_remove(all, "nobody"));

        TbDbCall *call = tb_db_call_new();
        g_autoptr(GPtrArray) written = tb_enrolments_write(all, call);
        g_assert_cmpuint(written->len, ==, 2); /* the one that is gone, too */
        g_assert_null(tb_enrolments_write(all, call));
        tb_enrolments_again(all, written);
        g_autoptr(GPtrArray) again = tb_enrolments_write(all, call);
        g_assert_cmpuint(again->len, ==, 2);
        tb_db_call_free(call);
        tb_enrolments_free(all);
}

/* TB_LIMIT_ENROLMENTS: one more finds a place only where nobody used another in time. */
static void test_full(void)
{
        guint changes = 0;
        TbEnrolments *all = tb_enrolments_new(on_change, &changes);
        g_autofree char *first = NULL, *beyond = NULL;
        g_autoptr(GError) error = NULL;
        tb_enrolments_add(all, NULL, HOUR_MS, 0, &first, NULL);
        for (guint i = 1; i < TB_LIMIT_ENROLMENTS; i++) {
                g_autofree char *token = NULL;
                g_assert_nonnull(tb_enrolments_add(all, NULL, HOUR_MS, i, &token, NULL));
                tb_enrolments_bind(all, id_of(all, token), "K", "lab", i);
        }
        g_assert_null(tb_enrolments_add(all, NULL, HOUR_MS, HOUR_MS - 1, &beyond, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        g_assert_null(beyond);
        g_assert_nonnull(tb_enrolments_add(all, NULL, HOUR_MS, HOUR_MS, &beyond, NULL));
        g_assert_null(tb_enrolments_find(all, first));
        g_autoptr(GPtrArray) list = tb_enrolments_list(all);
        g_assert_cmpuint(list->len, ==, TB_LIMIT_ENROLMENTS);
        tb_enrolments_free(all);
}

static void on_written(bool written, gpointer data)
{
        *(int *)data = written;
}

static TbPersist *open_store(const char *dir, TbPairing **ret_pairing, TbAuth *hosts)
{
        static const TbPartyOps ops;
        static const TbIceConfig no_ice;
        g_autoptr(GError) error = NULL;
        TbPersist *p = tb_persist_new(dir, NULL, &error);
        g_assert_no_error(error);
        *ret_pairing = tb_pairing_new(&(TbPairingOptions){.ops = &ops, .ice = &no_ice, .hosts = hosts});
        g_assert_true(tb_persist_load(p, *ret_pairing, &error));
        g_assert_no_error(error);
        return p;
}

/* What is kept: the hash, whose it is and its times; what was revoked is not. */
static void test_kept(void)
{
        g_autofree char *dir = g_dir_make_tmp("tbenrol-XXXXXX", NULL), *kept = NULL, *gone = NULL,
                        *waits = NULL;
        TbAuth *hosts = tb_auth_new();
        TbPairing *pairing;
        TbPersist *p = open_store(dir, &pairing, hosts);
        TbEnrolments *all = tb_persist_enrolments(p);
        tb_enrolments_add(all, "lab-1", HOUR_MS, 1000, &kept, NULL);
        tb_enrolments_add(all, NULL, HOUR_MS, 1000, &waits, NULL);
        tb_enrolments_add(all, NULL, HOUR_MS, 1000, &gone, NULL);
        tb_enrolments_bind(all, id_of(all, kept), "K1", "lab-1", 2000);
        int written = -1;
        tb_persist_when_written(p, on_written, &written);
        while (written < 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(written, ==, 1);
        tb_enrolments_remove(all, id_of(all, gone));
        tb_persist_free(p, 5000);
        tb_pairing_free(pairing);

        p = open_store(dir, &pairing, hosts);
        all = tb_persist_enrolments(p);
        const TbEnrolment *e = tb_enrolments_find(all, kept);
        g_assert_nonnull(e);
        g_assert_cmpstr(e->name, ==, "lab-1");
        g_assert_cmpstr(e->host, ==, "lab-1");
        g_assert_cmpstr(e->key, ==, "K1");
        g_assert_cmpint(e->created_ms, ==, 1000);
        g_assert_cmpint(e->expires_ms, ==, 1000 + HOUR_MS);
        g_assert_cmpint(e->first_ms, ==, 2000);
        g_assert_cmpint(e->last_ms, ==, 2000);
        e = tb_enrolments_find(all, waits);
        g_assert_nonnull(e);
        g_assert_null(e->key);
        g_assert_null(e->name);
        g_assert_null(tb_enrolments_find(all, gone));
        tb_persist_free(p, 5000);
        tb_pairing_free(pairing);
        tb_auth_unref(hosts);
        g_autoptr(GDir) files = g_dir_open(dir, 0, NULL);
        for (const char *name; (name = g_dir_read_name(files));) {
                g_autofree char *file = g_build_filename(dir, name, NULL), *bytes = NULL;
                gsize size;
                g_assert_true(g_file_get_contents(file, &bytes, &size, NULL));
                g_assert_null(g_strstr_len(bytes, (gssize)size, kept)); /* no token is in a file */
                g_unlink(file);
        }
        g_rmdir(dir);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/enrolments/life", test_life);
        g_test_add_func("/enrolments/full", test_full);
        g_test_add_func("/enrolments/kept", test_kept);
        int failed = g_test_run();
        tb_main_stop();
        return failed;
}
