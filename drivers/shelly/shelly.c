/* Shelly plugs and relays: Gen1 by its GET requests, Gen2 and later by RPC in GET requests. */
#include "drivers/shelly/shelly_proto.h"

#include <string.h>

static bool identify(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        const char *why;
        json_auto_t *info = tb_http_device_get(&p->http, io, error, "/shelly");
        if (!info)
                return false;
        p->dialect = tb_shelly_parse_info(info, ret_id, &why);
        tb_http_device_name(&p->http, json_object_get(info, p->dialect == 1 ? "type" : "model"));
        if (p->dialect > 1)
                p->http.user = "admin"; /* the only one that they have */
        return p->dialect > 0 || tb_http_device_foreign(&p->http, why, error);
}

static bool read_state(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        bool old = p->dialect == 1;
        GError *why = NULL;
        json_auto_t *status =
                old ? tb_http_device_get(&p->http, io, &why, "/status")
                    : tb_http_device_get(&p->http, io, &why, "/rpc/Switch.GetStatus?id=%d", p->output);
        if (status)
                return (old ? tb_shelly_parse_gen1 : tb_shelly_parse_gen2)(status, p->output, ret, error);
        if (!old && g_error_matches(why, TB_ERROR, TB_ERROR_UNPROCESSABLE))
                tb_error_suffix(
                        &why, "; has it an output %d (counted from 0)? Correct \"output\" of this attachment",
                        p->output);
        g_propagate_error(error, why);
        return false;
}

static bool set_state(TbPlug *p, TbIo *io, bool on, GError **error)
{
        json_auto_t *relay = p->dialect == 1
                                     ? tb_http_device_get(&p->http, io, error, "/relay/%d?turn=%s", p->output,
                                                          on ? "on" : "off")
                                     : tb_http_device_get(&p->http, io, error, "/rpc/Switch.Set?id=%d&on=%s",
                                                          p->output, on ? "true" : "false");
        if (relay && on && json_is_false(json_object_get(relay, "ison")) &&
            json_is_true(json_object_get(relay, "overpower"))) {
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "the Shelly at %s stays off: it has seen too much power", p->http.where);
                return false;
        }
        return relay != NULL;
}

static const TbPlugModel model = {
        TB_PLUG_LANES,        .what = "Shelly",   .user = "admin",
        .identify = identify, .read = read_state, .set = set_state,
};

/* Gen1 announces a web server under its own name, Gen2 and later also "_shelly._tcp" with gen and app. */
static bool offer(const TbLanSeen *seen, TbLanOffer *ret_offer)
{
        const char *app = tb_lan_txt(seen, "app");

        if (g_ascii_strncasecmp(seen->name, "shelly", strlen("shelly")) != 0)
                return false;
        return tb_lan_offer(seen, "power", g_strdup_printf("shelly://%s", seen->address),
                            *app ? g_strdup_printf("Shelly %s, %s", app, seen->name)
                                 : g_strdup_printf("Shelly, %s", seen->name),
                            g_strdup_printf("a Shelly announces itself by mDNS as %s", seen->host),
                            ret_offer);
}

static bool offer_gen1(const TbLanSeen *seen, TbLanOffer *ret_offer)
{
        return !*tb_lan_txt(seen, "gen") && offer(seen, ret_offer);
}

static const TbLanService services[] = {{"_shelly._tcp", offer}, {"_http._tcp", offer_gen1}, {NULL, NULL}};

const TbDriver tb_driver_shelly = {
        .name = "shelly",
        .summary = "Shelly plugs and relays (Gen1, Gen2 and later): power with measurements, and sensors.",
        .example = "shelly://10.0.0.7?output=0&password=secret",
        TB_PLUG_DRIVER,
        .lanes = model.lanes,
        .services = services,
};
