/* Files and app packages: bodies of any size in constant memory, by a TbPipe between the socket and the
 * driver. */
#include <string.h>

#include "host/api/private.h"
#include "lib/limits.h"

#define PIPE_SIZE (256 * 1024)

static void run_op(TbApi *api, TbRequest *request, TbInterface *iface, const char *op, json_t *params,
                   const TbPayload *payload, int status, TbApiReply reply, gpointer data,
                   GDestroyNotify free_data)
{
        g_autofree char *verb = g_strdup_printf("%s.%s", tb_interface_name(iface), op);
        tb_api_run(api, request,
                   &(TbApiRun){.device = tb_device_id(tb_interface_device(iface)),
                               .verb = verb,
                               .params = params,
                               .payload = payload,
                               .status = status,
                               .reply = reply,
                               .data = data,
                               .free_data = free_data});
}

/* --- GET: what is it? then its bytes, or its entries --- */
static void send_file(TbApi *api, TbRequest *request, TbInterface *iface, json_t *info)
{
        const char *path = json_string_value(json_object_get(tb_request_query(request), "path"));
        g_autofree char *base = g_path_get_basename(path),
                        *verb = g_strdup_printf("%s.read", tb_interface_name(iface));
        g_autofree char *quoted = g_uri_escape_string(base, NULL, FALSE);
        g_autofree char *disposition = g_strdup_printf("attachment; filename*=UTF-8''%s", quoted);
        TbPipe *pipe = tb_pipe_new(PIPE_SIZE);
        TbPayload payload = {.pipe = pipe, .size = -1};
        TbActor actor = tb_api_actor(request);
        tb_request_add_header(request, "Content-Disposition", disposition);
        tb_request_add_header(request, "X-File-Mode", json_string_value(json_object_get(info, "mode")));
        /* Chunked: a device file's size is not what can be read (/proc), and it may change. A failure fails
         * the pipe, and that is the answer. */
        tb_request_reply_pipe(request, 200, "application/octet-stream", -1, pipe);
        tb_core_command(api->core, &actor, tb_device_id(tb_interface_device(iface)), verb,
                        tb_request_query(request), &payload, NULL, NULL);
        tb_pipe_unref(pipe);
}

static void on_stat(TbRequest *request, json_t *info, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        TbInterface *iface = tb_core_interface(api->core, tb_request_arg(request, "id"),
                                               tb_request_arg(request, "interface"), &error);
        if (!iface)
                tb_request_reply_error(request, error);
        else if (json_is_true(json_object_get(info, "directory")))
                run_op(api, request, iface, "list", tb_request_query(request), NULL, 200, NULL, NULL, NULL);
        else
                send_file(api, request, iface, info);
}

static void get_file(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        run_op(api, request, iface, "stat", tb_request_query(request), NULL, 200, on_stat, api, NULL);
}

/* --- PUT, POST: the body goes to the driver as it comes --- */
static void upload(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb)
{
        TbPipe *pipe = tb_pipe_new(PIPE_SIZE);
        TbPayload payload = {.pipe = pipe, .size = tb_request_content_length(request)};
        tb_request_read_to(request, pipe);
        run_op(api, request, iface, verb->op, tb_request_query(request), &payload, 200, NULL, NULL, NULL);
        tb_pipe_unref(pipe);
}

static void install(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb)
{
        const char *type = tb_request_header(request, "Content-Type");
        if (type && g_str_has_prefix(type, "application/json")) {
                g_autoptr(GError) error =
                        g_error_new(TB_ERROR, TB_ERROR_MEDIA_TYPE,
                                    "the body must be the app's package (an APK, or an .apks bundle): "
                                    "application/vnd.android.package-archive");
                tb_request_reply_error(request, error);
        } else if (tb_request_content_length(request) > TB_LIMIT_PACKAGE) { /* before a byte of it comes */
                g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_TOO_LARGE,
                                                              "an app's package is limited to 4 GiB");
                tb_request_reply_error(request, error);
        } else if (tb_request_content_length(request) == 0) {
                g_autoptr(GError) error = g_error_new(
                        TB_ERROR, TB_ERROR_INVALID,
                        "the body is empty: it must be the app's package (an APK, or an .apks bundle)");
                tb_request_reply_error(request, error);
        } else {
                upload(api, request, iface, verb);
        }
}

static void remove_file(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb)
{
        run_op(api, request, iface, verb->op, tb_request_query(request), NULL, 200, NULL, NULL, NULL);
}

void tb_api_add_files(TbApi *api)
{
        tb_api_add_verb_route(api, tb_core_verb(TB_KIND_FILES, "read"), TB_BODY_NONE, get_file);
        tb_api_add_verb_route(api, tb_core_verb(TB_KIND_FILES, "write"), TB_BODY_STREAM, upload);
        tb_api_add_verb_route(api, tb_core_verb(TB_KIND_FILES, "remove"), TB_BODY_NONE, remove_file);
        tb_api_add_verb_route(api, tb_core_verb(TB_KIND_APPS, "install"), TB_BODY_STREAM, install);
}
