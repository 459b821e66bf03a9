#include "drivers/wol/probe.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/wol/wol_proto.h"

typedef struct Peer {
        struct sockaddr_storage address;
        socklen_t size;
        bool six;
} Peer;

static bool find_peer(const char *address, guint16 port, Peer *ret, GError **error)
{
        struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM}, *found = NULL;
        if (getaddrinfo(address, NULL, &hints, &found) != 0 || !found) {
                tb_set_error(error, TB_ERROR_INVALID, "%s is no IP address", address);
                return false;
        }
        *ret = (Peer){.size = found->ai_addrlen, .six = found->ai_family == AF_INET6};
        memcpy(&ret->address, found->ai_addr, found->ai_addrlen);
        freeaddrinfo(found);
        if (ret->six)
                ((struct sockaddr_in6 *)&ret->address)->sin6_port = htons(port);
        else
                ((struct sockaddr_in *)&ret->address)->sin_port = htons(port);
        return true;
}

static bool failed(const char *address, const char *what, GError **error)
{
        tb_set_error(error, TB_ERROR_DEVICE, "%s: %s: %s", address, what, g_strerror(errno));
        return false;
}

/* No route, nobody by that address: nobody answers. */
static bool is_silence(int code)
{
        static const int silent[] = {EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN,
                                     ETIMEDOUT,    EACCES,      EPERM};
        for (guint i = 0; i < G_N_ELEMENTS(silent); i++)
                if (code == silent[i])
                        return true;
        return false;
}

static bool wait_for(TbIo *io, int fd, short events, gint64 until_us, bool *ret_ready, const char *address,
                     GError **error)
{
        struct pollfd p = {.fd = fd, .events = events};
        gint64 left = MAX(until_us - g_get_monotonic_time(), 0);
        TbWait waited = tb_io_wait(io, &p, 1, (int)(left / 1000));
        *ret_ready = waited == TB_WAIT_READY;
        if (waited == TB_WAIT_READY ||
            (waited == TB_WAIT_TIMEOUT && g_get_monotonic_time() < io->deadline_us))
                return true;
        return tb_io_fail(waited, address, error);
}

static bool connects(TbIo *io, const Peer *peer, int fd, const char *address, gint64 until_us, bool *ret,
                     GError **error)
{
        int code = 0;
        bool ready = true;
        if (connect(fd, (const struct sockaddr *)&peer->address, peer->size) < 0)
                code = errno;
        if (code == EINPROGRESS) {
                socklen_t size = sizeof code;
                if (!wait_for(io, fd, POLLOUT, until_us, &ready, address, error))
                        return false;
                if (ready && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
                        return failed(address, "cannot see whether it answers", error);
        }
        *ret = ready && (code == 0 || code == ECONNREFUSED || code == ECONNRESET);
        if (ready && !*ret && !is_silence(code)) {
                errno = code;
                return failed(address, "cannot connect", error);
        }
        return true;
}

static bool pings(TbIo *io, const Peer *peer, int fd, const char *address, gint64 until_us, bool *ret,
                  GError **error)
{
        static gint count; /* of all lanes */
        guint16 number = (guint16)g_atomic_int_add(&count, 1);
        guint8 packet[TB_WOL_PING], heard[256];
        bool ready;
        *ret = false;
        tb_wol_ping(peer->six, number, packet);
        if (sendto(fd, packet, sizeof packet, MSG_NOSIGNAL, (const struct sockaddr *)&peer->address,
                   peer->size) < 0)
                return is_silence(errno) || failed(address, "cannot ping", error);
        do {
                if (!wait_for(io, fd, POLLIN, until_us, &ready, address, error))
                        return false;
                gssize n = ready ? recv(fd, heard, sizeof heard, MSG_DONTWAIT) : 0;
                *ret = n > 0 && tb_wol_is_pong(peer->six, number, heard, (gsize)n);
        } while (ready && !*ret && g_get_monotonic_time() < until_us);
        return true;
}

bool tb_wol_probe(TbIo *io, const char *address, guint16 port, int timeout_ms, bool *ret_answered,
                  GError **error)
{
        Peer peer;
        if (!find_peer(address, port, &peer, error))
                return false;
        int family = peer.six ? AF_INET6 : AF_INET, icmp = peer.six ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP,
            fd = port ? socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                      : socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, icmp);
        if (fd < 0 && !port && (errno == EACCES || errno == EPERM)) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "%s: this machine lets programs send no pings (sysctl "
                             "net.ipv4.ping_group_range): set "
                             "\"tcp\" to a port that it listens on",
                             address);
                return false;
        }
        if (fd < 0)
                return failed(address, "no socket for it", error);
        gint64 until_us = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
        bool ok = (port ? connects : pings)(io, &peer, fd, address, until_us, ret_answered, error);
        close(fd);
        return ok;
}

bool tb_wol_send(const char *address, guint16 port, const void *data, gsize size, GError **error)
{
        Peer peer;
        if (!find_peer(address, port, &peer, error))
                return false;
        int on = 1, fd = socket(peer.six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) == 0 &&
                  sendto(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&peer.address,
                         peer.size) == (gssize)size;
        if (!ok)
                failed(address, "the magic packet cannot be sent", error);
        if (fd >= 0)
                close(fd);
        return ok;
}
