/* From a request to a command and back. */
#include <string.h>

#include "host/api/private.h"
#include "host/core/ceiling.h"

TbActor tb_api_actor(TbRequest *request)
{
        const char *lease = tb_request_header(request, "X-Lease");
        return (TbActor){
                .user = tb_request_user(request),
                .role = tb_request_role(request),
                .lease = lease ? lease : tb_request_query_string(request, "lease"),
                .via = "rest",
                .request = tb_request_id(request),
        };
}

/* What the server carries for who came by a link bears the name of the link's maker, whom nobody takes for the one who is there. */
TbPresence tb_api_presence(TbRequest *request, const char *by)
{
        const char *user = tb_request_user(request);
        return (TbPresence){.user = user,
                            .peer = tb_request_peer(request),
                            .role = tb_request_role(request),
                            .by = by,
                            .guest = tb_is_via_server(user) && tb_request_header(request, "X-By-Link")};
}

TbPlaceBy tb_api_place_by(TbRequest *request)
{
        return (TbPlaceBy){.user = tb_request_user(request),
                           .peer = tb_request_peer(request),
                           .watches = tb_request_role(request) < TB_ROLE_OPERATOR};
}

guint tb_api_watch(TbRequest *request, TbInterface *iface, void (*grew)(TbInterface *, gpointer),
                   gpointer user, GError **error)
{
        const TbPlaceBy by = tb_api_place_by(request);
        return tb_interface_watch(iface, &by, grew, user, error);
}

char *tb_api_location(TbRequest *request, const char *format, ...)
{
        const char *base = tb_request_base_url(request), *origin = strstr(base, "://");
        const char *prefix = origin ? strchr(origin + 3, '/') : NULL;
        va_list args;
        va_start(args, format);
        g_autofree char *path = g_strdup_vprintf(format, args);
        va_end(args);
        return g_strconcat(prefix ? prefix : "", path, NULL);
}

TbDevice *tb_api_device(TbApi *api, TbRequest *request)
{
        g_autoptr(GError) error = NULL;
        TbDevice *device = tb_core_device(api->core, tb_request_arg(request, "id"), &error);
        if (!device)
                tb_request_reply_error(request, error);
        return device;
}

typedef struct Run {
        TbRequest *request; /* ref */
        TbCommand *command; /* borrowed until done */
        TbApiRun run;       /* strings, params and payload are not kept */
} Run;

static void run_free(Run *r)
{
        if (r->run.free_data)
                r->run.free_data(r->run.data);
        tb_request_unref(r->request);
        g_free(r);
}

void tb_api_reply_result(TbRequest *request, int status, json_t *result)
{
        if (!result || json_is_null(result))
                tb_request_reply_empty(request, 204);
        else
                tb_request_reply_json(request, status ? status : 200, json_incref(result));
}

static void on_done(json_t *result, const GError *error, gpointer user)
{
        Run *r = user;
        tb_request_on_gone(r->request, NULL, NULL);
        if (!error) {
                if (r->run.reply)
                        r->run.reply(r->request, result, r->run.data);
                else
                        tb_api_reply_result(r->request, r->run.status, result);
        } else if (r->run.failed) {
                r->run.failed(r->request, error, result, r->run.data);
        } else {
                if (g_error_matches(error, TB_ERROR, TB_ERROR_LIMIT))
                        tb_request_add_header(r->request, "Retry-After", "1");
                tb_request_reply_problem(r->request, error, result);
        }
        run_free(r);
}

static bool is_there(gpointer user)
{
        return tb_request_is_there(((Run *)user)->request);
}

static void on_gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        Run *r = data;
        if (r->run.finishes)
                return; /* done() still comes; its answer goes nowhere */
        tb_command_cancel(r->command);
        run_free(r);
}

void tb_api_run(TbApi *api, TbRequest *request, const TbApiRun *run)
{
        Run *r = g_new0(Run, 1);
        r->request = tb_request_ref(request);
        r->run = *run;
        TbActor actor = tb_api_actor(request);
        r->command = tb_core_command(api->core, &actor, run->device, run->verb, run->params, run->payload,
                                     on_done, r);
        tb_command_set_there(r->command, is_there);
        tb_request_on_gone(request, on_gone, r);
}
