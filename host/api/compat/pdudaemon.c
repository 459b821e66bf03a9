/* pdudaemon: GET /power/control/{on|off|reboot}?hostname=DEVICE&port=OUTLET&delay=S (its HTTP listener; lavacli, labgrid's
 * pdudaemon driver). The GETs that switch are marked unsafe: the Origin guard treats them like a POST. */
#include <string.h>

#include "host/api/compat/pdudaemon_ask.h"
#include "host/api/compat/private.h"
#include "host/api/private.h"
#include "lib/limits.h"
#include "lib/net.h"

#define OWN_HEADER "X-Testbed-Compat"

static void say_accepted(TbRequest *request, json_t *result G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_text(request, 200, "text/plain; charset=utf-8", "OK - accepted request\n");
}

/* A GET that switches can be asked for by any page that somebody looks at, in a picture's address. Where a token is
 * needed it proves who asks. Without tokens it is this machine's own clients (of which lib/http/guard.h
 * has refused foreign pages, where the browser names them; old ones say Referer only), an address of `compat.allow`, or who sends a header that no page can. */
static bool may_switch(TbApi *api, TbRequest *request)
{
        const TbHostConfig *config = tb_core_config(api->core);
        const char *peer = tb_request_peer(request);
        bool page = tb_request_header(request, "Referer") && !tb_request_header(request, "Sec-Fetch-Site");
        if (!tb_auth_is_open(config->auth) || tb_request_header(request, OWN_HEADER) ||
            tb_nets_have(config->compat, peer) || (tb_address_is_loopback(peer) && !page))
                return true;
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, TB_ERROR_FORBIDDEN,
                            "a GET that switches is not taken from %s without a token: set \"compat: {allow: "
                            "[…]}\" in the configuration, or send the header " OWN_HEADER ": 1",
                            page ? "a web page" : peer);
        tb_request_reply_error(request, error);
        return false;
}

/* By hostname and port, or by an alias, which is an outlet's own name here: "rpi4/power2", or "rpi4" where it has one. */
static TbInterface *outlet_of(TbApi *api, TbRequest *request, GError **error)
{
        const char *hostname = tb_request_query_string(request, "hostname"),
                   *port = tb_request_query_string(request, "port"),
                   *alias = tb_request_query_string(request, "alias");
        if ((alias && (hostname || port)) || (!alias && !hostname)) {
                tb_error_set_field(error, TB_ERROR_INVALID, alias ? "alias" : "hostname",
                                   "say which outlet by \"hostname\" (and \"port\"), or by \"alias\"");
                return NULL;
        }
        if (!alias)
                return tb_compat_outlet(api, hostname, port, error);
        g_auto(GStrv) parts = g_strsplit(alias, "/", 2);
        return tb_compat_outlet(api, parts[0] ? parts[0] : "", parts[0] ? parts[1] : NULL, error);
}

static void run(TbApi *api, TbRequest *request, TbInterface *iface, const char *op, json_t *params)
{
        g_autofree char *verb = g_strdup_printf("%s.%s", tb_interface_name(iface), op);
        tb_api_run(api, request,
                   &(TbApiRun){.device = tb_device_id(tb_interface_device(iface)),
                               .verb = verb,
                               .params = params,
                               .finishes = true,
                               .reply = say_accepted});
}

/* --- on and off with a delay: before it is switched --- */
typedef struct Later {
        TbApi *api;         /* borrowed: its requests end before it does */
        TbRequest *request; /* ref */
        guint timer;
} Later;

static void later_free(Later *l)
{
        g_clear_handle_id(&l->timer, g_source_remove);
        tb_request_unref(l->request);
        g_free(l);
}

static void on_gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        later_free(data);
}

static gboolean on_time(gpointer data)
{
        Later *l = data;
        g_autoptr(GError) error = NULL;
        json_auto_t *params = NULL;
        l->timer = 0;
        tb_request_on_gone(l->request, NULL, NULL);
        const char *op = tb_pdu_ask_verb(tb_request_arg(l->request, "command"), -1, &params, &error);
        TbInterface *iface =
                op ? outlet_of(l->api, l->request, &error) : NULL; /* it may have gone meanwhile */
        if (iface)
                run(l->api, l->request, iface, op, params);
        else
                tb_request_reply_error(l->request, error);
        later_free(l);
        return G_SOURCE_REMOVE;
}

static void switch_later(TbApi *api, TbRequest *request, double delay_s)
{
        Later *l = g_new0(Later, 1);
        *l = (Later){api, tb_request_ref(request), 0};
        l->timer = g_timeout_add((guint)(delay_s * 1000), on_time, l);
        tb_request_on_gone(request, on_gone, l);
}

static void pdudaemon(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        if (!may_switch(api, request))
                return;
        const json_t *delay = json_object_get(tb_request_query(request), "delay");
        double delay_s = delay ? json_number_value(delay) : -1;
        json_auto_t *params = NULL;
        const char *op = tb_pdu_ask_verb(tb_request_arg(request, "command"), delay_s, &params, &error);
        TbInterface *iface = op ? outlet_of(api, request, &error) : NULL;
        if (!iface) {
                tb_request_reply_error(request, error);
                return;
        }
        if (delay_s > 0 && strcmp(op, "set") == 0) {
                switch_later(api, request, delay_s);
                return;
        }
        run(api, request, iface, op, params);
}

static const TbParam pdudaemon_params[] = {
        {.name = "hostname",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "the device's id"},
        {.name = "alias",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 2 * TB_LIMIT_ID + 1,
         .help = "instead of hostname and port: an outlet's own name, \"rpi4/power2\" or \"rpi4\""},
        {.name = "port",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_ID,
         .help = "the outlet: its interface's name, or its number (the one that a name ends in, else counted "
                 "from 1); may be left out where a device has one"},
        {.name = "delay",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = TB_LIMIT_CYCLE_OFF_S,
         .unit = "s",
         .help = "reboot: how long it stays off; 5. on, off: before it is switched; 0"},
        TB_PARAM_END,
};

#define PDUDAEMON(p)                                                                                         \
        {                                                                                                    \
                .method = "GET", .path = p "/{command}", .role = TB_ROLE_OPERATOR, .flags = TB_ROUTE_UNSAFE, \
                .query = pdudaemon_params, .handler = pdudaemon, .tag = "compatibility",                     \
                .summary = "pdudaemon's HTTP listener: on, off, reboot",                                     \
                .answers = "200 text/plain; 400; 404; 423"                                                   \
        }

static const TbRoute routes[] = {
        PDUDAEMON("/power/control"),
        PDUDAEMON("/host/compat/power/control"),
        {.method = NULL},
};

void tb_compat_add_pdudaemon(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
