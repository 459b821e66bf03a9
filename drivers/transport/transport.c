#include "drivers/transport/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/error.h"

struct TbTransport {
        int fd; /* owned; non-blocking */
        bool socket;
        char *name;          /* owned; for error texts */
        GByteArray *ahead;   /* owned; read by read_line and not yet handed out */
        GDestroyNotify shut; /* closes the fd, which belongs to `owner`; NULL: close() */
        gpointer owner;
};

TbTransport *tb_transport_of_fd_owned(int fd, const char *name, GDestroyNotify shut, gpointer owner_take)
{
        TbTransport *t = tb_transport_of_fd(fd, name);
        t->shut = shut;
        t->owner = owner_take;
        return t;
}

TbTransport *tb_transport_of_fd(int fd, const char *name)
{
        TbTransport *t = g_new0(TbTransport, 1);
        t->fd = fd;
        t->name = g_strdup(name);
        t->ahead = g_byte_array_new();
        int type;
        socklen_t len = sizeof type;
        t->socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        return t;
}

void tb_transport_close(TbTransport *t)
{
        if (!t)
                return;
        if (t->shut)
                t->shut(t->owner);
        else
                close(t->fd);
        g_free(t->name);
        g_byte_array_free(t->ahead, TRUE);
        g_free(t);
}

int tb_transport_fd(TbTransport *t)
{
        return t->fd;
}

void tb_transport_rename(TbTransport *t, const char *name)
{
        g_free(t->name);
        t->name = g_strdup(name);
}

const char *tb_transport_name(TbTransport *t)
{
        return t->name;
}

/* --- connecting --- */
static int until_ms(gint64 until_us)
{
        if (until_us == G_MAXINT64)
                return -1;
        gint64 left = until_us - g_get_monotonic_time();
        return left <= 0 ? 0 : (int)MIN((left + 999) / 1000, G_MAXINT);
}

static gint64 until_of(int timeout_ms)
{
        return timeout_ms < 0 ? G_MAXINT64 : g_get_monotonic_time() + (gint64)timeout_ms * 1000;
}

/* No one listens, no route, no such file: the device is not there. */
static void set_connect_error(GError **error, const char *name, int err)
{
        if (err == EACCES || err == EPERM)
                tb_set_error(error, TB_ERROR_FORBIDDEN,
                             "no permission for %s: may the daemon's user open it?", name);
        else
                tb_set_error(error, err == ETIMEDOUT ? TB_ERROR_TIMEOUT : TB_ERROR_GONE, "%s: %s", name,
                             g_strerror(err));
}

/* Takes the fd. */
static TbTransport *connect_fd(TbIo *io, int fd, const struct sockaddr *address, socklen_t size,
                               const char *name, gint64 until_us, GError **error)
{
        g_autoptr(TbTransport) t = tb_transport_of_fd(fd, name);
        while (connect(fd, address, size) < 0) {
                if (errno == EINTR)
                        continue;
                if (errno ==
                    EAGAIN) { /* a UNIX listener whose backlog is full: there is nothing to poll for */
                        if (!tb_io_sleep(io, 20, error))
                                return NULL;
                        if (until_ms(until_us) != 0)
                                continue;
                        tb_io_fail(TB_WAIT_TIMEOUT, name, error);
                        return NULL;
                }
                if (errno != EINPROGRESS) {
                        set_connect_error(error, name, errno);
                        return NULL;
                }
                struct pollfd p = {.fd = fd, .events = POLLOUT};
                TbWait w = tb_io_wait(io, &p, 1, until_ms(until_us));
                if (w != TB_WAIT_READY) {
                        tb_io_fail(w, name, error);
                        return NULL;
                }
                int err = 0;
                socklen_t len = sizeof err;
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
                if (err != 0) {
                        set_connect_error(error, name, err);
                        return NULL;
                }
                break;
        }
        return g_steal_pointer(&t);
}

/* The resolver of libc cannot be given a deadline or be interrupted: a name is looked up on a thread of its
 * own, which is left behind when it takes too long. */
typedef struct Lookup {
        int ref;                 /* __atomic: ThreadSanitizer does not see into GLib's counter */
        char *host, *service;    /* owned */
        struct addrinfo *result; /* owned; valid once `done` is raised */
        int rc;
        TbInterruptor *done;
} Lookup;

static void lookup_unref(Lookup *l)
{
        if (__atomic_sub_fetch(&l->ref, 1, __ATOMIC_ACQ_REL) > 0)
                return;
        if (l->result)
                freeaddrinfo(l->result);
        tb_interruptor_free(l->done);
        g_free(l->host);
        g_free(l->service);
        g_free(l);
}

static int lookup_now(Lookup *l, int flags)
{
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
        return getaddrinfo(l->host, l->service, &hints, &l->result);
}

static void lookup_run(gpointer data)
{
        Lookup *l = data;
        l->rc = lookup_now(l, AI_ADDRCONFIG);
        tb_interruptor_raise(l->done);
        lookup_unref(l);
}

static bool start_lookup(Lookup *l, GError **error)
{
        __atomic_add_fetch(&l->ref, 1, __ATOMIC_RELAXED);
        if (tb_thread_try_detach("resolve", lookup_run, l, error))
                return true;
        lookup_unref(l);
        return false;
}

static Lookup *lookup(TbIo *io, const char *host, const char *name, guint16 port, gint64 until_us,
                      GError **error)
{
        Lookup *l = g_new0(Lookup, 1);
        l->ref = 1;
        l->host = g_strdup(host);
        l->service = g_strdup_printf("%u", port);
        l->rc = lookup_now(l, AI_NUMERICHOST);
        if (l->rc == EAI_NONAME) {
                l->done = tb_interruptor_try_new(error);
                if (!l->done || !start_lookup(l, error)) {
                        lookup_unref(l);
                        return NULL;
                }
                struct pollfd p = {.fd = tb_interruptor_fd(l->done), .events = POLLIN};
                TbWait w = tb_io_wait(io, &p, 1, until_ms(until_us));
                if (w != TB_WAIT_READY) {
                        tb_io_fail(w, name, error);
                        lookup_unref(l);
                        return NULL;
                }
                tb_interruptor_lower(l->done); /* reading it is what orders us behind the writer */
        }
        if (l->rc != 0) {
                tb_set_error(error, TB_ERROR_GONE, "%s: cannot find the host: %s", name, gai_strerror(l->rc));
                lookup_unref(l);
                return NULL;
        }
        return l;
}

TbTransport *tb_transport_tcp(TbIo *io, const char *host, guint16 port, int timeout_ms, GError **error)
{
        /* An IPv6 address may stand in brackets, as in a URI. */
        gsize n = strlen(host);
        bool brackets = n > 2 && host[0] == '[' && host[n - 1] == ']';
        g_autofree char *bare = brackets ? g_strndup(host + 1, n - 2) : g_strdup(host);
        g_autofree char *name = strchr(bare, ':') ? g_strdup_printf("[%s]:%u", bare, port)
                                                  : g_strdup_printf("%s:%u", bare, port);
        gint64 until = until_of(timeout_ms);

        Lookup *l = lookup(io, bare, name, port, until, error);
        if (!l)
                return NULL;
        TbTransport *t = NULL;
        g_autoptr(GError) last = NULL;
        for (struct addrinfo *a = l->result; a && !t; a = a->ai_next) {
                g_clear_error(&last);
                int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (fd < 0) {
                        set_connect_error(&last, name, errno);
                        continue;
                }
                int one = 1;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
                /* With several addresses a dead first one must leave time for the next. */
                gint64 mine = until;
                if (a->ai_next && until != G_MAXINT64)
                        mine = g_get_monotonic_time() + (until - g_get_monotonic_time()) / 2;
                t = connect_fd(io, fd, a->ai_addr, a->ai_addrlen, name, mine, &last);
                if (!t && g_error_matches(last, TB_ERROR, TB_ERROR_INTERRUPTED))
                        break;
        }
        lookup_unref(l);
        if (!t)
                g_propagate_error(error, g_steal_pointer(&last));
        return t;
}

TbTransport *tb_transport_unix(TbIo *io, const char *path, int timeout_ms, GError **error)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        if (strlen(path) >= sizeof address.sun_path) {
                tb_set_error(error, TB_ERROR_INVALID, "socket path is longer than %zu bytes: %s",
                             sizeof address.sun_path - 1, path);
                return NULL;
        }
        g_strlcpy(address.sun_path, path, sizeof address.sun_path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
                set_connect_error(error, path, errno);
                return NULL;
        }
        return connect_fd(io, fd, (struct sockaddr *)&address, sizeof address, path, until_of(timeout_ms),
                          error);
}

/* --- reading --- */
static gsize take_ahead(TbTransport *t, void *buf, gsize size)
{
        gsize n = MIN(size, t->ahead->len);
        if (n > 0) {
                memcpy(buf, t->ahead->data, n);
                g_byte_array_remove_range(t->ahead, 0, (guint)n);
        }
        return n;
}

/* Bytes, 0 at the end, -1 with an error, -2: nothing now. */
static gssize read_some(TbTransport *t, void *buf, gsize size, GError **error)
{
        for (;;) {
                gssize n = read(t->fd, buf, size);
                if (n >= 0)
                        return n;
                if (errno == EINTR)
                        continue;
                if (errno == EAGAIN || errno == EWOULDBLOCK)
                        return -2;
                if (errno == EIO) /* a pty whose other side is closed, a tty that was unplugged */
                        return 0;
                tb_set_error(error, TB_ERROR_GONE, "%s: %s", t->name, g_strerror(errno));
                return -1;
        }
}

static gssize read_until(TbTransport *t, TbIo *io, void *buf, gsize size, gint64 until_us, GError **error)
{
        gsize had = take_ahead(t, buf, size);
        if (had > 0)
                return (gssize)had;
        for (;;) {
                gssize n = read_some(t, buf, size, error);
                if (n != -2)
                        return n;
                struct pollfd p = {.fd = t->fd, .events = POLLIN};
                TbWait w = tb_io_wait(io, &p, 1, until_ms(until_us));
                if (w != TB_WAIT_READY) {
                        tb_io_fail(w, t->name, error);
                        return -1;
                }
        }
}

gssize tb_transport_read(TbTransport *t, TbIo *io, void *buf, gsize size, int timeout_ms, GError **error)
{
        return read_until(t, io, buf, size, until_of(timeout_ms), error);
}

static bool hung_up(TbTransport *t, GError **error)
{
        tb_set_error(error, TB_ERROR_GONE, "%s: the other side closed the connection", t->name);
        return false;
}

bool tb_transport_read_exact(TbTransport *t, TbIo *io, void *buf, gsize size, int timeout_ms, GError **error)
{
        gint64 until = until_of(timeout_ms);
        for (gsize done = 0; done < size;) {
                gssize n = read_until(t, io, (char *)buf + done, size - done, until, error);
                if (n < 0)
                        return false;
                if (n == 0)
                        return hung_up(t, error);
                done += (gsize)n;
        }
        return true;
}

char *tb_transport_read_line(TbTransport *t, TbIo *io, gsize limit, int timeout_ms, GError **error)
{
        gint64 until = until_of(timeout_ms);
        gsize seen = 0;
        for (;;) {
                const guint8 *end = t->ahead->len > seen
                                            ? memchr(t->ahead->data + seen, '\n', t->ahead->len - seen)
                                            : NULL;
                gsize length = end ? (gsize)(end - t->ahead->data) : t->ahead->len;
                if (length > limit + 1 ||
                    (length > limit &&
                     t->ahead->data[length - 1] != '\r')) { /* a \r may be the end's first half */
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "%s: a line is longer than %" G_GSIZE_FORMAT " bytes", t->name, limit);
                        return NULL;
                }
                if (end) {
                        gsize keep = length > 0 && t->ahead->data[length - 1] == '\r' ? length - 1 : length;
                        char *line = g_strndup((const char *)t->ahead->data, keep);
                        g_byte_array_remove_range(t->ahead, 0, (guint)length + 1);
                        return line;
                }
                seen = t->ahead->len;
                guint8 buf[4096];
                gssize n = read_some(t, buf, sizeof buf, error);
                if (n == -2) {
                        struct pollfd p = {.fd = t->fd, .events = POLLIN};
                        TbWait w = tb_io_wait(io, &p, 1, until_ms(until));
                        if (w == TB_WAIT_READY)
                                continue;
                        tb_io_fail(w, t->name, error);
                        return NULL;
                }
                if (n < 0)
                        return NULL;
                if (n == 0) {
                        hung_up(t, error);
                        return NULL;
                }
                g_byte_array_append(t->ahead, buf, (guint)n);
        }
}

gssize tb_transport_read_now(TbTransport *t, void *buf, gsize size, GError **error)
{
        gsize had = take_ahead(t, buf, size);
        if (had > 0)
                return (gssize)had;
        gssize n = read_some(t, buf, size, error);
        if (n == -2)
                return 0;
        if (n == 0) {
                hung_up(t, error);
                return -1;
        }
        return n;
}

/* --- writing --- */
gssize tb_transport_write_now(TbTransport *t, const void *data, gsize size, GError **error)
{
        for (;;) {
                /* MSG_NOSIGNAL where it exists; the daemon ignores SIGPIPE for pipes and ttys */
                gssize n = t->socket ? send(t->fd, data, size, MSG_NOSIGNAL) : write(t->fd, data, size);
                if (n >= 0)
                        return n;
                if (errno == EINTR)
                        continue;
                if (errno == EAGAIN || errno == EWOULDBLOCK)
                        return 0;
                tb_set_error(error, TB_ERROR_GONE, "%s: %s", t->name, g_strerror(errno));
                return -1;
        }
}

bool tb_transport_write(TbTransport *t, TbIo *io, const void *data, gsize size, int timeout_ms,
                        GError **error)
{
        gint64 until = until_of(timeout_ms);
        for (gsize done = 0; done < size;) {
                gssize n = tb_transport_write_now(t, (const char *)data + done, size - done, error);
                if (n < 0)
                        return false;
                done += (gsize)n;
                if (n > 0)
                        continue;
                struct pollfd p = {.fd = t->fd, .events = POLLOUT};
                TbWait w = tb_io_wait(io, &p, 1, until_ms(until));
                if (w != TB_WAIT_READY)
                        return tb_io_fail(w, t->name, error);
        }
        return true;
}
