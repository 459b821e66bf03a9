#pragma once
/*
 * Where outlets stand in the MIBs of PDUs and switches. Pure. Sources: labgrid (ebe35351) driver/power/{apc,raritan,eaton,
 * sentry,poe_mib}.py; pdudaemon (91261da) drivers/{snmp,cyberpower81001,ip9258}.py; nut (1430909) drivers/apc-pdu-mib.c;
 * RFC 3621. `*` in an OID is the outlet, counted from 1 as it is printed on the device.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbSnmpValue {
        const char *oid; /* ".1.3.6.1.…*"; NULL: none */
        int value;
} TbSnmpValue;

typedef struct TbSnmpModel {
        const char *name;        /* of the parameter "model" */
        TbSnmpValue on, off;     /* what is written */
        const char *state;       /* what is read */
        int is_on[3], is_off[3]; /* values there; 0 ends a list but for its first */
        const char *watts;       /* NULL: none of a single outlet */
        double watts_scale;
} TbSnmpModel;

extern const char *const tb_snmp_model_names[]; /* NULL-terminated; the last one is "custom" */
const TbSnmpModel *tb_snmp_model(const char *name);
/* The numbers of an OID with the outlet in the place of `*`. False: it is none, or longer than `max`. */
bool tb_snmp_oid(const char *text, int outlet, guint64 *ret, gsize max, gsize *ret_length);
