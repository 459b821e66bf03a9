#include "drivers/redfish/redfish_proto.h"

#include <string.h>

#define PATH 256

static const char *path_of(const json_t *value)
{
        const char *path = json_string_value(json_object_get(value, "@odata.id"));
        if (!path || path[0] != '/' || strlen(path) > PATH)
                return NULL;
        for (const char *c = path; *c; c++)
                if (*c <= ' ' || *c == 0x7f)
                        return NULL;
        return path;
}

const char *tb_redfish_path(const json_t *answer, const char *pointer)
{
        return path_of(tb_reading_at(answer, pointer, 0));
}

const char *tb_redfish_system(const json_t *systems, const char *wanted, GError **error)
{
        const json_t *members = json_object_get(systems, "Members"), *member;
        g_autoptr(GString) all = g_string_new(NULL);
        size_t i;
        json_array_foreach (members, i, member) {
                const char *path = path_of(member), *name = path ? strrchr(path, '/') + 1 : NULL;
                if (path && (wanted ? strcmp(name, wanted) == 0 : json_array_size(members) == 1))
                        return path;
                if (name && all->len < 200)
                        g_string_append_printf(all, "%s%.64s", all->len ? ", " : "", name);
        }
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "%s%s: name one of its systems as \"system\" (%s)",
                     wanted ? "it has no " : "it has several systems", wanted ? wanted : "",
                     all->len ? all->str : "it names none");
        return NULL;
}

bool tb_redfish_parse_id(const json_t *system, char ret_id[TB_PLUG_ID])
{
        return tb_plug_take_id(json_object_get(system, "UUID"), ret_id) ||
               tb_plug_take_id(json_object_get(system, "SerialNumber"), ret_id);
}

const char *tb_redfish_reset(const json_t *system, bool on, bool graceful)
{
        static const char *const ons[] = {"On", "ForceOn", NULL}, *const forced[] = {"ForceOff", NULL},
                                 *const soft[] = {"GracefulShutdown", NULL};
        const char *const *ways = on ? ons : graceful ? soft : forced;
        const json_t *allowed = tb_reading_at(
                             system, "/Actions/#ComputerSystem.Reset/ResetType@Redfish.AllowableValues", 0),
                     *value;
        if (!json_is_array(allowed))
                return ways[0]; /* it does not say: then it says what it does not like */
        for (; *ways; ways++) {
                size_t i;
                json_array_foreach (allowed, i, value)
                        if (g_strcmp0(json_string_value(value), *ways) == 0)
                                return *ways;
        }
        return NULL;
}

bool tb_redfish_parse(const json_t *system, const json_t *chassis_power, TbPlugState *ret, GError **error)
{
        static const TbReading rows[] = {TB_READING_WATTS("/PowerControl/0/PowerConsumedWatts"), {NULL}};
        const char *is = json_string_value(json_object_get(system, "PowerState"));
        bool passing = g_strcmp0(is, "PoweringOn") == 0 || g_strcmp0(is, "PoweringOff") == 0 ||
                       g_strcmp0(is, "Paused") == 0,
             on = g_strcmp0(is, "On") == 0;
        if (!passing && !on && g_strcmp0(is, "Off") != 0) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "it does not say at PowerState whether the machine is on");
                return false;
        }
        TbPlugState state = {{passing ? TB_POWER_UNKNOWN
                              : on    ? TB_POWER_ON
                                      : TB_POWER_OFF,
                              NAN, NAN, NAN, NAN},
                             NULL,
                             {0}};
        tb_plug_measure(chassis_power, chassis_power ? rows : NULL, 0, &state);
        *ret = state;
        return true;
}
