#pragma once
/*
 * A database behind a lane: a worker thread with a connection of its own, straight-line code, results posted back to
 * the main thread. Nothing here ever waits for the disk on the main thread.
 *
 *   main: TbDbCall (statements with parameters) -> tb_db_submit_take() -> bounded queue -> lane: one transaction
 *   main: done(result or error) <-------------------------- posted -------------------------------'
 *
 * Calls that write and wait in the queue together become one transaction (each in a savepoint of its own: one that fails
 * takes nobody along). A call that was answered without an error is on the disk as far as the system is concerned: it
 * survives SIGKILL. Power loss may cost the last of them, never the file (WAL, synchronous=NORMAL).
 *
 * A medium that fails (full, read-only, I/O, a database server that is away) fails the calls, not the program: TB_DB_FAILING with the reason, and the
 * lane goes on trying. A damaged file is put aside with its date and a new one is begun: `tb_db_generation()` changes and
 * whoever keeps things there writes them again. A file of a newer program is TB_DB_REFUSED, and stays as it is.
 * Main thread, all of it.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbDb TbDb;
typedef struct TbDbCall TbDbCall;
typedef struct TbDbResult TbDbResult;

typedef enum TbDbState {
        TB_DB_OPENING,
        TB_DB_RUNNING,
        TB_DB_FAILING, /* tried again */
        TB_DB_REFUSED, /* a newer program's file: not tried again */
} TbDbState;

/* --- calls --- */
#define TB_DB_PARAMS 16 /* of one statement */

TbDbCall *tb_db_call_new(void);
TbDbCall *tb_db_call_reads(void); /* changes nothing: takes part in no transaction */
void tb_db_call_free(TbDbCall *call);
/* The next statement of the call; `sql` is static text with $1, $2 …. The parameters follow in their order. */
void tb_db_statement(TbDbCall *call, const char *sql);
void tb_db_int(TbDbCall *call, gint64 value);
void tb_db_text(TbDbCall *call, const char *value);              /* copied; NULL is NULL */
void tb_db_bytes(TbDbCall *call, const void *bytes, gsize size); /* copied */

/* --- results: the rows of all statements of the call --- */
guint tb_db_rows(const TbDbResult *result); /* NULL (there is an error instead): 0 */
gint64 tb_db_get_int(const TbDbResult *result, guint row, guint column);
const char *tb_db_get_text(const TbDbResult *result, guint row, guint column); /* borrowed; NULL is NULL */
const void *tb_db_get_bytes(const TbDbResult *result, guint row, guint column,
                            gsize *ret_size); /* borrowed */

/* --- the lane --- */
typedef struct TbDbEngine TbDbEngine;
extern const TbDbEngine tb_db_sqlite; /* `where`: the path of its file, which is made, 0600 */
extern const TbDbEngine
        tb_db_postgres; /* `where`: postgresql://…; its one user, as long as it is connected */

/* Of a DATABASE_URL; NULL: SQLite. NULL with TB_ERROR_INVALID: it is none that we know. */
const TbDbEngine *tb_db_engine_of(const char *url, GError **error);
/* The call's statements, in a store that is brought up to this program's schema before, and waits for it: for commands, beside a server
 * that runs or without one. Takes `call`; *ret_rows (nullable) is the caller's, tb_db_result_free(). Any thread. */
bool tb_db_run_now(const TbDbEngine *engine, const char *where, TbDbCall *call_take, TbDbResult **ret_rows,
                   GError **error);
void tb_db_result_free(TbDbResult *result);
/* Makes what is missing in the store, and waits for it. *ret_schema: the number that it has then. Any thread. */
bool tb_db_migrate_now(const TbDbEngine *engine, const char *where, gint64 *ret_schema, GError **error);

/* `changed` (nullable) runs whenever the state, its reason or the generation did. Returns at once: the lane opens. */
TbDb *tb_db_new(const TbDbEngine *engine, const char *where, void (*changed)(gpointer data), gpointer data);
/* Runs what is queued, for at most `grace_ms`; what a stalled disk holds on to is given up. No callback runs after it. */
void tb_db_free(TbDb *db, guint grace_ms);

/* One of both is NULL; both are borrowed. */
typedef void (*TbDbDone)(const TbDbResult *result, const GError *error, gpointer data);
/* `done` (nullable) runs later, exactly once, unless the lane is freed before. False with TB_ERROR_UNAVAILABLE: the
 * queue is full (TB_LIMIT_DB_QUEUE calls, TB_LIMIT_DB_QUEUE_BYTES); the call is freed, `done` does not run.
 * Errors of `done`: TB_ERROR_TIMEOUT (its TB_LIMIT_DB_CALL_MS were over before it was its turn, or while it ran),
 * TB_ERROR_UNAVAILABLE (the medium), TB_ERROR_INVALID (the statement, a constraint). */
bool tb_db_submit_take(TbDb *db, TbDbCall *call, TbDbDone done, gpointer data, GError **error);

TbDbState tb_db_state(const TbDb *db);
const char *tb_db_reason(const TbDb *db);      /* why it does not run, or what happened at the start; "" */
guint tb_db_generation(const TbDb *db);        /* 0, 1 …: how often the file had to be begun anew */
gint64 tb_db_waiting_ms(const TbDb *db);       /* how long the oldest call is under way; 0: none is */
void tb_db_metrics(GString *out, gpointer db); /* lines of /metrics */
