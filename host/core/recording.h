#pragma once
/*
 * The seam to the flight recorder (host/recorder): the verbs recording.get, recording.set and recording.clip of a device enter core as
 * any other and are answered by whoever was set here. Main thread.
 */
#include <jansson.h>

#include "host/core/core.h"

/* One call of a verb; it is answered exactly once, also when its caller has left. */
typedef struct TbRecordingCall TbRecordingCall;
/* Both are taken, one of them is NULL. May be called from inside the ops. */
void tb_recording_answer(TbRecordingCall *call, json_t *result_take, GError *error_take);

/* `params` (checked; borrowed), `device` and `actor` are borrowed for the time of the call. */
typedef struct TbRecordingOps {
        void (*get)(TbRecordingCall *call, TbDevice *device, void *data);
        void (*set)(TbRecordingCall *call, TbDevice *device, json_t *params, void *data);
        void (*clip)(TbRecordingCall *call, TbDevice *device, json_t *params, const TbActor *actor,
                     void *data);
} TbRecordingOps;

/* `ops` is static; NULL: this host records nothing any more. */
void tb_core_set_recorder(TbCore *core, const TbRecordingOps *ops, void *data);
