/* Anything that Home Assistant can switch, by its REST API. */
#include "drivers/homeassistant/homeassistant_proto.h"

#define PORT 8123

static const char *entity_of(const TbPlug *p)
{
        return json_string_value(json_object_get(p->base.params, "entity"));
}

static bool read_state(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        GError *why = NULL;
        json_auto_t *state = tb_http_device_get(&p->http, io, &why, "/api/states/%s", entity_of(p));
        if (state)
                return tb_homeassistant_parse(state, ret, error);
        if (g_error_matches(why, TB_ERROR, TB_ERROR_UNPROCESSABLE))
                tb_error_suffix(&why, "; is there an entity %s? Correct \"entity\" of this attachment",
                                entity_of(p));
        g_propagate_error(error, why);
        return false;
}

static bool set_state(TbPlug *p, TbIo *io, bool on, GError **error)
{
        json_auto_t *body = json_pack("{s:s}", "entity_id", entity_of(p));
        json_auto_t *changed = tb_http_device_post(&p->http, io, body, error, "/api/services/%s/turn_%s",
                                                   tb_homeassistant_domain(entity_of(p)), on ? "on" : "off");
        return changed != NULL;
}

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        const char *entity = json_string_value(json_object_get(params, "entity"));
        if (!tb_http_device_check(uri, params, error))
                return false;
        for (const char *c = entity; *c; c++)
                if (!g_ascii_islower(*c) && !g_ascii_isdigit(*c) && *c != '_' && *c != '.')
                        entity = "";
        if (tb_homeassistant_domain(entity))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "entity",
                           "name an entity that can be switched, as Home Assistant shows it: switch.desk");
        return false;
}

static const TbParam params[] = {
        {.name = "entity",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 3,
         .max = 128,
         .help = "\"switch.desk\": as Home Assistant names it (Settings, Devices & services, Entities)"},
        {.name = "token",
         .type = TB_PARAM_SECRET,
         .max = 512,
         .help = "a long-lived access token (your profile, Security)"},
        TB_HTTP_DEVICE_TIMEOUT_PARAM,
        TB_HTTP_DEVICE_TLS_PARAM,
        TB_POLLED_PARAM,
        TB_PARAM_END,
};

static const TbPlugModel model = {
        TB_PLUG_LANES, .what = "Home Assistant", .port = PORT, .read = read_state, .set = set_state,
};

/* Which of its entities is meant, and the token, are for the user to say. */
static bool offer(const TbLanSeen *seen, TbLanOffer *ret_offer)
{
        return tb_lan_offer(
                seen, "power",
                g_strdup_printf("homeassistant://%s:%u?entity=switch.name", seen->address, seen->port),
                g_strdup_printf("Home Assistant, %s", seen->name),
                g_strdup("a Home Assistant announces itself by mDNS; name the entity (instead of "
                         "switch.name) and give a token"),
                ret_offer);
}

static const TbLanService services[] = {{"_home-assistant._tcp", offer}, {NULL, NULL}};

const TbDriver tb_driver_homeassistant = {
        .name = "homeassistant",
        .summary = "Anything that Home Assistant can switch, by its REST API: power.",
        .example = "homeassistant://10.0.0.5?entity=switch.desk&token=secret",
        .params = params,
        .check = check,
        .lanes = model.lanes,
        .services = services,
};
