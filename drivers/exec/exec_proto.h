#pragma once
/* What the user's own commands print. Pure. */
#include "drivers/driver.h"

/* "on", "off", "1", "0", "true", "false" and words like "unknown", or JSON {"state" or "observed": …,
 * "watts", "volts", "amps", "energy_wh"}. */
bool exec_parse_power(const char *text, gsize size, TbPowerState *ret, GError **error);
/* One number (then `name` is the stream); or lines "name value [unit]"; or JSON {"name": number |
 * {"value","unit","quantity"}}. Calls `each` per sample. */
bool exec_parse_samples(const char *text, gsize size, const char *name,
                        void (*each)(const TbSample *sample, gpointer data), gpointer data, GError **error);
