/* The store lane on both engines: the same statements, the same answers. And what is PostgreSQL's alone: a server that goes away. */
#include "server/store/db.h"

#include <signal.h>
#include <sys/stat.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_cluster.h"
#include "lib/log.h"
#include "lib/server_limits.h"
#include "server/accounts/audit.h"
#include "server/store/accounts.h"
#include "server/store/import.h"
#include "server/store/private.h"
#include "server/store/seat.h"
#include "tests/unit/server/postgres_rig.h"

static void test_write_read(gconstpointer engine)
{
        World w;
        Answer a = {0};
        GStatBuf stat_buf;
        begin(&w, engine);
        start(&w);
        g_assert_cmpint(tb_db_state(w.db), ==, TB_DB_RUNNING);
        g_assert_cmpstr(tb_db_reason(w.db), ==, "");
        ask(&w, &a, put("lab-1", "k\"'; DROP TABLE hosts; --"));
        g_assert_no_error(a.error);
        stop(&w);
        start(&w);
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_host_list);
        ask(&w, &a, call);
        g_assert_cmpuint(a.rows, ==, 1);
        g_assert_cmpstr(a.text, ==, "lab-1");
        answer_clear(&a);
        g_assert_true(w.url || g_stat(w.file, &stat_buf) == 0);
        g_assert_true(w.url || (stat_buf.st_mode & 0777) == 0600);
        teardown(&w);
}

/* --- persons, groups, logins, the audit log: what was put is there after a restart --- */
static void nothing(gpointer data G_GNUC_UNUSED)
{
}

typedef struct Load {
        TbAccounts *all;
        TbAccountRows which;
        bool there;
} Load;

static void on_load(const TbDbResult *rows, const GError *error, gpointer data)
{
        Load *load = data;
        g_assert_no_error(error);
        tb_accounts_load(load->all, load->which, rows);
        load->there = true;
}

static void load(World *w, TbAccounts *all, TbAccountRows which, const char *sql_text)
{
        Load l = {all, which, false};
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, sql_text);
        g_assert_true(tb_db_submit_take(w->db, call, on_load, &l, NULL));
        UNTIL(l.there);
}

static void write_accounts(World *w, TbAccounts *all)
{
        Answer a = {0};
        TbDbCall *call = tb_db_call_new();
        GPtrArray *written = tb_accounts_write(all, call, G_MAXUINT);
        ask(w, &a, call);
        g_assert_no_error(a.error);
        answer_clear(&a);
        g_ptr_array_unref(written);
}

static void test_accounts(gconstpointer engine)
{
        World w;
        char *groups[] = {(char *)"boards", (char *)"lab-2", NULL}, *devices[] = {(char *)"*/board", NULL};
        begin(&w, engine);
        start(&w);
        TbAccounts *all = tb_accounts_new(nothing, NULL), *again = tb_accounts_new(nothing, NULL);
        tb_accounts_put_user(
                all, &(TbUser){(char *)"anna", (char *)"$argon2id$'", TB_ROLE_OPERATOR, groups, 5, 6});
        tb_accounts_put_user(all, &(TbUser){(char *)"bot", NULL, TB_ROLE_VIEWER, NULL, 7, 0});
        tb_accounts_put_group(all, &(TbGroup){(char *)"boards", TB_ROLE_OPERATOR, devices, 1});
        TbLogin login = {.id = (char *)"l1",
                         .user = (char *)"anna",
                         .kind = TB_LOGIN_TOKEN,
                         .about = (char *)"ci",
                         .address = (char *)"::1",
                         .created_ms = 1,
                         .expires_ms = G_MAXINT64,
                         .last_ms = 3};
        tb_secret_hash("secret", login.hash);
        tb_accounts_add_login(all, &login);
        login.id = (char *)"l2";
        login.hash[0]++;
        tb_accounts_add_login(all, &login);
        write_accounts(&w, all);
        tb_accounts_remove_login(all, "l2");
        tb_accounts_login_seen(all, "l1", "10.0.0.1", 9);
        write_accounts(&w, all);
        load(&w, again, TB_ACCOUNT_USERS, tb_sql_user_list);
        load(&w, again, TB_ACCOUNT_GROUPS, tb_sql_group_list);
        load(&w, again, TB_ACCOUNT_LOGINS, tb_sql_login_list);
        const TbUser *anna = tb_accounts_user(again, "anna"), *bot = tb_accounts_user(again, "bot");
        const TbGroup *boards = tb_accounts_group(again, "boards");
        const TbLogin *found = tb_accounts_find(again, "secret");
        g_assert_cmpstr(anna->password, ==, "$argon2id$'");
        g_assert_cmpint(anna->role, ==, TB_ROLE_OPERATOR);
        g_assert_true(g_strv_equal((const char *const *)anna->groups, (const char *const *)groups));
        g_assert_true(bot->password == NULL && bot->groups[0] == NULL);
        g_assert_true(g_strv_equal((const char *const *)boards->devices, (const char *const *)devices));
        g_assert_true(found->kind == TB_LOGIN_TOKEN && found->last_ms == 9 &&
                      found->expires_ms == G_MAXINT64);
        g_assert_cmpstr(found->address, ==, "10.0.0.1");
        g_assert_null(tb_accounts_login(again, "l2"));
        /* who goes takes his logins along */
        g_assert_true(tb_accounts_remove_user(again, "anna"));
        g_assert_null(tb_accounts_find(again, "secret"));
        write_accounts(&w, again);
        load(&w, again, TB_ACCOUNT_LOGINS, tb_sql_login_list);
        g_assert_cmpuint(tb_accounts_users(again), ==, 1);
        g_assert_null(tb_accounts_login(again, "l1"));
        tb_accounts_free(all);
        tb_accounts_free(again);
        teardown(&w);
}

static void on_page(json_t *rows, const GError *why, gpointer data)
{
        g_assert_no_error(why);
        *(json_t **)data = json_incref(rows);
}

static json_t *page(TbAudit *audit, TbAuditFilter filter)
{
        json_t *rows = NULL;
        filter.limit = filter.limit ? filter.limit : TB_LIMIT_SERVER_AUDIT_PAGE;
        g_assert_true(tb_audit_read(audit, &filter, on_page, &rows, NULL));
        UNTIL(rows);
        return rows;
}

static gsize count(TbAudit *audit, TbAuditFilter filter)
{
        json_auto_t *rows = page(audit, filter);
        return json_array_size(rows);
}

static void test_audit(gconstpointer engine)
{
        World w;
        begin(&w, engine);
        start(&w);
        TbAudit *audit = tb_audit_new(w.db);
        for (guint i = 0; i < 3; i++)
                tb_audit_note(audit, &(TbAuditNote){"anna", "PUT /power_%", "lab-1/board", "ok", "::1", "r1"},
                              0);
        for (guint i = 0; i < 3; i++) /* what repeats is written once */
                tb_audit_note(audit, &(TbAuditNote){"anna", "watch", "lab-1/board", "ok", "::1", "r2"}, 600);
        tb_audit_note(audit, &(TbAuditNote){"", "login", NULL, "401", "\xff", NULL}, 0);
        g_assert_cmpuint(count(audit, (TbAuditFilter){0}), ==, 5);
        /* who tries names of his choice writes no second line, and turns none */
        tb_audit_note(
                audit,
                &(TbAuditNote){"x\n2026 root\tlogin \xe2\x80\xaeko\x1b[2J", "login", NULL, "401", "", ""}, 0);
        json_auto_t *tried = page(audit, (TbAuditFilter){.limit = 1});
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(tried, 0), "user")), ==,
                        "x 2026 root login ko[2J");
        /* nor does he hide another's line by one that looks the same */
        tb_audit_note(audit, &(TbAuditNote){"q\nw", "e", "r", "ok", "", ""}, 600);
        tb_audit_note(audit, &(TbAuditNote){"q", "w", "e\nr", "ok", "", ""}, 600);
        g_assert_cmpuint(count(audit, (TbAuditFilter){0}), ==, 8);
        g_assert_cmpuint(count(audit, (TbAuditFilter){.action = "PUT /power_%"}), ==, 3);
        g_assert_cmpuint(count(audit, (TbAuditFilter){.action = "PUT_"}), ==, 0);
        g_assert_cmpuint(
                count(audit, (TbAuditFilter){.user = "anna", .object = "lab-1/board", .request = "r2"}), ==,
                1);
        g_assert_cmpuint(count(audit, (TbAuditFilter){.from_ms = G_MAXINT64}), ==, 0);
        json_auto_t *first = page(audit, (TbAuditFilter){.limit = 4});
        gint64 last = json_integer_value(json_object_get(json_array_get(first, 3), "id"));
        g_assert_cmpuint(count(audit, (TbAuditFilter){.before = last}), ==, 4);
        /* the oldest go, TB_LIMIT_SERVER_AUDIT of the default; what the queue does not take is counted */
        tb_server_limits.audit_rows = 100;
        for (guint i = 0; i < TB_LIMIT_SERVER_AUDIT_QUEUE + 10; i++)
                tb_audit_note(audit, &(TbAuditNote){"bert", "x", NULL, "ok", "", ""}, 0);
        (void)count(
                audit,
                (TbAuditFilter){.limit = 1}); /* gives all to the store, and then looks how many there are */
        g_assert_cmpuint(count(audit, (TbAuditFilter){0}), ==, 100);
        g_autoptr(GString) metrics = g_string_new(NULL);
        tb_audit_metrics(metrics, audit);
        g_assert_nonnull(strstr(metrics->str, "testbed_audit_lost_total 10\n"));
        tb_server_limits.audit_rows = TB_LIMIT_SERVER_AUDIT;
        tb_audit_free(audit);
        teardown(&w);
}

/* What a file kept is in the database afterwards, bytes and NULLs alike; a second time nothing is written over. */
static void test_import(void)
{
        World w;
        Answer a = {0};
        guint64 rows = 0;
        g_autoptr(GError) error = NULL;
        begin(&w, &tb_db_postgres);
        w.url = NULL; /* a file first */
        start(&w);
        TbDbCall *many = tb_db_call_new();
        for (guint i = 0; i < 450; i++) { /* more than are in memory at once */
                g_autofree char *name = g_strdup_printf("lab-%u", i);
                tb_db_statement(many, tb_sql_host_put);
                tb_db_text(many, name);
                tb_db_text(many, "instance");
                tb_db_text(many, "k\"';");
                tb_db_int(many, 1);
                tb_db_int(many, G_MAXINT64);
        }
        ask(&w, &a, many);
        tb_db_statement(many = tb_db_call_new(), tb_sql_enrolment_put);
        tb_db_text(many, "id");
        tb_db_bytes(many, "\0\xff\x01", 3);
        for (guint i = 0; i < 3; i++)
                tb_db_text(many, NULL);
        for (guint i = 0; i < 4; i++)
                tb_db_int(many, -1);
        ask(&w, &a, many);
        g_assert_no_error(a.error);
        g_assert_true(
                tb_db_import(w.file, &tb_db_postgres, postgres.url, &rows, &error)); /* while it is in use */
        g_assert_no_error(error);
        g_assert_cmpuint(rows, ==, 451);
        g_assert_false(tb_db_import(w.file, &tb_db_postgres, postgres.url, &rows, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_BUSY);
        g_assert_nonnull(strstr(error->message, "hosts"));
        g_clear_error(&error);
        stop(&w);
        w.url = postgres.url;
        start(&w);
        g_assert_false(
                tb_db_import(w.file, &tb_db_postgres, postgres.url, &rows, &error)); /* a server has it */
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_clear_error(&error);
        g_assert_cmpuint(hosts(&w), ==, 450);
        tb_db_statement(many = tb_db_call_reads(),
                        "SELECT encode(token, 'hex') FROM enrolments WHERE key IS NULL");
        ask(&w, &a, many);
        g_assert_cmpstr(a.text, ==, "00ff01");
        answer_clear(&a);
        g_assert_false(tb_db_import("/nowhere/server.db", &tb_db_postgres, postgres.url, &rows, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_NOT_FOUND);
        teardown(&w);
}

/* A call that fails takes no other along, and leaves nothing of itself. */
static void test_one_fails(gconstpointer engine)
{
        World w;
        Answer a[3] = {0};
        begin(&w, engine);
        start(&w);
        TbDbCall *bad = put("half", "k");
        tb_db_statement(bad, tb_sql_host_put); /* key is NULL: NOT NULL */
        for (guint i = 0; i < 3; i++)
                tb_db_text(bad, i < 2 ? "x" : NULL);
        tb_db_int(bad, 1);
        tb_db_int(bad, 1);
        g_assert_true(tb_db_submit_take(w.db, put("a", "k"), on_answer, &a[0], NULL));
        g_assert_true(tb_db_submit_take(w.db, bad, on_answer, &a[1], NULL));
        g_assert_true(tb_db_submit_take(w.db, put("b", "k"), on_answer, &a[2], NULL));
        UNTIL(a[2].there);
        g_assert_no_error(a[0].error);
        g_assert_error(a[1].error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_no_error(a[2].error);
        g_assert_cmpuint(hosts(&w), ==, 2);
        g_assert_cmpint(tb_db_state(w.db), ==, TB_DB_RUNNING);
        for (guint i = 0; i < 3; i++)
                answer_clear(&a[i]);
        teardown(&w);
}

/* Wrong numbers of parameters, SQL that is none, SQL that runs for ever: refused, ended in time; the next one is answered. */
static void test_bad_statements(gconstpointer data)
{
        const TbDbStatement few = {.sql = tb_sql_host_put}, none = {.sql = "SELEC 1"},
                            fine = {.sql = tb_sql_migrations_last},
                            endless = {.sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                                              "FROM n) SELECT count(*) FROM n"};
        const TbDbEngine *engine = data;
        const gint64 for_us = 100000;
        World w;
        gint64 schema;
        TbDbFault fault;
        begin(&w, engine);
        const char *where = w.url ? w.url : w.file;
        g_assert_true(tb_db_migrate_now(engine, where, &schema, NULL));
        gpointer connection = engine->open(where, &fault, NULL);
        g_assert_nonnull(connection);
        const TbDbStatement *const bad[] = {&few, &none, &endless};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                gint64 since_us = g_get_monotonic_time(), until_us = since_us + for_us;
                g_assert_cmpint(engine->run(connection, bad[i], until_us, NULL, &error), ==, TB_DB_CALL);
                g_assert_true(g_error_matches(error, TB_ERROR, i < 2 ? TB_ERROR_INVALID : TB_ERROR_TIMEOUT));
                g_assert_true(i < 2 || g_get_monotonic_time() - since_us >= for_us); /* not before */
                TbDbResult *result = tb_db_result_new();
                g_assert_cmpint(engine->run(connection, &fine, -1, result, NULL), ==, TB_DB_OK);
                g_assert_cmpint(tb_db_get_int(result, 0, 0), ==, schema);
                tb_db_result_free(result);
        }
        engine->close(connection);
        teardown(&w);
}

typedef struct Seen {
        const guint8 *bytes;
        gsize size;
        bool there;
} Seen;

static void look_at_values(const TbDbResult *rows, const GError *error, gpointer data)
{
        Seen *seen = data;
        gsize size;
        g_assert_no_error(error);
        g_assert_cmpuint(tb_db_rows(rows), ==, 1);
        g_assert_cmpstr(tb_db_get_text(rows, 0, 0), ==, "grün \\ 'so'");
        const void *bytes = tb_db_get_bytes(rows, 0, 1, &size);
        g_assert_cmpmem(bytes, size, seen->bytes, seen->size);
        for (guint i = 2; i < 5; i++)
                g_assert_null(tb_db_get_text(rows, 0, i));
        for (gint64 i = 0; i < 4; i++)
                g_assert_cmpint(tb_db_get_int(rows, 0, 5 + (guint)i), ==,
                                i % 2 ? G_MAXINT64 - i : G_MININT64 + i);
        seen->there = true;
}

/* Plans are kept: one that was made while a table was empty goes by its index all the same. Of PostgreSQL; SQLite knows no other. */
static void test_plan(gconstpointer engine)
{
        World w;
        Answer a = {0};
        begin(&w, engine);
        start(&w);
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(
                call,
                engine == &tb_db_postgres
                        ? "EXPLAIN SELECT 1 FROM calls WHERE (status = 'ringing' AND scheduled_at <= 1) "
                          "OR (status = 'scheduled' AND scheduled_at <= 2) OR (status = 'in_progress' AND "
                          "started_at <= 3)"
                        : "SELECT 'Bitmap Heap Scan'");
        ask(&w, &a, call);
        g_assert_no_error(a.error);
        g_assert_true(g_str_has_prefix(a.text, "Bitmap Heap Scan"));
        answer_clear(&a);
        teardown(&w);
}

/* Numbers, texts, bytes and NULL come back as they went in. */
static void test_values(gconstpointer engine)
{
        static const guint8 bytes[] = {0, 1, 0xff, '\\', '\'', 0};
        World w;
        Answer a = {0};
        begin(&w, engine);
        start(&w);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_enrolment_put);
        tb_db_text(call, "grün \\ 'so'");
        tb_db_bytes(call, bytes, sizeof bytes);
        for (guint i = 0; i < 3; i++)
                tb_db_text(call, NULL);
        for (gint64 i = 0; i < 4; i++)
                tb_db_int(call, i % 2 ? G_MAXINT64 - i : G_MININT64 + i);
        ask(&w, &a, call);
        g_assert_no_error(a.error);
        call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_enrolment_list);
        Seen seen = {.bytes = bytes, .size = sizeof bytes};
        g_assert_true(tb_db_submit_take(w.db, call, look_at_values, &seen, NULL));
        UNTIL(seen.there);
        answer_clear(&a);
        teardown(&w);
}

/* A store of a newer program is left as it is; one of an older is brought up to date, its rows are there. */
static void test_schemas(gconstpointer engine)
{
        World w;
        Answer a = {0};
        gint64 schema = 0;
        g_autoptr(GError) error = NULL;
        begin(&w, engine);
        const char *where = w.url ? w.url : w.file;
        g_assert_true(tb_db_migrate_now(engine, where, &schema, &error));
        g_assert_cmpint(schema, >=, 3);
        start(&w);
        ask(&w, &a, put("lab-1", "k"));
        TbDbCall *older = tb_db_call_new();
        tb_db_statement(older, "DROP TABLE enrolments");
        tb_db_statement(older, "ALTER TABLE hosts DROP COLUMN names_server");
        tb_db_statement(older, "DROP TABLE users");
        tb_db_statement(older, "DROP TABLE user_groups");
        tb_db_statement(older, "DROP TABLE logins");
        tb_db_statement(older, "DROP TABLE audit");
        tb_db_statement(older, "DROP TABLE audit_head");
        tb_db_statement(older, "DROP TABLE ev_people");
        tb_db_statement(older, "DROP TABLE ev_logins");
        tb_db_statement(older, "DROP TABLE ev_devices");
        tb_db_statement(older, "DROP TABLE ev_sessions");
        tb_db_statement(older, "DROP TABLE ev_jobs");
        tb_db_statement(older, "DROP TABLE ev_attempts");
        tb_db_statement(older, "DROP TABLE ev_endpoints");
        tb_db_statement(older, "DROP TABLE ev_subscriptions");
        tb_db_statement(older, "DROP TABLE ev_invites");
        tb_db_statement(older, "DROP TABLE ev_links");
        tb_db_statement(older, "DROP TABLE ev_tellings");
        tb_db_statement(older, "DROP TABLE ev_charges");
        tb_db_statement(older, "DROP TABLE events");
        tb_db_statement(older, "DROP TABLE calls");
        tb_db_statement(older, "DROP TABLE call_participants");
        tb_db_statement(older, "DROP TABLE call_guests");
        tb_db_statement(older, "DROP TABLE call_recordings");
        tb_db_statement(older, "DROP TABLE recording_people");
        tb_db_statement(older, "DROP TABLE recording_tracks");
        tb_db_statement(older, "DROP TABLE recording_chunks");
        tb_db_statement(older, "DROP TABLE recording_links");
        tb_db_statement(older, "ALTER TABLE sessions DROP COLUMN life");
        tb_db_statement(older, "ALTER TABLE sessions DROP COLUMN note");
        tb_db_statement(older, "DELETE FROM migrations WHERE number > 2");
        ask(&w, &a, older);
        g_assert_no_error(a.error);
        stop(&w);
        start(&w);
        g_assert_cmpuint(hosts(&w), ==, 1);
        TbDbCall *list = tb_db_call_reads();
        tb_db_statement(list, tb_sql_enrolment_list);
        ask(&w, &a, list);
        g_assert_no_error(a.error);
        TbDbCall *newer = tb_db_call_new();
        tb_db_statement(newer, tb_sql_migrations_add);
        tb_db_int(newer, 9999);
        tb_db_text(newer, "of-tomorrow");
        tb_db_int(newer, 1);
        ask(&w, &a, newer);
        stop(&w);
        start(&w);
        g_assert_cmpint(tb_db_state(w.db), ==, TB_DB_REFUSED);
        stop(&w);
        g_assert_false(tb_db_migrate_now(engine, where, &schema, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNSUPPORTED);
        answer_clear(&a);
        teardown(&w);
}

/* --- a database server --- */
/* It ends, is killed, and comes back: the calls fail with words for it, the state says so, and then all goes on, with what was there. */
static void test_lost(void)
{
        static const int ends[] = {SIGINT, SIGQUIT};
        World w;
        Answer a = {0};
        begin(&w, &tb_db_postgres);
        start(&w);
        ask(&w, &a, put("lab-1", "k"));
        for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
                stop_postgres(ends[i]);
                ask(&w, &a, put("lost", "k"));
                g_assert_error(a.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
                UNTIL(tb_db_state(w.db) == TB_DB_FAILING);
                g_assert_cmpstr(tb_db_reason(w.db), !=, "");
                start_postgres();
                UNTIL(tb_db_state(w.db) == TB_DB_RUNNING);
                g_assert_cmpuint(tb_db_generation(w.db), ==, 0);
                g_assert_cmpuint(hosts(&w), ==, 1);
        }
        /* one that restarts while nothing is asked costs no call */
        stop_postgres(SIGINT);
        start_postgres();
        ask(&w, &a, put("lab-2", "k"));
        g_assert_no_error(a.error);
        answer_clear(&a);
        teardown(&w);
}

/* Its connection is cut in the middle of a transaction: nothing of it is there, the next one is written. */
static void test_cut(void)
{
        World w;
        Answer a = {0};
        begin(&w, &tb_db_postgres);
        start(&w);
        TbDbCall *call = put("half", "k");
        tb_db_statement(call, "SELECT pg_terminate_backend(pg_backend_pid())");
        ask(&w, &a, call);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        UNTIL(tb_db_state(w.db) == TB_DB_RUNNING);
        g_assert_cmpuint(hosts(&w), ==, 0);
        ask(&w, &a, put("whole", "k"));
        g_assert_no_error(a.error);
        g_assert_cmpuint(hosts(&w), ==, 1);
        answer_clear(&a);
        teardown(&w);
}

/* A second server is told why it may not, and has the database when the first one is gone. */
static void test_two(void)
{
        World w, second;
        begin(&w, &tb_db_postgres);
        start(&w);
        second = (World){.url = w.url};
        start(&second);
        g_assert_cmpint(tb_db_state(second.db), ==, TB_DB_FAILING);
        g_assert_nonnull(strstr(tb_db_reason(second.db), "another testbed-server has this database"));
        stop(&w);
        UNTIL(tb_db_state(second.db) == TB_DB_RUNNING);
        stop(&second);
        teardown(&w);
}

/* What people read bears no password; what cannot be reached is said. */
static void test_words(void)
{
        g_autofree char *name =
                tb_db_postgres.name("postgresql://testbed:hunter2@db.example:5433/lab?application_name=x");
        g_assert_cmpstr(name, ==, "PostgreSQL db.example:5433/lab");
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_db_engine_of(NULL, NULL) == &tb_db_sqlite);
        g_assert_true(tb_db_engine_of("postgres://x/y", NULL) == &tb_db_postgres);
        g_assert_null(tb_db_engine_of("mysql://x/y", &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        World w;
        setup(&w, NULL);
        w.url = "postgresql://testbed:hunter2@127.0.0.1:1/lab";
        start(&w);
        g_assert_cmpint(tb_db_state(w.db), ==, TB_DB_FAILING);
        g_assert_nonnull(strstr(tb_db_reason(w.db), "refused"));
        g_assert_null(strstr(tb_db_reason(w.db), "hunter2"));
        g_assert_null(strchr(tb_db_reason(w.db), '\n'));
        teardown(&w);
}

/* --- who of several servers has the database --- */
typedef struct Seated {
        guint looks, mine; /* words; those that say it is ours */
        TbSeatState state;
        char *server, *reason; /* owned */
        guint16 port;
} Seated;

static void on_seat(const TbSeatWord *word, gpointer data)
{
        Seated *s = data;
        s->looks++;
        s->mine += word->state == TB_SEAT_YOURS;
        s->state = word->state;
        s->port = word->port;
        g_free(s->server);
        g_free(s->reason);
        s->server = g_strdup(word->server);
        s->reason = g_strdup(word->reason);
}

static void test_seat(void)
{
        World w;
        Seated a = {0}, b = {0};
        begin(&w, &tb_db_postgres);
        TbSeat *one = tb_seat_new(postgres.url, on_seat, &a, NULL);
        UNTIL(a.state == TB_SEAT_YOURS);
        TbSeat *two = tb_seat_new(postgres.url, on_seat, &b, NULL);
        UNTIL(b.looks >= 2); /* it is one's turn, and nobody else's */
        g_assert_cmpuint(b.mine, ==, 0);
        start(&w);
        tb_seat_sit(one, "server-a", "10.0.0.1", 5110, "secret");
        UNTIL(a.state == TB_SEAT_HELD && g_strcmp0(b.server, "server-a") == 0);
        g_assert_cmpuint(b.port, ==, 5110);
        stop(&w); /* the lane's connection ends: who had the turn has it still */
        UNTIL(a.state == TB_SEAT_YOURS);
        g_assert_cmpuint(b.mine, ==, 0);
        tb_seat_leave(one);
        UNTIL(b.state == TB_SEAT_YOURS || a.mine > 2);
        tb_seat_free(one); /* as its process would */
        UNTIL(b.state == TB_SEAT_YOURS);
        /* however often is asked, the database is left in peace: TB_LIMIT_SEAT_AGAIN_MS, and TB_LIMIT_SEAT_LOOK_MS where nobody asks */
        guint before = b.looks;
        gint64 since_us = g_get_monotonic_time(), each_us = TB_LIMIT_SEAT_AGAIN_MS * 1000;
        for (guint n = 0; b.looks < before + 4; n++) {
                tb_seat_look(two);
                g_main_context_iteration(NULL, n % 64 == 0);
        }
        g_assert_cmpint(g_get_monotonic_time() - since_us, >=, 2 * each_us);
        stop_postgres(SIGQUIT);
        UNTIL(b.state == TB_SEAT_UNKNOWN);
        g_assert_cmpstr(b.reason, !=, "");
        start_postgres();
        UNTIL(b.state == TB_SEAT_YOURS);
        tb_seat_free(two);
        teardown(&w);
        g_free(a.server);
        g_free(b.server);
        g_free(a.reason);
        g_free(b.reason);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                GTestDataFunc run;
        } tests[] = {
                {"write-read", test_write_read},
                {"one-fails", test_one_fails},
                {"bad-statements", test_bad_statements},
                {"plan", test_plan},
                {"values", test_values},
                {"schemas", test_schemas},
                {"accounts", test_accounts},
                {"audit", test_audit},
        };
        g_test_init(&argc, &argv, NULL);
        tb_log_init(TB_LOG_ERROR, false);
        begin_postgres();
        for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *sqlite = g_strdup_printf("/db-engines/sqlite/%s", tests[i].name),
                                *other = g_strdup_printf("/db-engines/postgres/%s", tests[i].name);
                g_test_add_data_func(sqlite, &tb_db_sqlite, tests[i].run);
                g_test_add_data_func(other, &tb_db_postgres, tests[i].run);
        }
        g_test_add_func("/db-engines/import", test_import);
        g_test_add_func("/db-engines/words", test_words);
        g_test_add_func("/db-engines/lost", test_lost);
        g_test_add_func("/db-engines/cut", test_cut);
        g_test_add_func("/db-engines/two", test_two);
        g_test_add_func("/db-engines/seat", test_seat);
        int rc = g_test_run();
        end_postgres();
        return rc;
}
