#pragma once
/*
 * Power of one port of a hub: switched by the kernel's `disable` attribute (6.0 and later: the kernel keeps
 * its hands off the port then), else by control transfers of the hub class; read back from the hub itself. A
 * USB 3 port is two ports, one on a USB 2 hub and one on a USB 3 hub (usb_peer.h); both are switched, and "off"
 * needs both off and no device there.
 *
 * Thread: a worker. Waits: control transfers (at most 5 s each) and sysfs writes. Errors: GONE (no such hub),
 * INVALID (no such port), UNSUPPORTED (the hub cannot switch), FORBIDDEN (permissions, with advice), DEVICE.
 * Sources: usb_proto.h; uhubctl.c for the repeats and pauses; libusb-1.0.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "drivers/transport/io.h"
#include "drivers/usb/usb_proto.h"

typedef struct TbUsbPort {
        TbUsbPath hub;
        guint number;
} TbUsbPort;

typedef struct TbUsbPower {
        /* current can flow, on either half: switched on, or something is connected, or the kernel still has its device,
         * although it is "off" */
        bool on;
        bool connected; /* a device answers at this port itself */
        bool overcurrent;
        char peer[32];     /* the other half ("2-1"); "" when there is none */
        const char *guess; /* static: how that was found, in words; NULL: the kernel says so */
} TbUsbPower;

/* The same with the error that a user sees (INVALID, field "port"). A place is any device's; a port is no
 * root hub's. */
bool tb_usb_place_parse(const char *text, TbUsbPath *ret_path, GError **error);
bool tb_usb_port_parse(const char *text, TbUsbPort *ret_port, GError **error);
/* The port that a path names: "1-1.4" = port 4 of hub 1-1. False for a root hub. */
bool tb_usb_port_of(const TbUsbPath *path, TbUsbPort *ret_port);
/* Reads the hub's descriptor. Hubs that are known to say too little (Raspberry Pi 4) are corrected. */
bool tb_usb_hub_read(const char *root, const TbUsbPath *hub, TbUsbHub *ret_hub, GError **error);
bool tb_usb_port_read(const char *root, const TbUsbPort *port, TbUsbPower *ret_power, GError **error);
/* `force`: also where the hub says that it cannot. Does not read back. */
bool tb_usb_port_switch(const char *root, TbIo *io, const TbUsbPort *port, bool on, bool force,
                        GError **error);
/* Resets the device at `path` as unplugging and plugging would, without cutting its power. */
bool tb_usb_device_reset(const char *root, const TbUsbPath *path, GError **error);
