#pragma once
/*
 * ICE servers for both sides of a peer connection: STUN as configured, TURN with time-limited credentials as
 * coturn's use-auth-secret checks them (username = "<unix expiry>:<user>", credential =
 * base64(HMAC-SHA1(secret, username)); coturn's README.turnserver, "TURN REST API"), or with the one name and password
 * that a TURN server of somebody else's gives (coturn's lt-cred-mech): all who watch learn those. Pure.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbIceConfig {
        char **stun;               /* owned; "stun:host:port" */
        char **turn;               /* owned; "turn:host:port?transport=udp", "turns:…" */
        char *secret;              /* owned; NULL: username and password, or no TURN */
        char *username, *password; /* owned; NULL: the secret, or no TURN */
        int ttl_s;
} TbIceConfig;

/* There is a TURN server, and what it asks for. */
bool tb_ice_has_turn(const TbIceConfig *config);
/* What is wrong with how TURN is to be asked: two ways, half a way, servers without one; NULL: nothing. */
const char *tb_ice_problem(const TbIceConfig *config);
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
