#pragma once
/*
 * Tokens and roles. Only SHA-256 of a token is kept; compared in constant time. A token comes as
 * "Authorization: Bearer …" or
 * "?access_token=…". With no tokens configured everybody is "local" with role admin (the listener then must
 * be loopback, or --insecure).
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef enum TbRole { TB_ROLE_NONE, TB_ROLE_VIEWER, TB_ROLE_OPERATOR, TB_ROLE_ADMIN } TbRole;

const char *tb_role_name(TbRole role);
bool tb_role_parse(const char *text, TbRole *ret_role);

typedef struct TbAuth TbAuth;
typedef struct TbGrants TbGrants;
TbAuth *tb_auth_new(void);
TbAuth *tb_auth_ref(TbAuth *auth);
void tb_auth_unref(TbAuth *auth);
/* `name` is who it is in logs, leases and audit. Refuses tokens shorter than 16 bytes. */
bool tb_auth_add(TbAuth *auth, const char *name, const char *token, TbRole role, GError **error);
bool tb_auth_is_open(TbAuth *auth); /* no tokens, and nobody else says who is who */
/* Somebody else knows users, too (accounts, signed tokens): who shows no token is nobody from here on. */
void tb_auth_close(TbAuth *auth);
/* The bearer of this token, which is there, has his role there only (lib/http/grants.h); ref is taken. */
void tb_auth_limit(TbAuth *auth, const char *token, TbGrants *grants);
bool tb_auth_has(TbAuth *auth, TbRole role);        /* there is a token of this role, or more */
bool tb_auth_names(TbAuth *auth, const char *name); /* there is a token of this name */
/* The most of what the tokens of this name have, each by `at`, which gets its role and its grants (NULL: everywhere). */
TbRole tb_auth_most(TbAuth *auth, const char *name,
                    TbRole (*at)(TbRole role, TbGrants *grants, gpointer data), gpointer data);
bool tb_auth_resembles(TbAuth *auth, const char *name); /* or of one that differs by its case alone */
void tb_auth_remove(TbAuth *auth, const char *token);   /* unknown: nothing */
/* `auth` has the tokens of `newer` from here on, `newer` those of `auth`. Gives the names of which a token is gone, or its role is
 * less; the caller frees. */
char **tb_auth_exchange(TbAuth *auth, TbAuth *newer);
/* TB_ROLE_NONE for an unknown token; `token` NULL is allowed. ret_name is borrowed from auth. */
TbRole tb_auth_check(TbAuth *auth, const char *token, const char **ret_name);
/* The same, and where: *ret_grants borrowed, NULL: everywhere. */
TbRole tb_auth_find(TbAuth *auth, const char *token, const char **ret_name, TbGrants **ret_grants);
#define TB_SECRET_HASH 32
void tb_secret_hash(const char *secret, guint8 ret_hash[TB_SECRET_HASH]); /* SHA-256 */
/* Constant-time comparison of equal-length secrets. */
bool tb_secret_equal(const void *a, const void *b, gsize size);
/* n random bytes of the kernel as URL-safe base64 without padding; the caller frees. */
char *tb_random_token(gsize n);
