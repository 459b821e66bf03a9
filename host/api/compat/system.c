/* VirtualPyTest's system: GET /host/system/health, POST /host/system/{restartHostService,rebootHost,restartHostStreamService}, and
 * POST /host/desktop/bash/executeCommand. Admins alone change a machine, and only as far as its owner has said. */
#include <string.h>

#include "host/api/compat/private.h"
#include "lib/clock.h"
#include "lib/limits.h"

static void health(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        tb_request_reply_json(request, 200,
                              json_pack("{s:s, s:f, s:s, s:s, s:n}", "status", "ok", "timestamp",
                                        (double)tb_clock_us() / G_USEC_PER_SEC, "mode", "host", "host_name",
                                        tb_core_config(api->core)->name, "supabase"));
}

static void refuse(TbRequest *request, TbErrorCode code, const char *words)
{
        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, (int)code, words);
        tb_request_reply_error(request, error);
}

/* It ends in order, and whoever watches it starts it again: without one it would be gone. */
static void restart_service(TbRequest *request, gpointer data)
{
        const TbApi *api = data;
        if (!tb_core_config(api->core)->restart || !api->restart) {
                refuse(request, TB_ERROR_FORBIDDEN,
                       "this host is not restarted over the API: where a supervisor starts it again when it "
                       "has "
                       "ended, say \"compat: {restart: true}\" in its configuration");
                return;
        }
        tb_compat_succeed(request,
                          json_pack("{s:s}", "message", "testbed-host ends now, and is to be started again"));
        api->restart(api->restart_data);
}

static void reboot(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        refuse(request, TB_ERROR_UNSUPPORTED,
               "this host does not reboot its machine, which others may use: reboot it there, or attach its "
               "plug as a "
               "power interface");
}

/* Sources and encoders start with their first viewer, and again after every loss: nothing is left to be restarted. Whether there
 * is a picture is what the caller wants to know. */
static void restart_stream(TbRequest *request, gpointer data)
{
        TbInterface *iface = tb_compat_interface(data, request, TB_KIND_VIDEO);
        const char *reason = NULL;
        if (!iface)
                return;
        if (tb_interface_state(iface, &reason) != TB_STATE_READY) {
                g_autoptr(GError) error = NULL;
                tb_set_error(&error, TB_ERROR_GONE, "%s is not there: %s; it is tried again by itself",
                             tb_interface_id(iface), reason ? reason : "it is being opened");
                tb_request_reply_error(request, error);
                return;
        }
        tb_compat_succeed(request, json_pack("{s:b, s:s, s:{s:b, s:s}}", "restarted", 0, "message",
                                             "streams start with their first viewer and heal by themselves: "
                                             "nothing had to be restarted",
                                             "status", "success", 1, "state", "ready"));
}

/* --- bash: the shell of the device that stands for the machine, where one is attached --- */
static void say_output(TbRequest *request, json_t *result, gpointer data G_GNUC_UNUSED)
{
        json_t *code = json_object_get(result, "exit_code");
        tb_request_reply_json(
                request, 200,
                json_pack("{s:b, s:O, s:O, s:O, s:O, s:s}", "success", json_integer_value(code) == 0,
                          "output", json_object_get(result, "stdout"), "error",
                          json_object_get(result, "stderr"), "exit_code", code, "execution_time",
                          json_object_get(result, "duration_ms"), "device_id", tb_compat_device_id(request)));
}

static const TbParam bash_command_params[] = {
        {.name = "command", .type = TB_PARAM_STRING, .min = 1, .max = TB_LIMIT_LINE},
        {.name = "bash_command", .type = TB_PARAM_STRING, .min = 1, .max = TB_LIMIT_LINE},
        {.name = "working_dir", .type = TB_PARAM_STRING, .min = 1, .max = TB_LIMIT_URI},
        {.name = "timeout",
         .type = TB_PARAM_NUMBER,
         .min = 0.1,
         .max = TB_LIMIT_COMMAND_S,
         .fallback = "30",
         .unit = "s"},
        TB_PARAM_END,
};

static void bash(TbRequest *request, gpointer data)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *params = tb_compat_params(request, bash_command_params);
        if (!params)
                return;
        json_t *line = json_object_get(params, "command"), *dir = json_object_get(params, "working_dir");
        if (!line)
                line = json_object_get(params, "bash_command");
        if (!line) {
                tb_error_set_field(&error, TB_ERROR_INVALID, "params.command",
                                   "params.command is missing: the line that is to be run");
                tb_request_reply_error(request, error);
                return;
        }
        TbInterface *iface = tb_compat_interface(data, request, TB_KIND_SHELL);
        if (!iface)
                return;
        g_autofree char *there = dir ? g_shell_quote(json_string_value(dir)) : NULL;
        g_autofree char *whole =
                there ? g_strdup_printf("cd -- %s && { %s\n}", there, json_string_value(line))
                      : g_strdup(json_string_value(line));
        tb_compat_run(
                data, request, iface, "run",
                json_pack("{s:s, s:O}", "command", whole, "timeout_s", json_object_get(params, "timeout")),
                say_output, NULL, NULL);
}

static const TbParam bash_params[] = {
        {.name = "command",
         .type = TB_PARAM_ENUM,
         .required = true,
         .choices = TB_CHOICES("execute_bash_command"),
         .help = "what its bash controller can do"},
        {.name = "params", .type = TB_PARAM_OBJECT, .help = "command: the line; working_dir; timeout (s)"},
        TB_COMPAT_DEVICE,
        TB_PARAM_END,
};

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/system/health",
         .role = TB_ROLE_NONE,
         .handler = health,
         .tag = "compatibility",
         .summary = "VirtualPyTest: that the host answers; GET /host/health says how it is",
         .answers = "200 application/json"},
        TB_COMPAT_ROUTE("/host/system/restartHostService", TB_ROLE_ADMIN, tb_compat_device_params,
                        restart_service,
                        "VirtualPyTest: end in order, for a supervisor to start it again (compat.restart)",
                        "200 application/json Compat"),
        TB_COMPAT_ROUTE("/host/system/rebootHost", TB_ROLE_ADMIN, tb_compat_device_params, reboot,
                        "VirtualPyTest: refused; a machine is rebooted there", "501"),
        TB_COMPAT_ROUTE("/host/system/restartHostStreamService", TB_ROLE_ADMIN, tb_compat_device_params,
                        restart_stream,
                        "VirtualPyTest: whether there is a picture; streams heal by themselves",
                        "200 application/json Compat; 404; 410"),
        TB_COMPAT_ROUTE(
                "/host/desktop/bash/executeCommand", TB_ROLE_ADMIN, bash_params, bash,
                "VirtualPyTest: a line for the shell of a device, which may be this machine (driver exec, "
                "parameter shell)",
                "200 application/json Compat; 413; " TB_COMPAT_LANE),
        {.method = NULL},
};

void tb_compat_add_system(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
