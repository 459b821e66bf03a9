#pragma once
/*
 * OpenID Connect (Core 1.0, Discovery 1.0; RFC 6749, PKCE of RFC 7636): somebody else says who has come. What is asked of the provider and
 * what is believed of its answers is here; what an answer means for an account is server/accounts/oidc_routes.c.
 */
#include <glib.h>
#include <jansson.h>

#include "lib/http/auth.h"

typedef struct TbOidcRule {
        char *value;   /* one of the groups that the provider says */
        TbRole role;   /* TB_ROLE_NONE: it gives groups alone */
        char **groups; /* of this server */
} TbOidcRule;

/* All of it is owned: tb_oidc_options_clear(). */
typedef struct TbOidcOptions {
        char *issuer;        /* https://id.example.org/realms/lab; NULL: nobody is asked */
        char *client_id;     /* what this server is called there */
        char *client_secret; /* NULL: a public client, PKCE alone */
        char *name;          /* what people call it */
        char *scope;         /* "openid profile" */
        char *ca;            /* PEM file with who signs its certificate; NULL: whom the system trusts */
        char *name_claim;    /* what an account is called */
        char *groups_claim;  /* what `rules` are about */
        TbRole role;         /* of whom no rule gives one; TB_ROLE_NONE: he is not let in */
        GPtrArray *rules;    /* TbOidcRule */
} TbOidcOptions;

void tb_oidc_options_clear(TbOidcOptions *options);
void tb_oidc_rule_free(gpointer rule);

/* Whom a provider has let come. */
typedef struct TbOidcPerson {
        char *identity; /* "ISSUER SUBJECT": what stays the same of him, and is nobody else's */
        char *name;     /* what he is called there: his to change. Any text; NULL: not said */
        TbRole role;    /* by the rules; TB_ROLE_NONE: none lets him in */
        char **groups;
} TbOidcPerson;

void tb_oidc_person_clear(TbOidcPerson *person);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbOidcPerson, tb_oidc_person_clear)
/* Of claims that were checked. Pure. */
void tb_oidc_person(const TbOidcOptions *options, const json_t *claims, TbOidcPerson *ret);

/* --- what is asked of the provider; main thread, nothing waits --- */
typedef struct TbOidc TbOidc;

TbOidc *tb_oidc_new(const TbOidcOptions *options); /* borrows */
void tb_oidc_free(TbOidc *oidc);                   /* NULL is fine; whoever waits is told that it ends */
const TbOidcOptions *tb_oidc_options(const TbOidc *oidc);

/* One browser that signs in; all texts are copied. */
typedef struct TbOidcBegin {
        const char *redirect_uri; /* where the provider sends it back to */
        const char *to;           /* where it goes on then, on this server */
        const char *user;         /* whose account is to be connected; NULL: he signs in */
        const char *network;      /* whose share it is of: tb_net_share_key() */
} TbOidcBegin;
/* Where to send it: `address` is at the provider, `state` names this sign-in, `browser` is its secret, for a cookie. Borrowed. NULL with the
 * error: TB_ERROR_UNAVAILABLE (the provider does not answer, or wrongly). Runs once, perhaps at once. */
typedef void (*TbOidcBegun)(const char *address, const char *state, const char *browser, const GError *error,
                            gpointer data);
/* False, and nothing runs: TB_ERROR_LIMIT. */
bool tb_oidc_begin(TbOidc *oidc, const TbOidcBegin *begin, TbOidcBegun begun, gpointer data, GError **error);

typedef struct TbOidcEnd {
        const TbOidcPerson *person; /* NULL: `error` says why */
        const char *to, *user;      /* as it was begun; user NULL */
} TbOidcEnd;
typedef void (*TbOidcEnded)(const TbOidcEnd *end, const GError *error, gpointer data);
/* The browser has come back; `browser`: what its cookie has, NULL: none. Each state is good once. False, and nothing runs:
 * TB_ERROR_UNAUTHORIZED (it is none that was begun, or another browser's), TB_ERROR_LIMIT. */
bool tb_oidc_end(TbOidc *oidc, const char *state, const char *browser, const char *code, TbOidcEnded ended,
                 gpointer data, GError **error);
/* The provider has refused: the state is used up. */
void tb_oidc_drop(TbOidc *oidc, const char *state, const char *browser);
