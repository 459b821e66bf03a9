#pragma once
/* Sources and monitors of the sound server that this user's programs use. */
#include "drivers/driver.h"

extern const TbDiscoveryOps tb_pulse_discovery;
