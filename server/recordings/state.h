#pragma once
/*
 * What becomes of a recording: by what people answer and do, and by the time that goes by. Pure: no clock, no store; any thread.
 *
 *   pending --everybody agreed--> recording --stop, the call is over, a refusal--> processing --all chunks are there--> completed
 *      '------a refusal, stop, nobody answered--> failed                                '------none ever came--> failed
 */
#include <glib.h>
#include <stdbool.h>

typedef enum TbRecStatus {
        TB_REC_PENDING,
        TB_REC_RECORDING,
        TB_REC_PROCESSING,
        TB_REC_COMPLETED,
        TB_REC_FAILED,
        TB_REC_STATUSES
} TbRecStatus;

typedef enum TbRecAct {
        TB_REC_AGREED,  /* everybody who was asked */
        TB_REC_REFUSED, /* one of them */
        TB_REC_STOP,
} TbRecAct;

typedef enum TbRecAnswer { TB_REC_ASKED, TB_REC_YES, TB_REC_NO } TbRecAnswer; /* as the store has them */

const char *tb_recording_status_name(TbRecStatus status); /* "processing"; static */
bool tb_recording_status_parse(const char *name, TbRecStatus *ret);
/* TB_ERROR_INVALID: it is not possible in this status. */
bool tb_recording_next(TbRecStatus status, TbRecAct act, TbRecStatus *ret, GError **error);

typedef struct TbRecTimes { /* ms since the epoch */
        gint64 created_ms, stopped_ms;
        bool call_goes_on;
        guint tracks, unfinished; /* of which chunks are missing, or may come yet */
        guint64 chunks;
} TbRecTimes;
/* What it is at `now_ms` when nobody has done anything. */
TbRecStatus tb_recording_at(TbRecStatus status, const TbRecTimes *times, gint64 now_ms);
bool tb_recording_takes(TbRecStatus status, gint64 stopped_ms, gint64 now_ms); /* chunks, still */

/* What is asked of one who is in the call, given what who begins it says: he agrees himself by that; that another has agreed is believed where he said so
 * himself in the call (`agreed_before`), or where it is said that he has by word of mouth or in writing. Electronically each answers for himself. */
TbRecAnswer tb_recording_first_answer(const char *method, bool himself, bool named, bool agreed_before);
/* Letters, digits, "-", "_"; 1 to 40 of them. */
bool tb_recording_track_valid(const char *track);
/* What MediaRecorder makes: video or audio, WebM, MP4 or Ogg. */
bool tb_recording_mime_valid(const char *mime);
