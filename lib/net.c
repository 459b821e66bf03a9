#include "lib/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gio/gio.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/limits.h"

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

guint16 tb_socket_port(int fd)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } bound = {.v6 = {0}};
        socklen_t size = sizeof bound;
        if (getsockname(fd, &bound.any, &size) != 0)
                return 0;
        return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

bool tb_address_parse(const char *text, struct sockaddr_storage *ret)
{
        *ret = (struct sockaddr_storage){0};
        if (inet_pton(AF_INET, text, &((struct sockaddr_in *)ret)->sin_addr) == 1)
                ret->ss_family = AF_INET;
        else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)ret)->sin6_addr) == 1)
                ret->ss_family = AF_INET6;
        return ret->ss_family != 0;
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

static int resolve(const char *address, const char *service, struct addrinfo **ret_found)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                       .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
        const char *numeric = g_ascii_strcasecmp(address, "localhost") == 0 ? "127.0.0.1" : address;
        return getaddrinfo(numeric, service, &hints, ret_found);
}

bool tb_address_can_listen(const char *address)
{
        struct addrinfo *found = NULL;
        if (resolve(address, "0", &found) != 0)
                return false;
        freeaddrinfo(found);
        return true;
}

int tb_listen(const char *address, guint16 port, char ret_bound[TB_ADDRESS_TEXT], guint16 *ret_port,
              GError **error)
{
        char service[8];
        g_snprintf(service, sizeof service, "%u", port);
        struct addrinfo *found = NULL;
        int rc = resolve(address, service, &found);
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

/* --- ranges --- */
#define MAPPED 12 /* bytes before an IPv4 address in ::ffff:a.b.c.d */

/* 32, 128; 0: no address. */
static int address_bytes(const char *text, guint8 ret[16])
{
        static const guint8 prefix[MAPPED] = {[10] = 0xff, [11] = 0xff};
        g_autofree char *plain = g_strndup(text, strcspn(text, "%"));
        guint8 found[16];
        if (inet_pton(AF_INET, plain, found + MAPPED) == 1) {
                memcpy(found, prefix, MAPPED);
                memcpy(ret, found, sizeof found);
                return 32;
        }
        if (inet_pton(AF_INET6, plain, found) != 1)
                return 0;
        memcpy(ret, found, sizeof found);
        return 128;
}

static bool bit(const guint8 *bytes, int i)
{
        return bytes[i / 8] >> (7 - i % 8) & 1;
}

bool tb_net_range_parse(const char *text, TbNetRange *ret, GError **error)
{
        const char *slash = strchr(text, '/');
        g_autofree char *address = slash ? g_strndup(text, (gsize)(slash - text)) : g_strdup(text);
        TbNetRange range;
        int size = strchr(address, '%') ? 0 : address_bytes(address, range.address);
        guint64 bits = (guint64)size;
        if (size == 0 ||
            (slash && !g_ascii_string_to_unsigned(slash + 1, 10, 0, (guint64)size, &bits, NULL))) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "\"%.64s\" is no range of addresses: write 10.1.0.0/16, fd00::/8 or one address",
                             text);
                return false;
        }
        range.bits = 128 - size + (int)bits;
        for (int i = range.bits; i < 128; i++)
                if (bit(range.address, i)) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "\"%.64s\" has more address than its /%d takes: write the network's own "
                                     "address",
                                     text, (int)bits);
                        return false;
                }
        *ret = range;
        return true;
}

bool tb_net_ranges_parse(const json_t *list, GArray **ret, GError **error)
{
        g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(TbNetRange));
        gsize n = json_array_size(list);
        if (n < 1 || n > TB_LIMIT_NET_RANGES) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "must be an array of 1 to %d ranges of addresses, as [\"10.1.0.0/16\"]",
                             TB_LIMIT_NET_RANGES);
                return false;
        }
        for (gsize i = 0; i < n; i++) {
                const char *text = json_string_value(json_array_get(list, i));
                TbNetRange range;
                if (!tb_net_range_parse(text ? text : "", &range, error))
                        return false;
                g_array_append_val(ranges, range);
        }
        *ret = g_steal_pointer(&ranges);
        return true;
}

bool tb_net_ranges_contain(const GArray *ranges, const char *address)
{
        guint8 bytes[16];
        if (!ranges || address_bytes(address, bytes) == 0)
                return false;
        for (guint n = 0; n < ranges->len; n++) {
                const TbNetRange *range = &g_array_index(ranges, TbNetRange, n);
                int i = 0;
                while (i < range->bits && bit(bytes, i) == bit(range->address, i))
                        i++;
                if (i == range->bits)
                        return true;
        }
        return false;
}

bool tb_net_endpoint_parse(const char *text, char **ret_address, guint16 *ret_port, GError **error)
{
        const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
        bool six = *text == '[';
        g_autofree char *address =
                colon ? g_strndup(text + six, (gsize)(colon - text) - (six ? 2 : 0)) : NULL;
        guint8 bytes[16];
        guint64 number;
        bool ok = g_ascii_string_to_unsigned(port, 10, 1, G_MAXUINT16, &number, NULL) &&
                  (!colon || (!six || (colon > text + 1 && colon[-1] == ']'))) &&
                  (!address || address_bytes(address, bytes) == (six ? 128 : 32) ||
                   (!six && strcmp(address, "localhost") == 0));
        if (!ok) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "\"%.64s\" is no place to listen: write 127.0.0.1:4001, [::1]:4001 or 4001",
                             text);
                return false;
        }
        *ret_address = g_steal_pointer(&address);
        *ret_port = (guint16)number;
        return true;
}
