#pragma once
/* The seam to who looks for something on a screen (host/analysis/find): the verb video.find. Main thread. */
#include "host/core/room_call.h"

/* `iface` (video) and `params` (checked) are borrowed for the time of the call; extra members of a failure: what was seen. */
typedef void (*TbFinds)(TbRoomCall *call, TbInterface *iface, json_t *params, void *data);
/* NULL: nobody looks any more. */
void tb_core_set_finder(TbCore *core, TbFinds finds, void *data);
