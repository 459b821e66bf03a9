/* /host/ws: commands and subscriptions over one WebSocket. The protocol is host/core/control/control.h's; this is
 * only the carrier. */
#include <string.h>

#include "host/api/private.h"
#include "lib/json.h"
#include "lib/limits.h"

bool tb_api_answer_ping(TbWs *ws, bool binary, const guint8 *bytes, gsize size)
{
        json_auto_t *message = binary ? NULL : tb_json_parse((const char *)bytes, size, NULL);
        if (g_strcmp0(json_string_value(json_object_get(message, "type")), "ping") != 0)
                return false;
        tb_ws_send_text(ws, "{\"type\":\"pong\"}");
        return true;
}

typedef struct Carrier {
        TbWs *ws;           /* borrowed */
        TbControl *control; /* owned */
} Carrier;

static bool carrier_send(const char *text, gsize size, gpointer data)
{
        Carrier *c = data;
        return tb_ws_send(c->ws, false, text, size);
}

static gsize carrier_queued(gpointer data)
{
        Carrier *c = data;
        return tb_ws_queued(c->ws);
}

static const TbControlOps control_ops = {
        .send = carrier_send, .queued = carrier_queued, .max = TB_LIMIT_WS_QUEUE / 2};

static void on_message(TbWs *ws, bool binary, const guint8 *bytes, gsize size, gpointer data)
{
        Carrier *c = data;
        if (binary)
                tb_ws_close(ws, 1003, "messages are JSON text");
        else
                tb_control_receive(c->control, (const char *)bytes, size);
}

static void on_drained(TbWs *ws G_GNUC_UNUSED, gpointer data)
{
        tb_control_drained(((Carrier *)data)->control);
}

static void on_closed(TbWs *ws G_GNUC_UNUSED, int code G_GNUC_UNUSED, gpointer data)
{
        Carrier *c = data;
        tb_control_free(c->control);
        g_free(c);
}

static const TbWsOps ws_ops = {.message = on_message, .drained = on_drained, .closed = on_closed};

static void open_ws(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        Carrier *c = g_new0(Carrier, 1);
        TbActor actor = tb_api_actor(request);
        actor.via = "ws";
        c->control = tb_control_new(api->core, &actor, NULL, &control_ops, c);
        c->ws = tb_request_upgrade(request, NULL, TB_LIMIT_WS_MESSAGE, &ws_ops, c);
        if (!c->ws) {
                tb_control_free(c->control);
                g_free(c);
        }
}

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/ws",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_WEBSOCKET,
         .handler = open_ws,
         .tag = "events",
         .summary = "Commands and subscriptions over WebSocket: {\"id\",\"device\",\"verb\",\"params\"}, "
                    "{\"subscribe\":[…]}",
         .answers = "101; 426"},
        {.method = NULL},
};

void tb_api_add_ws(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
