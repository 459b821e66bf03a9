#include "host/bridge/devices.h"

#include <string.h>

#include "lib/limits.h"
#include "server/pairing/device_list.h"

/* As many devices as a host may have, with `size` bytes of JSON, interfaces included. */
static json_t *list_of_size(gsize size)
{
        json_t *list = json_array();
        gsize left = size - 1;
        for (guint i = 0; i < TB_LIMIT_DEVICES; i++) {
                gsize share = left / (TB_LIMIT_DEVICES - i);
                g_autofree char *id = g_strdup_printf("d%03u", i), *label = g_strnfill(TB_LIMIT_LABEL, 'x');
                json_t *interfaces = json_pack("[{s:s}]", "name", "u"),
                       *device = json_pack("{s:s, s:s, s:o}", "id", id, "label", label, "interfaces",
                                           interfaces);
                while (json_dumpb(device, NULL, 0, JSON_COMPACT) + 60 < share)
                        json_array_append_new(interfaces, json_pack("{s:s, s:s, s:s}", "name", "uart", "kind",
                                                                    "console", "state", "ready"));
                gsize pad = share - 1 - json_dumpb(device, NULL, 0, JSON_COMPACT);
                g_autofree char *name = g_strnfill(pad + 1, 'n');
                json_object_set_new(json_array_get(interfaces, 0), "name", json_string(name));
                json_array_append_new(list, device);
                left -= share;
        }
        g_assert_cmpuint(json_dumpb(list, NULL, 0, JSON_COMPACT), ==, size);
        return list;
}

/* What this side sends, the other side takes: to the byte, and shortened beyond it. */
static void test_fit(void)
{
        for (gsize extra = 0; extra < 2; extra++) {
                json_auto_t *list = list_of_size(TB_LIMIT_DEVICE_LIST + extra);
                g_autoptr(GError) error = NULL;
                g_assert_true(tb_bridge_devices_fit(list) == (extra == 0));
                g_assert_cmpuint(json_array_size(list), ==, TB_LIMIT_DEVICES);
                json_t *last = json_array_get(list, TB_LIMIT_DEVICES - 1);
                g_assert_true((json_object_get(last, "interfaces") != NULL) == (extra == 0));
                g_assert_nonnull(json_object_get(last, "label"));
                g_assert_true(tb_bridge_devices_fit(list));
                TbDeviceList *taken = tb_device_list_new(list, &error);
                g_assert_no_error(error);
                tb_device_list_free(taken);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bridge/devices-fit", test_fit);
        return g_test_run();
}
