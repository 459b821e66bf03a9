/* Every phone that the adb server lists is offered with a URI that attaches it and no other */
#include "drivers/adb/adb_serial.h"

#include "lib/error.h"
#include "lib/param.h"

extern const TbDriver tb_driver_adb;

/* As adb prints it (format_transport): long, and short. */
static GPtrArray *listed(const char *const *serials, const char *const *ports, bool is_long)
{
        g_autoptr(GString) text = g_string_new("");

        for (guint i = 0; serials[i] != NULL; i++) {
                if (is_long)
                        g_string_append_printf(
                                text, "%-22s device%s%s product:p model:my_device device:d transport_id:%u\n",
                                serials[i], ports[i] != NULL ? " usb:" : "", ports[i] != NULL ? ports[i] : "",
                                i + 1);
                else
                        g_string_append_printf(text, "%s\tdevice\n", serials[i]);
        }
        return tb_adb_parse_devices(text->str);
}

/* What the server is asked for by the URI that is offered for `device`. Owned; NULL: none is offered. */
static char *asked(const GPtrArray *devices, const TbAdbDevice *device)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *text = tb_adb_uri(devices, device);
        g_autoptr(TbUri) uri = text != NULL ? tb_uri_parse(text, &error) : NULL;
        json_t *params =
                uri != NULL ? tb_params_validate_text(tb_driver_adb.params, uri->query, &error) : NULL;
        char *serial = NULL;

        if (text == NULL)
                return NULL;
        g_assert_no_error(error);
        g_assert_true(tb_driver_adb.check(uri, params, &error));
        serial = tb_adb_serial(uri, params, &error);
        g_assert_no_error(error);
        json_decref(params);
        return serial;
}

static void check_back(const char *serial)
{
        const char *serials[] = {serial, NULL}, *ports[] = {"1-1.4", NULL};

        for (int is_long = 0; is_long < 2; is_long++) {
                g_autoptr(GPtrArray) devices = listed(serials, ports, is_long);
                g_assert_cmpuint(devices->len, ==, 1);
                const TbAdbDevice *device = g_ptr_array_index(devices, 0);
                g_autofree char *back = asked(devices, device);

                g_assert_cmpstr(device->serial, ==, serial);
                g_assert_cmpstr(device->state, ==, "device");
                g_assert_cmpstr(back, ==, serial);
                g_assert_true(tb_adb_is(device, back));
        }
}

static void test_serials(void)
{
        static const char *const some[] = {"0A1B2C3D",
                                           "emulator-5554",
                                           "10.0.0.7:5555",
                                           "[fe80::1%eth0]:5555",
                                           "box.local:5555",
                                           "0123 4567",
                                           "a/b?c#d@e",
                                           "50% off",
                                           "(no) serial",
                                           "ü",
                                           "adb-0A1B (2)._adb-tls-connect._tcp",
                                           "a:b",
                                           "[x]:5",
                                           "device",
                                           "x;y&z=1"};
        static const char letters[] = "aZ09 /%?#@&=+;:[]()'\"\\._-~|<>";

        for (guint i = 0; i < G_N_ELEMENTS(some); i++)
                check_back(some[i]);
        for (int n = 0; n < 2000; n++) {
                char serial[30];
                int size = g_test_rand_int_range(1, (int)sizeof(serial));

                for (int i = 0; i < size; i++)
                        serial[i] = letters[g_test_rand_int_range(0, (int)sizeof(letters) - 1)];
                serial[size] = '\0';
                serial[0] = serial[size - 1] = 'x'; /* the server's own columns are blanks */
                check_back(serial);
        }
}

static void test_ports(void)
{
        static const char *const serials[] = {"(no serial number)", "0123456789ABCDEF",
                                              "0123456789ABCDEF",   "other",
                                              "(no serial number)", NULL},
                                 *const ports[] = {"1-1", "1-2", "1-3.1", "1-4", NULL, NULL},
                                 *const wanted[] = {"usb:1-1", "usb:1-2", "usb:1-3.1", "other", NULL};
        g_autoptr(GPtrArray) devices = listed(serials, ports, true);

        g_assert_cmpuint(devices->len, ==, 5);
        for (guint i = 0; i < devices->len; i++) {
                g_autofree char *serial = asked(devices, g_ptr_array_index(devices, i));
                guint named = 0;

                g_assert_cmpstr(serial, ==, wanted[i]);
                for (guint k = 0; serial != NULL && k < devices->len; k++)
                        named += tb_adb_is(g_ptr_array_index(devices, k), serial);
                g_assert_cmpuint(named, ==, serial != NULL);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/adb/serial/serials", test_serials);
        g_test_add_func("/adb/serial/ports", test_ports);
        return g_test_run();
}
