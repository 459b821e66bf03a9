#include "tests/sim/android/phone.h"

#include <string.h>

#include "tests/sim/android/log.h"
#include "tests/sim/android/screen.h"

static const char *const default_props[][2] = {
        {"ro.product.model", "Testbed Simulated Phone"},
        {"ro.product.name", "testbed_sim"},
        {"ro.product.device", "testbed_sim"},
        {"ro.product.brand", "Testbed"},
        {"ro.product.manufacturer", "Testbed"},
        {"ro.build.version.release", "13"},
        {"ro.build.version.sdk", "33"},
        {"ro.build.type", "user"},
        {"ro.build.characteristics", "simulator"},
        {"ro.build.fingerprint", "Testbed/testbed_sim/testbed_sim:13/SIMULATOR/1:user/test-keys"},
        {"ro.product.cpu.abi", "x86_64"},
        {"ro.hardware", "testbed_sim"},
        {"ro.debuggable", "0"},
        {"ro.secure", "1"},
        {"ro.kernel.qemu", "0"},
        {"ro.testbed.simulator", "1"},
        {"sys.boot_completed", "1"},
        {"persist.sys.timezone", "Etc/UTC"},
        {"init.svc.adbd", "running"},
};

static const char *const default_settings[][2] = {
        {"system/screen_brightness", "128"},
        {"system/screen_off_timeout", "60000"},
        {"system/accelerometer_rotation", "0"},
        {"global/adb_enabled", "1"},
        {"global/airplane_mode_on", "0"},
        {"global/stay_on_while_plugged_in", "0"},
        {"global/device_name", "Testbed Simulated Phone"},
        {"secure/android_id", "7e57bed051000001"},
};

static void package_free(void *data)
{
        SimPackage *p = data;

        g_free(p->name);
        g_free(p->path);
        g_free(p);
}

SimPackage *sim_phone_find_package(SimPhone *phone, const char *name)
{
        for (guint i = 0; i < phone->packages->len; i++) {
                SimPackage *p = g_ptr_array_index(phone->packages, i);

                if (strcmp(p->name, name) == 0)
                        return p;
        }
        return NULL;
}

void sim_phone_add_package(SimPhone *phone, const char *name, const char *path, bool system)
{
        SimPackage *p = sim_phone_find_package(phone, name);

        if (p == NULL) {
                p = g_new0(SimPackage, 1);
                p->name = g_strdup(name);
                p->system = system;
                g_ptr_array_add(phone->packages, p);
        }
        g_free(p->path);
        p->path = g_strdup(path);
        sim_screen_touch(phone->screen);
}

bool sim_phone_remove_package(SimPhone *phone, const char *name)
{
        SimPackage *p = sim_phone_find_package(phone, name);

        if (p == NULL || p->system)
                return false;
        sim_screen_stop_app(phone->screen, name);
        g_ptr_array_remove(phone->packages, p);
        sim_screen_touch(phone->screen);
        return true;
}

void sim_phone_reset_battery(SimPhone *phone)
{
        phone->battery = (SimBattery){
                .level = 87, .temperature = 284, .voltage = 4123, .current = -231000, .plugged = 2};
        if (phone->screen != NULL)
                sim_screen_touch(phone->screen);
}

void sim_phone_boot(SimPhone *phone)
{
        phone->boot_us = g_get_monotonic_time();
        phone->boots++;
        sim_screen_reset(phone->screen);
        sim_log_clear(phone->log);
        sim_log_add(phone->log, 'I', "SystemServer",
                    "Entered the Android system server! (simulated phone, boot %u)", phone->boots);
        sim_log_add(phone->log, 'I', "ActivityManager", "System now ready");
}

SimPhone *sim_phone_new(const char *serial, const char *root)
{
        SimPhone *phone = g_new0(SimPhone, 1);

        phone->serial = g_strdup(serial);
        phone->root = g_strdup(root);
        phone->props = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        phone->settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        phone->packages = g_ptr_array_new_with_free_func(package_free);
        for (guint i = 0; i < G_N_ELEMENTS(default_props); i++)
                g_hash_table_insert(phone->props, g_strdup(default_props[i][0]),
                                    g_strdup(default_props[i][1]));
        g_hash_table_insert(phone->props, g_strdup("ro.serialno"), g_strdup(serial));
        for (guint i = 0; i < G_N_ELEMENTS(default_settings); i++)
                g_hash_table_insert(phone->settings, g_strdup(default_settings[i][0]),
                                    g_strdup(default_settings[i][1]));
        phone->thermal[0] = (SimThermal){"cpu", 0, 41.5};
        phone->thermal[1] = (SimThermal){"gpu", 1, 39.0};
        phone->thermal[2] = (SimThermal){"battery", 2, 28.4};
        phone->thermal[3] = (SimThermal){"skin", 3, 31.2};
        phone->log = sim_log_new();
        phone->screen = sim_screen_new(phone);
        sim_phone_reset_battery(phone);
        sim_phone_add_package(phone, "android", "/system/framework/framework-res.apk", true);
        sim_phone_add_package(phone, "com.android.settings", "/system/app/Settings/Settings.apk", true);
        sim_phone_add_package(phone, "com.testbed.demo", "/system/app/Demo/Demo.apk", true);
        sim_phone_add_package(phone, "com.testbed.paint", "/system/app/Paint/Paint.apk", true);
        sim_phone_boot(phone);
        return phone;
}

void sim_phone_free(SimPhone *phone)
{
        if (phone == NULL)
                return;
        sim_screen_free(phone->screen);
        sim_log_free(phone->log);
        g_ptr_array_unref(phone->packages);
        g_hash_table_unref(phone->props);
        g_hash_table_unref(phone->settings);
        g_free(phone->serial);
        g_free(phone->root);
        g_free(phone->clock);
        g_free(phone);
}
