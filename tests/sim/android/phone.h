#pragma once
/*
 * phone.h - the state of the simulated phone: properties, settings, battery, thermal zones, packages, log,
 * screen
 *
 * One SimPhone per process, touched only by the main loop; the processes that serve a shell or a sync
 * session reach it through the tool socket (tool.h). Units are Android's own: battery temperature in
 * tenths of a degree Celsius, voltage in mV, current in microampere (negative = discharging).
 */
#include <glib.h>
#include <stdbool.h>

typedef struct SimScreen SimScreen;
typedef struct SimLog SimLog;

typedef struct {
        int level;       /* percent */
        int temperature; /* 0.1 degree Celsius */
        int voltage;     /* mV */
        int current;     /* microampere */
        int plugged;     /* BatteryManager: 0 none, 1 AC, 2 USB, 4 wireless */
} SimBattery;

typedef struct {
        const char *name; /* static */
        int type;         /* android.hardware.thermal TemperatureType */
        double celsius;
} SimThermal;

typedef struct {
        char *name;  /* owned: com.example.app */
        char *path;  /* owned: /data/app/..., or /system/... */
        bool system; /* came with the phone, cannot be uninstalled */
} SimPackage;

#define SIM_N_THERMAL 4

typedef struct {
        char *serial;         /* owned */
        GHashTable *props;    /* owned: name -> value */
        GHashTable *settings; /* owned: "namespace/key" -> value */
        GPtrArray *packages;  /* owned SimPackage */
        SimBattery battery;
        SimThermal thermal[SIM_N_THERMAL];
        SimScreen *screen; /* owned */
        SimLog *log;       /* owned */
        char *clock;       /* owned: fixed text of the clock, or NULL for the real time */
        char *root;        /* owned: prefix of every path, "" when the process is confined to it */
        gint64 boot_us;    /* monotonic time of the last (simulated) boot */
        unsigned boots;
        void (*reboot)(void *data); /* set by the transport */
        void *reboot_data;          /* borrowed */
} SimPhone;

SimPhone *sim_phone_new(const char *serial, const char *root);
void sim_phone_free(SimPhone *phone);

/* Set battery values to those of a fresh phone (dumpsys battery reset). */
void sim_phone_reset_battery(SimPhone *phone);

/* Forget what a reboot forgets: the picture, the log, the running app. */
void sim_phone_boot(SimPhone *phone);

SimPackage *sim_phone_find_package(SimPhone *phone, const char *name);
void sim_phone_add_package(SimPhone *phone, const char *name, const char *path, bool system);
bool sim_phone_remove_package(SimPhone *phone, const char *name);
