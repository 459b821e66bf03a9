/* tools_system.c - getprop, setprop, settings, wm, dumpsys, logcat, log, reboot, svc of the simulated phone
 */
#include "tests/sim/android/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/android/log.h"
#include "tests/sim/android/screen.h"

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *sorted_keys(GHashTable *table)
{
        GPtrArray *keys = g_ptr_array_new();
        GHashTableIter iter;
        void *key;

        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, &key, NULL))
                g_ptr_array_add(keys, key);
        g_ptr_array_sort(keys, by_name);
        return keys;
}

int sim_tool_getprop(SimCall *call)
{
        GHashTable *props = call->phone->props;

        if (call->argc > 1) {
                const char *value = g_hash_table_lookup(props, call->argv[1]);

                g_string_append_printf(call->out, "%s\n",
                                       value            ? value
                                       : call->argc > 2 ? call->argv[2]
                                                        : "");
                return 0;
        }
        g_autoptr(GPtrArray) keys = sorted_keys(props);
        for (guint i = 0; i < keys->len; i++) {
                const char *key = g_ptr_array_index(keys, i);

                g_string_append_printf(call->out, "[%s]: [%s]\n", key,
                                       (char *)g_hash_table_lookup(props, key));
        }
        return 0;
}

int sim_tool_setprop(SimCall *call)
{
        if (call->argc != 3) {
                g_string_append(call->err, "usage: setprop NAME VALUE\n");
                return 1;
        }
        if (g_str_has_prefix(call->argv[1], "ro.")) {
                g_string_append_printf(call->err,
                                       "Failed to set property '%s' to '%s'.\nSee dmesg for error reason.\n",
                                       call->argv[1], call->argv[2]);
                return 1;
        }
        g_hash_table_insert(call->phone->props, g_strdup(call->argv[1]), g_strdup(call->argv[2]));
        return 0;
}

int sim_tool_settings(SimCall *call)
{
        GHashTable *table = call->phone->settings;
        int at = 1;

        if (call->argc > at + 1 && strcmp(call->argv[at], "--user") == 0)
                at += 2;
        int left = call->argc - at;
        char **arg = call->argv + at;
        g_autofree char *key = left >= 3 ? g_strconcat(arg[1], "/", arg[2], NULL) : NULL;

        if (left == 3 && strcmp(arg[0], "get") == 0) {
                const char *value = g_hash_table_lookup(table, key);

                g_string_append_printf(call->out, "%s\n", value ? value : "null");
        } else if (left >= 4 && strcmp(arg[0], "put") == 0) {
                g_hash_table_insert(table, g_steal_pointer(&key), g_strdup(arg[3]));
        } else if (left == 3 && strcmp(arg[0], "delete") == 0) {
                g_string_append_printf(call->out, "Deleted %d rows\n", g_hash_table_remove(table, key));
        } else if (left == 2 && strcmp(arg[0], "list") == 0) {
                g_autofree char *prefix = g_strconcat(arg[1], "/", NULL);
                g_autoptr(GPtrArray) keys = sorted_keys(table);

                for (guint i = 0; i < keys->len; i++) {
                        const char *name = g_ptr_array_index(keys, i);

                        if (g_str_has_prefix(name, prefix))
                                g_string_append_printf(call->out, "%s=%s\n", name + strlen(prefix),
                                                       (char *)g_hash_table_lookup(table, name));
                }
        } else {
                g_string_append(call->err, "Bad arguments\nInvalid command: settings\n");
                return 255;
        }
        return 0;
}

int sim_tool_wm(SimCall *call)
{
        const char *what = call->argc > 1 ? call->argv[1] : "";

        if (call->argc == 2 && strcmp(what, "size") == 0)
                g_string_append_printf(call->out, "Physical size: %dx%d\n", SIM_WIDTH, SIM_HEIGHT);
        else if (call->argc == 2 && strcmp(what, "density") == 0)
                g_string_append(call->out, "Physical density: 240\n");
        else {
                g_string_append_printf(call->err, "wm: '%s' is not supported on a simulated phone\n", what);
                return 255;
        }
        return 0;
}

/* --- dumpsys --- */

static int battery_set(SimCall *call, int argc, char **argv)
{
        SimBattery *b = &call->phone->battery;
        const struct {
                const char *name;
                int *value;
        } fields[] = {{"level", &b->level},
                      {"temp", &b->temperature},
                      {"temperature", &b->temperature},
                      {"voltage", &b->voltage},
                      {"current", &b->current}};

        if (argc == 1 && strcmp(argv[0], "reset") == 0) {
                sim_phone_reset_battery(call->phone);
                return 0;
        }
        if (argc == 1 && strcmp(argv[0], "unplug") == 0) {
                b->plugged = 0;
                sim_screen_touch(call->phone->screen);
                return 0;
        }
        if (argc == 3 && strcmp(argv[0], "set") == 0) {
                int value = atoi(argv[2]), bit = strcmp(argv[1], "ac") == 0    ? 1
                                                 : strcmp(argv[1], "usb") == 0 ? 2
                                                                               : 4;

                for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
                        if (strcmp(argv[1], fields[i].name) == 0) {
                                *fields[i].value = value;
                                sim_screen_touch(call->phone->screen);
                                return 0;
                        }
                if (bit != 4 || strcmp(argv[1], "wireless") == 0) {
                        b->plugged = value ? b->plugged | bit : b->plugged & ~bit;
                        sim_screen_touch(call->phone->screen);
                        return 0;
                }
        }
        g_string_append(call->err, "Unknown battery command\n");
        return 255;
}

static void dump_battery(SimCall *call)
{
        const SimBattery *b = &call->phone->battery;

        g_string_append_printf(
                call->out,
                "Current Battery Service state:\n  AC powered: %s\n  USB powered: %s\n"
                "  Wireless powered: %s\n  Max charging current: %d\n  Max charging voltage: %d\n"
                "  Charge counter: %d\n  status: %d\n  health: 2\n  present: true\n  level: %d\n"
                "  scale: 100\n  voltage: %d\n  temperature: %d\n  technology: Li-ion\n"
                "  current now: %d\n",
                b->plugged & 1 ? "true" : "false", b->plugged & 2 ? "true" : "false",
                b->plugged & 4 ? "true" : "false", b->plugged ? 500000 : 0, b->plugged ? 5000000 : 0,
                b->level * 40000, b->plugged ? b->level >= 100 ? 5 : 2 : 3, b->level, b->voltage,
                b->temperature, b->current);
}

static void dump_temperatures(SimCall *call)
{
        for (guint i = 0; i < SIM_N_THERMAL; i++) {
                const SimThermal *t = &call->phone->thermal[i];

                g_string_append_printf(call->out,
                                       "\tTemperature{mValue=%.1f, mType=%d, mName=%s, mStatus=0}\n",
                                       t->celsius, t->type, t->name);
        }
}

static void dump_thermal(SimCall *call)
{
        g_string_append(call->out,
                        "IsStatusOverride: false\nThermalEventListeners:\n\tcallbacks: 1\n\tkilled: false\n"
                        "\tbroadcasts count: -1\nThermal Status: 0\nCached temperatures:\n");
        dump_temperatures(call);
        g_string_append(call->out, "HAL Ready: true\nHAL connection:\n\tThermalHAL 2.0 connected: yes\n"
                                   "Current temperatures from HAL:\n");
        dump_temperatures(call);
        g_string_append(call->out, "Current cooling devices from HAL:\n"
                                   "\tCoolingDevice{mValue=0, mType=2, mName=cpu-cdev}\n");
}

static void dump_display(SimCall *call)
{
        bool on = call->phone->screen->awake;

        g_string_append_printf(
                call->out,
                "DISPLAY MANAGER (dumpsys display)\n  mOnlyCore=false\n  mSafeMode=false\n"
                "  mViewports=[DisplayViewport{type=INTERNAL, valid=true, isActive=true, displayId=0, "
                "uniqueId='local:0', physicalPort=0, orientation=0, logicalFrame=Rect(0, 0 - %d, %d), "
                "physicalFrame=Rect(0, 0 - %d, %d), deviceWidth=%d, deviceHeight=%d}]\n"
                "Display States: size=1\n  Display Id=0\n  Display State=%s\n  Display Brightness=0.5\n",
                SIM_WIDTH, SIM_HEIGHT, SIM_WIDTH, SIM_HEIGHT, SIM_WIDTH, SIM_HEIGHT, on ? "ON" : "OFF");
}

int sim_tool_dumpsys(SimCall *call)
{
        const char *what = call->argc > 1 ? call->argv[1] : "";
        const char *app = call->phone->screen->app;

        if (strcmp(what, "-l") == 0)
                g_string_append(call->out,
                                "Currently running services:\n  activity\n  battery\n  display\n  power\n"
                                "  thermalservice\n  window\n");
        else if (strcmp(what, "battery") == 0 && call->argc > 2)
                return battery_set(call, call->argc - 2, call->argv + 2);
        else if (strcmp(what, "battery") == 0)
                dump_battery(call);
        else if (strcmp(what, "thermalservice") == 0)
                dump_thermal(call);
        else if (strcmp(what, "display") == 0)
                dump_display(call);
        else if (strcmp(what, "window") == 0)
                g_string_append_printf(call->out,
                                       "WINDOW MANAGER LAST ANR (dumpsys window lastanr)\n"
                                       "  mCurrentFocus=Window{7e57bed u0 %s/%s.Main}\n",
                                       app, app);
        else if (strcmp(what, "activity") == 0)
                g_string_append_printf(call->out,
                                       "  mResumedActivity: ActivityRecord{7e57bed u0 %s/.Main t7}\n", app);
        else if (strcmp(what, "power") == 0)
                g_string_append_printf(call->out, "POWER MANAGER (dumpsys power)\n  mWakefulness=%s\n",
                                       call->phone->screen->awake ? "Awake" : "Asleep");
        else
                g_string_append_printf(call->out, "Can't find service: %s\n", what);
        return 0;
}

/* --- log --- */

typedef struct {
        SimLogView *view; /* owned */
        guint id;
} Follow;

static void on_line(const char *text, void *data)
{
        SimCall *call = data;

        g_string_append(call->out, text);
        sim_call_flush(call);
}

static void follow_cancel(SimCall *call)
{
        Follow *f = call->data;

        sim_log_unfollow(call->phone->log, f->id);
        sim_log_view_free(f->view);
        g_free(f);
}

int sim_tool_logcat(SimCall *call)
{
        SimLogView *view = sim_log_parse(call->argc, call->argv, call->err);

        if (view == NULL)
                return 1;
        if (sim_log_view_is_clear(view))
                sim_log_clear(call->phone->log);
        else
                sim_log_dump(call->phone->log, view, call->out);
        if (sim_log_view_is_dump(view)) {
                sim_log_view_free(view);
                return 0;
        }
        Follow *f = g_new0(Follow, 1);
        f->view = view;
        f->id = sim_log_follow(call->phone->log, view, on_line, call);
        call->data = f;
        call->cancel = follow_cancel;
        return SIM_LATER;
}

/* log [-p v|d|i|w|e] [-t tag] text... */
int sim_tool_log(SimCall *call)
{
        const char *tag = "log";
        char prio = 'I';
        int i = 1;

        for (; i + 1 < call->argc && call->argv[i][0] == '-'; i += 2) {
                if (strcmp(call->argv[i], "-p") == 0 && strchr("vdiwef", call->argv[i + 1][0]))
                        prio = g_ascii_toupper(call->argv[i + 1][0]);
                else if (strcmp(call->argv[i], "-t") == 0)
                        tag = call->argv[i + 1];
                else
                        break;
        }
        g_autofree char *text = g_strjoinv(" ", call->argv + i);
        sim_log_add(call->phone->log, prio, tag, "%s", text);
        return 0;
}

/* --- the rest --- */

static gboolean on_reboot(void *data)
{
        SimPhone *phone = data;

        if (phone->reboot != NULL)
                phone->reboot(phone->reboot_data);
        return G_SOURCE_REMOVE;
}

int sim_tool_reboot(SimCall *call)
{
        g_idle_add(on_reboot, call->phone);
        return 0;
}

int sim_tool_svc(SimCall *call)
{
        if (call->argc > 2 && strcmp(call->argv[1], "power") == 0)
                return 0;
        g_string_append(call->err, "svc: only `svc power stayon` exists on a simulated phone\n");
        return 1;
}

int sim_tool_refused(SimCall *call)
{
        g_string_append_printf(call->err, "%s: not supported: this is a simulated phone%s\n", call->argv[0],
                               strcmp(call->argv[0], "screenrecord") == 0 ? ", it has no video encoder" : "");
        return 1;
}

/* What screencap (client.c) asks for: u32 LE width, height, then RGBA rows without padding. */
int sim_tool_picture(SimCall *call)
{
        cairo_surface_t *surface = sim_screen_picture(call->phone->screen);
        const guint8 *pixels = cairo_image_surface_get_data(surface);
        int stride = cairo_image_surface_get_stride(surface);
        guint32 head[2] = {GUINT32_TO_LE(SIM_WIDTH), GUINT32_TO_LE(SIM_HEIGHT)};
        gsize at = sizeof(head);

        g_string_set_size(call->out, sizeof(head) + (gsize)SIM_WIDTH * SIM_HEIGHT * 4);
        memcpy(call->out->str, head, sizeof(head));
        for (int y = 0; y < SIM_HEIGHT; y++) {
                const guint32 *row = (const guint32 *)(const void *)(pixels + (gsize)y * (gsize)stride);

                for (int x = 0; x < SIM_WIDTH; x++, at += 4) {
                        guint32 argb = row[x];
                        guint8 rgba[4] = {(guint8)(argb >> 16), (guint8)(argb >> 8), (guint8)argb, 0xff};

                        memcpy(call->out->str + at, rgba, 4);
                }
        }
        return 0;
}
