#pragma once
/*
 * The pure part of the usb driver: names of ports, hub descriptors, port status words, and the setup packets
 * that switch power. No I/O, any thread.
 *
 * Sources: USB 2.0 §11.23-11.24 and USB 3.2 §10.15-10.16 (hub class), uhubctl.c (which switching modes count
 * as per-port), Linux Documentation/ABI/testing/sysfs-bus-usb (names of devices and of the `disable`
 * attribute).
 *
 * Parsers answer the number of bytes consumed, 0 when more is needed, -1 when it cannot be what it should be.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_USB_DEPTH 7 /* ports on the longest way: root hub + 5 hubs + the device, plus one */
#define TB_USB_BUSES 255
#define TB_USB_PORTS 127 /* as many as an xHCI root hub can have */

/* Where a device sits, as Linux writes it: bus 1, ports {1, 4} = "1-1.4"; bus 1 without ports = "usb1", the
 * root hub. */
typedef struct TbUsbPath {
        guint bus;
        guint depth;
        guint port[TB_USB_DEPTH];
} TbUsbPath;

/* `text` whole must be a name ("1-1.4" or "usb1"): numbers without sign or leading zero, in range. False
 * otherwise. */
bool tb_usb_path_parse(const char *text, TbUsbPath *path);
char *tb_usb_path_format(const TbUsbPath *path);
/* The hub that `path` hangs on, and its port there. False for a root hub. */
bool tb_usb_path_parent(const TbUsbPath *path, TbUsbPath *hub, guint *port);
/* Order of a tree walk: parents before children, by number. */
int tb_usb_path_compare(const TbUsbPath *a, const TbUsbPath *b);

/* sysfs names of a port of a hub, relative to /sys/bus/usb/devices: "1-1:1.0/1-1-port4",
 * "1-0:1.0/usb1-port4". */
char *tb_usb_port_dir(const TbUsbPath *hub, guint configuration, guint port);

/* --- hub class --- */
typedef enum TbUsbSwitching {
        TB_USB_SWITCHING_NONE,   /* power cannot be switched */
        TB_USB_SWITCHING_GANGED, /* all ports together */
        TB_USB_SWITCHING_PER_PORT,
} TbUsbSwitching;

typedef struct TbUsbHub {
        guint ports;
        bool super_speed;
        TbUsbSwitching switching;
        bool compound; /* part of a device: its ports may be wired */
        bool overcurrent_per_port;
        guint power_on_ms; /* from switching on to good power */
        guint own_ma;      /* current of the hub itself */
} TbUsbHub;

const char *tb_usb_switching_name(TbUsbSwitching switching); /* "none", "ganged", "per-port"; static */

/* The answer to GET_DESCRIPTOR(hub): type 0x29 or 0x2A. */
int tb_usb_hub_parse(const guint8 *data, gsize size, TbUsbHub *hub);

typedef struct TbUsbPortStatus {
        bool connected, enabled, suspended, overcurrent, resetting, powered;
        const char *link; /* static: U0, U3, Rx.Detect ...; NULL for USB 2 */
} TbUsbPortStatus;

/* The answer to GET_STATUS(port): 4 bytes (8 with extended status are accepted, the rest is not looked at).
 */
int tb_usb_port_status_parse(const guint8 *data, gsize size, bool super_speed, TbUsbPortStatus *status);

typedef struct TbUsbSetup {
        guint8 request_type, request;
        guint16 value, index, length;
} TbUsbSetup;

TbUsbSetup tb_usb_setup_hub_descriptor(bool super_speed);
TbUsbSetup tb_usb_setup_port_status(guint port);
TbUsbSetup tb_usb_setup_port_power(guint port, bool on);
void tb_usb_setup_pack(const TbUsbSetup *setup, guint8 out[8]); /* as on the wire */

/* PRODUCT of a uevent: "403/6001/400" (hexadecimal vendor/product/bcdDevice). */
bool tb_usb_product_parse(const char *text, guint *vendor, guint *product);
