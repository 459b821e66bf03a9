#pragma once
/* The devices of this host as the pairing server is told of them (docs/PROTOCOL.md, DEVICE). Main thread. */
#include <jansson.h>
#include <stdbool.h>

#include "host/core/core.h"

/* A new reference; it fits. *is_short: whether the last one had to be made to, so that it is logged once. */
json_t *tb_bridge_devices(TbCore *core, bool *is_short);
json_t *tb_bridge_devices_message(TbCore *core, bool *is_short); /* the message `devices` with it */
/* Whether the server takes the list. When not (TB_LIMIT_DEVICE_LIST), the interfaces are taken out: so it takes as many
 * devices as a host may have, and who opens one asks the host itself for them. */
bool tb_bridge_devices_fit(json_t *list);
