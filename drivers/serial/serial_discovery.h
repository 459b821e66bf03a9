#pragma once
/*
 * Which serial lines this machine has, each with the most stable name that there is for it. Reads sysfs.
 * Thread: the discovery's.
 */
#include "drivers/driver.h"

extern const TbDiscoveryOps tb_serial_discovery;
