#pragma once
/*
 * The sockets of the network's discovery: one for multicast DNS, one for each probe; each speaks on every interface that has an IPv4
 * address, but loopback. Never blocks: what cannot be sent now is lost, as anything may be there. Thread: one.
 */
#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>

/* Up, not loopback, with an IPv4 address. */
typedef struct TbNetworkWay {
        unsigned index;
        struct in_addr own, broadcast; /* broadcast 0.0.0.0: the link has none */
        bool multicast;
} TbNetworkWay;

GArray *tb_network_ways(GError **error); /* of TbNetworkWay, TB_LIMIT_LAN_WAYS at most; the caller unrefs */
struct ifaddrs;
GArray *tb_network_ways_of(
        const struct ifaddrs *all); /* those of a list; pure but for the names of interfaces */

/* For mDNS on port 5353 beside whoever else serves it here; -1 with an error. The caller closes. */
int tb_network_open_mdns(GError **error);
/* For a broadcast and its answers. `from_port` 0: any. */
int tb_network_open_probe(guint16 from_port, GError **error);

void tb_network_join(int fd, const GArray *ways); /* the group on each way; again is no error */
void tb_network_say_mdns(int fd, const GArray *ways, const GByteArray *message);
void tb_network_say_probe(int fd, const TbNetworkWay *way, guint16 port, GBytes *message);
/* One datagram that is there: its size; -1: none. */
gssize tb_network_hear(int fd, void *buffer, gsize size, struct in_addr *ret_from);
