/* What VirtualPyTest's routes share: whom they mean, how they answer. */
#include <string.h>

#include "host/api/compat/private.h"
#include "lib/limits.h"

#define DEFAULT_DEVICE "device1"
#define THE_MACHINE "host" /* whom its desktop controllers mean */

const TbParam tb_compat_device_params[] = {TB_COMPAT_DEVICE, TB_PARAM_END};

const char *tb_compat_device_id(TbRequest *request)
{
        const char *said = json_string_value(json_object_get(tb_request_json(request), "device_id"));
        if (!said) /* its server's proxy puts it there for some */
                said = tb_request_query_string(request, "device_id");
        if (said && *said)
                return said;
        return strstr(tb_request_path(request), "/host/desktop/") ? THE_MACHINE : DEFAULT_DEVICE;
}

json_t *tb_compat_params(TbRequest *request, const TbParam *table)
{
        json_auto_t *given = json_copy(json_object_get(tb_request_json(request), "params"));
        g_autoptr(GError) inner = NULL, error = NULL;
        tb_params_keep_known(table, given);
        json_t *params = tb_params_validate(table, given, &inner);
        if (params)
                return params;
        g_autofree char *field =
                g_strdup_printf("params.%s", tb_error_field(inner) ? tb_error_field(inner) : "");
        tb_error_set_field(&error, TB_ERROR_INVALID, field, "params.%s", tb_error_detail(inner));
        tb_request_reply_error(request, error);
        return NULL;
}

void tb_compat_succeed(TbRequest *request, json_t *o_take)
{
        json_object_set_new(o_take, "success", json_true());
        json_object_set_new(o_take, "device_id", json_string(tb_compat_device_id(request)));
        tb_request_reply_json(request, 200, o_take);
}

const char *tb_compat_controller(TbKind kind)
{
        static const char *const names[TB_KINDS] = {[TB_KIND_VIDEO] = "av",
                                                    [TB_KIND_INPUT] = "remote",
                                                    [TB_KIND_POWER] = "power",
                                                    [TB_KIND_SHELL] = "desktop"};
        return names[kind];
}

static void add_capability(TbInterface *iface, gpointer data)
{
        json_array_append_new(data, json_string(tb_kind_name(tb_interface_kind(iface))));
}

TbInterface *tb_compat_interface(TbApi *api, TbRequest *request, TbKind kind)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *has = NULL;
        TbDevice *device = tb_core_device(api->core, tb_compat_device_id(request), &error);
        TbInterface *iface = device ? tb_device_interface_of(device, kind) : NULL;
        if (iface)
                return iface;
        if (device) {
                json_t *kinds = json_array();
                tb_device_each_interface(device, add_capability, kinds);
                has = json_pack("{s:o}", "available_capabilities", kinds);
                tb_set_error(&error, TB_ERROR_NOT_FOUND,
                             "%s has no %s interface: attach a driver that offers one (GET /host/drivers)",
                             tb_device_id(device), tb_kind_name(kind));
        }
        tb_request_reply_problem(request, error, has);
        return NULL;
}

void tb_compat_run(TbApi *api, TbRequest *request, TbInterface *iface, const char *op, json_t *params_take,
                   TbApiReply reply, gpointer data, GDestroyNotify free_data)
{
        json_auto_t *params = params_take;
        TbKind kind = tb_interface_kind(iface);
        g_autofree char *verb = g_strdup_printf("%s.%s", tb_interface_name(iface), op);
        tb_api_run(api, request,
                   &(TbApiRun){.device = tb_device_id(tb_interface_device(iface)),
                               .verb = verb,
                               .params = params,
                               .finishes = kind == TB_KIND_POWER || kind == TB_KIND_INPUT,
                               .reply = reply,
                               .data = data,
                               .free_data = free_data});
}

void tb_api_add_compat(TbApi *api)
{
        tb_compat_add_pdudaemon(api);
        tb_compat_add_labgrid(api);
        tb_compat_add_control(api);
        tb_compat_add_power(api);
        tb_compat_add_remote(api);
        tb_compat_add_commands(api);
        tb_compat_add_system(api);
        tb_compat_add_scopes(api);
}
