#pragma once
/*
 * The USB devices of this machine, read from sysfs. Needs no permission and disturbs no device; port power is
 * not in here (usb_port.h). `root` is /sys/bus/usb/devices, another folder in tests. Thread: any. What
 * cannot be read of a device is left out.
 */
#include <glib.h>
#include <jansson.h>

#include "drivers/usb/usb_proto.h"

#define TB_USB_SYSFS "/sys/bus/usb/devices"
#define TB_USB_NODES 64 /* device nodes named for one device */

/* Every device, in the order of tb_usb_path_compare(); NULL: the folder cannot be read. The caller unrefs. */
GArray *tb_usb_tree_scan(const char *root, GError **error); /* of TbUsbPath */
/* The folder of a device. The caller frees. */
char *tb_usb_tree_dir(const char *root, const TbUsbPath *path);
/* What to call it: "QEMU USB SERIAL", "0403:6001"; NULL when there is no such device. The caller frees. */
char *tb_usb_tree_label(const char *root, const TbUsbPath *path);
/* {port, bus, address, speed_mbps, usb, vendor_id, product_id, manufacturer?, product?, serial?, class,
 * driver?, max_power_ma?, interfaces, nodes}; NULL when there is no such device. The caller owns it. */
json_t *tb_usb_tree_device(const char *root, const TbUsbPath *path);
