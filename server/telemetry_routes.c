/* Telemetry: what pages say of their connections, and what operators see of it. */
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "server/server_private.h"
#include "server/telemetry.h"

static void report(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *id = tb_request_arg(request, "id"), *token = tb_server_session_token(request);
        TbSession *session = tb_pairing_find(server->pairing, id, tb_clock_mono_ms());
        g_autoptr(GError) error = NULL;
        double wait_s = 0;
        if (!session)
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no such session, or it has expired");
        else if (!token || !tb_session_check(session, token, NULL))
                tb_set_error(&error, token ? TB_ERROR_FORBIDDEN : TB_ERROR_UNAUTHORIZED,
                             "the session's token is needed: X-Session-Token, or ?token=…");
        else if (!tb_rates_take(server->reports, id, 1, g_get_monotonic_time(), &wait_s))
                tb_set_error(&error, TB_ERROR_LIMIT,
                             "this session's pages tell more than is kept: again in %.0f s", wait_s + 0.5);
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }
        json_auto_t *status = tb_session_status(session);
        tb_telemetry_take(server->telemetry, id, json_string_value(json_object_get(status, "device")),
                          tb_request_json(request), tb_clock_ms());
        tb_server_noticed(server, TB_VIEW_TELEMETRY, NULL);
        tb_request_reply_empty(request, 204);
}

static void show(TbRequest *request, gpointer data)
{
        tb_request_reply_tagged(request, tb_telemetry_json(((TbServer *)data)->telemetry));
}

const TbRoute tb_server_telemetry_routes[] = {
        {.method = "POST",
         .path = "/api/session/{id}/telemetry",
         .body = TB_BODY_JSON,
         .max_body = 4096,
         .json = tb_telemetry_params,
         .handler = report,
         .tag = "telemetry",
         .summary = "How a page's connection goes: once it is there, when its way changes, when it ends; "
                    "?token=",
         .answers = "204; 400; 401; 403; 404; 429"},
        {.method = "GET",
         .path = "/api/telemetry",
         .role = TB_ROLE_OPERATOR,
         .handler = show,
         .tag = "telemetry",
         .summary = "How connections went: success, time, way, switches, loss, reasons"},
        {.method = NULL},
};
