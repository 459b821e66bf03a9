/* What a hub and the kernel's names say: the first byte chooses the parser. What parses must come back from
 * its serialiser. */
#include <stdint.h>
#include <string.h>

#include "drivers/usb/usb_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *text)
{
        TbUsbPath path, hub;
        guint port;

        if (!tb_usb_path_parse(text, &path))
                return;
        g_autofree char *again = tb_usb_path_format(&path);
        g_assert_cmpstr(again, ==, text);
        g_assert_cmpint(tb_usb_path_parent(&path, &hub, &port), ==, path.depth > 0);
        g_assert_cmpint(tb_usb_path_compare(&path, &path), ==, 0);
}

static void check_hub(const guint8 *data, gsize size)
{
        TbUsbHub hub = {0};
        int n = tb_usb_hub_parse(data, size, &hub);

        g_assert_true(n >= -1 && n <= (int)size);
        if (n > 0) {
                g_assert_true(hub.ports >= 1 && hub.ports <= TB_USB_PORTS);
                g_assert_nonnull(tb_usb_switching_name(hub.switching));
        }
}

static void check_status(const guint8 *data, gsize size, bool super_speed)
{
        TbUsbPortStatus status = {0};
        int n = tb_usb_port_status_parse(data, size, super_speed, &status);

        g_assert_true(n >= 0 && n <= (int)size);
        if (n > 0)
                g_assert_true((status.link != NULL) == super_speed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        guint vendor, product;

        if (size < 1)
                return 0;
        g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
        g_autofree guint8 *exact = g_memdup2(data + 1, size - 1);
        switch (data[0] % 5) {
        case 0: check_path(text); break;
        case 1: check_hub(exact, size - 1); break;
        case 2:
        case 3: check_status(exact, size - 1, data[0] % 5 == 3); break;
        case 4:
                if (tb_usb_product_parse(text, &vendor, &product))
                        g_assert_true(vendor <= 0xffff && product <= 0xffff);
                break;
        }
        return 0;
}
