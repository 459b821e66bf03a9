#include "lib/http/guard.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_port(const char *text)
{
        gsize n = strspn(text, "0123456789");
        return n > 0 && n <= 5 && text[n] == '\0' && g_ascii_strtoull(text, NULL, 10) <= 65535;
}

bool tb_host_split(const char *text, char *ret_name, gsize size)
{
        gsize n;
        const char *rest;
        if (*text == '[') {
                const char *end = strchr(++text, ']');
                if (!end)
                        return false;
                n = (gsize)(end - text);
                rest = end + 1;
                if (strspn(text, "0123456789abcdefABCDEF:.") != n)
                        return false;
        } else {
                n = strcspn(text, ":");
                rest = text + n;
                for (gsize i = 0; i < n; i++)
                        if (!g_ascii_isalnum(text[i]) && text[i] != '-' && text[i] != '.' && text[i] != '_')
                                return false;
        }
        if (n == 0 || n >= size || (*rest && (*rest != ':' || !is_port(rest + 1))))
                return false;
        for (gsize i = 0; i < n; i++)
                ret_name[i] = g_ascii_tolower(text[i]);
        ret_name[n] = '\0';
        if (n > 1 && ret_name[n - 1] == '.')
                ret_name[n - 1] = '\0'; /* "localhost." is the same name */
        return true;
}

static bool is_address(const char *name)
{
        struct in6_addr any;
        return inet_pton(AF_INET, name, &any) == 1 || inet_pton(AF_INET6, name, &any) == 1;
}

static bool is_loopback_name(const char *name)
{
        struct in_addr v4;
        return strcmp(name, "localhost") == 0 || g_str_has_suffix(name, ".localhost") ||
               strcmp(name, "::1") == 0 ||
               (inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

static bool is_listed(const char *const *list, const char *name)
{
        for (; list && *list; list++)
                if (g_ascii_strcasecmp(*list, name) == 0)
                        return true;
        return false;
}

static bool is_machine(const char *machine, const char *name)
{
        if (!machine || g_ascii_strncasecmp(name, machine, strlen(machine)) != 0)
                return false;
        const char *rest = name + strlen(machine);
        return *rest == '\0' || strcmp(rest, ".local") == 0;
}

bool tb_guard_host(const TbGuard *guard, const char *host, const char *local)
{
        char name[256];
        if (!host || !tb_host_split(host, name, sizeof name))
                return false;
        if (is_loopback_name(name) || is_listed(guard->hosts, name) || g_strcmp0(local, name) == 0 ||
            g_strcmp0(guard->address, name) == 0)
                return true;
        /* Bound to the world, an address is as good as ours (port forwarding, containers): rebinding needs a
         * name. */
        return !guard->loopback && (is_address(name) || is_machine(guard->machine, name));
}

bool tb_guard_origin(const TbGuard *guard, const char *origin, const char *host, bool *ret_listed)
{
        if (ret_listed)
                *ret_listed = false;
        if (!origin)
                return true;
        const char *rest = g_str_has_prefix(origin, "http://")    ? origin + 7
                           : g_str_has_prefix(origin, "https://") ? origin + 8
                                                                  : NULL;
        if (rest && host && *rest && g_ascii_strcasecmp(rest, host) == 0)
                return true;
        bool listed =
                is_listed(guard->origins, origin); /* also of one's own: its pages may come past the proxy */
        if (ret_listed)
                *ret_listed = listed;
        return listed || (guard->own && g_ascii_strcasecmp(guard->own, origin) == 0);
}

static bool is_private(const char *name)
{
        struct in_addr v4;
        if (inet_pton(AF_INET, name, &v4) != 1)
                return false;
        guint32 a = ntohl(v4.s_addr);
        return a == 0 || a >> 24 == 127 || a >> 24 == 10 || a >> 16 == 0xc0a8 || a >> 20 == 0xac1;
}

static bool is_tunnel(const char *name)
{
        static const char *const ends[] = {".ngrok-free.dev", ".ngrok.io"};
        for (gsize i = 0; i < G_N_ELEMENTS(ends); i++)
                if (g_str_has_suffix(name, ends[i]) &&
                    strchr(name, '.') == name + strlen(name) - strlen(ends[i]) && name[0] != '.')
                        return true;
        return false;
}

bool tb_guard_neighbour(const char *origin, bool tunnels)
{
        char name[256];
        const char *rest = g_str_has_prefix(origin, "http://")    ? origin + 7
                           : g_str_has_prefix(origin, "https://") ? origin + 8
                                                                  : NULL;
        if (!rest || !tb_host_split(rest, name, sizeof name))
                return false;
        return strcmp(name, "localhost") == 0 || is_private(name) || (tunnels && is_tunnel(name));
}

bool tb_guard_unsafe(const TbGuard *guard, const char *origin, const char *fetch_site, const char *host)
{
        bool listed;
        if (!tb_guard_origin(guard, origin, host, &listed))
                return false;
        /* "same-site" is another port or subdomain: also another origin. "none" is a person who typed the
         * address. */
        return listed || !fetch_site || strcmp(fetch_site, "same-origin") == 0 ||
               strcmp(fetch_site, "none") == 0;
}
