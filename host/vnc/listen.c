#include "host/vnc/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "lib/error.h"
#include "lib/log.h"

#define BACKLOG 64
#define OUT_OF_DESCRIPTORS_MS 1000 /* a level-triggered listener would spin */

struct TbVncListener {
        int fd;
        guint source;
        void (*connection)(int fd, const char *peer, gpointer data);
        gpointer data;
};

static gboolean on_readable(int fd, GIOCondition condition, gpointer data);

static gboolean on_pause_over(gpointer data)
{
        TbVncListener *listener = data;
        listener->source = g_unix_fd_add(listener->fd, G_IO_IN, on_readable, listener);
        return G_SOURCE_REMOVE;
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data)
{
        (void)condition;
        TbVncListener *listener = data;
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        int peer = accept4(fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer < 0 && (errno == EMFILE || errno == ENFILE)) {
                tb_log(TB_LOG_WARNING, TB_F(), "VNC: no descriptor is left for a viewer");
                listener->source = g_timeout_add(OUT_OF_DESCRIPTORS_MS, on_pause_over, listener);
                return G_SOURCE_REMOVE;
        }
        if (peer < 0)
                return G_SOURCE_CONTINUE;
        int one = 1;
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(peer, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
        char text[INET6_ADDRSTRLEN] = "?";
        getnameinfo((struct sockaddr *)&address, size, text, sizeof text, NULL, 0, NI_NUMERICHOST);
        listener->connection(peer, text, listener->data);
        return G_SOURCE_CONTINUE;
}

TbVncListener *tb_vnc_listener_new(const char *address, guint16 port,
                                   void (*connection)(int fd, const char *peer, gpointer data), gpointer data,
                                   GError **error)
{
        g_autoptr(GInetAddress) inet = g_inet_address_new_from_string(address);
        if (!inet) {
                g_set_error(error, TB_ERROR, TB_ERROR_INVALID, "\"%s\" is not an address", address);
                return NULL;
        }
        g_autoptr(GSocketAddress) to = g_inet_socket_address_new(inet, port);
        struct sockaddr_storage native;
        if (!g_socket_address_to_native(to, &native, sizeof native, error))
                return NULL;
        int fd = socket(native.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
            bind(fd, (struct sockaddr *)&native, (socklen_t)g_socket_address_get_native_size(to)) < 0 ||
            listen(fd, BACKLOG) < 0) {
                g_set_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE, "cannot listen on %s port %u: %s", address,
                            port, g_strerror(errno));
                if (fd >= 0)
                        close(fd);
                return NULL;
        }
        TbVncListener *listener = g_new0(TbVncListener, 1);
        listener->fd = fd;
        listener->connection = connection;
        listener->data = data;
        listener->source = g_unix_fd_add(fd, G_IO_IN, on_readable, listener);
        return listener;
}

void tb_vnc_listener_free(TbVncListener *listener)
{
        if (!listener)
                return;
        g_source_remove(listener->source);
        close(listener->fd);
        g_free(listener);
}

bool tb_vnc_is_loopback(const char *address)
{
        g_autoptr(GInetAddress) inet = g_inet_address_new_from_string(address);
        return inet && g_inet_address_get_is_loopback(inet);
}
