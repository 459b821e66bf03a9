#include "server/ice.h"

#include <string.h>

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

json_t *tb_ice_servers(const TbIceConfig *config, const char *user, gint64 now_ms)
{
        json_t *out = json_array();
        if (config->stun && config->stun[0])
                json_array_append_new(out, json_pack("{s:o}", "urls", urls(config->stun)));
        if (config->turn && config->turn[0] && config->secret) {
                g_autofree char *username =
                        g_strdup_printf("%" G_GINT64_FORMAT ":%s", now_ms / 1000 + config->ttl_s, user);
                g_autofree char *credential = tb_ice_credential(config->secret, username);
                json_array_append_new(out, json_pack("{s:o, s:s, s:s}", "urls", urls(config->turn),
                                                     "username", username, "credential", credential));
        }
        return out;
}

void tb_ice_config_clear(TbIceConfig *config)
{
        g_clear_pointer(&config->stun, g_strfreev);
        g_clear_pointer(&config->turn, g_strfreev);
        g_clear_pointer(&config->secret, g_free);
}
