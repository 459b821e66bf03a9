#include "server/recordings/state.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_recordings.h"

#define TRACK_MAX 40
#define MIME_MAX 100

static const char *const names[TB_REC_STATUSES] = {"pending", "recording", "processing", "completed",
                                                   "failed"};

const char *tb_recording_status_name(TbRecStatus status)
{
        return names[status];
}

bool tb_recording_status_parse(const char *name, TbRecStatus *ret)
{
        for (guint i = 0; i < TB_REC_STATUSES; i++) {
                if (g_strcmp0(name, names[i]) != 0)
                        continue;
                *ret = (TbRecStatus)i;
                return true;
        }
        return false;
}

bool tb_recording_next(TbRecStatus status, TbRecAct act, TbRecStatus *ret, GError **error)
{
        if (status != TB_REC_PENDING && status != TB_REC_RECORDING) {
                tb_set_error(error, TB_ERROR_INVALID, "Recording is not in progress");
                return false;
        }
        if (act == TB_REC_AGREED)
                *ret = TB_REC_RECORDING;
        else
                *ret = status == TB_REC_RECORDING ? TB_REC_PROCESSING : TB_REC_FAILED;
        return true;
}

TbRecStatus tb_recording_at(TbRecStatus status, const TbRecTimes *times, gint64 now_ms)
{
        if (status == TB_REC_PENDING &&
            (!times->call_goes_on || now_ms - times->created_ms >= TB_LIMIT_RECORDING_ASK_MS))
                return TB_REC_FAILED;
        if (status == TB_REC_RECORDING && !times->call_goes_on)
                return TB_REC_PROCESSING;
        if (status != TB_REC_PROCESSING)
                return status;
        bool all = times->tracks > 0 && times->unfinished == 0,
             late = now_ms - times->stopped_ms >= TB_LIMIT_RECORDING_UPLOAD_MS;
        if (!all && !late)
                return TB_REC_PROCESSING;
        return times->chunks > 0 ? TB_REC_COMPLETED : TB_REC_FAILED;
}

bool tb_recording_takes(TbRecStatus status, gint64 stopped_ms, gint64 now_ms)
{
        if (status == TB_REC_RECORDING)
                return true;
        return (status == TB_REC_PROCESSING || status == TB_REC_COMPLETED) &&
               now_ms - stopped_ms < TB_LIMIT_RECORDING_UPLOAD_MS;
}

TbRecAnswer tb_recording_first_answer(const char *method, bool himself, bool named, bool agreed_before)
{
        bool told = named && (strcmp(method, "verbal") == 0 || strcmp(method, "written") == 0);
        return himself || told || (named && agreed_before) ? TB_REC_YES : TB_REC_ASKED;
}

bool tb_recording_track_valid(const char *track)
{
        gsize n = strlen(track);
        for (gsize i = 0; i < n; i++)
                if (!g_ascii_isalnum(track[i]) && track[i] != '-' && track[i] != '_')
                        return false;
        return n > 0 && n <= TRACK_MAX;
}

bool tb_recording_mime_valid(const char *mime)
{
        static const char *const known[] = {"video/webm", "video/mp4", "audio/webm", "audio/mp4",
                                            "audio/ogg"};
        gsize n = strcspn(mime, ";");
        if (strlen(mime) > MIME_MAX || strpbrk(mime, "\r\n"))
                return false;
        for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
                if (n == strlen(known[i]) && strncmp(mime, known[i], n) == 0)
                        return true;
        return false;
}
