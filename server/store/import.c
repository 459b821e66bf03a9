#include "server/store/import.h"

#include <glib/gstdio.h>

#include "lib/error.h"
#include "server/store/private.h"

#define NO_DEADLINE (-1)
#define PAGE 200 /* rows that are in memory at once */

/* In the order of their making: whatever refers to another table comes after it. */
#define TABLES                                                                                               \
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'migrations' "                      \
        "AND name NOT LIKE 'sqlite%' ORDER BY rowid"

typedef struct Import {
        gpointer from; /* connection of SQLite */
        const TbDbEngine *engine;
        gpointer to;
        GPtrArray *texts; /* owned: an engine knows a statement by its address */
        guint64 rows;
} Import;

static const char *keep(Import *i, char *sql_take)
{
        g_ptr_array_add(i->texts, sql_take);
        return sql_take;
}

static bool run(const TbDbEngine *engine, gpointer connection, const TbDbStatement *statement,
                TbDbResult *result, GError **error)
{
        return engine->run(connection, statement, NO_DEADLINE, result, error) == TB_DB_OK;
}

/* The result of a query without parameters; NULL with the error. */
static TbDbResult *ask(const TbDbEngine *engine, gpointer connection, const char *sql, GError **error)
{
        TbDbStatement statement = {.sql = sql};
        TbDbResult *result = tb_db_result_new();
        if (run(engine, connection, &statement, result, error))
                return result;
        tb_db_result_free(result);
        return NULL;
}

static bool is_empty(Import *i, const char *table, GError **error)
{
        const char *sql = keep(i, g_strdup_printf("SELECT 1 FROM %s LIMIT 1", table));
        TbDbResult *one = ask(i->engine, i->to, sql, error);
        bool empty = one && tb_db_rows(one) == 0;
        if (one && !empty)
                tb_set_error(error, TB_ERROR_BUSY,
                             "something is kept there already (%s): nothing is written over; name an empty "
                             "database",
                             table);
        tb_db_result_free(one);
        return empty;
}

/* INSERT INTO t VALUES ($1, …): both sides made their columns by the same migrations, in the same order. */
static char *insert_of(const char *table, guint columns)
{
        g_autoptr(GString) sql = g_string_new(NULL);
        g_string_printf(sql, "INSERT INTO %s VALUES (", table);
        for (guint c = 1; c <= columns; c++)
                g_string_append_printf(sql, "%s$%u", c > 1 ? ", " : "", c);
        g_string_append_c(sql, ')');
        return g_string_free(g_steal_pointer(&sql), FALSE);
}

static bool copy_row(Import *i, const char *insert, const TbDbResult *page, guint row, GError **error)
{
        TbDbStatement put = {.sql = insert, .n_params = page->columns};
        for (guint c = 0; c < page->columns; c++)
                put.params[c] =
                        g_array_index(page->values, TbDbValue, row * page->columns + c); /* borrowed */
        i->rows++;
        return run(i->engine, i->to, &put, NULL, error);
}

static bool copy_table(Import *i, const char *table, GError **error)
{
        const char *insert = NULL,
                   *next = keep(i, g_strdup_printf("SELECT * FROM %s LIMIT $1 OFFSET $2", table));
        bool ok = is_empty(i, table, error), more = ok;
        for (gint64 offset = 0; ok && more; offset += PAGE) {
                TbDbStatement ask_page = {.sql = next,
                                          .n_params = 2,
                                          .params = {{.kind = TB_DB_INT, .integer = PAGE},
                                                     {.kind = TB_DB_INT, .integer = offset}}};
                TbDbResult *page = tb_db_result_new();
                ok = run(&tb_db_sqlite, i->from, &ask_page, page, error);
                guint n = ok ? tb_db_rows(page) : 0;
                if (n && !insert)
                        insert = keep(i, insert_of(table, page->columns));
                for (guint row = 0; ok && row < n; row++)
                        ok = copy_row(i, insert, page, row, error);
                more = n == PAGE;
                tb_db_result_free(page);
        }
        if (!ok)
                tb_error_prefix(error, "%s: ", table);
        return ok;
}

static bool copy_tables(Import *i, GError **error)
{
        TbDbResult *tables = ask(&tb_db_sqlite, i->from, TABLES, error);
        bool ok = tables != NULL;
        for (guint t = 0; ok && t < tb_db_rows(tables); t++)
                ok = copy_table(i, tb_db_get_text(tables, t, 0), error);
        tb_db_result_free(tables);
        return ok;
}

/* One moment of the file, one transaction of the other. */
static bool copy(Import *i, GError **error)
{
        TbDbStatement begin = {.sql = i->engine->begin}, commit = {.sql = i->engine->commit},
                      rollback = {.sql = i->engine->rollback}, moment = {.sql = tb_db_sqlite.begin},
                      over = {.sql = tb_db_sqlite.rollback};
        if (!run(&tb_db_sqlite, i->from, &moment, NULL, error))
                return false;
        bool ok = run(i->engine, i->to, &begin, NULL, error) && copy_tables(i, error) &&
                  run(i->engine, i->to, &commit, NULL, error);
        if (i->engine->in_transaction(i->to))
                run(i->engine, i->to, &rollback, NULL, NULL);
        run(&tb_db_sqlite, i->from, &over, NULL, NULL);
        return ok;
}

static gpointer open_store(const TbDbEngine *engine, const char *where, GError **error)
{
        TbDbFault fault;
        gpointer connection = engine->open(where, &fault, error);
        if (connection && tb_db_migrate(engine, connection, error) != TB_DB_OK) {
                engine->close(connection);
                connection = NULL;
        }
        if (!connection) {
                g_autofree char *name = engine->name ? engine->name(where) : g_strdup(where);
                tb_error_prefix(error, "%s: ", name);
        }
        return connection;
}

bool tb_db_import(const char *from, const TbDbEngine *engine, const char *where, guint64 *ret_rows,
                  GError **error)
{
        Import i = {.engine = engine};
        if (!g_file_test(from, G_FILE_TEST_IS_REGULAR)) { /* which opening would make */
                tb_set_error(error, TB_ERROR_NOT_FOUND, "%s: there is no such file", from);
                return false;
        }
        i.from = open_store(&tb_db_sqlite, from, error);
        if (!i.from)
                return false;
        i.to = open_store(engine, where, error);
        i.texts = g_ptr_array_new_with_free_func(g_free);
        bool ok = i.to && copy(&i, error);
        if (i.to)
                engine->close(i.to);
        tb_db_sqlite.close(i.from);
        g_ptr_array_unref(i.texts); /* the connections knew them */
        *ret_rows = ok ? i.rows : 0;
        return ok;
}
