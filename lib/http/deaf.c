/*
 * A listener that does not listen. libmicrohttpd takes EMFILE, ENFILE, ENOBUFS and ENOMEM of accept() for its limit of
 * connections: it looks at its socket again when one of its connections ends, and for hours none may (docs/UPSTREAM.md). When
 * that happens it says something, in words that are its own; so whenever it says anything it is looked, a moment later,
 * whether somebody waits who has a place. If so it is given a connection that has ended already, and a descriptor is needed
 * for that: while there is none, who holds some that do nothing is asked.
 */
#include <poll.h>
#include <sys/socket.h>

#include "lib/descriptors.h"
#include "lib/http/private.h"

#define LOOK_MS 500

static void give_ended(TbHttp *http)
{
        static const struct sockaddr nobody = {.sa_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); /* never connected */
        if (fd < 0) {
                tb_descriptors_ask();
                return;
        }
        http->nobody_fd = fd;
        if (MHD_add_connection(http->daemon, fd, &nobody, sizeof nobody) != MHD_YES) /* closed by it */
                http->nobody_fd = -1;
        tb_http_kick(http);
}

static gboolean on_look(gpointer data)
{
        TbHttp *http = data;
        struct pollfd listener = {.fd = http->listen_fd, .events = POLLIN};
        const union MHD_DaemonInfo *info =
                MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
        if (http->stopping || info->num_connections >= http->max_connections || poll(&listener, 1, 0) <= 0) {
                g_clear_pointer(&http->look, g_source_unref);
                return G_SOURCE_REMOVE;
        }
        if (http->nobody_fd < 0)
                give_ended(http);
        return G_SOURCE_CONTINUE;
}

void tb_deaf_look(TbHttp *http)
{
        if (http->look || !http->daemon || http->stopping || http->listen_fd < 0)
                return;
        http->look = g_timeout_source_new(LOOK_MS);
        g_source_set_callback(http->look, on_look, http, NULL);
        g_source_attach(http->look, g_main_context_get_thread_default());
}

bool tb_deaf_is_nobody(TbHttp *http, struct MHD_Connection *connection,
                       enum MHD_ConnectionNotificationCode code)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (http->nobody_fd < 0 || !info || info->connect_fd != http->nobody_fd)
                return false;
        if (code == MHD_CONNECTION_NOTIFY_CLOSED)
                http->nobody_fd = -1;
        return true;
}

void tb_deaf_stop(TbHttp *http)
{
        if (http->look)
                g_source_destroy(http->look);
        g_clear_pointer(&http->look, g_source_unref);
}
