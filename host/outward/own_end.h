#pragma once
/*
 * Whether this machine still has the address by which a connection goes out. When it has another one (DHCP, another
 * network), nothing says so on the connection: it would be found out by silence. Main thread.
 */
#include <gio/gio.h>
#include <stdbool.h>

/* `stream`: a socket's, or one that libsoup or TLS has laid over it. False also when it cannot be told. */
bool tb_own_end_is_gone(GIOStream *stream);
/* The kernel takes hardly more of what goes out than it can send at once (TB_LIMIT_LINK_UNSENT): what waits, waits where we see it. */
void tb_own_end_keep_short(GIOStream *stream);
