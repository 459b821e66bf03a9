#include "host/bridge/carry_body.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <unistd.h>

#include "lib/error.h"

struct TbCarryBody {
        TbMuxStream *stream; /* borrowed; NULL: no more */
        int fd;              /* owned: the pipe's writing end; -1: closed */
        guint watch;         /* source: the pipe is full */
        GByteArray *waiting; /* owned: what the pipe has not taken */
        bool end;
};

static void close_pipe(TbCarryBody *body)
{
        g_clear_handle_id(&body->watch, g_source_remove);
        if (body->fd >= 0)
                close(body->fd);
        body->fd = -1;
}

static gboolean on_room(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data);

/* Hands on what the pipe takes; gives its bytes back to the sender as credit. */
static void flush(TbCarryBody *body)
{
        gsize done = 0;
        while (body->fd >= 0 && done < body->waiting->len) {
                gssize n = write(body->fd, body->waiting->data + done, body->waiting->len - done);
                if (n > 0) {
                        done += (gsize)n;
                } else if (errno == EAGAIN) {
                        break;
                } else if (errno != EINTR) {
                        close_pipe(
                                body); /* its reader has left: it has its answer, or will say what is wrong */
                }
        }
        if (body->fd < 0)
                done = body->waiting->len;
        if (done > 0)
                g_byte_array_remove_range(body->waiting, 0, (guint)done);
        if (body->end && body->waiting->len == 0)
                close_pipe(body);
        else if (body->fd >= 0 && body->waiting->len > 0 && !body->watch)
                body->watch = g_unix_fd_add(body->fd, G_IO_OUT, on_room, body);
        if (body->stream)
                tb_mux_consumed(body->stream, done);
}

static gboolean on_room(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
        TbCarryBody *body = data;
        body->watch = 0;
        flush(body); /* watches again if it is to */
        return G_SOURCE_REMOVE;
}

TbCarryBody *tb_carry_body_new(TbMuxStream *stream, GInputStream **ret_reader, GError **error)
{
        int fds[2];
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "no pipe for the body: %s", g_strerror(errno));
                return NULL;
        }
        TbCarryBody *body = g_new0(TbCarryBody, 1);
        body->stream = stream;
        body->waiting = g_byte_array_new();
        body->fd = fds[1];
        *ret_reader = g_unix_input_stream_new(fds[0], TRUE);
        return body;
}

void tb_carry_body_add(TbCarryBody *body, const guint8 *bytes, gsize size, bool end)
{
        body->end |= end;
        g_byte_array_append(body->waiting, bytes, (guint)size);
        if (!body->watch)
                flush(body);
}

void tb_carry_body_abandon(TbCarryBody *body)
{
        body->stream = NULL;
        g_clear_handle_id(&body->watch, g_source_remove);
}

void tb_carry_body_free(TbCarryBody *body)
{
        if (!body)
                return;
        close_pipe(body);
        g_byte_array_unref(body->waiting);
        g_free(body);
}
