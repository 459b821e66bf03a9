#include "drivers/tasmota/tasmota_proto.h"

#include <string.h>

char *tb_tasmota_target(const char *command, const char *user, const char *password)
{
        g_autofree char *escaped = g_uri_escape_string(command, NULL, FALSE);
        if (!password)
                return g_strdup_printf("/cm?cmnd=%s", escaped);
        g_autofree char *u = g_uri_escape_string(user ? user : "admin", NULL, FALSE);
        g_autofree char *p = g_uri_escape_string(password, NULL, FALSE);
        return g_strdup_printf("/cm?user=%s&password=%s&cmnd=%s", u, p, escaped);
}

char *tb_tasmota_power(int output, const char *value)
{
        return g_strdup_printf("Power%d%s%s", output + 1, value ? " " : "", value ? value : "");
}

bool tb_tasmota_refuses(const json_t *answer, const char **ret_why)
{
        if (json_object_get(answer, "WARNING")) /* "Need user=<username>&password=<password>" */
                *ret_why = "it refuses the password: correct \"password\" of this attachment";
        else if (g_strcmp0(json_string_value(json_object_get(answer, "Command")), "Unknown") == 0)
                *ret_why = "it does not know the command: has it such an output?";
        else
                return false;
        return true;
}

bool tb_tasmota_parse_id(const json_t *answer, char ret_id[TB_PLUG_ID])
{
        return tb_plug_take_id(json_object_get(json_object_get(answer, "StatusNET"), "Mac"), ret_id);
}

bool tb_tasmota_parse(const json_t *answer, int output, TbPlugState *ret, GError **error)
{
        static const TbReading one[] = {TB_READING_WATTS("/StatusSNS/ENERGY/Power"),
                                        TB_READING_VOLTS("/StatusSNS/ENERGY/Voltage"),
                                        TB_READING_AMPS("/StatusSNS/ENERGY/Current"),
                                        TB_READING_ENERGY("/StatusSNS/ENERGY/Total", 1000), /* kWh */
                                        {NULL}};
        /* one meter for each relay; they share the mains */
        static const TbReading each[] = {TB_READING_WATTS("/StatusSNS/ENERGY/Power/*"),
                                         TB_READING_VOLTS("/StatusSNS/ENERGY/Voltage"),
                                         TB_READING_AMPS("/StatusSNS/ENERGY/Current/*"),
                                         TB_READING_ENERGY("/StatusSNS/ENERGY/Total/*", 1000),
                                         {NULL}};
        const json_t *state = json_object_get(answer, "StatusSTS"),
                     *energy = json_object_get(json_object_get(answer, "StatusSNS"), "ENERGY");
        bool single = json_object_get(state, "POWER") != NULL;
        g_autofree char *on =
                single ? g_strdup("/StatusSTS/POWER") : g_strdup_printf("/StatusSTS/POWER%d", output + 1);
        if (state && (single ? output > 0 : !json_object_get(state, on + strlen("/StatusSTS/"))) &&
            (single || json_object_get(state, "POWER1"))) {
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "there is no output %d (counted from 0): correct \"output\" of this attachment",
                             output);
                return false;
        }
        bool many = json_is_array(json_object_get(energy, "Power"));
        return tb_plug_parse(answer, on, !energy ? NULL : many ? each : one, output, ret, error);
}
