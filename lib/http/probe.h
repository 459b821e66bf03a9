#pragma once
/* Asks a daemon of this machine how it is, for health checks: by its own configuration, so also by TLS. */
#include <glib.h>
#include <stdbool.h>

#define TB_PROBE_S 5 /* at each step */

/* GET `path`; true when the answer is 200. `address`: where it listens (that of any interface: loopback is asked). Its
 * certificate is not looked at: it is for a name, and this is the same machine. Blocks for TB_PROBE_S at most at each step. */
bool tb_probe(const char *address, guint16 port, bool tls, const char *path, GError **error);
