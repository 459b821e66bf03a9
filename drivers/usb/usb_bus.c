#include "drivers/usb/usb_bus.h"

#include "drivers/transport/finder.h"
#include "drivers/transport/sysdev.h"
#include "drivers/usb/usb_diagnose.h"
#include "drivers/usb/usb_port.h"
#include "drivers/usb/usb_tree.h"
#include "drivers/usb/usb_watch.h"

typedef struct UsbBus {
        TbFinder finder;   /* first; it offers the ports that can be switched */
        TbUsbWatch *watch; /* owned: which devices there are, and what was told of them */
        bool changed;      /* since the ports were offered */
} UsbBus;

static void told(gpointer data, bool added, const TbUsbSeen *device)
{
        UsbBus *bus = data;
        g_autofree char *port = tb_usb_path_format(&device->path);
        json_t *event = added ? tb_usb_tree_device(TB_USB_SYSFS, &device->path) : NULL;

        if (!event) /* gone, or gone again already */
                event = json_pack("{s:s, s:i, s:i}", "port", port, "bus", (int)device->path.bus, "address",
                                  (int)device->number);
        if (!json_object_get(event, "vendor_id") && (device->vendor || device->product)) {
                g_autofree char *vendor = g_strdup_printf("%04x", device->vendor);
                g_autofree char *product = g_strdup_printf("%04x", device->product);
                json_object_set_new(event, "vendor_id", json_string(vendor));
                json_object_set_new(event, "product_id", json_string(product));
        }
        tb_finder_event(&bus->finder, added ? "usb.added" : "usb.removed", event);
}

static char *port_label(const TbUsbPath *hub, guint number, const char *hub_label)
{
        TbUsbPath at = *hub;
        g_autofree char *hub_name = tb_usb_path_format(hub);

        at.port[at.depth++] = number;
        g_autofree char *device = tb_usb_tree_label(TB_USB_SYSFS, &at);
        return g_strdup_printf("power of %s: port %u of %s at %s", device ? device : "an empty port", number,
                               hub_label ? hub_label : "the hub", hub_name);
}

static void offer_hub(UsbBus *bus, const TbUsbPath *path)
{
        g_autofree char *label = tb_usb_tree_label(TB_USB_SYSFS, path);
        g_autofree char *name = tb_usb_path_format(path);
        g_autofree char *why = g_strdup_printf("hub %s reports power switching per port", name);
        TbUsbHub hub;

        if (path->depth >= TB_USB_DEPTH || !tb_usb_hub_read(TB_USB_SYSFS, path, &hub, NULL) ||
            hub.switching != TB_USB_SWITCHING_PER_PORT)
                return;
        for (guint number = 1; number <= hub.ports; number++) {
                TbUsbPath at = *path;
                at.port[at.depth++] = number;
                g_autofree char *port = tb_usb_path_format(&at);
                g_autofree char *uri = g_strdup_printf("usbhub://%s", port);
                g_autofree char *text = port_label(path, number, label);
                tb_offers_add(bus->finder.offers, uri, text, why,
                              json_pack("{s:s, s:s, s:s}", "kind", "power", "hub", name, "port", port));
        }
}

/* Which ports can be switched: hubs are only asked when devices came or went. */
static bool look(TbFinder *finder, TbIo *io, bool all, GError **error)
{
        UsbBus *bus = (UsbBus *)finder;

        (void)io;
        if (all && !tb_usb_watch_rescan(bus->watch, &bus->changed, error))
                return false;
        if (!bus->changed) {
                tb_offers_keep(finder->offers);
                return true;
        }
        g_autoptr(GArray) paths = tb_usb_tree_scan(TB_USB_SYSFS, error);
        for (guint i = 0; paths && i < paths->len; i++) {
                const TbUsbPath *path = &g_array_index(paths, TbUsbPath, i);
                g_autofree char *dir = tb_usb_tree_dir(TB_USB_SYSFS, path);
                guint children = 0;
                if (tb_sysdev_attr_uint(dir, "maxchild", 10, &children) && children > 0)
                        offer_hub(bus, path);
        }
        bus->changed = paths == NULL;
        return paths != NULL;
}

/* A driver took an interface ("1-1.4:1.0"): now the device has its driver and, soon or already, its device
 * files. */
static void tell_bound(UsbBus *bus, const TbUevent *event)
{
        g_auto(GStrv) parts = event->name ? g_strsplit(event->name, ":", 2) : NULL;
        TbUsbPath path;

        if (event->action != TB_UEVENT_BIND || g_strcmp0(event->devtype, "usb_interface") != 0 || !parts ||
            !parts[0] || !tb_usb_path_parse(parts[0], &path))
                return;
        json_t *device = tb_usb_tree_device(TB_USB_SYSFS, &path);
        if (device)
                tb_finder_event(&bus->finder, "usb.bound", device);
}

static void uevent(TbFinder *finder, const TbUevent *event)
{
        UsbBus *bus = (UsbBus *)finder;

        bus->changed |= tb_usb_watch_uevent(bus->watch, event);
        tell_bound(bus, event);
}

static const TbFinderOps finder_ops = {.source = TB_HOTPLUG_KERNEL,
                                       .subsystems = (const char *const[]){"usb", NULL},
                                       .uevent = uevent,
                                       .look = look};

static bool bus_open(TbDiscovery *self, TbIo *io, GError **error)
{
        UsbBus *bus = (UsbBus *)self;

        (void)io;
        if (!tb_finder_open(&bus->finder, &finder_ops, error))
                return false;
        bus->watch = tb_usb_watch_new(TB_USB_SYSFS, told, bus, error);
        bus->changed = true;
        return bus->watch != NULL;
}

static void bus_close(TbDiscovery *self)
{
        UsbBus *bus = (UsbBus *)self;

        g_clear_pointer(&bus->watch, tb_usb_watch_free);
        tb_finder_close(&bus->finder);
}

static json_t *power_json(const TbUsbPath *path, const TbUsbPower *power)
{
        g_autofree char *name = tb_usb_path_format(path);
        json_t *state = json_pack("{s:s, s:s, s:b, s:b}", "port", name, "power", power->on ? "on" : "off",
                                  "connected", power->connected, "overcurrent", power->overcurrent);

        if (power->peer[0])
                json_object_set_new(state, "peer", json_string(power->peer));
        if (power->guess)
                json_object_set_new(state, "peer_guess", json_string(power->guess));
        return state;
}

static json_t *with_ports(const TbUsbPath *path);

static json_t *one_port(const TbUsbPath *hub, guint number)
{
        TbUsbPort port = {.hub = *hub, .number = number};
        TbUsbPath at = *hub;
        TbUsbPower power;
        json_t *state;

        at.port[at.depth++] = number;
        if (tb_usb_port_read(TB_USB_SYSFS, &port, &power, NULL)) {
                state = power_json(&at, &power);
        } else { /* no permission, or unplugged right now */
                g_autofree char *name = tb_usb_path_format(&at);
                state = json_pack("{s:s, s:s}", "port", name, "power", "unknown");
        }
        json_t *device = with_ports(&at);
        json_object_set_new(state, "device", device ? device : json_null());
        return state;
}

/* A device with everything behind it. */
static json_t *with_ports(const TbUsbPath *path)
{
        g_autofree char *dir = tb_usb_tree_dir(TB_USB_SYSFS, path);
        json_t *device = tb_usb_tree_device(TB_USB_SYSFS, path);
        guint children = 0;
        TbUsbHub hub;

        if (!device || path->depth >= TB_USB_DEPTH || !tb_sysdev_attr_uint(dir, "maxchild", 10, &children) ||
            children == 0)
                return device;
        bool known = tb_usb_hub_read(TB_USB_SYSFS, path, &hub, NULL);
        json_object_set_new(device, "power_switching",
                            known ? json_string(tb_usb_switching_name(hub.switching)) : json_null());
        json_t *ports = json_array();
        for (guint number = 1; number <= MIN(children, TB_USB_PORTS); number++)
                json_array_append_new(ports, one_port(path, number));
        json_object_set_new(device, "ports", ports);
        return device;
}

static json_t *bus_tree(TbDiscovery *self, TbIo *io, GError **error)
{
        g_autoptr(GArray) paths = tb_usb_tree_scan(TB_USB_SYSFS, error);

        (void)self, (void)io;
        if (!paths)
                return NULL;
        json_t *buses = json_array();
        for (guint i = 0; i < paths->len; i++) {
                const TbUsbPath *path = &g_array_index(paths, TbUsbPath, i);
                json_t *root = path->depth == 0 ? with_ports(path) : NULL;
                if (!root)
                        continue;
                tb_usb_diagnose(root);
                json_array_append_new(buses, root);
        }
        return json_pack("{s:o}", "buses", buses);
}

/* Who asks for a place that is empty has the wrong name; that a device of ours is away (GONE) is another
 * thing. */
static bool not_found(GError *failed, GError **error)
{
        if (g_error_matches(failed, TB_ERROR, TB_ERROR_GONE))
                failed->code = TB_ERROR_NOT_FOUND;
        g_propagate_error(error, failed);
        return false;
}

static bool bus_power(TbDiscovery *self, TbIo *io, const char *text, bool on, json_t **ret_state,
                      GError **error)
{
        TbUsbPort port;
        TbUsbPath path;
        TbUsbPower power;
        GError *failed = NULL;

        if (!tb_usb_port_parse(text, &port, &failed) ||
            !tb_usb_port_switch(TB_USB_SYSFS, io, &port, on, /* force= */ false, &failed) ||
            !tb_usb_port_read(TB_USB_SYSFS, &port, &power, &failed))
                return not_found(failed, error);
        (void)tb_usb_path_parse(text, &path);
        json_t *state = power_json(&path, &power);
        json_object_set_new(state, "commanded", json_string(on ? "on" : "off"));
        json_object_set_new(state, "observed", json_string(power.on ? "on" : "off"));
        tb_finder_event((TbFinder *)self, "usb.power", json_incref(state));
        *ret_state = state;
        return true;
}

static bool bus_reset(TbDiscovery *self, TbIo *io, const char *text, GError **error)
{
        TbUsbPath path;
        GError *failed = NULL;

        (void)io;
        if (!tb_usb_place_parse(text, &path, &failed) || !tb_usb_device_reset(TB_USB_SYSFS, &path, &failed))
                return not_found(failed, error);
        tb_finder_event((TbFinder *)self, "usb.reset", json_pack("{s:s}", "port", text));
        return true;
}

const TbDiscoveryOps tb_usb_bus = {
        .size = sizeof(UsbBus),
        .open = bus_open,
        .pump = tb_finder_discovery_pump,
        .close = bus_close,
        .bus = "usb",
        .bus_tree = bus_tree,
        .bus_power = bus_power,
        .bus_reset = bus_reset,
};
