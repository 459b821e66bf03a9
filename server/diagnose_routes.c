/* The diagnosis of a caller's network, and the TURN credentials by which its page tries it. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "server/diagnose.h"
#include "server/server_private.h"

static void diagnose(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const TbServerConfig *config = server->config;
        const TbCaller *caller = tb_request_caller(request);
        const char *device = tb_request_query_string(request, "device");
        g_auto(GStrv) parts = device ? g_strsplit(device, "/", 2) : NULL;
        bool named = parts && parts[0] && parts[1];
        /* of what he may not see, nobody learns whether it is there */
        bool sees = named && tb_grants_role(caller->grants, caller->role, parts[0], parts[1]) > TB_ROLE_NONE;
        json_auto_t *host = sees ? tb_pairing_host_state(server->pairing, parts[0]) : NULL;
        const TbDiagnosis of = {.address = tb_request_peer(request),
                                .forwarded = tb_request_is_forwarded(request),
                                .secure = tb_request_is_secure(request),
                                .own_tls = config->tls != NULL,
                                .cert_ends_ms = config->tls ? tb_tls_ends_s(config->tls) * 1000 : 0,
                                .cert_private = config->tls && tb_tls_is_private(config->tls),
                                .ice = &config->ice,
                                .device = named ? device : NULL,
                                .host = host,
                                .now_ms = tb_clock_ms()};
        tb_request_add_header(request, "Cache-Control", "no-store");
        tb_request_reply_json(request, 200, tb_diagnosis_json(&of));
}

/* Who has a link tries TURN, too, without being anybody here. */
static void link_ice(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *token = tb_server_session_token(request);
        TbSession *session =
                tb_pairing_find(server->pairing, tb_request_arg(request, "id"), tb_clock_mono_ms());
        g_autoptr(GError) error = NULL;
        if (!session)
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no such session, or it has ended");
        else if (!token || !tb_session_check(session, token, NULL))
                tb_set_error(&error, token ? TB_ERROR_FORBIDDEN : TB_ERROR_UNAUTHORIZED,
                             "the link's token is needed: X-Session-Token, or ?token=…");
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }
        tb_request_add_header(request, "Cache-Control", "no-store");
        tb_request_reply_json(
                request, 200,
                json_pack("{s:o}", "iceServers",
                          tb_ice_servers(&server->config->ice, tb_session_id(session), tb_clock_ms())));
}

const TbRoute tb_server_diagnose_routes[] = {
        {.method = "GET",
         .path = "/api/diagnose",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_STRANGERS | TB_ROUTE_GRANTED,
         .handler = diagnose,
         .tag = "system",
         .summary =
                 "What the server knows of the caller's network, of TURN, TLS and (?device=lab-1/board) of a "
                 "host, in words, and what to open"},
        {.method = "GET",
         .path = "/api/session/{id}/ice",
         .handler = link_ice,
         .tag = "sessions",
         .summary = "STUN and TURN servers with time-limited credentials, for who has a link; ?token=",
         .answers = "200 application/json; 401; 403; 404"},
        {.method = NULL},
};
