#include "drivers/usb/usb_tree.h"

#include <string.h>

#include "drivers/transport/sysdev.h"

#define NODE_DEPTH 6 /* <interface>/0003:0627:0001.0001/input/input2/event0 */

static int compare(gconstpointer a, gconstpointer b)
{
        return tb_usb_path_compare(a, b);
}

GArray *tb_usb_tree_scan(const char *root, GError **error)
{
        g_autoptr(GPtrArray) names = tb_sysdev_names(root, error);

        if (!names)
                return NULL;
        GArray *paths = g_array_new(FALSE, FALSE, sizeof(TbUsbPath));
        for (guint i = 0; i < names->len; i++) {
                TbUsbPath path;
                if (tb_usb_path_parse(names->pdata[i], &path)) /* interfaces (1-1:1.0) are no devices */
                        g_array_append_val(paths, path);
        }
        g_array_sort(paths, compare);
        return paths;
}

char *tb_usb_tree_dir(const char *root, const TbUsbPath *path)
{
        g_autofree char *name = tb_usb_path_format(path);

        return g_build_filename(root, name, NULL);
}

char *tb_usb_tree_label(const char *root, const TbUsbPath *path)
{
        g_autofree char *dir = tb_usb_tree_dir(root, path);
        g_autofree char *maker = tb_sysdev_attr(dir, "manufacturer");
        g_autofree char *product = tb_sysdev_attr(dir, "product");
        g_autofree char *vendor_id = tb_sysdev_attr(dir, "idVendor");
        g_autofree char *product_id = tb_sysdev_attr(dir, "idProduct");

        if (!vendor_id || !product_id)
                return NULL;
        if (!product || !*product)
                return g_strdup_printf("%s:%s", vendor_id, product_id);
        /* Many products begin with their maker's name already. */
        if (!maker || !*maker || g_str_has_prefix(product, maker))
                return g_utf8_make_valid(product, -1);
        g_autofree char *both = g_strdup_printf("%s %s", maker, product);
        return g_utf8_make_valid(both, -1);
}

static const char *class_name(guint code)
{
        static const struct {
                guint code;
                const char *name;
        } names[] = {
                {0x00, "per-interface"}, {0x01, "audio"},         {0x02, "communications"},
                {0x03, "hid"},           {0x06, "image"},         {0x07, "printer"},
                {0x08, "storage"},       {0x09, "hub"},           {0x0a, "cdc-data"},
                {0x0b, "smartcard"},     {0x0e, "video"},         {0xdc, "diagnostic"},
                {0xe0, "wireless"},      {0xef, "miscellaneous"}, {0xfe, "application"},
                {0xff, "vendor"},
        };

        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                if (names[i].code == code)
                        return names[i].name;
        }
        return "other";
}

static void set_text(json_t *object, const char *key, const char *dir, const char *attr)
{
        g_autofree char *text = tb_sysdev_attr(dir, attr);

        if (!text || !*text)
                return;
        g_autofree char *valid = g_utf8_make_valid(text, -1); /* string descriptors come from the device */
        json_object_set_new(object, key, json_string(valid));
}

static void set_number(json_t *object, const char *key, const char *dir, const char *attr)
{
        guint value;

        if (tb_sysdev_attr_uint(dir, attr, 10, &value))
                json_object_set_new(object, key, json_integer(value));
}

static void set_class(json_t *object, const char *dir, const char *attr)
{
        guint code;

        if (tb_sysdev_attr_uint(dir, attr, 16, &code))
                json_object_set_new(object, "class", json_string(class_name(code)));
}

static void set_driver(json_t *object, const char *dir)
{
        g_autofree char *driver = tb_sysdev_link_name(dir, "driver");

        if (driver)
                json_object_set_new(object, "driver", json_string(driver));
}

/* "DEVNAME=ttyUSB0" among the lines of a uevent attribute. */
static char *node_of(const char *dir)
{
        g_autofree char *text = tb_sysdev_attr(dir, "uevent");
        if (!text)
                return NULL;
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        for (guint i = 0; lines[i]; i++) {
                if (g_str_has_prefix(lines[i], "DEVNAME="))
                        return g_build_filename("/dev", lines[i] + strlen("DEVNAME="), NULL);
        }
        return NULL;
}

static void collect_nodes(const char *dir, int depth, json_t *nodes)
{
        g_autoptr(GDir) names = depth > 0 ? g_dir_open(dir, 0, NULL) : NULL;

        for (const char *name; names && (name = g_dir_read_name(names)) != NULL;) {
                g_autofree char *sub = g_build_filename(dir, name, NULL);
                /* Links lead out of the device (subsystem, driver, device). */
                if (!g_file_test(sub, G_FILE_TEST_IS_DIR) || g_file_test(sub, G_FILE_TEST_IS_SYMLINK))
                        continue;
                g_autofree char *node = node_of(sub);
                if (node && json_array_size(nodes) < TB_USB_NODES)
                        json_array_append_new(nodes, json_string(node));
                collect_nodes(sub, depth - 1, nodes);
        }
}

static json_t *interfaces(const char *root, const TbUsbPath *path, const char *dir, json_t *nodes)
{
        g_autofree char *name = path->depth ? tb_usb_path_format(path) : g_strdup_printf("%u-0", path->bus);
        json_t *list = json_array();
        guint configuration = 0, count = 0;

        if (!tb_sysdev_attr_uint(dir, "bConfigurationValue", 10, &configuration) ||
            !tb_sysdev_attr_uint(dir, "bNumInterfaces", 10, &count))
                return list; /* not configured */
        for (guint number = 0; number < 256 && json_array_size(list) < count; number++) {
                g_autofree char *sub = g_strdup_printf("%s/%s:%u.%u", root, name, configuration, number);
                if (!g_file_test(sub, G_FILE_TEST_IS_DIR))
                        continue;
                json_t *one = json_pack("{s:i}", "number", (int)number);
                set_class(one, sub, "bInterfaceClass");
                set_driver(one, sub);
                json_array_append_new(list, one);
                collect_nodes(sub, NODE_DEPTH, nodes);
        }
        return list;
}

json_t *tb_usb_tree_device(const char *root, const TbUsbPath *path)
{
        g_autofree char *dir = tb_usb_tree_dir(root, path);
        g_autofree char *name = tb_usb_path_format(path);
        g_autofree char *speed = tb_sysdev_attr(dir, "speed");

        if (!g_file_test(dir, G_FILE_TEST_IS_DIR))
                return NULL;
        json_t *device = json_pack("{s:s}", "port", name);
        json_t *nodes = json_array();
        set_number(device, "bus", dir, "busnum");
        set_number(device, "address", dir, "devnum");
        if (speed)
                json_object_set_new(device, "speed_mbps",
                                    json_real(g_ascii_strtod(speed, NULL))); /* 1.5, 12, 480, 5000 … */
        set_text(device, "usb", dir, "version");
        set_text(device, "vendor_id", dir, "idVendor");
        set_text(device, "product_id", dir, "idProduct");
        set_text(device, "manufacturer", dir, "manufacturer");
        set_text(device, "product", dir, "product");
        set_text(device, "serial", dir, "serial");
        set_class(device, dir, "bDeviceClass");
        set_driver(device, dir);
        g_autofree char *power = tb_sysdev_attr(dir, "bMaxPower"); /* "100mA" */
        if (power)
                json_object_set_new(device, "max_power_ma",
                                    json_integer((json_int_t)g_ascii_strtoull(power, NULL, 10)));
        json_object_set_new(device, "interfaces", interfaces(root, path, dir, nodes));
        json_object_set_new(device, "nodes", nodes);
        return device;
}
