#pragma once
/* The devices of this host as the pairing server is told of them (docs/PROTOCOL.md, DEVICE). Main thread. */
#include <jansson.h>

#include "host/core/core.h"

json_t *tb_bridge_devices(TbCore *core); /* a new reference */
