#pragma once
/*
 * The seam to the flight recorder (host/recorder): the verbs recording.get, recording.set and recording.clip of a device enter core as
 * any other and are answered by whoever was set here. Main thread.
 */
#include "host/core/room_call.h"

/* What somebody sent to a device. All borrowed. */
typedef struct TbRecordingInput {
        const char *interface;
        const char *user, *via; /* as of TbActor */
        gint64 t_ms;            /* when the device was given it; ms since the epoch */
        const json_t *events;   /* of input.send; NULL: bytes for a console */
        const void *bytes;
        gsize size;
        const char *failed; /* why the device has not all of it, in words; NULL: it has */
} TbRecordingInput;

/* `params` (checked; borrowed), `device` and `actor` are borrowed for the time of the call. */
typedef struct TbRecordingOps {
        void (*get)(TbRoomCall *call, TbDevice *device, void *data);
        void (*set)(TbRoomCall *call, TbDevice *device, json_t *params, void *data);
        void (*clip)(TbRoomCall *call, TbDevice *device, json_t *params, const TbActor *actor, void *data);
        void (*input)(TbDevice *device, const TbRecordingInput *input, void *data); /* NULL: nobody asks */
} TbRecordingOps;

/* `ops` is static; NULL: this host records nothing any more. */
void tb_core_set_recorder(TbCore *core, const TbRecordingOps *ops, void *data);
