/* The chain of the audit log on both stores: what a hand in the database changes, puts in or takes out is found; nothing else is. */
#include "server/store/audit_chain.h"

#include "lib/limits.h"
#include "lib/limits_trust.h"
#include "lib/log.h"
#include "lib/server_limits.h"
#include "server/accounts/audit.h"
#include "server/store/audit_check.h"
#include "tests/unit/server/postgres_rig.h"

#define ENTRIES 12

/* --- asking --- */
typedef struct Check {
        TbAuditCheck *check; /* owned */
        const char *known;
        guint rows;
        bool there;
} Check;

static void on_head(const TbDbResult *rows, const GError *error, gpointer data)
{
        Check *c = data;
        g_assert_no_error(error);
        c->check = tb_audit_check_new(rows, c->known);
        c->there = true;
}

static void on_rows(const TbDbResult *rows, const GError *error, gpointer data)
{
        Check *c = data;
        g_assert_no_error(error);
        tb_audit_check_rows(c->check, rows);
        c->rows = tb_db_rows(rows);
        c->there = true;
}

/* The caller frees. */
static json_t *check_with(World *w, const char *known)
{
        Check c = {.known = known, .rows = TB_LIMIT_AUDIT_JOB_PAGE};
        TbDbCall *head = tb_db_call_reads();
        tb_audit_chain_head(head);
        g_assert_true(tb_db_submit_take(w->db, head, on_head, &c, NULL));
        UNTIL(c.there);
        while (c.rows == TB_LIMIT_AUDIT_JOB_PAGE) {
                TbDbCall *page = tb_db_call_reads();
                c.there = false;
                tb_audit_chain_page(page, tb_audit_check_after(c.check), tb_audit_check_to(c.check),
                                    TB_LIMIT_AUDIT_JOB_PAGE);
                g_assert_true(tb_db_submit_take(w->db, page, on_rows, &c, NULL));
                UNTIL(c.there);
        }
        json_t *said = tb_audit_check_end(c.check);
        tb_audit_check_free(c.check);
        return said;
}

static gint64 number(const json_t *said, const char *name)
{
        return json_integer_value(json_object_get(said, name));
}

static void is_good(World *w, gint64 entries)
{
        json_auto_t *said = check_with(w, NULL);
        g_autofree char *text = json_dumps(said, 0);
        if (!json_is_true(json_object_get(said, "ok")))
                g_error("%s", text);
        g_assert_cmpint(number(said, "entries"), ==, entries);
}

/* What is found first: "changed" and its place, counted from 0; -1: none. */
static void finds(World *w, const char *kind, gint64 id)
{
        json_auto_t *said = check_with(w, NULL);
        g_autofree char *text = json_dumps(said, 0);
        const json_t *first = json_array_get(json_object_get(said, "findings"), 0);
        g_test_message("%s", text);
        g_assert_true(json_is_false(json_object_get(said, "ok")));
        g_assert_cmpstr(json_string_value(json_object_get(first, "kind")), ==, kind);
        g_assert_cmpint(number(first, "id"), ==, id);
}

static void by_hand(World *w, const char *text)
{
        Answer a = {0};
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, g_intern_string(text));
        ask(w, &a, call);
        g_assert_no_error(a.error);
        answer_clear(&a);
}

/* --- writing --- */
static GPtrArray *rows_of(const char *user, guint n)
{
        GPtrArray *rows = g_ptr_array_new_with_free_func(tb_audit_row_free);
        for (guint i = 0; i < n; i++) {
                const char *const fields[] = {user, "watch", "lab-1/board", "ok", "::1", "r"};
                TbAuditRow *row = g_new0(TbAuditRow, 1);
                row->id = (i + 1) * 10;
                row->at_ms = 1000 + i;
                for (guint f = 0; f < TB_AUDIT_FIELDS; f++)
                        row->fields[f] = g_strdup(fields[f]);
                g_ptr_array_add(rows, row);
        }
        return rows;
}

static void add(World *w, GPtrArray *rows_take)
{
        Answer a = {0};
        ask(w, &a, tb_audit_chain_add(rows_take));
        g_assert_no_error(a.error);
        answer_clear(&a);
}

static void keep(World *w)
{
        by_hand(w, "CREATE TABLE kept AS SELECT * FROM audit");
        by_hand(w, "CREATE TABLE kept_head AS SELECT * FROM audit_head");
}

static void restore(World *w)
{
        by_hand(w, "DELETE FROM audit");
        by_hand(w, "INSERT INTO audit SELECT * FROM kept");
        by_hand(w, "DELETE FROM audit_head");
        by_hand(w, "INSERT INTO audit_head SELECT * FROM kept_head");
}

/* --- the tests --- */
/* One who knows how it is made: his entry has the right hash behind the one before it. */
static void put_in(World *w, gint64 id, const char *prev)
{
        g_autoptr(GPtrArray) rows = rows_of("mallory", 1);
        TbAuditRow *row = g_ptr_array_index(rows, 0);
        row->id = id;
        tb_audit_row_chain(row, prev);
        g_autofree char *text = g_strdup_printf(
                "INSERT INTO audit (id, at, person, action, object, outcome, address, request, salts, prev, "
                "hash) "
                "VALUES (%d, 1000, 'mallory', 'watch', 'lab-1/board', 'ok', '::1', 'r', '%s', '%s', '%s')",
                (int)id, row->salts, row->prev, row->hash);
        by_hand(w, text);
}

static char *hash_of(World *w, gint64 id)
{
        Answer a = {0};
        TbDbCall *call = tb_db_call_reads();
        g_autofree char *text = g_strdup_printf("SELECT hash FROM audit WHERE id = %d", (int)id);
        tb_db_statement(call, g_intern_string(text));
        ask(w, &a, call);
        g_assert_cmpuint(a.rows, ==, 1);
        char *hash = g_strdup(a.text);
        answer_clear(&a);
        return hash;
}

static void test_tampered(gconstpointer engine)
{
        static const struct {
                const char *sql, *kind;
                gint64 id; /* 0: none */
        } cases[] = {
                {"UPDATE audit SET person = 'bert' WHERE id = 50", "changed", 50},
                {"UPDATE audit SET at = at - 1 WHERE id = 50", "changed", 50},
                {"UPDATE audit SET outcome = '403' WHERE id = 10", "changed", 10},
                {"UPDATE audit SET request = 'x', hash = 'x' WHERE id = 120", "changed", 120},
                {"UPDATE audit SET salts = '' WHERE id = 50", "changed", 50},
                {"UPDATE audit SET id = 55 WHERE id = 50", "changed", 55},
                {"DELETE FROM audit WHERE id = 50", "missing", 60},
                {"DELETE FROM audit WHERE id >= 50 AND id < 100", "missing", 100},
                {"DELETE FROM audit WHERE id = 10", "missing", 20},
                {"DELETE FROM audit WHERE id = 120", "missing", 110},
                {"DELETE FROM audit WHERE id > 50", "missing", 50},
                {"DELETE FROM audit", "missing", 0},
                {"DELETE FROM audit_head", "missing", 0},
                {"UPDATE audit_head SET base_id = 10, base_hash = (SELECT hash FROM audit WHERE id = 10)",
                 "missing", 10},
                {"INSERT INTO audit SELECT 55, at, person, action, object, outcome, address, request, salts, "
                 "prev, hash FROM audit "
                 "WHERE id = 20",
                 "inserted", 55},
        };
        World w;
        begin(&w, engine);
        start(&w);
        is_good(&w, 0);
        add(&w, rows_of("anna", ENTRIES));
        is_good(&w, ENTRIES);
        keep(&w);
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                by_hand(&w, cases[i].sql);
                finds(&w, cases[i].kind, cases[i].id);
                restore(&w);
        }
        g_autofree char *before = hash_of(&w, 50), *oldest = hash_of(&w, 10);
        put_in(&w, 55, before);
        finds(&w, "inserted", 55);
        restore(&w);
        is_good(&w, ENTRIES);
        /* all of it written anew is no chain that holds a hash that was noted before */
        by_hand(&w, "DELETE FROM audit");
        by_hand(&w, "DELETE FROM audit_head");
        add(&w, rows_of("mallory", ENTRIES));
        is_good(&w, ENTRIES);
        json_auto_t *said = check_with(&w, oldest);
        g_assert_true(json_is_false(json_object_get(said, "ok")));
        restore(&w);
        json_auto_t *again = check_with(&w, oldest);
        g_assert_true(json_is_true(json_object_get(again, "ok")));
        teardown(&w);
}

/* What is said of a person is taken out, and the chain stays; who only says that it was taken out is found. */
static void test_sealed(gconstpointer engine)
{
        g_autoptr(GPtrArray) rows = rows_of("anna", 1);
        TbAuditRow *row = g_ptr_array_index(rows, 0);
        tb_audit_row_chain(row, TB_AUDIT_GENESIS);
        g_autofree char *salts = g_strdup(row->salts);
        g_assert_true(tb_audit_row_seal(row, TB_AUDIT_USER, TB_AUDIT_ERASED "1"));
        g_assert_true(tb_audit_row_seal(row, TB_AUDIT_ADDRESS, ""));
        g_autofree char *hash = tb_audit_row_hash(row);
        g_assert_cmpstr(hash, ==, row->hash);
        g_assert_null(strstr(row->salts, salts));
        g_assert_true(tb_audit_row_is_sealed(row, TB_AUDIT_USER) &&
                      !tb_audit_row_is_sealed(row, TB_AUDIT_OBJECT));
        g_free(row->fields[TB_AUDIT_OBJECT]); /* what is still there is held as before */
        row->fields[TB_AUDIT_OBJECT] = g_strdup("lab-2/board");
        g_autofree char *other = tb_audit_row_hash(row);
        g_assert_cmpstr(other, !=, row->hash);

        World w;
        begin(&w, engine);
        start(&w);
        GPtrArray *mine = rows_of("anna", 2);
        row = g_ptr_array_index(mine, 0);
        tb_audit_row_chain(row, TB_AUDIT_GENESIS);
        add(&w, mine);
        g_autofree char *now = hash_of(&w, 10);
        by_hand(&w, "CREATE TABLE kept AS SELECT * FROM audit");
        g_autoptr(GPtrArray) same = rows_of("anna", 1);
        row = g_ptr_array_index(same, 0);
        Answer a = {0};
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, "SELECT salts FROM audit WHERE id = 10");
        ask(&w, &a, call);
        row->salts = g_strdup(a.text);
        answer_clear(&a);
        tb_audit_row_chain(row, TB_AUDIT_GENESIS);
        g_assert_cmpstr(row->hash, ==, now);
        tb_audit_row_seal(row, TB_AUDIT_USER, TB_AUDIT_ERASED "1");
        g_autofree char *text = g_strdup_printf("UPDATE audit SET person = '%s', salts = '%s' WHERE id = 10",
                                                row->fields[TB_AUDIT_USER], row->salts);
        by_hand(&w, text);
        finds(&w, "changed", 0); /* no erasure tells of it */
        GPtrArray *erasure = rows_of("root", 1);
        row = g_ptr_array_index(erasure, 0);
        g_free(row->fields[TB_AUDIT_ACTION]);
        g_free(row->fields[TB_AUDIT_OBJECT]);
        row->fields[TB_AUDIT_ACTION] = g_strdup("privacy.erase");
        row->fields[TB_AUDIT_OBJECT] = g_strdup(TB_AUDIT_ERASED "1 1");
        add(&w, erasure);
        is_good(&w, 3);
        teardown(&w);
}

/* What is there before there is a chain becomes one. */
static void test_old(gconstpointer engine)
{
        World w;
        begin(&w, engine);
        start(&w);
        add(&w, rows_of("anna", 700));
        by_hand(&w, "DROP TABLE audit_head");
        by_hand(&w, "ALTER TABLE audit DROP COLUMN salts");
        by_hand(&w, "ALTER TABLE audit DROP COLUMN prev");
        by_hand(&w, "ALTER TABLE audit DROP COLUMN hash");
        by_hand(&w, "DROP TABLE calls"); /* what came later, too: migrations have an order */
        by_hand(&w, "DROP TABLE call_participants");
        by_hand(&w, "DROP TABLE call_guests");
        by_hand(&w, "DROP TABLE call_recordings");
        by_hand(&w, "DROP TABLE recording_people");
        by_hand(&w, "DROP TABLE recording_tracks");
        by_hand(&w, "DROP TABLE recording_chunks");
        by_hand(&w, "DROP TABLE recording_links");
        by_hand(&w, "ALTER TABLE users DROP COLUMN identity");
        by_hand(&w, "DELETE FROM migrations WHERE number >= 10");
        stop(&w);
        gint64 schema;
        g_assert_true(tb_db_migrate_now(engine, w.url ? w.url : w.file, &schema, NULL));
        start(&w);
        is_good(&w, 700);
        add(&w, rows_of("bert", 1));
        is_good(&w, 701);
        by_hand(&w, "UPDATE audit SET person = 'carl' WHERE id = 3000");
        finds(&w, "changed", 3000);
        teardown(&w);
}

typedef struct Writer {
        World *w;
        const TbDbEngine *engine;
        const char *user;
} Writer;

static void write_beside(gpointer data)
{
        const Writer *writer = data;
        const char *where = writer->w->url ? writer->w->url : writer->w->file;
        for (guint i = 0; i < 10; i++) {
                g_autoptr(GError) error = NULL;
                tb_db_run_now(writer->engine, where, tb_audit_chain_add(rows_of(writer->user, 5)), NULL,
                              &error);
                g_assert_no_error(error);
        }
}

/* Three write at once, each with a connection of its own: one chain, and nothing is lost. */
static void test_writers(gconstpointer engine)
{
        World w;
        TbThread *threads[2];
        begin(&w, engine);
        start(&w);
        Writer writers[] = {{&w, engine, "anna"}, {&w, engine, "bert"}};
        for (guint i = 0; i < G_N_ELEMENTS(writers); i++)
                threads[i] = tb_thread_start("writer", write_beside, &writers[i]);
        for (guint i = 0; i < 10; i++)
                add(&w, rows_of("carl", 5));
        for (guint i = 0; i < G_N_ELEMENTS(writers); i++)
                tb_thread_join(threads[i]);
        is_good(&w, 150);
        teardown(&w);
}

static void on_page(json_t *rows, const GError *why, gpointer data)
{
        g_assert_no_error(why);
        *(json_t **)data = json_incref(rows);
}

static void read_one(TbAudit *audit)
{
        json_t *rows = NULL;
        g_assert_true(tb_audit_read(audit, &(TbAuditFilter){.limit = 1}, on_page, &rows, NULL));
        UNTIL(rows);
        json_decref(rows);
}

/* The oldest go for their age, the log says so, and who takes more of them is found. TB_LIMIT_AUDIT_JOBS go through all of it at once. */
static void test_trimmed(gconstpointer engine)
{
        World w;
        begin(&w, engine);
        start(&w);
        TbAudit *audit = tb_audit_new(w.db);
        tb_server_limits.audit_rows = 100;
        for (guint i = 0; i < 700; i++)
                tb_audit_note(audit, &(TbAuditNote){"anna", "x", NULL, "ok", "", ""}, 0);
        read_one(audit);
        tb_server_limits.audit_rows = TB_LIMIT_SERVER_AUDIT;
        read_one(audit);
        is_good(&w, 100);
        by_hand(&w, "DELETE FROM audit WHERE id = (SELECT MIN(id) FROM audit)");
        json_auto_t *said = check_with(&w, NULL);
        g_assert_cmpint(number(said, "found"), ==, 1);
        by_hand(&w, "UPDATE audit_head SET base_id = (SELECT MIN(id) - 1 FROM audit), "
                    "base_hash = (SELECT prev FROM audit ORDER BY id LIMIT 1)");
        finds(&w, "missing", 0);
        for (guint i = 0; i < TB_LIMIT_AUDIT_JOBS; i++)
                g_assert_true(tb_audit_begin_job(audit, NULL));
        g_assert_false(tb_audit_begin_job(audit, NULL));
        tb_audit_end_job(audit);
        g_assert_true(tb_audit_begin_job(audit, NULL));
        tb_audit_free(audit);
        teardown(&w);
}

/* A database that ends under what is being written costs no entry. */
static void test_away(void)
{
        World w;
        begin(&w, &tb_db_postgres);
        start(&w);
        TbAudit *audit = tb_audit_new(w.db);
        stop_postgres(SIGQUIT);
        for (guint i = 0; i < 250; i++)
                tb_audit_note(audit, &(TbAuditNote){"anna", "x", NULL, "ok", "", ""}, 0);
        UNTIL(tb_db_state(w.db) == TB_DB_FAILING);
        start_postgres();
        UNTIL(tb_db_state(w.db) == TB_DB_RUNNING);
        for (json_int_t there = 0; there < 250;) {
                read_one(audit);
                json_auto_t *said = check_with(&w, NULL);
                there = number(said, "entries");
                g_assert_true(json_is_true(json_object_get(said, "ok")));
        }
        is_good(&w, 250);
        tb_audit_free(audit);
        teardown(&w);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                GTestDataFunc run;
        } tests[] = {{"tampered", test_tampered},
                     {"sealed", test_sealed},
                     {"old", test_old},
                     {"writers", test_writers},
                     {"trimmed", test_trimmed}};
        g_test_init(&argc, &argv, NULL);
        tb_log_init(TB_LOG_ERROR, false);
        begin_postgres();
        for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *sqlite = g_strdup_printf("/audit-chain/sqlite/%s", tests[i].name),
                                *other = g_strdup_printf("/audit-chain/postgres/%s", tests[i].name);
                g_test_add_data_func(sqlite, &tb_db_sqlite, tests[i].run);
                g_test_add_data_func(other, &tb_db_postgres, tests[i].run);
        }
        g_test_add_func("/audit-chain/away", test_away);
        int rc = g_test_run();
        end_postgres();
        return rc;
}
