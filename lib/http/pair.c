/*
 * A connection that is no socket of a client's: one end of a socket pair, the other is the library's. Whoever holds our end says for
 * whom he asks; no token is made or looked for. All else is as on any other connection: the dispatcher, its checks and limits.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/http/private.h"
#include "lib/thread.h"

TbHttpPair *tb_http_pair_new(TbHttp *http, GError **error)
{
        tb_assert_main();
        int fds[2];
        if (http->stopping || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "no connection within this machine is to be had now");
                return NULL;
        }
        const struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        TbHttpPair *pair = g_new0(TbHttpPair, 1);
        pair->ref = 1;
        pair->fd = fds[0];
        pair->caller.user = g_strdup("");
        http->pair = pair; /* the library calls on_connection() at once: it has no thread of its own */
        bool taken = MHD_add_connection(http->daemon, fds[1], (const struct sockaddr *)&here, sizeof here) ==
                     MHD_YES;
        http->pair = NULL;
        if (!taken || pair->ref < 2) { /* it has closed the descriptor */
                tb_set_error(error, TB_ERROR_LIMIT,
                             "there are too many connections within this machine already");
                tb_http_pair_free(pair);
                return NULL;
        }
        tb_http_kick(http);
        return pair;
}

void tb_http_pair_as(TbHttpPair *pair, const char *user, TbRole role)
{
        tb_caller_clear(&pair->caller);
        pair->caller = (TbCaller){.user = g_strdup(user), .role = role, .by = TB_BY_TOKEN};
}

int tb_http_pair_fd(const TbHttpPair *pair)
{
        return pair->fd;
}

TbHttpPair *tb_http_pair_ref(TbHttpPair *pair)
{
        pair->ref++;
        return pair;
}

void tb_http_pair_unref(TbHttpPair *pair)
{
        if (!pair || --pair->ref > 0)
                return;
        tb_caller_clear(&pair->caller);
        g_free(pair);
}

void tb_http_pair_free(TbHttpPair *pair)
{
        if (!pair)
                return;
        close(pair->fd);
        pair->fd = -1;
        tb_http_pair_unref(pair);
}
