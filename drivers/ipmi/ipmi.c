/*
 * Servers with a management controller (BMC) that speaks IPMI 2.0 over LAN, by ipmitool as a child: its sessions wait by themselves
 * and cannot be ended from outside, a child can.
 */
#include <string.h>

#include "drivers/ipmi/ipmi_proto.h"
#include "drivers/transport/transport.h"

#define PORT 623
#define OUTPUT 65536
#define TRIES "2"

enum { UNKNOWN, BARE, METERED }; /* TbPlug.dialect */

static const char *text(const TbPlug *p, const char *name)
{
        return json_string_value(json_object_get(p->base.params, name));
}

/* Its output; the caller frees. The password goes by the environment, which other users cannot read. */
static char *run_once(TbPlug *p, TbIo *io, const char *const *words, GError **error)
{
        const TbUri *uri = p->base.uri;
        g_autofree char *who = g_strdup_printf("the %s at %s", p->http.what, p->http.where),
                        *port = g_strdup_printf("%d", uri->port > 0 ? uri->port : PORT),
                        *wait = g_strdup_printf("%d", MAX(p->http.timeout_ms / 1000, 1)),
                        *secret =
                                g_strconcat("IPMI_PASSWORD=", p->http.password ? p->http.password : "", NULL);
        const char *argv[24] = {"ipmitool", "-v",
                                "-I",       "lanplus",
                                "-C",       text(p, "cipher"),
                                "-N",       wait,
                                "-R",       TRIES,
                                "-H",       uri->host,
                                "-p",       port,
                                "-U",       p->http.user ? p->http.user : "",
                                "-L",       text(p, "level"),
                                "-E"};
        const char *const env[] = {secret, NULL};
        for (guint n = 19; *words; words++)
                argv[n++] = *words;
        g_autoptr(GByteArray) out = NULL, err = NULL;
        int status = 0;
        if (!tb_child_run_env(io, argv, env, NULL, 0, OUTPUT, 4 * p->http.timeout_ms, &status, &out, &err,
                              error)) {
                if (error && *error && !strstr((*error)->message, p->http.where))
                        tb_error_prefix(error, "%s: ", who);
                return NULL;
        }
        g_byte_array_append(out, (const guint8 *)"", 1);
        g_byte_array_append(err, (const guint8 *)"", 1);
        if (status == 0)
                return g_strdup((const char *)out->data);
        tb_ipmi_failed(who, (const char *)err->data, error);
        return NULL;
}

/* ipmitool itself asks again what is lost (-R). */
static char *run(TbPlug *p, TbIo *io, GError **error, const char *a, const char *b, const char *c)
{
        const char *const words[] = {a, b, c, NULL};
        return run_once(p, io, words, error);
}

/* What it cannot say is no fault of its: false only when it could not be asked. */
static char *run_maybe(TbPlug *p, TbIo *io, bool *ret_asked, GError **error, const char *a, const char *b,
                       const char *c)
{
        GError *why = NULL;
        char *out = run(p, io, &why, a, b, c);
        *ret_asked = out || g_error_matches(why, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        if (*ret_asked)
                g_clear_error(&why);
        else
                g_propagate_error(error, why);
        return out;
}

static bool who(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        bool asked;
        g_autofree char *guid = run_maybe(p, io, &asked, error, "mc", "guid", NULL);
        if (!guid || !tb_ipmi_parse_id(guid, ret_id))
                g_strlcpy(ret_id, "unnamed", TB_PLUG_ID);
        return asked;
}

static bool identify(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        bool asked;
        if (!who(p, io, ret_id, error))
                return false;
        g_autofree char *power = run_maybe(p, io, &asked, error, "dcmi", "power", "reading");
        p->dialect = power && !isnan(tb_ipmi_parse_watts(power)) ? METERED : BARE;
        return asked;
}

static bool read_state(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        static const TbReading rows[] = {TB_READING_WATTS(""), {NULL}};
        g_autofree char *is = run(p, io, error, "chassis", "power", "status");
        TbPowerObserved observed;
        if (!is)
                return false;
        if (!tb_ipmi_parse_state(is, &observed))
                return tb_http_device_foreign(&p->http, "it does not say whether the machine is on", error);
        g_autofree char *power = p->dialect == METERED ? run(p, io, error, "dcmi", "power", "reading") : NULL;
        if (p->dialect == METERED && !power)
                return false;
        double watts = power ? tb_ipmi_parse_watts(power) : NAN;
        *ret = (TbPlugState){{observed, watts, NAN, NAN, NAN}, power ? rows : NULL, {watts}};
        return true;
}

static bool set_state(TbPlug *p, TbIo *io, bool on, GError **error)
{
        const char *off = strcmp(text(p, "off"), "graceful") == 0 ? "soft" : "off";
        g_autofree char *out = run(p, io, error, "chassis", "power", on ? "on" : off);
        return out != NULL;
}

static const TbParam params[] = {
        {.name = "user", .type = TB_PARAM_STRING, .min = 1, .max = 16, .help = "its name there"},
        {.name = "password", .type = TB_PARAM_SECRET, .max = 20, .help = "of that user"},
        {.name = "timeout_ms",
         .type = TB_PARAM_INT,
         .min = 1000,
         .max = 10000,
         .fallback = "2000",
         .unit = "ms",
         .help = "how long one packet's answer may take; in whole seconds"},
        {.name = "cipher",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("3", "17"),
         .fallback = "\"3\"",
         .help = "the cipher suite: 3 (SHA-1), which every IPMI 2.0 controller knows; 17 (SHA-256), where 3 "
                 "is switched off"},
        {.name = "level",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("OPERATOR", "ADMINISTRATOR"),
         .fallback = "\"OPERATOR\"",
         .help = "the privilege that is asked for; operators may switch"},
        {.name = "off",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("force", "graceful"),
         .fallback = "\"force\"",
         .help = "graceful: its operating system is asked to shut down"},
        TB_POLLED_PARAM,
        TB_PLUG_INTERVAL_PARAM,
        TB_PARAM_END,
};

static const TbPlugModel model = {
        TB_PLUG_LANES, .what = "BMC",      .port = PORT,     .identify = identify,
        .who = who,    .read = read_state, .set = set_state,
};

const TbDriver tb_driver_ipmi = {
        .name = "ipmi",
        .summary = "Servers with a management controller, by IPMI 2.0 over LAN (ipmitool): power, and watts "
                   "by DCMI.",
        .example = "ipmi://10.0.0.21?user=lab&password=secret",
        .params = params,
        .check = tb_http_device_check,
        .lanes = model.lanes,
};
