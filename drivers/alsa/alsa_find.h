#pragma once
/* What of this machine's sound cards can be recorded. */
#include "drivers/driver.h"

extern const TbDiscoveryOps tb_alsa_discovery;
