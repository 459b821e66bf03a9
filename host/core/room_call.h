#pragma once
/*
 * A verb that is checked in core as any other and answered by a room above it (the flight recorder, the finder): the room sets its ops
 * (recording.h, find.h) and gets calls. Main thread.
 */
#include <jansson.h>

#include "host/core/core.h"

/* One call of a verb; it is answered exactly once, also when its caller has left. */
typedef struct TbRoomCall TbRoomCall;
/* Both are taken, one of them is NULL. May be called from inside the ops. */
void tb_room_answer(TbRoomCall *call, json_t *result_take, GError *error_take);
/* It failed, and this (members beside the error's) is what was seen. */
void tb_room_fail(TbRoomCall *call, GError *error_take, json_t *extra_take);
/* `left` is called when nobody waits for the answer any more (the caller has left, the device was removed): it is still to be given. */
void tb_room_on_left(TbRoomCall *call, void (*left)(void *data), void *data);
/* Until when the answer has to come (monotonic). */
gint64 tb_room_deadline_us(const TbRoomCall *call);
/* Who asks: for a place of his own. */
TbPlaceBy tb_room_by(const TbRoomCall *call);
