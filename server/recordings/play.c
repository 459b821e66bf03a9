/*
 * A track, from anywhere in it: its chunks one behind the other, each opened by a thread of this answer.
 *
 *   main: tb_blobs_get() of chunk k -> a pipe -> thread: asks for the next, opens this one -> the answer's pipe
 */
#include <openssl/crypto.h>
#include <string.h>

#include "lib/http/range.h"
#include "lib/limits.h"
#include "lib/limits_recordings.h"
#include "lib/log.h"
#include "lib/refcount.h"
#include "lib/thread.h"
#include "server/recordings/private.h"
#include "server/store/sql.h"

#define PIPE 65536
#define AHEAD 1 /* chunks that are fetched before they are wanted */

typedef struct Piece {
        guint n;
        gint64 size; /* bytes, before it was sealed */
} Piece;

typedef struct TbRecPlay {
        TbRefCount ref;           /* main's, and the thread's */
        TbRecordings *recordings; /* borrowed, main only; NULL: it has gone */
        GList link;               /* main only; in recordings->plays */
        char *id, *track;         /* owned */
        guint8 key[TB_SEAL_KEY];
        Piece *pieces;     /* owned */
        guint first, last; /* of `pieces`, those that are wanted */
        guint next;        /* main only: to be fetched */
        gint64 skip,
                wanted; /* the thread's; bytes of the first one that are left out; of all, that are still to be sent */
        TbQueue *pipes; /* owned TbPipe, in their order */
        TbPipe *out;    /* ref */
        bool tampered;  /* the thread's, until it has ended */
} TbRecPlay;

static void fetch(TbRecPlay *play);

static void play_unref(TbRecPlay *play)
{
        if (!tb_ref_dec(&play->ref))
                return;
        OPENSSL_cleanse(play->key, sizeof play->key);
        tb_queue_free(play->pipes);
        tb_pipe_unref(play->out);
        g_free(play->pieces);
        g_free(play->id);
        g_free(play->track);
        g_free(play);
}

static void pipe_free(gpointer pipe)
{
        tb_pipe_unref(pipe);
}

/* --- its thread --- */
/* All of one chunk, which has `size` bytes in `buf`. */
static bool read_all(TbPipe *in, guint8 *buf, gsize size, GError **error)
{
        gsize have = 0;
        while (have < size) {
                gssize n = tb_pipe_read(in, buf + have, size - have, error);
                if (n < 0)
                        return false;
                if (n == 0)
                        break;
                have += (gsize)n;
        }
        if (have == size)
                return true;
        tb_set_error(error, TB_ERROR_INTERNAL, "a chunk was cut where it lies");
        return false;
}

static bool pass_on(TbRecPlay *play, TbPipe *in, guint at, guint8 *sealed, guint8 *plain, GError **error)
{
        const Piece *piece = &play->pieces[at];
        gsize size = (gsize)piece->size, from = at == play->first ? (gsize)play->skip : 0;
        gsize n = MIN(size - from, (gsize)play->wanted);
        if (!read_all(in, sealed, size + TB_SEAL_OVER, error))
                return false;
        if (!tb_seal_open(play->key, &(TbSealPlace){play->id, play->track, piece->n}, sealed,
                          size + TB_SEAL_OVER, plain, error)) {
                play->tampered = true;
                return false;
        }
        play->wanted -= (gint64)n;
        return tb_pipe_write(play->out, plain + from, n, error);
}

static void end(TbRecPlay *play)
{
        if (play->recordings)
                g_queue_unlink(&play->recordings->plays, &play->link);
        play->recordings = NULL;
        tb_queue_close(play->pipes);
        play_unref(play);
}

static void on_over(gpointer data)
{
        TbRecPlay *play = data;
        if (play->recordings) {
                play->recordings->tampered += play->tampered;
                end(play);
        }
        play_unref(play);
}

static void on_taken(gpointer data)
{
        TbRecPlay *play = data;
        if (play->recordings)
                fetch(play);
        play_unref(play);
}

/* The next one is fetched while this one is passed on. */
static TbPipe *take(TbRecPlay *play, guint at)
{
        TbPipe *in = tb_queue_take(play->pipes, -1);
        if (!in || at == play->last)
                return in;
        tb_ref_inc(&play->ref);
        if (!tb_main_post(on_taken, play))
                play_unref(play);
        return in;
}

static void run(gpointer data)
{
        TbRecPlay *play = data;
        g_autoptr(GError) error = NULL;
        gint64 most = 0;
        for (guint at = play->first; at <= play->last; at++)
                most = MAX(most, play->pieces[at].size);
        g_autofree guint8 *sealed = g_malloc((gsize)most + TB_SEAL_OVER), *plain = g_malloc((gsize)most);
        for (guint at = play->first; at <= play->last && !error; at++) {
                g_autoptr(TbPipe) in = take(play, at);
                if (!in)
                        tb_set_error(&error, TB_ERROR_UNAVAILABLE,
                                     "a chunk of this recording cannot be read where it lies");
                else if (!pass_on(play, in, at, sealed, plain, &error))
                        tb_pipe_fail(in, error); /* who fetches it need not go on */
        }
        if (error) {
                if (play->tampered)
                        tb_log(TB_LOG_ERROR, TB_F("recording", play->id), "%s", error->message);
                tb_pipe_fail(play->out, error);
        } else {
                tb_pipe_finish(play->out);
        }
        if (!tb_main_post(on_over, play))
                play_unref(play);
}

/* --- on main: chunks are fetched --- */
static void fetch(TbRecPlay *play)
{
        const Piece *piece = &play->pieces[play->next++];
        g_autoptr(GError) error = NULL;
        g_autofree char *name = tb_rec_blob_name(play->id, play->track, piece->n);
        g_autoptr(TbPipe) pipe = tb_pipe_new(PIPE);
        if (!tb_blobs_get(play->recordings->blobs, name, NULL, 0, piece->size + TB_SEAL_OVER, pipe, NULL,
                          NULL, &error))
                tb_pipe_fail(pipe, error);
        if (!tb_queue_push(play->pipes, tb_pipe_ref(pipe))) /* closed: the server ends */
                tb_pipe_unref(pipe);
}

void tb_rec_plays_end(TbRecordings *recordings)
{
        while (recordings->plays.head)
                end(recordings->plays.head->data);
}

/* --- the answer --- */
static TbRecPlay *new_play(TbRecAsk *ask, const TbDbResult *rows, gint64 from, gint64 n)
{
        TbRecPlay *play = g_new0(TbRecPlay, 1);
        gint64 at = 0;
        bool begun = false;
        tb_ref_init(&play->ref);
        play->recordings = ask->recordings;
        play->id = g_strdup(ask->id);
        play->track = g_strdup(ask->track);
        memcpy(play->key, ask->key, sizeof play->key);
        play->pieces = g_new0(Piece, tb_db_rows(rows));
        play->pipes = tb_queue_new(AHEAD, pipe_free);
        play->out = tb_pipe_new(PIPE);
        play->wanted = n;
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                gint64 size = tb_db_get_int(rows, i, 1);
                play->pieces[i] = (Piece){(guint)tb_db_get_int(rows, i, 0), size};
                if (!begun && at + size > from) {
                        begun = true;
                        play->first = i;
                        play->skip = from - at;
                }
                if (at < from + n)
                        play->last = i;
                at += size;
        }
        play->next = play->first;
        return play;
}

static void start(TbRecAsk *ask, const TbDbResult *rows, gint64 from, gint64 n, const char *mime, int status)
{
        g_autoptr(GError) error = NULL;
        TbRecordings *recordings = ask->recordings;
        TbRecPlay *play = new_play(ask, rows, from, n);
        tb_ref_inc(&play->ref);
        if (!tb_thread_try_detach("recording", run, play, &error)) {
                play_unref(play);
                play_unref(play);
                tb_rec_ask_error(ask, error);
                return;
        }
        play->link.data = play;
        g_queue_push_tail_link(&recordings->plays, &play->link);
        tb_request_reply_pipe(ask->request, status, mime, n, play->out);
        tb_rec_ask_free(ask);
        fetch(play);
}

static void on_chunks(TbRecAsk *ask, const TbDbResult *rows)
{
        gint64 size = 0, from = 0, n = 0;
        for (guint i = 0; i < tb_db_rows(rows); i++)
                size += tb_db_get_int(rows, i, 1);
        n = size;
        if (size == 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_NOT_FOUND, "Nothing of this track is there");
                return;
        }
        TbRange range = tb_range_parse(tb_request_header(ask->request, "Range"), size, &from, &n);
        if (from == 0)
                tb_rec_note(ask, "recording.play", ask->track);
        g_autofree char *part =
                range == TB_RANGE_NONE
                        ? g_strdup_printf("bytes */%" G_GINT64_FORMAT, size)
                        : g_strdup_printf("bytes %" G_GINT64_FORMAT "-%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
                                          from, from + n - 1, size);
        if (range != TB_RANGE_ALL)
                tb_request_add_header(ask->request, "Content-Range", part);
        if (range == TB_RANGE_NONE) {
                tb_request_reply_text(ask->request, 416, "text/plain; charset=utf-8",
                                      "nothing of that range is there\n");
                tb_rec_ask_free(ask);
                return;
        }
        tb_request_add_header(ask->request, "Accept-Ranges", "bytes");
        tb_request_add_header(ask->request, "Cache-Control", "no-store");
        tb_request_add_header(ask->request, "Content-Security-Policy",
                              "default-src 'none'; media-src 'self'; sandbox");
        g_autofree char *mime = g_strdup(tb_db_get_text(rows, 0, 2));
        start(ask, rows, from, n, mime, range == TB_RANGE_PART ? 206 : 200);
}

void tb_rec_play_found(TbRecAsk *ask, const TbDbResult *rows)
{
        if (ask->status == TB_REC_PENDING || ask->status == TB_REC_RECORDING) {
                tb_rec_ask_refuse(ask, TB_ERROR_BUSY, "It is still being recorded: stop it first");
                return;
        }
        if (!tb_rec_open_key(ask, rows) || !tb_rec_take_place(ask))
                return;
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_recording_chunks);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->track);
        tb_rec_ask_run(ask, call, on_chunks);
}

void tb_rec_play(TbRequest *request, gpointer data)
{
        tb_rec_find(request, data, tb_rec_play_found);
}
