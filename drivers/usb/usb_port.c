#include "drivers/usb/usb_port.h"

#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <string.h>
#include <unistd.h>

#include "drivers/transport/sysdev.h"
#include "drivers/usb/usb_peer.h"
#include "drivers/usb/usb_tree.h"
#include "lib/error.h"

#define TRANSFER_MS 5000
#define OFF_REPEATS 2 /* some hubs need to be told twice (uhubctl -r) */
#define OFF_PAUSE_MS 20
#define OFF_SETTLE_SS_MS 150
#define GONE_MS 2000 /* for a device to vanish after its port was switched off */
#define GONE_LOOK_MS 20

/* An open device: its usbfs node and libusb's handle on it. No enumeration, so no thread and no scan of the
 * bus. */
typedef struct Handle {
        int fd;                       /* owned */
        libusb_context *context;      /* owned */
        libusb_device_handle *device; /* owned */
} Handle;

static void handle_close(Handle *h)
{
        if (h->device)
                libusb_close(h->device);
        if (h->context)
                libusb_exit(h->context);
        if (h->fd >= 0)
                close(h->fd);
        *h = (Handle){.fd = -1};
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Handle, handle_close)

static bool usb_failed(int r, const char *what, GError **error)
{
        TbErrorCode code = TB_ERROR_DEVICE;

        if (r == LIBUSB_ERROR_NO_DEVICE || r == LIBUSB_ERROR_NOT_FOUND)
                code = TB_ERROR_GONE;
        else if (r == LIBUSB_ERROR_TIMEOUT)
                code = TB_ERROR_TIMEOUT;
        else if (r == LIBUSB_ERROR_ACCESS)
                code = TB_ERROR_FORBIDDEN;
        tb_set_error(error, code, "%s: %s", what, libusb_strerror(r));
        return false;
}

static bool gone(const TbUsbPath *path, GError **error)
{
        g_autofree char *name = tb_usb_path_format(path);

        tb_set_error(error, TB_ERROR_GONE, "there is no USB device at %s", name);
        return false;
}

static bool handle_open(const char *root, const TbUsbPath *path, Handle *h, GError **error)
{
        g_autofree char *dir = tb_usb_tree_dir(root, path);
        guint bus, device;

        *h = (Handle){.fd = -1};
        if (!tb_sysdev_attr_uint(dir, "busnum", 10, &bus) || !tb_sysdev_attr_uint(dir, "devnum", 10, &device))
                return gone(path, error);
        g_autofree char *node = g_strdup_printf("/dev/bus/usb/%03u/%03u", bus, device);
        h->fd = open(node, O_RDWR | O_CLOEXEC);
        if (h->fd < 0)
                return tb_sysdev_open_failed(node, errno, error);
        (void)libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
        int r = libusb_init(&h->context);
        if (r == 0)
                r = libusb_wrap_sys_device(h->context, h->fd, &h->device);
        if (r != 0) {
                handle_close(h);
                return usb_failed(r, node, error);
        }
        return true;
}

/* Bytes of the answer, or -1 with an error. */
static int control(Handle *h, TbUsbSetup s, guint8 *data, const char *what, GError **error)
{
        int r = libusb_control_transfer(h->device, s.request_type, s.request, s.value, s.index, data,
                                        s.length, TRANSFER_MS);

        if (r < 0)
                usb_failed(r, what, error);
        return r;
}

/* --- hubs --- */
/* Hubs whose descriptor says "ganged" although each port switches alone (uhubctl.c). */
static bool switches_anyway(const char *dir)
{
        guint vendor, product;

        return tb_sysdev_attr_uint(dir, "idVendor", 16, &vendor) &&
               tb_sysdev_attr_uint(dir, "idProduct", 16, &product) && vendor == 0x2109 && product == 0x3431;
}

static bool super_speed(const char *root, const TbUsbPath *hub)
{
        g_autofree char *dir = tb_usb_tree_dir(root, hub);
        g_autofree char *version = tb_sysdev_attr(dir, "version"); /* " 3.00" */

        return version && version[0] >= '3';
}

static bool hub_descriptor(Handle *h, const char *root, const TbUsbPath *hub, TbUsbHub *ret_hub,
                           GError **error)
{
        g_autofree char *name = tb_usb_path_format(hub);
        TbUsbSetup setup = tb_usb_setup_hub_descriptor(super_speed(root, hub));
        guint8 data[256] = {0};
        int n = control(h, setup, data, name, error);

        if (n < 0)
                return false;
        /* A hub with many ports has more bit maps than were asked for; nothing of them is needed. */
        if (n >= 7 && data[0] > n)
                data[0] = (guint8)n;
        if (tb_usb_hub_parse(data, (gsize)n, ret_hub) <= 0) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "%s is no hub, or answers with a descriptor that makes no sense", name);
                return false;
        }
        g_autofree char *dir = tb_usb_tree_dir(root, hub);
        if (switches_anyway(dir))
                ret_hub->switching = TB_USB_SWITCHING_PER_PORT;
        return true;
}

bool tb_usb_hub_read(const char *root, const TbUsbPath *hub, TbUsbHub *ret_hub, GError **error)
{
        g_auto(Handle) h = {.fd = -1};

        return handle_open(root, hub, &h, error) && hub_descriptor(&h, root, hub, ret_hub, error);
}

/* --- ports --- */
bool tb_usb_place_parse(const char *text, TbUsbPath *path, GError **error)
{
        if (tb_usb_path_parse(text, path))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "port",
                           "'%s' is no USB port: expected a bus and ports, such as 1-1.4", text);
        return false;
}

bool tb_usb_port_parse(const char *text, TbUsbPort *port, GError **error)
{
        TbUsbPath path;

        if (!tb_usb_place_parse(text, &path, error))
                return false;
        if (tb_usb_port_of(&path, port))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "port", "'%s' is a root hub, which hangs on no port",
                           text);
        return false;
}

bool tb_usb_port_of(const TbUsbPath *path, TbUsbPort *ret_port)
{
        return tb_usb_path_parent(path, &ret_port->hub, &ret_port->number);
}

/* The name of the place: "1-1.4". A hub so deep that nothing fits below it stands for its ports. */
static TbUsbPath port_path(const TbUsbPort *port)
{
        TbUsbPath path = port->hub;

        if (path.depth < TB_USB_DEPTH)
                path.port[path.depth++] = port->number;
        return path;
}

static bool check_port(const char *root, const TbUsbPort *port, GError **error)
{
        g_autofree char *dir = tb_usb_tree_dir(root, &port->hub);
        g_autofree char *name = tb_usb_path_format(&port->hub);
        guint children = 0;

        if (!g_file_test(dir, G_FILE_TEST_IS_DIR)) {
                TbUsbPath at = port_path(port);
                g_autofree char *wanted = tb_usb_path_format(&at);
                tb_set_error(error, TB_ERROR_GONE,
                             "there is no USB hub at %s with the port %s: is it plugged in there?", name,
                             wanted);
                return false;
        }
        (void)tb_sysdev_attr_uint(dir, "maxchild", 10, &children);
        if (children == 0)
                tb_error_set_field(error, TB_ERROR_INVALID, "port", "%s is not a hub", name);
        else if (port->number > children)
                tb_error_set_field(error, TB_ERROR_INVALID, "port", "hub %s has the ports 1 to %u, not %u",
                                   name, children, port->number);
        else
                return true;
        return false;
}

/* Whether the kernel has a device there. */
static bool is_there(const char *root, const TbUsbPort *port)
{
        TbUsbPath at = port_path(port);
        g_autofree char *device = tb_usb_tree_dir(root, &at);

        return g_file_test(device, G_FILE_TEST_IS_DIR);
}

/* What one half says. */
static bool read_half(const char *root, const TbUsbPort *port, TbUsbPower *power, GError **error)
{
        g_auto(Handle) h = {.fd = -1};
        g_autoptr(GError) refused = NULL;
        g_autofree char *name = tb_usb_path_format(&port->hub);
        guint8 data[4] = {0};

        if (handle_open(root, &port->hub, &h, &refused)) {
                TbUsbPortStatus status;
                int n = control(&h, tb_usb_setup_port_status(port->number), data, name, error);
                if (n < 0)
                        return false;
                if (tb_usb_port_status_parse(data, (gsize)n, super_speed(root, &port->hub), &status) <= 0) {
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "hub %s answers with %d bytes of port status instead of 4", name, n);
                        return false;
                }
                *power = (TbUsbPower){.on = status.powered || status.connected,
                                      .connected = status.connected,
                                      .overcurrent = status.overcurrent};
                return true;
        }
        /* Without permission for the device file the kernel still tells: it asks the hub when `disable` is
         * read. */
        g_autofree char *dir = tb_usb_peer_port_dir(root, port);
        g_autofree char *disabled = tb_sysdev_attr(dir, "disable");
        if (!disabled) {
                g_propagate_error(error, g_steal_pointer(&refused));
                return false;
        }
        bool connected = is_there(root, port);
        *power = (TbUsbPower){.on = g_str_equal(disabled, "0") || connected, .connected = connected};
        return true;
}

bool tb_usb_port_read(const char *root, const TbUsbPort *port, TbUsbPower *ret_power, GError **error)
{
        TbUsbPower power, other;
        TbUsbPort peer;
        const char *guess;

        if (!check_port(root, port, error) || !read_half(root, port, &power, error))
                return false;
        power.on |= is_there(root, port);
        if (tb_usb_peer_find(root, port, &peer, &guess)) {
                TbUsbPath at = port_path(&peer);
                g_autofree char *name = tb_usb_path_format(&at);
                g_strlcpy(power.peer, name, sizeof power.peer);
                if (!read_half(root, &peer, &other, error))
                        return false;
                power.guess = guess;
                power.on |= other.on || is_there(root, &peer);
                power.overcurrent |= other.overcurrent;
        }
        *ret_power = power;
        return true;
}

static bool switch_by_transfer(const char *root, TbIo *io, const TbUsbPort *port, bool on, GError **error)
{
        g_auto(Handle) h = {.fd = -1};
        g_autofree char *name = tb_usb_path_format(&port->hub);

        if (!handle_open(root, &port->hub, &h, error))
                return false;
        for (int i = 0; i < (on ? 1 : OFF_REPEATS); i++) {
                if (i > 0 && !tb_io_sleep(io, OFF_PAUSE_MS, error))
                        return false;
                if (control(&h, tb_usb_setup_port_power(port->number, on), NULL, name, error) < 0)
                        return false;
        }
        return on || !super_speed(root, &port->hub) || tb_io_sleep(io, OFF_SETTLE_SS_MS, error);
}

static bool switch_half(const char *root, TbIo *io, const TbUsbPort *port, bool on, GError **error)
{
        g_autofree char *dir = tb_usb_peer_port_dir(root, port);
        g_autoptr(GError) no_attribute = NULL;

        if (tb_sysdev_attr_write(dir, "disable", on ? "0" : "1", &no_attribute))
                return true;
        if (!g_error_matches(no_attribute, TB_ERROR, TB_ERROR_NOT_FOUND) &&
            !g_error_matches(no_attribute, TB_ERROR, TB_ERROR_FORBIDDEN)) {
                g_propagate_error(error, g_steal_pointer(&no_attribute));
                return false;
        }
        return switch_by_transfer(root, io, port, on, error);
}

bool tb_usb_port_switch(const char *root, TbIo *io, const TbUsbPort *port, bool on, bool force,
                        GError **error)
{
        g_autofree char *name = tb_usb_path_format(&port->hub);
        g_autoptr(GError) unreadable = NULL;
        TbUsbHub hub;
        TbUsbPort peer;
        const char *guess;

        if (!check_port(root, port, error))
                return false;
        if (tb_usb_hub_read(root, &port->hub, &hub, &unreadable)) {
                if (hub.switching != TB_USB_SWITCHING_PER_PORT && !force) {
                        tb_set_error(error, TB_ERROR_UNSUPPORTED, "hub %s %s (force=true tries all the same)",
                                     name,
                                     hub.switching == TB_USB_SWITCHING_GANGED
                                             ? "switches all its ports together only"
                                             : "says that it cannot switch power");
                        return false;
                }
        } else if (!g_error_matches(unreadable, TB_ERROR, TB_ERROR_FORBIDDEN)) {
                g_propagate_error(error, g_steal_pointer(&unreadable));
                return false;
        }
        if (!switch_half(root, io, port, on, error))
                return false;
        bool paired = tb_usb_peer_find(root, port, &peer, &guess);
        if (paired && !switch_half(root, io, &peer, on, error))
                return false;
        /* the kernel hears of it from the hub, a moment later; who stays is told by what is read back */
        for (int ms = 0; !on && ms < GONE_MS && (is_there(root, port) || (paired && is_there(root, &peer)));
             ms += GONE_LOOK_MS)
                if (!tb_io_sleep(io, GONE_LOOK_MS, error))
                        return false;
        return true;
}

bool tb_usb_device_reset(const char *root, const TbUsbPath *path, GError **error)
{
        g_autofree char *name = tb_usb_path_format(path);
        g_auto(Handle) h = {.fd = -1};

        if (path->depth == 0) {
                tb_error_set_field(error, TB_ERROR_INVALID, "port",
                                   "%s is a root hub: resetting it would reset the whole bus", name);
                return false;
        }
        if (!handle_open(root, path, &h, error))
                return false;
        int r = libusb_reset_device(h.device);
        /* NOT_FOUND: reset, but it came back as another device (firmware loaders do); that is a reset too. */
        return r == 0 || r == LIBUSB_ERROR_NOT_FOUND || usb_failed(r, name, error);
}
