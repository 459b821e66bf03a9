#pragma once
/* Addresses and listening sockets. Any thread. */
#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

#define TB_ADDRESS_TEXT 64 /* bytes that the text of any address fits in, NUL included */

/* A numeric loopback address (127.0.0.0/8, ::1) or the name "localhost". */
bool tb_address_is_loopback(const char *address);
/* Numeric, without a port; an IPv4 peer of a dual-stack socket is told as IPv4. "" when it is neither. */
void tb_address_text(const struct sockaddr *address, char ret_text[TB_ADDRESS_TEXT]);
/* A listening TCP socket, non-blocking and close-on-exec; -1 on error. `address`: numeric or "localhost";
 * "::" hears IPv4 too. `port` 0: any free one. `ret_bound`: where it listens, as text; `ret_port`: and on
 * which port (both nullable). The caller closes it. */
int tb_listen(const char *address, guint16 port, char ret_bound[TB_ADDRESS_TEXT], guint16 *ret_port,
              GError **error);
