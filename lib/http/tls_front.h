#pragma once
/*
 * TLS before the HTTP server. libmicrohttpd and the WebSockets behind it work on sockets (refuse.c and slow.c look into
 * them, too), so they keep one: of each TLS connection they get one end of a socket pair, as if that was the client. A thread
 * of its own accepts, shakes hands and carries bytes between the pair and the client. It holds nothing back: what one
 * side does not take is not read from the other, so flow control and every limit of lib/http hold as without TLS, and an
 * end of one side becomes the end of the other. What handshakes of strangers cost is that thread's, and among its turns
 * they come last. A handshake that stalls ends after TB_LIMIT_TLS_HANDSHAKE_S; plain HTTP is answered in words.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/net.h"
#include "lib/tls.h"

typedef struct TbTlsFront TbTlsFront;

typedef struct TbTlsArrival { /* a client whose handshake is through */
        int fd;               /* what stands for it; who is called owns it */
        struct sockaddr_storage peer;
        char local[TB_ADDRESS_TEXT];
        bool plain; /* of one that came elsewhere, and without TLS there (tb_http_take()) */
} TbTlsArrival;

/* Main thread. `listen_fd` is the front's when it succeeds. `tls`: a ref is taken. `most`: connections at once; the next wait in
 * the kernel. `arrived` is called on main. */
TbTlsFront *tb_tls_front_new(int listen_fd, TbTls *tls, guint most,
                             void (*arrived)(const TbTlsArrival *arrival, gpointer data), gpointer data,
                             GError **error);
void tb_tls_front_quiesce(TbTlsFront *front); /* nobody new; who is through goes on. Main thread */
/* When all that arrived have been closed: sends what they left, for TB_LIMIT_TLS_DRAIN_MS at most. Accepts NULL. Main thread. */
void tb_tls_front_free(TbTlsFront *front);
