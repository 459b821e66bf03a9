#pragma once
/*
 * A WebSocket that is carried to a host: the client's ends here, where it is looked after like any other (pings, slow
 * readers, turns), and its messages go on a stream, as frames. What the host sends is checked before it is passed on. Back
 * pressure goes through: a client that does not read stops its stream's sender, a host that does not read stops the
 * client. Main thread.
 */
#include "lib/http/http.h"
#include "lib/proto/mux.h"

typedef struct TbCarrySocket TbCarrySocket;

/* Answers the request with 101. NULL: it has been answered otherwise. `protocol`: what the host chose; nullable. */
TbCarrySocket *tb_carry_socket_new(TbRequest *request, TbMuxStream *stream, const char *protocol);
/* False: what came makes no sense; *ret_why (static). The stream is to be reset, and it is to be freed. */
bool tb_carry_socket_data(TbCarrySocket *socket, const guint8 *bytes, gsize size, bool end,
                          const char **ret_why);
void tb_carry_socket_writable(TbCarrySocket *socket);
/* The stream has gone; a client that is still there is told why. Accepts NULL. */
void tb_carry_socket_free(TbCarrySocket *socket, const char *reason);
