#include "lib/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "lib/descriptors.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/net.h"
#include "lib/tally.h"

#define OUT_OF_DESCRIPTORS_MS 1000 /* a level-triggered listener would spin */

struct TbListener {
        int fd;
        guint source;
        TbTally *refusals; /* owned */
        void (*connection)(int fd, const char *peer, gpointer data);
        gpointer data;
};

static void say_more(const char *what, guint64 more, double seconds, gpointer data G_GNUC_UNUSED)
{
        g_autofree char *text = tb_tally_text(more, seconds);
        tb_log(TB_LOG_WARNING, TB_F(), "%s: %s", what, text);
}

static void say_refused(TbListener *listener)
{
        static const char text[] = "no open files are left for connections: one is refused";
        if (tb_tally_note(listener->refusals, text))
                tb_log(TB_LOG_WARNING, TB_F(), "%s", text);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data);

static gboolean on_pause_over(gpointer data)
{
        TbListener *listener = data;
        listener->source = g_unix_fd_add(listener->fd, G_IO_IN, on_readable, listener);
        return G_SOURCE_REMOVE;
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data)
{
        (void)condition;
        TbListener *listener = data;
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        int peer = accept4(fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer < 0 && (errno == EMFILE || errno == ENFILE)) {
                tb_descriptors_ask();
                say_refused(listener);
                listener->source = g_timeout_add(OUT_OF_DESCRIPTORS_MS, on_pause_over, listener);
                return G_SOURCE_REMOVE;
        }
        if (peer < 0)
                return G_SOURCE_CONTINUE;
        if (tb_descriptors_are_few(peer))
                tb_descriptors_ask();
        if (!tb_descriptors_allow(peer)) {
                say_refused(listener);
                close(peer);
                return G_SOURCE_CONTINUE;
        }
        int one = 1;
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(peer, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
        char text[TB_ADDRESS_TEXT];
        tb_address_text((struct sockaddr *)&address, text);
        listener->connection(peer, text, listener->data);
        return G_SOURCE_CONTINUE;
}

TbListener *tb_listener_of(int fd_take, void (*connection)(int fd, const char *peer, gpointer data),
                           gpointer data)
{
        TbListener *listener = g_new0(TbListener, 1);
        listener->fd = fd_take;
        listener->refusals = tb_tally_new(1, TB_LIMIT_TALLY_S * 1000, say_more, NULL);
        listener->connection = connection;
        listener->data = data;
        listener->source = g_unix_fd_add(fd_take, G_IO_IN, on_readable, listener);
        return listener;
}

TbListener *tb_listener_new(const char *address, guint16 port,
                            void (*connection)(int fd, const char *peer, gpointer data), gpointer data,
                            GError **error)
{
        int fd = tb_listen(address, port, NULL, NULL, error);
        return fd < 0 ? NULL : tb_listener_of(fd, connection, data);
}

guint16 tb_listener_port(const TbListener *listener)
{
        return tb_socket_port(listener->fd);
}

void tb_listener_free(TbListener *listener)
{
        if (!listener)
                return;
        g_source_remove(listener->source);
        close(listener->fd);
        tb_tally_free(listener->refusals);
        g_free(listener);
}
