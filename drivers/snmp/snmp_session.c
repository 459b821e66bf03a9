#include "drivers/snmp/snmp_session.h"

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/library/large_fd_set.h>
#include <net-snmp/net-snmp-includes.h>

#include <math.h>
#include <string.h>

#include "lib/error.h"

#define TRIES 2            /* a packet may be lost */
#define TEXT_MAX 64        /* bytes of an identity */
#define PASSWORD_MIN 8     /* RFC 3414 */
#define PROBE_MOST_MS 1000 /* the library waits for the engine by itself, and the lock is held meanwhile */

struct TbSnmpSession {
        void *handle; /* of the library */
        char *where;  /* owned */
        TbMutex *lock;
        int timeout_ms;
        /* of the request that runs */
        const guint64 *asked; /* borrowed: the object */
        gsize asked_length;
        int id;
        bool done, failed, foreign; /* answered; by the library's judgement; for another object */
        long status;                /* of the answer */
        int error;                  /* of the library, when it failed */
        u_char type;
        double number;
        char text[TEXT_MAX];
};

static TbMutex plain = TB_MUTEX_INIT, secure = TB_MUTEX_INIT;

static void init_library(void)
{
        static gsize once;
        if (!g_once_init_enter(&once))
                return;
        /* no files of its own: what it is to do is in the attachment */
        netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
        netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
        netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DISABLE_PERSISTENT_LOAD, 1);
        netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DISABLE_PERSISTENT_SAVE, 1);
        netsnmp_set_mib_directory(""); /* OIDs are numbers here */
        netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG);
        init_snmp("testbed");
        g_once_init_leave(&once, 1);
}

/* --- v3 --- */
static bool key_of(const oid *algorithm, size_t length, const char *password, u_char *ret, size_t *ret_size)
{
        *ret_size = USM_AUTH_KU_LEN;
        return generate_Ku(algorithm, (u_int)length, (const u_char *)password, strlen(password), ret,
                           ret_size) == SNMPERR_SUCCESS;
}

static bool set_keys(struct snmp_session *s, const TbSnmpWho *who, GError **error)
{
        int auth = who->auth ? usm_lookup_auth_type(who->auth) : 0,
            privacy = who->privacy ? usm_lookup_priv_type(who->privacy) : 0;
        bool fine = true;
        s->securityLevel = SNMP_SEC_LEVEL_NOAUTH;
        if (who->auth_password) {
                size_t n;
                const oid *kind = sc_get_auth_oid(auth, &n);
                s->securityLevel = SNMP_SEC_LEVEL_AUTHNOPRIV;
                s->securityAuthProto = snmp_duplicate_objid(kind, n);
                s->securityAuthProtoLen = n;
                fine = strlen(who->auth_password) >= PASSWORD_MIN &&
                       key_of(kind, n, who->auth_password, s->securityAuthKey, &s->securityAuthKeyLen);
                if (fine && who->privacy_password) {
                        size_t m;
                        const oid *cipher = sc_get_priv_oid(privacy, &m);
                        s->securityLevel = SNMP_SEC_LEVEL_AUTHPRIV;
                        s->securityPrivProto = snmp_duplicate_objid(cipher, m);
                        s->securityPrivProtoLen = m;
                        fine = strlen(who->privacy_password) >= PASSWORD_MIN &&
                               key_of(kind, n, who->privacy_password, s->securityPrivKey,
                                      &s->securityPrivKeyLen);
                }
        }
        if (!fine)
                tb_set_error(error, TB_ERROR_INVALID, "passwords of SNMP v3 have %d characters or more",
                             PASSWORD_MIN);
        return fine;
}

static const char *words_of(int code)
{
        switch (code) {
        case SNMPERR_UNKNOWN_USER_NAME:
                return "it does not know this user: correct \"user\" of this attachment";
        case SNMPERR_AUTHENTICATION_FAILURE:
                return "it refuses the password: correct \"auth_password\" (or \"auth\") of this attachment";
        case SNMPERR_UNSUPPORTED_SEC_LEVEL:
                return "it wants another security: set or leave out \"auth_password\" and "
                       "\"privacy_password\"";
        case SNMPERR_DECRYPTION_ERR:
                return "it cannot be read: correct \"privacy_password\" of this attachment";
        case SNMPERR_NOT_IN_TIME_WINDOW: return "its clock of SNMP jumps: it is asked again";
        default: return snmp_api_errstring(code);
        }
}

/* Asks for the agent's engine, and puts our keys for it into the library's table: that keeps those of a user that it has met,
 * whatever the password is by now. An error of the library, or SNMPERR_SUCCESS. */
static int meet(void *handle)
{
        struct snmp_session *s = snmp_sess_session(handle);
        const struct snmp_secmod_def *usm = find_sec_mod(SNMP_SEC_MODEL_USM);
        int failed = usm->probe_engineid(handle, s);
        if (failed)
                return s->s_snmp_errno ? s->s_snmp_errno : failed;
        struct usmUser *known = usm_get_user(s->securityEngineID, s->securityEngineIDLen, s->securityName);
        if (known) {
                usm_remove_user(known);
                usm_free_user(known);
        }
        s->flags &= ~(u_long)SNMP_FLAGS_USER_CREATED;
        return create_user_from_session(s);
}

TbSnmpSession *tb_snmp_session_open(const TbSnmpWho *who, GError **error)
{
        struct snmp_session s;
        bool v3 = strcmp(who->version, "3") == 0;
        init_library();
        snmp_sess_init(&s);
        s.peername = (char *)who->peer;
        s.retries = 0;
        s.timeout = MIN(who->timeout_ms, v3 ? PROBE_MOST_MS : G_MAXINT / 1000) * 1000L;
        s.version = v3 ? SNMP_VERSION_3 : strcmp(who->version, "1") == 0 ? SNMP_VERSION_1 : SNMP_VERSION_2c;
        if (v3) {
                s.securityModel = SNMP_SEC_MODEL_USM;
                s.securityName = (char *)(who->user ? who->user : "");
                s.securityNameLen = strlen(s.securityName);
        } else {
                s.community = (u_char *)who->community;
                s.community_len = strlen(who->community);
        }
        TbSnmpSession *session = NULL;
        tb_mutex_lock(v3 ? &secure : &plain);
        void *handle = !v3 || set_keys(&s, who, error) ? snmp_sess_open(&s) : NULL;
        int failed = handle && v3 ? meet(handle) : SNMPERR_SUCCESS;
        if (failed) {
                snmp_sess_close(handle);
                handle = NULL;
                s.s_snmp_errno = failed;
        }
        tb_mutex_unlock(v3 ? &secure : &plain);
        if (handle) {
                session = g_new0(TbSnmpSession, 1);
                session->handle = handle;
                session->where = g_strdup(who->where);
                session->lock = v3 ? &secure : &plain;
                session->timeout_ms = who->timeout_ms;
        } else if (!error || !*error) {
                bool late = s.s_snmp_errno == SNMPERR_TIMEOUT || s.s_snmp_errno == SNMPERR_UNKNOWN_ENG_ID;
                tb_set_error(error, late ? TB_ERROR_TIMEOUT : TB_ERROR_DEVICE, "%s: %s", who->where,
                             late ? "no answer in time" : words_of(s.s_snmp_errno));
        }
        free(s.securityAuthProto);
        free(s.securityPrivProto);
        return session;
}

void tb_snmp_session_close(TbSnmpSession *session)
{
        if (!session)
                return;
        tb_mutex_lock(session->lock);
        snmp_sess_close(session->handle);
        tb_mutex_unlock(session->lock);
        g_free(session->where);
        g_free(session);
}

/* --- one request --- */
/* Some devices write their numbers as text; what is none is shown in hex. */
static void take_string(TbSnmpSession *s, const netsnmp_variable_list *v)
{
        g_autofree char *text = g_strndup((const char *)v->val.string, MIN(v->val_len, 32));
        char *end;
        double number = g_ascii_strtod(text, &end);
        if (end != text && !*end)
                s->number = number;
        for (gsize i = 0; i < v->val_len && 2 * i + 2 < sizeof s->text; i++)
                g_snprintf(s->text + 2 * i, 3, "%02x", v->val.string[i]);
}

static void take_value(TbSnmpSession *s, const netsnmp_variable_list *v)
{
        s->type = v->type;
        s->number = NAN;
        s->text[0] = '\0';
        switch (v->type) {
        case ASN_INTEGER: s->number = (double)*v->val.integer; break;
        case ASN_GAUGE: /* and UNSIGNED32 */
        case ASN_COUNTER:
        case ASN_UINTEGER:
        case ASN_TIMETICKS: s->number = (double)(guint32)*v->val.integer; break;
        case ASN_OCTET_STR: take_string(s, v); break;
        case ASN_OBJECT_ID:
                snprint_objid(s->text, sizeof s->text, v->val.objid, v->val_len / sizeof(oid));
                break;
        default: break;
        }
        if (!isnan(s->number))
                g_snprintf(s->text, sizeof s->text, "%g", s->number);
}

static bool is_asked(const TbSnmpSession *s, const netsnmp_variable_list *v)
{
        bool same = v && v->name_length == s->asked_length;
        for (gsize i = 0; same && i < s->asked_length; i++)
                same = v->name[i] == s->asked[i];
        return same;
}

static int on_answer(int operation, netsnmp_session *sp G_GNUC_UNUSED, int id, netsnmp_pdu *pdu, void *data)
{
        TbSnmpSession *s = data;
        if (id != s->id)
                return 1; /* of a request that was given up */
        if (operation != NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE) {
                if (operation != NETSNMP_CALLBACK_OP_TIMED_OUT)
                        s->failed = s->done = true;
                return 1;
        }
        s->done = true;
        s->status = pdu->errstat;
        if (pdu->command == SNMP_MSG_REPORT) {
                s->failed = true;
                s->error = snmpv3_get_report_type(pdu);
        }
        if (s->failed || s->status)
                return 1;
        s->foreign = !is_asked(s, pdu->variables);
        if (!s->foreign)
                take_value(s, pdu->variables);
        return 1;
}

static netsnmp_pdu *pdu_of(int command, const guint64 *numbers, gsize length, const int *value)
{
        oid name[MAX_OID_LEN];
        for (gsize i = 0; i < length; i++)
                name[i] = numbers[i];
        netsnmp_pdu *pdu = snmp_pdu_create(command);
        if (value) {
                long v = *value;
                snmp_pdu_add_variable(pdu, name, length, ASN_INTEGER, &v, sizeof v);
        } else {
                snmp_add_null_var(pdu, name, length);
        }
        return pdu;
}

static void take_packets(TbSnmpSession *s, int fd)
{
        netsnmp_large_fd_set ready;
        netsnmp_large_fd_set_init(&ready, fd + 1);
        netsnmp_large_fd_setfd(fd, &ready);
        tb_mutex_lock(s->lock);
        snmp_sess_read2(s->handle, &ready);
        tb_mutex_unlock(s->lock);
        netsnmp_large_fd_set_cleanup(&ready);
}

/* TB_WAIT_READY: it was answered, or refused by the library. */
static TbWait once(TbSnmpSession *s, TbIo *io, netsnmp_pdu *pdu)
{
        gint64 until_us = g_get_monotonic_time() + (gint64)s->timeout_ms * 1000;
        s->done = s->failed = s->foreign = false;
        s->status = 0;
        s->type = ASN_NULL;
        s->error = SNMPERR_GENERR;
        tb_mutex_lock(s->lock);
        snmp_sess_timeout(s->handle); /* forgets what was given up */
        s->id = snmp_sess_async_send(s->handle, pdu, on_answer, s);
        int fd = snmp_sess_transport(s->handle)->sock;
        tb_mutex_unlock(s->lock);
        if (!s->id) {
                snmp_free_pdu(pdu);
                s->failed = true;
                tb_mutex_lock(s->lock);
                snmp_sess_error(s->handle, NULL, &s->error, NULL);
                tb_mutex_unlock(s->lock);
                return TB_WAIT_READY;
        }
        while (!s->done) {
                struct pollfd p = {.fd = fd, .events = POLLIN};
                gint64 left_us = until_us - g_get_monotonic_time();
                TbWait waited =
                        left_us <= 0 ? TB_WAIT_TIMEOUT : tb_io_wait(io, &p, 1, (int)(left_us / 1000) + 1);
                if (waited != TB_WAIT_READY)
                        return waited;
                take_packets(s, fd);
        }
        return TB_WAIT_READY;
}

static bool refused(TbSnmpSession *s, bool writes, GError **error)
{
        if (s->failed) {
                tb_set_error(error, TB_ERROR_DEVICE, "the PDU at %s: %s", s->where, words_of(s->error));
                return true;
        }
        if (s->foreign) {
                tb_set_error(
                        error, TB_ERROR_DEVICE,
                        "the PDU at %s answers for another object than the one that was asked for: what it "
                        "says is not believed",
                        s->where);
                return true;
        }
        bool missing = s->status == SNMP_ERR_NOSUCHNAME || s->type == SNMP_NOSUCHOBJECT ||
                       s->type == SNMP_NOSUCHINSTANCE || s->type == SNMP_ENDOFMIBVIEW ||
                       s->status == SNMP_ERR_NOCREATION;
        bool guarded = s->status == SNMP_ERR_READONLY || s->status == SNMP_ERR_NOACCESS ||
                       s->status == SNMP_ERR_NOTWRITABLE || s->status == SNMP_ERR_AUTHORIZATIONERROR;
        if (missing && !(writes && s->status == SNMP_ERR_NOSUCHNAME))
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "the PDU at %s has no such outlet: correct \"outlet\" or \"model\" of this "
                             "attachment",
                             s->where);
        else if (guarded && !writes)
                tb_set_error(
                        error, TB_ERROR_UNPROCESSABLE,
                        "the PDU at %s does not show its outlets to this community or user, or not with this "
                        "security: correct \"community\", or \"auth_password\" and \"privacy_password\"",
                        s->where);
        else if (missing || guarded)
                tb_set_error(
                        error, TB_ERROR_UNPROCESSABLE,
                        "the PDU at %s lets us read only: name a \"community\" (or user) that may write, and "
                        "allow this address there",
                        s->where);
        else if (s->status)
                tb_set_error(error, TB_ERROR_UNPROCESSABLE, "the PDU at %s refuses: %s", s->where,
                             snmp_errstring((int)s->status));
        else
                return false;
        return true;
}

static bool ask(TbSnmpSession *s, TbIo *io, const guint64 *name, gsize length, const int *value,
                GError **error)
{
        TbWait waited = TB_WAIT_TIMEOUT;
        s->asked = name;
        s->asked_length = length;
        for (int n = 0; n < TRIES && waited == TB_WAIT_TIMEOUT; n++)
                waited = once(s, io, pdu_of(value ? SNMP_MSG_SET : SNMP_MSG_GET, name, length, value));
        if (waited != TB_WAIT_READY) {
                g_autofree char *what = g_strdup_printf("the PDU at %s", s->where);
                return tb_io_fail(waited, what, error);
        }
        return !refused(s, value != NULL, error);
}

bool tb_snmp_session_get(TbSnmpSession *s, TbIo *io, const guint64 *name, gsize length, double *ret,
                         GError **error)
{
        if (!ask(s, io, name, length, NULL, error))
                return false;
        if (isnan(s->number)) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the PDU at %s: what stands there is no number: is it another \"model\"?",
                             s->where);
                return false;
        }
        *ret = s->number;
        return true;
}

bool tb_snmp_session_set(TbSnmpSession *s, TbIo *io, const guint64 *name, gsize length, int value,
                         GError **error)
{
        return ask(s, io, name, length, &value, error);
}

char *tb_snmp_session_text(TbSnmpSession *s, TbIo *io, const guint64 *name, gsize length, GError **error)
{
        return ask(s, io, name, length, NULL, error) ? g_strdup(s->text) : NULL;
}
