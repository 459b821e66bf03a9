/* What this server is called by hosts that dial it. */
#include <gio/gio.h>
#include <string.h>

#include "server/server_private.h"

static bool is_of_a_network(const char *text)
{
        g_autoptr(GInetAddress) a = g_inet_address_new_from_string(text);
        const guint8 *bytes = a ? g_inet_address_to_bytes(a) : NULL;
        bool v6 = a && g_inet_address_get_family(a) == G_SOCKET_FAMILY_IPV6;
        return a && (g_inet_address_get_is_site_local(a) || g_inet_address_get_is_link_local(a) ||
                     g_inet_address_get_is_loopback(a) || (v6 && (bytes[0] & 0xfe) == 0xfc));
}

/* Without `url:` it does not know what it is called elsewhere. Within a network hosts dial addresses. */
bool tb_server_is_named(const TbServerConfig *config, const char *name)
{
        return !config->url || g_strv_contains((const char *const *)config->names, name) ||
               is_of_a_network(name) || strcmp(name, "localhost") == 0;
}
