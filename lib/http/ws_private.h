#pragma once
/*
 * A WebSocket from inside. ws_upgrade.c makes one of a request, ws.c moves bytes and frames, ws_life.c looks
 * after all of a server's: silence, closing, death. Main thread.
 */
#include <wslay/wslay.h>

#include "lib/http/private.h"
#include "lib/http/ws.h"

#define TB_WS_CLOSE_WAIT_US (2 * G_USEC_PER_SEC) /* for the peer's close frame, then the socket is closed */
#define TB_WS_CODE_NONE 1006                     /* no close frame came (RFC 6455, 7.1.5) */

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

/* ws.c */
wslay_event_context_ptr tb_ws_context(TbWs *ws); /* made when it is needed */
/* The upgraded socket (taken); `extra` (taken, nullable): what came with the request. */
void tb_ws_begin(TbWs *ws, int fd, GBytes *extra_take);
void tb_ws_pump_out(TbWs *ws);

/* ws_life.c */
void tb_ws_enlist(TbWs *ws); /* a new one */
void tb_ws_heard(TbWs *ws);  /* bytes came */
void tb_ws_mark_closing(TbWs *ws);
/* Ends it without more frames; `closed` follows from the loop, never from inside a call of the owner's. */
void tb_ws_die(TbWs *ws, int code);
