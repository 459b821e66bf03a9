#pragma once
/* Addresses and listening sockets. Any thread. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/socket.h>

#define TB_ADDRESS_TEXT 64 /* bytes that the text of any address fits in, NUL included */

/* A numeric loopback address (127.0.0.0/8, ::1) or the name "localhost". */
bool tb_address_is_loopback(const char *address);
/* Numeric, without a port; an IPv4 peer of a dual-stack socket is told as IPv4. "" when it is neither. */
void tb_address_text(const struct sockaddr *address, char ret_text[TB_ADDRESS_TEXT]);
/* tb_listen() would take it: numeric, or "localhost". */
bool tb_address_can_listen(const char *address);
/* A listening TCP socket, non-blocking and close-on-exec; -1 on error. `address`: numeric or "localhost";
 * "::" hears IPv4 too. `port` 0: any free one. `ret_bound`: where it listens, as text; `ret_port`: and on
 * which port (both nullable). The caller closes it. */
int tb_listen(const char *address, guint16 port, char ret_bound[TB_ADDRESS_TEXT], guint16 *ret_port,
              GError **error);

guint16 tb_socket_port(int fd); /* that it is bound to; 0: none */
/* What tb_address_text() writes, back; its port is 0. False: it is none. */
bool tb_address_parse(const char *text, struct sockaddr_storage *ret);

/* --- ranges of addresses: who is meant by "10.1.0.0/16" --- */
typedef struct TbNetRange {
        guint8 address[16]; /* an IPv4 one as ::ffff:a.b.c.d */
        int bits;           /* of it that count; 0 to 128 */
} TbNetRange;

/* "10.1.0.0/16", "fd00::/8", or one address alone. INVALID: it is none, or bits beyond the prefix are set (a
 * typing mistake: 10.1.2.3/16 says two things). */
bool tb_net_range_parse(const char *text, TbNetRange *ret_range, GError **error);
/* An array of texts, as a configuration has it; `ret_ranges`: TbNetRange, the caller unrefs. INVALID: it is no
 * array of 1 to TB_LIMIT_NET_RANGES ranges. */
bool tb_net_ranges_parse(const json_t *list, GArray **ret_ranges, GError **error);
/* `address`: numeric, as tb_address_text() writes it, an IPv6 zone ("%eth0") is overlooked. False for what is no
 * address. `ranges` may be NULL: nobody. */
bool tb_net_ranges_contain(const GArray *ranges, const char *address);
/* "127.0.0.1:4001", "[::1]:4001", or the port alone (then *ret_address is NULL). The caller frees it. */
bool tb_net_endpoint_parse(const char *text, char **ret_address, guint16 *ret_port, GError **error);
