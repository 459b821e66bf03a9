/* Names of files; the lane on folders as the kernel makes them. A device of a real kernel: tests/rig/sensors.mjs. */
#include <signal.h>
#include <string.h>

#include "drivers/iio/iio_device.h"
#include "drivers/iio/iio_proto.h"
#include "tests/contract/folder.h"
#include "tests/contract/lane.h"

#define PATIENCE_MS 10000

static void test_names(void)
{
        static const struct {
                const char *file, *channel, *shared, *sort, *label, *unit;
                bool processed;
        } good[] = {{"in_voltage0_raw", "voltage0", "voltage", "voltage", "0", "V", false},
                    {"in_voltage0-voltage1_raw", "voltage0-voltage1", "voltage-voltage", "voltage", "0-1",
                     "V", false},
                    {"in_accel_x_raw", "accel_x", "accel_x", "accel", "x", "m/s2", false},
                    {"in_temp_input", "temp", "temp", "temp", "1", "Cel", true},
                    {"in_temp0_object_raw", "temp0_object", "temp_object", "temp", "0-object", "Cel", false},
                    {"in_humidityrelative_input", "humidityrelative", "humidityrelative", "humidityrelative",
                     "1", "%", true},
                    {"in_intensity_both_raw", "intensity_both", "intensity_both", "intensity", "both", "1",
                     false}};
        static const char *const bad[] = {
                "",
                "in_",
                "in_raw",
                "in_voltage0",
                "in_voltage0_scale",
                "out_voltage0_raw",
                "in_temp0_mean_raw",
                "in_magn_peak_raw",
                "in_timestamp_raw",
                "in_rot_quaternion_raw",
                "in_0_raw",
                "in_voltage0_raw_available",
                "in_voltage012345678901234567890123456789012345678901234567890123_raw"};
        TbIioValue v;
        for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
                g_assert_true(tb_iio_parse_file(good[i].file, &v));
                g_assert_cmpstr(v.channel, ==, good[i].channel);
                g_assert_cmpstr(v.shared, ==, good[i].shared);
                g_assert_cmpstr(v.sort, ==, good[i].sort);
                g_assert_cmpstr(v.label, ==, good[i].label);
                g_assert_cmpstr(v.unit, ==, good[i].unit);
                g_assert_true(v.processed == good[i].processed);
        }
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_iio_parse_file(bad[i], &v));
}

static void look_values(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        static const struct {
                const char *stream;
                double value;
        } wanted[] = {{"voltage.0", 1.25},      {"voltage.vbat", 5},         {"voltage.0-1", -0.02},
                      {"acceleration.x", 9.81}, {"angular-velocity.z", 180}, {"temperature.1", 21.5},
                      {"pressure.1", 1013.25},  {"illuminance.0", 320},      {"magnetic-flux-density.y", 45},
                      {"intensity.both", 77}};
        for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
                const double *value = g_hash_table_lookup(seen->samples, wanted[i].stream);
                if (!value)
                        g_error("%s was not told", wanted[i].stream);
                g_assert_cmpfloat_with_epsilon(*value, wanted[i].value, 1e-3);
        }
        g_assert_cmpuint(g_hash_table_size(seen->samples), ==, G_N_ELEMENTS(wanted));
}

static void test_lane(void)
{
        static const char *const files[][2] = {
                {"name", "test\n"},
                {"in_voltage0_raw", "2500\n"},
                {"in_voltage_scale", "0.5\n"}, /* of all */
                {"in_voltage1_raw", "2400\n"},
                {"in_voltage1_scale", "2\n"}, /* its own */
                {"in_voltage1_offset", "100\n"},
                {"in_voltage1_label", "vbat\n"},
                {"in_voltage0-voltage1_raw", "-10\n"},
                {"in_voltage-voltage_scale", "2\n"},
                {"in_accel_x_raw", "981\n"},
                {"in_accel_scale", "0.01\n"},
                {"in_anglvel_z_raw", "1000\n"},
                {"in_anglvel_scale", "0.0031415927\n"},
                {"in_temp_input", "21500\n"},
                {"in_temp_raw", "1\n"}, /* the same, unscaled */
                {"in_pressure_input", "101.325\n"},
                {"in_illuminance0_input", "320\n"},
                {"in_magn_y_raw", "450\n"},
                {"in_magn_scale", "0.001\n"},
                {"in_intensity_both_raw", "77\n"},
                {"in_resistance0_raw", ""}, /* says nothing now */
                {"sampling_frequency", "100\n"},
        };
        g_autofree char *folder = folder_new(), *uri = g_strdup_printf("iio://%s", folder);
        g_autoptr(GError) error = NULL;
        Lane *lane = lane_start(uri, NULL, NULL, "/tmp");
        lane_wait(lane, "the reason", lane_is_lost, "measures nothing that is known here", PATIENCE_MS);
        for (guint i = 0; i < G_N_ELEMENTS(files); i++)
                folder_put(folder, files[i][0], files[i][1]);
        lane_stop(lane, 1000); /* it may have been opened in between */
        lane = lane_start(uri, NULL, NULL, "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        g_assert_true(lane_sample(lane, PATIENCE_MS, &error));
        lane_look(lane, look_values, NULL);
        folder_remove(folder);
        g_assert_false(lane_sample(lane, PATIENCE_MS, NULL));
        lane_wait(lane, "the loss", lane_is_lost, folder, PATIENCE_MS);
        lane_stop(lane, 1000);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/iio/names", test_names);
        g_test_add_func("/iio/lane", test_lane);
        return g_test_run();
}
