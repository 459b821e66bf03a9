#pragma once
/*
 * Persons, groups and logins as the server keeps them: in memory, written behind (server/pairing/persist.h). What they mean is
 * decided elsewhere (server/accounts/). Texts are bounded by who puts them. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/http/auth.h"
#include "server/store/db.h"

#define TB_LOGIN_PREFIX "login-" /* of a token that a person made for himself */

typedef struct TbUser {
        char *name;
        char *password; /* argon2id's text, with its salt and its cost; NULL: none, he comes by tokens alone */
        TbRole role;    /* the most that he may anywhere */
        char **groups;  /* names; none: no group narrows him */
        gint64 created_ms, password_ms; /* wall clock */
        char *identity; /* what a provider calls him ("ISSUER SUBJECT", server/oidc); NULL: none does */
} TbUser;

typedef struct TbGroup {
        char *name;
        TbRole role;    /* the most that its members may there */
        char **devices; /* patterns of lib/http/grants.h */
        gint64 created_ms;
} TbGroup;

typedef enum TbLoginKind {
        TB_LOGIN_PAGE,    /* a page's cookie */
        TB_LOGIN_TOKEN,   /* he made it for a program */
        TB_LOGIN_BROWSER, /* opens nothing: a browser that he has signed in with before */
        TB_LOGIN_REFRESH, /* of a program: its token is another one after each use, and buys signed ones (JWT) */
} TbLoginKind;

typedef struct TbLogin {
        char *id;
        guint8 hash[TB_SECRET_HASH]; /* of what the browser or the program shows */
        char *user;
        TbLoginKind kind;
        char *about;   /* the browser, or what the token is for */
        char *address; /* it was last used from */
        gint64 created_ms, expires_ms, last_ms;
} TbLogin;

typedef struct TbAccounts TbAccounts;

/* `changed` runs when something is to be written soon. */
TbAccounts *tb_accounts_new(void (*changed)(gpointer data), gpointer data);
/* `gone` is told of each login that is no more, whatever ended it: what it opened is to end. */
void tb_accounts_on_login_gone(TbAccounts *all, void (*gone)(const char *id, gpointer data), gpointer data);
void tb_accounts_free(TbAccounts *all); /* NULL is fine */

guint tb_accounts_users(const TbAccounts *all); /* how many */
guint tb_accounts_groups(const TbAccounts *all);
const TbUser *tb_accounts_user(TbAccounts *all, const char *name); /* NULL: none */
const TbGroup *tb_accounts_group(TbAccounts *all, const char *name);
const TbLogin *tb_accounts_login(TbAccounts *all, const char *id);
const TbLogin *tb_accounts_find(TbAccounts *all, const char *token); /* that has this token */
/* A copy is kept, in place of one of that name. */
void tb_accounts_put_user(TbAccounts *all, const TbUser *user);
void tb_accounts_put_group(TbAccounts *all, const TbGroup *group);
const TbLogin *tb_accounts_add_login(TbAccounts *all,
                                     const TbLogin *login); /* its id and hash are made before */
void tb_accounts_login_seen(TbAccounts *all, const char *id, const char *address, gint64 now_ms);
/* It has another token from here on; what it was used from and when is noted, too. */
void tb_accounts_renew_login(TbAccounts *all, const char *id, const guint8 hash[TB_SECRET_HASH],
                             const char *address, gint64 now_ms, gint64 expires_ms);
bool tb_accounts_remove_user(TbAccounts *all, const char *name); /* with his logins */
bool tb_accounts_remove_group(TbAccounts *all, const char *name);
bool tb_accounts_remove_login(TbAccounts *all, const char *id);
/* Rows, oldest first, borrowed; the array is the caller's. */
GPtrArray *tb_accounts_list_users(TbAccounts *all);
GPtrArray *tb_accounts_list_groups(TbAccounts *all);
GPtrArray *tb_accounts_list_logins(TbAccounts *all, const char *user); /* NULL: of everybody */

/* --- the store's side --- */
typedef enum TbAccountRows { TB_ACCOUNT_USERS, TB_ACCOUNT_GROUPS, TB_ACCOUNT_LOGINS } TbAccountRows;
/* What the store has and memory does not know: at the start, and of users that a command added meanwhile. */
void tb_accounts_load(TbAccounts *all, TbAccountRows which, const TbDbResult *rows);
GPtrArray *tb_accounts_write(TbAccounts *all, TbDbCall *call, guint max); /* see server/store/changed.h */
void tb_accounts_again(TbAccounts *all, GPtrArray *written);
void tb_accounts_all_again(TbAccounts *all);
/* A user as a statement of its own: what a command writes without a server. */
void tb_accounts_write_user(const TbUser *user, TbDbCall *call);
/* "a b c" <-> {"a", "b", "c"}: names and patterns have no blanks. The caller frees. */
char **tb_accounts_words(const char *text);
