#pragma once
/*
 * What a machine's management controller says by Redfish. Pure. Sources: DMTF DSP0266 (protocol) and DSP2046 (ComputerSystem, Power);
 * pyghmi (f710b1d) pyghmi/redfish/command.py; DMTF Redfish-Tacklebox docs/rf_power_reset.md.
 */
#include "drivers/transport/plug.h"

/* A path on the controller in {"@odata.id": …} at `pointer` of `answer`; borrowed. NULL: none, or one that leads elsewhere. */
const char *tb_redfish_path(const json_t *answer, const char *pointer);
/* Of the list of systems: the one whose path ends in `wanted`, or the only one; borrowed. NULL: UNPROCESSABLE, with their names. */
const char *tb_redfish_system(const json_t *systems, const char *wanted, GError **error);
bool tb_redfish_parse_id(const json_t *system, char ret_id[TB_PLUG_ID]);
/* What to ask for, of what it allows; NULL: nothing does that. */
const char *tb_redfish_reset(const json_t *system, bool on, bool graceful);
/* `chassis_power`: the chassis's Power; NULL: it has none. */
bool tb_redfish_parse(const json_t *system, const json_t *chassis_power, TbPlugState *ret, GError **error);
