#include "drivers/usb/usb_watch.h"

#include "drivers/usb/usb_tree.h"

struct TbUsbWatch {
        char *root;   /* owned */
        GArray *seen; /* owned: TbUsbSeen, sorted by path */
        TbUsbTold told;
        gpointer data; /* borrowed */
};

static int compare(gconstpointer a, gconstpointer b)
{
        return tb_usb_path_compare(&((const TbUsbSeen *)a)->path, &((const TbUsbSeen *)b)->path);
}

static GArray *look(const char *root, GError **error)
{
        g_autoptr(GArray) paths = tb_usb_tree_scan(root, error);

        if (!paths)
                return NULL;
        GArray *seen = g_array_new(FALSE, FALSE, sizeof(TbUsbSeen));

        for (guint i = 0; i < paths->len; i++) {
                TbUsbSeen one = {.path = g_array_index(paths, TbUsbPath, i)};
                g_autofree char *dir = tb_usb_tree_dir(root, &one.path);
                if (!tb_sysdev_attr_uint(dir, "devnum", 10, &one.number))
                        continue; /* being removed */
                (void)tb_sysdev_attr_uint(dir, "idVendor", 16, &one.vendor);
                (void)tb_sysdev_attr_uint(dir, "idProduct", 16, &one.product);
                g_array_append_val(seen, one);
        }
        return seen;
}

TbUsbWatch *tb_usb_watch_new(const char *root, TbUsbTold told, gpointer data, GError **error)
{
        GArray *seen = look(root, error);

        if (!seen)
                return NULL;
        TbUsbWatch *watch = g_new0(TbUsbWatch, 1);
        watch->root = g_strdup(root);
        watch->told = told;
        watch->data = data;
        watch->seen = seen;
        return watch;
}

void tb_usb_watch_free(TbUsbWatch *watch)
{
        if (!watch)
                return;
        g_array_unref(watch->seen);
        g_free(watch->root);
        g_free(watch);
}

guint tb_usb_watch_count(const TbUsbWatch *watch)
{
        return watch->seen->len;
}

static TbUsbSeen *find(TbUsbWatch *watch, const TbUsbPath *path)
{
        for (guint i = 0; i < watch->seen->len; i++) {
                TbUsbSeen *one = &g_array_index(watch->seen, TbUsbSeen, i);
                if (tb_usb_path_compare(&one->path, path) == 0)
                        return one;
        }
        return NULL;
}

static void drop(TbUsbWatch *watch, TbUsbSeen *one)
{
        TbUsbSeen gone = *one;

        g_array_remove_index(watch->seen, (guint)(one - (TbUsbSeen *)(void *)watch->seen->data));
        watch->told(watch->data, false, &gone);
}

static void add(TbUsbWatch *watch, TbUsbSeen one)
{
        g_array_append_val(watch->seen, one);
        g_array_sort(watch->seen, compare);
        watch->told(watch->data, true, &one);
}

bool tb_usb_watch_uevent(TbUsbWatch *watch, const TbUevent *event)
{
        TbUsbSeen now = {.number = event->device_number};

        if (g_strcmp0(event->devtype, "usb_device") != 0 || !event->name ||
            !tb_usb_path_parse(event->name, &now.path))
                return false;
        if (event->product)
                (void)tb_usb_product_parse(event->product, &now.vendor, &now.product);
        TbUsbSeen *known = find(watch, &now.path);
        switch (event->action) {
        case TB_UEVENT_ADD:
                if (known && known->number == now.number)
                        return false; /* a look has seen it already */
                if (known)
                        drop(watch, known); /* its removal was lost */
                add(watch, now);
                return true;
        case TB_UEVENT_REMOVE:
                if (!known || known->number != now.number)
                        return false; /* a look has missed it already, or seen its successor */
                drop(watch, known);
                return true;
        case TB_UEVENT_BIND:
        case TB_UEVENT_OTHER: return false;
        }
        return false;
}

bool tb_usb_watch_rescan(TbUsbWatch *watch, bool *ret_changed, GError **error)
{
        g_autoptr(GArray) now = look(watch->root, error);

        if (!now)
                return false;
        /* Backwards: what hangs on a hub goes before the hub. */
        for (guint i = watch->seen->len; i-- > 0;) {
                TbUsbSeen *one = &g_array_index(watch->seen, TbUsbSeen, i);
                guint at;
                bool there = g_array_binary_search(now, one, compare, &at);
                if (!there || g_array_index(now, TbUsbSeen, at).number != one->number) {
                        drop(watch, one);
                        *ret_changed = true;
                }
        }
        for (guint i = 0; i < now->len; i++) {
                TbUsbSeen *one = &g_array_index(now, TbUsbSeen, i);
                if (!find(watch, &one->path)) {
                        add(watch, *one);
                        *ret_changed = true;
                }
        }
        return true;
}
