/* Rows of the store as the API says them: a call has a row for each of its participants. */
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "server/calls/columns.h"
#include "server/calls/private.h"

static json_t *time_of(const TbDbResult *rows, guint row, guint column)
{
        gint64 ms = tb_db_get_int(rows, row, column);
        g_autofree char *text = ms ? tb_clock_rfc3339(ms) : NULL;
        return text ? json_string(text) : json_null();
}

static json_t *text_of(const TbDbResult *rows, guint row, guint column)
{
        const char *text = tb_db_get_text(rows, row, column);
        return text ? json_string(text) : json_null();
}

static json_t *flag_of(const TbDbResult *rows, guint row, guint column)
{
        return json_boolean(tb_db_get_int(rows, row, column) != 0);
}

static json_t *data_of(const TbDbResult *rows, guint row, guint column)
{
        const char *text = tb_db_get_text(rows, row, column);
        json_t *value = text ? tb_json_parse_kept(text, strlen(text), NULL) : NULL;
        return value ? value : json_null();
}

static json_t *between(const TbDbResult *rows, guint row, guint from, guint to)
{
        gint64 a = tb_db_get_int(rows, row, from), b = tb_db_get_int(rows, row, to);
        return a && b ? json_integer((json_int_t)(MAX(b - a, 0) / 1000)) : json_null();
}

static json_t *participant_of(const TbDbResult *rows, guint row)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "callId",
                         text_of(rows, row, TB_CALL_COL_ID), "userId", text_of(rows, row, TB_CALL_COL_P_USER),
                         "status", text_of(rows, row, TB_CALL_COL_P_STATUS), "invitedAt",
                         time_of(rows, row, TB_CALL_COL_P_INVITED), "joinedAt",
                         time_of(rows, row, TB_CALL_COL_P_JOINED), "leftAt",
                         time_of(rows, row, TB_CALL_COL_P_LEFT), "participationDuration",
                         between(rows, row, TB_CALL_COL_P_JOINED, TB_CALL_COL_P_LEFT), "videoEnabled",
                         flag_of(rows, row, TB_CALL_COL_P_VIDEO), "audioEnabled",
                         flag_of(rows, row, TB_CALL_COL_P_AUDIO), "consentedToRecording",
                         tb_db_get_int(rows, row, TB_CALL_COL_P_CONSENTED) != 0, "consentedToRecordingAt",
                         time_of(rows, row, TB_CALL_COL_P_CONSENTED));
}

json_t *tb_call_of_rows(const TbDbResult *rows, guint *row)
{
        static const struct {
                const char *name;
                guint column;
                json_t *(*of)(const TbDbResult *rows, guint row, guint column);
        } fields[] = {{"id", TB_CALL_COL_ID, text_of},
                      {"patientId", TB_CALL_COL_PATIENT, text_of},
                      {"providerId", TB_CALL_COL_PROVIDER, text_of},
                      {"calleeId", TB_CALL_COL_PATIENT, text_of},
                      {"callerId", TB_CALL_COL_PROVIDER, text_of},
                      {"type", TB_CALL_COL_TYPE, text_of},
                      {"status", TB_CALL_COL_STATUS, text_of},
                      {"scheduledAt", TB_CALL_COL_SCHEDULED, time_of},
                      {"startedAt", TB_CALL_COL_STARTED, time_of},
                      {"endedAt", TB_CALL_COL_ENDED, time_of},
                      {"roomId", TB_CALL_COL_ROOM, text_of},
                      {"initiatedBy", TB_CALL_COL_BY, text_of},
                      {"createdBy", TB_CALL_COL_BY, text_of},
                      {"appointmentId", TB_CALL_COL_APPOINTMENT, text_of},
                      {"endedBy", TB_CALL_COL_ENDED_BY, text_of},
                      {"errorDetails", TB_CALL_COL_DETAILS, data_of},
                      {"recordingEnabled", TB_CALL_COL_RECORDING, flag_of},
                      {"recordingConsentObtained", TB_CALL_COL_CONSENTED, flag_of},
                      {"recordingConsentedBy", TB_CALL_COL_CONSENTED_BY, data_of},
                      {"metadata", TB_CALL_COL_METADATA, data_of},
                      {"qualityMetrics", TB_CALL_COL_QUALITY, data_of},
                      {"fellbackToAudio", TB_CALL_COL_FELL_BACK, flag_of},
                      {"createdAt", TB_CALL_COL_CREATED, time_of},
                      {"updatedAt", TB_CALL_COL_UPDATED, time_of}};
        guint first = *row;
        json_t *o = json_object(), *people = json_array();
        for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
                json_object_set_new(o, fields[i].name, fields[i].of(rows, first, fields[i].column));
        bool failed = g_strcmp0(tb_db_get_text(rows, first, TB_CALL_COL_STATUS), "failed") == 0;
        json_object_set_new(o, "endReason", failed ? json_null() : text_of(rows, first, TB_CALL_COL_REASON));
        json_object_set_new(o, "failureReason",
                            failed ? text_of(rows, first, TB_CALL_COL_REASON) : json_null());
        json_object_set_new(o, "duration", between(rows, first, TB_CALL_COL_SCHEDULED, TB_CALL_COL_ENDED));
        json_object_set_new(o, "actualDuration",
                            between(rows, first, TB_CALL_COL_STARTED, TB_CALL_COL_ENDED));
        json_object_set_new(o, "participants", people);
        const char *id = tb_db_get_text(rows, first, TB_CALL_COL_ID);
        for (; *row < tb_db_rows(rows) && g_strcmp0(tb_db_get_text(rows, *row, TB_CALL_COL_ID), id) == 0;
             (*row)++)
                json_array_append_new(people, participant_of(rows, *row));
        return o;
}
