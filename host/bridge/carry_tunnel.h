#pragma once
/*
 * A carried WebSocket at the host's end: a connection to the host's own HTTP listener, whose bytes behind the 101 go
 * through the stream as they are, both ways. Credit is given back when the listener has taken what came, and the
 * connection is read only while the stream takes it: who stalls holds up nobody but itself. Main thread.
 */
#include <libsoup/soup.h>

#include "lib/proto/mux.h"

typedef struct TbCarryTunnel TbCarryTunnel;

/*
 * `request`: method, path and headers of the handshake (borrowed); `protocols`: what the client offers (nullable).
 * `ended` is called once, when nothing of it is under way any more: then it can be freed. `stream` is invalid by then, or it
 * has been reset, unless tb_carry_tunnel_abandon() came first.
 */
TbCarryTunnel *tb_carry_tunnel_new(TbMuxStream *stream, guint16 port, SoupMessage *request,
                                   const char *protocols, void (*ended)(gpointer data), gpointer data);
void tb_carry_tunnel_data(TbCarryTunnel *tunnel, const guint8 *bytes, gsize size, bool end);
void tb_carry_tunnel_writable(TbCarryTunnel *tunnel); /* of the stream */
/* The stream has gone. `ended` is called from inside when nothing is under way. */
void tb_carry_tunnel_abandon(TbCarryTunnel *tunnel);
void tb_carry_tunnel_free(TbCarryTunnel *tunnel); /* accepts NULL */
