#include "drivers/v4l2/v4l2_find.h"

#include <string.h>

#include "drivers/transport/offers.h"
#include "drivers/transport/sysdev.h"
#include "drivers/v4l2/v4l2_capture.h"

#define SYS_V4L "/sys/class/video4linux"
#define DEV_V4L "/dev/v4l"

bool tb_v4l2_uri_check(const TbUri *uri, GError **error)
{
        bool no_path = !uri->path[0] || g_str_equal(uri->path, "/");

        if (uri->host[0] && (!no_path || !tb_sysdev_is_usb_port(uri->host)))
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "uri",
                        "'%s' is no USB port such as 1-1.3 (a file takes three slashes: v4l2:///dev/video0)",
                        uri->host);
        else if (!uri->host[0] && no_path)
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "the URI names no camera: write v4l2:///dev/video0 or v4l2://1-1.3");
        else
                return true;
        return false;
}

char *tb_v4l2_find(const TbUri *uri, GError **error)
{
        if (uri->host[0])
                return tb_sysdev_find_usb(SYS_V4L, "camera", uri->host, -1, error);
        return g_strdup(uri->path);
}

typedef struct CameraDiscovery {
        TbDiscovery base;
        TbHotplug *hotplug; /* owned */
        TbOffers *offers;   /* owned */
        GHashTable *cards;  /* owned: node -> name, "" for no camera: a node is opened once while it is there,
                               not at every look */
} CameraDiscovery;

static void offer(CameraDiscovery *d, const char *name, const char *node, const char *card)
{
        g_autofree char *sysdir = g_build_filename(SYS_V4L, name, NULL);
        g_autofree char *usb_dir = tb_sysdev_usb_parent(sysdir);
        g_autofree char *port = usb_dir ? g_path_get_basename(usb_dir) : NULL;
        g_autofree char *stable = tb_sysdev_stable_name(DEV_V4L, node);
        g_autofree char *uri = NULL;
        const char *why;

        if (stable) {
                uri = g_strconcat("v4l2://", stable, NULL);
                why = strstr(stable, "/by-id/")
                              ? "a camera; udev names it by its maker, product and serial number"
                              : "a camera; udev names it by where it is plugged";
        } else if (port) {
                uri = g_strconcat("v4l2://", port, NULL);
                why = "a camera at this USB port; udev gave it no name of its own";
        } else {
                uri = g_strconcat("v4l2://", node, NULL);
                why = "the kernel offers pictures there";
        }
        json_t *properties = json_pack("{s:s, s:s}", "kind", "video", "node", node);
        if (port)
                json_object_set_new(properties, "usb_port", json_string(port));
        tb_offers_add(d->offers, uri, card, why, properties);
}

static void look(CameraDiscovery *d)
{
        g_autoptr(GDir) names = g_dir_open(SYS_V4L, 0, NULL);
        GHashTable *cards = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        tb_offers_begin(d->offers);
        for (const char *name; names && (name = g_dir_read_name(names)) != NULL;) {
                char *node = g_build_filename("/dev", name, NULL);
                char *card = g_strdup(g_hash_table_lookup(d->cards, node));
                if (!card && !tb_v4l2_is_camera(node, &card))
                        card = g_strdup("");
                g_hash_table_insert(cards, node, card);
                if (*card)
                        offer(d, name, node, card);
        }
        tb_offers_end(d->offers);
        g_hash_table_unref(d->cards);
        d->cards = cards;
}

static bool discovery_open(TbDiscovery *self, TbIo *io, GError **error)
{
        CameraDiscovery *d = (CameraDiscovery *)self;

        (void)io;
        d->hotplug = tb_hotplug_open(TB_HOTPLUG_SETTLED, (const char *const[]){"video4linux", NULL}, error);
        if (!d->hotplug)
                return false;
        d->cards = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        d->offers = tb_offers_new(self);
        look(d);
        return true;
}

static bool discovery_pump(TbDiscovery *self, TbIo *io, GError **error)
{
        CameraDiscovery *d = (CameraDiscovery *)self;
        struct pollfd fd = {.fd = tb_hotplug_fd(d->hotplug), .events = POLLIN};

        (void)error;
        TbWait wait = tb_io_wait(io, &fd, 1, TB_SYSDEV_RESCAN_MS);
        if (wait == TB_WAIT_WAKE || wait == TB_WAIT_STOP)
                return true;
        for (;;) {
                g_auto(TbUevent) event = {0};
                if (!tb_hotplug_next(d->hotplug, &event))
                        break;
                if (event.node) /* another device may have the name now */
                        g_hash_table_remove(d->cards, event.node);
        }
        look(d);
        return true;
}

static void discovery_close(TbDiscovery *self)
{
        CameraDiscovery *d = (CameraDiscovery *)self;

        g_clear_pointer(&d->hotplug, tb_hotplug_close);
        g_clear_pointer(&d->offers, tb_offers_free);
        g_clear_pointer(&d->cards, g_hash_table_unref);
}

const TbDiscoveryOps tb_v4l2_discovery = {.size = sizeof(CameraDiscovery),
                                          .open = discovery_open,
                                          .pump = discovery_pump,
                                          .close = discovery_close};
