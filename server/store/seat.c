/* Who has the database: a thread that asks PostgreSQL. */
#include "server/store/seat.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits_cluster.h"
#include "server/store/private.h"

/* postgres.c has the lock itself; whose turn it is to take it is another, which this connection keeps. */
#define LOCK "7595718147998050665"
#define TURN "7595718147998050666"
#define ANSWER_US (2 * G_USEC_PER_SEC) /* of one statement */
#define END_US (1 * G_USEC_PER_SEC)    /* how long is waited for the thread */

/* Who has the lock is known to the server that keeps it. Asking by taking it would keep others from it. */
static const char held_sql[] =
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database() AND l.objsubid = 1"
        " AND l.classid::bigint = (" LOCK "::bigint >> 32) AND l.objid::bigint = (" LOCK
        "::bigint & 4294967295)";
static const char turn_sql[] = "SELECT pg_try_advisory_lock(" TURN ")::int";
static const char leave_sql[] = "SELECT pg_advisory_unlock(" TURN ")::int";
static const char table_sql[] = "SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS seat (one "
                                "BIGINT PRIMARY KEY, server TEXT NOT NULL,"
                                " address TEXT NOT NULL, port BIGINT NOT NULL, secret TEXT NOT NULL)";
static const char who_sql[] = "SELECT server, address, port, secret FROM seat WHERE one = 1";
static const char sit_sql[] = "INSERT INTO seat (one, server, address, port, secret) VALUES (1, $1, $2, $3, "
                              "$4) ON CONFLICT (one) DO UPDATE"
                              " SET server = excluded.server, address = excluded.address, port = "
                              "excluded.port, secret = excluded.secret";

struct TbSeat {
        TbRefCount refs; /* the owner's, the thread's, each posted word's */
        char *url;       /* owned */
        void (*told)(const TbSeatWord *word, gpointer data); /* main; NULL after tb_seat_free() */
        gpointer data;
        TbMutex lock;
        TbCond cond;
        bool stop, ended, look, leave; /* under `lock` */
        TbSeatWord *sits;              /* owned; to be written; under `lock` */
        /* the thread's */
        gpointer connection;
        bool has_turn, has_table;
        gint64 looked_us;
};

typedef struct Posted {
        TbSeat *seat; /* ref */
        TbSeatWord word;
} Posted;

static void word_clear(TbSeatWord *word)
{
        g_free(word->reason);
        g_free(word->server);
        g_free(word->address);
        g_free(word->secret);
        *word = (TbSeatWord){0};
}

static void seat_unref(TbSeat *seat)
{
        if (!tb_ref_dec(&seat->refs))
                return;
        if (seat->sits)
                word_clear(seat->sits);
        g_free(seat->sits);
        tb_cond_clear(&seat->cond);
        tb_mutex_clear(&seat->lock);
        g_free(seat->url);
        g_free(seat);
}

static void on_word(gpointer data)
{
        Posted *posted = data;
        if (posted->seat->told)
                posted->seat->told(&posted->word, posted->seat->data);
        word_clear(&posted->word);
        seat_unref(posted->seat);
        g_free(posted);
}

/* --- the thread --- */
static void shut(TbSeat *seat)
{
        if (seat->connection)
                tb_db_postgres.close(seat->connection);
        seat->connection = NULL;
        seat->has_turn = seat->has_table = false;
}

/* Rows of a statement; NULL with the error: the connection is shut. */
static TbDbResult *run(TbSeat *seat, const TbDbStatement *statement, GError **error)
{
        TbDbResult *rows = tb_db_result_new();
        TbDbFault fault = tb_db_postgres.run(seat->connection, statement, g_get_monotonic_time() + ANSWER_US,
                                             rows, error);
        if (fault == TB_DB_OK)
                return rows;
        tb_db_result_free(rows);
        shut(seat);
        return NULL;
}

/* The number that a statement gives; -1: an error. */
static gint64 number(TbSeat *seat, const char *sql, GError **error)
{
        const TbDbStatement statement = {.sql = sql};
        TbDbResult *rows = run(seat, &statement, error);
        gint64 n = rows && tb_db_rows(rows) > 0 ? tb_db_get_int(rows, 0, 0) : -1;
        if (rows)
                tb_db_result_free(rows);
        return n;
}

static bool is_open(TbSeat *seat, GError **error)
{
        TbDbFault fault;
        if (!seat->connection)
                seat->connection = tb_db_postgres.open_beside(seat->url, &fault, error);
        if (!seat->connection)
                return false;
        if (!seat->has_table && tb_db_postgres.script(seat->connection, table_sql, error) != TB_DB_OK) {
                shut(seat); /* two at once: the next try finds it */
                return false;
        }
        seat->has_table = true;
        return true;
}

static TbDbValue text_of(char *text)
{
        return (TbDbValue){.kind = TB_DB_TEXT, .bytes = text, .size = strlen(text)};
}

static bool sit(TbSeat *seat, const TbSeatWord *as, GError **error)
{
        TbDbStatement statement = {.sql = sit_sql, .n_params = 4};
        statement.params[0] = text_of(as->server);
        statement.params[1] = text_of(as->address);
        statement.params[2] = (TbDbValue){.kind = TB_DB_INT, .integer = as->port};
        statement.params[3] = text_of(as->secret);
        TbDbResult *rows = run(seat, &statement, error);
        if (rows)
                tb_db_result_free(rows);
        return rows != NULL;
}

static void who(TbSeat *seat, TbSeatWord *word, GError **error)
{
        const TbDbStatement statement = {.sql = who_sql};
        TbDbResult *rows = run(seat, &statement, error);
        if (rows && tb_db_rows(rows) > 0) {
                word->server = g_strdup(tb_db_get_text(rows, 0, 0));
                word->address = g_strdup(tb_db_get_text(rows, 0, 1));
                word->port = (guint16)tb_db_get_int(rows, 0, 2);
                word->secret = g_strdup(tb_db_get_text(rows, 0, 3));
        }
        if (rows)
                tb_db_result_free(rows);
}

static TbSeatState look(TbSeat *seat, TbSeatWord *word, GError **error)
{
        gint64 held = number(seat, held_sql, error);
        if (held < 0)
                return TB_SEAT_UNKNOWN;
        if (held == 0 && !seat->has_turn)
                seat->has_turn = number(seat, turn_sql, error) == 1;
        if (held == 0 && seat->has_turn)
                return TB_SEAT_YOURS;
        if (seat->connection && held > 0)
                who(seat, word, error);
        return seat->connection ? TB_SEAT_HELD : TB_SEAT_UNKNOWN;
}

/* What main wants, then a look. */
static void turn(TbSeat *seat, bool leaves, TbSeatWord *sits_take)
{
        g_autoptr(GError) error = NULL;
        Posted *posted = g_new0(Posted, 1);
        bool ok = is_open(seat, &error);
        if (ok && leaves && seat->has_turn) {
                number(seat, leave_sql, &error);
                seat->has_turn = false;
        }
        if (ok && seat->connection && sits_take)
                sit(seat, sits_take, &error);
        if (ok && seat->connection)
                posted->word.state = look(seat, &posted->word, &error);
        if (sits_take)
                word_clear(sits_take);
        g_free(sits_take);
        posted->word.reason = g_strdup(error ? error->message : "");
        seat->looked_us = g_get_monotonic_time();
        posted->seat = seat;
        tb_ref_inc(&seat->refs);
        if (tb_main_post(on_word, posted))
                return;
        word_clear(&posted->word);
        seat_unref(seat);
        g_free(posted);
}

static void watch(gpointer data)
{
        TbSeat *seat = data;
        tb_mutex_lock(&seat->lock);
        while (!seat->stop) {
                bool hurry = seat->look || seat->leave || seat->sits;
                gint64 pause_us = (seat->leave || seat->sits ? 0
                                   : hurry                   ? TB_LIMIT_SEAT_AGAIN_MS
                                                             : TB_LIMIT_SEAT_LOOK_MS) *
                                  1000;
                if (g_get_monotonic_time() < seat->looked_us + pause_us) {
                        tb_cond_wait_until(&seat->cond, &seat->lock, seat->looked_us + pause_us);
                        continue;
                }
                bool leaves = seat->leave;
                TbSeatWord *sits = g_steal_pointer(&seat->sits);
                seat->look = seat->leave = false;
                tb_mutex_unlock(&seat->lock);
                turn(seat, leaves, sits);
                tb_mutex_lock(&seat->lock);
        }
        tb_mutex_unlock(&seat->lock);
        shut(seat);
        tb_mutex_lock(&seat->lock);
        seat->ended = true;
        tb_cond_signal(&seat->cond);
        tb_mutex_unlock(&seat->lock);
        seat_unref(seat);
}

/* --- main --- */
TbSeat *tb_seat_new(const char *url, void (*told)(const TbSeatWord *word, gpointer data), gpointer data,
                    GError **error)
{
        TbSeat *seat = g_new0(TbSeat, 1);
        tb_ref_init(&seat->refs);
        tb_ref_inc(&seat->refs); /* the thread's */
        tb_mutex_init(&seat->lock);
        tb_cond_init(&seat->cond);
        seat->url = g_strdup(url);
        seat->told = told;
        seat->data = data;
        if (tb_thread_try_detach("seat", watch, seat, error))
                return seat;
        seat_unref(seat);
        seat_unref(seat);
        return NULL;
}

void tb_seat_look(TbSeat *seat)
{
        tb_mutex_lock(&seat->lock);
        seat->look = true;
        tb_cond_signal(&seat->cond);
        tb_mutex_unlock(&seat->lock);
}

void tb_seat_sit(TbSeat *seat, const char *server, const char *address, guint16 port, const char *secret)
{
        TbSeatWord *as = g_new0(TbSeatWord, 1);
        *as = (TbSeatWord){.server = g_strdup(server),
                           .address = g_strdup(address),
                           .port = port,
                           .secret = g_strdup(secret)};
        tb_mutex_lock(&seat->lock);
        if (seat->sits)
                word_clear(seat->sits);
        g_free(seat->sits);
        seat->sits = as;
        tb_cond_signal(&seat->cond);
        tb_mutex_unlock(&seat->lock);
}

void tb_seat_leave(TbSeat *seat)
{
        tb_mutex_lock(&seat->lock);
        seat->leave = true;
        tb_cond_signal(&seat->cond);
        tb_mutex_unlock(&seat->lock);
}

void tb_seat_free(TbSeat *seat)
{
        if (!seat)
                return;
        gint64 until_us = g_get_monotonic_time() + END_US;
        seat->told = NULL;
        tb_mutex_lock(&seat->lock);
        seat->stop = true;
        tb_cond_broadcast(&seat->cond);
        while (!seat->ended && tb_cond_wait_until(&seat->cond, &seat->lock, until_us))
                ;
        tb_mutex_unlock(&seat->lock);
        seat_unref(seat);
}
