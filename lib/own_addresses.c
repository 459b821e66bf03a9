#include "lib/own_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/net.h"

/* Lower comes first: what a phone in the same room most likely reaches. Negative: nobody else reaches it. */
static int rank_of(const struct sockaddr *address)
{
        if (address->sa_family == AF_INET) {
                guint32 ip = ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr);
                if (ip >> 24 == 127 || ip >> 16 == 0xa9fe)
                        return -1;
                bool home = ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8;
                return home ? 0 : 1;
        }
        if (address->sa_family != AF_INET6)
                return -1;
        const struct in6_addr *ip = &((const struct sockaddr_in6 *)address)->sin6_addr;
        if (IN6_IS_ADDR_LOOPBACK(ip) || IN6_IS_ADDR_LINKLOCAL(ip))
                return -1;
        return (ip->s6_addr[0] & 0xfe) == 0xfc ? 2 : 3;
}

char **tb_own_addresses(void)
{
        g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
        struct ifaddrs *all = NULL;
        if (getifaddrs(&all) != 0)
                all = NULL;
        for (int rank = 0; rank <= 3; rank++)
                for (struct ifaddrs *i = all; i && found->len < TB_LIMIT_OWN_ADDRESSES; i = i->ifa_next) {
                        char text[TB_ADDRESS_TEXT] = "";
                        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || rank_of(i->ifa_addr) != rank)
                                continue;
                        tb_address_text(i->ifa_addr, text);
                        if (*text && !g_ptr_array_find_with_equal_func(found, text, g_str_equal, NULL))
                                g_ptr_array_add(found, g_strdup(text));
                }
        freeifaddrs(all);
        g_ptr_array_add(found, NULL);
        return (char **)g_ptr_array_steal(found, NULL);
}

bool tb_address_is_own(const char *address)
{
        struct ifaddrs *all = NULL;
        bool own = getifaddrs(&all) != 0;
        for (struct ifaddrs *i = all; i && !own; i = i->ifa_next) {
                char text[TB_ADDRESS_TEXT] = "";
                if (i->ifa_addr)
                        tb_address_text(i->ifa_addr, text);
                text[strcspn(text, "%")] = '\0'; /* the zone of a link-local one */
                own = strcmp(text, address) == 0;
        }
        freeifaddrs(all);
        return own;
}
