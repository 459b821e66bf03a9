/* Rows of the store as the API says them: a call has a row for each of its participants. */
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "server/calls/private.h"

enum {
        ID,
        PATIENT,
        PROVIDER,
        TYPE,
        STATUS,
        SCHEDULED,
        STARTED,
        ENDED,
        ROOM,
        BY,
        APPOINTMENT,
        ENDED_BY,
        REASON,
        DETAILS,
        RECORDING,
        CONSENTED,
        CONSENTED_BY,
        METADATA,
        QUALITY,
        FELL_BACK,
        CREATED,
        UPDATED,
        P_USER,
        P_STATUS,
        P_INVITED,
        P_JOINED,
        P_LEFT,
        P_VIDEO,
        P_AUDIO,
        P_CONSENTED
};

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
                         text_of(rows, row, ID), "userId", text_of(rows, row, P_USER), "status",
                         text_of(rows, row, P_STATUS), "invitedAt", time_of(rows, row, P_INVITED), "joinedAt",
                         time_of(rows, row, P_JOINED), "leftAt", time_of(rows, row, P_LEFT),
                         "participationDuration", between(rows, row, P_JOINED, P_LEFT), "videoEnabled",
                         flag_of(rows, row, P_VIDEO), "audioEnabled", flag_of(rows, row, P_AUDIO),
                         "consentedToRecording", tb_db_get_int(rows, row, P_CONSENTED) != 0,
                         "consentedToRecordingAt", time_of(rows, row, P_CONSENTED));
}

json_t *tb_call_of_rows(const TbDbResult *rows, guint *row)
{
        static const struct {
                const char *name;
                guint column;
                json_t *(*of)(const TbDbResult *rows, guint row, guint column);
        } fields[] = {{"id", ID, text_of},
                      {"patientId", PATIENT, text_of},
                      {"providerId", PROVIDER, text_of},
                      {"calleeId", PATIENT, text_of},
                      {"callerId", PROVIDER, text_of},
                      {"type", TYPE, text_of},
                      {"status", STATUS, text_of},
                      {"scheduledAt", SCHEDULED, time_of},
                      {"startedAt", STARTED, time_of},
                      {"endedAt", ENDED, time_of},
                      {"roomId", ROOM, text_of},
                      {"initiatedBy", BY, text_of},
                      {"createdBy", BY, text_of},
                      {"appointmentId", APPOINTMENT, text_of},
                      {"endedBy", ENDED_BY, text_of},
                      {"errorDetails", DETAILS, data_of},
                      {"recordingEnabled", RECORDING, flag_of},
                      {"recordingConsentObtained", CONSENTED, flag_of},
                      {"recordingConsentedBy", CONSENTED_BY, data_of},
                      {"metadata", METADATA, data_of},
                      {"qualityMetrics", QUALITY, data_of},
                      {"fellbackToAudio", FELL_BACK, flag_of},
                      {"createdAt", CREATED, time_of},
                      {"updatedAt", UPDATED, time_of}};
        guint first = *row;
        json_t *o = json_object(), *people = json_array();
        for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
                json_object_set_new(o, fields[i].name, fields[i].of(rows, first, fields[i].column));
        bool failed = g_strcmp0(tb_db_get_text(rows, first, STATUS), "failed") == 0;
        json_object_set_new(o, "endReason", failed ? json_null() : text_of(rows, first, REASON));
        json_object_set_new(o, "failureReason", failed ? text_of(rows, first, REASON) : json_null());
        json_object_set_new(o, "duration", between(rows, first, SCHEDULED, ENDED));
        json_object_set_new(o, "actualDuration", between(rows, first, STARTED, ENDED));
        json_object_set_new(o, "participants", people);
        const char *id = tb_db_get_text(rows, first, ID);
        for (; *row < tb_db_rows(rows) && g_strcmp0(tb_db_get_text(rows, *row, ID), id) == 0; (*row)++)
                json_array_append_new(people, participant_of(rows, *row));
        return o;
}
