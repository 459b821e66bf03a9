#include "drivers/snmp/snmp_models.h"

#include <string.h>

/* one OID that is written and read, with the same values */
#define SWITCH(name, oid, on, off)                                                                           \
        {                                                                                                    \
                name, {oid, on}, {oid, off}, oid, {on}, {off}, NULL, 0                                       \
        }
static const TbSnmpModel models[] = {
        SWITCH("apc", ".1.3.6.1.4.1.318.1.1.4.4.2.1.3.*", 1, 2),         /* sPDUOutletCtl */
        SWITCH("apc-rpdu", ".1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.*", 1, 2), /* rPDUOutletControlOutletCommand */
        SWITCH("cyberpower", ".1.3.6.1.4.1.3808.1.1.3.3.3.1.1.4.*", 1, 2),
        SWITCH("gude-8210", ".1.3.6.1.4.1.28507.29.1.3.1.2.1.3.*", 1, 0),
        SWITCH("ip9258", ".1.3.6.1.4.1.92.58.2.*.0", 1, 0),
        SWITCH("poe", ".1.3.6.1.2.1.105.1.1.1.3.1.*", 1, 2), /* pethPsePortAdminEnable */
        {"eaton",
         {".1.3.6.1.4.1.534.6.6.7.6.6.1.4.0.*", 1},
         {".1.3.6.1.4.1.534.6.6.7.6.6.1.3.0.*", 1},
         ".1.3.6.1.4.1.534.6.6.7.6.6.1.2.0.*",
         {1},
         {0},
         NULL,
         0},
        {"raritan",
         {".1.3.6.1.4.1.13742.6.4.1.2.1.2.1.*", 1},
         {".1.3.6.1.4.1.13742.6.4.1.2.1.2.1.*", 0},
         ".1.3.6.1.4.1.13742.6.4.1.2.1.3.1.*",
         {7},
         {8},
         NULL,
         0},
        {"sentry3", /* the first feed's outlets of the first tower */
         {".1.3.6.1.4.1.1718.3.2.3.1.11.1.1.*", 1},
         {".1.3.6.1.4.1.1718.3.2.3.1.11.1.1.*", 2},
         ".1.3.6.1.4.1.1718.3.2.3.1.10.1.1.*",
         {3, 5},
         {4},
         NULL,
         0},
};
const char *const tb_snmp_model_names[] = {"apc",   "apc-rpdu", "cyberpower", "gude-8210", "ip9258", "poe",
                                           "eaton", "raritan",  "sentry3",    "custom",    NULL};

const TbSnmpModel *tb_snmp_model(const char *name)
{
        for (guint i = 0; i < G_N_ELEMENTS(models); i++)
                if (strcmp(models[i].name, name) == 0)
                        return &models[i];
        return NULL;
}

bool tb_snmp_oid(const char *text, int outlet, guint64 *ret, gsize max, gsize *ret_length)
{
        gsize n = 0;
        for (const char *p = text; *p || n == 0;) {
                guint64 number = 0;
                char *end = NULL;
                if (*p == '.')
                        p++;
                else if (n > 0)
                        return false;
                if (n == max)
                        return false;
                if (*p == '*') {
                        number = (guint64)outlet;
                        end = (char *)p + 1;
                } else if (g_ascii_isdigit(*p)) {
                        number = g_ascii_strtoull(p, &end, 10);
                }
                if (!end || number > G_MAXUINT32)
                        return false;
                ret[n++] = number;
                p = end;
        }
        *ret_length = n;
        return n >= 2;
}
