#pragma once
/*
 * An ID token (OpenID Connect Core 1.0, 2 and 3.1.3.7): who signed it, for whom, until when. Strict: the algorithm is one of keys that come in
 * pairs, whatever the token says; the key is one of the provider's for signing. Pure: any thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbOidcExpect {
        const char *issuer, *client_id, *nonce; /* borrowed */
        gint64 now_s;
} TbOidcExpect;

/* Whether one of these keys (a JWK set) could be the one that has signed it: else they are to be asked for again. */
bool tb_oidc_token_has_key(const char *token, const json_t *keys);
/* Its claims; the caller owns them. NULL with TB_ERROR_UNAUTHORIZED, and words that say what is wrong, never what is in it. */
json_t *tb_oidc_token_read(const char *token, const json_t *keys, const TbOidcExpect *expect, GError **error);
