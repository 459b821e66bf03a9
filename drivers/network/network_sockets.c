#include "drivers/network/network_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/transport/mdns.h"
#include "lib/error.h"
#include "lib/limits.h"

/* The last address of the network, which is everybody's there; none where there are only two. */
static struct in_addr all_of(struct in_addr own, struct in_addr mask)
{
        bool wide = (ntohl(mask.s_addr) & 3) == 0;

        return (struct in_addr){.s_addr = wide ? own.s_addr | ~mask.s_addr : 0};
}

GArray *tb_network_ways_of(const struct ifaddrs *all)
{
        GArray *ways = g_array_new(FALSE, FALSE, sizeof(TbNetworkWay));

        for (const struct ifaddrs *i = all; i && ways->len < TB_LIMIT_LAN_WAYS; i = i->ifa_next) {
                if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP) ||
                    (i->ifa_flags & IFF_LOOPBACK))
                        continue;
                TbNetworkWay way = {.index = if_nametoindex(i->ifa_name),
                                    .multicast = (i->ifa_flags & IFF_MULTICAST) != 0};
                way.own = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
                if ((i->ifa_flags & IFF_BROADCAST) && i->ifa_broadaddr)
                        way.broadcast =
                                ((const struct sockaddr_in *)(const void *)i->ifa_broadaddr)->sin_addr;
                if (way.broadcast.s_addr == way.own.s_addr) /* what libc says of a link that names none */
                        way.broadcast.s_addr = 0;
                if (!way.broadcast.s_addr && (i->ifa_flags & IFF_BROADCAST) && i->ifa_netmask)
                        way.broadcast =
                                all_of(way.own,
                                       ((const struct sockaddr_in *)(const void *)i->ifa_netmask)->sin_addr);
                if (way.index)
                        g_array_append_val(ways, way);
        }
        return ways;
}

GArray *tb_network_ways(GError **error)
{
        struct ifaddrs *all = NULL;

        if (getifaddrs(&all) != 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "cannot list the network interfaces: %s",
                             g_strerror(errno));
                return NULL;
        }
        GArray *ways = tb_network_ways_of(all);
        freeifaddrs(all);
        return ways;
}

static bool set(int fd, int level, int option, int value)
{
        return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

static int failed(int fd, const char *what, GError **error)
{
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s: %s", what, g_strerror(errno));
        if (fd >= 0)
                close(fd);
        return -1;
}

static int new_socket(void)
{
        return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Bound to the group, not to all addresses: what is sent to port 5353 of this machine alone is another's (avahi). */
int tb_network_open_mdns(GError **error)
{
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(TB_MDNS_PORT)};
        int fd = new_socket();

        inet_pton(AF_INET, TB_MDNS_GROUP, &at.sin_addr);
        if (fd < 0 || !set(fd, SOL_SOCKET, SO_REUSEADDR, 1) || !set(fd, SOL_SOCKET, SO_REUSEPORT, 1) ||
            !set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 255) || !set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1) ||
            !set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) || bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
                return failed(fd, "cannot listen for multicast DNS (UDP 5353)", error);
        return fd;
}

int tb_network_open_probe(guint16 from_port, GError **error)
{
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(from_port)};
        int fd = new_socket();

        if (fd < 0 || !set(fd, SOL_SOCKET, SO_BROADCAST, 1) || !set(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
            bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
                return failed(fd, "cannot ask by broadcast", error);
        return fd;
}

void tb_network_join(int fd, const GArray *ways)
{
        for (guint i = 0; i < ways->len; i++) {
                const TbNetworkWay *way = &g_array_index(ways, TbNetworkWay, i);
                struct ip_mreqn group = {.imr_ifindex = (int)way->index};
                inet_pton(AF_INET, TB_MDNS_GROUP, &group.imr_multiaddr);
                if (way->multicast) /* fails where it is joined already */
                        (void)setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group);
        }
}

void tb_network_say_mdns(int fd, const GArray *ways, const GByteArray *message)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(TB_MDNS_PORT)};

        inet_pton(AF_INET, TB_MDNS_GROUP, &to.sin_addr);
        for (guint i = 0; i < ways->len; i++) {
                const TbNetworkWay *way = &g_array_index(ways, TbNetworkWay, i);
                struct ip_mreqn out = {.imr_ifindex = (int)way->index, .imr_address = way->own};
                if (way->multicast && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) == 0)
                        (void)sendto(fd, message->data, message->len, 0, (struct sockaddr *)&to, sizeof to);
        }
}

void tb_network_say_probe(int fd, const TbNetworkWay *way, guint16 port, GBytes *message)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = way->broadcast};
        gsize size;
        gconstpointer data = g_bytes_get_data(message, &size);

        (void)sendto(fd, data, size, 0, (struct sockaddr *)&to, sizeof to);
}

gssize tb_network_hear(int fd, void *buffer, gsize size, struct in_addr *ret_from)
{
        struct sockaddr_in from = {0};
        socklen_t length = sizeof from;
        ssize_t n = recvfrom(fd, buffer, size, MSG_TRUNC, (struct sockaddr *)&from, &length);

        *ret_from = from.sin_addr;
        if (n < 0)
                return -1;
        return (gsize)n > size ? 0 : n; /* cut: nothing that could be read */
}
