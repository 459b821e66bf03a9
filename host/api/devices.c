/* Devices: list, create, change, remove; leases. */
#include <string.h>

#include "host/api/private.h"
#include "lib/limits.h"

/* The hot one: every page and script polls it. Core keeps the text until something changes. */
static void list(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        gsize size = 0;
        const char *text = tb_core_devices_text(api->core, &size);
        g_autoptr(GBytes) bytes = g_bytes_new(text, size);
        tb_request_reply_bytes(request, 200, "application/json", bytes);
}

static void get(TbRequest *request, gpointer data)
{
        TbDevice *device = tb_api_device(data, request);
        if (device)
                tb_request_reply_json(request, 200, tb_device_json(device));
}

static void reply_failed(TbRequest *request, const GError *error, TbDevice *device)
{
        json_t *lease = device && g_error_matches(error, TB_ERROR, TB_ERROR_LOCKED)
                                ? tb_device_lease_json(device)
                                : NULL;
        tb_request_reply_problem(request, error, json_is_object(lease) ? lease : NULL);
        json_decref(lease);
}

static void create(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        TbActor actor = tb_api_actor(request);
        TbDevice *device = tb_core_add_device(api->core, &actor, tb_request_json(request), &error);
        if (!device) {
                tb_request_reply_error(request, error);
                return;
        }
        g_autofree char *location = tb_api_location(request, "/host/devices/%s", tb_device_id(device));
        tb_request_add_header(request, "Location", location);
        tb_request_reply_json(request, 201, tb_device_json(device));
}

static void patch(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        TbDevice *device = tb_api_device(api, request);
        if (!device)
                return;
        TbActor actor = tb_api_actor(request);
        if (!tb_core_patch_device(api->core, &actor, tb_request_arg(request, "id"), tb_request_json(request),
                                  &error)) {
                reply_failed(request, error, device);
                return;
        }
        if ((device = tb_api_device(api, request)))
                tb_request_reply_json(request, 200, tb_device_json(device));
}

static void delete (TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        TbDevice *device = tb_api_device(api, request);
        if (!device)
                return;
        TbActor actor = tb_api_actor(request);
        if (tb_core_remove_device(api->core, &actor, tb_request_arg(request, "id"), &error))
                tb_request_reply_empty(request, 204);
        else
                reply_failed(request, error, device);
}

/* --- lease --- */
static void lease_run(TbApi *api, TbRequest *request, const char *verb)
{
        if (tb_api_device(api, request))
                tb_api_run(api, request,
                           &(TbApiRun){.device = tb_request_arg(request, "id"),
                                       .verb = verb,
                                       .params = tb_request_json(request)});
}

static void lease_get(TbRequest *request, gpointer data)
{
        TbDevice *device = tb_api_device(data, request);
        if (device)
                tb_request_reply_json(request, 200, tb_device_lease_json(device));
}

static void lease_take(TbRequest *request, gpointer data)
{
        lease_run(data, request, "lease.take");
}

static void lease_renew(TbRequest *request, gpointer data)
{
        lease_run(data, request, "lease.renew");
}

static void lease_release(TbRequest *request, gpointer data)
{
        lease_run(data, request, "lease.release");
}

static const TbParam create_params[] = {
        {.name = "id",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "lower case letters, digits, '.', '_', '-'"},
        {.name = "label", .type = TB_PARAM_STRING, .max = TB_LIMIT_LABEL, .help = "what people call it"},
        {.name = "attach",
         .type = TB_PARAM_ANY,
         .required = true,
         .help = "an attach URI, an array of them, or {interface: URI}"},
        TB_PARAM_DEVICE_PORTS,
        TB_PARAM_END,
};
static const TbParam patch_params[] = {
        {.name = "label", .type = TB_PARAM_STRING, .max = TB_LIMIT_LABEL, .help = "what people call it"},
        {.name = "attach",
         .type = TB_PARAM_ANY,
         .help = "replaces the interfaces: an attach URI, an array of them, or {interface: URI}"},
        TB_PARAM_DEVICE_PORTS,
        TB_PARAM_END,
};

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/devices",
         .role = TB_ROLE_VIEWER,
         .handler = list,
         .tag = "devices",
         .summary = "Every device",
         .answers = "200 application/json DeviceList"},
        {.method = "POST",
         .path = "/host/devices",
         .role = TB_ROLE_ADMIN,
         .body = TB_BODY_JSON,
         .json = create_params,
         .handler = create,
         .tag = "devices",
         .summary = "Add a device; it is kept across restarts",
         .answers = "201 application/json Device; 400; 409; 429"},
        {.method = "GET",
         .path = "/host/devices/{id}",
         .role = TB_ROLE_VIEWER,
         .handler = get,
         .tag = "devices",
         .summary = "One device",
         .answers = "200 application/json Device; 404"},
        {.method = "PATCH",
         .path = "/host/devices/{id}",
         .role = TB_ROLE_ADMIN,
         .body = TB_BODY_JSON,
         .json = patch_params,
         .handler = patch,
         .tag = "devices",
         .summary = "Change label or interfaces",
         .answers = "200 application/json Device; 400; 404; 423"},
        {.method = "DELETE",
         .path = "/host/devices/{id}",
         .role = TB_ROLE_ADMIN,
         .handler = delete,
         .tag = "devices",
         .summary = "Remove a device that REST added",
         .answers = "204; 404; 409; 423"},
        {.method = "GET",
         .path = "/host/devices/{id}/lease",
         .role = TB_ROLE_VIEWER,
         .handler = lease_get,
         .tag = "leases",
         .summary = "Who holds the device, until when; null when it is free",
         .answers = "200 application/json Lease; 404"},
        {.method = "POST",
         .path = "/host/devices/{id}/lease",
         .role = TB_ROLE_OPERATOR,
         .body = TB_BODY_JSON,
         .json = tb_lease_take_params,
         .handler = lease_take,
         .tag = "leases",
         .summary = "Take the device for a while; X-Lease on later calls",
         .answers = "200 application/json Lease; 404; 423; 429"},
        {.method = "PUT",
         .path = "/host/devices/{id}/lease",
         .role = TB_ROLE_OPERATOR,
         .body = TB_BODY_JSON,
         .json = tb_no_params,
         .handler = lease_renew,
         .tag = "leases",
         .summary = "Heartbeat of the holder (X-Lease)",
         .answers = "200 application/json Lease; 404; 410; 423"},
        {.method = "DELETE",
         .path = "/host/devices/{id}/lease",
         .role = TB_ROLE_OPERATOR,
         .handler = lease_release,
         .tag = "leases",
         .summary = "Release (holder), or take over (admin)",
         .answers = "204; 404; 423"},
        {.method = NULL},
};

void tb_api_add_devices(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
