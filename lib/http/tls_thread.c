/* The thread of TLS: its listener, handshakes, deadlines. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <openssl/err.h>

#include "lib/descriptors.h"
#include "lib/http/auth.h"
#include "lib/http/tls_private.h"
#include "lib/limits.h"
#include "lib/log.h"

#define BATCH 512       /* more than may shake hands: each turn sees them all */
#define ACCEPTS 256     /* in a turn: the kernel's queue has no shares, ours has */
#define SHAKES_US 4000  /* computed for handshakes in a turn, before those that are through go on */
#define PAUSE_US 500000 /* without a descriptor for the next client */

/* --- connections --- */
GQueue *tb_tls_queue_of(TbTlsConn *c)
{
        TbTlsThread *t = c->thread;
        return c->state == TB_TLS_SHAKES   ? &t->shaking
               : c->state == TB_TLS_CLOSES ? &t->closing
               : c->orphaned               ? &t->orphans
               : c->out                    ? &t->stalled
                                           : &t->open;
}

void tb_tls_move(TbTlsConn *c, GQueue *from, GQueue *to)
{
        g_queue_unlink(from, &c->link);
        g_queue_push_tail_link(to, &c->link);
        c->since_us = g_get_monotonic_time();
}

static void leave_net(TbTlsConn *c)
{
        TbTlsNet *net = g_steal_pointer(&c->net);
        if (!net)
                return;
        g_queue_unlink(&net->shaking, &c->net_link);
        if (net->shaking.length == 0)
                g_hash_table_remove(c->thread->nets, net->key);
}

void tb_tls_kill(TbTlsConn *c)
{
        if (c->state == TB_TLS_DEAD)
                return;
        leave_net(c);
        g_queue_unlink(tb_tls_queue_of(c), &c->link);
        c->state = TB_TLS_DEAD;
        tb_tls_watch_side(&c->inner, 0, false);
        tb_tls_watch_side(&c->client, 0, false);
        SSL_free(c->ssl);
        if (c->client.fd >= 0)
                close(c->client.fd);
        if (c->inner.fd >= 0)
                close(c->inner.fd);
        g_free(c->in);
        g_free(c->out);
        g_ptr_array_add(c->thread->dead, c); /* this batch may still name it */
}

static void enter_net(TbTlsConn *c, const char *peer)
{
        char key[TB_NET_KEY];
        tb_net_share_key(peer, key);
        c->net = g_hash_table_lookup(c->thread->nets, key);
        if (!c->net) {
                c->net = g_new0(TbTlsNet, 1);
                g_strlcpy(c->net->key, key, sizeof c->net->key);
                g_hash_table_insert(c->thread->nets, c->net->key, c->net);
        }
        c->net_link.data = c;
        g_queue_push_tail_link(&c->net->shaking, &c->net_link);
}

/* Too many shake hands: who has most of them loses his oldest. */
static void make_room(TbTlsThread *t)
{
        TbTlsNet *most = NULL, *net;
        GHashTableIter iter;
        g_hash_table_iter_init(&iter, t->nets);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&net))
                if (!most || net->shaking.length > most->shaking.length)
                        most = net;
        if (most)
                tb_tls_kill(most->shaking.head->data);
}

static bool new_conn(TbTlsThread *t, int fd, const struct sockaddr_storage *peer)
{
        char text[TB_ADDRESS_TEXT];
        struct sockaddr_storage local = {0};
        socklen_t size = sizeof local;
        int one = 1, unsent = 2 * TB_LIMIT_WS_UNSENT;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent); /* ws.h: tb_ws_keep_short() */
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
        SSL *ssl = tb_tls_session(t->tls);
        if (!ssl || SSL_set_fd(ssl, fd) != 1) {
                SSL_free(ssl);
                close(fd);
                return false;
        }
        if (t->shaking.length >= TB_LIMIT_TLS_HANDSHAKES)
                make_room(t);
        TbTlsConn *c = g_new0(TbTlsConn, 1);
        c->thread = t;
        c->ssl = ssl;
        SSL_set_accept_state(ssl);
        c->client = (TbTlsSide){.conn = c, .fd = fd};
        c->inner = (TbTlsSide){.conn = c, .fd = -1};
        c->arrival.peer = *peer;
        if (getsockname(fd, (struct sockaddr *)&local, &size) == 0)
                tb_address_text((struct sockaddr *)&local, c->arrival.local);
        tb_address_text((const struct sockaddr *)peer, text);
        enter_net(c, text);
        c->link.data = c;
        c->since_us = g_get_monotonic_time();
        g_queue_push_tail_link(&t->shaking, &c->link);
        tb_tls_watch(c);
        return true;
}

/* --- the handshake --- */
static void ask_for_descriptors(gpointer data G_GNUC_UNUSED)
{
        tb_descriptors_ask();
}

static void say_failed(TbTlsConn *c, const char *id, const char *reason)
{
        char peer[TB_ADDRESS_TEXT];
        bool said = tb_bucket_take(&c->thread->said, 1, TB_LIMIT_TALLY_SAID, 1, g_get_monotonic_time(), NULL);
        tb_address_text((struct sockaddr *)&c->arrival.peer, peer);
        tb_log(said ? TB_LOG_INFO : TB_LOG_DEBUG, TB_F("request", id, "peer", peer), "no TLS: %s", reason);
}

static const char plain_body[] =
        "{\"type\":\"urn:testbed:problem:tls\",\"title\":\"TLS is spoken here\",\"status\":400,"
        "\"detail\":\"this port takes https only: write https:// where the address says http://\"}\n";

static void answer_plain(TbTlsConn *c)
{
        g_autofree char *id = tb_random_token(6),
                        *text = g_strdup_printf(
                                "HTTP/1.1 400 Bad Request\r\nX-Request-Id: %s\r\n"
                                "Content-Type: application/problem+json\r\nCache-Control: no-store\r\n"
                                "X-Content-Type-Options: nosniff\r\nContent-Length: %zu\r\n"
                                "Connection: close\r\n\r\n%s",
                                id, sizeof plain_body - 1, plain_body);
        say_failed(c, id, "it speaks plain HTTP");
        (void)!send(c->client.fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* True: it goes on. */
static bool look_at_first(TbTlsConn *c)
{
        guint8 first;
        if (c->looked || recv(c->client.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
                return true;
        c->looked = true;
        if (!g_ascii_isupper(first))
                return true;
        answer_plain(c);
        leave_net(c);
        tb_tls_say_bye(c);
        tb_tls_drain(c);
        return false;
}

static void is_through(TbTlsThread *t, TbTlsConn *c)
{
        int pair[2], most = TB_LIMIT_TLS_BETWEEN;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
                tb_main_post(ask_for_descriptors, NULL);
                tb_tls_kill(c);
                return;
        }
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
        setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
        leave_net(c);
        c->inner.fd = pair[0];
        c->arrival.fd = pair[1];
        c->state = TB_TLS_OPEN;
        tb_tls_move(c, &t->shaking, &t->open);
        tb_tls_send_arrival(t->front, &c->arrival);
        tb_tls_pump(c); /* what came with its last words */
}

static void shake(TbTlsThread *t, TbTlsConn *c)
{
        if (!look_at_first(c))
                return;
        if (c->left && SSL_in_before(c->ssl)) { /* nobody reads what it would cost a signature to say */
                tb_tls_kill(c);
                return;
        }
        ERR_clear_error();
        int rc = SSL_do_handshake(c->ssl), why = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, rc);
        c->wants_out = why == SSL_ERROR_WANT_WRITE;
        if (why == SSL_ERROR_NONE) {
                is_through(t, c);
        } else if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
                tb_tls_watch(c);
        } else if (why == SSL_ERROR_SSL) {
                g_autofree char *reason = tb_tls_reason();
                say_failed(c, NULL, reason);
                leave_net(c);
                tb_tls_say_bye(c); /* its alert has been sent */
                tb_tls_drain(c);
        } else {
                tb_tls_kill(c);
        }
}

/* --- the listener --- */
/* Handshakes have a ceiling of their own. */
static guint count_through(const TbTlsThread *t)
{
        return t->open.length + t->stalled.length + t->orphans.length + t->closing.length;
}

static void listen_or_not(TbTlsThread *t)
{
        bool wanted = t->listen_fd >= 0 && !t->pause_us && count_through(t) < t->most;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = t};
        if (wanted != t->listens && t->listen_fd >= 0)
                epoll_ctl(t->epoll_fd, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, t->listen_fd, &event);
        t->listens = wanted;
}

static void accept_some(TbTlsThread *t)
{
        for (int i = 0; i < ACCEPTS && t->listen_fd >= 0; i++) {
                struct sockaddr_storage peer = {0};
                socklen_t size = sizeof peer;
                int fd = accept4(t->listen_fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
                        return;
                if (tb_descriptors_are_few(fd))
                        tb_main_post(ask_for_descriptors, NULL);
                if (fd < 0) {
                        t->pause_us = g_get_monotonic_time() + PAUSE_US;
                        return;
                }
                if (tb_descriptors_allow(fd))
                        new_conn(t, fd, &peer);
                else
                        close(fd);
        }
}

/* --- the thread --- */
/* Who does not read what he is sent is whose he is to end; where nobody is any more, ours. */
static void find_orphans(TbTlsThread *t, gint64 now_us)
{
        for (TbTlsConn *c; (c = g_queue_peek_head(&t->stalled)) && c->since_us + TB_TLS_LOOK_US <= now_us;) {
                struct pollfd inner = {.fd = c->inner.fd};
                c->orphaned = poll(&inner, 1, 0) == 1 && inner.revents & POLLHUP;
                tb_tls_move(c, &t->stalled, c->orphaned ? &t->orphans : &t->stalled);
        }
}

/* Gives when it is to be called again, or `next_us` if that is sooner. */
static gint64 end_late(GQueue *queue, gint64 limit_us, gint64 now_us, gint64 next_us)
{
        for (TbTlsConn *c; (c = g_queue_peek_head(queue)) && c->since_us + limit_us <= now_us;) {
                if (c->state == TB_TLS_SHAKES)
                        say_failed(c, NULL, "its handshake took too long");
                tb_tls_kill(c);
        }
        TbTlsConn *first = g_queue_peek_head(queue);
        return first ? MIN(next_us, first->since_us + limit_us) : next_us;
}

static int wait_ms(TbTlsThread *t)
{
        gint64 now_us = g_get_monotonic_time(), next_us = G_MAXINT64;
        next_us = end_late(&t->shaking, TB_LIMIT_TLS_HANDSHAKE_S * G_USEC_PER_SEC, now_us, next_us);
        find_orphans(t, now_us);
        next_us = end_late(&t->stalled, TB_TLS_LOOK_US, now_us, next_us);
        next_us = end_late(&t->orphans, TB_LIMIT_TLS_STALL_S * G_USEC_PER_SEC, now_us, next_us);
        next_us = end_late(&t->closing, TB_LIMIT_TLS_CLOSE_S * G_USEC_PER_SEC, now_us, next_us);
        if (t->pause_us && t->pause_us <= now_us)
                t->pause_us = 0;
        if (t->pause_us)
                next_us = MIN(next_us, t->pause_us);
        listen_or_not(t);
        g_ptr_array_set_size(t->dead, 0);
        return next_us == G_MAXINT64 ? -1 : (int)MIN((next_us - now_us) / 1000 + 1, 60000);
}

static int by_rank(const void *a, const void *b)
{
        guint x = (*(TbTlsConn *const *)a)->rank, y = (*(TbTlsConn *const *)b)->rank;
        return (x > y) - (x < y);
}

/* A handshake costs a signature: networks take turns, and what is not reached now is told of again. */
static void shake_some(TbTlsThread *t, TbTlsConn **shaking, gsize n)
{
        t->turn++;
        for (gsize i = 0; i < n; i++) {
                TbTlsNet *net = shaking[i]->net; /* whoever shakes hands has one */
                if (net->turn != t->turn)
                        net->asked = 0;
                net->turn = t->turn;
                shaking[i]->rank = net->asked++;
        }
        qsort(shaking, n, sizeof *shaking, by_rank); /* NOLINT(bugprone-sizeof-expression): of pointers */
        gint64 until_us = g_get_monotonic_time() + SHAKES_US;
        for (gsize i = 0; i < n && g_get_monotonic_time() < until_us; i++)
                if (shaking[i]->state == TB_TLS_SHAKES)
                        shake(t, shaking[i]);
}

static void turn(TbTlsThread *t, const struct epoll_event *events, int n)
{
        TbTlsConn *shaking[BATCH];
        gsize shake_n = 0;
        for (int i = 0; i < n; i++) {
                TbTlsSide *side = events[i].data.ptr;
                if ((gpointer)side == t || (gpointer)side == t->wake)
                        continue;
                TbTlsConn *c = side->conn;
                c->left = c->left || (side == &c->client && events[i].events & EPOLLRDHUP);
                if (side == &c->client && events[i].events & (EPOLLERR | EPOLLHUP))
                        tb_tls_kill(c);
                else if (c->state == TB_TLS_SHAKES)
                        shaking[shake_n++] = c;
                else if (c->state == TB_TLS_OPEN)
                        tb_tls_pump(c);
                else if (c->state == TB_TLS_CLOSES)
                        tb_tls_drain(c);
        }
        shake_some(t, shaking, shake_n);
        for (int i = 0; i < n; i++)
                if (events[i].data.ptr == t)
                        accept_some(t);
}

static void stop_listening(TbTlsThread *t)
{
        if (t->listen_fd < 0)
                return;
        if (t->listens)
                epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, t->listen_fd, NULL);
        t->listens = false;
        close(t->listen_fd);
        t->listen_fd = -1;
        while (t->shaking.length > 0)
                tb_tls_kill(t->shaking.head->data);
}

void tb_tls_run(gpointer data)
{
        TbTlsThread *t = data;
        TbTlsFront *f = t->front;
        gint64 until_us = 0; /* 0: nobody has said stop */
        for (;;) {
                struct epoll_event events[BATCH];
                int ms = wait_ms(t);
                gint64 now_us = g_get_monotonic_time();
                bool nobody = count_through(t) == 0;
                if (until_us && (nobody || now_us >= until_us))
                        break;
                if (until_us)
                        ms = (int)MIN((guint)ms, (until_us - now_us) / 1000 + 1);
                int n = epoll_wait(t->epoll_fd, events, BATCH, ms);
                turn(t, events, n);
                tb_interruptor_lower(t->wake);
                tb_mutex_lock(&f->lock);
                bool quiet = f->quiet, stop = f->stop;
                tb_mutex_unlock(&f->lock);
                if (quiet || stop)
                        stop_listening(t);
                if (stop && !until_us)
                        until_us = g_get_monotonic_time() + TB_LIMIT_TLS_DRAIN_MS * 1000;
        }
        GQueue *all[] = {&t->open, &t->stalled, &t->orphans, &t->closing};
        for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
                while (all[i]->length > 0)
                        tb_tls_kill(all[i]->head->data);
}
