#pragma once
/*
 * Which USB devices are plugged: turns uevents and looks at sysfs into "added" and "removed", each told
 * exactly once, in order, also when a device is pulled and plugged between two looks (its address changes),
 * when an event arrives after a look has seen its effect, and when events were lost. Thread: one.
 */
#include <glib.h>
#include <stdbool.h>

#include "drivers/transport/sysdev.h"
#include "drivers/usb/usb_proto.h"

typedef struct TbUsbSeen {
        TbUsbPath path;
        guint number;          /* address on its bus; another one each time it is plugged */
        guint vendor, product; /* 0: not known */
} TbUsbSeen;

typedef void (*TbUsbTold)(gpointer data, bool added, const TbUsbSeen *device);
typedef struct TbUsbWatch TbUsbWatch;

/* Takes what is there now as known; tells nothing about it. NULL: it cannot be read. */
TbUsbWatch *tb_usb_watch_new(const char *root, TbUsbTold told, gpointer data, GError **error);
void tb_usb_watch_free(TbUsbWatch *watch); /* accepts NULL */
/* True when something was told. */
bool tb_usb_watch_uevent(TbUsbWatch *watch, const TbUevent *event);
/* Sets *ret_changed, and only ever to true, when something was told. False, and nothing told: it cannot be read. */
bool tb_usb_watch_rescan(TbUsbWatch *watch, bool *ret_changed, GError **error);
guint tb_usb_watch_count(const TbUsbWatch *watch);
