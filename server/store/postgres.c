/*
 * PostgreSQL as an engine of the lane. What its codes mean: https://www.postgresql.org/docs/15/errcodes-appendix.html
 *
 * A connection that is lost is told by postgres_lost(), and the lane makes a new one. One server has a database: it holds an
 * advisory lock as long as its connection lives, which the system ends by keep-alives when this machine is gone.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

#include "lib/error.h"
#include "lib/server_limits.h"
#include "server/store/private.h"

#define CONNECT_S "5"
#define SILENT_MS                                                                                            \
        "10000" /* bytes that the other side does not acknowledge for so long: the connection is dead */
#define CANCEL_US                                                                                            \
        G_USEC_PER_SEC /* from the word that a statement is to end to its end; then the connection is given up */
#define LOCK "7595718147998050665" /* "testbed)" as a number: one for all servers */
#define LOCK_TRIES 10              /* a tenth of a second each */
#define INT2 21                    /* pg_type.dat */
#define INT4 23
#define INT8 20
#define BYTEA 17

typedef struct Connection {
        PGconn *pg;
        GHashTable *prepared; /* SQL (static) -> its name, owned */
        bool broken;          /* an answer is still to come that nobody waits for any more */
} Connection;

/* --- errors --- */
static char *one_line(const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
        g_autoptr(GString) out = g_string_new(NULL);
        for (char **l = lines; *l; l++)
                if (*g_strstrip(*l))
                        g_string_append_printf(out, "%s%s", out->len ? "; " : "", *l);
        return g_string_free(g_steal_pointer(&out), FALSE);
}

/* Whose fault a statement's error is, by its code; NULL: the connection's. */
static TbDbFault fault_of(const char *code)
{
        static const char *const medium[] = {"08", "25006", "40", "53", "55P03", "57P", "58", "XX"};
        if (!code)
                return TB_DB_MEDIUM;
        if (strcmp(code, "08P01") == 0) /* protocol_violation: a wrong number of parameters */
                return TB_DB_CALL;
        for (guint i = 0; i < G_N_ELEMENTS(medium); i++)
                if (g_str_has_prefix(code, medium[i]))
                        return TB_DB_MEDIUM;
        return TB_DB_CALL;
}

static TbDbFault failed(const Connection *c, const PGresult *result, GError **error)
{
        const char *code = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
        const char *primary = code ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
        g_autofree char *text = one_line(primary ? primary : PQerrorMessage(c->pg));
        TbDbFault fault = fault_of(code);
        if (g_strcmp0(code, "57014") == 0)
                tb_set_error(error, TB_ERROR_TIMEOUT, "the database did not answer in time");
        else
                tb_set_error(error, fault == TB_DB_CALL ? TB_ERROR_INVALID : TB_ERROR_UNAVAILABLE, "%s",
                             *text ? text : "the connection to the database was lost");
        return fault;
}

/* Does not wait. A server that has ended said why before, so there may be two things to read. */
static bool postgres_lost(gpointer connection)
{
        const Connection *c = connection;
        struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};
        bool idle = PQtransactionStatus(c->pg) == PQTRANS_IDLE;
        while (idle && poll(&p, 1, 0) > 0 && PQconsumeInput(c->pg))
                ;
        return c->broken || PQstatus(c->pg) != CONNECTION_OK;
}

/* --- waiting --- */
/* Until there is a result. False: there is none in time. */
static bool wait_until(const Connection *c, gint64 until_us)
{
        while (PQisBusy(c->pg)) {
                gint64 left_us = until_us - g_get_monotonic_time();
                struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};
                if (until_us >= 0 && left_us <= 0)
                        return false;
                int n = poll(&p, 1, until_us < 0 ? -1 : (int)(left_us / 1000) + 1);
                if (n < 0 && errno != EINTR)
                        return true; /* the result says what is wrong */
                if (n > 0 && !PQconsumeInput(c->pg))
                        return true;
        }
        return true;
}

static void cancel(const Connection *c)
{
        char why[256];
        PGcancel *request = PQgetCancel(c->pg);
        if (request)
                PQcancel(request, why, sizeof why);
        PQfreeCancel(request);
}

/* The next result of what was sent; NULL: it was the last. False: the connection is of no use any more. */
static bool next_result(const Connection *c, gint64 until_us, PGresult **ret)
{
        if (!wait_until(c, until_us)) {
                cancel(c);
                if (!wait_until(c, g_get_monotonic_time() + CANCEL_US))
                        return false;
        }
        *ret = PQgetResult(c->pg);
        return true;
}

/* --- values --- */
static TbDbValue value_of(const PGresult *from, int row, int column)
{
        TbDbValue v = {.kind = TB_DB_NULL};
        const char *text = PQgetvalue(from, row, column);
        Oid type = PQftype(from, column);
        if (PQgetisnull(from, row, column))
                return v;
        if (type == INT2 || type == INT4 || type == INT8) {
                v.kind = TB_DB_INT;
                v.integer = g_ascii_strtoll(text, NULL, 10);
                return v;
        }
        guint8 *bytes = type == BYTEA ? PQunescapeBytea((const guint8 *)text, &v.size) : NULL;
        v.kind = bytes ? TB_DB_BYTES : TB_DB_TEXT;
        if (!bytes)
                v.size = (gsize)PQgetlength(from, row, column);
        v.bytes = g_malloc0(v.size + 1);
        memcpy(v.bytes, bytes ? (const char *)bytes : text, v.size);
        PQfreemem(bytes);
        return v;
}

static bool take_rows(const PGresult *from, TbDbResult *result, GError **error)
{
        for (int row = 0; row < PQntuples(from); row++) {
                result->columns = (guint)PQnfields(from);
                for (int i = 0; i < PQnfields(from); i++)
                        tb_db_result_add(result, value_of(from, row, i));
                result->rows++;
        }
        return tb_db_result_is_short(result, error);
}

/* --- statements --- */
/* All results of what was sent. The first error counts. */
static TbDbFault take_results(Connection *c, gint64 until_us, TbDbResult *result, GError **error)
{
        TbDbFault fault = TB_DB_OK;
        for (;;) {
                PGresult *one;
                if (!next_result(c, until_us, &one)) {
                        c->broken = true;
                        if (!fault)
                                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                                             "the database has not answered in time");
                        return TB_DB_MEDIUM;
                }
                if (!one)
                        return fault;
                ExecStatusType status = PQresultStatus(one);
                bool rows = status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
                if (!fault && rows && result && !take_rows(one, result, error))
                        fault = TB_DB_CALL;
                else if (!fault && !rows && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
                        fault = failed(c, one, error);
                PQclear(one);
        }
}

static TbDbFault sent(Connection *c, int ok, gint64 until_us, TbDbResult *result, GError **error)
{
        if (!ok)
                return failed(c, NULL, error);
        if (result)
                PQsetSingleRowMode(c->pg); /* so that a long one is not in memory twice */
        return take_results(c, until_us, result, error);
}

/* The name of the prepared statement. */
static const char *prepare(Connection *c, const char *sql, gint64 until_us, TbDbFault *ret_fault,
                           GError **error)
{
        const char *known = g_hash_table_lookup(c->prepared, sql);
        *ret_fault = TB_DB_OK;
        if (known)
                return known;
        char *name = g_strdup_printf("s%u", g_hash_table_size(c->prepared));
        *ret_fault = sent(c, PQsendPrepare(c->pg, name, sql, 0, NULL), until_us, NULL, error);
        if (*ret_fault) {
                g_free(name);
                return NULL;
        }
        g_hash_table_insert(c->prepared, (gpointer)sql, name);
        return name;
}

static TbDbFault postgres_run(gpointer connection, const TbDbStatement *statement, gint64 until_us,
                              TbDbResult *result, GError **error)
{
        Connection *c = connection;
        const char *values[TB_DB_PARAMS];
        char numbers[TB_DB_PARAMS][24];
        int sizes[TB_DB_PARAMS], formats[TB_DB_PARAMS], n = (int)statement->n_params;
        TbDbFault fault;
        const char *name = prepare(c, statement->sql, until_us, &fault, error);
        if (!name)
                return fault;
        for (int i = 0; i < n; i++) {
                const TbDbValue *v = &statement->params[i];
                g_snprintf(numbers[i], sizeof numbers[i], "%" G_GINT64_FORMAT, v->integer);
                values[i] = v->kind == TB_DB_INT ? numbers[i] : v->kind == TB_DB_NULL ? NULL : v->bytes;
                sizes[i] = (int)v->size; /* of tb_server_limits.db_queue_bytes at most */
                formats[i] = v->kind == TB_DB_BYTES;
        }
        return sent(c, PQsendQueryPrepared(c->pg, name, n, values, sizes, formats, 0), until_us, result,
                    error);
}

static TbDbFault postgres_script(gpointer connection, const char *sql, GError **error)
{
        Connection *c = connection;
        return sent(c, PQsendQuery(c->pg, sql), -1, NULL, error);
}

static bool postgres_in_transaction(gpointer connection)
{
        const Connection *c = connection;
        PGTransactionStatusType status = PQtransactionStatus(c->pg);
        return !c->broken && (status == PQTRANS_INTRANS || status == PQTRANS_INERROR);
}

/* --- open, close --- */
static void postgres_close(gpointer connection)
{
        Connection *c = connection;
        g_hash_table_unref(c->prepared);
        PQfinish(c->pg);
        g_free(c);
}

static void hear_nothing(void *data G_GNUC_UNUSED, const char *notice G_GNUC_UNUSED)
{
}

/* A connection that has just ended, of this program or of the one before it, may still hold it for a moment. */
static TbDbFault take_lock(Connection *c, GError **error)
{
        static const TbDbStatement lock = {.sql = "SELECT pg_try_advisory_lock(" LOCK ")::int"},
                                   wait = {.sql = "SELECT pg_sleep(0.1)"};
        TbDbResult *had = tb_db_result_new();
        TbDbFault fault = postgres_run(c, &lock, -1, had, error);
        for (guint i = 0; !fault && tb_db_get_int(had, i, 0) == 0 && i < LOCK_TRIES; i++) {
                fault = postgres_run(c, &wait, -1, NULL, error);
                if (!fault)
                        fault = postgres_run(c, &lock, -1, had, error);
        }
        if (!fault && tb_db_get_int(had, tb_db_rows(had) - 1, 0) == 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "another testbed-server has this database: give each one of its own");
                fault = TB_DB_MEDIUM;
        }
        tb_db_result_free(had);
        return fault;
}

static TbDbFault set_up(Connection *c, const char *where, bool alone, GError **error)
{
        static const char *const names[] = {"dbname",           "connect_timeout",
                                            "tcp_user_timeout", "fallback_application_name",
                                            "client_encoding",  NULL};
        const char *const values[] = {where, CONNECT_S, SILENT_MS, "testbed-server", "UTF8", NULL};
        c->pg = PQconnectdbParams(names, values, 1);
        if (PQstatus(c->pg) != CONNECTION_OK)
                return failed(c, NULL, error);
        PQsetNoticeProcessor(c->pg, hear_nothing, NULL);
        TbDbFault fault = postgres_script(
                c,
                "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
                "SET tcp_keepalives_count = 3; SET bytea_output = hex;"
                /* plans are kept, and of a table that was empty then they would read all of it for good */
                "SET enable_seqscan = off",
                error);
        return fault || !alone ? fault : take_lock(c, error);
}

static gpointer connect_to(const char *where, bool alone, TbDbFault *ret_fault, GError **error)
{
        Connection *c = g_new0(Connection, 1);
        c->prepared = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
        *ret_fault = set_up(c, where, alone, error);
        if (*ret_fault == TB_DB_CALL) /* a server that we cannot speak to */
                *ret_fault = TB_DB_MEDIUM;
        if (*ret_fault == TB_DB_OK)
                return c;
        postgres_close(c);
        return NULL;
}

static gpointer postgres_open(const char *where, TbDbFault *ret_fault, GError **error)
{
        return connect_to(where, true, ret_fault, error);
}

static gpointer postgres_open_beside(const char *where, TbDbFault *ret_fault, GError **error)
{
        return connect_to(where, false, ret_fault, error);
}

static bool postgres_moved(gpointer connection G_GNUC_UNUSED)
{
        return false;
}

static char *postgres_put_aside(const char *where G_GNUC_UNUSED, GError **error)
{
        tb_set_error(error, TB_ERROR_UNSUPPORTED, "a database of PostgreSQL is not put aside");
        return NULL;
}

/* Without the password. */
static char *postgres_name(const char *where)
{
        PQconninfoOption *options = PQconninfoParse(where, NULL);
        const char *host = NULL, *port = NULL, *name = NULL;
        for (const PQconninfoOption *o = options; o && o->keyword; o++) {
                if (strcmp(o->keyword, "host") == 0)
                        host = o->val;
                else if (strcmp(o->keyword, "port") == 0)
                        port = o->val;
                else if (strcmp(o->keyword, "dbname") == 0)
                        name = o->val;
        }
        char *shown = g_strdup_printf("PostgreSQL %s%s%s/%s", host ? host : "", port ? ":" : "",
                                      port ? port : "", name ? name : "");
        PQconninfoFree(options);
        return shown;
}

const TbDbEngine tb_db_postgres = {
        .begin = "BEGIN",
        .commit = "COMMIT",
        .rollback = "ROLLBACK",
        .open = postgres_open,
        .open_beside = postgres_open_beside,
        .close = postgres_close,
        .run = postgres_run,
        .script = postgres_script,
        .in_transaction = postgres_in_transaction,
        .moved = postgres_moved,
        .put_aside = postgres_put_aside,
        .lost = postgres_lost,
        .name = postgres_name,
};
