/* Pairs of sockets. */
#include "server/cluster/splice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (64 * 1024)
#define CONNECT_US (1 * G_USEC_PER_SEC)
#define SILENT_MS 4000u /* bytes that the other server does not acknowledge for so long */
#define KEEP_IDLE_S 10
#define KEEP_EACH_S 2
#define KEEP_TRIES 2

typedef struct Side {
        int fd;
        TbPollerEntry *entry; /* NULL: not watched */
        guint8 *rest;         /* owned; what it has not taken; NULL: nothing */
        gsize at, size;       /* of it */
        bool eof;             /* it says nothing more */
} Side;

typedef struct Splice {
        TbSplices *all; /* borrowed */
        TbClient client;
        Side near, far; /* the client; the other server */
        char *head;     /* owned; NULL: it was said */
        gint64 since_us;
        GList link;
} Splice;

struct TbSplices {
        TbPoller *poller; /* borrowed */
        void (*back)(const TbClient *client, gpointer data);
        gpointer data;
        GQueue pairs;
        guint64 bytes;
};

static guint8 chunk[CHUNK]; /* main's: nothing stays in it */

static void side_clear(Side *side)
{
        tb_poller_remove(side->entry);
        if (side->fd >= 0)
                close(side->fd);
        g_free(side->rest);
}

static void end(Splice *s)
{
        g_queue_unlink(&s->all->pairs, &s->link);
        side_clear(&s->near);
        side_clear(&s->far);
        g_free(s->head);
        g_free(s);
}

static void give_back(Splice *s)
{
        TbSplices *all = s->all;
        TbClient client = s->client;
        s->near.fd = -1;
        end(s);
        all->back(&client, all->data);
}

static void arm(Splice *s)
{
        uint32_t near = (s->near.eof || s->far.rest ? 0 : EPOLLIN) | (s->near.rest ? EPOLLOUT : 0),
                 far = (s->far.eof || s->near.rest ? 0 : EPOLLIN) | (s->far.rest ? EPOLLOUT : 0);
        tb_poller_change(s->near.entry, near);
        tb_poller_change(s->far.entry, far);
}

/* False: it is of no use any more. */
static bool put(Side *to, const guint8 *bytes, gsize size)
{
        ssize_t n = send(to->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                return false;
        gsize sent = n > 0 ? (gsize)n : 0;
        if (sent == size)
                return true;
        to->rest = g_memdup2(bytes + sent, size - sent);
        to->at = 0;
        to->size = size - sent;
        return true;
}

static bool put_rest(Side *to)
{
        ssize_t n = send(to->fd, to->rest + to->at, to->size - to->at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        to->at += (gsize)n;
        if (to->at == to->size)
                g_clear_pointer(&to->rest, g_free);
        return true;
}

static bool move(Splice *s, Side *from, Side *to)
{
        ssize_t n = recv(from->fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        if (n > 0) {
                s->all->bytes += (guint64)n;
                return put(to, chunk, (gsize)n);
        }
        from->eof = true;
        return true;
}

static void on_side(Splice *s, Side *side, Side *other, uint32_t events)
{
        bool ok = true, was = side->eof;
        if (side->rest && events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
                ok = put_rest(side);
        if (ok && !other->rest && !side->eof && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
                ok = move(s, side, other);
        if (ok && events & (EPOLLERR | EPOLLHUP) && (was || other->rest))
                ok = false; /* nobody reads there */
        if (!ok || (side->eof && other->eof && !side->rest && !other->rest)) {
                end(s);
                return;
        }
        /* what was said last is out: then the end of one is the end of the other */
        if (side->eof && !other->rest)
                shutdown(other->fd, SHUT_WR);
        if (other->eof && !side->rest)
                shutdown(side->fd, SHUT_WR);
        arm(s);
}

static void on_near(uint32_t events, gpointer data)
{
        Splice *s = data;
        on_side(s, &s->near, &s->far, events);
}

static void on_far(uint32_t events, gpointer data)
{
        Splice *s = data;
        int why = 0;
        socklen_t size = sizeof why;
        if (!s->head) {
                on_side(s, &s->far, &s->near, events);
                return;
        }
        getsockopt(s->far.fd, SOL_SOCKET, SO_ERROR, &why, &size);
        g_autofree char *head = g_steal_pointer(&s->head);
        s->near.entry = why || events & (EPOLLERR | EPOLLHUP)
                                ? NULL
                                : tb_poller_add(s->all->poller, s->near.fd, 0, on_near, s);
        if (!s->near.entry) {
                give_back(s);
                return;
        }
        if (put(&s->far, (const guint8 *)head, strlen(head)))
                arm(s);
        else
                end(s);
}

/* --- life --- */
TbSplices *tb_splices_new(TbPoller *poller, void (*back)(const TbClient *client, gpointer data),
                          gpointer data)
{
        TbSplices *splices = g_new0(TbSplices, 1);
        splices->poller = poller;
        splices->back = back;
        splices->data = data;
        return splices;
}

void tb_splices_free(TbSplices *splices)
{
        if (!splices)
                return;
        while (splices->pairs.head)
                end(splices->pairs.head->data);
        g_free(splices);
}

static int dial(const char *address, guint16 port)
{
        const int on = 1, idle_s = KEEP_IDLE_S, each_s = KEEP_EACH_S, tries = KEEP_TRIES;
        const unsigned silent_ms = SILENT_MS;
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        bool is4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
        if (!is4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
                return -1;
        int fd = socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &each_s, sizeof each_s);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
        const struct sockaddr *to = is4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
        if (connect(fd, to, is4 ? sizeof v4 : sizeof v6) == 0 || errno == EINPROGRESS)
                return fd;
        close(fd);
        return -1;
}

void tb_splices_add(TbSplices *splices, const TbClient *client, const char *address, guint16 port,
                    const char *head)
{
        Splice *s = g_new0(Splice, 1);
        s->all = splices;
        s->client = *client;
        s->near.fd = client->fd;
        s->far.fd = dial(address, port);
        s->head = g_strdup(head);
        s->since_us = g_get_monotonic_time();
        s->link.data = s;
        g_queue_push_tail_link(&splices->pairs, &s->link);
        if (s->far.fd >= 0)
                s->far.entry = tb_poller_add(splices->poller, s->far.fd, EPOLLOUT, on_far, s);
        if (!s->far.entry)
                give_back(s);
}

void tb_splices_end(TbSplices *splices)
{
        for (GList *l = splices->pairs.head; l;) {
                Splice *s = l->data;
                l = l->next;
                if (s->head)
                        give_back(s);
                else
                        end(s);
        }
}

void tb_splices_tick(TbSplices *splices, gint64 now_us)
{
        for (GList *l = splices->pairs.tail; l;) {
                Splice *s = l->data;
                l = l->prev;
                if (now_us - s->since_us > 4 * CONNECT_US)
                        return; /* all before are older, and joined or gone */
                if (s->head && now_us - s->since_us > CONNECT_US)
                        give_back(s);
        }
}

guint tb_splices_count(const TbSplices *splices)
{
        return splices->pairs.length;
}

guint64 tb_splices_bytes(const TbSplices *splices)
{
        return splices->bytes;
}
