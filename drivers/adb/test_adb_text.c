/* The pure parts: what Android's commands print, APK manifests */
#include "drivers/adb/adb_apk.h"
#include "drivers/adb/adb_dump.h"

#include <math.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"

/* BatteryService of Android 13 */
static const char battery[] = "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n  "
                              "Wireless powered: false\n"
                              "  Max charging current: 500000\n  Max charging voltage: 5000000\n  Charge "
                              "counter: 3480000\n  status: 2\n"
                              "  health: 2\n  present: true\n  level: 43\n  scale: 50\n  voltage: 4123\n  "
                              "temperature: 284\n  technology: Li-ion\n";

static void test_battery(void)
{
        g_autofree char *vendor = g_strconcat(battery, "  current now: -231\n", NULL);
        TbAdbBattery b;

        g_assert_true(tb_adb_parse_battery(battery, "", &b));
        g_assert_cmpfloat_with_epsilon(b.level_pct, 86, 1e-9); /* by scale */
        g_assert_cmpfloat_with_epsilon(b.celsius, 28.4, 1e-9);
        g_assert_cmpfloat_with_epsilon(b.volts, 4.123, 1e-9); /* not "Max charging voltage" */
        g_assert_true(isnan(b.amps));
        g_assert_cmpint(b.plugged, ==, 1);
        g_assert_true(tb_adb_parse_battery(battery, "-231000\n", &b));
        g_assert_cmpfloat_with_epsilon(b.amps, -0.231, 1e-9);
        g_assert_true(tb_adb_parse_battery(vendor, "", &b));
        g_assert_cmpfloat_with_epsilon(b.amps, -0.231, 1e-9);
        g_assert_true(tb_adb_parse_battery("level: 5", "", &b));
        g_assert_cmpint(b.plugged, ==, -1);
        g_assert_true(isnan(b.volts));
        g_assert_false(tb_adb_parse_battery("Can't find service: battery\n", "", &b));
        g_assert_false(tb_adb_parse_battery("", "", &b));
}

static void test_thermal(void)
{
        static const char text[] = "IsStatusOverride: false\nCached temperatures:\n\tTemperature{mValue=1.0, "
                                   "mType=0, mName=old, mStatus=0}\n"
                                   "HAL Ready: true\nCurrent temperatures from HAL:\n"
                                   "\tTemperature{mValue=41.5, mType=0, mName=CPU0 (big), mStatus=0}\n"
                                   "\tTemperature{mValue=99.0, mType=0, mName=CPU0 (big), mStatus=0}\n"
                                   "\tTemperature{mValue=NaN, mType=3, mName=skin, mStatus=0}\n"
                                   "\tTemperature{mValue=-3.25, mType=2, mName=battery, mStatus=0}\n"
                                   "Current cooling devices from HAL:\n\tCoolingDevice{mValue=0, mType=2, "
                                   "mName=cdev}\n\tTemperature{mValue=5";
        g_autoptr(GPtrArray) list = tb_adb_parse_thermal(text), none = tb_adb_parse_thermal("");
        const TbAdbTemperature *t;

        g_assert_cmpuint(none->len, ==, 0);
        g_assert_cmpuint(list->len, ==, 2);
        t = g_ptr_array_index(list, 0);
        g_assert_cmpstr(t->name, ==, "cpu0-big");
        g_assert_cmpfloat_with_epsilon(t->celsius, 41.5, 1e-9);
        t = g_ptr_array_index(list, 1);
        g_assert_cmpstr(t->name, ==, "battery");
        g_assert_cmpfloat_with_epsilon(t->celsius, -3.25, 1e-9);
}

static void test_package(void)
{
        static const char *const bad[] = {"",     ".",   "a.",  ".a",  "a..b", "1a",
                                          "a.1b", "a b", "a;b", "a$b", "a/b",  "\xc3\xa9"};
        g_autofree char *name = NULL, *path = NULL, *name2 = NULL, *path2 = NULL,
                        *long_name = g_strnfill(256, 'a');

        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_adb_package_valid(bad[i]));
        g_assert_false(tb_adb_package_valid(long_name));
        g_assert_true(tb_adb_package_valid(long_name + 1)); /* 255 */
        g_assert_true(tb_adb_package_valid("com.example.App_2"));
        g_assert_true(
                tb_adb_parse_package("package:/data/app/~~x==/com.a.b-y==/base.apk=com.a.b", &name, &path));
        g_assert_cmpstr(name, ==, "com.a.b");
        g_assert_cmpstr(path, ==, "/data/app/~~x==/com.a.b-y==/base.apk");
        g_assert_true(tb_adb_parse_package("package:android", &name2, &path2));
        g_assert_null(path2);
        g_assert_false(tb_adb_parse_package("Error: x", &name2, &path2));
}

static void test_log(void)
{
        const char *rest;
        gint64 t;

        g_assert_true(tb_adb_parse_log("      1795206632.280  1728  1728 D adbd    : hello", &t, &rest));
        g_assert_cmpint(t, ==, 1795206632280);
        g_assert_cmpstr(rest, ==, " 1728  1728 D adbd    : hello");
        g_assert_true(tb_adb_parse_log("1795206632.280999 1 2 D a: b", &t, &rest));
        g_assert_cmpint(t, ==, 1795206632280);
        g_assert_false(tb_adb_parse_log("11-20 20:30:32.058 D/adbd: x", &t, &rest));
        g_assert_false(tb_adb_parse_log("", &t, &rest));
        g_assert_false(tb_adb_parse_log("1795206632.28 x", &t, &rest));
        g_assert_false(tb_adb_parse_log("99999999999999999999999.123 x", &t, &rest));
}

static void test_size(void)
{
        int w = 0, h = 0;

        g_assert_true(tb_adb_parse_size("Physical size: 1080x2400\n", &w, &h));
        g_assert_cmpint(h, ==, 2400);
        g_assert_true(tb_adb_parse_size("Physical size: 1080x2400\nOverride size: 720x1600\n", &w, &h));
        g_assert_cmpint(w, ==, 720);
        g_assert_false(tb_adb_parse_size("Physical size: 0x2400\n", &w, &h));
        g_assert_false(tb_adb_parse_size("Physical size: 8193x2400\n", &w, &h));
        g_assert_false(tb_adb_parse_size("error", &w, &h));
}

static void test_failure(void)
{
        g_autofree char *a = tb_adb_failure("Failure [INSTALL_FAILED_OLDER_SDK: x]\r\n");
        g_autofree char *b = tb_adb_failure("Starting\nError: Activity class {x} does not exist.\n");

        g_assert_cmpstr(a, ==, "INSTALL_FAILED_OLDER_SDK: x");
        g_assert_cmpstr(b, ==, "Error: Activity class {x} does not exist.");
        g_assert_null(tb_adb_failure("Success\n"));
}

/* --- APK: fixtures/hello.apk was made by aapt from a manifest with the package com.example.hello --- */

static GBytes *fixture(void)
{
        char *data;
        gsize size;

        g_assert_true(g_file_get_contents("drivers/adb/fixtures/hello.apk", &data, &size, NULL));
        return g_bytes_new_take(data, size);
}

static void test_apk(void)
{
        g_autoptr(GBytes) apk = fixture();
        gsize size;
        const guint8 *data = g_bytes_get_data(apk, &size);
        g_autoptr(GError) error = NULL;
        g_autofree char *package = tb_adb_apk_package(data, size, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(package, ==, "com.example.hello");
}

/* Cut anywhere, or with any byte changed: an error or a name, never a crash (ASan looks on). */
static void test_apk_damaged(void)
{
        g_autoptr(GBytes) apk = fixture();
        gsize size;
        const guint8 *data = g_bytes_get_data(apk, &size);

        for (gsize n = 0; n < size; n++) {
                g_autofree guint8 *cut = g_memdup2(data, n);
                g_autoptr(GError) error = NULL;

                g_assert_null(tb_adb_apk_package(cut, n, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        }
        g_autofree guint8 *copy = g_memdup2(data, size);
        for (gsize n = 0; n < size; n++)
                for (int bit = 0; bit < 8; bit++) {
                        g_autoptr(GError) error = NULL;

                        copy[n] ^= (guint8)(1 << bit);
                        g_autofree char *package = tb_adb_apk_package(copy, size, &error);
                        g_assert_true((package == NULL) == (error != NULL));
                        copy[n] ^= (guint8)(1 << bit);
                }
}

static void test_apk_size(void)
{
        g_autoptr(GError) error = NULL;

        G_STATIC_ASSERT(TB_LIMIT_PACKAGE == 4294967296); /* the message says so */
        g_assert_true(tb_adb_apk_size(-1, &error));      /* not known yet */
        g_assert_true(tb_adb_apk_size(TB_LIMIT_PACKAGE, &error));
        g_assert_no_error(error);
        g_assert_false(tb_adb_apk_size(TB_LIMIT_PACKAGE + 1, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/adb/text/battery", test_battery);
        g_test_add_func("/adb/text/thermal", test_thermal);
        g_test_add_func("/adb/text/package", test_package);
        g_test_add_func("/adb/text/log", test_log);
        g_test_add_func("/adb/text/size", test_size);
        g_test_add_func("/adb/text/failure", test_failure);
        g_test_add_func("/adb/apk/package", test_apk);
        g_test_add_func("/adb/apk/damaged", test_apk_damaged);
        g_test_add_func("/adb/apk/size", test_apk_size);
        return g_test_run();
}
