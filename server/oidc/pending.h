#pragma once
/*
 * Sign-ins that are at the provider: what binds its answer to the browser that was sent there (`state` and a cookie of its own), to this
 * sign-in (`nonce`) and to this server (PKCE's verifier). In memory: who comes back after a restart signs in anew. Pure but for randomness.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbPending {
        char *state, *nonce, *verifier, *browser; /* random; owned, as all of it */
        char *redirect_uri, *to, *user;           /* user NULL: he signs in */
        gint64 ends_ms;                           /* boot clock */
} TbPending;

typedef struct TbPendings TbPendings;

TbPendings *tb_pendings_new(void);
void tb_pendings_free(TbPendings *all);
/* A new one, borrowed, good for TB_LIMIT_OIDC_PENDING_S; where there is no room the oldest goes. */
const TbPending *tb_pendings_add(TbPendings *all, const char *redirect_uri, const char *to, const char *user,
                                 gint64 now_ms);
/* It is taken out whoever asks; NULL: there is none of this state and browser. The caller owns it: tb_pending_free(). */
TbPending *tb_pendings_take(TbPendings *all, const char *state, const char *browser, gint64 now_ms);
void tb_pending_free(TbPending *pending); /* NULL is fine */
/* PKCE's challenge of a verifier (S256); the caller frees. */
char *tb_pending_challenge(const TbPending *pending);
