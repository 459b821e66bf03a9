/* VirtualPyTest's control: POST /host/{takeControl,releaseControl}, GET /host/controllerStatus. Its locks are its server's: to take
 * control is a look at what there is, and always succeeds. Who may control here is said by roles and leases, command by
 * command. (GET /host/devices is the contract's list: README.) */
#include <string.h>

#include "host/api/compat/private.h"

typedef struct Look {
        json_t *available; /* borrowed array */
        char *why;         /* owned; the first that is not there; NULL: all are */
} Look;

static void look_at(TbInterface *iface, gpointer data)
{
        Look *look = data;
        const char *reason = NULL, *name = tb_compat_controller(tb_interface_kind(iface));
        if (!name)
                return;
        TbState state = tb_interface_state(iface, &reason);
        json_t *known;
        size_t i;
        if (state != TB_STATE_READY) {
                if (!look->why)
                        look->why =
                                g_strdup_printf("%s is %s%s%s", tb_interface_id(iface), tb_state_name(state),
                                                reason ? ": " : "", reason ? reason : "");
                return;
        }
        json_array_foreach (look->available, i, known)
                if (strcmp(json_string_value(known), name) == 0)
                        return;
        json_array_append_new(look->available, json_string(name));
}

/* Somebody else's lease, in words; NULL: none. The caller frees. */
static char *leased(TbDevice *device, TbRequest *request)
{
        json_auto_t *lease = tb_device_lease_json(device);
        const char *holder = json_string_value(json_object_get(lease, "holder"));
        if (!holder || strcmp(holder, tb_request_user(request)) == 0)
                return NULL;
        return g_strdup_printf("%s is leased by %s until %s: what controls it is refused until then",
                               tb_device_id(device), holder,
                               json_string_value(json_object_get(lease, "expires_at")));
}

static void take_control(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        TbDevice *device = tb_core_device(api->core, tb_compat_device_id(request), &error);
        Look look = {.available = json_array()};
        g_autofree char *lease = NULL;
        if (device) {
                tb_device_each_interface(device, look_at, &look);
                lease = leased(device, request);
        }
        const char *warning = error ? tb_error_detail(error) : lease ? lease : look.why;
        json_t *o = json_pack("{s:o}", "available_controllers", look.available);
        if (warning)
                json_object_set_new(o, "warning", json_string(warning));
        tb_compat_succeed(request, o);
        g_free(look.why);
}

static void say_released(TbRequest *request, json_t *result G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        tb_compat_succeed(request, json_object());
}

/* A lease of the caller's ends; nobody else's does. */
static void release_control(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        TbDevice *device = tb_core_device(api->core, tb_compat_device_id(request), NULL);
        json_auto_t *lease = device ? tb_device_lease_json(device) : NULL;
        const char *holder = json_string_value(json_object_get(lease, "holder"));
        bool open = tb_auth_is_open(tb_core_config(api->core)->auth);
        bool own = holder && (open ? tb_request_header(request, "X-Lease") != NULL
                                   : strcmp(holder, tb_request_user(request)) == 0);
        if (own)
                tb_api_run(api, request,
                           &(TbApiRun){.device = tb_device_id(device),
                                       .verb = "lease.release",
                                       .reply = say_released});
        else
                say_released(request, NULL, NULL);
}

static void add_status(TbInterface *iface, gpointer data)
{
        const char *reason = NULL;
        TbState state = tb_interface_state(iface, &reason);
        json_t *status =
                json_pack("{s:b, s:s}", "success", state == TB_STATE_READY, "state", tb_state_name(state));
        if (reason)
                json_object_set_new(status, "error", json_string(reason));
        json_object_set_new(data, tb_interface_id(iface),
                            json_pack("{s:b, s:s, s:o}", "available", state == TB_STATE_READY, "type",
                                      tb_kind_name(tb_interface_kind(iface)), "status", status));
}

static void add_device(TbDevice *device, gpointer data)
{
        tb_device_each_interface(device, add_status, data);
}

static void controller_status(TbRequest *request, gpointer data)
{
        json_t *all = json_object();
        tb_core_each_device(((TbApi *)data)->core, add_device, all);
        tb_request_reply_json(request, 200, json_pack("{s:b, s:o}", "success", 1, "controllers", all));
}

static const TbRoute routes[] = {
        TB_COMPAT_ROUTE("/host/takeControl", TB_ROLE_OPERATOR, tb_compat_device_params, take_control,
                        "VirtualPyTest: what of a device can be controlled now; takes no lease",
                        "200 application/json Compat"),
        TB_COMPAT_ROUTE("/host/releaseControl", TB_ROLE_OPERATOR, tb_compat_device_params, release_control,
                        "VirtualPyTest: the caller's lease of the device, if there is one, ends",
                        "200 application/json Compat; 423; 429"),
        {.method = "GET",
         .path = "/host/controllerStatus",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_FOREIGN,
         .handler = controller_status,
         .tag = "compatibility",
         .summary = "VirtualPyTest: every interface of every device, by \"device/interface\"",
         .answers = "200 application/json Compat"},
        {.method = NULL},
};

void tb_compat_add_control(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
