#include "lib/http/ws.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/http/ws_private.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/tally.h"
#include "lib/thread.h"

#define TOGETHER_US 1000 /* what is said so soon after the last message goes out with what follows it */

static bool may_read(const TbWs *ws)
{
        return !ws->dead && !ws->paused && !ws->waits && !ws->closing_in && !ws->holder;
}

/* A writable socket is told of at once: that is how a turn is asked for whose bytes are in our memory already. */
void tb_ws_set_events(TbWs *ws)
{
        if (!ws->entry)
                return;
        bool reads = may_read(ws);
        bool turn = (ws->again && reads) || ws->behind || tb_ws_has_output(ws);
        tb_poller_change(ws->entry, (reads ? (uint32_t)EPOLLIN : 0u) | (turn ? (uint32_t)EPOLLOUT : 0u) |
                                            (ws->waits || ws->holder ? 0u : (uint32_t)EPOLLRDHUP));
}

void tb_ws_turn(TbWs *ws)
{
        if (!may_read(ws)) { /* its owner has paused it while it waited */
                tb_ws_set_events(ws);
                return;
        }
        ws->in_io = true;
        tb_ws_read(ws);
        ws->in_io = false;
        if (!ws->dead && !(tb_ws_has_output(ws) && tb_ws_gather(ws)))
                tb_ws_write(ws); /* replies, the pong and what the callbacks sent, in one go */
}

static void tell_drained(TbWs *ws)
{
        ws->behind = false;
        if (ws->ops->drained && !ws->close_us)
                ws->ops->drained(ws, ws->data);
        if (!ws->dead)
                tb_ws_set_events(ws);
}

void tb_ws_flush(TbWs *ws)
{
        if (!tb_ws_put(ws))
                return;
        if (ws->behind && !tb_ws_has_output(ws))
                tell_drained(ws); /* one change of what is waited for, not two */
        else
                tb_ws_set_events(ws);
}

static void on_events(uint32_t events, gpointer data)
{
        TbWs *ws = data;
        bool reads = may_read(ws);
        if (events & EPOLLOUT)
                tb_ws_flush(ws);
        if (ws->dead)
                return;
        if (reads && ((events & EPOLLIN) || ws->again)) {
                if (tb_ws_turn_take(ws))
                        tb_ws_turn(ws);
                else
                        tb_ws_set_events(ws);
        } else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                tb_ws_die(ws, TB_WS_CODE_NONE);
}

void tb_ws_begin(TbWs *ws, int fd, GBytes *extra_take)
{
        ws->fd = fd;
        ws->entry = tb_poller_add(ws->http->poller, fd, EPOLLIN | EPOLLRDHUP, on_events, ws);
        if (!ws->entry) {
                if (tb_tally_note(ws->http->refusals, "sockets that cannot be waited for"))
                        tb_log(TB_LOG_WARNING, TB_F("request", ws->id), "WebSocket refused: epoll: %s",
                               g_strerror(errno));
                g_bytes_unref(extra_take);
                tb_ws_die(ws, TB_WS_CODE_NONE);
                return;
        }
        ws->extra = extra_take;
        ws->again = extra_take != NULL;    /* no event tells of these */
        ws->behind = tb_ws_has_output(ws); /* what was sent before the 101 went out */
        tb_ws_write(ws);
}

bool tb_ws_send(TbWs *ws, bool binary, const void *bytes, gsize size)
{
        tb_assert_main();
        if (ws->dead || ws->close_us)
                return false;
        if (!tb_ws_queue(ws, binary ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME, bytes, size,
                         TB_LIMIT_WS_QUEUE)) {
                tb_ws_close(ws, 1008, "too slow");
                return false;
        }
        if (ws->fd >= 0 && tb_ws_gather(ws)) {
                ws->behind = true; /* who finds it queued is told when it is not any more */
                return true;
        }
        gint64 now_us = g_get_monotonic_time();
        /* a burst of messages is one call of the kernel in the loop's next round */
        if (now_us - ws->sent_us < TOGETHER_US) {
                ws->behind = true;
                tb_unread_set(&ws->unread, tb_ws_queued(ws));
                tb_ws_set_events(ws);
                return true;
        }
        ws->sent_us = now_us;
        tb_ws_write(ws);
        return !ws->dead;
}

bool tb_ws_ping(TbWs *ws, const void *bytes, gsize size)
{
        tb_assert_main();
        if (ws->dead || ws->close_us || !tb_ws_queue(ws, WSLAY_PING, bytes, size, TB_LIMIT_WS_QUEUE))
                return false;
        ws->behind = true; /* who finds it queued is told when it is not any more */
        tb_unread_set(&ws->unread, tb_ws_queued(ws));
        tb_ws_set_events(ws);
        return true;
}

bool tb_ws_send_text(TbWs *ws, const char *text)
{
        return !text || tb_ws_send(ws, false, text, strlen(text)); /* NULL: no message (lib/json.h) */
}

bool tb_ws_send_json(TbWs *ws, json_t *message)
{
        gsize size;
        g_autofree char *text = tb_json_text(message, &size);
        return !text || tb_ws_send(ws, false, text, size);
}

void tb_ws_close(TbWs *ws, int code, const char *reason)
{
        tb_assert_main();
        if (ws->dead || ws->close_us)
                return;
        ws->code = (gint16)code;
        tb_ws_queue_close(ws, code, reason); /* behind what was said before */
        tb_ws_mark_closing(ws);
        if (ws->paused)
                tb_ws_pause(ws, false); /* the peer's close frame must be read */
        tb_ws_write(ws);
}

void tb_ws_drop(TbWs *ws)
{
        tb_assert_main();
        ws->hurry = true;
        tb_ws_close(ws, 1000, NULL);
        tb_ws_write(ws);
}

void tb_ws_pause(TbWs *ws, bool paused)
{
        if (ws->paused == paused)
                return;
        ws->paused = paused;
        if (!paused && !ws->dead) {
                tb_ws_heard(ws);  /* its silence was our doing */
                ws->again = true; /* what was read already makes no event */
        }
        tb_ws_set_events(ws);
}

/* What the kernel has it sends in order, whatever is more urgent by then. TLS ends in a thread of ours (tls_front.h), to which a
 * socket of this machine leads: that one's buffer is what can be made short. */
void tb_ws_keep_short(TbWs *ws)
{
        int unsent = TB_LIMIT_WS_UNSENT;
        tb_assert_main();
        if (ws->fd >= 0 && setsockopt(ws->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent) < 0)
                setsockopt(ws->fd, SOL_SOCKET, SO_SNDBUF, &unsent, sizeof unsent);
}

void tb_ws_set_max_message(TbWs *ws, gsize max_message)
{
        ws->max_message = max_message;
}

TbRole tb_ws_role(TbWs *ws)
{
        return (TbRole)ws->role;
}

const char *tb_ws_user(TbWs *ws)
{
        return ws->user;
}
