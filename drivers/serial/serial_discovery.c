#include "drivers/serial/serial_discovery.h"

#include <string.h>

#include "drivers/transport/finder.h"
#include "drivers/transport/sysdev.h"
#include "drivers/transport/tty.h"

#define DEV_SERIAL "/dev/serial"

/* One line that hardware stands behind. */
typedef struct Port {
        char *sysdir, *node;      /* owned */
        char *usb_dir, *usb_port; /* owned; NULL: not on USB */
        int interface;            /* USB; -1: none */
        char *driver;             /* owned; may be NULL */
} Port;

static void port_free(gpointer data)
{
        Port *port = data;

        g_free(port->sysdir);
        g_free(port->node);
        g_free(port->usb_dir);
        g_free(port->usb_port);
        g_free(port->driver);
        g_free(port);
}

/* Virtual terminals and ptys have no device; the 8250 driver makes ttyS0 to ttyS31 whether or not a chip is
 * there (type 0). */
static Port *port_of(const char *name)
{
        g_autofree char *sysdir = g_build_filename(TB_TTY_CLASS, name, NULL);
        g_autofree char *device = g_build_filename(sysdir, "device", NULL);
        guint type;

        if (!g_file_test(device, G_FILE_TEST_EXISTS) ||
            (tb_sysdev_attr_uint(sysdir, "type", 10, &type) && type == 0))
                return NULL;
        Port *port = g_new0(Port, 1);
        port->sysdir = g_steal_pointer(&sysdir);
        port->node = g_build_filename("/dev", name, NULL);
        port->usb_dir = tb_sysdev_usb_parent(port->sysdir);
        port->usb_port = port->usb_dir ? g_path_get_basename(port->usb_dir) : NULL;
        port->interface = tb_sysdev_usb_interface(port->sysdir);
        port->driver = tb_sysdev_link_name(device, "driver");
        return port;
}

static int compare(gconstpointer a, gconstpointer b)
{
        const Port *x = *(const Port *const *)a, *y = *(const Port *const *)b;

        return strcmp(x->node, y->node);
}

static GPtrArray *ports_now(GError **error)
{
        g_autoptr(GPtrArray) names = tb_sysdev_names(TB_TTY_CLASS, error);

        if (!names)
                return NULL;
        GPtrArray *ports = g_ptr_array_new_with_free_func(port_free);
        for (guint i = 0; i < names->len; i++) {
                Port *port = port_of(names->pdata[i]);
                if (port)
                        g_ptr_array_add(ports, port);
        }
        g_ptr_array_sort(ports, compare);
        return ports;
}

/* --- discovery --- */
/* The most stable name that the line has, and why it was chosen. */
static char *uri_of(const Port *port, char **ret_why)
{
        g_autofree char *stable = tb_sysdev_stable_name(DEV_SERIAL, port->node);

        if (stable) {
                *ret_why = g_strdup_printf(
                        "%s line; udev names it by its %s", port->driver ? port->driver : "serial",
                        strstr(stable, "/by-id/") ? "maker, product and serial number" : "USB port");
                return g_strconcat("serial://", stable, NULL);
        }
        if (port->usb_port) {
                *ret_why = g_strdup_printf("%s adapter at USB port %s; udev gave it no name of its own",
                                           port->driver ? port->driver : "serial", port->usb_port);
                return port->interface > 0
                               ? g_strdup_printf("serial://%s?interface=%d", port->usb_port, port->interface)
                               : g_strdup_printf("serial://%s", port->usb_port);
        }
        *ret_why = g_strdup("the kernel found a UART");
        return g_strconcat("serial://", port->node, NULL);
}

static char *label_of(const Port *port)
{
        g_autofree char *product = port->usb_dir ? tb_sysdev_attr(port->usb_dir, "product") : NULL;
        g_autofree char *serial = port->usb_dir ? tb_sysdev_attr(port->usb_dir, "serial") : NULL;

        if (!product || !*product)
                return g_strdup_printf("serial line %s", port->node);
        if (port->interface > 0)
                return g_strdup_printf("%s%s%s, line %d", product, serial ? " " : "", serial ? serial : "",
                                       port->interface);
        return g_strdup_printf("%s%s%s", product, serial ? " " : "", serial ? serial : "");
}

static json_t *properties_of(const Port *port)
{
        json_t *properties = json_pack("{s:s}", "kind", "console");
        static const struct {
                const char *key, *attr;
        } attrs[] = {{"vendor_id", "idVendor"},
                     {"product_id", "idProduct"},
                     {"manufacturer", "manufacturer"},
                     {"product", "product"},
                     {"serial", "serial"}};

        tb_offers_set(properties, "node", port->node);
        tb_offers_set(properties, "driver", port->driver);
        tb_offers_set(properties, "usb_port", port->usb_port);
        for (guint i = 0; port->usb_dir && i < G_N_ELEMENTS(attrs); i++) {
                g_autofree char *text = tb_sysdev_attr(port->usb_dir, attrs[i].attr);
                tb_offers_set(properties, attrs[i].key, text);
        }
        return properties;
}

static bool look(TbFinder *finder, TbIo *io, bool all, GError **error)
{
        g_autoptr(GPtrArray) ports = ports_now(error);

        (void)io, (void)all;
        for (guint i = 0; ports && i < ports->len; i++) {
                const Port *port = g_ptr_array_index(ports, i);
                g_autofree char *why = NULL;
                g_autofree char *uri = uri_of(port, &why);
                g_autofree char *label = label_of(port);
                tb_offers_add(finder->offers, uri, label, why, properties_of(port));
        }
        return ports != NULL;
}

static const TbFinderOps finder_ops = {
        .source = TB_HOTPLUG_SETTLED, .subsystems = (const char *const[]){"tty", NULL}, .look = look};

TB_FINDER_DISCOVERY(tb_serial_discovery, finder_ops);
