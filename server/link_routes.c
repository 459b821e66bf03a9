/*
 * What a link of a device opens besides its WebSocket: the device's own routes on its host, for what is too large for
 * messages (files, packages, pictures). Whoever shows the link's token is a viewer or an operator there, as the link says;
 * what the host grants to those who come by a server it decides itself.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "server/server_private.h"

#define BEFORE "/api/session/"

/* A path below the device that names nothing else, however it is spelled. */
static bool stays_below(const char *path)
{
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);
        for (char **part = parts; *part; part++) {
                g_autofree char *plain = g_uri_unescape_string(*part, NULL);
                if (!plain || strcmp(plain, ".") == 0 || strcmp(plain, "..") == 0 || strpbrk(plain, "/\\?#"))
                        return false;
        }
        return true;
}

/* "/api/session/S/device/files?path=x&token=…" of lab-1/board -> "/host/devices/board/files?path=x". NULL: it is no such path. */
static char *host_path(TbRequest *request, const char *device)
{
        const char *id = tb_request_path(request) + strlen(BEFORE), *rest = strchr(id, '/');
        rest = rest ? strchr(rest + 1, '/') : NULL; /* behind "device" */
        if (!rest || !stays_below(rest + 1))
                return NULL;
        g_autofree char *name = g_uri_escape_string(device, NULL, FALSE);
        g_autofree char *path = g_strdup_printf("/host/devices/%s%s", name, rest);
        return tb_carrier_path(request, path, "token");
}

static void carry(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *token = tb_server_session_token(request), *method = tb_request_method(request);
        const char *host_name = NULL, *device = NULL, *maker = NULL;
        bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
        TbSession *session =
                tb_pairing_find(server->pairing, tb_request_arg(request, "id"), tb_clock_mono_ms());
        TbMode mode = TB_MODE_VIEW;
        TbParty *host = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *path = NULL;
        if (!session || !tb_session_names(session, &host_name, &device, &maker))
                tb_set_error(&error, TB_ERROR_NOT_FOUND,
                             "there is no such session of a device, or it has ended");
        else if (!token || !tb_session_check(session, token, &mode))
                tb_set_error(&error, token ? TB_ERROR_FORBIDDEN : TB_ERROR_UNAUTHORIZED,
                             "the link's token is needed: X-Session-Token, or ?token=…");
        else if (!reads && mode != TB_MODE_CONTROL)
                tb_set_error(&error, TB_ERROR_FORBIDDEN, "this link is for watching only");
        else if (!(host = tb_pairing_host(server->pairing, host_name)))
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "the host \"%s\" is not connected", host_name);
        else if (!(path = host_path(request, device)))
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "a link opens its device alone");
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }
        const TbCarryAs as = {mode == TB_MODE_CONTROL ? TB_ROLE_OPERATOR : TB_ROLE_VIEWER, maker,
                              tb_session_id(session)};
        tb_carrier_request(server->carry, request, host, path, &as);
}

const TbRoute tb_server_link_routes[] = {
        {.method = "*",
         .path = "/api/session/{id}/device/{path...}",
         .flags = TB_ROUTE_UNSAFE | TB_ROUTE_STREAMING,
         .body = TB_BODY_STREAM,
         .handler = carry,
         .tag = "sessions",
         .summary = "A request to the session's device, carried to its host; ?token= of the link",
         .answers = "200; 101; 401; 403; 404; 429; 502"},
        {.method = NULL},
};
