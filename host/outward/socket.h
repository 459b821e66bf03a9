#pragma once
/*
 * TbOutSocket: the WebSocket of the host's link, on a stream that somebody else has opened (libsoup: proxy, TLS, handshake). What is
 * said in a round of the loop goes out at its end, all at once; what comes is taken a turn's worth at a time (TB_LIMIT_LINK_TURN_IN, _FRAMES, _US), and
 * not at all while it is held: the rest stays in the kernel, so the peer has to wait. Main thread.
 */
#include <gio/gio.h>
#include <stdbool.h>

typedef struct TbOutSocket TbOutSocket;

typedef struct TbOutSocketOps { /* each may free the socket */
        void (*message)(bool binary, const guint8 *bytes, gsize size,
                        gpointer data); /* text: UTF-8, without a NUL */
        void (*turned)(gpointer data);  /* the messages of one turn have been told; NULL: nobody asks */
        void (*closed)(const char *reason,
                       gpointer data); /* for people; once, and not from inside tb_out_socket_send() */
} TbOutSocketOps;

/* `stream`: pollable in both directions, after the handshake; a ref is taken, closing it is its owner's. `ops`: static. */
TbOutSocket *tb_out_socket_new(GIOStream *stream, gsize max_message, const TbOutSocketOps *ops,
                               gpointer data);
/* Says goodbye (1001) as far as the kernel takes it at once; no callback from here on. Accepts NULL. */
void tb_out_socket_free(TbOutSocket *socket);
void tb_out_socket_send(TbOutSocket *socket, bool binary, const void *bytes,
                        gsize size); /* its owner knows how much waits */
void tb_out_socket_hold(TbOutSocket *socket, bool held);
gsize tb_out_socket_queued(const TbOutSocket *socket); /* bytes that the kernel has not taken */
