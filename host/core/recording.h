#pragma once
/*
 * The seam to the flight recorder (host/recorder): the verbs recording.get, recording.set and recording.clip of a device enter core as
 * any other and are answered by whoever was set here. Main thread.
 */
#include "host/core/room_call.h"

/* `params` (checked; borrowed), `device` and `actor` are borrowed for the time of the call. */
typedef struct TbRecordingOps {
        void (*get)(TbRoomCall *call, TbDevice *device, void *data);
        void (*set)(TbRoomCall *call, TbDevice *device, json_t *params, void *data);
        void (*clip)(TbRoomCall *call, TbDevice *device, json_t *params, const TbActor *actor, void *data);
} TbRecordingOps;

/* `ops` is static; NULL: this host records nothing any more. */
void tb_core_set_recorder(TbCore *core, const TbRecordingOps *ops, void *data);
