/* What --discover prints (host/core/discover.h) is a configuration, whatever devices say of themselves. */
#include <string.h>

#include "host/core/discover.h"
#include "lib/yaml.h"

static json_t *resource(const char *uri, const char *label, const char *why)
{
        return json_pack("{s:s, s:s, s:s}", "uri", uri, "label", label, "why", why);
}

static void test_yaml(void)
{
        json_t *found =
                json_pack("[o, o, o, o]", resource("serial:///dev/ttyUSB0", "FT232R USB UART", "a line"),
                          resource("serial:///dev/ttyUSB1", "FT232R: USB \"UART\"", "a line"),
                          resource("usbhub://1-1.4", "…", "a hub"),
                          /* whatever ends a line for YAML: LF, CR, NEL, LS, PS */
                          resource("x://\n- y", "a\nb: c",
                                   "x\n  evil1: {}\r  evil2: {}\xc2\x85  evil3: {}\xe2\x80\xa8  "
                                   "evil4: {}\xe2\x80\xa9  evil5: {}"));
        g_autofree char *text = tb_discover_yaml(found);
        g_autoptr(GError) error = NULL;
        g_autoptr(TbYaml) yaml = tb_yaml_parse("found.yaml", text, strlen(text), &error);

        g_assert_no_error(error);
        json_t *devices = json_object_get(tb_yaml_root(yaml), "devices");
        g_assert_cmpuint(json_object_size(devices), ==, 4);
        static const char *const ids[] = {"ft232r-usb-uart", "ft232r-usb-uart-2", "device", "a-b-c"};
        for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
                const json_t *device = json_object_get(devices, ids[i]), *one = json_array_get(found, i);
                g_assert_cmpstr(json_string_value(json_object_get(device, "label")), ==,
                                json_string_value(json_object_get(one, "label")));
                g_assert_cmpstr(json_string_value(json_array_get(json_object_get(device, "attach"), 0)), ==,
                                json_string_value(json_object_get(one, "uri")));
        }
        json_decref(found);

        json_t *none = json_array();
        g_autofree char *empty = tb_discover_yaml(none);
        g_autoptr(TbYaml) nothing = tb_yaml_parse("found.yaml", empty, strlen(empty), &error);
        g_assert_no_error(error);
        g_assert_cmpuint(json_object_size(json_object_get(tb_yaml_root(nothing), "devices")), ==, 0);
        json_decref(none);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/discover/yaml", test_yaml);
        return g_test_run();
}
