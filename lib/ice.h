#pragma once
/*
 * ICE servers for clients: STUN as configured, TURN with time-limited credentials as coturn's use-auth-secret
 * checks them (username = "<unix expiry>:<user>", credential = base64(HMAC-SHA1(secret, username)); coturn's
 * README.turnserver, "TURN REST API"). Pure.
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
char *tb_ice_credential(const char *secret, const char *username); /* the caller frees */
#define TB_ICE_URIS 8                                              /* of one list */
#define TB_ICE_TTL_S 86400 /* of a credential, if the configuration says nothing */
/* iceServers as GStreamer's peers want them: "stun:host:port", "turn:user:secret@host:port?transport=udp",
 * "turns:…". NULL-terminated; at most TB_ICE_URIS; what is malformed is left out. */
char **tb_ice_uris(json_t *ice_servers);
void tb_ice_config_clear(TbIceConfig *config);
