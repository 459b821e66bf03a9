#pragma once
/*
 * The other half of a USB 3 port: a port of a hub of the other speed. The kernel says which ("peer"), unless the firmware's word on the
 * controller's ports stands against it; then it is guessed for hubs (never for a controller's own ports, where the firmware is right):
 * the one hub of the other speed on the same controller, of the same maker, that has the same container id (USB 3.2 §9.6.2.3), else the
 * same serial number, else the same place on the other bus; its port of the same number. Reads sysfs only. Thread: any.
 */
#include "drivers/usb/usb_port.h"

/* False: there is none. *ret_guess: how it was found, in words, static; NULL: the kernel says so. `root`: /sys/bus/usb/devices. */
bool tb_usb_peer_find(const char *root, const TbUsbPort *port, TbUsbPort *ret_peer, const char **ret_guess);
/* The sysfs folder of a port, with its "peer" and "disable". The caller frees. */
char *tb_usb_peer_port_dir(const char *root, const TbUsbPort *port);
/* The container id of a BOS descriptor with its capabilities; false: none. Pure. */
bool tb_usb_peer_container(const guint8 *bos, gsize size, guint8 ret_id[16]);
