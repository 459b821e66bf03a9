#include "drivers/usb/usb_peer.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/transport/sysdev.h"
#include "drivers/usb/usb_tree.h"

#define BOS_MOST 4096
#define CAPABILITY 0x10   /* descriptor type: device capability */
#define CONTAINER_ID 0x04 /* its type */

char *tb_usb_peer_port_dir(const char *root, const TbUsbPort *port)
{
        g_autofree char *dir = tb_usb_tree_dir(root, &port->hub);
        guint configuration = 1;

        (void)tb_sysdev_attr_uint(dir, "bConfigurationValue", 10, &configuration);
        g_autofree char *name = tb_usb_port_dir(&port->hub, configuration, port->number);
        return g_build_filename(root, name, NULL);
}

/* "peer" leads to "usb2-port1" or "2-1-port3". */
static bool told_by_kernel(const char *root, const TbUsbPort *port, TbUsbPort *ret_peer)
{
        g_autofree char *dir = tb_usb_peer_port_dir(root, port);
        g_autofree char *name = tb_sysdev_link_name(dir, "peer");
        char *at = name ? strstr(name, "-port") : NULL;
        guint64 number;

        if (!at || !g_ascii_string_to_unsigned(at + strlen("-port"), 10, 1, TB_USB_PORTS, &number, NULL))
                return false;
        *at = '\0';
        ret_peer->number = (guint)number;
        return tb_usb_path_parse(name, &ret_peer->hub);
}

/* --- guessing --- */
bool tb_usb_peer_container(const guint8 *bos, gsize size, guint8 ret_id[16])
{
        for (gsize at = 0; at + 2 < size && bos[at] >= 3; at += bos[at]) {
                if (bos[at] > size - at)
                        return false;
                if (bos[at + 1] == CAPABILITY && bos[at + 2] == CONTAINER_ID && bos[at] >= 20) {
                        memcpy(ret_id, bos + at + 4, 16);
                        return true;
                }
        }
        return false;
}

typedef struct Hub {
        char *controller; /* owned: the folder that its root hub stands in */
        char *serial;     /* owned; NULL: none */
        guint vendor, ports;
        bool super_speed, has_container;
        guint8 container[16];
} Hub;

static void hub_clear(Hub *hub)
{
        g_free(hub->serial);
        free(hub->controller); /* realpath()'s */
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Hub, hub_clear)

static bool hub_look(const char *root, const TbUsbPath *path, Hub *ret)
{
        const TbUsbPath bus = {.bus = path->bus};
        g_autofree char *dir = tb_usb_tree_dir(root, path), *root_hub = tb_usb_tree_dir(root, &bus),
                        *version = tb_sysdev_attr(dir, "version"), *bos = NULL,
                        *file = g_build_filename(dir, "bos_descriptors", NULL); /* Linux 6.9 and later */
        gsize size = 0;

        *ret = (Hub){.controller = realpath(root_hub, NULL)};
        char *slash = ret->controller ? strrchr(ret->controller, '/') : NULL;
        if (slash)
                *slash = '\0';
        ret->serial = tb_sysdev_attr(dir, "serial");
        ret->super_speed = version && version[0] >= '3'; /* " 3.00", stripped */
        if (g_file_get_contents(file, &bos, &size, NULL))
                ret->has_container =
                        tb_usb_peer_container((const guint8 *)bos, MIN(size, BOS_MOST), ret->container);
        return ret->controller && tb_sysdev_attr_uint(dir, "idVendor", 16, &ret->vendor) &&
               tb_sysdev_attr_uint(dir, "maxchild", 10, &ret->ports) && ret->ports > 0;
}

enum { BY_CONTAINER, BY_SERIAL, BY_PLACE, WAYS };

static int way_of(const TbUsbPath *a, const Hub *one, const TbUsbPath *b, const Hub *other)
{
        if (one->super_speed == other->super_speed || one->vendor != other->vendor ||
            strcmp(one->controller, other->controller) != 0)
                return WAYS;
        if (one->has_container && other->has_container)
                return memcmp(one->container, other->container, sizeof one->container) == 0 ? BY_CONTAINER
                                                                                            : WAYS;
        if (one->serial && *one->serial && other->serial && *other->serial)
                return strcmp(one->serial, other->serial) == 0 ? BY_SERIAL : WAYS;
        return a->depth == b->depth && memcmp(a->port, b->port, a->depth * sizeof *a->port) == 0 ? BY_PLACE
                                                                                                 : WAYS;
}

static bool guess(const char *root, const TbUsbPort *port, TbUsbPort *ret_peer, const char **ret_how)
{
        static const char *const how[WAYS] = {
                "a guess: the kernel does not pair them, both hubs have the same container id",
                "a guess: the kernel does not pair them, both hubs have the same serial number",
                "a guess: the kernel does not pair them, both hubs stand at the same place of their bus"};
        g_autoptr(GArray) paths = tb_usb_tree_scan(root, NULL);
        g_auto(Hub) one = {0};
        TbUsbPath found[WAYS];
        guint n[WAYS] = {0};

        if (!paths || !hub_look(root, &port->hub, &one))
                return false;
        for (guint i = 0; i < paths->len; i++) {
                const TbUsbPath *path = &g_array_index(paths, TbUsbPath, i);
                g_auto(Hub) other = {0};
                if (path->depth == 0 || path->bus == port->hub.bus || !hub_look(root, path, &other) ||
                    other.ports < port->number)
                        continue;
                int way = way_of(&port->hub, &one, path, &other);
                if (way < WAYS && n[way]++ == 0)
                        found[way] = *path;
        }
        for (int way = 0; way < WAYS; way++) {
                if (n[way] == 0)
                        continue;
                *ret_peer = (TbUsbPort){.hub = found[way], .number = port->number};
                *ret_how = how[way];
                return n[way] == 1; /* of several, none: it would switch somebody else's */
        }
        return false;
}

bool tb_usb_peer_find(const char *root, const TbUsbPort *port, TbUsbPort *ret_peer, const char **ret_guess)
{
        *ret_guess = NULL;
        return told_by_kernel(root, port, ret_peer) ||
               (port->hub.depth > 0 && guess(root, port, ret_peer, ret_guess));
}
