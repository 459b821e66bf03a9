#pragma once
/*
 * What the device answers. Pure: a test and a fuzzer link this part alone. Source of the protocol: name it here (a
 * vendor's page, a public implementation with its commit).
 */
#include "drivers/transport/plug.h"

/* GET /state: {"id":"A1","outputs":[{"on":true,"watts":3.2}]} */
bool tb_template_parse(const json_t *state, int output, TbPlugState *ret, GError **error);
