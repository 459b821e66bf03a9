/* GET, POST /api/users, PATCH, DELETE /api/users/{name}, and their sign-ins. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/server_limits.h"
#include "server/accounts/password.h"
#include "server/accounts/people_private.h"

/* --- users --- */
static json_t *about_user(TbServer *server, const TbUser *user)
{
        g_autoptr(GPtrArray) logins = tb_accounts_list_logins(tb_people_store(server->people), user->name);
        g_autofree char *made = tb_clock_rfc3339(user->created_ms), *seen = NULL;
        gint64 last_ms = 0;
        guint n = 0;
        for (guint i = 0; i < logins->len; i++) {
                const TbLogin *login = g_ptr_array_index(logins, i);
                n += login->kind != TB_LOGIN_BROWSER;
                last_ms = MAX(last_ms, login->last_ms);
        }
        if (last_ms)
                seen = tb_clock_rfc3339(last_ms);
        return json_pack("{s:s, s:s, s:o, s:b, s:b, s:i, s:s, s:s?}", "name", user->name, "role",
                         tb_role_name(user->role), "groups", tb_server_json_of(user->groups), "hasPassword",
                         user->password != NULL, "connected", user->identity != NULL, "sessions", (int)n,
                         "createdAt", made, "lastSeen", seen);
}

static void list_users(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        g_autoptr(GPtrArray) all = tb_accounts_list_users(tb_people_store(server->people));
        json_t *out = json_array();
        for (guint i = 0; i < all->len; i++)
                json_array_append_new(out, about_user(server, g_ptr_array_index(all, i)));
        tb_request_reply_tagged(request, out);
}

/* A user as he shall be, while his password is made. */
typedef struct Wish {
        TbServer *server;   /* borrowed */
        TbRequest *request; /* ref */
        TbUser user;        /* owned fields */
        bool is_new, less;  /* `less`: he may less, or comes by another password */
        bool says_role, says_groups, says_password;
} Wish;

static void wish_free(Wish *w)
{
        tb_request_unref(w->request);
        g_free(w->user.name);
        g_free(w->user.password);
        g_free(w->user.identity);
        g_strfreev(w->user.groups);
        g_free(w);
}

bool tb_server_is_free(TbServer *server, const char *name, GError **error)
{
        const TbUser *like = tb_people_resembles(server->people, name);
        if (like)
                tb_error_set_field(error, TB_ERROR_BUSY, "name", "there is a user \"%s\" already",
                                   like->name);
        else if (tb_people_is_taken(server->people, name))
                tb_error_set_field(error, TB_ERROR_BUSY, "name",
                                   "\"%s\" is the name of a token of the configuration: take another one",
                                   name);
        else if (tb_accounts_users(tb_people_store(server->people)) >= tb_server_limits.users)
                tb_set_error(error, TB_ERROR_LIMIT, "there are %u users, more are not kept",
                             tb_server_limits.users);
        else
                return true;
        return false;
}

/* What must hold at the moment of the change: a password took its time. */
static bool may_be(const Wish *w, GError **error)
{
        TbPeople *people = w->server->people;
        bool comes_in = w->user.password || (w->user.identity && w->server->oidc);
        if (w->is_new && !tb_server_is_free(w->server, w->user.name, error))
                return false;
        if (!w->is_new && !tb_accounts_user(tb_people_store(people), w->user.name))
                tb_set_error(error, TB_ERROR_NOT_FOUND, "there is no user \"%s\"", w->user.name);
        else if (!tb_people_has_admin_without(people, w->user.name, comes_in ? w->user.role : 0) &&
                 !(w->is_new && w->user.role >= TB_ROLE_ADMIN && w->user.password))
                tb_set_error(error, TB_ERROR_BUSY,
                             w->is_new ? "the first user must be an administrator with a password: from then "
                                         "on nobody is let in without an account"
                                       : "nobody would be left who may do this: make another administrator "
                                         "first");
        else
                return true;
        return false;
}

/* While the password was made somebody else may have changed him: what was not said here stays as it is now. */
static void keep_the_rest(Wish *w)
{
        const TbUser *now = tb_accounts_user(tb_people_store(w->server->people), w->user.name);
        if (w->is_new || !now)
                return;
        g_free(w->user.identity);
        w->user.identity = g_strdup(now->identity);
        if (!w->says_role)
                w->user.role = now->role;
        if (!w->says_groups) {
                g_strfreev(w->user.groups);
                w->user.groups = g_strdupv(now->groups);
        }
        if (!w->says_password) {
                g_free(w->user.password);
                w->user.password = g_strdup(now->password);
                w->user.password_ms = now->password_ms;
        }
}

static void take(Wish *w)
{
        TbServer *server = w->server;
        TbAccounts *store = tb_people_store(server->people);
        g_autoptr(GError) error = NULL;
        keep_the_rest(w);
        if (!may_be(w, &error)) {
                tb_server_refuse(w->request, &error);
                wish_free(w);
                return;
        }
        tb_accounts_put_user(store, &w->user);
        tb_people_close(server->people);
        if (w->less ||
            w->is_new) /* by that name somebody may have come with a signature: he may not more than the account */
                tb_server_narrowed(server, w->user.name);
        else
                tb_server_rights_changed(server, w->user.name);
        tb_log(TB_LOG_INFO, TB_F("user", tb_request_user(w->request), "request", tb_request_id(w->request)),
               "user %s is %s", w->user.name, w->is_new ? "new" : "changed");
        tb_server_when_written(w->request, server, w->is_new ? 201 : 200,
                               about_user(server, tb_accounts_user(store, w->user.name)));
        wish_free(w);
}

static void on_hashed(bool right G_GNUC_UNUSED, const char *text, gpointer data)
{
        Wish *w = data;
        g_autoptr(GError) error = NULL;
        if (text) {
                g_free(w->user.password);
                w->user.password = g_strdup(text);
                w->user.password_ms = tb_clock_ms();
                if (!w->is_new)
                        tb_people_sign_out(w->server->people, w->user.name,
                                           tb_request_caller(w->request)->login);
                w->less = true;
                take(w);
                return;
        }
        tb_set_error(&error, TB_ERROR_UNAVAILABLE, "there is no memory left for it: try again");
        tb_server_refuse(w->request, &error);
        wish_free(w);
}

/* Fields that were said, over what is there. */
static bool read_wish(Wish *w, const json_t *in, GError **error)
{
        const json_t *groups = json_object_get(in, "groups");
        const char *role = json_string_value(json_object_get(in, "role"));
        TbRole before = w->user.role;
        w->says_role = role && tb_role_parse(role, &w->user.role);
        w->says_groups = groups != NULL;
        if (groups) {
                char **names = tb_server_texts_of(groups, "groups", tb_server_is_name,
                                                  tb_name_rule(TB_NAME_HOST), error);
                if (!names)
                        return false;
                g_strfreev(w->user.groups);
                w->user.groups = names;
                w->less = !w->is_new;
        }
        w->less |= w->user.role < before;
        TbAccounts *store = tb_people_store(w->server->people);
        for (char **g = w->user.groups; groups && *g; g++) {
                if (tb_accounts_group(store, *g))
                        continue;
                tb_error_set_field(error, TB_ERROR_INVALID, "groups", "there is no group \"%s\"", *g);
                return false;
        }
        return true;
}

static void wish(TbRequest *request, TbServer *server, const char *name, bool is_new)
{
        const json_t *in = tb_request_json(request);
        const char *password = json_string_value(json_object_get(in, "password"));
        const TbUser *old = tb_accounts_user(tb_people_store(server->people), name);
        g_autoptr(GError) error = NULL;
        Wish *w = g_new0(Wish, 1);
        w->server = server;
        w->request = tb_request_ref(request);
        w->is_new = is_new;
        w->says_password = password != NULL;
        w->user = old && !is_new ? *old : (TbUser){.created_ms = tb_clock_ms()};
        w->user.name = g_strdup(name);
        w->user.password = g_strdup(w->user.password);
        w->user.identity = g_strdup(w->user.identity);
        w->user.groups = w->user.groups ? g_strdupv(w->user.groups) : g_new0(char *, 1);
        if (!tb_server_is_name(name))
                tb_error_set_field(&error, TB_ERROR_INVALID, "name", "name must be %s",
                                   tb_name_rule(TB_NAME_HOST));
        else if (!is_new && !old)
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no user \"%s\"", name);
        else if (read_wish(w, in, &error) && (!password || tb_password_is_good(password, name, &error))) {
                if (!password) {
                        take(w);
                        return;
                }
                if (tb_hasher_start(server->hasher, "", false, NULL, password, on_hashed, w, &error))
                        return;
        }
        tb_server_refuse(request, &error);
        wish_free(w);
}

static void add_user(TbRequest *request, gpointer data)
{
        wish(request, data, json_string_value(json_object_get(tb_request_json(request), "name")), true);
}

static void change_user(TbRequest *request, gpointer data)
{
        wish(request, data, tb_request_arg(request, "name"), false);
}

static void remove_user(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *name = tb_request_arg(request, "name");
        TbAccounts *store = tb_people_store(server->people);
        g_autoptr(GError) error = NULL;
        if (!tb_accounts_user(store, name))
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no user \"%s\"", name);
        else if (!tb_people_has_admin_without(server->people, name, TB_ROLE_NONE))
                tb_set_error(&error, TB_ERROR_BUSY,
                             "nobody would be left who may do this: make another administrator first");
        if (error) {
                tb_server_refuse(request, &error);
                return;
        }
        tb_accounts_remove_user(store, name);
        tb_server_narrowed(server, name);
        tb_log(TB_LOG_INFO, TB_F("user", tb_request_user(request), "request", tb_request_id(request)),
               "user %s was removed", name);
        tb_server_when_written(request, server, 204, NULL);
}

/* --- their sign-ins --- */
static bool is_there(TbRequest *request, TbServer *server)
{
        const char *name = tb_request_arg(request, "name");
        g_autoptr(GError) error = NULL;
        if (tb_accounts_user(tb_people_store(server->people), name))
                return true;
        tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no user \"%s\"", name);
        tb_server_refuse(request, &error);
        return false;
}

static void list_logins(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        if (!is_there(request, server))
                return;
        tb_request_reply_tagged(request, tb_server_logins(server, tb_request_arg(request, "name"),
                                                          tb_request_caller(request)->login));
}

static void make_token(TbRequest *request, gpointer data)
{
        if (is_there(request, data))
                tb_server_make_token(request, data, tb_request_arg(request, "name"));
}

static void end_login(TbRequest *request, gpointer data)
{
        if (is_there(request, data))
                tb_server_end_login(request, data, tb_request_arg(request, "name"),
                                    tb_request_arg(request, "id"));
}

#define ROLE(fallback_)                                                                                      \
        {                                                                                                    \
                .name = "role", .type = TB_PARAM_ENUM, .choices = TB_CHOICES("viewer", "operator", "admin"), \
                .fallback = fallback_, .help = "the most that he may"                                        \
        }
#define USER_PARAMS                                                                                          \
        {.name = "groups",                                                                                   \
         .type = TB_PARAM_ARRAY,                                                                             \
         .max = TB_LIMIT_USER_GROUPS,                                                                        \
         .help = "he sees what these name; none: everything"},                                               \
        {                                                                                                    \
                .name = "password", .type = TB_PARAM_SECRET, .min = 1, .max = 4 * TB_LIMIT_PASSWORD,         \
                .help = "without one he comes by tokens alone"                                               \
        }
static const TbParam user_params[] = {
        {.name = "name",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "who"},
        ROLE("\"viewer\""),
        USER_PARAMS,
        TB_PARAM_END,
};
static const TbParam change_params[] = {ROLE(NULL), USER_PARAMS, TB_PARAM_END};
const TbRoute tb_server_user_routes[] = {
        TB_ACCOUNT_ROUTE("GET", "/api/users", list_users, "Accounts of persons", "200 application/json"),
        TB_ACCOUNT_ROUTE("POST", "/api/users", add_user,
                         "A new user. The first one closes the server for who has no account",
                         "201 application/json; 400; 409; 429", TB_ACCOUNT_BODY(user_params)),
        TB_ACCOUNT_ROUTE("PATCH", "/api/users/{name}", change_user,
                         "Another role, other groups, another password",
                         "200 application/json; 400; 404; 409", TB_ACCOUNT_BODY(change_params)),
        TB_ACCOUNT_ROUTE("DELETE", "/api/users/{name}", remove_user,
                         "Remove a user: sign-ins, tokens and links of his end", "204; 404; 409"),
        TB_ACCOUNT_ROUTE("GET", "/api/users/{name}/sessions", list_logins,
                         "Where he is signed in, and his tokens", "200 application/json; 404"),
        TB_ACCOUNT_ROUTE("POST", "/api/users/{name}/sessions", make_token,
                         "A token for a program that is this user, shown here alone",
                         "201 application/json; 404", TB_ACCOUNT_BODY(tb_server_token_params)),
        TB_ACCOUNT_ROUTE("DELETE", "/api/users/{name}/sessions/{id}", end_login,
                         "End one of his sign-ins, or tokens", "204; 404"),
        {.method = NULL},
};
