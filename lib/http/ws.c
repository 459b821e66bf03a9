#include "lib/http/ws.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include "lib/http/internal.h"
#include "lib/http/ws_handshake.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define CLOSE_WAIT_US (2 * G_USEC_PER_SEC) /* for the peer's close frame, then the socket is closed */
#define CODE_NONE 1006

struct TbWs {
        GList link;           /* in http->sockets, the longest silent first; then in http->dead */
        TbHttp *http;         /* borrowed */
        TbRequest *request;   /* borrowed; until the 101 is sent */
        int fd;               /* owned; -1: not yet, or closed */
        TbPollerEntry *entry; /* owned */
        wslay_event_context_ptr
                c;          /* owned; NULL while idle: it is 9 KB, an idle socket should not cost that */
        const TbWsOps *ops; /* borrowed */
        gpointer data;      /* borrowed */
        GBytes *extra;      /* owned; bytes that came with the request's headers */
        gsize extra_at;
        gsize max_message;
        gint64 heard_us, close_us; /* last bytes from the peer; when we started to close, 0: not */
        gint64 unaccounted; /* bytes given to wslay minus bytes of frames it has announced: 0 between frames
                             */
        gint64 frame_left;
        bool in_message, paused, dead, in_io, eof, resumed;
        guint8 missed; /* pings without any bytes after them */
        guint8 role;
        gint16 code;
        char *late_close; /* owned; reason of a close frame that waits for the messages before it; NULL: none
                           */
        char *id;         /* owned: request id NUL user NUL peer NUL in one piece */
        const char *user, *peer;
};

static void die(TbWs *ws, int code);
static void pump_out(TbWs *ws);

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

static wslay_event_context_ptr context(TbWs *ws)
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

/* --- life --- */
typedef struct HttpSource {
        GSource source;
        TbHttp *http; /* borrowed */
} HttpSource;

static gboolean reap(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbHttp *http = ((HttpSource *)source)->http;
        g_source_set_ready_time(source, -1);
        while (http->dead.length > 0) {
                TbWs *ws = g_queue_pop_head_link(&http->dead)->data;
                if (ws->ops->closed)
                        ws->ops->closed(ws, ws->code, ws->data);
                wslay_event_context_free(ws->c);
                if (ws->extra)
                        g_bytes_unref(ws->extra);
                g_free(ws->late_close);
                g_free(ws->id);
                g_free(ws);
        }
        tb_http_check_stopped(http);
        return G_SOURCE_CONTINUE;
}

/* A socket that is silent is pinged; one that answers nothing, or does not finish its close, ends. The rest
 * gives its memory back. */
static gboolean sweep(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbHttp *http = ((HttpSource *)source)->http;
        gint64 now_us = g_get_monotonic_time(), second = G_USEC_PER_SEC;
        for (GList *l = http->sockets.head; l;) {
                TbWs *ws = l->data;
                l = l->next;
                gint64 silent = now_us - ws->heard_us;
                if (ws->close_us && now_us - ws->close_us >= CLOSE_WAIT_US) {
                        die(ws, ws->code);
                        continue;
                }
                if (silent < second && !ws->close_us)
                        break; /* the list is in the order of silence; closing ones were moved to its front */
                if (!ws->close_us && !ws->paused && ws->fd >= 0 &&
                    silent >= (ws->missed + 1) * TB_LIMIT_WS_PING_S * second) {
                        if (ws->missed++ >= 2) {
                                die(ws, CODE_NONE);
                                continue;
                        }
                        wslay_event_queue_msg(context(ws), &(struct wslay_event_msg){.opcode = WSLAY_PING});
                        pump_out(ws);
                } else if (ws->c && ws->fd >= 0 && !ws->close_us && ws->unaccounted == 0 && !ws->in_message &&
                           !ws->in_io && !wslay_event_want_write(ws->c) && wslay_event_want_read(ws->c)) {
                        wslay_event_context_free(g_steal_pointer(&ws->c));
                }
        }
        g_source_set_ready_time(source, http->sockets.length > 0 ? now_us + second : -1);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs reap_funcs = {.dispatch = reap}, sweep_funcs = {.dispatch = sweep};

static GSource *make_source(TbHttp *http, GSourceFuncs *funcs)
{
        GSource *source = g_source_new(funcs, sizeof(HttpSource));
        ((HttpSource *)source)->http = http;
        g_source_attach(source, g_main_context_get_thread_default());
        return source;
}

static void die(TbWs *ws, int code)
{
        if (ws->dead)
                return;
        TbHttp *http = ws->http;
        ws->dead = true;
        ws->code = (gint16)code;
        tb_poller_remove(g_steal_pointer(&ws->entry));
        if (ws->fd >= 0)
                close(ws->fd);
        ws->fd = -1;
        g_queue_unlink(&http->sockets, &ws->link);
        g_queue_push_tail_link(&http->dead, &ws->link);
        g_source_set_ready_time(
                http->reaper, 0); /* `closed` comes from the loop, never from inside a call of the owner's */
}

static void heard(TbWs *ws)
{
        ws->heard_us = g_get_monotonic_time();
        ws->missed = 0;
        if (!ws->close_us && ws->http->sockets.tail != &ws->link) {
                g_queue_unlink(&ws->http->sockets, &ws->link);
                g_queue_push_tail_link(&ws->http->sockets, &ws->link);
        }
}

static void mark_closing(TbWs *ws)
{
        if (ws->close_us)
                return;
        ws->close_us = g_get_monotonic_time();
        g_queue_unlink(&ws->http->sockets, &ws->link);
        g_queue_push_head_link(&ws->http->sockets, &ws->link);
        g_source_set_ready_time(ws->http->sweep, MIN(g_source_get_ready_time(ws->http->sweep) < 0
                                                             ? G_MAXINT64
                                                             : g_source_get_ready_time(ws->http->sweep),
                                                     ws->close_us + CLOSE_WAIT_US));
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
                die(ws, received ? ws->code : (int)wslay_event_get_status_code_sent(ws->c));
        else if (received || !wslay_event_get_read_enabled(ws->c))
                mark_closing(ws);
        set_events(ws);
}

static void queue_close(TbWs *ws)
{
        g_autofree char *reason = g_steal_pointer(&ws->late_close);
        wslay_event_queue_close(context(ws), (uint16_t)ws->code, (const uint8_t *)reason, strlen(reason));
}

static void pump_out(TbWs *ws)
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
                die(ws, CODE_NONE);
        settle(ws);
}

/* wslay cannot read on: the stream ended, or a frame broke the rules. */
static void end_of_input(TbWs *ws)
{
        static const guint8 protocol_error[] = {0x88, 2, 1002 >> 8, 1002 & 0xff};
        if (wslay_event_get_close_received(ws->c)) {
                die(ws, ws->code);
        } else if (!ws->eof && wslay_event_get_queued_msg_count(ws->c) <=
                                       1) { /* wslay's own close frame would not say why */
                if (send(ws->fd, protocol_error, sizeof protocol_error, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                        tb_log(TB_LOG_DEBUG, TB_F("request", ws->id), "close frame lost: %s",
                               g_strerror(errno));
                die(ws, 1002);
        } else {
                die(ws, ws->eof ? CODE_NONE : 1002);
        }
}

static void pump_in(TbWs *ws)
{
        heard(ws);
        ws->in_io = true;
        int rc = wslay_event_recv(context(ws));
        ws->in_io = false;
        if (rc != 0 && !ws->dead)
                end_of_input(ws);
        if (!ws->dead) {
                pump_out(ws); /* replies, pongs and what the callbacks sent, in one go */
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
                pump_out(ws);
                if (!ws->dead && ws->c && !wslay_event_want_write(ws->c) && ws->ops->drained && !ws->close_us)
                        ws->ops->drained(ws, ws->data);
        }
        if (!ws->dead && (events & EPOLLIN) && !ws->paused)
                pump_in(ws);
        else if (!ws->dead && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
                die(ws, CODE_NONE);
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
        if (wslay_event_queue_msg(context(ws), &message) != 0)
                return false;
        pump_out(ws);
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
        if (wslay_event_get_queued_msg_count(context(ws)) ==
            0) /* wslay lets control frames overtake: what was said before must still arrive */
                queue_close(ws);
        mark_closing(ws);
        if (ws->paused)
                tb_ws_pause(ws, false); /* the peer's close frame must be read */
        pump_out(ws);
}

void tb_ws_pause(TbWs *ws, bool paused)
{
        if (ws->paused == paused)
                return;
        ws->paused = paused;
        if (!paused && !ws->dead) {
                heard(ws); /* its silence was our doing */
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

/* --- upgrade --- */
static void on_upgraded(void *cls, struct MHD_Connection *connection G_GNUC_UNUSED,
                        void *context_ G_GNUC_UNUSED, const char *extra, size_t extra_size, MHD_socket fd,
                        struct MHD_UpgradeResponseHandle *handle)
{
        TbRequest *request = cls;
        TbWs *ws = g_steal_pointer(&request->ws);
        /* Our own descriptor, and libmicrohttpd's part ends here: its 48 KB per connection would be held for
         * as long as the socket lives. */
        int own = ws ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
        MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
        tb_http_kick(request->http);
        if (!ws)
                return;
        ws->request = NULL;
        if (own < 0) {
                tb_log(TB_LOG_WARNING, TB_F("request", ws->id), "WebSocket refused: %s", g_strerror(errno));
                die(ws, CODE_NONE);
                return;
        }
        int one = 1;
        setsockopt(own, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(own, F_SETFL, fcntl(own, F_GETFL) | O_NONBLOCK);
        ws->fd = own;
        ws->entry = tb_poller_add(ws->http->poller, own, EPOLLIN | EPOLLRDHUP, on_events, ws);
        if (extra_size > 0)
                ws->extra = g_bytes_new(extra, extra_size);
        pump_out(ws); /* what was sent before the 101 went out */
        set_events(ws);
        if (ws->extra && !ws->dead && !ws->paused)
                pump_in(ws);
}

void tb_ws_abandon(TbWs *ws)
{
        ws->request = NULL;
        die(ws, CODE_NONE);
}

static char *check_upgrade(TbRequest *request)
{
        const char *version = tb_request_header(request, "Sec-WebSocket-Version");
        if (!tb_header_has_token(request->upgrade, "websocket") ||
            !tb_header_has_token(tb_request_header(request, "Connection"), "upgrade")) {
                tb_request_add_header(request, "Upgrade", "websocket");
                tb_respond_status(request, 426, "upgrade", "Upgrade required",
                                  "this address speaks WebSocket only");
                return NULL;
        }
        if (g_strcmp0(version, "13") != 0) {
                tb_request_add_header(request, "Sec-WebSocket-Version", "13");
                tb_respond_status(request, 426, "upgrade", "Upgrade required",
                                  "Sec-WebSocket-Version must be 13");
                return NULL;
        }
        char *accept = tb_ws_accept(tb_request_header(request, "Sec-WebSocket-Key"));
        if (!accept)
                tb_respond_error(request, TB_ERROR_INVALID, "Sec-WebSocket-Key must be 16 bytes in base64");
        return accept;
}

bool tb_request_offers_protocol(TbRequest *request, const char *protocol)
{
        return tb_header_has_token(tb_request_header(request, "Sec-WebSocket-Protocol"), protocol);
}

TbWs *tb_request_upgrade(TbRequest *request, const char *protocol, gsize max_message, const TbWsOps *ops,
                         gpointer data)
{
        tb_assert_main();
        if (!request->connection || request->answered)
                return NULL;
        TbHttp *http = request->http;
        if (http->stopping) {
                tb_respond_error(request, TB_ERROR_UNAVAILABLE, "shutting down");
                return NULL;
        }
        g_autofree char *accept = check_upgrade(request);
        if (!accept)
                return NULL;
        if (!http->reaper) {
                http->reaper = make_source(http, &reap_funcs);
                http->sweep = make_source(http, &sweep_funcs);
        }
        TbWs *ws = g_new0(TbWs, 1);
        ws->link.data = ws;
        ws->http = http;
        ws->request = request;
        ws->fd = -1;
        ws->ops = ops;
        ws->data = data;
        ws->max_message = max_message;
        ws->code = CODE_NONE;
        ws->role = (guint8)request->role;
        ws->heard_us = g_get_monotonic_time();
        GString *names = g_string_new(request->id);
        g_string_append_c(names, '\0');
        gsize user_at = names->len;
        g_string_append(names, request->user);
        g_string_append_c(names, '\0');
        gsize peer_at = names->len;
        g_string_append(names, request->peer);
        ws->id = g_string_free(names, FALSE);
        ws->user = ws->id + user_at;
        ws->peer = ws->id + peer_at;
        g_queue_push_tail_link(&http->sockets, &ws->link);
        if (g_source_get_ready_time(http->sweep) < 0)
                g_source_set_ready_time(http->sweep, ws->heard_us + G_USEC_PER_SEC);
        request->ws = ws;
        tb_request_add_header(request, "Upgrade", "websocket");
        tb_request_add_header(request, "Sec-WebSocket-Accept", accept);
        if (protocol)
                tb_request_add_header(request, "Sec-WebSocket-Protocol", protocol);
        tb_respond(request, 101, MHD_create_response_for_upgrade(on_upgraded, request));
        return ws;
}

void tb_ws_stop_all(TbHttp *http)
{
        for (GList *l = http->sockets.head; l;) {
                TbWs *ws = l->data;
                l = l->next;
                tb_ws_close(ws, 1001, "shutting down");
        }
}

void tb_ws_drop_all(TbHttp *http)
{
        while (http->sockets.length > 0) {
                TbWs *ws = http->sockets.head->data;
                if (ws->request)
                        ws->request->ws = NULL;
                die(ws, 1001);
        }
        if (!http->reaper)
                return;
        reap(http->reaper, NULL, NULL);
        if (http->daemon && !http->running) {
                g_source_destroy(http->reaper);
                g_clear_pointer(&http->reaper, g_source_unref);
                g_source_destroy(http->sweep);
                g_clear_pointer(&http->sweep, g_source_unref);
        }
}
