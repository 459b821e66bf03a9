/* Outlets of PDUs and ports of PoE switches, by SNMP. */
#include <string.h>

#include "drivers/snmp/snmp_models.h"
#include "drivers/snmp/snmp_session.h"
#include "drivers/transport/plug.h"

#define PORT 161
#define OID_MAX 64

typedef struct Outlet {
        TbPlug plug;
        TbSnmpSession *session; /* owned */
        TbSnmpModel model;      /* a table's, or what the parameters say */
        int number;             /* from 1 */
} Outlet;

static const char *text(const json_t *params, const char *name)
{
        return json_string_value(json_object_get(params, name));
}

static int number(const json_t *params, const char *name)
{
        return (int)json_integer_value(json_object_get(params, name));
}

/* What the parameters say, which is all there is of a custom one. */
static TbSnmpModel model_of(const json_t *params)
{
        const TbSnmpModel *known = tb_snmp_model(text(params, "model"));
        const char *oid = text(params, "oid"), *state = text(params, "state_oid"),
                   *watts = text(params, "watts_oid");
        TbSnmpModel m = known ? *known : (TbSnmpModel){.name = "custom"};
        if (oid) {
                m.on = (TbSnmpValue){oid, number(params, "on_value")};
                m.off = (TbSnmpValue){oid, number(params, "off_value")};
                m.state = state ? state : oid;
                memset(m.is_on, 0, sizeof m.is_on);
                memset(m.is_off, 0, sizeof m.is_off);
                m.is_on[0] = json_object_get(params, "state_on") ? number(params, "state_on") : m.on.value;
                m.is_off[0] =
                        json_object_get(params, "state_off") ? number(params, "state_off") : m.off.value;
        }
        if (watts) {
                m.watts = watts;
                m.watts_scale = json_number_value(json_object_get(params, "watts_scale"));
        }
        return m;
}

static bool open_outlet(TbPlug *p, TbIo *io G_GNUC_UNUSED, GError **error)
{
        Outlet *o = (Outlet *)p;
        const json_t *params = p->base.params;
        const TbUri *uri = p->base.uri;
        bool six = strchr(uri->host, ':') != NULL;
        g_autofree char *peer = g_strdup_printf("%s%s%s%s:%d", six ? "udp6:" : "", six ? "[" : "", uri->host,
                                                six ? "]" : "", uri->port > 0 ? uri->port : PORT);
        const TbSnmpWho who = {.peer = peer,
                               .where = p->http.where,
                               .version = text(params, "version"),
                               .community = text(params, "community"),
                               .user = p->http.user,
                               .auth = text(params, "auth"),
                               .auth_password = text(params, "auth_password"),
                               .privacy = text(params, "privacy"),
                               .privacy_password = text(params, "privacy_password"),
                               .timeout_ms = p->http.timeout_ms};
        GError *why = NULL;
        o->number = number(params, "outlet");
        o->model = model_of(params);
        o->session = tb_snmp_session_open(&who, &why);
        return o->session || tb_http_device_absent(&p->http, why, error);
}

static void close_outlet(TbPlug *p)
{
        g_clear_pointer(&((Outlet *)p)->session, tb_snmp_session_close);
}

/* Its engine, which no two agents share; one of old has none, and says at least what it is. */
static bool identify(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        static const guint64 engine[] = {1, 3, 6, 1, 6, 3, 10, 2, 1, 1, 0},
                             object[] = {1, 3, 6, 1, 2, 1, 1, 2, 0};
        Outlet *o = (Outlet *)p;
        g_autoptr(GError) why = NULL;
        g_autofree char *id = tb_snmp_session_text(o->session, io, engine, G_N_ELEMENTS(engine), &why);
        if (!id && g_error_matches(why, TB_ERROR, TB_ERROR_UNPROCESSABLE))
                id = tb_snmp_session_text(o->session, io, object, G_N_ELEMENTS(object), error);
        else if (!id) {
                if (g_error_matches(why, TB_ERROR, TB_ERROR_TIMEOUT) &&
                    strcmp(text(p->base.params, "version"), "3") != 0)
                        tb_error_suffix(&why, "; a wrong community is met with silence, too");
                g_propagate_error(error, g_steal_pointer(&why));
        }
        if (id)
                g_strlcpy(ret_id, *id ? id : "unnamed", TB_PLUG_ID);
        return id != NULL;
}

static bool read_number(Outlet *o, TbIo *io, const char *oid, double *ret, GError **error)
{
        guint64 name[OID_MAX];
        gsize length;
        if (!tb_snmp_oid(oid, o->number, name, OID_MAX, &length)) { /* check() saw to it */
                tb_set_error(error, TB_ERROR_INVALID, "%s is no OID", oid);
                return false;
        }
        return tb_snmp_session_get(o->session, io, name, length, ret, error);
}

static bool is_one_of(double value, const int *list, guint n)
{
        for (guint i = 0; i < n; i++)
                if ((i == 0 || list[i]) && value == list[i])
                        return true;
        return false;
}

static bool read_state(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        static const TbReading rows[] = {TB_READING_WATTS(""), {NULL}};
        Outlet *o = (Outlet *)p;
        const TbSnmpModel *m = &o->model;
        double value, watts = NAN;
        if (!read_number(o, io, m->state, &value, error) ||
            (m->watts && !read_number(o, io, m->watts, &watts, error)))
                return false;
        /* what is neither is on its way from one to the other */
        TbPowerObserved observed = is_one_of(value, m->is_on, G_N_ELEMENTS(m->is_on))     ? TB_POWER_ON
                                   : is_one_of(value, m->is_off, G_N_ELEMENTS(m->is_off)) ? TB_POWER_OFF
                                                                                          : TB_POWER_UNKNOWN;
        *ret = (TbPlugState){{observed, watts * m->watts_scale, NAN, NAN, NAN}, m->watts ? rows : NULL, {0}};
        ret->values[0] = ret->power.watts;
        if (!m->watts)
                ret->power.watts = NAN;
        return true;
}

static bool set_state(TbPlug *p, TbIo *io, bool on, GError **error)
{
        Outlet *o = (Outlet *)p;
        const TbSnmpValue *v = on ? &o->model.on : &o->model.off;
        guint64 name[OID_MAX];
        gsize length;
        return tb_snmp_oid(v->oid, o->number, name, OID_MAX, &length) &&
               tb_snmp_session_set(o->session, io, name, length, v->value, error);
}

/* --- parameters --- */
static bool fail(GError **error, const char *field, const char *why)
{
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s", why);
        return false;
}

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        static const char *const oids[] = {"oid", "state_oid", "watts_oid"};
        bool custom = strcmp(text(params, "model"), "custom") == 0,
             v3 = strcmp(text(params, "version"), "3") == 0;
        if (!tb_http_device_check(uri, params, error))
                return false;
        for (guint i = 0; i < G_N_ELEMENTS(oids); i++) {
                guint64 name[OID_MAX];
                gsize length;
                const char *oid = text(params, oids[i]);
                if (oid && !tb_snmp_oid(oid, 1, name, OID_MAX, &length))
                        return fail(
                                error, oids[i],
                                "an OID in numbers is expected, with * for the outlet: .1.3.6.1.4.1.318.*");
        }
        if (custom && !text(params, "oid"))
                return fail(error, "oid", "say which object is written (or name a \"model\")");
        if (text(params, "oid") &&
            !(json_object_get(params, "on_value") && json_object_get(params, "off_value")))
                return fail(error, "on_value", "say what is written: \"on_value\" and \"off_value\"");
        if (v3 && !text(params, "user"))
                return fail(error, "user", "SNMP v3 has users: name one");
        if (text(params, "privacy_password") && !text(params, "auth_password"))
                return fail(error, "auth_password", "there is no privacy without it");
        return true;
}

#define VALUE(n, h)                                                                                          \
        {                                                                                                    \
                .name = n, .type = TB_PARAM_INT, .min = -2147483647, .max = 2147483647, .help = h            \
        }
#define OID(n, h)                                                                                            \
        {                                                                                                    \
                .name = n, .type = TB_PARAM_STRING, .min = 3, .max = 300, .help = h                          \
        }
#define SECRET(n, h)                                                                                         \
        {                                                                                                    \
                .name = n, .type = TB_PARAM_SECRET, .min = 8, .max = 128, .help = h                          \
        }
static const TbParam params[] = {
        {.name = "model",
         .type = TB_PARAM_ENUM,
         .choices = tb_snmp_model_names,
         .fallback = "\"custom\"",
         .help = "whose MIB it is; custom: \"oid\" and its values say it"},
        {.name = "outlet",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 512,
         .fallback = "1",
         .help = "as printed on it, from 1"},
        {.name = "version",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("1", "2c", "3"),
         .fallback = "\"1\"",
         .help = "of SNMP; 1 and 2c send everything in the clear"},
        {.name = "community",
         .type = TB_PARAM_SECRET,
         .max = 128,
         .fallback = "\"private\"",
         .help = "v1, v2c: one that may write"},
        {.name = "user", .type = TB_PARAM_STRING, .min = 1, .max = 32, .help = "v3"},
        {.name = "auth",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("MD5", "SHA", "SHA-256", "SHA-512"),
         .fallback = "\"SHA\"",
         .help = "v3: how it is authenticated"},
        SECRET("auth_password", "v3; without one everything is in the clear"),
        {.name = "privacy",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("DES", "AES"),
         .fallback = "\"AES\"",
         .help = "v3: how it is encrypted"},
        SECRET("privacy_password", "v3; without one all but the password can be read"),
        OID("oid", "what is written, with * for the outlet"),
        VALUE("on_value", "what switches on"),
        VALUE("off_value", "what switches off"),
        OID("state_oid", "what is read; else \"oid\""),
        VALUE("state_on", "what stands there when it is on; else \"on_value\""),
        VALUE("state_off", "what stands there when it is off; else \"off_value\""),
        OID("watts_oid", "where the outlet's power stands"),
        {.name = "watts_scale",
         .type = TB_PARAM_NUMBER,
         .min = 0.000001,
         .max = 1000000,
         .fallback = "1",
         .help = "times this it is W"},
        {.name = "timeout_ms",
         .type = TB_PARAM_INT,
         .min = 200,
         .max = 30000,
         .fallback = "1500",
         .unit = "ms",
         .help = "how long an answer may take"},
        TB_POLLED_PARAM,
        TB_PARAM_END,
};

static const TbPlugModel model = {
        TB_PLUG_LANES_OF(Outlet), .what = "PDU",        .port = PORT,       .open = open_outlet,
        .close = close_outlet,    .identify = identify, .read = read_state, .set = set_state,
};

const TbDriver tb_driver_snmp = {
        .name = "snmp",
        .summary = "Outlets of PDUs (APC, Raritan, Eaton, CyberPower, Gude, …) and ports of PoE switches, by "
                   "SNMP.",
        .example = "snmp://10.0.0.30?model=apc&outlet=3&community=secret",
        .params = params,
        .check = check,
        .lanes = model.lanes,
};
