/* Devices: the list, and those of their own verbs that answer in another way than the rest (verbs.c). */
#include "host/api/private.h"

/* The hot one: every page and script polls it. Core keeps the text until something changes. */
static void list(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        gsize size = 0;
        const char *text = tb_core_devices_text(api->core, &size);
        g_autoptr(GBytes) bytes = g_bytes_new(text, size);
        tb_request_reply_bytes(request, 200, "application/json", bytes);
}

/* Reads of what main knows: no command, so that looking is no heartbeat of a holder. */
static void get(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                const TbVerb *verb G_GNUC_UNUSED)
{
        TbDevice *device = tb_api_device(api, request);
        if (device)
                tb_request_reply_json(request, 200, tb_device_json(device));
}

static void get_lease(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                      const TbVerb *verb G_GNUC_UNUSED)
{
        TbDevice *device = tb_api_device(api, request);
        if (device)
                tb_request_reply_json(request, 200, tb_device_lease_json(device));
}

static void reply_created(TbRequest *request, json_t *result, gpointer data G_GNUC_UNUSED)
{
        g_autofree char *location = tb_api_location(request, "/host/devices/%s",
                                                    json_string_value(json_object_get(result, "id")));
        tb_request_add_header(request, "Location", location);
        tb_api_reply_result(request, 201, result);
}

static void create(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                   const TbVerb *verb G_GNUC_UNUSED)
{
        json_t *spec = tb_request_json(request);
        tb_api_run(api, request,
                   &(TbApiRun){.device = json_string_value(json_object_get(spec, "id")),
                               .verb = "device.add",
                               .params = spec,
                               .reply = reply_created});
}

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/devices",
         .role = TB_ROLE_VIEWER,
         .handler = list,
         .tag = "devices",
         .summary = "Every device",
         .answers = "200 application/json DeviceList"},
        {.method = NULL},
};

void tb_api_add_devices(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
        tb_api_add_verb_route(api, tb_core_device_verb("device", "get"), TB_BODY_NONE, get);
        tb_api_add_verb_route(api, tb_core_device_verb("device", "add"), TB_BODY_JSON, create);
        tb_api_add_verb_route(api, tb_core_device_verb("lease", "get"), TB_BODY_NONE, get_lease);
}
