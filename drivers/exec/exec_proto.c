#include "drivers/exec/exec_proto.h"

#include <string.h>

#include "drivers/transport/plug.h"

static const TbReading measured[] = {TB_READING_WATTS("/watts"), TB_READING_VOLTS("/volts"),
                                     TB_READING_AMPS("/amps"), TB_READING_ENERGY("/energy_wh", 1)};

static bool state_of(const json_t *value, TbPowerObserved *ret)
{
        bool on;
        if (tb_reading_switch(value, &on))
                *ret = on ? TB_POWER_ON : TB_POWER_OFF;
        else if (json_is_string(value) && g_ascii_strcasecmp(json_string_value(value), "unknown") == 0)
                *ret = TB_POWER_UNKNOWN;
        else
                return false;
        return true;
}

static bool power_from_json(const json_t *root, TbPowerState *ret)
{
        const json_t *state = json_object_get(root, "observed");
        ret->watts = tb_reading_json(&measured[0], root, 0);
        ret->volts = tb_reading_json(&measured[1], root, 0);
        ret->amps = tb_reading_json(&measured[2], root, 0);
        ret->energy_wh = tb_reading_json(&measured[3], root, 0);
        return state_of(state ? state : json_object_get(root, "state"), &ret->observed);
}

bool tb_exec_parse_power(const char *text, gsize size, TbPowerState *ret, GError **error)
{
        TbPowerState state = {TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN};
        g_autofree char *copy = g_strndup(text, size);
        g_strstrip(copy);
        json_auto_t *root = *copy == '{' ? json_loads(copy, JSON_REJECT_DUPLICATES, NULL) : json_string(copy);
        if (!(json_is_object(root) ? power_from_json(root, &state) : state_of(root, &state.observed))) {
                g_autofree char *shown = g_utf8_make_valid(copy, (gssize)MIN(strlen(copy), 80));
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the command printed \"%s\": print on, off, unknown, or "
                             "{\"state\":\"on\",\"watts\":3.2}",
                             shown);
                return false;
        }
        *ret = state;
        return true;
}
