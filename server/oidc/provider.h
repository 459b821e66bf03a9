#pragma once
/* What the provider says of itself (OpenID Connect Discovery 1.0) and its keys: asked when they are needed, kept for a while. Main thread. */
#include <stdbool.h>

#include "server/oidc/oidc.h"
#include "server/outward/send.h"

typedef struct TbOidcProvider TbOidcProvider;

TbOidcProvider *tb_oidc_provider_new(const TbOidcOptions *options); /* borrows */
void tb_oidc_provider_free(TbOidcProvider *provider);               /* whoever waits is told that it ends */
/* Runs once, perhaps at once: what it says of itself and its keys are there, or `error` (TB_ERROR_UNAVAILABLE). */
typedef void (*TbOidcReady)(const GError *error, gpointer data);
void tb_oidc_provider_ready(TbOidcProvider *provider, TbOidcReady ready, gpointer data);
/* It may have other keys by now: they are asked for by the next tb_oidc_provider_ready(). False: that was done just before. */
bool tb_oidc_provider_renew(TbOidcProvider *provider);
/* Once it is ready. Borrowed until the next tb_oidc_provider_ready(). */
const char *tb_oidc_provider_says(const TbOidcProvider *provider, const char *name); /* an endpoint; NULL */
bool tb_oidc_provider_lists(const TbOidcProvider *provider, const char *name, const char *value);
const json_t *tb_oidc_provider_keys(const TbOidcProvider *provider);

/* One question. `headers`: further ones, NULL: none; `body` NULL: GET, else a form in its URL encoding. NULL with TB_ERROR_UNAVAILABLE. */
TbSend *tb_oidc_ask(const TbOidcOptions *options, const char *url, const char *header, const char *body,
                    TbSendDone done, gpointer data, GError **error);
/* The object that was answered, by 200; the caller owns it. NULL with TB_ERROR_UNAVAILABLE; `what` was asked: "token_endpoint". */
json_t *tb_oidc_answer(const TbSendAnswer *answer, const char *what, GError **error);
