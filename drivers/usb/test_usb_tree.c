/* The tree and the watch against a folder that looks like /sys/bus/usb/devices. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/usb/usb_tree.h"
#include "drivers/usb/usb_watch.h"
#include "lib/error.h"

typedef struct Fixture {
        char *root;    /* owned */
        GString *told; /* owned: "+1-1#5 -1-1#5 " */
} Fixture;

static void put(Fixture *f, const char *dir, const char *name, const char *text)
{
        g_autofree char *folder = g_build_filename(f->root, dir, NULL);
        g_autofree char *file = g_build_filename(folder, name, NULL);

        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

static void plug(Fixture *f, const char *name, const char *number)
{
        put(f, name, "devnum", number);
        put(f, name, "idVendor", "0403\n");
        put(f, name, "idProduct", "6001\n");
}

static void erase(const char *path)
{
        g_autoptr(GDir) names = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);

        for (const char *name; names && (name = g_dir_read_name(names)) != NULL;) {
                g_autofree char *sub = g_build_filename(path, name, NULL);
                erase(sub);
        }
        g_assert_cmpint(g_remove(path), ==, 0);
}

static void pull(Fixture *f, const char *name)
{
        g_autofree char *dir = g_build_filename(f->root, name, NULL);

        erase(dir);
}

static void told(gpointer data, bool added, const TbUsbSeen *device)
{
        Fixture *f = data;
        g_autofree char *name = tb_usb_path_format(&device->path);

        g_string_append_printf(f->told, "%c%s#%u ", added ? '+' : '-', name, device->number);
}

static void set_up(Fixture *f, gconstpointer data)
{
        (void)data;
        f->root = g_dir_make_tmp("tb-usb-XXXXXX", NULL);
        g_assert_nonnull(f->root);
        f->told = g_string_new(NULL);
        plug(f, "usb1", "1\n");
        plug(f, "1-1", "2\n");
        put(f, "1-0:1.0", "bInterfaceClass", "09\n");
}

static void tear_down(Fixture *f, gconstpointer data)
{
        (void)data;
        erase(f->root);
        g_free(f->root);
        g_string_free(f->told, TRUE);
}

static void assert_told(Fixture *f, const char *expected)
{
        g_assert_cmpstr(f->told->str, ==, expected);
        g_string_truncate(f->told, 0);
}

static bool uevent(TbUsbWatch *watch, TbUeventAction action, const char *name, guint number)
{
        TbUevent event = {.action = action,
                          .devtype = (char *)"usb_device",
                          .name = (char *)name,
                          .product = (char *)"403/6001/400",
                          .device_number = number};

        return tb_usb_watch_uevent(watch, &event);
}

static void test_scan(Fixture *f, gconstpointer data)
{
        (void)data;
        plug(f, "1-1.10", "4\n");
        plug(f, "1-1.2", "5\n");
        plug(f, "usb2", "1\n");
        g_autoptr(GArray) paths = tb_usb_tree_scan(f->root, NULL);
        g_autoptr(GString) names = g_string_new(NULL);
        for (guint i = 0; i < paths->len; i++) {
                g_autofree char *name = tb_usb_path_format(&g_array_index(paths, TbUsbPath, i));
                g_string_append_printf(names, "%s ", name);
        }
        g_assert_cmpstr(names->str, ==, "usb1 1-1 1-1.2 1-1.10 usb2 ");
}

static void test_device(Fixture *f, gconstpointer data)
{
        static const struct {
                const char *dir, *name, *text;
        } files[] = {
                {"1-1.3", "busnum", "1\n"},
                {"1-1.3", "speed", "1.5\n"},
                {"1-1.3", "version", " 1.10\n"},
                {"1-1.3", "manufacturer", "FTDI\n"},
                {"1-1.3", "product", "FT232R USB UART\n"},
                {"1-1.3", "serial",
                 "A\xff"
                 "1\n"},
                {"1-1.3", "bDeviceClass", "00\n"},
                {"1-1.3", "bMaxPower", "90mA\n"},
                {"1-1.3", "bConfigurationValue", "1\n"},
                {"1-1.3", "bNumInterfaces", " 1\n"},
                {"1-1.3:1.0", "bInterfaceClass", "ff\n"},
                {"1-1.3:1.0/ttyUSB0/tty/ttyUSB0", "uevent", "MAJOR=188\nMINOR=0\nDEVNAME=ttyUSB0\n"},
        };
        TbUsbPath path;

        (void)data;
        plug(f, "1-1.3", "7\n");
        for (guint i = 0; i < G_N_ELEMENTS(files); i++)
                put(f, files[i].dir, files[i].name, files[i].text);
        g_autofree char *link = g_build_filename(f->root, "1-1.3:1.0", "driver", NULL);
        g_assert_cmpint(symlink("../../../bus/usb/drivers/ftdi_sio", link), ==, 0);

        g_assert_true(tb_usb_path_parse("1-1.3", &path));
        json_t *device = tb_usb_tree_device(f->root, &path);
        json_t *expected = json_pack(
                "{s:s, s:i, s:i, s:f, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:[{s:i, s:s, s:s}], s:[s]}",
                "port", "1-1.3", "bus", 1, "address", 7, "speed_mbps", 1.5, "usb", "1.10", "vendor_id",
                "0403", "product_id", "6001", "manufacturer", "FTDI", "product", "FT232R USB UART", "serial",
                "A\xef\xbf\xbd"
                "1",
                "class", "per-interface", "max_power_ma", 90, "interfaces", "number", 0, "class", "vendor",
                "driver", "ftdi_sio", "nodes", "/dev/ttyUSB0");
        g_assert_nonnull(expected);
        g_autofree char *got = json_dumps(device, JSON_SORT_KEYS);
        g_autofree char *want = json_dumps(expected, JSON_SORT_KEYS);
        g_assert_cmpstr(got, ==, want);
        g_autofree char *label = tb_usb_tree_label(f->root, &path);
        g_assert_cmpstr(label, ==, "FTDI FT232R USB UART");
        json_decref(device);
        json_decref(expected);

        g_assert_true(tb_usb_path_parse("1-1.4", &path));
        g_assert_null(tb_usb_tree_device(f->root, &path));
        g_assert_null(tb_usb_tree_label(f->root, &path));
}

static void test_watch_events(Fixture *f, gconstpointer data)
{
        TbUsbWatch *watch = tb_usb_watch_new(f->root, told, f, NULL);

        (void)data;
        g_assert_cmpuint(tb_usb_watch_count(watch), ==, 2);
        assert_told(f, "");
        g_assert_true(uevent(watch, TB_UEVENT_ADD, "1-1.4", 3));
        g_assert_false(uevent(watch, TB_UEVENT_ADD, "1-1.4", 3)); /* told once */
        g_assert_false(uevent(watch, TB_UEVENT_OTHER, "1-1.4", 3));
        g_assert_true(uevent(watch, TB_UEVENT_REMOVE, "1-1.4", 3));
        g_assert_false(uevent(watch, TB_UEVENT_REMOVE, "1-1.4", 3));
        assert_told(f, "+1-1.4#3 -1-1.4#3 ");
        TbUevent interface = {
                .action = TB_UEVENT_ADD, .devtype = (char *)"usb_interface", .name = (char *)"1-1.4:1.0"};
        g_assert_false(tb_usb_watch_uevent(watch, &interface));
        /* the removal of the first one was lost */
        g_assert_true(uevent(watch, TB_UEVENT_ADD, "1-1.4", 4));
        g_assert_true(uevent(watch, TB_UEVENT_ADD, "1-1.4", 5));
        g_assert_false(uevent(watch, TB_UEVENT_REMOVE, "1-1.4", 4));
        assert_told(f, "+1-1.4#4 -1-1.4#4 +1-1.4#5 ");
        tb_usb_watch_free(watch);
}

static bool rescan(TbUsbWatch *watch)
{
        bool changed = false;
        g_autoptr(GError) error = NULL;

        g_assert_true(tb_usb_watch_rescan(watch, &changed, &error));
        g_assert_no_error(error);
        return changed;
}

/* A folder that cannot be read is no empty one: nothing was unplugged. */
static void test_watch_unreadable(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *file = g_build_filename(f->root, "file", NULL);
        TbUsbWatch *watch;
        bool changed = false;

        (void)data;
        g_assert_true(g_file_set_contents(file, "", 0, NULL));
        watch = tb_usb_watch_new(file, told, f, &error);
        g_assert_null(watch);
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_clear_error(&error);
        watch = tb_usb_watch_new(f->root, told, f, &error);
        guint known = tb_usb_watch_count(watch);
        g_autofree char *away = g_strconcat(f->root, ".away", NULL);
        g_assert_cmpint(g_rename(f->root, away), ==, 0);
        g_assert_true(g_file_set_contents(f->root, "", 0, NULL));
        g_assert_false(tb_usb_watch_rescan(watch, &changed, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_assert_false(changed);
        g_assert_cmpuint(tb_usb_watch_count(watch), ==, known);
        g_assert_cmpint(g_unlink(f->root), ==, 0);
        g_assert_cmpint(g_rename(away, f->root), ==, 0);
        g_assert_false(rescan(watch));
        tb_usb_watch_free(watch);
}

static void test_watch_rescan(Fixture *f, gconstpointer data)
{
        TbUsbWatch *watch = tb_usb_watch_new(f->root, told, f, NULL);

        (void)data;
        g_assert_false(rescan(watch));
        plug(f, "1-1.1", "3\n");
        plug(f, "1-1.1.2", "4\n");
        g_assert_true(rescan(watch));
        assert_told(f, "+1-1.1#3 +1-1.1.2#4 ");
        g_assert_false(uevent(watch, TB_UEVENT_ADD, "1-1.1", 3)); /* arrives after the look */
        plug(f, "1-1.1.2", "9\n");                                /* pulled and plugged in between */
        g_assert_true(rescan(watch));
        assert_told(f, "-1-1.1.2#4 +1-1.1.2#9 ");
        pull(f, "1-1.1");
        pull(f, "1-1.1.2");
        g_assert_true(rescan(watch));
        assert_told(f, "-1-1.1.2#9 -1-1.1#3 "); /* the leaf first */
        tb_usb_watch_free(watch);
}

static void test_gone_root(Fixture *f, gconstpointer data)
{
        (void)data;
        g_autofree char *none = g_build_filename(f->root, "none", NULL);
        g_autoptr(GArray) paths = tb_usb_tree_scan(none, NULL); /* a kernel without USB */
        g_assert_cmpuint(paths->len, ==, 0);
}

#define ADD(name, call) g_test_add("/usb/" name, Fixture, NULL, set_up, call, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("scan", test_scan);
        ADD("device", test_device);
        ADD("watch-events", test_watch_events);
        ADD("watch-rescan", test_watch_rescan);
        ADD("watch-unreadable", test_watch_unreadable);
        ADD("no-usb", test_gone_root);
        return g_test_run();
}
