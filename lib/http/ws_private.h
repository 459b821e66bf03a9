#pragma once
/*
 * A WebSocket from inside. ws_upgrade.c makes one of a request; ws.c is what its owner sees, and decides when it
 * works; ws_in.c makes messages of bytes (whole ones where they lie, ws_frame.h; the rest by wslay's frame layer), ws_out.c is its
 * send queue; ws_life.c looks after all of a server's: silence, closing, waiting, death. Main thread.
 *
 * Work is metered in one place, tb_ws_read(): a turn of one socket ends after TB_LIMIT_WS_TURN_* bytes, frames or
 * microseconds and goes on with the loop's next round, after everybody else's; and a socket whose frames come
 * faster than TB_LIMIT_WS_FRAMES_PER_S is not read until they are due. All together have TB_LIMIT_TURN_US in a round of the
 * loop, in the order of their holders (ws_turns.c). Nobody can send what is not counted:
 * every frame costs one, one that carries nothing or only a part costs TB_WS_EMPTY_COST.
 */
#include <wslay/wslay.h>

#include "lib/http/private.h"
#include "lib/http/ws.h"
#include "lib/rate.h"

#define TB_WS_CLOSE_WAIT_US (2 * G_USEC_PER_SEC) /* for the peer's close frame, then the socket is closed */
#define TB_WS_CODE_NONE 1006                     /* no close frame came (RFC 6455, 7.1.5) */
#define TB_WS_CODE_EMPTY 1005                    /* a close frame without a code */
#define TB_WS_CONTROL_MAX 125                    /* bytes of a control frame's payload (RFC 6455, 5.5) */

/* What is kept while a frame or a message is under way. */
typedef struct TbWsIn {
        wslay_frame_context_ptr frames; /* owned; 4 KB */
        GByteArray *message;            /* owned; the data message; NULL: none is under way */
        guint64 left;                   /* bytes of the frame that are to come */
        gsize held;    /* bytes read and not yet told by wslay: whole frames may be among them */
        guint8 kind;   /* opcode of the message; 0: none is under way */
        guint8 opcode; /* of the frame */
        bool in_frame, fin;
        guint8 control_size;
        guint8 control[TB_WS_CONTROL_MAX];
} TbWsIn;

typedef struct TbWsHolder TbWsHolder;
typedef struct TbWsTurn TbWsTurn; /* ws_in.c */

struct TbWs {
        GList link;           /* in http->sockets, the longest silent first; then in http->dead */
        GList wait_link;      /* in http->waiting while `waits` */
        GList turn_link;      /* in the holder's queue */
        GList dirty_link;     /* in http->ws_dirty while its data is set */
        TbWsHolder *holder;   /* borrowed; NULL: it does not wait for its turn */
        TbHttp *http;         /* borrowed */
        TbRequest *request;   /* borrowed; until the 101 is sent */
        int fd;               /* owned; -1: not yet, or closed */
        TbPollerEntry *entry; /* owned */
        TbWsIn *in;           /* owned; NULL while idle: an idle socket should not cost its 4 KB */
        const TbWsOps *ops;   /* borrowed */
        gpointer data;        /* borrowed */
        GBytes *extra;        /* owned; bytes that came with the request's headers, or in the last turn */
        TbWsTurn *turn;       /* borrowed; while one is under way */
        gsize max_message;
        gsize turn_bytes;          /* bytes that may still be read in this turn */
        TbBucket frames;           /* what its frames may cost */
        GByteArray *out;           /* owned; frames that wait; NULL: none */
        gsize out_at;              /* bytes of it that are sent */
        gsize pong_end;            /* where in `out` the last pong ends; 0: none is in it */
        GBytes *pong;              /* owned; the latest ping's payload, not yet answered; NULL: none */
        gint64 heard_us, close_us; /* last bytes from the peer; when we started to close, 0: not */
        gint64 sent_us;            /* when a message was last handed to the kernel at once */
        bool grown;                /* `out` has been larger than it looks */
        bool paused;               /* by the owner */
        bool waits;                /* for its frames to be due */
        bool again;                /* more is to be done without the kernel telling of it */
        bool behind;               /* the peer did not take all at once: the owner is told when it has */
        bool closing_out;          /* the close frame is in `out`: nothing follows it */
        bool hurry;                /* with it, this ends: the close frame of the peer is not waited for */
        bool closing_in; /* the peer's close frame came, or its bytes make no sense: nothing is read */
        bool dead, in_io, eof;
        bool is_signed_member; /* tb_caller_is_signed_member() */
        guint8 missed;         /* pings without any bytes after them */
        guint8 role;
        gint16 code;
        char *id;                        /* owned: request id NUL user NUL peer NUL login NUL in one piece */
        const char *user, *peer, *login; /* login: TbCaller.login; "": none */
        gint64 until_ms;                 /* TbCaller.until_ms */
        TbPlace place;
        TbUnread unread;
};

/* ws.c */
/* The upgraded socket (taken); `extra` (taken, nullable): what came with the request. */
void tb_ws_begin(TbWs *ws, int fd, GBytes *extra_take);
void tb_ws_set_events(TbWs *ws); /* after its state has changed */
void tb_ws_turn(TbWs *ws);       /* reads and answers, if it still may; it does not wait for its turn */
void tb_ws_flush(TbWs *ws);      /* writes, and tells its owner when it is not behind any more */

/* ws_turns.c */
/* What is said in a turn of the loop's goes out at its end, all of one socket's at once. False: no turn is under way. */
bool tb_ws_gather(TbWs *ws);
void tb_ws_scatter(TbWs *ws); /* it is not among those */
/* False: the budget of this round is spent, tb_ws_turn() is called in another one. */
bool tb_ws_turn_take(TbWs *ws);
void tb_ws_turn_leave(TbWs *ws); /* it does not wait any more; one that does not wait is allowed */

/* ws_in.c */
/* One turn: reads, and calls the owner's `message`. The rest of what came is left for the next. */
void tb_ws_read(TbWs *ws);
void tb_ws_in_free(TbWsIn *in);          /* accepts NULL */
bool tb_ws_in_is_idle(const TbWsIn *in); /* between frames and messages: it can be freed */

/* ws_out.c */
/* Queues a frame. False, and nothing queued, when the queue would pass `most`. */
bool tb_ws_queue(TbWs *ws, guint8 opcode, const void *bytes, gsize size, gsize most);
void tb_ws_queue_close(TbWs *ws, int code, const char *reason);
void tb_ws_pong(TbWs *ws, const void *bytes, gsize size); /* the latest wins */
bool tb_ws_has_output(const TbWs *ws);
/* Sends what the kernel takes, at most TB_LIMIT_WS_TURN_OUT; ends the socket when its close is complete. True: tb_ws_set_events()
 * is due. */
bool tb_ws_put(TbWs *ws);
void tb_ws_write(TbWs *ws); /* both */

/* ws_life.c */
void tb_ws_enlist(TbWs *ws); /* a new one */
void tb_ws_heard(TbWs *ws);  /* bytes came */
void tb_ws_wait(TbWs *ws);   /* it has sent too fast: it is read again soon */
void tb_ws_mark_closing(TbWs *ws);
/* Ends it without more frames; `closed` follows from the loop, never from inside a call of the owner's. */
void tb_ws_die(TbWs *ws, int code);
