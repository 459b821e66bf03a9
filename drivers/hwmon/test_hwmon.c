/* Names of files; the lane and what finds a chip, on folders as the kernel makes them. A chip of a real kernel: tests/rig/sensors.mjs. */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "drivers/hwmon/hwmon_chip.h"
#include "drivers/hwmon/hwmon_proto.h"
#include "tests/contract/folder.h"
#include "tests/contract/lane.h"

#define PATIENCE_MS 10000

static void test_names(void)
{
        static const struct {
                const char *file, *quantity, *unit;
                guint index;
                bool average;
        } good[] = {{"temp1_input", "temperature", "Cel", 1, false},
                    {"in0_input", "voltage", "V", 0, false},
                    {"curr12_input", "current", "A", 12, false},
                    {"power1_average", "power", "W", 1, true},
                    {"energy3_input", "energy", "J", 3, false},
                    {"fan2_input", "rotation", "r/min", 2, false},
                    {"humidity1_input", "humidity", "%", 1, false},
                    {"freq1_input", "frequency", "Hz", 1, false}};
        static const char *const bad[] = {
                "",           "temp_input",        "temp1",       "temp1_max",
                "temp1_inpu", "temp1_input2",      "tempx_input", "in0_input_highest",
                "intrusion0", "temp99999999_input"};
        TbHwmonValue value;
        for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
                g_assert_true(tb_hwmon_parse_file(good[i].file, &value));
                g_assert_cmpstr(value.quantity, ==, good[i].quantity);
                g_assert_cmpstr(value.unit, ==, good[i].unit);
                g_assert_cmpuint(value.index, ==, good[i].index);
                g_assert_true(value.average == good[i].average);
        }
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_hwmon_parse_file(bad[i], &value));
}

static void look_values(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        static const struct {
                const char *stream;
                double value;
        } wanted[] = {{"temperature.package-id-0", 45.5},
                      {"temperature.10", -12.25},
                      {"voltage.vcore", 1.104},
                      {"voltage.vcore-2", 3.3},
                      {"current.1", 0.25},
                      {"power.1", 12.5},
                      {"power.2", 2},
                      {"energy.1", 7},
                      {"rotation.cpu-fan", 1200},
                      {"humidity.1", 41.5}};
        for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
                const double *value = g_hash_table_lookup(seen->samples, wanted[i].stream);
                if (!value)
                        g_error("%s was not told", wanted[i].stream);
                g_assert_cmpfloat_with_epsilon(*value, wanted[i].value, 1e-9);
        }
        g_assert_cmpuint(g_hash_table_size(seen->samples), ==, G_N_ELEMENTS(wanted));
}

static void test_lane(void)
{
        g_autofree char *folder = folder_new();
        g_autofree char *uri = g_strdup_printf("hwmon://%s", folder);
        g_autoptr(GError) error = NULL;
        folder_put(folder, "name", "test\n");
        folder_put(folder, "temp1_input", "45500\n");
        folder_put(folder, "temp1_label", "Package id 0\n");
        folder_put(folder, "temp1_max", "100000\n");
        folder_put(folder, "temp10_input", "-12250\n");
        folder_put(folder, "temp2_input", "0\n"); /* nothing is connected */
        folder_put(folder, "temp2_fault", "1\n");
        folder_put(folder, "in0_input", "1104\n");
        folder_put(folder, "in0_label", "Vcore\n");
        folder_put(folder, "in1_input", "3300\n");
        folder_put(folder, "in1_label", "Vcore\n");
        folder_put(folder, "curr1_input", "250\n");
        folder_put(folder, "power1_input", "12500000\n");
        folder_put(folder, "power1_average", "1\n");
        folder_put(folder, "power2_average", "2000000\n");
        folder_put(folder, "energy1_input", "7000000\n");
        folder_put(folder, "fan1_input", "1200\n");
        folder_put(folder, "fan1_label", "CPU Fan\n");
        folder_put(folder, "humidity1_input", "41500\n");
        folder_put(folder, "in2_input", "");       /* says nothing now */
        folder_put(folder, "in3_input", "lots\n"); /* no number */
        Lane *lane = lane_start(uri, NULL, NULL, "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        g_assert_true(lane_sample(lane, PATIENCE_MS, &error));
        lane_look(lane, look_values, NULL);
        folder_put(folder, "temp1_input", NULL);
        g_assert_false(lane_sample(lane, PATIENCE_MS, &error)); /* the others are told */
        g_assert_nonnull(strstr(error->message, "temp1_input cannot be read: No such file"));
        lane_look(lane, look_values, NULL);
        folder_remove(folder); /* pulled */
        g_assert_false(lane_sample(lane, PATIENCE_MS, NULL));
        lane_wait(lane, "the loss", lane_is_lost, folder, PATIENCE_MS);
        g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
        folder_put(folder, "power1_average", "1000000\n");
        lane_open_wait(lane, PATIENCE_MS);
        lane_stop(lane, 1000);
        folder_remove(folder);
}

static void test_zone(void)
{
        g_autofree char *folder = folder_new(), *uri = g_strdup_printf("thermal://%s", folder);
        g_autoptr(GError) error = NULL;
        Lane *lane = lane_start(uri, NULL, NULL, "/tmp");
        lane_wait(lane, "the reason", lane_is_lost, "measures nothing", PATIENCE_MS);
        folder_put(folder, "type", "cpu-thermal\n");
        folder_put(folder, "temp", "51000\n");
        lane_open_wait(lane, PATIENCE_MS);
        g_assert_true(lane_sample(lane, PATIENCE_MS, &error));
        lane_stop(lane, 1000);
        folder_remove(folder);
}

/* --- which chip is meant --- */
static void chip(const char *class, const char *entry, const char *name, const char *device)
{
        g_autofree char *folder = g_build_filename(class, entry, NULL),
                        *target = g_build_filename(class, "devices", device, NULL),
                        *link_path = g_build_filename(folder, "device", NULL);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        g_assert_cmpint(g_mkdir_with_parents(target, 0700), ==, 0);
        g_assert_cmpint(symlink(target, link_path), ==, 0);
        folder_put(folder, "name", name);
}

static void finds(const char *class, const char *text, const char *entry, const char *words)
{
        const TbSysclass sort = {.folder = class, .prefix = "hwmon", .name = "name", .what = "sensor chip"};
        const TbDriver *driver = tb_driver_find("hwmon");
        g_autoptr(GError) error = NULL;
        g_autoptr(TbUri) uri = tb_uri_parse(text, NULL);
        json_auto_t *params = tb_params_validate_text(driver->params, uri->query, NULL);
        g_assert_true(driver->check(uri, params, NULL));
        g_autofree char *found = tb_sysclass_find(&sort, uri, params, &error);
        g_autofree char *end = found ? g_path_get_basename(found) : NULL;
        g_assert_cmpstr(end, ==, entry);
        if (words && !strstr(error->message, words))
                g_error("\"%s\" is not in \"%s\"", words, error->message);
}

static void test_find(void)
{
        g_autofree char *class = folder_new();
        finds(class, "hwmon://lm75", NULL, "no sensor chip that is hwmon://lm75; it has none at all");
        chip(class, "hwmon0", "coretemp\n", "coretemp.0");
        chip(class, "hwmon2", "lm75\n", "0-0048");
        finds(class, "hwmon://LM75", "hwmon2", NULL);
        chip(class, "hwmon10", "lm75\n", "0-0049");
        finds(class, "hwmon://lm75", NULL,
              "could be any of 2: lm75 (0-0048), lm75 (0-0049): say which, with device=");
        finds(class, "hwmon://lm75?device=0-0049", "hwmon10", NULL);
        finds(class, "hwmon://?device=coretemp.0", "hwmon0", NULL);
        finds(class, "hwmon://nvme", NULL, "(it has coretemp (coretemp.0), lm75 (0-0048), lm75 (0-0049))");
        const TbSysclass sort = {.folder = class, .prefix = "hwmon", .name = "name", .what = "sensor chip"};
        g_autoptr(GPtrArray) all = tb_sysclass_all(&sort, NULL);
        g_assert_cmpuint(all->len, ==, 3);
        for (guint i = 0; i < all->len; i++) { /* what is offered leads back to it */
                g_autofree char *why = NULL, *uri = tb_sysclass_uri(&sort, "hwmon", all->pdata[i], &why),
                                *entry = g_path_get_basename(all->pdata[i]);
                finds(class, uri, entry, NULL);
        }
        folder_remove(class);
}

static void test_check(void)
{
        static const struct {
                const char *uri, *field;
        } bad[] = {{"hwmon://", "uri"},
                   {"hwmon:///sys/class/hwmon/hwmon0?device=0-0048", "uri"},
                   {"hwmon://lm75/sys", "uri"},
                   {"hwmon://lm75?usb=1b1c", "usb"}};
        const TbDriver *driver = tb_driver_find("hwmon");
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(TbUri) uri = tb_uri_parse(bad[i].uri, NULL);
                json_auto_t *params = tb_params_validate_text(driver->params, uri->query, NULL);
                g_autoptr(GError) error = NULL;
                g_assert_false(driver->check(uri, params, &error));
                g_assert_cmpstr(tb_error_field(error), ==, bad[i].field);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/hwmon/names", test_names);
        g_test_add_func("/hwmon/lane", test_lane);
        g_test_add_func("/hwmon/zone", test_zone);
        g_test_add_func("/hwmon/find", test_find);
        g_test_add_func("/hwmon/check", test_check);
        return g_test_run();
}
