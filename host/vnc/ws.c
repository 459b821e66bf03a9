#include "host/vnc/ws.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "lib/error.h"
#include "lib/limits.h"

#define CHUNK (64 * 1024)
#define FULL (1024 * 1024) /* bytes on their way to a slow browser: then the viewer's thread has to wait */

typedef struct Pump {
        TbWs *ws;         /* borrowed; NULL: closed */
        int fd;           /* owned */
        GByteArray *back; /* owned: what the viewer's thread has not taken yet */
        guint in, out;    /* source ids */
        guint8 buf[CHUNK];
} Pump;

static gboolean on_in(int fd, GIOCondition condition, gpointer data);

static gboolean on_out(int fd, GIOCondition condition, gpointer data)
{
        (void)condition;
        Pump *pump = data;
        ssize_t n = send(fd, pump->back->data, pump->back->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
                return G_SOURCE_CONTINUE;
        if (n > 0)
                g_byte_array_remove_range(pump->back, 0, (guint)n);
        if (n > 0 && pump->back->len)
                return G_SOURCE_CONTINUE;
        pump->out = 0;
        if (pump->ws)
                tb_ws_pause(pump->ws, false);
        return G_SOURCE_REMOVE;
}

static void on_message(TbWs *ws, bool binary, const guint8 *bytes, gsize size, gpointer data)
{
        Pump *pump = data;
        if (!binary) {
                tb_ws_close(ws, 1003, "binary frames only");
                return;
        }
        if (pump->back->len == 0) {
                ssize_t n = send(pump->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n > 0) {
                        bytes += n;
                        size -= (gsize)n;
                }
        }
        if (size == 0)
                return;
        g_byte_array_append(pump->back, bytes, (guint)size);
        tb_ws_pause(ws, true);
        if (!pump->out)
                pump->out = g_unix_fd_add(pump->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_out, pump);
}

static gboolean on_in(int fd, GIOCondition condition, gpointer data)
{
        (void)condition;
        Pump *pump = data;
        ssize_t n = recv(fd, pump->buf, sizeof pump->buf, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        if (n <= 0) {
                pump->in = 0;
                tb_ws_close(pump->ws, 1000, "the viewer was closed");
                return G_SOURCE_REMOVE;
        }
        if (!tb_ws_send(pump->ws, true, pump->buf, (gsize)n) || tb_ws_queued(pump->ws) > FULL) {
                pump->in = 0; /* goes on when drained; or `closed` follows */
                return G_SOURCE_REMOVE;
        }
        return G_SOURCE_CONTINUE;
}

static void on_drained(TbWs *ws, gpointer data)
{
        (void)ws;
        Pump *pump = data;
        if (!pump->in)
                pump->in = g_unix_fd_add(pump->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_in, pump);
}

static void on_closed(TbWs *ws, int code, gpointer data)
{
        (void)ws;
        (void)code;
        Pump *pump = data;
        if (pump->in)
                g_source_remove(pump->in);
        if (pump->out)
                g_source_remove(pump->out);
        close(pump->fd);
        g_byte_array_free(pump->back, TRUE);
        g_free(pump);
}

static const TbWsOps ops = {.message = on_message, .drained = on_drained, .closed = on_closed};

/* Sec-WebSocket-Protocol is a list; older noVNC asks for "binary", newer for nothing. */
static bool wants_binary(TbRequest *request)
{
        const char *header = tb_request_header(request, "Sec-WebSocket-Protocol");
        if (!header)
                return false;
        g_auto(GStrv) list = g_strsplit(header, ",", 16);
        for (guint i = 0; list[i]; i++)
                if (strcmp(g_strstrip(list[i]), "binary") == 0)
                        return true;
        return false;
}

int tb_vnc_ws_accept(TbRequest *request)
{
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
                g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE,
                                                      "no descriptor is left: %s", g_strerror(errno));
                tb_request_reply_error(request, error);
                return -1;
        }
        Pump *pump = g_new0(Pump, 1);
        pump->fd = pair[0];
        pump->back = g_byte_array_new();
        pump->ws = tb_request_upgrade(request, wants_binary(request) ? "binary" : NULL, TB_LIMIT_WS_MESSAGE,
                                      &ops, pump);
        if (!pump->ws) {
                close(pair[0]);
                close(pair[1]);
                g_byte_array_free(pump->back, TRUE);
                g_free(pump);
                return -1;
        }
        pump->in = g_unix_fd_add(pump->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_in, pump);
        return pair[1];
}
