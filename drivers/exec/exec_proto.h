#pragma once
/* What the user's own commands print. Pure. */
#include "drivers/driver.h"

/* "on", "off", "1", "0", "true", "false" and words like "unknown", or JSON {"state" or "observed": …,
 * "watts", "volts", "amps", "energy_wh"}. */
bool tb_exec_parse_power(const char *text, gsize size, TbPowerState *ret, GError **error);
