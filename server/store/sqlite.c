/* SQLite as an engine of the lane. Facts about its codes: https://www.sqlite.org/rescode.html */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/server_limits.h"
#include "server/store/private.h"

#define PROGRESS_STEPS 1000 /* of SQLite's virtual machine between two looks at the deadline */
#define CHECK_MS 2000       /* what looking through the file at the start may take */

typedef struct Connection {
        sqlite3 *db;
        GHashTable *prepared; /* SQL (static) -> sqlite3_stmt */
        gint64 until_us;      /* of the statement that runs; < 0: none */
} Connection;

static int out_of_time(void *data)
{
        const Connection *c = data;
        return c->until_us >= 0 && g_get_monotonic_time() >= c->until_us;
}

/* --- errors --- */
static TbDbFault failed(Connection *c, int rc, GError **error)
{
        const char *text = c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc);
        switch (rc & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the file is damaged: %s", text);
                return TB_DB_DAMAGED;
        case SQLITE_INTERRUPT:
                tb_set_error(error, TB_ERROR_TIMEOUT, "the database did not answer in time");
                return TB_DB_CALL;
        case SQLITE_CONSTRAINT:
        case SQLITE_ERROR:
        case SQLITE_MISMATCH:
        case SQLITE_MISUSE:
        case SQLITE_RANGE:
        case SQLITE_TOOBIG: tb_set_error(error, TB_ERROR_INVALID, "%s", text); return TB_DB_CALL;
        default: /* FULL, IOERR, READONLY, CANTOPEN, BUSY, LOCKED, NOMEM, PERM … */
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s", text);
                return TB_DB_MEDIUM;
        }
}

/* --- statements --- */
static sqlite3_stmt *prepare(Connection *c, const char *sql, int *ret_rc)
{
        sqlite3_stmt *statement = g_hash_table_lookup(c->prepared, sql);
        *ret_rc = SQLITE_OK;
        if (statement)
                return statement;
        *ret_rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
        if (statement)
                g_hash_table_insert(c->prepared, (gpointer)sql, statement);
        return statement;
}

/* The values belong to the call, which outlives the run. */
static int bind(sqlite3_stmt *to, const TbDbStatement *statement)
{
        int rc = SQLITE_OK;
        if (sqlite3_bind_parameter_count(to) != (int)statement->n_params)
                return SQLITE_RANGE;
        for (guint i = 0; i < statement->n_params && rc == SQLITE_OK; i++) {
                const TbDbValue *v = &statement->params[i];
                char name[8];
                g_snprintf(name, sizeof name, "$%u", i + 1);
                int at = sqlite3_bind_parameter_index(to, name);
                if (at == 0)
                        rc = SQLITE_RANGE;
                else if (v->kind == TB_DB_INT)
                        rc = sqlite3_bind_int64(to, at, v->integer);
                else if (v->kind == TB_DB_TEXT)
                        rc = sqlite3_bind_text64(to, at, v->bytes, v->size, SQLITE_STATIC, SQLITE_UTF8);
                else if (v->kind == TB_DB_BYTES)
                        rc = sqlite3_bind_blob64(to, at, v->bytes, v->size, SQLITE_STATIC);
                else
                        rc = sqlite3_bind_null(to, at);
        }
        return rc;
}

static TbDbValue column(sqlite3_stmt *from, int i)
{
        int type = sqlite3_column_type(from, i);
        TbDbValue v = {.kind = type == SQLITE_INTEGER ? TB_DB_INT
                               : type == SQLITE_NULL  ? TB_DB_NULL
                               : type == SQLITE_BLOB  ? TB_DB_BYTES
                                                      : TB_DB_TEXT};
        if (v.kind == TB_DB_INT) {
                v.integer = sqlite3_column_int64(from, i);
        } else if (v.kind != TB_DB_NULL) {
                const void *bytes = v.kind == TB_DB_BYTES ? sqlite3_column_blob(from, i)
                                                          : (const void *)sqlite3_column_text(from, i);
                v.size = (gsize)sqlite3_column_bytes(from, i);
                v.bytes = g_malloc0(v.size + 1);
                if (v.size)
                        memcpy(v.bytes, bytes, v.size);
        }
        return v;
}

static bool take_row(sqlite3_stmt *from, TbDbResult *result, GError **error)
{
        int n = sqlite3_column_count(from);
        result->columns = (guint)n;
        for (int i = 0; i < n; i++)
                tb_db_result_add(result, column(from, i));
        result->rows++;
        return tb_db_result_is_short(result, error);
}

static TbDbFault sqlite_run(gpointer connection, const TbDbStatement *statement, gint64 until_us,
                            TbDbResult *result, GError **error)
{
        Connection *c = connection;
        int rc;
        sqlite3_stmt *prepared = prepare(c, statement->sql, &rc);
        TbDbFault fault = TB_DB_OK;
        c->until_us = until_us;
        if (prepared)
                rc = bind(prepared, statement);
        while (prepared && rc == SQLITE_OK && (rc = sqlite3_step(prepared)) == SQLITE_ROW) {
                rc = SQLITE_OK;
                if (result && !take_row(prepared, result, error)) {
                        fault = TB_DB_CALL;
                        break;
                }
        }
        if (!fault && rc != SQLITE_OK && rc != SQLITE_DONE)
                fault = failed(c, rc, error);
        if (prepared)
                sqlite3_reset(prepared);
        if (prepared)
                sqlite3_clear_bindings(prepared);
        c->until_us = -1;
        return fault;
}

static TbDbFault sqlite_script(gpointer connection, const char *sql, GError **error)
{
        Connection *c = connection;
        int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
        return rc == SQLITE_OK ? TB_DB_OK : failed(c, rc, error);
}

static bool sqlite_in_transaction(gpointer connection)
{
        return sqlite3_get_autocommit(((Connection *)connection)->db) == 0;
}

static bool sqlite_moved(gpointer connection)
{
        int moved = 0;
        sqlite3_file_control(((Connection *)connection)->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
        return moved != 0;
}

/* --- open, close --- */
static void sqlite_close(gpointer connection)
{
        Connection *c = connection;
        GHashTableIter iter;
        gpointer statement;
        g_hash_table_iter_init(&iter, c->prepared);
        while (g_hash_table_iter_next(&iter, NULL, &statement))
                sqlite3_finalize(statement);
        g_hash_table_unref(c->prepared);
        sqlite3_close_v2(c->db);
        g_free(c);
}

/* Made here, so that nobody else may read it from the first byte on; a link is not followed. */
static TbDbFault touch(const char *where, GError **error)
{
        int fd = open(where, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s", g_strerror(errno));
                return TB_DB_MEDIUM;
        }
        close(fd);
        return TB_DB_OK;
}

/* Whether the file holds together; a large one is looked through only so far. */
static TbDbFault check(Connection *c, GError **error)
{
        static const TbDbStatement quick = {.sql = "PRAGMA quick_check(1)"};
        TbDbResult *said = tb_db_result_new();
        g_autoptr(GError) why = NULL;
        TbDbFault fault = sqlite_run(c, &quick, g_get_monotonic_time() + CHECK_MS * 1000, said, &why);
        if (fault == TB_DB_CALL) /* out of time */
                fault = TB_DB_OK;
        else if (fault)
                g_propagate_error(error, g_steal_pointer(&why));
        else if (said->rows != 1 || g_strcmp0(tb_db_get_text(said, 0, 0), "ok") != 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the file is damaged: %s",
                             said->rows ? tb_db_get_text(said, 0, 0) : "it cannot be checked");
                fault = TB_DB_DAMAGED;
        }
        tb_db_result_free(said);
        return fault;
}

static TbDbFault set_up(Connection *c, const char *where, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(where), *name = g_path_get_basename(where);
        if (g_mkdir_with_parents(folder, 0700) < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s: %s", folder, g_strerror(errno));
                return TB_DB_MEDIUM;
        }
        TbDbFault fault = touch(where, error);
        if (fault)
                return fault;
        char *real = realpath(folder, NULL); /* NOFOLLOW is for the file, not for the way to it */
        g_autofree char *path = g_build_filename(real ? real : folder, name, NULL);
        free(real);
        int rc = sqlite3_open_v2(path, &c->db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
        if (rc != SQLITE_OK)
                return failed(c, rc, error);
        sqlite3_extended_result_codes(c->db, 1);
        sqlite3_busy_timeout(c->db, tb_server_limits.db_busy_ms);
        sqlite3_progress_handler(c->db, PROGRESS_STEPS, out_of_time, c);
        fault = sqlite_script(
                c,
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                "PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
                "PRAGMA journal_size_limit = 16777216",
                error);
        return fault ? fault : check(c, error);
}

static gpointer sqlite_open(const char *where, TbDbFault *ret_fault, GError **error)
{
        Connection *c = g_new0(Connection, 1);
        c->prepared = g_hash_table_new(g_direct_hash, g_direct_equal);
        c->until_us = -1;
        *ret_fault = set_up(c, where, error);
        if (*ret_fault == TB_DB_CALL) /* at the start even a statement that fails is the file's doing */
                *ret_fault = TB_DB_MEDIUM;
        if (*ret_fault == TB_DB_OK)
                return c;
        sqlite_close(c);
        return NULL;
}

static char *sqlite_put_aside(const char *where, GError **error)
{
        g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(tb_clock_ms() / 1000);
        g_autofree char *date = g_date_time_format(now, "%Y%m%dT%H%M%SZ"), *aside = NULL;
        for (guint i = 0; !aside || g_file_test(aside, G_FILE_TEST_EXISTS); i++) {
                g_free(aside);
                aside = i ? g_strdup_printf("%s.damaged-%s-%u", where, date, i)
                          : g_strdup_printf("%s.damaged-%s", where, date);
        }
        static const char *const parts[] = {"-wal", "-shm", ""}; /* the file last: it is what is looked for */
        for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
                g_autofree char *from = g_strconcat(where, parts[i], NULL),
                                *to = g_strconcat(aside, parts[i], NULL);
                if (rename(from, to) < 0 && errno != ENOENT) {
                        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s cannot be put aside: %s", from,
                                     g_strerror(errno));
                        return NULL;
                }
        }
        return g_steal_pointer(&aside);
}

const TbDbEngine tb_db_sqlite = {
        .begin = "BEGIN IMMEDIATE",
        .commit = "COMMIT",
        .rollback = "ROLLBACK",
        .open = sqlite_open,
        .close = sqlite_close,
        .run = sqlite_run,
        .script = sqlite_script,
        .in_transaction = sqlite_in_transaction,
        .moved = sqlite_moved,
        .put_aside = sqlite_put_aside,
};
