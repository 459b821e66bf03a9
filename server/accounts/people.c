#include "server/accounts/people.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_trust.h"
#include "lib/log.h"
#include "lib/rate.h"
#include "lib/server_limits.h"
#include "server/accounts/jwt.h"

#define TOKEN_BYTES 32
#define ID_BYTES 9
#define REFRESH_PREFIX "refresh-"
#define SEEN_MS 60000 /* how exactly it is known when a login was last used */
#define MS G_GINT64_CONSTANT(1000)

struct TbPeople {
        TbPeopleOptions options;
        char *cookies[3]; /* owned names, by TbLoginKind; of a token: NULL */
        gint64 ticked_ms;
};

TbPeople *tb_people_new(const TbPeopleOptions *options)
{
        TbPeople *p = g_new0(TbPeople, 1);
        p->options = *options;
        tb_people_set_port(p, 0);
        return p;
}

void tb_people_free(TbPeople *p)
{
        if (!p)
                return;
        for (guint i = 0; i < G_N_ELEMENTS(p->cookies); i++)
                g_free(p->cookies[i]);
        g_free(p);
}

TbAccounts *tb_people_store(TbPeople *p)
{
        return p->options.store;
}

void tb_people_set_port(TbPeople *p, guint16 port)
{
        g_free(p->cookies[TB_LOGIN_PAGE]);
        g_free(p->cookies[TB_LOGIN_BROWSER]);
        p->cookies[TB_LOGIN_PAGE] = g_strdup_printf("testbed-login-%u", port);
        p->cookies[TB_LOGIN_BROWSER] = g_strdup_printf("testbed-browser-%u", port);
}

void tb_people_close(TbPeople *p)
{
        static const char text[] =
                "This server has accounts: nobody is let in without one, also when its store is lost.\n"
                "\"testbed-server --add-user NAME --role admin\" makes one.\n";
        g_autofree char *file = g_build_filename(p->options.state_dir, TB_PEOPLE_FILE, NULL);
        g_autoptr(GError) error = NULL;
        tb_auth_close(p->options.tokens);
        if (!g_file_test(file, G_FILE_TEST_EXISTS) && !g_file_set_contents(file, text, -1, &error))
                tb_log(TB_LOG_WARNING, TB_F("file", file), "that there are accounts is not written: %s",
                       error->message);
}

/* --- what somebody may --- */
static void add_group(TbPeople *p, const char *name, TbGrants *grants)
{
        const TbGroup *group = tb_accounts_group(p->options.store, name);
        for (char **d = group ? group->devices : NULL; d && *d; d++)
                tb_grants_add(grants, *d, group->role);
}

/* A group that is no more gives nothing: it does not open the rest. */
static TbGrants *grants_of(TbPeople *p, char **groups)
{
        if (!groups || !*groups)
                return NULL;
        TbGrants *grants = tb_grants_new();
        for (; *groups; groups++)
                add_group(p, *groups, grants);
        return grants;
}

void tb_people_caller(TbPeople *p, const TbUser *user, TbCallerBy by, const char *login, TbCaller *ret)
{
        *ret = (TbCaller){.user = g_strdup(user->name),
                          .role = user->role,
                          .grants = grants_of(p, user->groups),
                          .by = by,
                          .login = g_strdup(login)};
}

bool tb_people_is_taken(TbPeople *p, const char *name)
{
        return g_ascii_strcasecmp(name, "local") == 0 || tb_auth_resembles(p->options.tokens, name);
}

const TbUser *tb_people_resembles(TbPeople *p, const char *name)
{
        g_autoptr(GPtrArray) all = tb_accounts_list_users(p->options.store);
        for (guint i = 0; i < all->len; i++)
                if (g_ascii_strcasecmp(((const TbUser *)g_ptr_array_index(all, i))->name, name) == 0)
                        return g_ptr_array_index(all, i);
        return NULL;
}

bool tb_people_has_admin_without(TbPeople *p, const char *name, TbRole role)
{
        g_autoptr(GPtrArray) all = tb_accounts_list_users(p->options.store);
        if (p->options.jwt_secret || tb_auth_has(p->options.tokens, TB_ROLE_ADMIN))
                return true;
        for (guint i = 0; i < all->len; i++) {
                const TbUser *user = g_ptr_array_index(all, i);
                if ((strcmp(user->name, name) == 0 ? role : user->role) >= TB_ROLE_ADMIN &&
                    (user->password || (user->identity && p->options.has_provider)))
                        return true;
        }
        return false;
}

/* --- logins --- */
/* Unless it is used until then: what it has opened is no use. */
static gint64 holds_until(const TbLogin *login)
{
        gint64 idle_ms = tb_server_limits.login_idle_s * MS;
        return login->kind == TB_LOGIN_PAGE ? MIN(login->expires_ms, login->last_ms + idle_ms)
                                            : login->expires_ms;
}

static bool is_over(const TbLogin *login, gint64 now_ms)
{
        return now_ms >= holds_until(login);
}

/* What a signed token has opened goes on as long as its program comes for another one in time. */
gint64 tb_people_holds(const char *login, gpointer data)
{
        const TbLogin *row = tb_accounts_login(tb_people_store(data), login);
        gint64 signed_ms = (TB_LIMIT_ACCESS_TOKEN_S + TB_LIMIT_JWT_LEEWAY_S) * MS;
        if (row && row->kind == TB_LOGIN_REFRESH)
                return MIN(row->expires_ms, row->last_ms + signed_ms);
        return row ? holds_until(row) : 0;
}

static const TbLogin *live(TbPeople *p, const char *token, TbLoginKind kind)
{
        const TbLogin *login = tb_accounts_find(p->options.store, token);
        return login && login->kind == kind && !is_over(login, tb_clock_ms()) ? login : NULL;
}

static bool is_of_login(TbPeople *p, const TbLogin *login, TbCallerBy by, const char *peer, TbCaller *caller)
{
        const TbUser *user = login ? tb_accounts_user(p->options.store, login->user) : NULL;
        gint64 now_ms = tb_clock_ms();
        if (!user)
                return false;
        tb_people_caller(p, user, by, login->id, caller);
        if (now_ms - login->last_ms >= SEEN_MS || strcmp(login->address, peer) != 0)
                tb_accounts_login_seen(p->options.store, caller->login, peer, now_ms);
        caller->until_ms = tb_people_holds(caller->login, p);
        return true;
}

char *tb_cookie_value(const char *cookies, const char *name)
{
        g_auto(GStrv) parts = g_strsplit(cookies ? cookies : "", ";", 0);
        gsize n = strlen(name);
        for (char **c = parts; *c; c++) {
                const char *one = g_strstrip(*c);
                if (strncmp(one, name, n) == 0 && one[n] == '=')
                        return g_strdup(one + n + 1);
        }
        return NULL;
}

/* Ours: what has ended opens nothing, however long the token would hold. */
static bool is_of_refresh(TbPeople *p, const TbJwt *jwt, const TbUser *user)
{
        const TbLogin *login = tb_accounts_login(p->options.store, jwt->login);
        return user && login && login->kind == TB_LOGIN_REFRESH && strcmp(login->user, user->name) == 0 &&
               !is_over(login, tb_clock_ms());
}

/* Of who has an account here the account is the ceiling. */
static bool is_of_jwt(TbPeople *p, const char *token, TbCaller *caller, GError **error)
{
        g_auto(TbJwt) jwt = {NULL};
        if (!tb_jwt_read(token, p->options.jwt_secret, tb_clock_ms() / 1000, &jwt, error))
                return false;
        const TbUser *user = tb_accounts_user(p->options.store, jwt.sub);
        if (!user && jwt.role == TB_ROLE_NONE) {
                tb_set_error(error, TB_ERROR_UNAUTHORIZED,
                             "the signed token (JWT) says no role, and its user has no account here");
                return false;
        }
        if (!user && tb_people_is_taken(p, jwt.sub)) {
                tb_set_error(error, TB_ERROR_UNAUTHORIZED,
                             "the signed token (JWT) names a user whom this server's configuration knows");
                return false;
        }
        if (jwt.login && !is_of_refresh(p, &jwt, user)) {
                tb_set_error(error, TB_ERROR_UNAUTHORIZED,
                             "the sign-in that this token is of has ended: sign in again");
                return false;
        }
        TbUser as = {.name = jwt.sub, .role = jwt.role, .groups = jwt.groups};
        if (user) {
                as.role = jwt.role ? MIN(jwt.role, user->role) : user->role;
                as.groups = user->groups;
        }
        tb_people_caller(p, &as, TB_BY_JWT, jwt.login, caller);
        if (!user && jwt.groups && !*jwt.groups) /* of no group: that is not the same as not to be narrowed */
                caller->grants = tb_grants_new();
        caller->until_ms = (jwt.exp_s + TB_LIMIT_JWT_LEEWAY_S) * MS;
        return true;
}

bool tb_people_identify(const TbShown *shown, TbCaller *caller, GError **error, gpointer data)
{
        TbPeople *p = data;
        if (!shown->token) {
                g_autofree char *token = tb_cookie_value(shown->cookies, p->cookies[TB_LOGIN_PAGE]);
                const TbLogin *login = token ? live(p, token, TB_LOGIN_PAGE) : NULL;
                return is_of_login(p, login, TB_BY_COOKIE, shown->peer, caller);
        }
        if (g_str_has_prefix(shown->token, TB_LOGIN_PREFIX))
                return is_of_login(p, live(p, shown->token, TB_LOGIN_TOKEN), TB_BY_LOGIN, shown->peer,
                                   caller);
        return p->options.jwt_secret && tb_jwt_looks_like_one(shown->token) &&
               is_of_jwt(p, shown->token, caller, error);
}

static void make_room(TbPeople *p, const char *user)
{
        g_autoptr(GPtrArray) mine = tb_accounts_list_logins(p->options.store, user);
        const TbLogin *goes = NULL;
        for (guint i = 0; mine->len >= tb_server_limits.logins_each && i < mine->len; i++) {
                const TbLogin *login = g_ptr_array_index(mine, i);
                if (!goes || login->last_ms < goes->last_ms)
                        goes = login;
        }
        g_autofree char *id = goes ? g_strdup(goes->id) : NULL;
        if (id)
                tb_accounts_remove_login(p->options.store, id);
}

const TbLogin *tb_people_sign_in(TbPeople *p, const char *user, TbLoginKind kind, const char *about,
                                 const char *address, gint64 ttl_s, char **ret_token)
{
        g_autofree char *random = tb_random_token(TOKEN_BYTES), *id = tb_random_token(ID_BYTES);
        gint64 now_ms = tb_clock_ms();
        make_room(p, user);
        TbLogin login = {.id = id,
                         .user = (char *)user,
                         .kind = kind,
                         .about = (char *)about,
                         .address = (char *)address,
                         .created_ms = now_ms,
                         .last_ms = now_ms,
                         .expires_ms = now_ms + ttl_s * MS};
        *ret_token = kind == TB_LOGIN_REFRESH
                             ? g_strconcat(REFRESH_PREFIX, id, ".", random, NULL)
                             : g_strconcat(kind == TB_LOGIN_TOKEN ? TB_LOGIN_PREFIX : "", random, NULL);
        tb_secret_hash(*ret_token, login.hash);
        return tb_accounts_add_login(p->options.store, &login);
}

/* The sign-in that the token names, whether the token is (still) its own or not. */
static const TbLogin *named_by(TbPeople *p, const char *token)
{
        if (!g_str_has_prefix(token, REFRESH_PREFIX))
                return NULL;
        const char *id = token + strlen(REFRESH_PREFIX), *dot = strchr(id, '.');
        g_autofree char *name = dot ? g_strndup(id, (gsize)(dot - id)) : NULL;
        const TbLogin *login = name ? tb_accounts_login(p->options.store, name) : NULL;
        return login && login->kind == TB_LOGIN_REFRESH && !is_over(login, tb_clock_ms()) ? login : NULL;
}

const TbLogin *tb_people_refresh(TbPeople *p, const char *token, const char *address, char **ret_token,
                                 char **ret_thief)
{
        guint8 hash[TB_SECRET_HASH];
        const TbLogin *login = named_by(p, token);
        gint64 now_ms = tb_clock_ms();
        if (!login)
                return NULL;
        g_autofree char *id = g_strdup(login->id), *random = tb_random_token(TOKEN_BYTES);
        tb_secret_hash(token, hash);
        if (!tb_secret_equal(hash, login->hash, sizeof hash)) {
                *ret_thief = g_strdup(login->user);
                tb_accounts_remove_login(p->options.store, id);
                return NULL;
        }
        *ret_token = g_strconcat(REFRESH_PREFIX, id, ".", random, NULL);
        tb_secret_hash(*ret_token, hash);
        tb_accounts_renew_login(p->options.store, id, hash, address, now_ms,
                                now_ms + TB_LIMIT_REFRESH_TOKEN_S * MS);
        return tb_accounts_login(p->options.store, id);
}

char *tb_people_access_token(TbPeople *p, const TbLogin *login)
{
        const TbUser *user = tb_accounts_user(p->options.store, login->user);
        gint64 now_s = tb_clock_ms() / 1000;
        if (!user || !p->options.jwt_secret)
                return NULL;
        json_auto_t *claims =
                json_pack("{s:s, s:n, s:s, s:n, s:s, s:s, s:I, s:I}", "sub", user->name, "email", "role",
                          tb_role_name(user->role), "organizationId", "aud", "testbed", "login", login->id,
                          "iat", (json_int_t)now_s, "exp", (json_int_t)now_s + TB_LIMIT_ACCESS_TOKEN_S);
        return tb_jwt_sign(claims, p->options.jwt_secret);
}

guint tb_people_sign_out(TbPeople *p, const char *user, const char *but)
{
        g_autoptr(GPtrArray) mine = tb_accounts_list_logins(p->options.store, user);
        guint n = 0;
        for (guint i = 0; i < mine->len; i++) {
                const TbLogin *login = g_ptr_array_index(mine, i);
                if (login->kind == TB_LOGIN_BROWSER || g_strcmp0(login->id, but) == 0)
                        continue;
                g_autofree char *id = g_strdup(login->id);
                n += tb_accounts_remove_login(p->options.store, id);
        }
        return n;
}

const char *tb_people_browser(TbPeople *p, const char *cookies, const char *user)
{
        g_autofree char *token = tb_cookie_value(cookies, p->cookies[TB_LOGIN_BROWSER]);
        const TbLogin *login = token ? live(p, token, TB_LOGIN_BROWSER) : NULL;
        return login && strcmp(login->user, user) == 0 ? login->id : NULL;
}

bool tb_people_is_here(TbPeople *p, const char *user, const char *net)
{
        g_autoptr(GPtrArray) mine = tb_accounts_list_logins(p->options.store, user);
        gint64 now_ms = tb_clock_ms();
        for (guint i = 0; i < mine->len; i++) {
                const TbLogin *login = g_ptr_array_index(mine, i);
                char key[TB_NET_KEY];
                tb_net_share_key(login->address, key);
                if (login->kind == TB_LOGIN_PAGE && !is_over(login, now_ms) && strcmp(key, net) == 0)
                        return true;
        }
        return false;
}

void tb_people_tick(TbPeople *p, gint64 now_ms)
{
        if (now_ms - p->ticked_ms < 60 * MS)
                return;
        p->ticked_ms = now_ms;
        g_autoptr(GPtrArray) all = tb_accounts_list_logins(p->options.store, NULL);
        gint64 wall_ms = tb_clock_ms();
        for (guint i = 0; i < all->len; i++) {
                const TbLogin *login = g_ptr_array_index(all, i);
                g_autofree char *id = is_over(login, wall_ms) ? g_strdup(login->id) : NULL;
                if (id)
                        tb_accounts_remove_login(p->options.store, id);
        }
}

char *tb_people_cookie(TbPeople *p, TbLoginKind kind, const char *token, const char *path, bool secure)
{
        return g_strdup_printf("%s=%s; Path=%s; HttpOnly; SameSite=Strict; Max-Age=%u%s", p->cookies[kind],
                               token ? token : "", path,
                               !token                  ? 0
                               : kind == TB_LOGIN_PAGE ? tb_server_limits.login_max_s
                                                       : TB_LIMIT_LOGIN_TOKEN_S,
                               secure ? "; Secure" : "");
}
