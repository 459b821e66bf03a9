/* Tracks that browsers record, and their chunks: put once, or again after a lost link, a closed page, a server that was killed. */
#include <string.h>

#include "lib/limits.h"
#include "lib/limits_recordings.h"
#include "server/recordings/private.h"
#include "server/store/sql.h"

/* What is his own may come; false: refused, and the ask has ended. */
static bool may_upload(TbRecAsk *ask)
{
        if (!tb_recording_track_valid(ask->track))
                tb_rec_ask_refuse(ask, TB_ERROR_INVALID,
                                  "A track has 1 to 40 letters, digits, - and _ as its name");
        else if (!ask->was_asked || ask->answer != TB_REC_YES)
                tb_rec_ask_refuse(ask, TB_ERROR_FORBIDDEN, "You have not agreed to be recorded");
        else if (!tb_recording_takes(ask->status, ask->stopped_ms, ask->now_ms))
                tb_rec_ask_refuse(ask, TB_ERROR_INVALID, "Recording is not in progress");
        else
                return true;
        return false;
}

static void ask_place(const TbRecAsk *ask, TbDbCall *call)
{
        tb_db_statement(
                call,
                tb_sql_recording_place); /* its columns: whose, how many chunks, size and whether stored of this one */
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->track);
        tb_db_int(call, ask->n);
}

static bool is_his(TbRecAsk *ask, const TbDbResult *rows, TbErrorCode none, const char *text)
{
        if (tb_db_rows(rows) == 0)
                tb_rec_ask_refuse(ask, none, text);
        else if (g_strcmp0(tb_db_get_text(rows, 0, 0), ask->user) != 0)
                tb_rec_ask_refuse(ask, TB_ERROR_BUSY, "This track is somebody else's: choose another name");
        else
                return true;
        return false;
}

/* --- a track --- */
static void on_track(TbRecAsk *ask, const TbDbResult *rows)
{
        if (!is_his(ask, rows, TB_ERROR_LIMIT, "This recording has as many tracks as one can have"))
                return;
        gint64 chunks = tb_db_get_int(rows, 0, 1);
        tb_rec_ask_json(ask, 200,
                        json_pack("{s:s, s:o}", "track", ask->track, "chunks",
                                  chunks < 0 ? json_null() : json_integer(chunks)));
}

static void add_track(TbRecAsk *ask, const TbDbResult *rows G_GNUC_UNUSED)
{
        const json_t *in = tb_request_json(ask->request);
        const char *mime = json_string_value(json_object_get(in, "mimeType"));
        if (!may_upload(ask))
                return;
        if (!tb_recording_mime_valid(mime)) {
                tb_rec_ask_refuse(ask, TB_ERROR_INVALID,
                                  "mimeType must be video or audio, of WebM, MP4 or Ogg");
                return;
        }
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_track_add);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->track);
        tb_db_text(call, ask->user);
        tb_db_text(call, json_string_value(json_object_get(in, "kind")));
        tb_db_text(call, mime);
        tb_db_int(call, json_integer_value(json_object_get(in, "offsetMs")));
        tb_db_int(call, TB_LIMIT_RECORDING_TRACKS);
        ask_place(ask, call);
        tb_rec_ask_run(ask, call, on_track);
}

void tb_rec_track(TbRequest *request, gpointer data)
{
        tb_rec_find(request, data, add_track);
}

/* --- its end --- */
static void on_ended(TbRecAsk *ask, const TbDbResult *rows)
{
        gint64 said = json_integer_value(json_object_get(tb_request_json(ask->request), "chunks"));
        for (guint i = 0; i < tb_db_rows(rows); i++) { /* columns of recording-tracks.sql */
                if (strcmp(tb_db_get_text(rows, i, 0), ask->track) != 0)
                        continue;
                if (tb_db_get_int(rows, i, 5) != said)
                        tb_rec_ask_refuse(ask, TB_ERROR_BUSY,
                                          "This track has ended with another number of chunks");
                else
                        tb_rec_ask_json(ask, 200,
                                        json_pack("{s:s, s:I, s:I}", "track", ask->track, "chunks",
                                                  (json_int_t)said, "received",
                                                  (json_int_t)tb_db_get_int(rows, i, 6)));
                return;
        }
        tb_rec_ask_refuse(ask, TB_ERROR_NOT_FOUND, "Track not found");
}

static void on_track_to_end(TbRecAsk *ask, const TbDbResult *rows)
{
        if (!is_his(ask, rows, TB_ERROR_NOT_FOUND, "Track not found"))
                return;
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_track_end);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->track);
        tb_db_int(call, json_integer_value(json_object_get(tb_request_json(ask->request), "chunks")));
        tb_db_statement(call, tb_sql_recording_tracks);
        tb_db_text(call, ask->id);
        tb_rec_ask_run(ask, call, on_ended);
}

static void end_track(TbRecAsk *ask, const TbDbResult *rows G_GNUC_UNUSED)
{
        if (!may_upload(ask))
                return;
        TbDbCall *call = tb_db_call_reads();
        ask_place(ask, call);
        tb_rec_ask_run(ask, call, on_track_to_end);
}

void tb_rec_track_end(TbRequest *request, gpointer data)
{
        tb_rec_find(request, data, end_track);
}

/* --- a chunk: its row, the blob, its row again --- */
static gsize size_of(const TbRecAsk *ask)
{
        return g_bytes_get_size(tb_request_body(ask->request));
}

static void on_noted(TbRecAsk *ask, const TbDbResult *rows G_GNUC_UNUSED)
{
        ask->recordings->stored_bytes += size_of(ask);
        tb_rec_ask_json(ask, 201, NULL);
}

static void on_put(const TbBlobInfo *info, const GError *error, gpointer data)
{
        TbRecAsk *ask = data;
        if (!info) {
                tb_rec_ask_error(ask, error);
                return;
        }
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_chunk_stored);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->track);
        tb_db_int(call, ask->n);
        tb_db_int(call, (gint64)size_of(ask));
        tb_rec_ask_run(ask, call, on_noted);
}

static void on_promised(TbRecAsk *ask, const TbDbResult *rows)
{
        g_autoptr(GError) error = NULL;
        gsize size = 0, sealed_size;
        const void *bytes = g_bytes_get_data(tb_request_body(ask->request), &size);
        if (tb_db_rows(rows) == 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_TOO_LARGE,
                                  "This recording has as many bytes as one may have (recordings.max_bytes)");
                return;
        }
        sealed_size = size + TB_SEAL_OVER;
        g_autofree guint8 *sealed = g_malloc(sealed_size);
        g_autofree char *name = tb_rec_blob_name(ask->id, ask->track, ask->n);
        g_autoptr(TbPipe) pipe = tb_pipe_new(sealed_size);
        if (tb_seal_chunk(ask->key, &(TbSealPlace){ask->id, ask->track, ask->n}, bytes, size, sealed,
                          &error)) {
                tb_pipe_try_write(pipe, sealed, sealed_size, NULL); /* it takes all of it */
                tb_pipe_finish(pipe);
                if (tb_blobs_put(ask->recordings->blobs, name, (gint64)sealed_size, pipe, on_put, ask,
                                 &error))
                        return;
        }
        tb_rec_ask_error(ask, error);
}

static void on_place(TbRecAsk *ask, const TbDbResult *rows)
{
        if (!is_his(ask, rows, TB_ERROR_NOT_FOUND, "Track not found: PUT it before its chunks"))
                return;
        gint64 chunks = tb_db_get_int(rows, 0, 1), had = tb_db_get_int(rows, 0, 2);
        if (tb_db_get_int(rows, 0, 3)) {
                if (had == (gint64)size_of(ask))
                        tb_rec_ask_json(ask, 204, NULL);
                else
                        tb_rec_ask_refuse(ask, TB_ERROR_BUSY,
                                          "Another chunk of this number is there already");
                return;
        }
        if (chunks >= 0 && ask->n >= chunks) {
                tb_rec_ask_refuse(ask, TB_ERROR_BUSY, "This track has ended with fewer chunks");
                return;
        }
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_chunk_add);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->track);
        tb_db_int(call, ask->n);
        tb_db_int(call, (gint64)size_of(ask));
        tb_db_int(call, (gint64)ask->recordings->options.config->most_bytes);
        tb_rec_ask_run(ask, call, on_promised);
}

static void chunk(TbRecAsk *ask, const TbDbResult *rows)
{
        guint64 n = 0;
        if (!may_upload(ask))
                return;
        if (!g_ascii_string_to_unsigned(tb_request_arg(ask->request, "n"), 10, 0,
                                        TB_LIMIT_RECORDING_CHUNKS - 1, &n, NULL)) {
                tb_rec_ask_refuse(ask, TB_ERROR_INVALID, "Chunks have numbers from 0 to 19999");
                return;
        }
        if (size_of(ask) == 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_INVALID, "A chunk has bytes: leave out empty ones");
                return;
        }
        ask->n = (guint)n;
        if (!tb_rec_open_key(ask, rows) || !tb_rec_take_place(ask))
                return;
        TbDbCall *call = tb_db_call_reads();
        ask_place(ask, call);
        tb_rec_ask_run(ask, call, on_place);
}

void tb_rec_chunk(TbRequest *request, gpointer data)
{
        tb_rec_find(request, data, chunk);
}
