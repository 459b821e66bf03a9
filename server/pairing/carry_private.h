#pragma once
/* What is carried for hosts: the requests of one link, each a job. carry.c begins and ends them, carry_back.c gives clients their answers. */
#include "lib/http/http.h"
#include "lib/proto/mux.h"
#include "server/pairing/carry.h"
#include "server/pairing/carry_socket.h"
#include "server/pairing/pairing_private.h"

typedef struct TbCarryLink { /* the streams of one host's connection */
        TbCarrier *carry;
        TbParty *host; /* borrowed */
        TbMux *mux;    /* owned */
        GQueue jobs;   /* TbCarryJob */
        GQueue held;   /* TbCarryJob with an answer that has begun in this turn of the link */
} TbCarryLink;

typedef struct TbCarryJob {
        TbCarryLink *link;     /* borrowed */
        GList node;            /* in link->jobs */
        TbMuxStream *stream;   /* valid until `closed`, or until we reset it */
        TbRequest *request;    /* ref */
        TbPush *push;          /* borrowed; NULL: no answer yet */
        TbCarrySocket *socket; /* owned; NULL: no WebSocket, or none yet */
        char *user;            /* owned: as whom it goes to the host */
        char *who;             /* owned: whose share it is */
        char *session;         /* owned: by whose link it came; NULL: by none */
        json_t *head;          /* owned; of an answer that is held until the turn's end; NULL: none is */
        GByteArray *begun;     /* owned; what came of its body */
        GList held_node;       /* in link->held, with `head` */
        TbRole role;
        bool reads, answered, websocket;
        guint64 given, told; /* bytes of the answer: to the client's queue, and taken from there */
} TbCarryJob;

/* Nobody waits any more, or what came makes no sense. Frees the job. */
void tb_carry_give_up(TbCarryJob *job, const char *reason);
/* The answer ends short: with an error while there is none yet, else with a cut body. */
void tb_carry_fail(TbCarryJob *job, const char *reason);

/* --- carry_back.c: what TbMuxOps calls, `data` is the TbCarryLink --- */
void tb_carry_on_head(TbMuxStream *stream, const guint8 *text, gsize size, bool end, gpointer data);
void tb_carry_on_data(TbMuxStream *stream, const guint8 *bytes, gsize size, bool end, gpointer data);
void tb_carry_on_rest(gpointer data);
void tb_carry_unhold(TbCarryJob *job); /* forgets an answer that is held */
