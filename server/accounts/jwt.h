#pragma once
/*
 * Tokens that somebody else signs (RFC 7519): HS256 with the secret of JWT_SECRET, and nothing else. Strict: the algorithm is ours to
 * say and not the token's, base64url has one spelling, JSON has no key twice, `exp` must be there. Pure: any thread.
 *
 * Claims: `sub` (a user's name), `role` (viewer, operator, admin; of a user of this server it may be left out), `exp`, and where they are
 * there `nbf`, `iat` (numbers of seconds, TB_LIMIT_JWT_LEEWAY_S of leeway), `aud` ("testbed"), `groups` (names of this server's groups).
 * In those that this server signs itself (server/accounts/token_routes.c) `login` is the sign-in behind it.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/auth.h"

typedef struct TbJwt {
        char *sub;     /* owned */
        TbRole role;   /* TB_ROLE_NONE: not said */
        char **groups; /* owned; NULL: not said, so nothing narrows him; empty: he sees nothing */
        gint64 exp_s;
        char *login; /* owned; NULL: somebody else signed it. Of ours: the sign-in that it is of, and ends with */
} TbJwt;

bool tb_jwt_looks_like_one(const char *token); /* two dots: whose else could it be */
/* False with TB_ERROR_UNAUTHORIZED and words that say what is wrong with it, never what is in it. */
bool tb_jwt_read(const char *token, const char *secret, gint64 now_s, TbJwt *ret, GError **error);
/* Signed as above. The caller frees. */
char *tb_jwt_sign(const json_t *claims, const char *secret);
void tb_jwt_clear(TbJwt *jwt);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbJwt, tb_jwt_clear)
