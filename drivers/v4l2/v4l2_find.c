#include "drivers/v4l2/v4l2_find.h"

#include <string.h>

#include "drivers/transport/finder.h"
#include "drivers/transport/sysdev.h"
#include "drivers/transport/usbrule.h"
#include "drivers/v4l2/v4l2_capture.h"

#define SYS_V4L "/sys/class/video4linux"
#define DEV_V4L "/dev/v4l"

bool tb_v4l2_uri_check(const TbUri *uri, const json_t *params, GError **error)
{
        const char *rule = json_string_value(json_object_get(params, "usb"));
        bool no_path = !uri->path[0] || g_str_equal(uri->path, "/");

        if (rule && (uri->host[0] || !no_path))
                tb_error_set_field(error, TB_ERROR_INVALID, "usb",
                                   "the URI names a camera already: write v4l2://?usb=…");
        else if (rule)
                return tb_usbrule_check(rule, error);
        else if (uri->host[0] && (!no_path || !tb_sysdev_is_usb_port(uri->host)))
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

char *tb_v4l2_find(const TbUri *uri, const json_t *params, GError **error)
{
        const char *rule = json_string_value(json_object_get(params, "usb"));
        if (!rule && !uri->host[0])
                return g_strdup(uri->path);
        g_autofree char *port = rule ? tb_usbrule_find(SYS_V4L, rule, "camera", error) : g_strdup(uri->host);
        return port ? tb_sysdev_find_usb(SYS_V4L, "camera", port, -1, error) : NULL;
}

typedef struct CameraDiscovery {
        TbFinder finder; /* first */
        GHashTable *
                cards; /* owned: node -> name, "" for no camera: a node is opened once while it is there, not at
                              every look */
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
        json_t *properties = json_pack("{s:s}", "kind", "video");
        tb_offers_set(properties, "node", node);
        tb_offers_set(properties, "usb_port", port);
        tb_offers_add(d->finder.offers, uri, card, why, properties);
}

static bool look(TbFinder *finder, TbIo *io, bool all, GError **error)
{
        CameraDiscovery *d = (CameraDiscovery *)finder;
        g_autoptr(GPtrArray) names = tb_sysdev_names(SYS_V4L, error);

        (void)io, (void)all;
        if (!names)
                return false;
        GHashTable *cards = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        for (guint i = 0; i < names->len; i++) {
                const char *name = names->pdata[i];
                char *node = g_build_filename("/dev", name, NULL);
                char *card = g_strdup(g_hash_table_lookup(d->cards, node));
                if (!card && !tb_v4l2_is_camera(node, &card))
                        card = g_strdup("");
                g_hash_table_insert(cards, node, card);
                if (*card)
                        offer(d, name, node, card);
        }
        g_hash_table_unref(d->cards);
        d->cards = cards;
        return true;
}

static void changed(TbFinder *finder, const TbUevent *event)
{
        if (event->node) /* another device may have the name now */
                g_hash_table_remove(((CameraDiscovery *)finder)->cards, event->node);
}

static const TbFinderOps finder_ops = {.source = TB_HOTPLUG_SETTLED,
                                       .subsystems = (const char *const[]){"video4linux", NULL},
                                       .uevent = changed,
                                       .look = look};

static bool discovery_open(TbDiscovery *self, TbIo *io, GError **error)
{
        CameraDiscovery *d = (CameraDiscovery *)self;

        (void)io;
        d->cards = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return tb_finder_open(&d->finder, &finder_ops, error);
}

static void discovery_close(TbDiscovery *self)
{
        CameraDiscovery *d = (CameraDiscovery *)self;

        tb_finder_close(&d->finder);
        g_clear_pointer(&d->cards, g_hash_table_unref);
}

const TbDiscoveryOps tb_v4l2_discovery = {.size = sizeof(CameraDiscovery),
                                          .open = discovery_open,
                                          .pump = tb_finder_discovery_pump,
                                          .close = discovery_close};
