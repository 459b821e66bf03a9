#include "lib/ice.h"

#include <string.h>

#define URIS_MAX 8

char *tb_ice_credential(const char *secret, const char *username)
{
        g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA1, (const guchar *)secret, strlen(secret));
        guint8 digest[20];
        gsize size = sizeof digest;
        g_hmac_update(hmac, (const guchar *)username, -1);
        g_hmac_get_digest(hmac, digest, &size);
        return g_base64_encode(digest, size);
}

static json_t *urls(char **list)
{
        json_t *out = json_array();
        for (; list && *list; list++)
                json_array_append_new(out, json_string(*list));
        return out;
}

bool tb_ice_has_turn(const TbIceConfig *config)
{
        return config->turn && config->turn[0] && (config->secret || (config->username && config->password));
}

const char *tb_ice_problem(const TbIceConfig *config)
{
        if (config->secret && (config->username || config->password))
                return "a secret (coturn's static-auth-secret), or a username and a password: a TURN server "
                       "asks for one of the two";
        if (!config->username != !config->password)
                return "a username and a password are needed, and one of them is missing";
        if (config->turn && config->turn[0] && !tb_ice_has_turn(config))
                return "a secret is needed (coturn's static-auth-secret, WEBRTC_TURN_SECRET), or a username "
                       "and a password";
        return NULL;
}

json_t *tb_ice_servers(const TbIceConfig *config, const char *user, gint64 now_ms)
{
        json_t *out = json_array();
        if (config->stun && config->stun[0])
                json_array_append_new(out, json_pack("{s:o}", "urls", urls(config->stun)));
        if (!tb_ice_has_turn(config))
                return out;
        g_autofree char *username = g_strdup(config->username), *credential = g_strdup(config->password);
        if (config->secret) {
                username = g_strdup_printf("%" G_GINT64_FORMAT ":%s", now_ms / 1000 + config->ttl_s, user);
                credential = tb_ice_credential(config->secret, username);
        }
        json_array_append_new(out, json_pack("{s:o, s:s, s:s}", "urls", urls(config->turn), "username",
                                             username, "credential", credential));
        return out;
}

/* TURN over TLS is left out: libnice's is not TLS but an older protocol that no TURN server speaks. */
static void add_uri(GPtrArray *list, const char *url, json_t *server)
{
        const char *user = json_string_value(json_object_get(server, "username"));
        const char *secret = json_string_value(json_object_get(server, "credential"));
        if (list->len >= URIS_MAX || strlen(url) > 512)
                return;
        if (g_str_has_prefix(url, "stun:") && url[5]) {
                g_ptr_array_add(list, g_strdup(url));
        } else if (g_str_has_prefix(url, "turn:") && url[5] && user && secret) {
                g_autofree char *u = g_uri_escape_string(user, NULL, FALSE),
                                *s = g_uri_escape_string(secret, NULL, FALSE);
                g_ptr_array_add(list, g_strdup_printf("turn:%s:%s@%s", u, s, url + 5));
        }
}

char **tb_ice_uris(json_t *servers)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new();
        size_t i, k;
        json_t *server, *url;
        json_array_foreach (servers, i, server) {
                json_t *urls = json_object_get(server, "urls");
                if (json_is_string(urls))
                        add_uri(list, json_string_value(urls), server);
                json_array_foreach (urls, k, url)
                        if (json_is_string(url))
                                add_uri(list, json_string_value(url), server);
        }
        g_ptr_array_add(list, NULL);
        return (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

/* An RFC 9110 quoted-string; what may not stand in one is left out. */
static void append_quoted(GString *out, const char *name, const char *value)
{
        g_string_append_printf(out, "; %s=\"", name);
        for (const char *p = value; *p; p++) {
                if (*p == '"' || *p == '\\')
                        g_string_append_c(out, '\\');
                if ((guint8)*p >= 0x20 && *p != 0x7f)
                        g_string_append_c(out, *p);
        }
        g_string_append_c(out, '"');
}

char **tb_ice_links(json_t *servers)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new();
        size_t i, k;
        json_t *server, *url;
        json_array_foreach (servers, i, server) {
                const char *user = json_string_value(json_object_get(server, "username"));
                const char *secret = json_string_value(json_object_get(server, "credential"));
                json_array_foreach (json_object_get(server, "urls"), k, url) {
                        GString *link = g_string_new(NULL);
                        g_string_printf(link, "<%s>; rel=\"ice-server\"", json_string_value(url));
                        if (user && secret) {
                                append_quoted(link, "username", user);
                                append_quoted(link, "credential", secret);
                                g_string_append(link, "; credential-type=\"password\"");
                        }
                        g_ptr_array_add(list, g_string_free(link, FALSE));
                }
        }
        g_ptr_array_add(list, NULL);
        return (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

void tb_ice_config_clear(TbIceConfig *config)
{
        g_clear_pointer(&config->stun, g_strfreev);
        g_clear_pointer(&config->turn, g_strfreev);
        g_clear_pointer(&config->secret, g_free);
        g_clear_pointer(&config->username, g_free);
        g_clear_pointer(&config->password, g_free);
}
