/* The clipboard of an input interface, as plain text. */
#include <string.h>

#include "host/api/private.h"
#include "lib/limits.h"

#define TEXT "text/plain; charset=utf-8"

static void run_op(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb, json_t *params,
                   TbApiReply reply)
{
        g_autofree char *text = g_strdup_printf("%s.%s", tb_interface_name(iface), verb->op);
        tb_api_run(api, request,
                   &(TbApiRun){.device = tb_device_id(tb_interface_device(iface)),
                               .verb = text,
                               .params = params,
                               .reply = reply});
}

static void on_text(TbRequest *request, json_t *result, gpointer data G_GNUC_UNUSED)
{
        const char *text = json_string_value(json_object_get(result, "text"));
        if (text)
                tb_request_reply_text(request, 200, TEXT, text);
        else
                tb_request_reply_empty(request, 204);
}

static void get(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb)
{
        tb_request_add_header(request, "Cache-Control", "no-store");
        run_op(api, request, iface, verb, NULL, on_text);
}

static void put(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb)
{
        gsize size = 0;
        const char *bytes = g_bytes_get_data(tb_request_body(request), &size);
        json_auto_t *text = json_stringn(size ? bytes : "", size);
        g_autoptr(GError) error = NULL;
        if (!text || (size && memchr(bytes, 0, size))) {
                tb_set_error(&error, TB_ERROR_INVALID, "the body is no text: UTF-8 without NUL is expected");
                tb_request_reply_error(request, error);
                return;
        }
        json_auto_t *params = json_pack("{s:O}", "text", text);
        run_op(api, request, iface, verb, params, NULL);
}

void tb_api_add_clipboard(TbApi *api)
{
        static const TbApiRoute routes[] = {
                {.kind = TB_KIND_INPUT,
                 .route = {.method = "GET", .path = "/clipboard"},
                 .call = get,
                 .op = "clipboard"},
                {.kind = TB_KIND_INPUT,
                 .route = {.method = "PUT",
                           .path = "/clipboard",
                           .body = TB_BODY_BYTES,
                           .body_type = "text/plain",
                           .max_body = TB_LIMIT_CLIPBOARD},
                 .call = put,
                 .op = "copy"},
                {.route = {.method = NULL}},
        };
        tb_api_add_interface_routes(api, routes);
}
