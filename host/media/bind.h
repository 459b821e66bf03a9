#pragma once
/*
 * Binds media to core: every video and audio interface that core has gets a hub, for as long as it has it; what core
 * knows of its state (away, fault) becomes the hub's slate, or why there is no sound. Event on the bus: media.state {"state","reason"}, when
 * testbed-media ends and when it runs again. Thread: main.
 */
#include "host/core/core.h"
#include "host/media/media.h"

typedef struct TbMediaBind TbMediaBind;

/* Both borrowed. Interfaces that exist already are bound at once, others as device.added and device.removed
 * tell. */
TbMediaBind *tb_media_bind(TbMedia *media, TbCore *core);
void tb_media_unbind(TbMediaBind *bind); /* before core stops; accepts NULL */
