/* The lane: one thread, one connection, one queue. */
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "server/store/private.h"

#define RETRY_MIN_MS 500 /* between attempts to open; doubles */
#define RETRY_MAX_MS 15000
#define MOVED_MS 1000 /* between looks whether the file is still at its place */

/* --- opening --- */
static void shut(TbDb *db)
{
        if (db->connection)
                db->engine->close(g_steal_pointer(&db->connection));
}

static void pause_before_retry(TbDb *db)
{
        db->retry_ms = CLAMP(db->retry_ms * 2, RETRY_MIN_MS, RETRY_MAX_MS);
        db->retry_us = g_get_monotonic_time() + db->retry_ms * 1000ll;
}

static TbDbFault try_open(TbDb *db, GError **error)
{
        TbDbFault fault;
        db->connection = db->engine->open(db->where, &fault, error);
        if (!db->connection)
                return fault;
        fault = tb_db_migrate(db->engine, db->connection, error);
        if (fault)
                shut(db);
        return fault;
}

/* What was damaged is put aside, and a new one begun. */
static TbDbFault begin_anew(TbDb *db, const char *why, char **ret_note, GError **error)
{
        g_autofree char *aside = db->engine->put_aside(db->where, error);
        if (!aside)
                return TB_DB_MEDIUM;
        TbDbFault fault = try_open(db, error);
        if (fault)
                return fault == TB_DB_DAMAGED ? TB_DB_MEDIUM : fault;
        db->begun++;
        *ret_note = g_strdup_printf("%s: %s; it was put aside as %s and a new one was begun", db->name, why,
                                    aside);
        return TB_DB_OK;
}

static void open_connection(TbDb *db)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *note = NULL;
        TbDbFault fault = try_open(db, &error);
        if (fault == TB_DB_DAMAGED) {
                g_autofree char *why = g_strdup(error->message);
                g_clear_error(&error);
                fault = begin_anew(db, why, &note, &error);
        }
        db->looked_us = g_get_monotonic_time();
        if (fault == TB_DB_OK) {
                db->retry_ms = 0;
                tb_db_tell_state(db, TB_DB_RUNNING, note ? note : "");
        } else {
                pause_before_retry(db);
                tb_db_tell_state(db, fault == TB_DB_FOREIGN ? TB_DB_REFUSED : TB_DB_FAILING, error->message);
        }
}

/* Whoever removed or replaced the file has not asked: what is written from here on must be found again. */
static void look_whether_moved(TbDb *db)
{
        gint64 now_us = g_get_monotonic_time();
        if (!db->connection || now_us - db->looked_us < MOVED_MS * 1000)
                return;
        db->looked_us = now_us;
        if (!db->engine->moved(db->connection))
                return;
        tb_log(TB_LOG_WARNING, TB_F(), "store: %s was moved away; it is begun anew", db->name);
        shut(db);
        db->begun++;
        db->retry_us = 0;
        g_clear_pointer(&db->said, g_free); /* so that main is told the new generation */
}

/* A connection that has ended is made again, first at once, then with growing pauses. */
static void look_whether_lost(TbDb *db, const char *why)
{
        if (!db->connection || !db->engine->lost || !db->engine->lost(db->connection))
                return;
        shut(db);
        tb_db_tell_state(db, TB_DB_FAILING, why);
        db->retry_us = 0;
}

/* --- running --- */
static void call_destroy(gpointer p)
{
        tb_db_call_free(p);
}

static TbDbFault run_sql(TbDb *db, const char *sql, GError **error)
{
        TbDbStatement statement = {.sql = sql};
        return db->engine->run(db->connection, &statement, -1, NULL, error);
}

/* The statements of one call. */
static TbDbFault run_call(TbDb *db, TbDbCall *call)
{
        TbDbFault fault = TB_DB_OK;
        if (g_get_monotonic_time() >= call->until_us) {
                tb_set_error(&call->error, TB_ERROR_TIMEOUT, "the store did not come to it in time");
                return TB_DB_CALL;
        }
        tb_db_result_free(call->result);
        call->result = tb_db_result_new();
        for (guint i = 0; i < call->statements->len && !fault; i++)
                fault = db->engine->run(db->connection, &g_array_index(call->statements, TbDbStatement, i),
                                        call->until_us, call->result, &call->error);
        if (!fault && call->program)
                fault = call->program(db->engine, db->connection, call->until_us, call->program_data,
                                      &call->error);
        return fault;
}

static TbDbFault run_in_savepoint(TbDb *db, TbDbCall *call)
{
        TbDbFault fault = run_sql(db, "SAVEPOINT one_call", &call->error);
        if (!fault)
                fault = run_call(db, call);
        if (!fault)
                return run_sql(db, "RELEASE one_call", &call->error);
        if (fault == TB_DB_CALL && db->engine->in_transaction(db->connection)) {
                TbDbFault undone = run_sql(db, "ROLLBACK TO one_call", NULL);
                return undone ? undone : fault;
        }
        return fault;
}

static void fail_all(GPtrArray *calls, const GError *error)
{
        for (guint i = 0; i < calls->len; i++) {
                TbDbCall *call = g_ptr_array_index(calls, i);
                if (!call->error)
                        call->error = g_error_copy(error);
        }
}

/* All of them in one transaction. */
static TbDbFault write_calls(TbDb *db, GPtrArray *calls, GError **error)
{
        TbDbFault fault = run_sql(db, db->engine->begin, error);
        for (guint i = 0; i < calls->len && !fault; i++) {
                TbDbCall *call = g_ptr_array_index(calls, i);
                TbDbFault one = run_in_savepoint(db, call);
                if (one == TB_DB_CALL && db->engine->in_transaction(db->connection))
                        continue; /* its own affair */
                fault = one;
                if (fault && call->error)
                        g_propagate_error(error, g_error_copy(call->error));
        }
        if (!fault)
                fault = run_sql(db, db->engine->commit, error);
        if (fault && db->engine->in_transaction(db->connection))
                run_sql(db, db->engine->rollback, NULL);
        if (fault && error && !*error)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the transaction was not written");
        return fault;
}

static void after_fault(TbDb *db, TbDbFault fault, const GError *error)
{
        const char *said = error ? error->message : "";
        if (fault == TB_DB_DAMAGED) {
                g_autoptr(GError) why = NULL;
                g_autofree char *note = NULL;
                shut(db);
                if (begin_anew(db, said, &note, &why)) {
                        pause_before_retry(db);
                        tb_db_tell_state(db, TB_DB_FAILING, why->message);
                } else {
                        tb_db_tell_state(db, TB_DB_RUNNING, note);
                }
        } else if (fault == TB_DB_MEDIUM) {
                tb_db_tell_state(db, TB_DB_FAILING, said);
                look_whether_lost(db, said);
        } else if (fault == TB_DB_OK && db->told != TB_DB_RUNNING) {
                tb_db_tell_state(db, TB_DB_RUNNING, "");
        }
}

static void run_calls(TbDb *db, GPtrArray *calls_take)
{
        g_autoptr(GPtrArray) calls = calls_take;
        g_autoptr(GError) error = NULL;
        TbDbFault fault = TB_DB_OK;
        TbDbCall *first = g_ptr_array_index(calls, 0);
        if (!db->connection) {
                tb_set_error(&error, TB_ERROR_UNAVAILABLE, "the store is not open: %s",
                             db->said ? db->said : "");
        } else if (first->reads) {
                fault = run_call(db, first);
                if (fault > TB_DB_CALL)
                        error = g_error_copy(first->error);
        } else {
                fault = write_calls(db, calls, &error);
        }
        if (error)
                fail_all(calls, error);
        if (db->connection)
                after_fault(db, fault, error);
        tb_db_tell_results(db, g_steal_pointer(&calls));
}

static bool is_alone(const TbDbCall *call)
{
        return call->reads || call->program;
}

/* Those that write and wait together are one transaction. One that is for itself and came between is run after them. */
static void run_queue(TbDb *db, TbDbCall *first)
{
        while (first) {
                GPtrArray *calls = g_ptr_array_new_with_free_func(call_destroy);
                TbDbCall *next = NULL;
                g_ptr_array_add(calls, first);
                while (!is_alone(first) && calls->len < TB_LIMIT_DB_TRANSACTION &&
                       (next = tb_queue_take(db->calls, 0)) && !is_alone(next))
                        g_ptr_array_add(calls, g_steal_pointer(&next));
                run_calls(db, calls);
                first = next;
        }
}

void tb_db_lane(gpointer data)
{
        TbDb *db = data;
        bool open = true;
        while (open) {
                bool refused = db->told == TB_DB_REFUSED;
                look_whether_moved(db);
                if (!db->connection && !refused && g_get_monotonic_time() >= db->retry_us)
                        open_connection(db);
                TbDbCall *call = tb_queue_take(db->calls, db->connection || refused ? -1 : db->retry_us);
                if (call) {
                        look_whether_moved(db);
                        look_whether_lost(db, "the connection to the database was lost");
                        if (!db->connection && db->retry_us == 0)
                                open_connection(db);
                        run_queue(db, call);
                } else if (db->connection || refused || g_get_monotonic_time() < db->retry_us) {
                        open = false; /* the queue was closed and is empty */
                }
        }
        shut(db);
        tb_mutex_lock(&db->lock);
        db->ended = true;
        tb_cond_signal(&db->over);
        tb_mutex_unlock(&db->lock);
        tb_db_unref(db);
}
