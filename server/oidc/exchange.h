#pragma once
/* A code that a browser has brought becomes a person: token endpoint, ID token, and userinfo where that alone says what is asked for. Main. */
#include "server/oidc/pending.h"
#include "server/oidc/provider.h"

typedef struct TbOidcExchange TbOidcExchange;

typedef void (*TbOidcExchanged)(const TbOidcPerson *person, const GError *error, const TbPending *pending,
                                gpointer data);
/* It stands in `under_way` until `done` has run, which it does once, later or at once. */
void tb_oidc_exchange(const TbOidcOptions *options, TbOidcProvider *provider, const char *code,
                      TbPending *pending_take, GQueue *under_way, TbOidcExchanged done, gpointer data);
void tb_oidc_exchange_cancel(TbOidcExchange *exchange); /* `done` is told that it ends */
