/* What is said of how devices hang on the bus (usb_diagnose.h). */
#include <glib.h>
#include <string.h>

#include "drivers/usb/usb_diagnose.h"

static json_t *device(const char *port, double speed, const char *usb, const char *class, int ma)
{
        json_t *o = json_pack("{s:s, s:f, s:s, s:i, s:[{s:s}]}", "port", port, "speed_mbps", speed, "usb",
                              usb, "max_power_ma", ma, "interfaces", "class", class);

        return o;
}

/* A hub with these devices; NULL ends. */
static json_t *hub(json_t *self, ...)
{
        json_t *ports = json_array();
        va_list all;

        va_start(all, self);
        for (json_t *one; (one = va_arg(all, json_t *)) != NULL;)
                json_array_append_new(ports, json_pack("{s:o}", "device", one));
        va_end(all);
        json_array_append_new(ports, json_pack("{s:n}", "device")); /* an empty port */
        json_object_set_new(self, "ports", ports);
        return self;
}

static const char *said(json_t *device, guint n)
{
        return json_string_value(json_array_get(json_object_get(device, "diagnosis"), n));
}

static void assert_says(json_t *device, const char *text)
{
        for (guint i = 0; i < json_array_size(json_object_get(device, "diagnosis")); i++)
                if (strstr(said(device, i), text))
                        return;
        g_error("not said: %s (but: %s)", text, said(device, 0) ? said(device, 0) : "nothing");
}

static void test_shared(void)
{
        json_t *a = device("1-1.1", 480, "2.00", "video", 100),
               *b = device("1-1.2", 480, "2.00", "video", 100);
        json_t *c = device("1-1.3", 480, "2.00", "video", 100),
               *disk = device("1-1.4", 480, "2.00", "storage", 100);
        json_t *root =
                hub(device("1", 10000, "3.10", "hub", 0),
                    hub(device("1-1", 480, "2.00", "hub", 0), a, b, c, disk, (json_t *)NULL), (json_t *)NULL);

        tb_usb_diagnose(root);
        assert_says(a, "shares a 480 Mbit/s hub with two cameras and a disk:");
        g_assert_null(said(disk, 0)); /* it takes what is left */
        g_assert_null(said(root, 0));
        json_decref(root);
}

static void test_controller(void)
{
        json_t *a = device("1-1", 480, "2.00", "video", 100),
               *sound = device("1-2", 12, "1.10", "audio", 100);
        json_t *root = hub(device("1", 480, "2.00", "hub", 0), a, sound, (json_t *)NULL);

        tb_usb_diagnose(root);
        assert_says(a, "shares a 480 Mbit/s controller with a sound card:");
        assert_says(sound, "shares a 480 Mbit/s controller with a camera:");
        json_decref(root);
}

/* Alone on its line, or on one that has room: nothing to say. */
static void test_nothing(void)
{
        json_t *a = device("2-1.1", 5000, "3.00", "video", 100),
               *b = device("2-1.2", 5000, "3.00", "video", 100);
        json_t *alone = device("2-2", 480, "2.10", "video", 100);
        json_t *root =
                hub(device("2", 10000, "3.10", "hub", 0),
                    hub(device("2-1", 5000, "3.00", "hub", 0), a, b, (json_t *)NULL), alone, (json_t *)NULL);

        tb_usb_diagnose(root);
        g_assert_null(said(a, 0));
        g_assert_null(said(alone, 0));
        json_decref(root);
        json_t *empty = json_object();
        tb_usb_diagnose(empty);
        g_assert_cmpuint(json_object_size(empty), ==, 0);
        json_decref(empty);
}

static void test_slow_and_hungry(void)
{
        json_t *disk = device("1-1.1", 480, "3.20", "storage", 400),
               *more = device("1-1.2", 12, "2.00", "hid", 200);
        json_t *bus_powered = hub(device("1-1", 480, "2.00", "hub", 100), disk, more, (json_t *)NULL);
        json_t *root = hub(device("1", 480, "2.00", "hub", 0), bus_powered, (json_t *)NULL);

        tb_usb_diagnose(root);
        assert_says(disk, "can do USB 3 and works at 480 Mbit/s");
        assert_says(bus_powered, "may take 600 mA, and it has no supply of its own");
        json_decref(root);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/usb/diagnose/shared", test_shared);
        g_test_add_func("/usb/diagnose/controller", test_controller);
        g_test_add_func("/usb/diagnose/nothing", test_nothing);
        g_test_add_func("/usb/diagnose/slow_and_hungry", test_slow_and_hungry);
        return g_test_run();
}
