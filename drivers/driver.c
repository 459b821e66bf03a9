#include "drivers/driver.h"

#include <string.h>

static const char *const kind_names[TB_KINDS] = {
        [TB_KIND_POWER] = "power", [TB_KIND_CONSOLE] = "console",       [TB_KIND_VIDEO] = "video",
        [TB_KIND_AUDIO] = "audio", [TB_KIND_INPUT] = "input",           [TB_KIND_SENSORS] = "sensors",
        [TB_KIND_SHELL] = "shell", [TB_KIND_FILES] = "files",           [TB_KIND_APPS] = "apps",
        [TB_KIND_LOGS] = "logs",   [TB_KIND_INSTRUMENT] = "instrument", [TB_KIND_MOUNT] = "mount",
        [TB_KIND_GPIO] = "gpio",
};

const TbSensorOps tb_audio_levels = {.interval_ms = 0, .sample = NULL};

const char *tb_kind_name(TbKind kind)
{
        return kind < TB_KINDS ? kind_names[kind] : NULL;
}

const TbDriver *tb_driver_find(const char *scheme)
{
        for (guint i = 0; tb_drivers[i]; i++) {
                if (strcmp(tb_drivers[i]->name, scheme) == 0)
                        return tb_drivers[i];
                if (tb_drivers[i]->schemes && g_strv_contains(tb_drivers[i]->schemes, scheme))
                        return tb_drivers[i];
        }
        return NULL;
}

const void *tb_lane_ops(const TbLane *lane, TbKind kind)
{
        switch (kind) {
        case TB_KIND_POWER: return lane->power;
        case TB_KIND_CONSOLE: return lane->console;
        case TB_KIND_VIDEO: return lane->video;
        case TB_KIND_AUDIO: return lane->audio;
        case TB_KIND_INPUT: return lane->input;
        case TB_KIND_SENSORS: return lane->sensors;
        case TB_KIND_GPIO: return lane->gpio;
        case TB_KIND_SHELL: return lane->shell;
        case TB_KIND_FILES: return lane->files;
        case TB_KIND_APPS: return lane->apps;
        case TB_KIND_LOGS: return lane->logs;
        case TB_KIND_INSTRUMENT: return lane->instrument;
        case TB_KIND_MOUNT: return lane->mount;
        case TB_KINDS: break;
        }
        return NULL;
}
