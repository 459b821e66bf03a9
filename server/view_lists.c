/* Which lists there are: what they are called, where they are asked for, and who reads them. */
#include <string.h>

#include "server/views.h"

static const struct {
        const char *name, *path;
        TbRole role;
} lists[TB_VIEW_LISTS] = {
        [TB_VIEW_HOSTS] = {"hosts", "api/hosts", TB_ROLE_VIEWER},
        [TB_VIEW_DEVICES] = {"devices", "api/devices", TB_ROLE_VIEWER},
        [TB_VIEW_SESSIONS] = {"sessions", "api/session", TB_ROLE_VIEWER},
        [TB_VIEW_ENROL] = {"enrol", "api/enrol", TB_ROLE_ADMIN},
        [TB_VIEW_USERS] = {"users", "api/users", TB_ROLE_ADMIN},
        [TB_VIEW_GROUPS] = {"groups", "api/groups", TB_ROLE_ADMIN},
        [TB_VIEW_LOGINS] = {"logins", "api/me/sessions", TB_ROLE_VIEWER},
        [TB_VIEW_TELEMETRY] = {"telemetry", "api/telemetry", TB_ROLE_OPERATOR},
};

const char *tb_view_list_name(TbViewList list)
{
        return lists[list].name;
}

const char *tb_view_list_path(TbViewList list)
{
        return lists[list].path;
}

bool tb_view_list_parse(const char *text, TbViewList *ret)
{
        for (guint i = 0; text && i < TB_VIEW_LISTS; i++)
                if (strcmp(lists[i].name, text) == 0) {
                        *ret = (TbViewList)i;
                        return true;
                }
        return false;
}

TbRole tb_view_list_role(TbViewList list)
{
        return lists[list].role;
}

bool tb_view_list_has_rows(TbViewList list)
{
        return list <= TB_VIEW_SESSIONS;
}
