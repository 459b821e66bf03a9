#pragma once
/*
 * Which serial lines this machine has: resolving an attach URI's target to a device file now, and discovery.
 * Reads sysfs. Thread: a worker.
 */
#include "drivers/driver.h"
#include "drivers/serial/serial_proto.h"

/* The device file of `target` at this moment; GONE when nothing is plugged there. The caller frees. */
char *tb_serial_find(const TbSerialTarget *target, GError **error);

extern const TbDiscoveryOps tb_serial_discovery;
