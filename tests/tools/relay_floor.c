/*
 * The least that relaying can cost: `relay_floor PORT` speaks as much of the server's protocol as tests/tools/relay_load.c needs
 * (POST /api/session, /ws, hello), and passes each text frame to the other of the two. It looks at nothing, bounds nothing and trusts
 * everybody; what it sends in a turn of epoll goes out at the turn's end, as the server's does. For tests/bench/server.bench.mjs.
 */
#include <arpa/inet.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct End {
        int fd;
        bool open, dirty;
        struct End *peer;
        GByteArray *in, *out;
} End;

static int set;
static GHashTable *waiting; /* session id -> End that came first */
static GPtrArray *dirty;
static guint sessions;

static void put(End *end, const void *bytes, gsize n)
{
        g_byte_array_append(end->out, bytes, (guint)n);
        if (!end->dirty)
                g_ptr_array_add(dirty, end);
        end->dirty = true;
}

static void put_text(End *end, const char *text, gsize n)
{
        guint8 head[4] = {0x81, (guint8)(n < 126 ? n : 126), (guint8)(n >> 8), (guint8)n};
        put(end, head, n < 126 ? 2 : 4);
        put(end, text, n);
}

static void hello(End *end, const char *text)
{
        const char *at = strstr(text, "\"sessionId\":\"");
        g_autofree char *id = at ? g_strndup(at + 13, strcspn(at + 13, "\"")) : g_strdup("");
        End *first = g_hash_table_lookup(waiting, id);
        if (first) {
                first->peer = end;
                end->peer = first;
                g_hash_table_remove(waiting, id);
        } else {
                g_hash_table_insert(waiting, g_strdup(id), end);
        }
        end->open = true;
        put_text(end, "{\"type\":\"ready\"}", 16);
}

static void request(End *end)
{
        static const char upgrade[] =
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        if (g_str_has_prefix((char *)end->in->data, "GET ")) {
                put(end, upgrade, sizeof upgrade - 1);
                end->peer = end; /* a WebSocket without a peer */
        } else {
                g_autofree char *body = g_strdup_printf("{\"sessionId\":\"s%u\",\"token\":\"t\"}",
                                                        ++sessions),
                                *all = g_strdup_printf(
                                        "HTTP/1.1 201 Created\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
                                        body);
                put(end, all, strlen(all));
        }
        g_byte_array_set_size(end->in, 0);
}

/* Whole frames of a client: masked, shorter than 64 KB. */
static void frames(End *end)
{
        guint8 *b = end->in->data;
        gsize n = end->in->len, at = 0;
        while (n - at >= 6) {
                gsize size = b[at + 1] & 127, head = size == 126 ? 8 : 6;
                if (size == 126)
                        size = (gsize)b[at + 2] << 8 | b[at + 3];
                if (n - at < head + size)
                        break;
                guint8 *text = b + at + head, *mask = text - 4;
                for (gsize i = 0; i < size; i++)
                        text[i] ^= mask[i % 4];
                guint8 behind = text[size]; /* there is one: see input() */
                text[size] = 0;
                if (!end->open)
                        hello(end, (char *)text);
                else if (end->peer != end && (b[at] & 15) == 1)
                        put_text(end->peer, (char *)text, size);
                text[size] = behind;
                at += head + size;
        }
        g_byte_array_remove_range(end->in, 0, (guint)at);
}

static void input(End *end)
{
        static guint8 bytes[65536];
        ssize_t n = recv(end->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n <= 0) {
                close(end->fd);
                return;
        }
        g_byte_array_append(end->in, bytes, (guint)n);
        g_byte_array_append(end->in, (const guint8 *)"", 1);
        g_byte_array_set_size(end->in, end->in->len - 1);
        if (end->peer)
                frames(end);
        else if (g_strstr_len((char *)end->in->data, end->in->len, "\r\n\r\n"))
                request(end);
}

static void arrive(int listener)
{
        int one = 1;
        End *end = g_new0(End, 1);
        end->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        end->in = g_byte_array_new();
        end->out = g_byte_array_new();
        setsockopt(end->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(set, EPOLL_CTL_ADD, end->fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = end});
}

int main(int argc, char **argv)
{
        int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((guint16)(argc > 1 ? strtol(argv[1], NULL, 10) : 0)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(listener, (struct sockaddr *)&to, sizeof to) < 0 || listen(listener, 1024) < 0)
                return 1;
        set = epoll_create1(EPOLL_CLOEXEC);
        waiting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        dirty = g_ptr_array_new();
        epoll_ctl(set, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
        for (;;) {
                struct epoll_event events[64];
                int n = epoll_wait(set, events, G_N_ELEMENTS(events), -1);
                for (int i = 0; i < n; i++)
                        if (events[i].data.ptr)
                                input(events[i].data.ptr);
                        else
                                arrive(listener);
                for (guint i = 0; i < dirty->len; i++) {
                        End *end = g_ptr_array_index(dirty, i);
                        (void)!send(end->fd, end->out->data, end->out->len,
                                    MSG_NOSIGNAL); /* it waits for room */
                        g_byte_array_set_size(end->out, 0);
                        end->dirty = false;
                }
                g_ptr_array_set_size(dirty, 0);
        }
}
