#include "tests/sim/android/transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/sim/android/log.h"
#include "tests/sim/android/service.h"

#define A_CNXN 0x4e584e43u
#define A_AUTH 0x48545541u
#define A_OPEN 0x4e45504fu
#define A_OKAY 0x59414b4fu
#define A_WRTE 0x45545257u
#define A_CLSE 0x45534c43u
#define A_SYNC 0x434e5953u

#define VERSION_NO_CHECKSUM 0x01000001u
#define MAX_PAYLOAD (1u << 20)
#define CHUNK (256u << 10)
#define REBOOT_MS 1500

#define FEATURES "shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir,fixed_push_symlink_timestamp,sendrecv_v2"

typedef struct Conn Conn;

typedef struct {
        Conn *conn; /* borrowed, owns this */
        guint32 local, remote;
        SimService service;
        GByteArray *pending; /* owned: from the peer, not yet written to the service */
        bool unacked;        /* a WRTE of the peer waits for our OKAY */
        bool waiting;        /* our WRTE waits for the peer's OKAY */
        bool ended;          /* the service has no more to say */
        guint in_watch, out_watch;
} Stream;

struct Conn {
        SimTransport *transport; /* borrowed, owns this */
        int fd;
        guint in_watch, out_watch, delay;
        GByteArray *in, *out; /* owned */
        GHashTable *streams;  /* owned: local id -> owned Stream */
        guint32 next_id, max_payload;
        bool checksum, authed, key_offered, dead;
};

struct SimTransport {
        SimPhone *phone; /* borrowed */
        int listen_fd;
        int port;
        guint accept_watch, reboot_timer;
        GPtrArray *conns; /* owned Conn */
        bool mute, require_auth;
        guint slow_ms;
};

static void conn_fail(Conn *c);
static gboolean on_stream_readable(int fd, GIOCondition cond, void *data);
static gboolean on_stream_writable(int fd, GIOCondition cond, void *data);

/* --- packets out --- */

static void put32(guint8 *p, guint32 v)
{
        v = GUINT32_TO_LE(v);
        memcpy(p, &v, 4);
}

static guint32 get32(const guint8 *p)
{
        guint32 v;

        memcpy(&v, p, 4);
        return GUINT32_FROM_LE(v);
}

static guint32 byte_sum(const guint8 *data, gsize len)
{
        guint32 sum = 0;

        for (gsize i = 0; i < len; i++)
                sum += data[i];
        return sum;
}

static gboolean on_conn_writable(int fd, GIOCondition cond, void *data)
{
        Conn *c = data;
        ssize_t n = send(fd, c->out->data, c->out->len, MSG_NOSIGNAL);

        (void)cond;
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
                c->out_watch = 0;
                conn_fail(c);
                return G_SOURCE_REMOVE;
        }
        if (n > 0)
                g_byte_array_remove_range(c->out, 0, (guint)n);
        if (c->out->len > 0)
                return G_SOURCE_CONTINUE;
        c->out_watch = 0;
        return G_SOURCE_REMOVE;
}

static gboolean on_delay_over(void *data)
{
        Conn *c = data;

        c->delay = 0;
        if (c->out_watch == 0 && c->out->len > 0)
                c->out_watch = g_unix_fd_add(c->fd, G_IO_OUT, on_conn_writable, c);
        return G_SOURCE_REMOVE;
}

static void conn_flush(Conn *c)
{
        if (c->dead || c->out_watch != 0 || c->delay != 0 || c->out->len == 0)
                return;
        if (c->transport->slow_ms > 0) {
                c->delay = g_timeout_add(c->transport->slow_ms, on_delay_over, c);
                return;
        }
        if (on_conn_writable(c->fd, G_IO_OUT, c) == G_SOURCE_CONTINUE)
                c->out_watch = g_unix_fd_add(c->fd, G_IO_OUT, on_conn_writable, c);
}

static void conn_send(Conn *c, guint32 command, guint32 arg0, guint32 arg1, const void *data, gsize len)
{
        guint8 head[24];
        bool sum = c->checksum || command == A_CNXN || command == A_AUTH;

        if (c->dead || c->transport->mute)
                return;
        put32(head, command);
        put32(head + 4, arg0);
        put32(head + 8, arg1);
        put32(head + 12, (guint32)len);
        put32(head + 16, sum ? byte_sum(data, len) : 0);
        put32(head + 20, command ^ 0xffffffffu);
        g_byte_array_append(c->out, head, sizeof(head));
        if (len > 0)
                g_byte_array_append(c->out, data, (guint)len);
        conn_flush(c);
}

/* --- streams --- */

static void stream_free(void *data)
{
        Stream *s = data;

        g_clear_handle_id(&s->in_watch, g_source_remove);
        g_clear_handle_id(&s->out_watch, g_source_remove);
        g_byte_array_unref(s->pending);
        sim_service_hangup(&s->service);
        g_free(s);
}

static void stream_close(Stream *s)
{
        conn_send(s->conn, A_CLSE, s->local, s->remote, NULL, 0);
        g_hash_table_remove(s->conn->streams, GUINT_TO_POINTER(s->local));
}

/* Read the service only while the peer can take a WRTE. */
static void stream_arm(Stream *s)
{
        if (!s->waiting && !s->ended && s->in_watch == 0)
                s->in_watch = g_unix_fd_add(s->service.fd, G_IO_IN | G_IO_HUP, on_stream_readable, s);
        if (s->pending->len > 0 && s->out_watch == 0)
                s->out_watch = g_unix_fd_add(s->service.fd, G_IO_OUT, on_stream_writable, s);
}

static gboolean on_stream_readable(int fd, GIOCondition cond, void *data)
{
        static guint8 chunk[CHUNK];
        Stream *s = data;
        Conn *c = s->conn;
        ssize_t n = read(fd, chunk, MIN(sizeof(chunk), c->max_payload));

        (void)cond;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        s->in_watch = 0;
        if (n <= 0) {
                s->ended = true;
                s->service.pid = 0; /* it ended by itself; its pid may be somebody else's by now */
                stream_close(s);
                return G_SOURCE_REMOVE;
        }
        s->waiting = true;
        conn_send(c, A_WRTE, s->local, s->remote, chunk, (gsize)n);
        return G_SOURCE_REMOVE;
}

static gboolean on_stream_writable(int fd, GIOCondition cond, void *data)
{
        Stream *s = data;
        ssize_t n = send(fd, s->pending->data, s->pending->len, MSG_NOSIGNAL);

        (void)cond;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        if (n < 0) /* it does not read any more; what it still says ends the stream */
                g_byte_array_set_size(s->pending, 0);
        else
                g_byte_array_remove_range(s->pending, 0, (guint)n);
        if (s->pending->len > 0)
                return G_SOURCE_CONTINUE;
        s->out_watch = 0;
        if (s->unacked) {
                s->unacked = false;
                conn_send(s->conn, A_OKAY, s->local, s->remote, NULL, 0);
        }
        return G_SOURCE_REMOVE;
}

static Stream *find_stream(Conn *c, guint32 local, guint32 remote)
{
        Stream *s = g_hash_table_lookup(c->streams, GUINT_TO_POINTER(local));

        return s != NULL && s->remote == remote ? s : NULL;
}

/* --- packets in --- */

static void send_banner(Conn *c)
{
        GHashTable *p = c->transport->phone->props;
        g_autofree char *banner = g_strdup_printf(
                "device::ro.product.name=%s;ro.product.model=%s;ro.product.device=%s;features=" FEATURES,
                (char *)g_hash_table_lookup(p, "ro.product.name"),
                (char *)g_hash_table_lookup(p, "ro.product.model"),
                (char *)g_hash_table_lookup(p, "ro.product.device"));

        c->authed = true;
        conn_send(c, A_CNXN, VERSION_NO_CHECKSUM, MAX_PAYLOAD, banner, strlen(banner));
        sim_log_add(c->transport->phone->log, 'I', "adbd", "host-%d: online", c->fd);
}

static void send_token(Conn *c)
{
        guint8 token[20];

        for (guint i = 0; i < sizeof(token); i++)
                token[i] = (guint8)g_random_int();
        conn_send(c, A_AUTH, 1, 0, token, sizeof(token));
}

static void handle_auth(Conn *c, guint32 type)
{
        if (c->authed)
                return;
        if (!c->transport->require_auth) /* authorised meanwhile: any key will do, this is a simulator */
                send_banner(c);
        else if (type == 2)
                send_token(c); /* we know no key */
        else if (type == 3)
                c->key_offered = true; /* the dialog is on the screen; sim_transport_authorize() answers it */
}

static void handle_open(Conn *c, guint32 remote, const guint8 *data, gsize len)
{
        g_autofree char *name = g_strndup((const char *)data, len);
        SimService service;

        if (remote == 0)
                return;
        if (!sim_service_open(c->transport->phone, name, &service)) {
                conn_send(c, A_CLSE, 0, remote, NULL, 0);
                return;
        }
        Stream *s = g_new0(Stream, 1);
        s->conn = c;
        s->local = c->next_id++;
        s->remote = remote;
        s->service = service;
        s->pending = g_byte_array_new();
        g_hash_table_insert(c->streams, GUINT_TO_POINTER(s->local), s);
        conn_send(c, A_OKAY, s->local, s->remote, NULL, 0);
        stream_arm(s);
}

static void handle_packet(Conn *c, guint32 command, guint32 arg0, guint32 arg1, const guint8 *data, gsize len)
{
        Stream *s;

        if (command == A_CNXN) {
                g_hash_table_remove_all(c->streams);
                c->checksum = arg0 < VERSION_NO_CHECKSUM;
                c->max_payload = CLAMP(arg1, 4096u, MAX_PAYLOAD);
                if (c->transport->require_auth)
                        send_token(c);
                else
                        send_banner(c);
                return;
        }
        if (command == A_AUTH) {
                handle_auth(c, arg0);
                return;
        }
        if (!c->authed)
                return;
        if (command == A_OPEN) {
                handle_open(c, arg0, data, len);
                return;
        }
        s = find_stream(c, arg1, arg0);
        if (command == A_WRTE && s == NULL) {
                conn_send(c, A_CLSE, 0, arg0, NULL, 0);
        } else if (command == A_WRTE) {
                g_byte_array_append(s->pending, data, (guint)len);
                s->unacked = true;
                stream_arm(s);
        } else if (command == A_OKAY && s != NULL) {
                s->waiting = false;
                stream_arm(s);
        } else if (command == A_CLSE) {
                if (s == NULL)
                        s = g_hash_table_lookup(c->streams, GUINT_TO_POINTER(arg1));
                if (s != NULL)
                        stream_close(s);
        }
}

static gboolean on_conn_readable(int fd, GIOCondition cond, void *data)
{
        static guint8 chunk[CHUNK];
        Conn *c = data;
        ssize_t n = read(fd, chunk, sizeof(chunk));
        guint at = 0;

        (void)cond;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        if (n <= 0)
                goto fail;
        g_byte_array_append(c->in, chunk, (guint)n);
        while (c->in->len - at >= 24) {
                const guint8 *h = c->in->data + at;
                guint32 command = get32(h), len = get32(h + 12);

                if (get32(h + 20) != (command ^ 0xffffffffu) || len > MAX_PAYLOAD)
                        goto fail;
                if (c->in->len - at < 24 + len)
                        break;
                if (!c->transport->mute)
                        handle_packet(c, command, get32(h + 4), get32(h + 8), h + 24, len);
                if (c->dead) {
                        c->in_watch = 0;
                        return G_SOURCE_REMOVE;
                }
                at += 24 + len;
        }
        if (at > 0)
                g_byte_array_remove_range(c->in, 0, at);
        return G_SOURCE_CONTINUE;
fail:
        c->in_watch = 0;
        conn_fail(c);
        return G_SOURCE_REMOVE;
}

/* --- connections --- */

static void conn_free(void *data)
{
        Conn *c = data;

        c->dead = true;
        g_hash_table_unref(c->streams);
        g_clear_handle_id(&c->in_watch, g_source_remove);
        g_clear_handle_id(&c->out_watch, g_source_remove);
        g_clear_handle_id(&c->delay, g_source_remove);
        g_byte_array_unref(c->in);
        g_byte_array_unref(c->out);
        close(c->fd);
        g_free(c);
}

static gboolean on_conn_reap(void *data)
{
        Conn *c = data;
        SimTransport *t = c->transport;

        g_ptr_array_remove_fast(t->conns, c);
        return G_SOURCE_REMOVE;
}

/* We may be deep inside a handler of this connection: bury it from the loop. */
static void conn_fail(Conn *c)
{
        if (c->dead)
                return;
        c->dead = true;
        g_clear_handle_id(&c->delay, g_source_remove);
        c->delay = g_idle_add(on_conn_reap, c);
}

static gboolean on_accept(int fd, GIOCondition cond, void *data)
{
        SimTransport *t = data;
        int one = 1, conn_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        (void)cond;
        if (conn_fd < 0)
                return G_SOURCE_CONTINUE;
        setsockopt(conn_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        Conn *c = g_new0(Conn, 1);
        c->transport = t;
        c->fd = conn_fd;
        c->in = g_byte_array_new();
        c->out = g_byte_array_new();
        c->streams = g_hash_table_new_full(NULL, NULL, NULL, stream_free);
        c->next_id = 1;
        c->max_payload = 4096;
        c->in_watch = g_unix_fd_add(conn_fd, G_IO_IN | G_IO_HUP, on_conn_readable, c);
        g_ptr_array_add(t->conns, c);
        return G_SOURCE_CONTINUE;
}

static gboolean on_reboot_over(void *data)
{
        SimTransport *t = data;

        t->reboot_timer = 0;
        sim_phone_boot(t->phone);
        sim_transport_refuse(t, false);
        return G_SOURCE_REMOVE;
}

static void on_reboot(void *data)
{
        SimTransport *t = data;

        sim_transport_refuse(t, true);
        sim_transport_drop(t);
        if (t->reboot_timer == 0)
                t->reboot_timer = g_timeout_add(REBOOT_MS, on_reboot_over, t);
}

SimTransport *sim_transport_new(SimPhone *phone, int listen_fd)
{
        SimTransport *t = g_new0(SimTransport, 1);
        struct sockaddr_in addr;
        socklen_t len = sizeof(addr);

        t->phone = phone;
        t->listen_fd = listen_fd;
        if (getsockname(listen_fd, (struct sockaddr *)&addr, &len) == 0)
                t->port = ntohs(addr.sin_port);
        t->conns = g_ptr_array_new_with_free_func(conn_free);
        t->accept_watch = g_unix_fd_add(listen_fd, G_IO_IN, on_accept, t);
        phone->reboot = on_reboot;
        phone->reboot_data = t;
        return t;
}

void sim_transport_free(SimTransport *t)
{
        if (t == NULL)
                return;
        t->phone->reboot = NULL;
        g_clear_handle_id(&t->accept_watch, g_source_remove);
        g_clear_handle_id(&t->reboot_timer, g_source_remove);
        g_ptr_array_unref(t->conns);
        if (t->listen_fd >= 0)
                close(t->listen_fd);
        g_free(t);
}

int sim_transport_port(const SimTransport *t)
{
        return t->port;
}

guint sim_transport_connections(const SimTransport *t)
{
        return t->conns->len;
}

guint sim_transport_streams(const SimTransport *t)
{
        guint n = 0;

        for (guint i = 0; i < t->conns->len; i++)
                n += g_hash_table_size(((Conn *)g_ptr_array_index(t->conns, i))->streams);
        return n;
}

void sim_transport_drop(SimTransport *t)
{
        for (guint i = 0; i < t->conns->len; i++)
                conn_fail(g_ptr_array_index(t->conns, i));
}

bool sim_transport_refuse(SimTransport *t, bool refuse)
{
        struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((guint16)t->port)};
        int one = 1;

        if (refuse == (t->listen_fd < 0))
                return true;
        if (refuse) {
                g_clear_handle_id(&t->accept_watch, g_source_remove);
                close(t->listen_fd);
                t->listen_fd = -1;
                return true;
        }
        addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        t->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        setsockopt(t->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(t->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(t->listen_fd, 8) < 0) {
                g_warning("cannot listen on port %d again: %s", t->port, g_strerror(errno));
                close(t->listen_fd);
                t->listen_fd = -1;
                return false;
        }
        t->accept_watch = g_unix_fd_add(t->listen_fd, G_IO_IN, on_accept, t);
        return true;
}

void sim_transport_mute(SimTransport *t, bool mute)
{
        t->mute = mute;
        sim_transport_drop(t);
}

void sim_transport_require_auth(SimTransport *t, bool on)
{
        t->require_auth = on;
        sim_transport_drop(t);
}

void sim_transport_authorize(SimTransport *t)
{
        t->require_auth = false;
        for (guint i = 0; i < t->conns->len; i++) {
                Conn *c = g_ptr_array_index(t->conns, i);

                if (!c->dead && !c->authed && c->key_offered)
                        send_banner(c);
        }
}

void sim_transport_slow(SimTransport *t, guint ms)
{
        t->slow_ms = ms;
}
