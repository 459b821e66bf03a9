#pragma once
/*
 * The host's USB bus as the usb driver's discovery: "usb.added" and "usb.removed" as devices come and go, a
 * resource with an attach URI for every port whose power can be switched, and the tree, port power and reset
 * behind /host/usb. Thread: discovery's worker.
 */
#include "drivers/driver.h"

extern const TbDiscoveryOps tb_usb_bus;
