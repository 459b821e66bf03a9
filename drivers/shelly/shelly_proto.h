#pragma once
/*
 * What Shelly plugs and relays say over HTTP, Gen1 and Gen2+. Pure. Sources: aioshelly (ea7a88f)
 * block_device/device.py and its fixtures; labgrid (ebe35351) driver/power/shelly_gen1.py, shelly_gen2.py; the
 * vendor's pages shelly-api-docs.shelly.cloud. That a Gen1 meter counts Watt-minutes is the vendor's word.
 */
#include "drivers/transport/plug.h"

/* GET /shelly, which needs no password: 1, 2, 3, …; 0: no Shelly, `ret_why` says why (static). */
int tb_shelly_parse_info(const json_t *info, char ret_id[TB_PLUG_ID], const char **ret_why);
/* GET /status; GET /rpc/Switch.GetStatus */
bool tb_shelly_parse_gen1(const json_t *status, int output, TbPlugState *ret, GError **error);
bool tb_shelly_parse_gen2(const json_t *status, int output, TbPlugState *ret, GError **error);
