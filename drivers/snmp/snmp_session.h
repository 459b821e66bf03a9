#pragma once
/*
 * One SNMP agent, by net-snmp: requests that wait in a TbIo, with its deadline, and that one lost packet does not fail.
 * Worker. The library's tables of v3 users are one for the process: what touches them happens behind a lock.
 */
#include "drivers/transport/io.h"

typedef struct TbSnmpWho {
        const char *peer;      /* "10.0.0.30:161", "udp6:[fe80::1]:161" */
        const char *where;     /* for texts */
        const char *version;   /* "1", "2c", "3" */
        const char *community; /* v1, v2c */
        const char *user, *auth, *auth_password, *privacy, *privacy_password; /* v3; NULL: none */
        int timeout_ms;                                                       /* of one attempt */
} TbSnmpWho;

typedef struct TbSnmpSession TbSnmpSession;

/* v3 asks for the agent's engine. Errors: INVALID (a password of less than 8 characters), TIMEOUT, DEVICE. */
TbSnmpSession *tb_snmp_session_open(const TbSnmpWho *who, GError **error);
void tb_snmp_session_close(TbSnmpSession *session); /* NULL is fine */

/* A number at an OID. Errors: TIMEOUT (nobody answers: a wrong community looks the same), INTERRUPTED, UNPROCESSABLE (no
 * such object, or it may not be written), DEVICE (no number; a refused user). */
bool tb_snmp_session_get(TbSnmpSession *session, TbIo *io, const guint64 *oid, gsize length, double *ret,
                         GError **error);
bool tb_snmp_session_set(TbSnmpSession *session, TbIo *io, const guint64 *oid, gsize length, int value,
                         GError **error);
/* Any value as text; the caller frees. */
char *tb_snmp_session_text(TbSnmpSession *session, TbIo *io, const guint64 *oid, gsize length,
                           GError **error);
