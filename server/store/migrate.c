#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "server/store/private.h"
#include "server/store/sql.h"

#define NO_DEADLINE (-1)

static TbDbFault run(const TbDbEngine *engine, gpointer connection, const char *sql, TbDbResult *result,
                     GError **error)
{
        TbDbStatement statement = {.sql = sql};
        return engine->run(connection, &statement, NO_DEADLINE, result, error);
}

/* One migration and the note that it was made: both or neither. */
static TbDbFault apply(const TbDbEngine *engine, gpointer connection, const TbMigration *migration,
                       GError **error)
{
        TbDbStatement note = {.sql = tb_sql_migrations_add,
                              .n_params = 3,
                              .params = {{.kind = TB_DB_INT, .integer = migration->number},
                                         {.kind = TB_DB_TEXT, .bytes = (char *)migration->name},
                                         {.kind = TB_DB_INT, .integer = tb_clock_ms()}}};
        note.params[1].size = strlen(migration->name);
        TbDbFault fault = run(engine, connection, engine->begin, NULL, error);
        if (!fault)
                fault = engine->script(connection, migration->sql, error);
        if (!fault && strcmp(migration->name, "audit-chain") == 0) /* no SQL of both has SHA-256 */
                fault = tb_audit_chain_old(engine, connection, error);
        if (!fault)
                fault = engine->run(connection, &note, NO_DEADLINE, NULL, error);
        if (!fault)
                fault = run(engine, connection, engine->commit, NULL, error);
        if (!fault)
                return TB_DB_OK;
        tb_error_prefix(error, "migration %d (%s): ", migration->number, migration->name);
        if (engine->in_transaction(connection))
                run(engine, connection, engine->rollback, NULL, NULL);
        return fault;
}

TbDbFault tb_db_migrate(const TbDbEngine *engine, gpointer connection, GError **error)
{
        TbDbResult *last = tb_db_result_new();
        TbDbFault fault = run(engine, connection, tb_sql_migrations_table, NULL, error);
        if (!fault)
                fault = run(engine, connection, tb_sql_migrations_last, last, error);
        gint64 have = fault ? 0 : tb_db_get_int(last, 0, 0), known = 0;
        tb_db_result_free(last);
        for (const TbMigration *m = tb_migrations; m->number && !fault; m++) {
                known = m->number;
                if (m->number > have)
                        fault = apply(engine, connection, m, error);
        }
        if (!fault && have > known) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "it was written by a newer testbed-server (schema %" G_GINT64_FORMAT
                             ", this program knows %" G_GINT64_FORMAT
                             "): start that version, or give this one a store of its own",
                             have, known);
                return TB_DB_FOREIGN;
        }
        if (!fault && have && have < known)
                tb_log(TB_LOG_INFO, TB_F(),
                       "the store was brought from schema %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, have,
                       known);
        return fault;
}

bool tb_db_migrate_now(const TbDbEngine *engine, const char *where, gint64 *ret_schema, GError **error)
{
        TbDbFault fault;
        gpointer connection = engine->open(where, &fault, error);
        if (!connection)
                return false;
        fault = tb_db_migrate(engine, connection, error);
        engine->close(connection);
        for (const TbMigration *m = tb_migrations; m->number; m++)
                *ret_schema = m->number;
        return fault == TB_DB_OK;
}

static bool run_program(const TbDbEngine *engine, gpointer connection, const TbDbCall *call, GError **error)
{
        TbDbFault fault = run(engine, connection, engine->begin, NULL, error);
        if (!fault)
                fault = call->program(engine, connection, NO_DEADLINE, call->program_data, error);
        if (!fault)
                fault = run(engine, connection, engine->commit, NULL, error);
        if (fault && engine->in_transaction(connection))
                run(engine, connection, engine->rollback, NULL, NULL);
        return fault == TB_DB_OK;
}

bool tb_db_run_now(const TbDbEngine *engine, const char *where, TbDbCall *call, TbDbResult **ret_rows,
                   GError **error)
{
        TbDbFault fault = TB_DB_OK;
        gpointer connection =
                (engine->open_beside ? engine->open_beside : engine->open)(where, &fault, error);
        TbDbResult *rows = tb_db_result_new();
        bool ok = connection && tb_db_migrate(engine, connection, error) == TB_DB_OK;
        for (guint i = 0; ok && i < call->statements->len; i++)
                ok = engine->run(connection, &g_array_index(call->statements, TbDbStatement, i), -1, rows,
                                 error) == TB_DB_OK;
        if (ok && call->program)
                ok = run_program(engine, connection, call, error);
        if (connection)
                engine->close(connection);
        tb_db_call_free(call);
        if (ok && ret_rows)
                *ret_rows = g_steal_pointer(&rows);
        if (rows)
                tb_db_result_free(rows);
        return ok;
}

const TbDbEngine *tb_db_engine_of(const char *url, GError **error)
{
        if (!url)
                return &tb_db_sqlite;
        if (g_str_has_prefix(url, "postgresql://") || g_str_has_prefix(url, "postgres://"))
                return &tb_db_postgres;
        tb_set_error(error, TB_ERROR_INVALID,
                     "postgresql://user:password@host:port/database is expected; without one it is a file in "
                     "the state folder");
        return NULL;
}
