/* Any plug or PDU that is switched by an HTTP request: the requests are parameters. */
#include "drivers/httpplug/httpplug_proto.h"

#include <string.h>

#include "lib/limits.h"

typedef struct Custom {
        TbPlug plug;
        const char *header[3];
        char *header_name; /* owned */
} Custom;

static const char *param(const json_t *params, const char *name)
{
        return json_string_value(json_object_get(params, name));
}

static TbHttpplugPlace place_of(const json_t *params)
{
        return (TbHttpplugPlace){param(params, "pointer"), param(params, "regex"), param(params, "on_value"),
                                 param(params, "off_value"), param(params, "watts")};
}

/* "X-CSRF: x" */
static bool open_custom(TbPlug *p, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        Custom *c = (Custom *)p;
        const char *header = param(p->base.params, "header"), *colon = header ? strchr(header, ':') : NULL;
        g_clear_pointer(&c->header_name, g_free);
        if (!colon)
                return true;
        c->header[0] = c->header_name = g_strndup(header, (gsize)(colon - header));
        c->header[1] = colon + 1 + strspn(colon + 1, " ");
        p->http.headers = c->header;
        return true;
}

static void close_custom(TbPlug *p)
{
        p->http.headers = NULL;
        g_clear_pointer(&((Custom *)p)->header_name, g_free);
}

/* What the parameter `name` says, with `body_name` (NULL: none). */
static bool ask(TbPlug *p, TbIo *io, const char *name, const char *body_name, TbHttpAnswer *ret,
                GError **error)
{
        const json_t *params = p->base.params;
        TbHttpplugRequest request;
        if (!tb_httpplug_request(param(params, name), body_name ? param(params, body_name) : NULL, p->output,
                                 &request, error))
                return false;
        bool ok = tb_http_device_ask(&p->http, io, request.method, request.target,
                                     request.body ? param(params, "content_type") : NULL, request.body, ret,
                                     error);
        tb_httpplug_request_clear(&request);
        return ok;
}

static bool read_state(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        TbHttpplugPlace place = place_of(p->base.params);
        TbHttpAnswer answer;
        gsize size;
        *ret = (TbPlugState){{TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN}, NULL, {0}};
        if (!param(p->base.params, "state")) { /* it cannot say: nothing is guessed, but that it is there */
                bool there = tb_http_device_call(&p->http, io, "HEAD", "/", NULL, NULL, &answer, error);
                if (there)
                        tb_http_answer_clear(&answer);
                return there;
        }
        if (!ask(p, io, "state", "state_body", &answer, error))
                return false;
        const char *text = g_bytes_get_data(answer.body, &size);
        bool ok = tb_httpplug_parse(&place, text ? text : "", size, p->output, ret, error);
        tb_http_answer_clear(&answer);
        return ok;
}

static bool set_state(TbPlug *p, TbIo *io, bool on, GError **error)
{
        TbHttpAnswer answer;
        if (!ask(p, io, on ? "on" : "off", on ? "on_body" : "off_body", &answer, error))
                return false;
        tb_http_answer_clear(&answer);
        return true;
}

static bool check_header(const char *header, GError **error)
{
        const char *colon = header ? strchr(header, ':') : NULL;
        bool good = !header || (colon && colon != header);
        for (const char *c = header; good && c && *c; c++)
                good = *c >= ' ' && *c <= '~' && !(c < colon && !g_ascii_isalnum(*c) && *c != '-');
        if (!good)
                tb_error_set_field(error, TB_ERROR_INVALID, "header", "it looks like \"X-CSRF: x\"");
        return good;
}

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        static const char *const requests[][2] = {
                {"on", "on_body"}, {"off", "off_body"}, {"state", "state_body"}};
        TbHttpplugPlace place = place_of(params);
        if (!tb_http_device_check(uri, params, error))
                return false;
        for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
                const char *text = param(params, requests[i][0]);
                g_autoptr(GError) why = NULL;
                TbHttpplugRequest request = {0};
                if (text && !tb_httpplug_request(text, param(params, requests[i][1]), 0, &request, &why)) {
                        tb_error_set_field(error, TB_ERROR_INVALID, requests[i][0], "%s", why->message);
                        return false;
                }
                tb_httpplug_request_clear(&request);
        }
        return tb_httpplug_check_place(&place, error) && check_header(param(params, "header"), error);
}

#define TEXT(n, h)                                                                                           \
        {                                                                                                    \
                .name = n, .type = TB_PARAM_STRING, .min = 1, .max = 512, .help = h                          \
        }
#define REQUEST(n, h)                                                                                        \
        {                                                                                                    \
                .name = n, .type = TB_PARAM_STRING, .required = true, .min = 1, .max = 512, .help = h        \
        }
static const TbParam params[] = {
        REQUEST("on", "request that switches on: \"/outlet?{number}=ON\", \"PUT /outlets/{output}/state\""),
        REQUEST("off", "request that switches off"),
        TEXT("on_body", "what it sends; it is a POST then, unless it says otherwise"),
        TEXT("off_body", "the same for \"off\""),
        TEXT("state", "request that reads the state; without one it is unknown"),
        TEXT("state_body", "what that sends"),
        {.name = "content_type",
         .type = TB_PARAM_STRING,
         .min = 3,
         .max = 100,
         .fallback = "\"application/json\"",
         .help = "of what is sent"},
        TEXT("header", "a header of each request: \"X-CSRF: x\""),
        TEXT("pointer", "where in a JSON answer the state stands: /outputs/*/state (* is the output)"),
        TEXT("regex", "what finds the state in an answer: its first group"),
        TEXT("on_value", "what stands there when it is on; else on, true, 1 and their opposites count"),
        TEXT("off_value", "what stands there when it is off"),
        TEXT("watts", "where in a JSON answer the power in W stands"),
        TB_HTTP_DEVICE_TLS_PARAM,
        TB_PLUG_PARAMS,
        TB_PARAM_END,
};

static const TbPlugModel model = {
        TB_PLUG_LANES_OF(Custom), .what = "plug",     .open = open_custom,
        .close = close_custom,    .read = read_state, .set = set_state,
};

/* ESPHome's web server; the name of the switch is its configuration's. It says where its own API is, not whether it has a web
 * server. Source: esphome.io, "Web Server API". */
static bool offer(const TbLanSeen *seen, TbLanOffer *ret_offer)
{
        const char *name = tb_lan_txt(seen, "friendly_name");

        return tb_lan_offer(
                seen, "power",
                g_strdup_printf("http://%s?on=POST%%20/switch/name/turn_on&off=POST%%20/switch/name/turn_off&"
                                "state=/switch/name&pointer=/state",
                                seen->address),
                g_strdup_printf("ESPHome, %s", *name ? name : seen->name),
                g_strdup(
                        "an ESPHome announces itself by mDNS; put its switch's name in place of \"name\" (it "
                        "needs web_server: in its configuration)"),
                ret_offer);
}

static const TbLanService services[] = {{"_esphomelib._tcp", offer}, {NULL, NULL}};

static const char *const schemes[] = {"http", "https", NULL};

const TbDriver tb_driver_httpplug = {
        .name = "httpplug",
        .summary = "Any plug or PDU that is switched by an HTTP request: the requests are parameters.",
        .example = "http://10.0.0.9?on=/outlet?1=ON&off=/outlet?1=OFF",
        .schemes = schemes,
        .params = params,
        .check = check,
        .lanes = model.lanes,
        .services = services,
};
