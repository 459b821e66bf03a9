/* `recording:` of the configuration: where, how much, how long, and what of which device; REST changes a device's mode (host/recorder). */
#include "host/core/config.h"
#include "host/core/private.h"
#include "lib/config.h"
#include "lib/limits.h"
#include "lib/name.h"

#define MODE                                                                                                 \
        {                                                                                                    \
                .name = "mode", .type = TB_PARAM_ENUM, .choices = TB_CHOICES("off", "armed", "on"),          \
                .help = "off; armed: the last seconds in memory; on: on the disk"                            \
        }
#define PRE_S                                                                                                \
        .name = "pre_s", .type = TB_PARAM_INT, .min = 1, .max = TB_LIMIT_RECORD_PRE_S, .unit = "s",          \
        .help = "that are kept in memory"

static const TbParam section_params[] = {
        {.name = "folder",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_URI,
         .help = "where recordings and clips are; default: recordings in the state folder"},
        {.name = "mb",
         .type = TB_PARAM_INT,
         .min = 10,
         .max = 100000000,
         .fallback = "20000",
         .unit = "MB",
         .help = "of all of it: the oldest goes first, clips after recordings, what is kept never"},
        {.name = "device_mb",
         .type = TB_PARAM_INT,
         .min = 10,
         .max = 100000000,
         .fallback = "10000",
         .unit = "MB",
         .help = "of the recordings of one device"},
        {.name = "days",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 3650,
         .fallback = "14",
         .unit = "d",
         .help = "0: as long as there is room"},
        {.name = "mode",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("off", "armed", "on"),
         .fallback = "\"off\"",
         .help = "of devices for which nothing else is said"},
        {PRE_S, .fallback = "20"},
        {.name = "input",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("off", "keys", "all"),
         .fallback = "\"keys\"",
         .help = "who typed and pointed: off; keys: without the characters; all: passwords, too"},
        {.name = "devices", .type = TB_PARAM_OBJECT, .fallback = "{}", .help = "{id: {mode, pre_s, input}}"},
        TB_PARAM_END,
};
static const TbParam device_params[] = {
        MODE,
        {PRE_S},
        {.name = "input",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("off", "keys", "all"),
         .help = "as above, of this device"},
        TB_PARAM_END,
};

json_t *tb_config_recording(TbConfigReader *r, json_t *node)
{
        json_t *section = tb_config_section(r, section_params, node, "recording");
        json_t *devices = json_object_get(section, "devices"), *checked = json_object(), *given;
        const char *id;
        json_object_foreach (devices, id, given) {
                g_autofree char *path = g_strdup_printf("recording.devices.%s", id);
                if (!tb_name_valid(TB_NAME_ID, id))
                        tb_config_problem(r, devices, id, path, "a device's id is %s",
                                          tb_name_rule(TB_NAME_ID));
                else
                        json_object_set_new(checked, id, tb_config_section(r, device_params, given, path));
        }
        json_object_set_new(section, "devices", checked);
        return section;
}
