/* VirtualPyTest's power: POST /host/power/{getStatus,executeCommand}. Its Tapo plug also slept 30 s behind a reboot, before it
 * answered: here a wait is the caller's. */
#include <string.h>

#include "host/api/compat/private.h"
#include "lib/limits.h"

static const TbParam outlet_params[] = {
        {.name = "port",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_ID,
         .help = "which outlet, where a device has several: its interface's name or its number"},
        TB_PARAM_END,
};

static TbInterface *outlet(TbApi *api, TbRequest *request)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *params = tb_compat_params(request, outlet_params);
        if (!params)
                return NULL;
        TbInterface *iface = tb_compat_outlet(api, tb_compat_device_id(request),
                                              json_string_value(json_object_get(params, "port")), &error);
        if (!iface)
                tb_request_reply_error(request, error);
        return iface;
}

static void say_status(TbRequest *request, json_t *result, gpointer data G_GNUC_UNUSED)
{
        json_t *status = json_copy(result);
        json_object_set(status, "power_state", json_object_get(result, "observed"));
        json_object_set_new(status, "connected", json_true());
        tb_compat_succeed(request, json_pack("{s:o}", "status", status));
}

static void get_status(TbRequest *request, gpointer data)
{
        TbInterface *iface = outlet(data, request);
        if (iface)
                tb_compat_run(data, request, iface, "get", NULL, say_status, NULL, NULL);
}

static void say_done(TbRequest *request, json_t *result, gpointer data G_GNUC_UNUSED)
{
        g_autofree char *message =
                g_strdup_printf("Command %s executed successfully",
                                json_string_value(json_object_get(tb_request_json(request), "command")));
        tb_compat_succeed(request, json_pack("{s:s, s:O}", "message", message, "status", result));
}

static void execute(TbRequest *request, gpointer data)
{
        const char *command = json_string_value(json_object_get(tb_request_json(request), "command"));
        TbInterface *iface = outlet(data, request);
        if (!iface)
                return;
        bool reboot = strcmp(command, "reboot") == 0;
        json_t *params =
                reboot ? json_pack("{s:i}", "off_s", TB_COMPAT_REBOOT_OFF_S)
                       : json_pack("{s:s}", "state", strcmp(command, "power_on") == 0 ? "on" : "off");
        tb_compat_run(data, request, iface, reboot ? "cycle" : "set", params, say_done, NULL, NULL);
}

#define PARAMS                                                                                               \
        {                                                                                                    \
                .name = "params", .type = TB_PARAM_OBJECT,                                                   \
                .help = "port: the outlet's name or number, where the device has several"                    \
        }
static const TbParam status_params[] = {TB_COMPAT_DEVICE, PARAMS, TB_PARAM_END};
static const TbParam execute_params[] = {
        {.name = "command",
         .type = TB_PARAM_ENUM,
         .required = true,
         .choices = TB_CHOICES("power_on", "power_off", "reboot"),
         .help = "reboot: off, 5 s, on"},
        TB_COMPAT_DEVICE,
        PARAMS,
        TB_PARAM_END,
};

static const TbRoute routes[] = {
        TB_COMPAT_ROUTE("/host/power/getStatus", TB_ROLE_VIEWER, status_params, get_status,
                        "VirtualPyTest: power as it was read back",
                        "200 application/json Compat; " TB_COMPAT_LANE),
        TB_COMPAT_ROUTE("/host/power/executeCommand", TB_ROLE_OPERATOR, execute_params, execute,
                        "VirtualPyTest: power_on, power_off, reboot",
                        "200 application/json Compat; " TB_COMPAT_LANE),
        {.method = NULL},
};

void tb_compat_add_power(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
