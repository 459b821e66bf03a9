#pragma once
/*
 * ICE servers for both sides of a peer connection: STUN as configured, TURN with time-limited credentials as
 * coturn's use-auth-secret checks them (username = "<unix expiry>:<user>", credential =
 * base64(HMAC-SHA1(secret, username)); coturn's README.turnserver, "TURN REST API"). Pure.
 */
#include <glib.h>
#include <jansson.h>

typedef struct TbIceConfig {
        char **stun;  /* owned; "stun:host:port" */
        char **turn;  /* owned; "turn:host:port?transport=udp", "turns:…" */
        char *secret; /* owned; NULL: no TURN */
        int ttl_s;
} TbIceConfig;

/* [{"urls":[…]},{"urls":[…],"username","credential"}]; the caller owns the reference. */
json_t *tb_ice_servers(const TbIceConfig *config, const char *user, gint64 now_ms);
/* Such a list, ours or another's, as host/media wants it: "stun:host:port",
 * "turn:user:secret@host:port?transport=udp", user and secret %-escaped. NULL-terminated; at most 8; what is
 * malformed or of no use to libnice is left out. */
char **tb_ice_uris(json_t *servers);
/* Values of the Link headers that tell a WHEP player of them (RFC 9725 section 4.6). NULL-terminated. */
char **tb_ice_links(json_t *servers);
char *tb_ice_credential(const char *secret, const char *username); /* the caller frees */
void tb_ice_config_clear(TbIceConfig *config);
