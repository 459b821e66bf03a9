#pragma once
/* What the lane, the engines and the calls share. Lane thread, where nothing else is said. */
#include "lib/refcount.h"
#include "lib/thread.h"
#include "server/store/db.h"

typedef enum TbDbKind { TB_DB_NULL, TB_DB_INT, TB_DB_TEXT, TB_DB_BYTES } TbDbKind;

typedef struct TbDbValue {
        TbDbKind kind;
        gint64 integer;
        char *bytes; /* owned; NUL-terminated */
        gsize size;
} TbDbValue;

void tb_db_value_clear(TbDbValue *value);

typedef struct TbDbStatement {
        const char *sql; /* static */
        guint n_params;
        TbDbValue params[TB_DB_PARAMS];
} TbDbStatement;

/* Whose fault it is that something failed. */
typedef enum TbDbFault {
        TB_DB_OK,
        TB_DB_CALL,    /* the statement's, a constraint's: the next call may do */
        TB_DB_MEDIUM,  /* full, read-only, I/O: the next try may do */
        TB_DB_DAMAGED, /* not a database, or not any more */
        TB_DB_FOREIGN, /* a newer program's */
} TbDbFault;

struct TbDbResult {
        GArray *values; /* owned TbDbValue, row by row */
        guint columns;
        guint rows;
        gsize bytes;
};

TbDbResult *tb_db_result_new(void);
void tb_db_result_add(TbDbResult *result, TbDbValue value); /* which it owns from then on */
/* False: it is longer than a result may be. */
bool tb_db_result_is_short(const TbDbResult *result, GError **error);

typedef TbDbFault (*TbDbProgram)(const TbDbEngine *engine, gpointer connection, gint64 until_us,
                                 gpointer data, GError **error);

struct TbDbCall {
        bool reads;
        TbDbProgram
                program; /* nullable: runs on the lane after the statements, where what to write depends on what is there */
        gpointer program_data;
        GDestroyNotify program_free; /* nullable */
        GArray *statements;          /* owned TbDbStatement */
        gsize bytes;                 /* of the parameters, roughly */
        /* of one that was submitted */
        TbDbDone done;
        gpointer data;
        gint64 since_us, until_us; /* monotonic */
        TbDbResult *result;        /* owned; NULL: failed */
        GError *error;             /* owned */
};

/* `data` is freed by `free` with the call. Such a call has a transaction of its own: what it locks it does not hold for others, who
 * may have locked what another server holds that waits for it. */
void tb_db_call_program(TbDbCall *call, TbDbProgram program, gpointer data, GDestroyNotify free);

/* A database system. `connection` belongs to the thread that opened it. */
struct TbDbEngine {
        const char *begin, *commit, *rollback; /* SQL */
        gpointer (*open)(const char *where, TbDbFault *ret_fault, GError **error);
        /* The same for a command, beside a server that may have it open as its one user; NULL: `open` does that. */
        gpointer (*open_beside)(const char *where, TbDbFault *ret_fault, GError **error);
        void (*close)(gpointer connection);
        /* One statement; rows are appended to `result` (nullable). Ends with TB_ERROR_TIMEOUT at `until_us`. */
        TbDbFault (*run)(gpointer connection, const TbDbStatement *statement, gint64 until_us,
                         TbDbResult *result, GError **error);
        TbDbFault (*script)(gpointer connection, const char *sql, GError **error); /* several statements */
        bool (*in_transaction)(gpointer connection);
        bool (*moved)(gpointer connection); /* what is open is not at its place any more */
        /* Puts what is there aside; the new name is the caller's. */
        char *(*put_aside)(const char *where, GError **error);
        bool (*lost)(
                gpointer connection);     /* what is open is of no use any more; NULL: that does not happen */
        char *(*name)(const char *where); /* as it may be shown, the caller's; NULL: as it is */
};

/* Brings the schema up to this program's; TB_DB_FOREIGN when it is newer. */
TbDbFault tb_db_migrate(const TbDbEngine *engine, gpointer connection, GError **error);

/* What a program (above) works with, and what it does to the audit log (server/store/audit_chain.c). */
typedef struct TbAuditLane {
        const TbDbEngine *engine;
        gpointer connection;
        gint64 until_us;
        GError **error;
} TbAuditLane;
/* The statements of `call_take`; *ret_rows (nullable) is the caller's also when it fails. */
TbDbFault tb_audit_lane_run(const TbAuditLane *lane, TbDbCall *call_take, TbDbResult **ret_rows);
/* From here to the end of the transaction nobody else adds an entry. */
TbDbFault tb_audit_lane_hold(const TbAuditLane *lane);
/* One entry; `fields` as in TbAuditRow. */
TbDbFault tb_audit_lane_add(const TbAuditLane *lane, gint64 id, gint64 at_ms, const char *const fields[]);

/* What is in the audit log already becomes a chain (server/store/audit_chain.h); within a transaction of the caller. */
TbDbFault tb_audit_chain_old(const TbDbEngine *engine, gpointer connection, GError **error);

struct TbDb {
        TbRefCount refs; /* the owner's, the lane's, each posted message's */
        const TbDbEngine *engine;
        char *where;    /* owned; may bear a password */
        char *name;     /* owned; for people */
        TbQueue *calls; /* owned */
        /* main */
        void (*changed)(gpointer data); /* NULL after tb_db_free() */
        gpointer data;
        bool closed;
        TbDbState state;
        char *reason; /* owned */
        guint generation;
        gsize bytes;      /* of the calls under way */
        GQueue under_way; /* TbDbCall, oldest first; borrowed */
        guint64 calls_done, calls_failed, transactions;
        double seconds; /* from submit to result, all calls */
        /* both, under `lock` */
        TbMutex lock;
        TbCond over;
        bool ended; /* the lane has */
        bool gone;  /* the owner is: nothing may be posted */
        /* lane */
        gpointer connection; /* NULL: not open */
        guint begun;         /* generation */
        char *said;          /* owned: the reason that main was told */
        TbDbState told;
        gint64 looked_us, retry_us;
        guint retry_ms;
};

void tb_db_unref(TbDb *db);
/* To the main thread: a change of state; what became of calls. Lane thread. */
void tb_db_tell_state(TbDb *db, TbDbState state, const char *reason);
void tb_db_tell_results(TbDb *db, GPtrArray *calls_take);
void tb_db_lane(gpointer db); /* the thread */
