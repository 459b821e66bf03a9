/* labgrid: GET|PUT /host/compat/power/{id}, body "0" or "1" (labgrid/driver/power/rest.py; model: rest). */
#include <string.h>

#include "host/api/compat/private.h"
#include "host/api/private.h"
#include "lib/limits.h"

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
        TbInterface *iface = tb_compat_outlet(api, tb_request_arg(request, "id"),
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

static const TbRoute routes[] = {
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

void tb_compat_add_labgrid(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
