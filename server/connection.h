#pragma once
/*
 * A WebSocket of the server and the party behind it: what the pairing does to a connection (TbPartyOps), and the place that one has
 * among those of its network until its hello is accepted. Main thread.
 */
#include "lib/net.h"
#include "server/list_sockets.h"
#include "server/server_private.h"

typedef struct TbConnection { /* a WebSocket and the party behind it */
        TbServer *server;     /* borrowed */
        TbWs *ws;             /* borrowed; NULL once closed */
        TbParty *party;       /* owned by the pairing; borrowed; NULL: it reads lists, or is of calls */
        char net[TB_NET_KEY]; /* whose share it takes */
        bool local;           /* it comes from this machine */
        bool counted;         /* among those that came to nothing, or it came to something */
        TbCaller *caller;     /* owned, until it has said who it is: who opened it; NULL: nobody */
        TbListSocket *lists;  /* owned; it reads lists and is no party; NULL */
        TbCallLine *call;     /* owned; of who takes part in calls; NULL */
        GList link;           /* in the queue of its network until its hello is accepted */
} TbConnection;

extern const TbPartyOps tb_connection_ops;

/* Counted when it is refused, not when its socket has gone: a refused one may leave that waiting for long. */
void tb_connection_nothing(TbConnection *connection);
void tb_connection_waits(TbConnection *connection);   /* for its hello to be accepted */
void tb_connection_entered(TbConnection *connection); /* or it has gone */
void tb_connection_forget_caller(TbConnection *connection);
/* Who has a token says so at once. So not the newest of a network is refused, which may be he, but the oldest gives way. */
void tb_connection_make_room(TbServer *server, const char *net);
