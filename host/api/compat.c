/*
 * Routes of tools that exist already, so that they work unchanged:
 * - pdudaemon: GET /power/control/{on|off|reboot}?hostname=DEVICE&port=OUTLET&delay=S (its HTTP listener; lavacli,
 *   labgrid's pdudaemon driver);
 * - labgrid: GET|PUT /host/compat/power/{id}, body "0" or "1" (labgrid/driver/power/rest.py; model: rest).
 *
 * The GETs that switch are marked unsafe: the Origin guard treats them like a POST.
 */
#include <string.h>

#include "host/api/private.h"
#include "lib/limits.h"
#include "lib/net.h"

#define REBOOT_OFF_S 5 /* pdudaemon's default delay */
#define OWN_HEADER "X-Testbed-Compat"

/*
 * Which outlet is meant. A name is an interface's. A number is the outlet whose name ends in it ("power2",
 * "outlet-2"), when exactly one does; else the nth outlet, counted from 1, when its name says no other number; and
 * a device with one outlet has it as 0, too. What is none of these is 404: the wrong one is never switched.
 */
#define NO_NUMBER G_MAXUINT64

static guint64 number_behind(const char *name)
{
        gsize at = strlen(name);
        guint64 number = NO_NUMBER;
        while (at > 0 && g_ascii_isdigit(name[at - 1]))
                at--;
        return at > 0 && g_ascii_string_to_unsigned(name + at, 10, 0, G_MAXUINT32, &number, NULL) ? number
                                                                                                  : NO_NUMBER;
}

static void add_outlet(TbInterface *iface, gpointer data)
{
        if (tb_interface_kind(iface) == TB_KIND_POWER)
                g_ptr_array_add(data, iface);
}

static TbInterface *outlet_numbered(const GPtrArray *outlets, guint64 wanted)
{
        TbInterface *found = NULL;
        guint named = 0;
        for (guint i = 0; i < outlets->len; i++)
                if (number_behind(tb_interface_name(outlets->pdata[i])) == wanted) {
                        found = outlets->pdata[i];
                        named++;
                }
        if (named > 0)
                return named == 1 ? found : NULL;
        guint64 nth = outlets->len == 1 && wanted == 0 ? 1 : wanted;
        found = nth >= 1 && nth <= outlets->len ? outlets->pdata[nth - 1] : NULL;
        return found && number_behind(tb_interface_name(found)) == NO_NUMBER ? found : NULL;
}

/* `port`: digits, or NULL: not said. */
static TbInterface *outlet_of(TbDevice *device, const char *port, GError **error)
{
        g_autoptr(GPtrArray) outlets = g_ptr_array_new();
        guint64 wanted;
        TbInterface *found = NULL;
        tb_device_each_interface(device, add_outlet, outlets);
        if (!port)
                found = outlets->len == 1 ? outlets->pdata[0] : NULL;
        else if (g_ascii_string_to_unsigned(port, 10, 0, G_MAXUINT32, &wanted, NULL))
                found = outlet_numbered(outlets, wanted);
        if (found)
                return found;
        if (outlets->len == 0)
                tb_set_error(error, TB_ERROR_NOT_FOUND, "%s has no power interface", tb_device_id(device));
        else if (!port)
                tb_error_set_field(
                        error, TB_ERROR_NOT_FOUND, "port",
                        "%s has %u outlets: say which one by \"port\", its interface's name or number",
                        tb_device_id(device), outlets->len);
        else
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "port",
                                   "%s has no outlet %s, or not one alone (it has %u): nothing was switched",
                                   tb_device_id(device), port, outlets->len);
        return NULL;
}

static TbInterface *power_of(TbApi *api, const char *id, const char *port, GError **error)
{
        TbDevice *device = tb_core_device(api->core, id, error);
        if (!device)
                return NULL;
        const char *asked = port && *port ? port : NULL;
        if (!asked || strspn(asked, "0123456789") == strlen(asked))
                return outlet_of(device, asked, error);
        TbInterface *iface = tb_core_interface(api->core, id, asked, error);
        if (iface && tb_interface_kind(iface) != TB_KIND_POWER) {
                tb_error_set_field(error, TB_ERROR_INVALID, "port", "%s is a %s interface, not power",
                                   tb_interface_id(iface), tb_kind_name(tb_interface_kind(iface)));
                return NULL;
        }
        return iface;
}

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

static void pdudaemon(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        if (!may_switch(api, request))
                return;
        const char *command = tb_request_arg(request, "command");
        json_t *delay = json_object_get(tb_request_query(request), "delay");
        json_auto_t *params = NULL;
        const char *op = "set";
        if (strcmp(command, "on") == 0 || strcmp(command, "off") == 0) {
                params = json_pack("{s:s}", "state", command);
        } else if (strcmp(command, "reboot") == 0) {
                op = "cycle";
                params = json_pack("{s:f}", "off_s", delay ? json_number_value(delay) : REBOOT_OFF_S);
        } else {
                tb_error_set_field(&error, TB_ERROR_NOT_FOUND, "command",
                                   "there is no command %s: on, off, reboot", command);
        }
        TbInterface *iface = params ? power_of(api, tb_request_query_string(request, "hostname"),
                                               tb_request_query_string(request, "port"), &error)
                                    : NULL;
        if (!iface) {
                tb_request_reply_error(request, error);
                return;
        }
        g_autofree char *verb = g_strdup_printf("%s.%s", tb_interface_name(iface), op);
        tb_api_run(api, request,
                   &(TbApiRun){.device = tb_device_id(tb_interface_device(iface)),
                               .verb = verb,
                               .params = params,
                               .finishes = true,
                               .reply = say_accepted});
}

/* labgrid wants to read "0" or "1" back. What is observed counts; what was commanded only where nothing can
 * be observed. */
static void say_digit(TbRequest *request, json_t *result, gpointer data G_GNUC_UNUSED)
{
        const char *observed = json_string_value(json_object_get(result, "observed"));
        const char *commanded = json_string_value(json_object_get(result, "commanded"));
        const char *state = g_strcmp0(observed, "unknown") != 0 ? observed : commanded;
        if (!state) {
                g_autoptr(GError) error =
                        g_error_new(TB_ERROR, TB_ERROR_DEVICE,
                                    "whether it is on cannot be observed, and nothing was commanded yet");
                tb_request_reply_error(request, error);
                return;
        }
        tb_request_reply_text(request, 200, "text/plain", strcmp(state, "on") == 0 ? "1" : "0");
}

static void labgrid(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        TbInterface *iface = power_of(api, tb_request_arg(request, "id"),
                                      tb_request_query_string(request, "port"), &error);
        bool put = strcmp(tb_request_method(request), "PUT") == 0;
        json_auto_t *params = NULL;
        if (iface && put) {
                gsize size = 0;
                const char *text = g_bytes_get_data(tb_request_body(request), &size);
                while (size > 0 && g_ascii_isspace(text[size - 1]))
                        size--;
                if (size == 1 && (text[0] == '0' || text[0] == '1'))
                        params = json_pack("{s:s}", "state", text[0] == '1' ? "on" : "off");
                else
                        tb_error_set_field(&error, TB_ERROR_INVALID, "body", "the body must be 0 or 1");
        }
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }
        g_autofree char *verb = g_strdup_printf("%s.%s", tb_interface_name(iface), put ? "set" : "get");
        tb_api_run(api, request,
                   &(TbApiRun){.device = tb_device_id(tb_interface_device(iface)),
                               .verb = verb,
                               .params = params,
                               .finishes = put,
                               .reply = say_digit});
}

static const TbParam labgrid_params[] = {
        {.name = "port",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_ID,
         .help = "the outlet, where the device has several: its interface's name or its number"},
        TB_PARAM_END,
};

static const TbParam pdudaemon_params[] = {
        {.name = "hostname",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "the device's id"},
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
         .help = "reboot: how long it stays off; 5"},
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
        {.method = "GET",
         .path = "/host/compat/power/{id}",
         .role = TB_ROLE_VIEWER,
         .query = labgrid_params,
         .handler = labgrid,
         .tag = "compatibility",
         .summary = "labgrid's power model \"rest\": 0 or 1",
         .answers = "200 text/plain; 404; 502"},
        {.method = "PUT",
         .path = "/host/compat/power/{id}",
         .role = TB_ROLE_OPERATOR,
         .body = TB_BODY_BYTES,
         .query = labgrid_params,
         .handler = labgrid,
         .tag = "compatibility",
         .summary = "labgrid's power model \"rest\": body 0 or 1",
         .answers = "200 text/plain; 400; 404; 423"},
        {.method = NULL},
};

void tb_api_add_compat(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
