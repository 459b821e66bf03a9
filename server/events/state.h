#pragma once
/*
 * What becomes of an event. Pure, any thread.
 *
 *   queued --uploaded--> processing --summary--> done
 *     |                      |-------failure---> failed
 *     '------ cancel --------'-----------------> canceled
 *
 * Who looked at a clip may say so before the upload was finished (POST /events has none), and a summary may be said again. What has
 * failed or was canceled stays so, and what is done does not fail any more: a worker that lost its job says so late.
 */
#include <stdbool.h>

typedef enum TbEventState {
        TB_EVENT_QUEUED,
        TB_EVENT_PROCESSING,
        TB_EVENT_DONE,
        TB_EVENT_FAILED,
        TB_EVENT_CANCELED,
        TB_EVENT_STATES
} TbEventState;

typedef enum TbEventAct { TB_EVENT_UPLOADED, TB_EVENT_SUMMARY, TB_EVENT_FAILURE, TB_EVENT_CANCEL } TbEventAct;

/* False: it stays as it is, and what was said with the act is not kept. */
bool tb_event_next(TbEventState now, TbEventAct act, TbEventState *ret);
const char *tb_event_state_name(TbEventState state); /* "queued"; static */
bool tb_event_state_parse(const char *text, TbEventState *ret);
