/* Servers with a management controller (BMC) that speaks Redfish. */
#include <string.h>

#include "drivers/redfish/redfish_proto.h"
#include "drivers/redfish/redfish_session.h"

#define LOOK_MS 500   /* between two looks whether it has followed */
#define SPARE_MS 2000 /* of a command's time: for the read-back */

typedef struct Redfish {
        TbPlug plug;
        TbRedfishSession session;
        char *system, *reset, *power; /* owned paths; power NULL: it measures nothing */
} Redfish;

static void forget(Redfish *r)
{
        g_clear_pointer(&r->system, g_free);
        g_clear_pointer(&r->reset, g_free);
        g_clear_pointer(&r->power, g_free);
}

static bool open_redfish(TbPlug *p, TbIo *io, GError **error)
{
        Redfish *r = (Redfish *)p;
        TbHttpDevice *d = &p->http;
        r->session = (TbRedfishSession){0};
        if (!d->password)
                return true;
        if (strcmp(json_string_value(json_object_get(p->base.params, "auth")), "session") == 0) {
                GError *why = NULL;
                r->session.user = d->user;
                r->session.password = g_steal_pointer(&d->password);
                return tb_redfish_session_begin(&r->session, d, io, &why) ||
                       tb_http_device_absent(d, why, error);
        }
        g_autofree char *both = g_strdup_printf("%s:%s", d->user ? d->user : "", d->password),
                        *base64 = g_base64_encode((const guchar *)both, strlen(both));
        d->bearer = g_strdup_printf("Basic %s", base64);
        d->password = NULL;
        return true;
}

static void close_redfish(TbPlug *p)
{
        tb_redfish_session_end(&((Redfish *)p)->session, &p->http);
        forget((Redfish *)p);
}

static bool missing(TbPlug *p, const char *what, GError **error)
{
        g_autofree char *why = g_strdup_printf("it names no %s", what);
        return tb_http_device_foreign(&p->http, why, error);
}

static char *find_system(TbPlug *p, TbIo *io, GError **error)
{
        json_auto_t *root = tb_http_device_get(&p->http, io, error, "/redfish/v1/");
        const char *list = root ? tb_redfish_path(root, "/Systems") : NULL;
        if (!list)
                return root ? (missing(p, "Systems", error), NULL) : NULL;
        json_auto_t *systems = tb_http_device_get(&p->http, io, error, "%s", list);
        const char *wanted = json_string_value(json_object_get(p->base.params, "system"));
        return systems ? g_strdup(tb_redfish_system(systems, wanted, error)) : NULL;
}

static bool identify(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        Redfish *r = (Redfish *)p;
        forget(r);
        r->system = find_system(p, io, error);
        json_auto_t *system = r->system ? tb_http_device_get(&p->http, io, error, "%s", r->system) : NULL;
        if (!system)
                return false;
        const char *reset = json_string_value(
                           tb_reading_at(system, "/Actions/#ComputerSystem.Reset/target", 0)),
                   *chassis = tb_redfish_path(system, "/Links/Chassis/0");
        if (!reset || *reset != '/')
                return missing(p, "way to switch it (#ComputerSystem.Reset)", error);
        if (!tb_redfish_parse_id(system, ret_id))
                return missing(p, "UUID", error);
        r->reset = g_strdup(reset);
        tb_http_device_name(&p->http, json_object_get(system, "Model"));
        if (!chassis)
                return true;
        json_auto_t *around = tb_http_device_get(&p->http, io, error, "%s", chassis);
        if (around)
                r->power = g_strdup(tb_redfish_path(around, "/Power"));
        return around != NULL;
}

/* A session may be over (it lay idle, the controller was restarted): then it is tried in a new one. */
static json_t *ask_system(Redfish *r, TbIo *io, GError **error)
{
        g_autoptr(GError) why = NULL;
        TbHttpDevice *d = &r->plug.http;
        json_t *system = tb_http_device_get(d, io, &why, "%s", r->system);
        if (system)
                return system;
        if (r->session.password && g_error_matches(why, TB_ERROR, TB_ERROR_DEVICE))
                return tb_redfish_session_begin(&r->session, d, io, error)
                               ? tb_http_device_get(d, io, error, "%s", r->system)
                               : NULL;
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
}

static bool who(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        json_auto_t *system = ask_system((Redfish *)p, io, error);
        return system && (tb_redfish_parse_id(system, ret_id) || missing(p, "UUID", error));
}

static bool read_state(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        Redfish *r = (Redfish *)p;
        json_auto_t *system = ask_system(r, io, error);
        json_auto_t *power =
                system && r->power ? tb_http_device_get(&p->http, io, error, "%s", r->power) : NULL;
        return system && (power || !r->power) && tb_redfish_parse(system, power, ret, error);
}

/* A machine takes its time: until it is so, or that is long enough. */
static bool follow(TbPlug *p, TbIo *io, bool on, GError **error)
{
        gint64 until = g_get_monotonic_time() +
                       json_integer_value(json_object_get(p->base.params, "settle_s")) * G_USEC_PER_SEC;
        if (io->deadline_us != G_MAXINT64)
                until = MIN(until, io->deadline_us - SPARE_MS * 1000);
        for (TbPlugState state;;) {
                if (!read_state(p, io, &state, error))
                        return false;
                if (state.power.observed == (on ? TB_POWER_ON : TB_POWER_OFF) ||
                    g_get_monotonic_time() >= until)
                        return true;
                if (!tb_io_sleep(io, LOOK_MS, error))
                        return false;
        }
}

static bool set_state(TbPlug *p, TbIo *io, bool on, GError **error)
{
        Redfish *r = (Redfish *)p;
        bool graceful = strcmp(json_string_value(json_object_get(p->base.params, "off")), "graceful") == 0;
        json_auto_t *system = ask_system(r, io, error);
        TbPlugState state;
        if (!system || !tb_redfish_parse(system, NULL, &state, error))
                return false;
        if (state.power.observed == (on ? TB_POWER_ON : TB_POWER_OFF))
                return true; /* controllers refuse what is so already */
        const char *type = tb_redfish_reset(system, on, graceful);
        if (!type) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "the %s at %s allows no way to switch the machine %s", p->http.what,
                             p->http.where,
                             on         ? "on"
                             : graceful ? "off gracefully (off=force?)"
                                        : "off");
                return false;
        }
        g_autofree char *body = g_strdup_printf("{\"ResetType\":\"%s\"}", type);
        TbHttpAnswer answer;
        if (!tb_http_device_ask(&p->http, io, "POST", r->reset, "application/json", body, &answer, error))
                return false;
        tb_http_answer_clear(&answer); /* 204, or a task */
        return follow(p, io, on, error);
}

static const TbParam params[] = {
        {.name = "system",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 64,
         .help = "which of the controller's systems, where it has several (a chassis of blades)"},
        {.name = "off",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("force", "graceful"),
         .fallback = "\"force\"",
         .help = "graceful: its operating system is asked to shut down"},
        {.name = "auth",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("basic", "session"),
         .fallback = "\"basic\"",
         .help = "basic: the password goes with each request; session: once, and a token with the others"},
        {.name = "settle_s",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 120,
         .fallback = "10",
         .unit = "s",
         .help = "how long it may take until a switch is seen; within the command's time"},
        TB_HTTP_DEVICE_PARAMS,
        {.name = "tls",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("on", "unverified", "off"),
         .fallback = "\"on\"",
         .help = "unverified: whatever certificate it shows, as most controllers need (their password could "
                 "be read by "
                 "somebody between)"},
        TB_POLLED_PARAM,
        TB_PLUG_INTERVAL_PARAM,
        TB_PARAM_END,
};

static const TbPlugModel model = {
        TB_PLUG_LANES_OF(Redfish), .what = "Redfish controller",
        .open = open_redfish,      .close = close_redfish,
        .identify = identify,      .who = who,
        .read = read_state,        .set = set_state,
};

const TbDriver tb_driver_redfish = {
        .name = "redfish",
        .summary = "Servers with a management controller, by Redfish: power with the watts it measures, and "
                   "sensors.",
        .example = "redfish://10.0.0.20?user=lab&password=secret&tls=unverified",
        .params = params,
        .check = tb_http_device_check,
        .lanes = model.lanes,
};
