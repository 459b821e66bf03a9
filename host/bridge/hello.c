#include "host/bridge/hello.h"

#include "host/bridge/devices.h"
#include "lib/limits.h"
#include "lib/net.h"
#include "lib/proto/link_frame.h"

json_t *tb_bridge_hello(TbCore *core, TbLinkKey *key, const char *version, bool *is_short, bool *is_late)
{
        const TbHostConfig *c = tb_core_config(core);
        json_t *hello = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s*, s:o}", "type", "hello", "role",
                                  "host", "protocol", TB_LINK_PROTOCOL, "host", c->name, "version", version,
                                  "key", tb_link_key_public(key), "token", c->server_token, "devices",
                                  tb_bridge_devices(core, is_short));
        /* Nobody takes much of one who has not said who it is. */
        *is_late = json_dumpb(hello, NULL, 0, JSON_COMPACT) > TB_LIMIT_WS_HELLO;
        if (*is_late)
                json_object_del(hello, "devices");
        return hello;
}

json_t *tb_bridge_proof(TbLinkKey *key, const char *name, const char *nonce, const char *url)
{
        g_autoptr(GUri) uri = url ? g_uri_parse(url, G_URI_FLAGS_NONE, NULL) : NULL;
        g_autofree char *server =
                                uri && g_uri_get_host(uri) ? g_ascii_strdown(g_uri_get_host(uri), -1) : NULL,
                        *signature = tb_link_key_sign(key, name, nonce, server);
        return json_pack("{s:s, s:s, s:s*}", "type", "proof", "signature", signature, "server", server);
}

bool tb_bridge_may_join_open(const TbHostConfig *c)
{
        g_autoptr(GUri) uri = g_uri_parse(c->server_url, G_URI_FLAGS_NONE, NULL);
        bool here = uri && g_uri_get_host(uri) && tb_address_is_loopback(g_uri_get_host(uri));
        return c->server_insecure || (here && tb_auth_is_open(c->auth));
}
