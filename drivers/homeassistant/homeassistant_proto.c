#include "drivers/homeassistant/homeassistant_proto.h"

#include <string.h>

const char *tb_homeassistant_domain(const char *entity)
{
        static const char *const domains[] = {"switch", "light", "input_boolean", "group", "fan", "siren"};
        const char *dot = strchr(entity, '.');
        for (guint i = 0; dot && i < G_N_ELEMENTS(domains); i++)
                if (strlen(domains[i]) == (gsize)(dot - entity) &&
                    memcmp(domains[i], entity, (gsize)(dot - entity)) == 0 && dot[1])
                        return domains[i];
        return NULL;
}

bool tb_homeassistant_parse(const json_t *state, TbPlugState *ret, GError **error)
{
        /* attributes that switches of many integrations have */
        static const TbReading rows[] = {TB_READING_WATTS("/attributes/current_power_w"),
                                         TB_READING_VOLTS("/attributes/voltage"),
                                         TB_READING_AMPS("/attributes/current_a"),
                                         TB_READING_ENERGY("/attributes/total_energy_kwh", 1000),
                                         {NULL}};
        const char *word = json_string_value(json_object_get(state, "state"));
        if (g_strcmp0(word, "unavailable") == 0) {
                tb_set_error(
                        error, TB_ERROR_GONE,
                        "Home Assistant does not reach it (state \"unavailable\"): has the plug power and "
                        "network?");
                return false;
        }
        if (g_strcmp0(word, "unknown") == 0) {
                *ret = (TbPlugState){{TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN}, NULL, {0}};
                return true;
        }
        return tb_plug_parse(state, "/state", rows, 0, ret, error);
}
