#pragma once
/* What ipmitool prints (1.8.19; lib/ipmi_chassis.c, ipmi_mc.c, ipmi_dcmi.c, src/plugins/lanplus). Pure. */
#include "drivers/transport/plug.h"

/* "Chassis Power is on" */
bool tb_ipmi_parse_state(const char *out, TbPowerObserved *ret);
/* "System GUID  : …" */
bool tb_ipmi_parse_id(const char *out, char ret_id[TB_PLUG_ID]);
/* "Instantaneous power reading:   220 Watts"; NAN: none. */
double tb_ipmi_parse_watts(const char *out);
/* What stands on its stderr (with -v) when it failed; who: "the BMC at 10.0.0.20". Returns false. GONE: nobody answers; DEVICE: the
 * account; UNPROCESSABLE: the controller refuses. */
bool tb_ipmi_failed(const char *who, const char *err, GError **error);
