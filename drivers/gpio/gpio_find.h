#pragma once
/* Which GPIO chips this machine has, with their free and taken lines. Thread: the discovery's. */
#include "drivers/driver.h"

extern const TbDiscoveryOps tb_gpio_discovery;
