/* Plugs and relays with Tasmota, by its commands over HTTP. (By MQTT: drivers/mqtt.) */
#include "drivers/tasmota/tasmota_proto.h"

#include <string.h>

enum { UNKNOWN, BARE, METERED }; /* TbPlug.dialect */

static json_t *ask(TbPlug *p, TbIo *io, GError **error, const char *command)
{
        const char *why = NULL;
        g_autofree char *target = tb_tasmota_target(command, p->http.user, p->http.password);
        json_t *answer = tb_http_device_get(&p->http, io, error, "%s", target);
        if (!answer || !tb_tasmota_refuses(answer, &why))
                return answer;
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "the %s at %s: %s", p->http.what, p->http.where, why);
        json_decref(answer);
        return NULL;
}

static bool who(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        json_auto_t *net = ask(p, io, error, "Status 5");
        return net && (tb_tasmota_parse_id(net, ret_id) ||
                       tb_http_device_foreign(&p->http, "it names no MAC", error));
}

static bool identify(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        json_auto_t *sensors = who(p, io, ret_id, error) ? ask(p, io, error, "Status 10") : NULL;
        if (!sensors)
                return false;
        p->dialect = json_object_get(json_object_get(sensors, "StatusSNS"), "ENERGY") ? METERED : BARE;
        return true;
}

static bool read_state(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        json_auto_t *state = ask(p, io, error, "Status 11");
        json_auto_t *sensors = state && p->dialect == METERED ? ask(p, io, error, "Status 10") : NULL;
        if (!state || (p->dialect == METERED && !sensors))
                return false;
        if (sensors)
                json_object_update_missing(state, sensors);
        return tb_tasmota_parse(state, p->output, ret, error);
}

static bool set_state(TbPlug *p, TbIo *io, bool on, GError **error)
{
        g_autofree char *command = tb_tasmota_power(p->output, on ? "On" : "Off");
        json_auto_t *answer = ask(p, io, error, command);
        return answer != NULL;
}

static const TbPlugModel model = {
        TB_PLUG_LANES, .what = "Tasmota",  .user = "admin",  .identify = identify,
        .who = who,    .read = read_state, .set = set_state,
};

/* With SetOption55 it announces its web server. Source: Tasmota, tasmota_support/support_network.ino. */
static bool offer(const TbLanSeen *seen, TbLanOffer *ret_offer)
{
        if (!g_str_equal(tb_lan_txt(seen, "devicetype"), "tasmota") &&
            g_ascii_strncasecmp(seen->name, "tasmota", strlen("tasmota")) != 0)
                return false;
        return tb_lan_offer(seen, "power",
                            seen->port == 80 ? g_strdup_printf("tasmota://%s", seen->address)
                                             : g_strdup_printf("tasmota://%s:%u", seen->address, seen->port),
                            g_strdup_printf("Tasmota, %s", seen->name),
                            g_strdup_printf("a Tasmota announces itself by mDNS as %s", seen->host),
                            ret_offer);
}

static const TbLanService services[] = {{"_http._tcp", offer}, {NULL, NULL}};

const TbDriver tb_driver_tasmota = {
        .name = "tasmota",
        .summary = "Plugs and relays with Tasmota, over HTTP: power with measurements, and sensors.",
        .example = "tasmota://10.0.0.8?output=0&password=secret",
        TB_PLUG_DRIVER,
        .lanes = model.lanes,
        .services = services,
};
