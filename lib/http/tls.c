/* Clients whose handshake is through, on their way to libmicrohttpd. */
#include <netinet/in.h>
#include <unistd.h>

#include "lib/http/private.h"
#include "lib/thread.h"

static void arrived(const TbTlsArrival *arrival, gpointer data)
{
        TbHttp *http = data;
        tb_assert_main();
        http->arrival = arrival; /* the library calls on_connection() at once: it has no thread of its own */
        /* closes the descriptor when it refuses */
        MHD_add_connection(http->daemon, arrival->fd, (const struct sockaddr *)&arrival->peer,
                           arrival->peer.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                               : sizeof(struct sockaddr_in));
        http->arrival = NULL;
        tb_http_kick(http);
}

void tb_http_take(TbHttp *http, int fd, const char *peer, const char *local, bool tls)
{
        TbTlsArrival arrival = {.fd = fd, .plain = !tls};
        if (http->stopping || !tb_address_parse(peer, &arrival.peer)) {
                close(fd);
                return;
        }
        g_strlcpy(arrival.local, local, sizeof arrival.local);
        arrived(&arrival, http);
}

bool tb_tls_begin(TbHttp *http, int listen_fd, TbTls *tls, guint most, GError **error)
{
        http->front = tb_tls_front_new(listen_fd, tls, most, arrived, http, error);
        return http->front != NULL;
}
