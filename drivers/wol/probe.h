#pragma once
/* Is a machine there? Thread: worker. */
#include "drivers/transport/io.h"

/* `address`: an IP address. `port` 0: a ping (no privilege is needed where net.ipv4.ping_group_range allows it); else a TCP port:
 * a connection, and also its refusal, is an answer. False: it could not be asked at all, or the wait was ended. */
bool tb_wol_probe(TbIo *io, const char *address, guint16 port, int timeout_ms, bool *ret_answered,
                  GError **error);
/* A packet to an address that may be a broadcast one. */
bool tb_wol_send(const char *address, guint16 port, const void *data, gsize size, GError **error);
