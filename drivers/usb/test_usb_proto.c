#include <glib.h>
#include <string.h>

#include "drivers/usb/usb_proto.h"

static void test_path(void)
{
        static const struct {
                const char *text, *hub;
                guint port;
        } good[] = {
                {"1-1", "usb1", 1},      {"1-1.4", "1-1", 4}, {"255-127.1.2.3.4.5.6", "255-127.1.2.3.4.5", 6},
                {"2-10.11", "2-10", 11}, {"usb1", NULL, 0},
        };
        static const char *const bad[] = {"",
                                          "1",
                                          "1-",
                                          "-1",
                                          "1-0",
                                          "0-1",
                                          "256-1",
                                          "1-128",
                                          "1-1.",
                                          "1-1..2",
                                          "1.1",
                                          "01-1",
                                          "1-01",
                                          "1-+1",
                                          "1-1 ",
                                          " 1-1",
                                          "1-1.1.1.1.1.1.1.1",
                                          "1-1:1.0",
                                          "usb",
                                          "usb0",
                                          "usb1-1",
                                          "usb256",
                                          "1-99999999999",
                                          "x"};

        for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
                TbUsbPath path, hub;
                guint port = 0;
                g_assert_true(tb_usb_path_parse(good[i].text, &path));
                g_autofree char *text = tb_usb_path_format(&path);
                g_assert_cmpstr(text, ==, good[i].text);
                g_assert_cmpint(tb_usb_path_parent(&path, &hub, &port), ==, good[i].hub != NULL);
                if (good[i].hub) {
                        g_autofree char *parent = tb_usb_path_format(&hub);
                        g_assert_cmpstr(parent, ==, good[i].hub);
                        g_assert_cmpuint(port, ==, good[i].port);
                }
        }
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                TbUsbPath path = {.bus = 77};
                g_assert_false(tb_usb_path_parse(bad[i], &path));
                g_assert_cmpuint(path.bus, ==, 77); /* untouched */
        }
}

static void test_path_order(void)
{
        static const char *const order[] = {"usb1",   "1-1", "1-1.2", "1-1.2.9",
                                            "1-1.10", "1-2", "usb2",  "2-1"};

        for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
                for (guint k = 0; k < G_N_ELEMENTS(order); k++) {
                        TbUsbPath a, b;
                        g_assert_true(tb_usb_path_parse(order[i], &a) && tb_usb_path_parse(order[k], &b));
                        g_assert_cmpint(tb_usb_path_compare(&a, &b), ==, (i > k) - (i < k));
                }
        }
}

static void test_port_dir(void)
{
        TbUsbPath root, hub;

        g_assert_true(tb_usb_path_parse("usb1", &root) && tb_usb_path_parse("1-1.4", &hub));
        g_autofree char *a = tb_usb_port_dir(&root, 1, 3);
        g_autofree char *b = tb_usb_port_dir(&hub, 2, 4);
        g_assert_cmpstr(a, ==, "1-0:1.0/usb1-port3"); /* the two names of sysfs-bus-usb */
        g_assert_cmpstr(b, ==, "1-1.4:2.0/1-1.4-port4");
}

static void test_setup(void)
{
        /* PROTOCOLS §6, port 2 */
        const struct {
                TbUsbSetup setup;
                guint8 wire[8];
        } vectors[] = {
                {tb_usb_setup_hub_descriptor(false), {0xa0, 0x06, 0x00, 0x29, 0x00, 0x00, 0x0f, 0x00}},
                {tb_usb_setup_hub_descriptor(true), {0xa0, 0x06, 0x00, 0x2a, 0x00, 0x00, 0x0f, 0x00}},
                {tb_usb_setup_port_status(2), {0xa3, 0x00, 0x00, 0x00, 0x02, 0x00, 0x04, 0x00}},
                {tb_usb_setup_port_power(2, true), {0x23, 0x03, 0x08, 0x00, 0x02, 0x00, 0x00, 0x00}},
                {tb_usb_setup_port_power(2, false), {0x23, 0x01, 0x08, 0x00, 0x02, 0x00, 0x00, 0x00}},
        };

        for (guint i = 0; i < G_N_ELEMENTS(vectors); i++) {
                guint8 wire[8];
                tb_usb_setup_pack(&vectors[i].setup, wire);
                g_assert_cmpmem(wire, sizeof wire, vectors[i].wire, sizeof vectors[i].wire);
        }
}

/* QEMU's usb-hub,port-power=on as GET_DESCRIPTOR answers it in the lab: 8 ports, wHubCharacteristics 0x0009.
 */
static const guint8 qemu_hub[] = {0x0b, 0x29, 0x08, 0x09, 0x00, 0x01, 0x00, 0x00, 0x00, 0xff, 0xff};
/* Linux's xHCI root hub of a USB 3 bus (drivers/usb/host/xhci-hub.c: xhci_usb3_hub_descriptor), 4 ports. */
static const guint8 root_hub3[] = {0x0c, 0x2a, 0x04, 0x09, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};

static void test_hub(void)
{
        TbUsbHub hub;

        g_assert_cmpint(tb_usb_hub_parse(qemu_hub, sizeof qemu_hub, &hub), ==, sizeof qemu_hub);
        g_assert_cmpuint(hub.ports, ==, 8);
        g_assert_false(hub.super_speed);
        g_assert_cmpint(hub.switching, ==, TB_USB_SWITCHING_PER_PORT);
        g_assert_true(hub.overcurrent_per_port);
        g_assert_cmpuint(hub.power_on_ms, ==, 2);
        g_assert_cmpint(tb_usb_hub_parse(root_hub3, sizeof root_hub3, &hub), ==, sizeof root_hub3);
        g_assert_true(hub.super_speed);
        g_assert_cmpuint(hub.ports, ==, 4);
        g_assert_cmpuint(hub.power_on_ms, ==, 20);
}

static void test_hub_modes(void)
{
        static const struct {
                guint8 ports, mode;
                TbUsbSwitching switching;
                const char *name;
        } modes[] = {
                {4, 0x00, TB_USB_SWITCHING_GANGED, "ganged"},
                {1, 0x00, TB_USB_SWITCHING_PER_PORT, "per-port"},
                {4, 0x01, TB_USB_SWITCHING_PER_PORT, "per-port"},
                {4, 0x02, TB_USB_SWITCHING_NONE, "none"},
                {4, 0x03, TB_USB_SWITCHING_NONE, "none"},
                {1, 0x02, TB_USB_SWITCHING_NONE, "none"},
        };

        for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
                guint8 data[] = {0x09, 0x29, modes[i].ports, modes[i].mode | 0x04, 0x00, 0x32, 0x64,
                                 0x00, 0xff};
                TbUsbHub hub;
                g_assert_cmpint(tb_usb_hub_parse(data, sizeof data, &hub), ==, sizeof data);
                g_assert_cmpint(hub.switching, ==, modes[i].switching);
                g_assert_cmpstr(tb_usb_switching_name(hub.switching), ==, modes[i].name);
                g_assert_true(hub.compound);
                g_assert_cmpuint(hub.own_ma, ==, 100);
                g_assert_cmpuint(hub.power_on_ms, ==, 100);
        }
}

static void test_hub_bad(void)
{
        TbUsbHub hub = {.ports = 99};

        /* split at every offset: never more than "need more", never a guess */
        for (gsize n = 0; n < sizeof qemu_hub; n++) {
                g_autofree guint8 *exact = g_memdup2(qemu_hub, n);
                g_assert_cmpint(tb_usb_hub_parse(exact, n, &hub), ==, 0);
        }
        static const guint8 bad[][12] = {
                {0x0b, 0x28, 0x08, 0x09, 0, 1, 0, 0, 0, 0xff, 0xff}, /* not a hub descriptor */
                {0x06, 0x29, 0x08, 0x09, 0, 1, 0, 0, 0, 0xff, 0xff}, /* shorter than its fixed part */
                {0x0b, 0x2a, 0x08, 0x09, 0, 1, 0, 0, 0, 0xff, 0xff}, /* USB 3: 12 bytes */
                {0x0b, 0x29, 0x00, 0x09, 0, 1, 0, 0, 0, 0xff, 0xff}, /* no ports */
                {0x0b, 0x29, 0x80, 0x09, 0, 1, 0, 0, 0, 0xff, 0xff}, /* 128 ports: limit + 1 */
        };
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_cmpint(tb_usb_hub_parse(bad[i], sizeof bad[i], &hub), ==, -1);
        g_assert_cmpuint(hub.ports, ==, 99);
}

static void test_status(void)
{
        TbUsbPortStatus status;
        /* uhubctl prints QEMU's port with a full-speed device as "0103 power enable connect" */
        static const guint8 on[] = {0x03, 0x01, 0x00, 0x00}, off[] = {0x00, 0x00, 0x00, 0x00},
                            bad_vbus[] = {0x01, 0x00, 0x01, 0x00};
        static const guint8 ss_on[] = {0xa0, 0x02, 0x00, 0x00}, ss_off[] = {0x80, 0x00, 0, 0},
                            ss_u3[] = {0x63, 0x02, 0, 0, 1, 2, 3, 4};

        for (gsize n = 0; n < 4; n++)
                g_assert_cmpint(tb_usb_port_status_parse(on, n, false, &status), ==, 0);
        g_assert_cmpint(tb_usb_port_status_parse(on, 4, false, &status), ==, 4);
        g_assert_true(status.powered && status.connected && status.enabled && !status.suspended &&
                      !status.overcurrent && !status.link);
        g_assert_cmpint(tb_usb_port_status_parse(off, 4, false, &status), ==, 4);
        g_assert_false(status.powered || status.connected);
        g_assert_cmpint(tb_usb_port_status_parse(bad_vbus, 4, false, &status), ==, 4);
        g_assert_true(!status.powered && status.connected);
        g_assert_cmpint(tb_usb_port_status_parse(ss_on, 4, true, &status), ==, 4);
        g_assert_true(status.powered && !status.connected);
        g_assert_cmpstr(status.link, ==, "Rx.Detect");
        g_assert_cmpint(tb_usb_port_status_parse(ss_off, 4, true, &status), ==, 4);
        g_assert_false(status.powered);
        g_assert_cmpstr(status.link, ==, "SS.Disabled");
        g_assert_cmpint(tb_usb_port_status_parse(ss_u3, 8, true, &status), ==, 8);
        g_assert_true(status.suspended);
        /* 0x0100 is speed, not power, on USB 3: the same word means another thing */
        static const guint8 word[] = {0x00, 0x01, 0, 0};
        g_assert_cmpint(tb_usb_port_status_parse(word, 4, true, &status), ==, 4);
        g_assert_false(status.powered);
}

static void test_product(void)
{
        guint vendor = 0, product = 0;

        g_assert_true(tb_usb_product_parse("403/6001/400", &vendor, &product));
        g_assert_cmphex(vendor, ==, 0x0403);
        g_assert_cmphex(product, ==, 0x6001);
        g_assert_true(tb_usb_product_parse("ffff/FFFF/0", &vendor, &product));
        static const char *const bad[] = {"",          "403",   "403/6001", "403/6001/", "403/6001/400/1",
                                          "10000/1/1", "g/1/1", "/1/1",     "403//400"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_usb_product_parse(bad[i], &vendor, &product));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/usb/path", test_path);
        g_test_add_func("/usb/path-order", test_path_order);
        g_test_add_func("/usb/port-dir", test_port_dir);
        g_test_add_func("/usb/setup", test_setup);
        g_test_add_func("/usb/hub", test_hub);
        g_test_add_func("/usb/hub-modes", test_hub_modes);
        g_test_add_func("/usb/hub-bad", test_hub_bad);
        g_test_add_func("/usb/status", test_status);
        g_test_add_func("/usb/product", test_product);
        return g_test_run();
}
