#pragma once
/*
 * Clients of this server, carried byte for byte to the one that has the state: two sockets each, joined in both directions. What one side
 * does not take is not read from the other; an end of one side becomes the end of the other. An idle pair has no buffer. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/net.h"
#include "lib/poller.h"

typedef struct TbSplices TbSplices;

typedef struct TbClient { /* who has come, and how */
        int fd;
        char peer[TB_ADDRESS_TEXT], local[TB_ADDRESS_TEXT];
        bool tls;        /* it came by TLS, which has ended here */
        gint64 since_us; /* monotonic: when it came */
} TbClient;

/* `back`: the other server is not there; the client is given back, and has not lost a byte. It takes client->fd. */
TbSplices *tb_splices_new(TbPoller *poller, void (*back)(const TbClient *client, gpointer data),
                          gpointer data);
void tb_splices_free(TbSplices *splices); /* ends all. Accepts NULL */
/* Takes client->fd. `head` is said first. */
void tb_splices_add(TbSplices *splices, const TbClient *client, const char *address, guint16 port,
                    const char *head);
/* Ends those that have said something there; the others come back. For a server that is not the one any more. */
void tb_splices_end(TbSplices *splices);
/* Those that have waited for the other server's answer too long come back. */
void tb_splices_tick(TbSplices *splices, gint64 now_us);
guint tb_splices_count(const TbSplices *splices);
guint64 tb_splices_bytes(const TbSplices *splices);
