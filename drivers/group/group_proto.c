#include "drivers/group/group_proto.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/name.h"

static bool fail(GError **error, const char *member, const char *why)
{
        tb_error_set_field(error, TB_ERROR_INVALID, "members", "\"%.80s\": %s", member, why);
        return false;
}

static bool is_member(const char *member)
{
        g_auto(GStrv) parts = g_strsplit(member, "/", 2);
        return parts[0] && tb_name_valid(TB_NAME_ID, parts[0]) &&
               (!parts[1] || tb_name_valid(TB_NAME_ID, parts[1]));
}

static bool check(char **members, GError **error)
{
        guint n = g_strv_length(members);
        if (n < 1 || n > TB_LIMIT_GROUP_MEMBERS)
                return fail(error, "members",
                            "1 to " G_STRINGIFY(TB_LIMIT_GROUP_MEMBERS) " outlets are a group");
        for (guint i = 0; i < n; i++) {
                if (!is_member(g_strstrip(members[i])))
                        return fail(error, members[i], "an outlet is named as device/interface: psu-a/power");
                for (guint k = 0; k < i; k++)
                        if (strcmp(members[i], members[k]) == 0)
                                return fail(error, members[i], "it is there twice");
        }
        return true;
}

char **tb_group_members(const char *list, GError **error)
{
        g_auto(GStrv) members = g_strsplit(list, ",", TB_LIMIT_GROUP_MEMBERS + 1);
        return check(members, error) ? g_steal_pointer(&members) : NULL;
}

void tb_group_sum(const TbPowerState *states, guint n, TbPowerState *ret)
{
        TbPowerState sum = {n ? states[0].observed : TB_POWER_UNKNOWN, 0, NAN, 0, 0};
        for (guint i = 0; i < n; i++) {
                if (states[i].observed != sum.observed)
                        sum.observed = TB_POWER_UNKNOWN;
                sum.watts += states[i].watts; /* NAN stays NAN */
                sum.amps += states[i].amps;
                sum.energy_wh += states[i].energy_wh;
        }
        *ret = sum;
}

char *tb_group_words(char *const *members, const TbPowerState *states, char *const *why, guint n)
{
        static const char *const words[] = {
                [TB_POWER_UNKNOWN] = "not known", [TB_POWER_OFF] = "off", [TB_POWER_ON] = "on"};
        GString *text = g_string_new(NULL);
        for (guint i = 0; i < n; i++) {
                g_string_append_printf(text, "%s%s is %s", i ? ", " : "", members[i],
                                       words[states[i].observed]);
                if (why[i])
                        g_string_append_printf(text, " (%s)", why[i]);
        }
        return g_string_free(text, FALSE);
}
