/* Hosts: forgotten ones, and requests that are carried to a host. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "server/accounts/reach.h"
#include "server/server_private.h"

static void forget_host(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *name = tb_request_arg(request, "host");
        g_autoptr(GError) error = NULL;
        if (tb_pairing_host(server->pairing, name))
                tb_set_error(&error, TB_ERROR_BUSY, "host \"%s\" is connected", name);
        else if (!tb_pairing_forget_host(server->pairing, name))
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "no host \"%s\" is known", name);
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }

        tb_request_reply_empty(request, 204);
}

/* "/api/hosts/lab-1/host/devices/x" -> "/host/devices/x" */
static const char *path_on_host(TbRequest *request)
{
        return strchr(tb_request_path(request) + strlen("/api/hosts/"), '/');
}

static void carry_http(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *name = tb_request_arg(request, "host"), *method = tb_request_method(request);
        bool reads =
                strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "OPTIONS") == 0;
        const TbCaller *caller = tb_request_caller(request);
        TbParty *host = tb_pairing_host(server->pairing, name);
        g_autoptr(GError) error = NULL;
        TbRole role = tb_reach_role(caller, name, path_on_host(request), tb_request_raw_query(request));
        bool seen = role > TB_ROLE_NONE || tb_grants_touch(caller->grants, caller->role, name);
        if (seen && role == TB_ROLE_NONE)
                error = g_error_new(TB_ERROR, TB_ERROR_FORBIDDEN,
                                    "this is none of the devices of host %s that %s may see", name,
                                    caller->user);
        else if (seen && !reads && role < TB_ROLE_OPERATOR)
                error = g_error_new_literal(TB_ERROR, TB_ERROR_FORBIDDEN, "this needs the role operator");
        else if (!seen || !host) /* of what he may not see, nobody learns whether it is there */
                error = g_error_new(TB_ERROR, TB_ERROR_NOT_FOUND, "no host \"%s\" is connected", name);
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }
        g_autofree char *path = tb_carrier_path(request, path_on_host(request), NULL);
        const TbCarryAs as = {.role = role, .user = caller->user};
        tb_carrier_request(server->carry, request, host, path, &as);
}

const TbRoute tb_server_host_routes[] = {
        {.method = "DELETE",
         .path = "/api/hosts/{host}",
         .role = TB_ROLE_ADMIN,
         .handler = forget_host,
         .tag = "hosts",
         .summary = "Forget a host that is away: its name is free for another one",
         .answers = "204; 404; 409"},
        {.method = "*",
         .path = "/api/hosts/{host}/host/{path...}",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_UNSAFE | TB_ROUTE_STREAMING | TB_ROUTE_GRANTED,
         .body = TB_BODY_STREAM,
         .handler = carry_http,
         .tag = "hosts",
         .summary = "A request carried to the host through its own socket",
         .answers = "200; 101; 403; 404; 429; 502"},
        {.method = NULL},
};
