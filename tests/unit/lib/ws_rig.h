#pragma once
/* A WebSocket endpoint that echoes, what it has seen, and a client that writes frames by hand. */
#include "lib/http/ws.h"
#include "lib/limits.h"
#include "tests/unit/lib/http_rig.h"

#define MAX_MESSAGE 1000

static struct {
        TbWs *ws;
        guint messages, closed, drained, pause_at;
        int code;
        bool greet, close_inside;
        GString *last;
        gsize large;               /* answer a message with so many bytes */
        void (*called)(gint64 us); /* with each message; NULL: nothing */
        gint64 cost_us;
} seen;

static inline void on_message(TbWs *ws, bool binary, const guint8 *bytes, gsize size,
                              gpointer data G_GNUC_UNUSED)
{
        if (seen.pause_at && seen.messages + 1 == seen.pause_at)
                tb_ws_pause(ws, true);
        g_assert_true(ws == seen.ws);
        g_assert_cmpint(bytes[size], ==, 0);
        seen.messages++;
        if (seen.called)
                seen.called(seen.cost_us);
        g_string_truncate(seen.last, 0);
        g_string_append_len(seen.last, (const char *)bytes, (gssize)size);
        if (seen.close_inside) {
                tb_ws_send_text(ws, "last words");
                tb_ws_close(ws, 4001, "enough");
                g_assert_false(tb_ws_send_text(ws, "late"));
                return;
        }
        tb_ws_send(ws, binary, bytes, size);
}

static inline void on_drained(TbWs *ws, gpointer data G_GNUC_UNUSED)
{
        g_assert_cmpuint(tb_ws_queued(ws), ==, 0);
        seen.drained++;
}

static inline void on_closed(TbWs *ws, int code, gpointer data G_GNUC_UNUSED)
{
        g_assert_true(ws == seen.ws);
        seen.closed++;
        seen.code = code;
        seen.ws = NULL;
}

static const TbWsOps ops = {on_message, on_drained, on_closed};

static inline void upgrade(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        TbWs *ws =
                tb_request_upgrade(request, tb_request_offers_protocol(request, "binary") ? "binary" : NULL,
                                   MAX_MESSAGE, &ops, NULL);
        if (!ws)
                return;
        seen.ws = ws;
        if (seen.greet)
                tb_ws_send_text(ws, "welcome"); /* before the 101 is out */
}

static inline void plain(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_text(request, 200, "text/plain", "plain");
}

static const TbRoute routes[] = {
        {.method = "GET", .path = "/ws", .flags = TB_ROUTE_WEBSOCKET, .handler = upgrade},
        {.method = "GET", .path = "/both", .flags = TB_ROUTE_WEBSOCKET, .handler = upgrade},
        {.method = "GET", .path = "/both", .handler = plain},
        {.method = NULL},
};

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UP                                                                                                   \
        "Host: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, "                                  \
        "Upgrade\r\nSec-WebSocket-Version: 13\r\n"

static inline void reset(void)
{
        if (seen.last)
                g_string_free(seen.last, TRUE);
        memset(&seen, 0, sizeof seen);
        seen.last = g_string_new(NULL);
}

static inline Client open_ws(Rig *rig)
{
        static const char text[] = "GET /ws HTTP/1.1\r\n" UP KEY "\r\n";
        Client c = rig_connect(rig);
        rig_send(&c, text, strlen(text));
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpint(a->status, ==, 101);
        g_assert_cmpstr(answer_header(a, "Sec-WebSocket-Accept"), ==,
                        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); /* RFC 6455, §1.3 */
        g_assert_null(answer_header(a, "Sec-WebSocket-Extensions"));
        return c;
}

/* A masked client frame. */
static inline GString *frame(guint8 first, const void *payload, gsize size)
{
        static const guint8 mask[4] = {0x12, 0x34, 0x56, 0x78};
        GString *f = g_string_new(NULL);
        g_string_append_c(f, (char)first);
        if (size < 126) {
                g_string_append_c(f, (char)(0x80 | size));
        } else if (size < 65536) {
                g_string_append_c(f, (char)(0x80 | 126));
                g_string_append_c(f, (char)(size >> 8));
                g_string_append_c(f, (char)size);
        } else {
                g_string_append_c(f, (char)(0x80 | 127));
                for (int shift = 56; shift >= 0; shift -= 8)
                        g_string_append_c(f, (char)((guint64)size >> shift));
        }
        g_string_append_len(f, (const char *)mask, 4);
        for (gsize i = 0; i < size; i++)
                g_string_append_c(f, (char)(((const guint8 *)payload)[i] ^ mask[i % 4]));
        return f;
}

static inline void send_frame(Client *c, guint8 first, const char *payload)
{
        g_autoptr(GString) f = frame(first, payload, strlen(payload));
        rig_send(c, f->str, f->len);
}

/* The next server frame: its first byte, or -1 at the end of the connection; payload appended. */
static inline int read_frame(Client *c, GString *payload)
{
        gint64 until = g_get_monotonic_time() + RIG_DEADLINE_US;
        for (;;) {
                const guint8 *p = (const guint8 *)c->in->str;
                gsize have = c->in->len, head = 2, size = have >= 2 ? p[1] : 0;
                if (size == 126 && have >= 4) {
                        size = (gsize)p[2] << 8 | p[3];
                        head = 4;
                } else if (size == 127 && have >= 10) {
                        size = 0;
                        for (int i = 2; i < 10; i++)
                                size = size << 8 | p[i];
                        head = 10;
                } else if (size > 125) {
                        have = 0;
                }
                if (have >= 2 && have >= head + size) {
                        int first = p[0];
                        g_string_truncate(payload, 0);
                        g_string_append_len(payload, c->in->str + head, (gssize)size);
                        g_string_erase(c->in, 0, (gssize)(head + size));
                        return first;
                }
                if (c->eof)
                        return -1;
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                rig_turn(c->fd);
                rig_read(c);
        }
}

static inline int close_code(const GString *payload)
{
        return payload->len >= 2 ? (guint8)payload->str[0] << 8 | (guint8)payload->str[1] : 1005;
}

static inline void on_stopped(gpointer data)
{
        *(bool *)data = true;
}
