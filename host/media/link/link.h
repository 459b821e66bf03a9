#pragma once
/*
 * One end of the socketpair between testbed-host and testbed-media. Neither end ever waits for the other: what
 * the socket does not take is queued, counted, up to TB_LIMIT_LINK_QUEUE; above TB_LIMIT_LINK_UNITS pictures are
 * refused (the sender leaves them out until the next keyframe), above TB_LIMIT_LINK_PEER everything of one peer.
 * Thread: main, except tb_link_send() (any).
 */
#include "host/media/link/message.h"

typedef struct TbLink TbLink;

#define TB_MEDIA_SOCKET 3   /* testbed-media finds its end of the socketpair here */
#define TB_MEDIA_PICTURES 4 /* … and of the one for pictures of phones (pictures.h) here */

/* Both on the main thread. `message` is borrowed. `ended`: the other side is gone, or has sent what it may
 * not; nothing comes after it. Inside of both the link may be freed. */
typedef struct TbLinkCallbacks {
        void (*message)(const TbLinkMessage *message, void *data);
        void (*ended)(const char *why, void *data);
} TbLinkCallbacks;

/* Takes `fd`, a stream socket. `side`: which one this is. `callbacks` is static. */
TbLink *tb_link_new(int fd, TbLinkSide side, const TbLinkCallbacks *callbacks, void *data);
void tb_link_free(TbLink *link); /* no other thread sends any more; accepts NULL */

#define TB_LINK_GONE "it has ended" /* `why` when the other side closed */

typedef enum TbLinkSent {
        TB_LINK_SENT,
        TB_LINK_FULL, /* a ceiling is reached: nothing of it was sent */
        TB_LINK_BAD,  /* it is no message, or the link has ended */
} TbLinkSent;
/* Any thread. What is sent by one thread arrives in that order. */
TbLinkSent tb_link_send(TbLink *link, const TbLinkMessage *message);
/* Bytes of messages with this id (of peers, not of sources) that wait. Any thread. */
gsize tb_link_waiting(TbLink *link, guint32 id);
