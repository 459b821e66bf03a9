/* What a carried request is about, for a caller who may see one device of a host: role x action x group, as a table. */
#include "server/accounts/reach.h"

#define NONE TB_ROLE_NONE
#define VIEWER TB_ROLE_VIEWER
#define OPERATOR TB_ROLE_OPERATOR
#define ADMIN TB_ROLE_ADMIN

static void reach(void)
{
        static const struct {
                const char *path, *query;
                TbRole device, host, all,
                        admin; /* with the grant of one device, of the host to look at, none, as an administrator */
        } table[] = {
                {"/host/devices/board", NULL, OPERATOR, OPERATOR, OPERATOR, ADMIN},
                {"/host/devices/board/power", NULL, OPERATOR, OPERATOR, OPERATOR, ADMIN},
                {"/host/devices/%62oard/power", "x=1", OPERATOR, OPERATOR, OPERATOR, ADMIN},
                {"/host/devices/phone/power", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/devices", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/devices/", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/devices//board", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/devices/../devices/board", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/devices/board%2f..%2fphone/power", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/devices/board%00/power", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/devices/board/../phone/power", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/devices/board/%2e%2e/phone", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/devices/board/%2e%2e%2f%2e%2e/phone", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/devices/board/a%2fb", NULL, OPERATOR, OPERATOR, OPERATOR, ADMIN},
                {"/host/devices/board/files", "path=/../etc", OPERATOR, OPERATOR, OPERATOR, ADMIN},
                {"/host/info", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/ws", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/usb/1-1/power", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/compat/power/board", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                /* the bus of one device, said once and plainly */
                {"/host/events", NULL, NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/events", "device=board", OPERATOR, OPERATOR, OPERATOR, ADMIN},
                {"/host/events", "type=power&device=board", OPERATOR, OPERATOR, OPERATOR, ADMIN},
                {"/host/events", "device=phone", NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/events", "device=board&device=phone", NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/events", "device=board&%64evice=phone", NONE, VIEWER, OPERATOR, ADMIN},
                {"/host/events", "device=", NONE, VIEWER, OPERATOR, ADMIN},
        };
        g_autoptr(TbGrants) device = tb_grants_new(), host = tb_grants_new();
        tb_grants_add(device, "lab-1/board", TB_ROLE_OPERATOR);
        tb_grants_add(host, "lab-1", TB_ROLE_VIEWER);
        tb_grants_add(host, "lab-1/board", TB_ROLE_OPERATOR);
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                TbCaller who = {.user = (char *)"anna", .role = TB_ROLE_OPERATOR};
                const struct {
                        TbGrants *grants;
                        TbRole role, want;
                } as[] = {{device, TB_ROLE_OPERATOR, table[i].device},
                          {host, TB_ROLE_OPERATOR, table[i].host},
                          {NULL, TB_ROLE_OPERATOR, table[i].all},
                          {device, TB_ROLE_VIEWER, MIN(table[i].device, TB_ROLE_VIEWER)},
                          {device, TB_ROLE_ADMIN, table[i].admin}};
                for (guint k = 0; k < G_N_ELEMENTS(as); k++) {
                        who.grants = as[k].grants;
                        who.role = as[k].role;
                        g_assert_cmpint(tb_reach_role(&who, "lab-1", table[i].path, table[i].query), ==,
                                        as[k].want);
                }
                who.grants = device;
                who.role = TB_ROLE_OPERATOR;
                g_assert_cmpint(tb_reach_role(&who, "lab-2", table[i].path, table[i].query), ==,
                                TB_ROLE_NONE);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/reach/paths", reach);
        return g_test_run();
}
