#pragma once
/*
 * WebSocket connections on an upgraded socket (framing by wslay), in the poller's epoll set: an idle one
 * costs a few hundred bytes and no GLib source. Ping/pong, close handshake, size and queue limits are done
 * here. Main thread; calls may close the connection from inside a callback.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/http.h"

/* Sec-WebSocket-Protocol of a page: "testbed", which is answered, and this with its token in base64url behind */
#define TB_WS_PROTOCOL "testbed"
#define TB_WS_BEARER "testbed.bearer."

typedef struct TbWs TbWs;

typedef struct TbWsOps {
        void (*message)(TbWs *ws, bool binary, const guint8 *bytes, gsize size,
                        gpointer data);           /* text is valid UTF-8 and NUL-terminated */
        void (*drained)(TbWs *ws, gpointer data); /* the send queue ran empty; may be NULL */
        void (*closed)(TbWs *ws, int code,
                       gpointer data); /* exactly once; ws is invalid afterwards. 1006: no close frame came */
        /* What tb_ws_ping() said came back, and so everything before it has arrived; may be NULL */
        void (*pong)(TbWs *ws, const guint8 *bytes, gsize size, gpointer data);
} TbWsOps;

/* Whether the client offers this subprotocol; its token is none. */
bool tb_request_offers_protocol(TbRequest *request, const char *protocol);
/* Answers the request with 101. `protocol`: the chosen subprotocol or NULL. NULL with an error answered when
 * it is no WebSocket request. */
TbWs *tb_request_upgrade(TbRequest *request, const char *protocol, gsize max_message, const TbWsOps *ops,
                         gpointer data);
/* False when closed, or when the queue would pass TB_LIMIT_WS_QUEUE: then the connection is closed with 1008
 * ("too slow"). */
bool tb_ws_send(TbWs *ws, bool binary, const void *bytes, gsize size);
bool tb_ws_send_text(TbWs *ws, const char *text);
bool tb_ws_send_json(TbWs *ws, json_t *message); /* borrowed */
/* `size` at most 125; whoever speaks WebSocket answers. False as above, and when it is closing. */
bool tb_ws_ping(TbWs *ws, const void *bytes, gsize size);
gsize tb_ws_queued(TbWs *ws); /* bytes that wait, heads of frames and pongs among them */
void tb_ws_close(TbWs *ws, int code,
                 const char *reason); /* `closed` follows from the loop, never from inside this call */
/* Ends it as soon as what was said is handed to the kernel: its peer's close is not waited for. `closed` follows from the loop. */
void tb_ws_drop(TbWs *ws);
/* Since the last bytes came. One that is not read (tb_ws_pause()) is not silent. */
gint64 tb_ws_silent_ms(const TbWs *ws);
void tb_ws_pause(TbWs *ws, bool paused); /* stop reading: back pressure on the peer */
/* From the next frame on: a peer that has said who it is may say more at once. */
void tb_ws_set_max_message(TbWs *ws, gsize max_message);
/* The kernel takes hardly more than it can send at once: what waits, waits in our queue, where the owner sees it
 * (tb_ws_queued(), `drained`) and decides what goes first. Once the socket stands. */
void tb_ws_keep_short(TbWs *ws);
TbRole tb_ws_role(TbWs *ws);
const char *tb_ws_user(TbWs *ws);
