#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/http/ws_handshake.h"
#include "lib/http/ws_private.h"
#include "lib/limits.h"

#define KEEP (16 * 1024) /* bytes of sent frames that are moved away only with the queue's end */
#define SPARE 64         /* queues of at most so much that are kept for others */

static gsize waiting(const TbWs *ws)
{
        return ws->out ? ws->out->len - ws->out_at : 0;
}

gsize tb_ws_queued(TbWs *ws)
{
        return waiting(ws) + (ws->pong ? g_bytes_get_size(ws->pong) : 0);
}

bool tb_ws_has_output(const TbWs *ws)
{
        return ws->out || ws->pong;
}

/* A server's frame: never masked, never in parts (RFC 6455, 5.2). Gives the size of the head. */
static gsize make_head(guint8 opcode, gsize size, guint8 head[10])
{
        head[0] = (guint8)(0x80 | opcode);
        if (size < 126) {
                head[1] = (guint8)size;
                return 2;
        }
        gsize n = size < 65536 ? 2 : 8;
        head[1] = n == 2 ? 126 : 127;
        for (gsize i = 0; i < n; i++)
                head[2 + i] = (guint8)((guint64)size >> 8 * (n - 1 - i));
        return 2 + n;
}

static void drop_sent(TbWs *ws)
{
        g_byte_array_remove_range(ws->out, 0, (guint)ws->out_at);
        ws->pong_end -= MIN(ws->pong_end, ws->out_at);
        ws->out_at = 0;
        ws->grown = true;
}

/* One that ran empty: a relay makes and empties thousands a second. */
static GByteArray *new_queue(TbHttp *http)
{
        GPtrArray *spare = http->ws_spare;
        return spare->len > 0 ? g_ptr_array_steal_index_fast(spare, spare->len - 1) : g_byte_array_new();
}

bool tb_ws_queue(TbWs *ws, guint8 opcode, const void *bytes, gsize size, gsize most)
{
        guint8 head[10];
        gsize n = make_head(opcode, size, head);
        if (tb_ws_queued(ws) + n + size > most)
                return false;
        if (!ws->out)
                ws->out = new_queue(ws->http);
        else if (ws->out_at > KEEP && ws->out_at > ws->out->len / 2)
                drop_sent(ws);
        g_byte_array_append(ws->out, head, (guint)n);
        if (size > 0)
                g_byte_array_append(ws->out, bytes, (guint)size);
        return true;
}

void tb_ws_queue_close(TbWs *ws, int code, const char *reason)
{
        char text[2 + 124];
        gsize size = 0;
        if (code != TB_WS_CODE_EMPTY) {
                text[0] = (char)(code >> 8);
                text[1] = (char)code;
                size = 2 + tb_ws_close_reason(reason, text + 2);
        }
        if (ws->closing_out)
                return;
        g_clear_pointer(&ws->pong, g_bytes_unref); /* nothing follows a close frame */
        tb_ws_queue(ws, WSLAY_CONNECTION_CLOSE, text, size, G_MAXSIZE);
        ws->closing_out = true;
}

/* One pong at most stands in the queue; the next waits beside it, where a later one replaces it. */
static void place_pong(TbWs *ws)
{
        if (!ws->pong || ws->pong_end > ws->out_at)
                return;
        g_autoptr(GBytes) pong = g_steal_pointer(&ws->pong);
        gsize size;
        const void *bytes = g_bytes_get_data(pong, &size);
        tb_ws_queue(ws, WSLAY_PONG, bytes, size, G_MAXSIZE);
        ws->pong_end = ws->out->len;
}

void tb_ws_pong(TbWs *ws, const void *bytes, gsize size)
{
        if (ws->closing_out)
                return;
        g_clear_pointer(&ws->pong, g_bytes_unref); /* the most recent ping is enough (RFC 6455, 5.5.3) */
        ws->pong = g_bytes_new(bytes, size);
        place_pong(ws);
}

static void all_sent(TbWs *ws)
{
        GByteArray *out = g_steal_pointer(&ws->out);
        GPtrArray *spare = ws->http->ws_spare;
        if (out->len <= KEEP && !ws->grown && spare->len < SPARE)
                g_ptr_array_add(spare, g_byte_array_set_size(out, 0));
        else
                g_byte_array_unref(out);
        ws->out_at = ws->pong_end = 0;
        ws->grown = false;
}

bool tb_ws_put(TbWs *ws)
{
        if (ws->fd < 0 || ws->in_io)
                return false;
        for (gsize budget = TB_LIMIT_WS_TURN_OUT; budget > 0;) {
                place_pong(ws);
                if (!ws->out)
                        break;
                ssize_t n = send(ws->fd, ws->out->data + ws->out_at, MIN(waiting(ws), budget),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        break;
                if (n < 0) {
                        tb_ws_die(ws, TB_WS_CODE_NONE);
                        return false;
                }
                budget -= (gsize)n;
                ws->out_at += (gsize)n;
                if (ws->out_at == ws->out->len)
                        all_sent(ws);
        }
        tb_unread_set(&ws->unread, tb_ws_queued(ws));
        ws->behind = ws->behind || tb_ws_has_output(ws);
        if (ws->closing_out && (ws->closing_in || ws->hurry) && !tb_ws_has_output(ws))
                tb_ws_die(ws, ws->code);
        return !ws->dead;
}

void tb_ws_write(TbWs *ws)
{
        if (tb_ws_put(ws))
                tb_ws_set_events(ws);
}
