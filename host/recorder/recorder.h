#pragma once
/*
 * The flight recorder of a host: what its devices show, say and do, in memory (armed) or on the disk (on), and clips of it that are kept
 * (docs/RECORDING.md). Events on the bus, of the device: recording.mode {mode,pre_s} · recording.clip {clip,state,reason?} (state
 * "done", "failed") · recording.stopped {reason} · recording.resumed · recording.lost {pieces} · recording.removed {clip}.
 * Main thread.
 */
#include "host/core/core.h"
#include "host/media/media.h"
#include "lib/http/http.h"

typedef struct TbRecorder TbRecorder;

/* Both borrowed; media is bound to core already. NULL with TB_ERROR_UNAVAILABLE: no thread. */
TbRecorder *tb_recorder_new(TbCore *core, TbMedia *media, GError **error);
/* What is in memory and belongs on the disk is written before; accepts NULL. Before tb_media_unbind(). */
void tb_recorder_free(TbRecorder *recorder);
/* /host/clips and below it, what is below /host/devices/{id}/recording. */
void tb_recorder_add_routes(TbRecorder *recorder, TbHttp *http);
