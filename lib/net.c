#include "lib/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gio/gio.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"

bool tb_address_is_loopback(const char *address)
{
        g_autoptr(GInetAddress) inet = g_inet_address_new_from_string(address);
        return inet ? g_inet_address_get_is_loopback(inet) : g_ascii_strcasecmp(address, "localhost") == 0;
}

void tb_address_text(const struct sockaddr *address, char ret_text[TB_ADDRESS_TEXT])
{
        static const char mapped[] = "::ffff:"; /* an IPv4 client of a dual-stack socket */
        char text[INET6_ADDRSTRLEN] = "";
        if (address->sa_family == AF_INET)
                inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof text);
        else if (address->sa_family == AF_INET6)
                inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof text);
        bool is_mapped = g_str_has_prefix(text, mapped) && strchr(text, '.');
        g_strlcpy(ret_text, is_mapped ? text + strlen(mapped) : text, TB_ADDRESS_TEXT);
}

static int bound_socket(const struct addrinfo *to)
{
        int one = 1, zero = 0, fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (to->ai_family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
        if (bind(fd, to->ai_addr, to->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
                return fd;
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
}

int tb_listen(const char *address, guint16 port, char ret_bound[TB_ADDRESS_TEXT], guint16 *ret_port,
              GError **error)
{
        char service[8];
        g_snprintf(service, sizeof service, "%u", port);
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                       .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
        struct addrinfo *found = NULL;
        const char *numeric = g_ascii_strcasecmp(address, "localhost") == 0 ? "127.0.0.1" : address;
        int rc = getaddrinfo(numeric, service, &hints, &found);
        if (rc != 0) {
                tb_set_error(error, TB_ERROR_INVALID, "%s is no address to listen on: %s", address,
                             gai_strerror(rc));
                return -1;
        }
        int fd = bound_socket(found);
        freeaddrinfo(found);
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } bound = {0};
        socklen_t size = sizeof bound;
        if (fd < 0 || getsockname(fd, &bound.any, &size) < 0) {
                tb_set_error(error, TB_ERROR_BUSY, "cannot listen on %s port %u: %s", address, port,
                             g_strerror(errno));
                if (fd >= 0)
                        close(fd);
                return -1;
        }
        if (ret_bound)
                tb_address_text(&bound.any, ret_bound);
        if (ret_port)
                *ret_port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
        return fd;
}
