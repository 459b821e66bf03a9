/* The budget of WebSocket framing: any bytes after the handshake, in pieces of any size, sent by one who may not
 * read. The first byte says how many bytes go at once, the second how much a message may have and whether the
 * client reads. Whatever comes, no turn of the loop does more than a turn's work, the queue has its ceiling, and
 * the end is told once. */
#include <stdint.h>
#include <string.h>

#include "lib/http/ws_private.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "tests/unit/lib/http_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 1500 /* bytes: more would have to wait for its rate */

static struct {
        TbWs *ws;
        guint messages, closed;
        gsize max_message;
} seen;

static void on_message(TbWs *ws, bool binary, const guint8 *bytes, gsize size, gpointer data G_GNUC_UNUSED)
{
        g_assert_true(ws == seen.ws && size <= seen.max_message && bytes[size] == 0);
        seen.messages++;
        tb_ws_send(ws, binary, bytes, size);
}

static void on_closed(TbWs *ws, int code, gpointer data G_GNUC_UNUSED)
{
        g_assert_true(ws == seen.ws && code >= 1000 && code < 5000);
        seen.ws = NULL;
        seen.closed++;
}

static const TbWsOps ops = {.message = on_message, .closed = on_closed};

static void upgrade(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        seen.ws = tb_request_upgrade(request, NULL, seen.max_message, &ops, NULL);
        g_assert_true(seen.ws);
}

static const TbRoute routes[] = {
        {.method = "GET", .path = "/ws", .flags = TB_ROUTE_WEBSOCKET, .handler = upgrade},
        {.method = NULL},
};

/* One turn of the loop. */
static void turn(void)
{
        guint before = seen.messages;
        g_main_context_iteration(NULL, FALSE);
        g_assert_cmpuint(seen.messages - before, <=, TB_LIMIT_WS_TURN_FRAMES);
        if (!seen.ws)
                return;
        g_assert_cmpuint(tb_ws_queued(seen.ws), <=, TB_LIMIT_WS_QUEUE + TB_WS_CONTROL_MAX);
        const TbWsIn *in = seen.ws->in;
        g_assert_true(!in || !in->message || in->message->len <= seen.max_message);
        g_assert_true(!in || in->held <= 4096); /* wslay's buffer */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char handshake[] = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        static Rig rig;
        if (!rig.http) {
                tb_log_init(TB_LOG_ERROR, false);
                tb_main_init(NULL);
                rig_start(&rig, routes, NULL, NULL);
        }
        if (size < 3 || size > MOST)
                return 0;
        gsize piece = data[0] ? data[0] * 4u : 1;
        memset(&seen, 0, sizeof seen);
        seen.max_message = 16u << (data[1] & 7);
        bool reads = data[1] & 8;
        Client c = rig_connect(&rig);
        rig_send(&c, handshake, strlen(handshake));
        gint64 until = g_get_monotonic_time() + RIG_DEADLINE_US;
        while (!seen.ws && !seen.closed)
                turn();
        for (gsize at = 2; at < size && seen.ws; at += piece) {
                if (send(c.fd, data + at, MIN(piece, size - at), MSG_NOSIGNAL) < 0)
                        break;
                turn();
                if (reads)
                        rig_read(&c);
        }
        shutdown(c.fd, SHUT_WR);
        while (!seen.closed) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                turn();
        }
        g_assert_cmpuint(seen.closed, ==, 1);
        rig_close(&c);
        return 0;
}
