#pragma once
/* Sensor chips and thermal zones: where they are, and what they measure. Thread: any. */
#include "drivers/driver.h"
#include "drivers/transport/attrs.h"
#include "drivers/transport/sysclass.h"

extern const TbSysclass tb_hwmon_chips; /* hwmon:// */
extern const TbSysclass tb_hwmon_zones; /* thermal:// */
extern const TbDiscoveryOps tb_hwmon_discovery;

/* All that is measured in that folder. NULL: the folder cannot be read, or nothing is (UNPROCESSABLE). */
TbAttrs *tb_hwmon_values(const char *folder, GError **error);
