#pragma once
/*
 * What becomes of a call: by what somebody does, and by the time that goes by. Pure: no clock, no store; any thread.
 *
 *   scheduled --answer--> in_progress --end--> ended
 *   ringing   --answer-->     '       the others lead to cancelled (scheduled alone), missed, failed, and are the end of it
 */
#include <glib.h>
#include <stdbool.h>

typedef enum TbCallStatus {
        TB_CALL_SCHEDULED,
        TB_CALL_RINGING,
        TB_CALL_IN_PROGRESS,
        TB_CALL_ENDED,
        TB_CALL_CANCELLED,
        TB_CALL_FAILED,
        TB_CALL_MISSED,
        TB_CALL_STATUSES
} TbCallStatus;

typedef enum TbCallAct {
        TB_CALL_ANSWER,
        TB_CALL_END,
        TB_CALL_CANCEL,
        TB_CALL_MISS,
        TB_CALL_FAIL,
} TbCallAct;

const char *tb_call_status_name(TbCallStatus status);           /* "in_progress"; static */
bool tb_call_status_parse(const char *name, TbCallStatus *ret); /* NULL is none */
/* TB_ERROR_INVALID: it is not possible in this status; in the words of the original. */
bool tb_call_next(TbCallStatus status, TbCallAct act, TbCallStatus *ret, GError **error);
/* What it is at `now_ms` when nobody has done anything: wall clock, as the other two; `started_ms` 0: it was not answered. */
TbCallStatus tb_call_at(TbCallStatus status, gint64 scheduled_ms, gint64 started_ms, gint64 now_ms);
