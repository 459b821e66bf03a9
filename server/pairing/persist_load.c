/* What was kept: rows of the store, and the file of versions that wrote JSON. */
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "server/pairing/persist_private.h"
#include "server/pairing/session_rows.h"
#include "server/store/sql.h"

#define OLD_FILE "server-sessions.json" /* read once */
#define OLD_FILE_DONE OLD_FILE ".imported"

static bool restore(TbPersist *p, TbSession *session)
{
        g_autofree char *id = session ? g_strdup(session->id) : NULL;
        if (!session)
                return false;
        if (tb_clock_mono_ms() >= tb_session_expires_ms(session)) {
                tb_session_free(session);
                g_queue_push_tail(&p->ended, g_steal_pointer(&id));
                return false;
        }
        return tb_session_restore_take(p->pairing, session);
}

static void on_imported(bool written, gpointer data)
{
        TbPersist *p = data;
        g_autoptr(GError) error = NULL;
        if (written && !tb_state_rename(p->dir, OLD_FILE, OLD_FILE_DONE, &error))
                tb_log(TB_LOG_WARNING, TB_F(), "%s", error->message);
}

/* Sessions of a version that kept them as JSON. */
static void import_old(TbPersist *p)
{
        g_autoptr(GError) error = NULL;
        json_t *list = p->dir ? tb_state_load(p->dir, OLD_FILE, JSON_ARRAY, &error) : NULL, *entry;
        guint n = 0;
        gsize i;
        if (error)
                p->lost = g_strdup_printf("sessions of before are lost: %s", error->message);
        if (error)
                tb_log(TB_LOG_ERROR, TB_F(), "%s", p->lost);
        if (!list)
                return;
        json_array_foreach (list, i, entry) {
                TbSession *session = tb_session_of_json(entry, p->wall_offset_ms);
                char *id = session ? g_strdup(session->id) : NULL;
                if (restore(p, session) && ++n)
                        tb_persist_mark(p, g_hash_table_lookup(p->pairing->sessions, id), true);
                g_free(id);
        }
        json_decref(list);
        tb_log(TB_LOG_INFO, TB_F(), "%u sessions of %s go on", n, OLD_FILE);
        tb_persist_when_written(p, on_imported, p);
}

static void on_sessions(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbPersist *p = data;
        p->loading = false;
        if (error) {
                tb_persist_failed(p, error->message);
                return;
        }
        guint n = 0, all = tb_db_rows(rows);
        for (guint i = 0; i < all; i++)
                n += restore(p, tb_session_of_row(rows, i, p->wall_offset_ms));
        p->loaded = true;
        g_clear_pointer(&p->failure, g_free);
        if (all > 0)
                tb_log(TB_LOG_INFO, TB_F(), "%u sessions of before go on, %u have ended", n, all - n);
        import_old(p);
        tb_persist_write_next(p);
}

static void on_keys(const TbDbResult *rows, const GError *error, gpointer data)
{
        if (!error)
                tb_host_keys_load(((TbPersist *)data)->keys, rows);
}

static void on_enrolments(const TbDbResult *rows, const GError *error, gpointer data)
{
        if (!error)
                tb_enrolments_load(((TbPersist *)data)->enrolments, rows);
}

static void on_users(const TbDbResult *rows, const GError *error, gpointer data)
{
        if (!error)
                tb_accounts_load(((TbPersist *)data)->accounts, TB_ACCOUNT_USERS, rows);
}

static void on_groups(const TbDbResult *rows, const GError *error, gpointer data)
{
        if (!error)
                tb_accounts_load(((TbPersist *)data)->accounts, TB_ACCOUNT_GROUPS, rows);
}

static void on_logins(const TbDbResult *rows, const GError *error, gpointer data)
{
        if (!error)
                tb_accounts_load(((TbPersist *)data)->accounts, TB_ACCOUNT_LOGINS, rows);
}

bool tb_persist_read_users(TbPersist *p)
{
        TbDbCall *users = tb_db_call_reads();
        tb_db_statement(users, tb_sql_user_list);
        return tb_db_submit_take(p->db, users, on_users, p, NULL);
}

static bool read_accounts(TbPersist *p)
{
        TbDbCall *groups = tb_db_call_reads(), *logins = tb_db_call_reads();
        tb_db_statement(groups, tb_sql_group_list);
        tb_db_statement(logins, tb_sql_login_list);
        return tb_persist_read_users(p) & tb_db_submit_take(p->db, groups, on_groups, p, NULL) &
               tb_db_submit_take(p->db, logins, on_logins, p, NULL);
}

void tb_persist_read(TbPersist *p)
{
        TbDbCall *keys = tb_db_call_reads(), *enrolments = tb_db_call_reads(), *sessions = tb_db_call_reads();
        tb_db_statement(keys, tb_sql_host_list);
        tb_db_statement(enrolments, tb_sql_enrolment_list);
        tb_db_statement(sessions, tb_sql_session_list);
        p->loading = read_accounts(p) & tb_db_submit_take(p->db, keys, on_keys, p, NULL) &
                     tb_db_submit_take(p->db, enrolments, on_enrolments, p, NULL) &
                     tb_db_submit_take(p->db, sessions, on_sessions, p, NULL);
}

bool tb_persist_is_loaded(const TbPersist *persist)
{
        return persist->loaded;
}

TbAccounts *tb_persist_accounts(TbPersist *persist)
{
        return persist->accounts;
}

TbDb *tb_persist_db(TbPersist *persist)
{
        return persist->db;
}

void tb_persist_tell(TbPersist *p, void (*told)(gpointer data), gpointer data)
{
        p->told = told;
        p->told_data = data;
}
