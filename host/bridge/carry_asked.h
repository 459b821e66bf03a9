#pragma once
/*
 * A carried request that needs no connection to the host's own HTTP server, for its route answers with one text of JSON: it is asked
 * within the process (tb_http_ask()), and head and body go on the stream as it takes them. Main thread.
 */
#include "host/bridge/message.h"
#include "lib/http/http.h"
#include "lib/proto/mux.h"

typedef struct TbCarryAsked TbCarryAsked;

typedef struct TbCarryAskedOps {
        void (*gather)(bool begins, gpointer data); /* what is sent until it ends belongs together */
        void (*ended)(gpointer data);
} TbCarryAskedOps;

/* NULL: it does need one, and nothing was begun. `ended` runs once, from the loop or one of the calls below, not from inside this one, when the
 * stream has its end: then it is invalid. *ret_done: it has that already, and there is nothing to hold. The request has no body. */
TbCarryAsked *tb_carry_asked_new(TbHttp *http, TbMuxStream *stream, const TbBridgeMessage *request,
                                 const char *user, TbRole role, const TbCarryAskedOps *ops, gpointer data,
                                 bool *ret_done);
void tb_carry_asked_writable(TbCarryAsked *asked); /* the stream has room again */
void tb_carry_asked_abandon(TbCarryAsked *asked);  /* the stream is gone: so is the request. `ended` runs */
