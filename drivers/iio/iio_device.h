#pragma once
/* Industrial I/O devices: where they are, and what they measure. Thread: any. */
#include "drivers/driver.h"
#include "drivers/transport/attrs.h"
#include "drivers/transport/sysclass.h"

extern const TbSysclass tb_iio_devices;
extern const TbDiscoveryOps tb_iio_discovery;

/* All that is measured in that folder. NULL: it cannot be read, or nothing is (UNPROCESSABLE). */
TbAttrs *tb_iio_values(const char *folder, GError **error);
