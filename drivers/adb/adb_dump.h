#pragma once
/*
 * What Android's own commands print, parsed: dumpsys battery, dumpsys thermalservice, pm list packages,
 * logcat, wm size. Pure, any thread. Sources: AOSP BatteryService.dumpInternal,
 * ThermalManagerService.dumpInternal, PackageManagerShellCommand, liblog's formats.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbAdbBattery {
        double level_pct; /* every value: NAN when the phone does not say */
        double celsius;
        double volts;
        double amps; /* into the battery; negative = discharging */
        int plugged; /* -1 unknown, 0 no, 1 yes */
} TbAdbBattery;
/* `text` is what dumpsys battery printed; current_now is what /sys/class/power_supply/battery/current_now
 * holds, or "". False: no battery data. */
bool tb_adb_parse_battery(const char *text, const char *current_now, TbAdbBattery *ret);

typedef struct TbAdbTemperature {
        char *name; /* owned; [a-z0-9._-] */
        double celsius;
} TbAdbTemperature;
/* Owned TbAdbTemperature; the HAL's current values where they are there, the cached ones otherwise. A name
 * comes once. */
GPtrArray *tb_adb_parse_thermal(const char *text);
void tb_adb_temperature_free(TbAdbTemperature *temperature);

/* "package:/path/base.apk=com.x" or "package:com.x". False: not such a line. *ret_path is NULL when the line
 * has none. Both owned. */
bool tb_adb_parse_package(const char *line, char **ret_package, char **ret_path);
/* [A-Za-z][A-Za-z0-9_]* words joined by dots, at most 255 bytes; one word ("android") is fine. */
bool tb_adb_package_valid(const char *package);

/* A line of `logcat -v threadtime -v epoch -v UTC`: "  1795206632.280  1200  1200 D tag: text". *ret_t_ms and
 * the rest behind the time. False: another line. */
bool tb_adb_parse_log(const char *line, gint64 *ret_t_ms, const char **ret_rest);

/* "Physical size: 1080x2400" and, when there is one, "Override size: …", which counts. */
bool tb_adb_parse_size(const char *text, int *ret_width, int *ret_height);

/* The first line that says Failure or Error, without "Failure [" and "]"; NULL when none does. Owned. */
char *tb_adb_failure(const char *text);
