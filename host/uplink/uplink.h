#pragma once
/*
 * Finished clips go where the bench keeps them (docs/RECORDING.md): a folder, the pairing server, a bucket of S3, a container of Azure. The
 * queue is on the disk: what is to be said of a clip stands beside it, as uplink.json in its folder, which goes when the clip goes. What
 * could not be sent is tried again, with growing pauses, for ever; the recorder lets go of no clip that is still to be sent.
 *
 * Of the recorder it knows its folder and its events. Event of the device: recording.uplink {clip,state,percent,why?} (state "waiting",
 * "sending", "done", "failed"). Main thread.
 */
#include "host/core/core.h"
#include "lib/http/http.h"

typedef struct TbUplink TbUplink;

/* Nothing is configured: clips stay here, and GET /host/uplink says so. `core` is borrowed. NULL with *error: no thread, no key. */
TbUplink *tb_uplink_new(TbCore *core, GError **error);
void tb_uplink_free(
        TbUplink *
                uplink); /* what is under way is broken off, and begun again at the next start; accepts NULL */
void tb_uplink_add_routes(TbUplink *uplink, TbHttp *http); /* /host/uplink */
