#include "drivers/ipmi/ipmi_proto.h"

#include <string.h>

#define WORDS 160

/* What stands behind `label` and its colon, up to the end of the line; NULL: nothing. The caller frees. */
static char *behind(const char *out, const char *label)
{
        const char *at = strstr(out, label);
        if (!at)
                return NULL;
        at += strlen(label);
        at += strspn(at, " \t:");
        char *value = g_strndup(at, strcspn(at, "\r\n"));
        return g_strstrip(value);
}

bool tb_ipmi_parse_state(const char *out, TbPowerObserved *ret)
{
        g_autofree char *is = behind(out, "Chassis Power is");
        if (!is || (strcmp(is, "on") != 0 && strcmp(is, "off") != 0))
                return false;
        *ret = strcmp(is, "on") == 0 ? TB_POWER_ON : TB_POWER_OFF;
        return true;
}

bool tb_ipmi_parse_id(const char *out, char ret_id[TB_PLUG_ID])
{
        g_autofree char *id = behind(out, "System GUID");
        if (!id || strspn(id, "0123456789abcdefABCDEF-") != strlen(id) || strlen(id) < 32)
                return false;
        g_strlcpy(ret_id, id, TB_PLUG_ID);
        return true;
}

double tb_ipmi_parse_watts(const char *out)
{
        g_autofree char *value = behind(out, "Instantaneous power reading");
        return value ? tb_reading_text(value) : NAN;
}

bool tb_ipmi_failed(const char *who, const char *err, GError **error)
{
        if (strstr(err, "HMAC is invalid") || strstr(err, "unauthorized name") ||
            strstr(err, "invalid role") || strstr(err, "Set Session Privilege Level")) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "%s refuses the user or the password: correct \"user\" and \"password\" of this "
                             "attachment (the "
                             "user must be let in by LAN, as operator)",
                             who);
                return false;
        }
        if (strstr(err, "Get Channel Authentication Capabilities") || strstr(err, "Unable to establish")) {
                tb_set_error(error, strstr(err, "RAKP") ? TB_ERROR_DEVICE : TB_ERROR_GONE,
                             "%s does not answer: no answer in time (IPMI over LAN, UDP: is it switched on "
                             "there, is the address "
                             "right?)",
                             who);
                return false;
        }
        const char *last = err;
        for (const char *line = err; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (*line != '\n' && *line != '\r')
                        last = line;
        g_autofree char *cut = g_strndup(last, MIN(strcspn(last, "\r\n"), (gsize)WORDS)),
                        *words = g_utf8_make_valid(cut, -1);
        for (char *c = words; *c; c++)
                if (g_ascii_iscntrl(*c))
                        *c = ' ';
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "%s refuses: %s", who,
                     *words ? words : "ipmitool says no more");
        return false;
}
