/*
 * The end of recordings: deleted by somebody, with proof, or when their days are over. First the key goes, and with it whatever of the chunks is left
 * anywhere; then each chunk, its row behind it; then the recording's own rows. What a server that was killed has left, the next look takes up.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/limits_recordings.h"
#include "lib/log.h"
#include "server/recordings/private.h"
#include "server/store/sql.h"

#define EVERY_S 600

/* --- what is left of those that are gone --- */
typedef struct Removing {
        TbRecordings *recordings; /* borrowed; NULL: it has gone */
        GList link;               /* in recordings->removing */
        char *id, *track;         /* owned */
        guint n;
} Removing;

static void removing_free(Removing *r)
{
        if (r->recordings)
                g_queue_unlink(&r->recordings->removing, &r->link);
        g_free(r->id);
        g_free(r->track);
        g_free(r);
}

static void forget(TbRecordings *recordings, const char *id)
{
        static const char *const rows[] = {tb_sql_recording_gone_people, tb_sql_recording_gone_tracks,
                                           tb_sql_recording_gone_links, tb_sql_recording_gone};
        TbDbCall *call = tb_db_call_new();
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                tb_db_statement(call, rows[i]);
                tb_db_text(call, id);
        }
        tb_db_submit_take(recordings->db, call, NULL, NULL, NULL); /* else at the next look */
}

static void on_chunk_gone(const TbDbResult *rows G_GNUC_UNUSED, const GError *error G_GNUC_UNUSED,
                          gpointer data)
{
        Removing *r = data;
        TbRecordings *recordings = r->recordings;
        bool last = recordings && recordings->removing.length == 1;
        removing_free(r);
        if (last && !error)
                tb_recordings_sweep(recordings); /* what is left, or the rows */
}

static void on_removed(const TbBlobInfo *info G_GNUC_UNUSED, const GError *error, gpointer data)
{
        Removing *r = data;
        TbRecordings *recordings = r->recordings;
        if (error) { /* the bucket is away: at the next look */
                removing_free(r);
                return;
        }
        recordings->removed++;
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_chunk_gone);
        tb_db_text(call, r->id);
        tb_db_text(call, r->track);
        tb_db_int(call, r->n);
        if (!tb_db_submit_take(recordings->db, call, on_chunk_gone, r, NULL))
                removing_free(r);
}

static void on_remains(const TbDbResult *rows, const GError *error G_GNUC_UNUSED, gpointer data)
{
        TbRecordings *recordings = data;
        if (recordings->removing.length)
                return; /* another look is at it */
        for (guint i = 0; rows && i < tb_db_rows(rows); i++) {
                const char *id = tb_db_get_text(rows, i, 0), *track = tb_db_get_text(rows, i, 1);
                if (!*track) {
                        forget(recordings, id);
                        continue;
                }
                Removing *r = g_new0(Removing, 1);
                *r = (Removing){recordings,
                                {.data = r},
                                g_strdup(id),
                                g_strdup(track),
                                (guint)tb_db_get_int(rows, i, 2)};
                g_queue_push_tail_link(&recordings->removing, &r->link);
                g_autofree char *name = tb_rec_blob_name(r->id, r->track, r->n);
                if (!tb_blobs_remove(recordings->blobs, name, on_removed, r, NULL))
                        removing_free(r);
        }
}

/* --- those whose days are over, and whose keys are old --- */
static void on_old(const TbDbResult *rows, const GError *error G_GNUC_UNUSED, gpointer data)
{
        TbRecordings *recordings = data;
        const TbRecordingsOptions *o = &recordings->options;
        for (guint i = 0; rows && i < tb_db_rows(rows); i++) {
                const char *id = tb_db_get_text(rows, i, 0);
                TbDbCall *call = tb_db_call_new();
                tb_db_statement(call, tb_sql_recording_destroy);
                tb_db_text(call, id);
                tb_db_int(call, tb_clock_ms());
                tb_db_submit_take(recordings->db, call, NULL, NULL, NULL);
                if (o->note)
                        o->note(&(TbRecordingNote){"", "recording.expire", id, "", ""}, o->data);
        }
        if (rows && tb_db_rows(rows))
                tb_recordings_sweep(recordings);
}

static void on_oldest_key(const TbDbResult *rows, const GError *error, gpointer data)
{
        const TbRecordings *recordings = data;
        gint64 since = error || tb_db_rows(rows) == 0 ? 0 : tb_db_get_int(rows, 0, 0),
               days = since ? (tb_clock_ms() - since) / (86400 * G_GINT64_CONSTANT(1000)) : 0;
        if (days >= TB_LIMIT_RECORDING_KEY_DAYS)
                tb_log(TB_LOG_WARNING, TB_F("key", tb_seal_keys_id(recordings->options.config->keys)),
                       "the master key of recordings has been in use for %d days: put a new one before it in "
                       "the file, start "
                       "again, then testbed-server --rotate-keys",
                       (int)days);
}

void tb_recordings_sweep(TbRecordings *recordings)
{
        TbDbCall *call = tb_rec_look(tb_clock_ms());
        tb_db_statement(call, tb_sql_recording_remains);
        tb_db_int(call, TB_LIMIT_RECORDING_SWEPT);
        tb_db_submit_take(recordings->db, call, on_remains, recordings, NULL);
}

static gboolean on_time(gpointer data)
{
        TbRecordings *recordings = data;
        TbDbCall *old = tb_db_call_reads();
        tb_db_statement(old, tb_sql_recording_old);
        tb_db_int(old, tb_clock_ms());
        tb_db_int(old, TB_LIMIT_RECORDING_SWEPT);
        tb_db_submit_take(recordings->db, old, on_old, recordings, NULL);
        if (recordings->options.config->keys) {
                TbDbCall *key = tb_db_call_reads();
                tb_db_statement(key, tb_sql_recording_oldest_key);
                tb_db_text(key, tb_seal_keys_id(recordings->options.config->keys));
                tb_db_submit_take(recordings->db, key, on_oldest_key, recordings, NULL);
        }
        tb_recordings_sweep(recordings);
        return G_SOURCE_CONTINUE;
}

void tb_rec_sweep_start(TbRecordings *recordings)
{
        recordings->timer = g_timeout_source_new_seconds(EVERY_S);
        g_source_set_callback(recordings->timer, on_time, recordings, NULL);
        g_source_attach(recordings->timer, NULL);
        on_time(recordings);
}

void tb_rec_sweep_stop(TbRecordings *recordings)
{
        while (recordings->removing.head) {
                Removing *r = recordings->removing.head->data;
                g_queue_unlink(&recordings->removing, &r->link);
                r->recordings = NULL;
        }
        g_source_destroy(recordings->timer);
        g_source_unref(recordings->timer);
}

/* --- by somebody --- */
static void on_destroyed(TbRecAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_NOT_FOUND, "Recording not found");
                return;
        }
        const json_t *proof = ask->kept;
        g_autofree char *more =
                g_strdup_printf("%" JSON_INTEGER_FORMAT " chunks, %" JSON_INTEGER_FORMAT " bytes, sha256:%s",
                                json_integer_value(json_object_get(proof, "chunks")),
                                json_integer_value(json_object_get(proof, "bytes")),
                                json_string_value(json_object_get(proof, "manifestSha256")));
        tb_rec_note(ask, "recording.delete", more);
        tb_recordings_sweep(ask->recordings);
        tb_rec_ask_json(ask, 200, g_steal_pointer(&ask->kept));
}

/* What there was: the proof is a digest of it, which says nothing of what was seen and heard. */
static void on_pieces(TbRecAsk *ask, const TbDbResult *rows)
{
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
        gint64 bytes = 0;
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                g_autofree char *line =
                        g_strdup_printf("%s %d %" G_GINT64_FORMAT "\n", tb_db_get_text(rows, i, 0),
                                        (int)tb_db_get_int(rows, i, 1), tb_db_get_int(rows, i, 2));
                g_checksum_update(sum, (const guchar *)line, -1);
                bytes += tb_db_get_int(rows, i, 2);
        }
        g_autofree char *at = tb_clock_rfc3339(ask->now_ms);
        ask->kept =
                json_pack("{s:s, s:s, s:s, s:i, s:I, s:s, s:b}", "id", ask->id, "deletedAt", at, "deletedBy",
                          ask->user, "chunks", (int)tb_db_rows(rows), "bytes", (json_int_t)bytes,
                          "manifestSha256", g_checksum_get_string(sum), "keyDestroyed", true);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_destroy);
        tb_db_text(call, ask->id);
        tb_db_int(call, ask->now_ms);
        tb_rec_ask_run(ask, call, on_destroyed);
}

static void remove_one(TbRecAsk *ask, const TbDbResult *rows)
{
        if (*ask->who && g_strcmp0(tb_db_get_text(rows, 0, TB_REC_COL_STARTED_BY), ask->user) != 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_FORBIDDEN,
                                  "It is deleted by who has begun it, or by an administrator");
                return;
        }
        if (ask->status == TB_REC_PENDING || ask->status == TB_REC_RECORDING) {
                tb_rec_ask_refuse(ask, TB_ERROR_BUSY, "It is still being recorded: stop it first");
                return;
        }
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_recording_pieces);
        tb_db_text(call, ask->id);
        tb_rec_ask_run(ask, call, on_pieces);
}

void tb_rec_remove(TbRequest *request, gpointer data)
{
        tb_rec_find(request, data, remove_one);
}
