/* Rows of the store as the API says them, and as pages are told of them: a recording has a row for each who was asked. */
#include <string.h>

#include "lib/clock.h"
#include "server/recordings/private.h"

static json_t *time_of(gint64 ms)
{
        g_autofree char *text = ms ? tb_clock_rfc3339(ms) : NULL;
        return text ? json_string(text) : json_null();
}

static void add_person(const TbDbResult *rows, guint row, json_t *people, json_t *agreed)
{
        static const char *const answers[] = {"asked", "agreed", "refused"};
        const char *user = tb_db_get_text(rows, row, TB_REC_COL_P_USER);
        gint64 answer = tb_db_get_int(rows, row, TB_REC_COL_P_ANSWER);
        if (!user)
                return;
        json_array_append_new(people, json_pack("{s:s, s:s, s:s, s:s, s:o}", "userId", user, "answer",
                                                answers[CLAMP(answer, 0, 2)], "method",
                                                tb_db_get_text(rows, row, TB_REC_COL_P_METHOD), "saidBy",
                                                tb_db_get_text(rows, row, TB_REC_COL_P_SAID_BY), "answeredAt",
                                                time_of(tb_db_get_int(rows, row, TB_REC_COL_P_ANSWERED))));
        if (answer == TB_REC_YES)
                json_array_append_new(agreed, json_string(user));
}

json_t *tb_rec_of_rows(const TbRecordings *recordings, const TbDbResult *rows, guint *row)
{
        static const struct {
                const char *name;
                guint column;
        } texts[] = {{"id", TB_REC_COL_ID},
                     {"callId", TB_REC_COL_CALL},
                     {"status", TB_REC_COL_STATUS},
                     {"startedBy", TB_REC_COL_STARTED_BY},
                     {"createdBy", TB_REC_COL_STARTED_BY},
                     {"stoppedBy", TB_REC_COL_STOPPED_BY},
                     {"processingError", TB_REC_COL_REASON},
                     {"encryptionKeyId", TB_REC_COL_KEY_ID},
                     {"lastViewedBy", TB_REC_COL_VIEWED_BY}},
          times[] = {{"createdAt", TB_REC_COL_CREATED},        {"startedAt", TB_REC_COL_STARTED},
                     {"stoppedAt", TB_REC_COL_STOPPED},        {"processedAt", TB_REC_COL_COMPLETED},
                     {"expiresAt", TB_REC_COL_EXPIRES},        {"lastViewedAt", TB_REC_COL_VIEWED},
                     {"consentObtainedAt", TB_REC_COL_STARTED}};
        guint first = *row;
        json_t *o = json_object(), *people = json_array(), *agreed = json_array();
        gint64 started = tb_db_get_int(rows, first, TB_REC_COL_STARTED),
               stopped = tb_db_get_int(rows, first, TB_REC_COL_STOPPED);
        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
                json_object_set_new(o, texts[i].name,
                                    json_pack("s?", tb_db_get_text(rows, first, texts[i].column)));
        for (gsize i = 0; i < G_N_ELEMENTS(times); i++)
                json_object_set_new(o, times[i].name, time_of(tb_db_get_int(rows, first, times[i].column)));
        const char *id = tb_db_get_text(rows, first, TB_REC_COL_ID);
        for (; *row < tb_db_rows(rows) && g_strcmp0(tb_db_get_text(rows, *row, TB_REC_COL_ID), id) == 0;
             (*row)++)
                add_person(rows, *row, people, agreed);
        json_object_set_new(o, "duration",
                            started && stopped ? json_integer(MAX(stopped - started, 0) / 1000)
                                               : json_null());
        json_object_set_new(o, "fileSize", json_integer(tb_db_get_int(rows, first, TB_REC_COL_BYTES)));
        json_object_set_new(o, "viewCount", json_integer(tb_db_get_int(rows, first, TB_REC_COL_VIEWS)));
        json_object_set_new(o, "consentObtained", json_boolean(started > 0));
        json_object_set_new(o, "consentedParticipants", json_incref(agreed));
        json_object_set_new(o, "consentDetails",
                            json_pack("{s:s, s:o, s:o}", "method",
                                      tb_db_get_text(rows, first, TB_REC_COL_METHOD), "timestamp",
                                      time_of(started), "participantIds", agreed));
        json_object_set_new(o, "people", people);
        json_object_set_new(o, "isEncrypted", json_true());
        json_object_set_new(o, "encryptionAlgorithm", json_string("AES-256-GCM"));
        json_object_set_new(o, "storageBucket", json_string(tb_blobs_container(recordings->blobs)));
        json_object_set_new(o, "retentionPeriod", json_integer(recordings->options.config->keep_days));
        json_object_set_new(o, "isTranscribed", json_false());
        return o;
}

json_t *tb_rec_tracks_of_rows(const TbDbResult *rows, const char *path, const char *query)
{
        json_t *tracks = json_array();
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                const char *track = tb_db_get_text(rows, i, 0);
                gint64 chunks = tb_db_get_int(rows, i, 5), there = tb_db_get_int(rows, i, 6);
                g_autofree char *url = g_strdup_printf("%s/%s%s", path, track, query);
                json_array_append_new(
                        tracks, json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:I, s:I, s:b, s:s}", "track",
                                          track, "userId", tb_db_get_text(rows, i, 1), "kind",
                                          tb_db_get_text(rows, i, 2), "mimeType", tb_db_get_text(rows, i, 3),
                                          "offsetMs", (json_int_t)tb_db_get_int(rows, i, 4), "chunks",
                                          chunks < 0 ? json_null() : json_integer(chunks), "received",
                                          (json_int_t)there, "bytes", (json_int_t)tb_db_get_int(rows, i, 7),
                                          "complete", chunks >= 0 && there == chunks, "url", url));
        }
        return tracks;
}

void tb_rec_tell(TbRecordings *recordings, const TbDbResult *rows, guint row, const char *only)
{
        const TbRecordingsOptions *o = &recordings->options;
        TbRecStatus status = TB_REC_FAILED;
        gint64 started = tb_db_get_int(rows, row, TB_REC_COL_STARTED);
        const char *id = tb_db_get_text(rows, row, TB_REC_COL_ID);
        tb_recording_status_parse(tb_db_get_text(rows, row, TB_REC_COL_STATUS), &status);
        for (guint i = row; o->tell && i < tb_db_rows(rows) && strcmp(tb_db_get_text(rows, i, 0), id) == 0;
             i++) {
                const char *user = tb_db_get_text(rows, i, TB_REC_COL_P_USER);
                bool yes = tb_db_get_int(rows, i, TB_REC_COL_P_ANSWER) == TB_REC_YES;
                if (!user || (only && strcmp(only, user) != 0))
                        continue;
                const char *event = status > TB_REC_RECORDING    ? "recording-stopped"
                                    : !yes                       ? "recording-requested"
                                    : status == TB_REC_RECORDING ? "recording-started"
                                                                 : "recording-waiting";
                json_auto_t *data = json_pack("{s:s?, s:s, s:s, s:s, s:s?, s:I}", "callId",
                                              tb_db_get_text(rows, row, TB_REC_COL_CALL), "recordingId", id,
                                              "status", tb_recording_status_name(status), "startedBy",
                                              tb_db_get_text(rows, row, TB_REC_COL_STARTED_BY), "reason",
                                              tb_db_get_text(rows, row, TB_REC_COL_REASON), "elapsedMs",
                                              (json_int_t)(started ? MAX(tb_clock_ms() - started, 0) : 0));
                if (data)
                        o->tell(user, event, data, o->data);
        }
}
