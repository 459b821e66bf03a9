#pragma once
/*
 * What Home Assistant says of a switch over its REST API. Pure. Source: developers.home-assistant (186ad0639)
 * docs/api/rest.md.
 */
#include "drivers/transport/plug.h"

/* "switch.desk" -> "switch"; NULL: it is no entity that can be switched. */
const char *tb_homeassistant_domain(const char *entity);
/* GET /api/states/<entity> */
bool tb_homeassistant_parse(const json_t *state, TbPlugState *ret, GError **error);
