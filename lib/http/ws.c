#include "lib/http/ws.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/http/ws_handshake.h"
#include "lib/http/ws_private.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

/* --- wslay --- */
static ssize_t on_recv(wslay_event_context_ptr c, uint8_t *buf, size_t size, int flags G_GNUC_UNUSED,
                       void *data)
{
        TbWs *ws = data;
        gssize n;
        if (ws->paused) { /* a callback has had enough: the rest stays in the kernel */
                wslay_event_set_error(c, WSLAY_ERR_WOULDBLOCK);
                return -1;
        }
        if (ws->extra) {
                gsize total;
                const guint8 *bytes = g_bytes_get_data(ws->extra, &total);
                n = (gssize)MIN(size, total - ws->extra_at);
                memcpy(buf, bytes + ws->extra_at, (gsize)n);
                ws->extra_at += (gsize)n;
                if (ws->extra_at == total)
                        g_clear_pointer(&ws->extra, g_bytes_unref);
        } else {
                n = recv(ws->fd, buf, size, MSG_DONTWAIT);
        }
        if (n > 0) {
                ws->unaccounted += n;
                return n;
        }
        bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
        ws->eof = !later;
        wslay_event_set_error(c, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
}

static ssize_t on_send(wslay_event_context_ptr c, const uint8_t *bytes, size_t size, int flags, void *data)
{
        TbWs *ws = data;
        ssize_t n = send(ws->fd, bytes, size,
                         MSG_DONTWAIT | MSG_NOSIGNAL | (flags & WSLAY_MSG_MORE ? MSG_MORE : 0));
        if (n < 0)
                wslay_event_set_error(c, errno == EAGAIN || errno == EINTR ? WSLAY_ERR_WOULDBLOCK
                                                                           : WSLAY_ERR_CALLBACK_FAILURE);
        return n;
}

static void on_frame_start(wslay_event_context_ptr c G_GNUC_UNUSED,
                           const struct wslay_event_on_frame_recv_start_arg *arg, void *data)
{
        TbWs *ws = data;
        gsize length = (gsize)arg->payload_length;
        ws->unaccounted -= (gint64)(2 + 4 + (length < 126 ? 0 : length < 65536 ? 2 : 8) + length);
        if (!wslay_is_ctrl_frame(arg->opcode))
                ws->in_message = !arg->fin;
}

static void on_message(wslay_event_context_ptr c G_GNUC_UNUSED, const struct wslay_event_on_msg_recv_arg *arg,
                       void *data)
{
        TbWs *ws = data;
        if (arg->opcode == WSLAY_CONNECTION_CLOSE) {
                ws->code = (gint16)(arg->status_code ? arg->status_code : 1005);
                return; /* wslay answers it */
        }
        if (wslay_is_ctrl_frame(arg->opcode) || ws->dead || ws->close_us)
                return;
        g_autofree guint8 *copy = g_malloc(arg->msg_length + 1);
        memcpy(copy, arg->msg, arg->msg_length);
        copy[arg->msg_length] = '\0';
        if (ws->ops->message)
                ws->ops->message(ws, arg->opcode == WSLAY_BINARY_FRAME, copy, arg->msg_length, ws->data);
}

wslay_event_context_ptr tb_ws_context(TbWs *ws)
{
        static const struct wslay_event_callbacks callbacks = {
                .recv_callback = on_recv,
                .send_callback = on_send,
                .on_frame_recv_start_callback = on_frame_start,
                .on_msg_recv_callback = on_message,
        };
        if (!ws->c) {
                g_assert(wslay_event_context_server_init(&ws->c, &callbacks, ws) == 0);
                wslay_event_config_set_max_recv_msg_length(ws->c, ws->max_message);
        }
        return ws->c;
}

/* --- input and output --- */
static void set_events(TbWs *ws)
{
        if (!ws->entry)
                return;
        bool write = ws->resumed || (ws->c && wslay_event_want_write(ws->c));
        tb_poller_change(ws->entry, (ws->paused ? 0u : (uint32_t)EPOLLIN) |
                                            (write ? (uint32_t)EPOLLOUT : 0u) | EPOLLRDHUP);
}

/* After wslay worked: the close handshake may be complete. */
static void settle(TbWs *ws)
{
        if (ws->dead || !ws->c)
                return;
        bool received = wslay_event_get_close_received(ws->c), sent = wslay_event_get_close_sent(ws->c);
        if (sent && (received || !wslay_event_get_read_enabled(ws->c)))
                tb_ws_die(ws, received ? ws->code : (int)wslay_event_get_status_code_sent(ws->c));
        else if (received || !wslay_event_get_read_enabled(ws->c))
                tb_ws_mark_closing(ws);
        set_events(ws);
}

static void queue_close(TbWs *ws)
{
        g_autofree char *reason = g_steal_pointer(&ws->late_close);
        wslay_event_queue_close(tb_ws_context(ws), (uint16_t)ws->code, (const uint8_t *)reason,
                                strlen(reason));
}

void tb_ws_pump_out(TbWs *ws)
{
        if (ws->fd < 0 || ws->in_io || !ws->c || !wslay_event_want_write(ws->c))
                return;
        ws->in_io = true;
        int rc = wslay_event_send(ws->c);
        if (rc == 0 && ws->late_close && wslay_event_get_queued_msg_count(ws->c) == 0) {
                queue_close(ws);
                rc = wslay_event_send(ws->c);
        }
        ws->in_io = false;
        if (rc != 0)
                tb_ws_die(ws, TB_WS_CODE_NONE);
        settle(ws);
}

/* wslay cannot read on: the stream ended, or a frame broke the rules. */
static void end_of_input(TbWs *ws)
{
        static const guint8 protocol_error[] = {0x88, 2, 1002 >> 8, 1002 & 0xff};
        if (wslay_event_get_close_received(ws->c)) {
                tb_ws_die(ws, ws->code);
        } else if (!ws->eof && wslay_event_get_queued_msg_count(ws->c) <=
                                       1) { /* wslay's own close frame would not say why */
                if (send(ws->fd, protocol_error, sizeof protocol_error, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                        tb_log(TB_LOG_DEBUG, TB_F("request", ws->id), "close frame lost: %s",
                               g_strerror(errno));
                tb_ws_die(ws, 1002);
        } else {
                tb_ws_die(ws, ws->eof ? TB_WS_CODE_NONE : 1002);
        }
}

static void pump_in(TbWs *ws)
{
        tb_ws_heard(ws);
        ws->in_io = true;
        int rc = wslay_event_recv(tb_ws_context(ws));
        ws->in_io = false;
        if (rc != 0 && !ws->dead)
                end_of_input(ws);
        if (!ws->dead) {
                tb_ws_pump_out(ws); /* replies, pongs and what the callbacks sent, in one go */
                settle(ws);
        }
}

static void on_events(uint32_t events, gpointer data)
{
        TbWs *ws = data;
        if (ws->resumed && !ws->paused) { /* what wslay had read already makes no event */
                ws->resumed = false;
                pump_in(ws);
        }
        if (!ws->dead && (events & EPOLLOUT)) {
                tb_ws_pump_out(ws);
                if (!ws->dead && ws->c && !wslay_event_want_write(ws->c) && ws->ops->drained && !ws->close_us)
                        ws->ops->drained(ws, ws->data);
        }
        if (!ws->dead && (events & EPOLLIN) && !ws->paused)
                pump_in(ws);
        else if (!ws->dead && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
                tb_ws_die(ws, TB_WS_CODE_NONE);
}

void tb_ws_begin(TbWs *ws, int fd, GBytes *extra_take)
{
        ws->fd = fd;
        ws->entry = tb_poller_add(ws->http->poller, fd, EPOLLIN | EPOLLRDHUP, on_events, ws);
        ws->extra = extra_take;
        tb_ws_pump_out(ws); /* what was sent before the 101 went out */
        set_events(ws);
        if (ws->extra && !ws->dead && !ws->paused)
                pump_in(ws);
}

bool tb_ws_send(TbWs *ws, bool binary, const void *bytes, gsize size)
{
        tb_assert_main();
        if (ws->dead || ws->close_us)
                return false;
        if (tb_ws_queued(ws) + size > TB_LIMIT_WS_QUEUE) {
                tb_ws_close(ws, 1008, "too slow");
                return false;
        }
        struct wslay_event_msg message = {
                .opcode = binary ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME, .msg = bytes, .msg_length = size};
        if (wslay_event_queue_msg(tb_ws_context(ws), &message) != 0)
                return false;
        tb_ws_pump_out(ws);
        return !ws->dead;
}

bool tb_ws_send_text(TbWs *ws, const char *text)
{
        return tb_ws_send(ws, false, text, strlen(text));
}

bool tb_ws_send_json(TbWs *ws, json_t *message)
{
        gsize size;
        g_autofree char *text = tb_json_text(message, &size);
        return tb_ws_send(ws, false, text, size);
}

gsize tb_ws_queued(TbWs *ws)
{
        return ws->c ? wslay_event_get_queued_msg_length(ws->c) : 0;
}

void tb_ws_close(TbWs *ws, int code, const char *reason)
{
        tb_assert_main();
        if (ws->dead || ws->close_us)
                return;
        char text[124];
        tb_ws_close_reason(reason, text);
        ws->code = (gint16)code;
        ws->late_close = g_strdup(text);
        if (wslay_event_get_queued_msg_count(tb_ws_context(ws)) ==
            0) /* wslay lets control frames overtake: what was said before must still arrive */
                queue_close(ws);
        tb_ws_mark_closing(ws);
        if (ws->paused)
                tb_ws_pause(ws, false); /* the peer's close frame must be read */
        tb_ws_pump_out(ws);
}

void tb_ws_pause(TbWs *ws, bool paused)
{
        if (ws->paused == paused)
                return;
        ws->paused = paused;
        if (!paused && !ws->dead) {
                tb_ws_heard(ws); /* its silence was our doing */
                ws->resumed = true;
        }
        set_events(ws);
}

const char *tb_ws_request_id(TbWs *ws)
{
        return ws->id;
}

TbRole tb_ws_role(TbWs *ws)
{
        return (TbRole)ws->role;
}

const char *tb_ws_user(TbWs *ws)
{
        return ws->user;
}

const char *tb_ws_peer(TbWs *ws)
{
        return ws->peer;
}
