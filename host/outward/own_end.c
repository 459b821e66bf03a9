#include "host/outward/own_end.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "lib/limits.h"
#include "lib/own_addresses.h"

/* Streams lie over one another; each names the one below. NULL: there is no socket. */
static GSocketConnection *socket_of(GIOStream *stream)
{
        static const char *const below[] = {"base-io-stream", "base-iostream"};
        for (guint depth = 0; stream && depth < 4; depth++) {
                GIOStream *next = NULL;
                if (G_IS_SOCKET_CONNECTION(stream))
                        return G_SOCKET_CONNECTION(stream);
                for (gsize i = 0; !next && i < G_N_ELEMENTS(below); i++)
                        if (g_object_class_find_property(G_OBJECT_GET_CLASS(stream), below[i]))
                                g_object_get(stream, below[i], &next, NULL);
                if (next)
                        g_object_unref(next); /* the one above holds it */
                stream = next;
        }
        return NULL;
}

bool tb_own_end_is_gone(GIOStream *stream)
{
        GSocketConnection *connection = socket_of(stream);
        g_autoptr(GSocketAddress) address =
                connection ? g_socket_connection_get_local_address(connection, NULL) : NULL;
        if (!address || !G_IS_INET_SOCKET_ADDRESS(address))
                return false;
        g_autofree char *text =
                g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
        return !tb_address_is_own(text);
}

void tb_own_end_keep_short(GIOStream *stream)
{
        GSocketConnection *connection = socket_of(stream);
        if (connection)
                g_socket_set_option(g_socket_connection_get_socket(connection), IPPROTO_TCP,
                                    TCP_NOTSENT_LOWAT, TB_LIMIT_LINK_UNSENT, NULL);
}
