#include "drivers/transport/sysdev.h"

#include <errno.h>
#include <libudev.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/error.h"

/* bytes: a hub with everything on it is a burst of some hundred events */
#define RECEIVE_BUFFER (1024 * 1024)
#define UDEVD_SOCKET "/run/udev/control"

struct TbHotplug {
        struct udev *udev;            /* owned */
        struct udev_monitor *monitor; /* owned */
        bool overflowed;
};

TbHotplug *tb_hotplug_open(TbHotplugSource source, const char *const *subsystems, GError **error)
{
        g_autoptr(TbHotplug) hotplug = g_new0(TbHotplug, 1);
        bool settled = source == TB_HOTPLUG_SETTLED && access(UDEVD_SOCKET, F_OK) == 0;

        hotplug->udev = udev_new();
        if (hotplug->udev)
                hotplug->monitor = udev_monitor_new_from_netlink(hotplug->udev, settled ? "udev" : "kernel");
        if (!hotplug->monitor) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "cannot listen for hot-plug events: %s",
                             g_strerror(errno));
                return NULL;
        }
        for (guint i = 0; subsystems[i]; i++)
                udev_monitor_filter_add_match_subsystem_devtype(hotplug->monitor, subsystems[i], NULL);
        /* More than rmem_max needs CAP_NET_ADMIN; without it the default has to do, and overflow is noticed.
         */
        (void)udev_monitor_set_receive_buffer_size(hotplug->monitor, RECEIVE_BUFFER);
        int r = udev_monitor_enable_receiving(hotplug->monitor);
        if (r < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "cannot listen for hot-plug events: %s",
                             g_strerror(-r));
                return NULL;
        }
        return g_steal_pointer(&hotplug);
}

void tb_hotplug_close(TbHotplug *hotplug)
{
        if (!hotplug)
                return;
        if (hotplug->monitor)
                udev_monitor_unref(hotplug->monitor);
        if (hotplug->udev)
                udev_unref(hotplug->udev);
        g_free(hotplug);
}

int tb_hotplug_fd(TbHotplug *hotplug)
{
        return udev_monitor_get_fd(hotplug->monitor);
}

static guint number(struct udev_device *device, const char *property)
{
        const char *text = udev_device_get_property_value(device, property);
        guint64 value;

        return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &value, NULL) ? (guint)value : 0;
}

bool tb_hotplug_next(TbHotplug *hotplug, TbUevent *ret_event)
{
        errno = 0;
        struct udev_device *device = udev_monitor_receive_device(hotplug->monitor);

        if (!device) {
                if (errno == ENOBUFS)
                        hotplug->overflowed = true;
                return false;
        }
        const char *action = udev_device_get_action(device);
        *ret_event = (TbUevent){
                .action = g_strcmp0(action, "add") == 0      ? TB_UEVENT_ADD
                          : g_strcmp0(action, "remove") == 0 ? TB_UEVENT_REMOVE
                          : g_strcmp0(action, "bind") == 0   ? TB_UEVENT_BIND
                                                             : TB_UEVENT_OTHER,
                .subsystem = g_strdup(udev_device_get_subsystem(device)),
                .devtype = g_strdup(udev_device_get_devtype(device)),
                .name = g_strdup(udev_device_get_sysname(device)),
                .syspath = g_strdup(udev_device_get_syspath(device)),
                .node = g_strdup(udev_device_get_devnode(device)),
                .product = g_strdup(udev_device_get_property_value(device, "PRODUCT")),
                .bus_number = number(device, "BUSNUM"),
                .device_number = number(device, "DEVNUM"),
        };
        udev_device_unref(device);
        return true;
}

bool tb_hotplug_overflowed(TbHotplug *hotplug)
{
        bool overflowed = hotplug->overflowed;

        hotplug->overflowed = false;
        return overflowed;
}

void tb_uevent_clear(TbUevent *event)
{
        g_free(event->subsystem);
        g_free(event->devtype);
        g_free(event->name);
        g_free(event->syspath);
        g_free(event->node);
        g_free(event->product);
        *event = (TbUevent){0};
}
