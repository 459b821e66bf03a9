/* The host's USB bus: tree, port power, reset. The driver "usb" owns it. */
#include "host/api/private.h"

typedef struct Wait {
        TbRequest *request; /* ref */
} Wait;

static void on_done(json_t *result, const GError *error, gpointer user)
{
        Wait *w = user;
        if (error)
                tb_request_reply_problem(w->request, error, result);
        else
                tb_api_reply_result(w->request, 200, result);
        tb_request_unref(w->request);
        g_free(w);
}

/* The caller cannot take it back: a port is switched or it is not. */
static void run(TbApi *api, TbRequest *request, TbBusOp op, bool on)
{
        Wait *w = g_new0(Wait, 1);
        w->request = tb_request_ref(request);
        TbActor actor = tb_api_actor(request);
        tb_core_host_bus(api->core, &actor, "usb", op, tb_request_arg(request, "port"), on, on_done, w);
}

static void tree(TbRequest *request, gpointer data)
{
        run(data, request, TB_BUS_TREE, false);
}

static void power(TbRequest *request, gpointer data)
{
        run(data, request, TB_BUS_POWER,
            g_strcmp0(json_string_value(json_object_get(tb_request_json(request), "state")), "on") == 0);
}

static void reset(TbRequest *request, gpointer data)
{
        run(data, request, TB_BUS_RESET, false);
}

static const TbParam power_params[] = {
        {.name = "state",
         .type = TB_PARAM_ENUM,
         .required = true,
         .choices = TB_CHOICES("on", "off"),
         .help = "what to switch to"},
        TB_PARAM_END,
};

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/usb",
         .role = TB_ROLE_VIEWER,
         .handler = tree,
         .tag = "usb",
         .summary = "The tree with speed, ids, driver and port power",
         .answers = "200 application/json UsbTree; 503"},
        {.method = "PUT",
         .path = "/host/usb/{port}/power",
         .role = TB_ROLE_OPERATOR,
         .body = TB_BODY_JSON,
         .json = power_params,
         .handler = power,
         .tag = "usb",
         .summary = "Switch a hub's port (\"1-1.4\"); answers what was read back",
         .answers = "200 application/json; 400; 404; 501"},
        {.method = "POST",
         .path = "/host/usb/{port}/reset",
         .role = TB_ROLE_OPERATOR,
         .body = TB_BODY_JSON,
         .json = tb_no_params,
         .handler = reset,
         .tag = "usb",
         .summary = "Reset the device at a port",
         .answers = "204; 400; 404"},
        {.method = NULL},
};

void tb_api_add_usb(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
