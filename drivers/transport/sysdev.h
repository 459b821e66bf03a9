#pragma once
/*
 * Hardware of this machine as the kernel tells of it: sysfs attributes, names below /dev that stay, and
 * uevents (hot-plug).
 *
 * Uevents come from one of two sources. The kernel's own arrive first and also where no udevd runs
 * (containers, the rig), before permissions and links are set; udevd's arrive when those are. Where uevents
 * do not reach us at all (a container with a user namespace of its own), nothing says so: who depends on them
 * looks again every TB_SYSDEV_RESCAN_MS.
 *
 * Thread: any; a TbHotplug belongs to the thread that opened it. Source: Linux
 * Documentation/ABI/testing/sysfs-uevent, libudev(3).
 */
#include <glib.h>
#include <stdbool.h>

#define TB_SYSDEV_RESCAN_MS 5000
#define TB_SYSDEV_ATTR 4096 /* bytes of an attribute; sysfs gives no more than a page */

/* The attribute's text without the white space around it; NULL when there is none. The caller frees. */
char *tb_sysdev_attr(const char *dir, const char *name);
/* Names in a folder, in its order. A folder that is not there is an empty one: the kernel has no such class.
 * NULL: it cannot be read. The caller unrefs. */
GPtrArray *tb_sysdev_names(const char *dir, GError **error);
/* False when there is none or it is not a number that fits. base 10 or 16. */
bool tb_sysdev_attr_uint(const char *dir, const char *name, guint base, guint *ret_value);
/* Writes `text`; TB_ERROR_NOT_FOUND (no such attribute), FORBIDDEN (with advice), DEVICE. */
bool tb_sysdev_attr_write(const char *dir, const char *name, const char *text, GError **error);
/* Last part of the link `name` in `dir` ("driver" -> "ftdi_sio"); NULL when there is none. */
char *tb_sysdev_link_name(const char *dir, const char *name);
/* The directory of the USB device that `sysdir` (/sys/class/tty/ttyUSB0) belongs to; NULL: not on USB. Links
 * are followed. */
char *tb_sysdev_usb_parent(const char *sysdir);
/* The interface number of the USB interface that `sysdir` belongs to; -1: none. */
int tb_sysdev_usb_interface(const char *sysdir);

/* Whether `text` names a USB port as the kernel does: "1-1.4" = bus 1, port 1, port 4 there. */
bool tb_sysdev_is_usb_port(const char *text);
/* The device file of class `class_dir` ("/sys/class/tty") that hangs on USB port `port`: of `interface`, or
 * of the lowest interface when that is -1; GONE when there is none. `what` is for the error text ("serial
 * adapter"). The caller frees. */
char *tb_sysdev_find_usb(const char *class_dir, const char *what, const char *port, int interface,
                         GError **error);

/* The link to `node` in dir/by-id, else in dir/by-path, that udev has made ("/dev/serial", "/dev/ttyUSB0");
 * NULL when there is none. */
char *tb_sysdev_stable_name(const char *dir, const char *node);

/* Why a node of the given path cannot be opened, with what to do about it: GONE, FORBIDDEN, BUSY or DEVICE.
 * Always returns false. */
bool tb_sysdev_open_failed(const char *path, int errnum, GError **error);

/* --- hot-plug --- */
typedef enum TbHotplugSource {
        TB_HOTPLUG_KERNEL,  /* as early as possible */
        TB_HOTPLUG_SETTLED, /* after udevd has made links and permissions; the kernel's where no udevd runs */
} TbHotplugSource;

typedef enum TbUeventAction {
        TB_UEVENT_ADD,
        TB_UEVENT_REMOVE,
        TB_UEVENT_BIND /* a driver took it */,
        TB_UEVENT_OTHER
} TbUeventAction;

typedef struct TbUevent {
        TbUeventAction action;
        char *subsystem, *devtype, *name, *syspath, *node; /* owned; NULL where the kernel says none */
        char *product;                                     /* owned; USB devices: "403/6001/400" */
        guint bus_number, device_number;                   /* USB devices; 0: none */
} TbUevent;

typedef struct TbHotplug TbHotplug;

/* `subsystems`: NULL-terminated ("usb", "tty"). */
TbHotplug *tb_hotplug_open(TbHotplugSource source, const char *const *subsystems, GError **error);
void tb_hotplug_close(TbHotplug *hotplug); /* accepts NULL */
int tb_hotplug_fd(TbHotplug *hotplug);     /* borrowed; readable when there is an event */
/* The next event, without waiting; false when there is none now. */
bool tb_hotplug_next(TbHotplug *hotplug, TbUevent *ret_event);
/* True once after events were lost because nobody read them in time: look at everything again. */
bool tb_hotplug_overflowed(TbHotplug *hotplug);
void tb_uevent_clear(TbUevent *event);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbHotplug, tb_hotplug_close)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbUevent, tb_uevent_clear)
