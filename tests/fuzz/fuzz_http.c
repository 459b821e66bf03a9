/* A client of the HTTP server that says anything, on a real socket: 'h' = raw requests, 'w' = frames after a
 * WebSocket handshake. The server must end the connection when the client has, and tell `closed` once. */
#include <stdint.h>
#include <string.h>

#include "lib/http/ws.h"
#include "lib/log.h"
#include "tests/unit/lib/http_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_MESSAGE 4096

static guint open_sockets;

static void on_message(TbWs *ws, bool binary, const guint8 *bytes, gsize size, gpointer data G_GNUC_UNUSED)
{
        g_assert_true(size <= MAX_MESSAGE && bytes[size] == 0);
        g_assert_true(binary || g_utf8_validate((const char *)bytes, (gssize)size, NULL) ||
                      memchr(bytes, 0, size));
        tb_ws_send(ws, binary, bytes, size);
}

static void on_closed(TbWs *ws G_GNUC_UNUSED, int code, gpointer data G_GNUC_UNUSED)
{
        g_assert_true(code >= 1000 && code < 5000 && open_sockets > 0);
        open_sockets--;
}

static const TbWsOps ops = {.message = on_message, .closed = on_closed};

static void upgrade(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        if (tb_request_upgrade(request, NULL, MAX_MESSAGE, &ops, NULL))
                open_sockets++;
}

static void echo(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_json(request, 200,
                              json_pack("{s:O?, s:O, s:s?, s:s?}", "json", tb_request_json(request), "query",
                                        tb_request_query(request), "id", tb_request_arg(request, "id"),
                                        "rest", tb_request_arg(request, "rest")));
}

static void bytes(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_bytes(request, 200, "application/octet-stream", tb_request_body(request));
}

static const TbParam query[] = {
        {.name = "n", .type = TB_PARAM_INT, .min = 1, .max = 9, .fallback = "1"},
        {.name = "on", .type = TB_PARAM_BOOL},
        TB_PARAM_END,
};
static const TbRoute routes[] = {
        {.method = "GET", .path = "/ws", .flags = TB_ROUTE_WEBSOCKET, .handler = upgrade},
        {.method = "GET", .path = "/q/{id}", .query = query, .handler = echo},
        {.method = "POST", .path = "/json/{rest...}", .body = TB_BODY_JSON_ANY, .handler = echo},
        {.method = "PUT", .path = "/bytes", .body = TB_BODY_BYTES, .handler = bytes},
        {.method = NULL},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char handshake[] = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        static Rig rig;
        if (!rig.http) {
                g_autoptr(GError) error = NULL;
                tb_log_init(TB_LOG_ERROR, false);
                tb_main_init(NULL);
                rig_start(&rig, routes, NULL, NULL);
                g_assert_true(tb_http_add_static(rig.http, "/", "web", NULL, &error));
        }
        if (size < 1 || (data[0] != 'h' && data[0] != 'w'))
                return 0;
        Client c = rig_connect(&rig);
        if (data[0] == 'w')
                rig_send(&c, handshake, strlen(handshake));
        rig_send(&c, data + 1, size - 1);
        shutdown(c.fd, SHUT_WR);
        gint64 until = g_get_monotonic_time() + RIG_DEADLINE_US;
        while (!c.eof || open_sockets > 0) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                rig_turn(c.fd);
                rig_read(&c);
        }
        rig_close(&c);
        return 0;
}
