#pragma once
/*
 * Persons: who a token, a cookie or a signature is, and what he may. Memory is that of server/store/accounts.h. Main thread.
 */
#include "lib/http/caller.h"
#include "server/store/accounts.h"

#define TB_PEOPLE_FILE                                                                                       \
        "accounts" /* in the state folder: there are accounts, so nobody is let in without one */

typedef struct TbPeople TbPeople;

typedef struct TbPeopleOptions {
        TbAccounts *store;      /* borrowed */
        TbAuth *tokens;         /* borrowed: of the configuration */
        const char *jwt_secret; /* borrowed; NULL: nobody else signs */
        bool has_provider;      /* who has an identity can sign in by it */
        const char *state_dir;  /* borrowed */
} TbPeopleOptions;

TbPeople *tb_people_new(const TbPeopleOptions *options);
void tb_people_free(TbPeople *people); /* NULL is fine */
TbAccounts *tb_people_store(TbPeople *people);
/* By what the cookies of this server are called: several of one machine have one name in browsers. */
void tb_people_set_port(TbPeople *people, guint16 port);
/* There are accounts from here on (also before a restart whose store is lost): who shows nothing is nobody. */
void tb_people_close(TbPeople *people);

/* A TbHttpIdentify; `data` is the people. */
bool tb_people_identify(const TbShown *shown, TbCaller *caller, GError **error, gpointer people);
/* A TbHttpHolds; `data` is the people. */
gint64 tb_people_holds(const char *login, gpointer people);
/* What a person may, as who has just come by `by`. The caller is cleared by tb_caller_clear(). */
void tb_people_caller(TbPeople *people, const TbUser *user, TbCallerBy by, const char *login, TbCaller *ret);
/* Whether that name is somebody's by the configuration, or the server's own ("local"); in whatever case: nobody sees the difference. */
bool tb_people_is_taken(TbPeople *people, const char *name);
/* The user whose name differs from this one by its case alone, or not at all; borrowed; NULL: none. */
const TbUser *tb_people_resembles(TbPeople *people, const char *name);
/* Whether an administrator is left who can sign in, when this one's role were `role` (TB_ROLE_NONE: he is no more). */
bool tb_people_has_admin_without(TbPeople *people, const char *user, TbRole role);

/* A new login; its row is borrowed. *ret_token is shown once; the caller frees. */
const TbLogin *tb_people_sign_in(TbPeople *people, const char *user, TbLoginKind kind, const char *about,
                                 const char *address, gint64 ttl_s, char **ret_token);
/* A program's sign-in is used: its token is another one from here on. NULL: it is none, or has ended; *ret_thief (nullable, owned by the
 * caller) names whose it was when it had been used before: two have it, so that sign-in has ended. */
const TbLogin *tb_people_refresh(TbPeople *people, const char *token, const char *address, char **ret_token,
                                 char **ret_thief);
/* A signed token of that sign-in, TB_LIMIT_ACCESS_TOKEN_S long; the caller frees. NULL: there is no JWT_SECRET to sign it with. */
char *tb_people_access_token(TbPeople *people, const TbLogin *login);
/* Ends those of a user but for `but` (NULL: none is kept); browsers that are known stay so. How many. */
guint tb_people_sign_out(TbPeople *people, const char *user, const char *but);
/* Of a browser that has signed in as this person: its id; NULL. */
const char *tb_people_browser(TbPeople *people, const char *cookies, const char *user);
bool tb_people_is_here(TbPeople *people, const char *user,
                       const char *net);              /* signed in from this network now */
void tb_people_tick(TbPeople *people, gint64 now_ms); /* forgets what has expired */
/* The value of one cookie, which we have made: nothing is escaped. NULL: not there; the caller frees. */
char *tb_cookie_value(const char *cookies, const char *name);
/* "Set-Cookie" of a login; `token` NULL: takes it away. `path`: where the server is, with its slashes. The caller frees. */
char *tb_people_cookie(TbPeople *people, TbLoginKind kind, const char *token, const char *path, bool secure);
