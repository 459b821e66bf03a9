/* The bytes of one TLS connection, in turns. Nothing is read for which there is no place on the other side. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "lib/http/tls_private.h"
#include "lib/limits.h"

/* --- what it waits for --- */
bool tb_tls_watch_side(TbTlsSide *side, guint32 events, bool always)
{
        struct epoll_event event = {.events = events, .data.ptr = side};
        bool wanted = side->fd >= 0 && (events || always);
        int set = side->conn->thread->epoll_fd, rc = 0;
        if (side->watched && (!wanted || side->events != events))
                rc = epoll_ctl(set, wanted ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, side->fd, &event);
        else if (!side->watched && wanted)
                rc = epoll_ctl(set, EPOLL_CTL_ADD, side->fd, &event);
        side->watched = wanted;
        side->events = events;
        return rc == 0;
}

void tb_tls_watch(TbTlsConn *c)
{
        guint32 client = c->wants_out || c->out ? EPOLLOUT : 0, inner = 0;
        if (c->state == TB_TLS_DEAD)
                return;
        if (c->state == TB_TLS_CLOSES || (!c->client_ended && !c->in))
                client |= EPOLLIN;
        if (c->state == TB_TLS_SHAKES)
                client |= EPOLLRDHUP;
        if (c->state == TB_TLS_OPEN)
                inner = (c->out ? 0 : EPOLLIN) | (c->in ? EPOLLOUT : 0);
        /* The end of the inner side is told for as long as it is watched, so it is not while nothing is wanted of it. The
         * client's always is: it may be gone. */
        if (!tb_tls_watch_side(&c->client, client, true) || !tb_tls_watch_side(&c->inner, inner, false))
                tb_tls_kill(c); /* the kernel has no room to wait for one more */
}

/* --- client -> inner --- */
/* What does not fit is kept. A reader that is gone is seen where its words are read. */
static void hand_in(TbTlsConn *c, const guint8 *bytes, guint size)
{
        gssize n = send(c->inner.fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                n = size;
        guint left = n < 0 ? size : size - (guint)n;
        if (left == 0) {
                g_clear_pointer(&c->in, g_free);
                return;
        }
        if (c->in)
                c->in_at += size - left;
        else
                c->in = g_memdup2(bytes + size - left, left), c->in_at = 0;
        c->in_size = left;
}

static void client_ends(TbTlsConn *c)
{
        c->client_ended = true;
        shutdown(c->inner.fd, SHUT_WR);
}

static void pump_in(TbTlsConn *c)
{
        TbTlsThread *t = c->thread;
        if (c->in)
                hand_in(c, c->in + c->in_at, c->in_size);
        for (guint spent = 0;
             c->state == TB_TLS_OPEN && !c->in && !c->client_ended && spent < TB_LIMIT_TLS_TURN;) {
                ERR_clear_error();
                int n = SSL_read(c->ssl, t->block, sizeof t->block);
                if (n > 0) {
                        hand_in(c, t->block, (guint)n);
                        spent += (guint)n;
                        continue;
                }
                int why = SSL_get_error(c->ssl, n);
                if (why == SSL_ERROR_WANT_WRITE)
                        c->wants_out = true;
                else if (why == SSL_ERROR_ZERO_RETURN)
                        client_ends(c);
                else if (why != SSL_ERROR_WANT_READ)
                        tb_tls_kill(c);
                return;
        }
}

/* --- inner -> client --- */
/* False: it has to be given again, the same bytes. */
static bool write_out(TbTlsConn *c, const guint8 *bytes, guint size)
{
        TbTlsThread *t = c->thread;
        ERR_clear_error();
        int n = SSL_write(c->ssl, bytes, (int)size);
        guint written = n > 0 ? (guint)n : 0;
        int why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, n);
        if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ) {
                tb_tls_kill(c);
                return false;
        }
        if (written == size) {
                GQueue *from = tb_tls_queue_of(c);
                c->orphaned = false;
                if (c->out)
                        tb_tls_move(c, from, &t->open);
                g_clear_pointer(&c->out, g_free);
                return true;
        }
        guint8 *left = g_memdup2(bytes + written, size - written);
        if (!c->out || written > 0) {
                tb_tls_move(c, tb_tls_queue_of(c), &t->stalled);
                c->orphaned = false;
        }
        g_free(c->out);
        c->out = left;
        c->out_size = size - written;
        return false;
}

static void pump_out(TbTlsConn *c)
{
        TbTlsThread *t = c->thread;
        if (c->out && !write_out(c, c->out, c->out_size))
                return;
        for (guint spent = 0; c->state == TB_TLS_OPEN && spent < TB_LIMIT_TLS_TURN;) {
                gssize n = recv(c->inner.fd, t->block, sizeof t->block, MSG_DONTWAIT);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) { /* a reset, too: it was closed with something unread */
                        tb_tls_say_bye(c);
                        return;
                }
                spent += (guint)n;
                if (!write_out(c, t->block, (guint)n))
                        return;
        }
}

void tb_tls_pump(TbTlsConn *c)
{
        c->wants_out = false;
        pump_in(c);
        if (c->state == TB_TLS_OPEN)
                pump_out(c);
        tb_tls_watch(c);
}

/* --- the end --- */
void tb_tls_say_bye(TbTlsConn *c)
{
        TbTlsThread *t = c->thread;
        g_clear_pointer(&c->in, g_free);
        tb_tls_watch_side(&c->inner, 0, false);
        if (c->inner.fd >= 0)
                close(c->inner.fd);
        c->inner.fd = -1;
        ERR_clear_error();
        if (c->state == TB_TLS_OPEN)
                SSL_shutdown(
                        c->ssl); /* all was written, so there is room; if not, the end of the stream says it */
        shutdown(c->client.fd, SHUT_WR);
        GQueue *from = tb_tls_queue_of(c);
        c->state = TB_TLS_CLOSES;
        c->wants_out = false;
        tb_tls_move(c, from, &t->closing);
}

/* Closing with unread bytes would reset the connection under what was sent last. */
void tb_tls_drain(TbTlsConn *c)
{
        TbTlsThread *t = c->thread;
        gssize n = 1;
        for (guint spent = 0; n > 0 && spent < TB_LIMIT_TLS_TURN; spent += (guint)MAX(n, 0))
                n = recv(c->client.fd, t->block, sizeof t->block, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                tb_tls_kill(c);
        else
                tb_tls_watch(c);
}
