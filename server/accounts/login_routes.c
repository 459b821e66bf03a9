/* Signing in and out: POST /api/login and /api/logout, PUT /api/me/password. */
#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/net.h"
#include "lib/server_limits.h"
#include "lib/text.h"
#include "server/accounts/guesses.h"
#include "server/accounts/password.h"
#include "server/accounts/people_private.h"

/* A password that is being looked at. */
typedef struct Try {
        TbServer *server;     /* borrowed */
        TbRequest *request;   /* ref */
        char *user, *browser; /* owned; browser NULL: not known */
        char net[TB_NET_KEY];
        bool here;
        bool pair; /* a program, which keeps tokens and no cookies */
} Try;

static Try *try_new(TbRequest *request, TbServer *server, const char *user)
{
        Try *t = g_new0(Try, 1);
        t->server = server;
        t->request = tb_request_ref(request);
        t->user = g_strdup(user);
        t->browser = g_strdup(tb_people_browser(server->people, tb_request_header(request, "Cookie"), user));
        tb_net_share_key(tb_request_peer(request), t->net);
        t->here = tb_people_is_here(server->people, user, t->net);
        return t;
}

static void try_free(Try *t)
{
        tb_request_unref(t->request);
        g_free(t->user);
        g_free(t->browser);
        g_free(t);
}

static TbGuess guess_of(const Try *t)
{
        return (TbGuess){t->user, t->net, t->browser, t->here};
}

static bool may_try(Try *t, GError **error)
{
        double wait_s = 0;
        TbGuess guess = guess_of(t);
        if (tb_guesses_may(t->server->guesses, &guess, g_get_monotonic_time(), &wait_s))
                return true;
        g_autofree char *seconds = g_strdup_printf("%d", (int)ceil(wait_s));
        tb_request_add_header(t->request, "Retry-After", seconds);
        int minutes = (int)ceil(wait_s / 60);
        tb_set_error(
                error, TB_ERROR_LIMIT,
                "too many wrong passwords: again in %d minute%s. Who is signed in stays so, and so does a "
                "browser that has signed in here before",
                minutes, minutes == 1 ? "" : "s");
        return false;
}

/* A password in the clear is everybody's on the way. */
static bool is_safe_way(TbRequest *request, const TbServer *server, GError **error)
{
        if (!server->config->needs_tls || tb_address_is_loopback(tb_request_peer(request)) ||
            g_str_has_prefix(tb_request_base_url(request), "https:"))
                return true;
        tb_set_error(error, TB_ERROR_FORBIDDEN,
                     "a password came without TLS, and the configuration says tls: required. It has been "
                     "readable on the way: use https, and change it");
        return false;
}

/* --- in and out --- */
char *tb_server_cookie_path(TbRequest *request, TbServer *server)
{
        g_autoptr(GUri) uri = g_uri_parse(tb_server_base_url(request, server), G_URI_FLAGS_NONE, NULL);
        const char *path = uri ? g_uri_get_path(uri) : "";
        return g_strconcat(path, g_str_has_suffix(path, "/") ? "" : "/", NULL);
}

static void set_cookie(TbRequest *request, TbServer *server, TbLoginKind kind, const char *token)
{
        g_autofree char *path = tb_server_cookie_path(request, server);
        bool secure = g_str_has_prefix(tb_request_base_url(request), "https:");
        g_autofree char *cookie = tb_people_cookie(server->people, kind, token, path, secure);
        tb_request_add_header(request, "Set-Cookie", cookie);
}

static char *browser_of(TbRequest *request)
{
        const char *agent = tb_request_header(request, "User-Agent");
        g_autofree char *valid = g_utf8_make_valid(agent ? agent : "", -1);
        return tb_text_line(valid, TB_LIMIT_LABEL / 2);
}

char *tb_server_sign_in_browser(TbRequest *request, TbServer *server, const char *user)
{
        g_autofree char *token = NULL, *known = NULL, *about = browser_of(request);
        const char *peer = tb_request_peer(request),
                   *browser = tb_people_browser(server->people, tb_request_header(request, "Cookie"), user);
        if (browser)
                tb_accounts_login_seen(tb_people_store(server->people), browser, peer, tb_clock_ms());
        const TbLogin *login = tb_people_sign_in(server->people, user, TB_LOGIN_PAGE, about, peer,
                                                 tb_server_limits.login_max_s, &token);
        char *id = g_strdup(login->id);
        set_cookie(request, server, TB_LOGIN_PAGE, token);
        if (!browser) {
                tb_people_sign_in(server->people, user, TB_LOGIN_BROWSER, about, peer, TB_LIMIT_LOGIN_TOKEN_S,
                                  &known);
                set_cookie(request, server, TB_LOGIN_BROWSER, known);
        }
        tb_log(TB_LOG_INFO, TB_F("user", user, "peer", peer, "request", tb_request_id(request)), "signed in");
        return id;
}

static void signed_in(Try *t)
{
        TbServer *server = t->server;
        TbGuess guess = guess_of(t);
        tb_guesses_right(server->guesses, &guess, g_get_monotonic_time());
        if (t->pair) {
                tb_server_give_pair(t->request, server, t->user);
                return;
        }
        g_autofree char *id = tb_server_sign_in_browser(t->request, server, t->user);
        TbCaller caller;
        tb_people_caller(server->people, tb_accounts_user(tb_people_store(server->people), t->user),
                         TB_BY_COOKIE, id, &caller);
        tb_request_add_header(t->request, "Cache-Control", "no-store");
        tb_server_when_written(t->request, server, 200, tb_server_about_caller(server, &caller));
        tb_caller_clear(&caller);
}

static void on_looked(bool right, const char *text G_GNUC_UNUSED, gpointer data)
{
        Try *t = data;
        g_autoptr(GError) error = NULL;
        if (right && tb_accounts_user(tb_people_store(t->server->people), t->user)) {
                signed_in(t);
        } else {
                tb_set_error(&error, TB_ERROR_UNAUTHORIZED, "the name or the password is wrong");
                tb_request_reply_error(t->request, error);
        }
        try_free(t);
}

static void look_at_password(TbRequest *request, TbServer *server, bool pair)
{
        json_t *in = tb_request_json(request);
        const char *name = json_string_value(json_object_get(in, "name")),
                   *password = json_string_value(json_object_get(in, "password"));
        const TbUser *user = tb_accounts_user(tb_people_store(server->people), name);
        Try *t = try_new(request, server, name);
        g_autoptr(GError) error = NULL;
        t->pair = pair;
        if (is_safe_way(request, server, &error) && may_try(t, &error) &&
            tb_hasher_start(server->hasher, password, true, user ? user->password : NULL, NULL, on_looked, t,
                            &error))
                return;
        if (g_error_matches(error, TB_ERROR, TB_ERROR_UNAVAILABLE))
                tb_request_add_header(request, "Retry-After", "2");
        tb_request_reply_error(request, error);
        try_free(t);
}

static void login(TbRequest *request, gpointer data)
{
        look_at_password(request, data, false);
}

void tb_server_login_program(TbRequest *request, gpointer data)
{
        look_at_password(request, data, true);
}

/* What a page needs to ask for. */
static void ways_in(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        TbAccounts *store = tb_people_store(server->people);
        tb_request_add_header(request, "Cache-Control", "no-store");
        tb_request_reply_json(request, 200,
                              json_pack("{s:b, s:b, s:s*}", "passwords", tb_accounts_users(store) > 0, "open",
                                        tb_auth_is_open(server->config->auth), "oidc",
                                        server->oidc ? server->config->oidc.name : NULL));
}

static void logout(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const TbCaller *caller = tb_request_caller(request);
        if (caller->login && *caller->login) {
                tb_accounts_remove_login(tb_people_store(server->people), caller->login);
                tb_log(TB_LOG_INFO, TB_F("user", caller->user, "request", tb_request_id(request)),
                       "signed out");
        }
        set_cookie(request, server, TB_LOGIN_PAGE, NULL);
        tb_server_when_written(request, server, 204, NULL);
}

/* --- one's own password --- */
static void set_password(TbAccounts *store, const TbUser *user, const char *text)
{
        TbUser now = *user;
        now.password = (char *)text;
        now.password_ms = tb_clock_ms();
        tb_accounts_put_user(store, &now);
}

static void on_changed(bool right, const char *text, gpointer data)
{
        Try *t = data;
        TbServer *server = t->server;
        TbAccounts *store = tb_people_store(server->people);
        const TbUser *user = tb_accounts_user(store, t->user);
        TbGuess guess = guess_of(t);
        g_autoptr(GError) error = NULL;
        if (!user || !right || !text) {
                if (right && user)
                        tb_set_error(&error, TB_ERROR_UNAVAILABLE,
                                     "there is no memory left for it: try again");
                else
                        tb_error_set_field(&error, TB_ERROR_FORBIDDEN, "password",
                                           "the present password is wrong");
                tb_request_reply_error(t->request, error);
                try_free(t);
                return;
        }
        tb_guesses_right(server->guesses, &guess, g_get_monotonic_time());
        set_password(store, user, text);
        tb_people_sign_out(server->people, t->user, tb_request_caller(t->request)->login);
        tb_log(TB_LOG_INFO, TB_F("user", t->user, "request", tb_request_id(t->request)),
               "the password was changed: sign-ins elsewhere, and tokens, have ended");
        tb_server_when_written(t->request, server, 204, NULL);
        try_free(t);
}

static void change_password(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        json_t *in = tb_request_json(request);
        const TbUser *user = tb_server_own_account(request, server);
        const char *old = json_string_value(json_object_get(in, "password")),
                   *new = json_string_value(json_object_get(in, "new"));
        g_autoptr(GError) error = NULL;
        if (!user)
                return;
        Try *t = try_new(request, server, user->name);
        if (is_safe_way(request, server, &error) && tb_password_is_good(new, user->name, &error) &&
            may_try(t, &error) &&
            tb_hasher_start(server->hasher, old, true, user->password, new, on_changed, t, &error))
                return;
        tb_request_reply_error(request, error);
        try_free(t);
}

const TbParam tb_server_login_params[] = {
        {.name = "name",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "who"},
        {.name = "password",
         .type = TB_PARAM_SECRET,
         .required = true,
         .min = 1,
         .max = 4 * TB_LIMIT_PASSWORD,
         .help = "his password"},
        TB_PARAM_END,
};

static const TbParam password_params[] = {
        {.name = "password",
         .type = TB_PARAM_SECRET,
         .required = true,
         .min = 1,
         .max = 4 * TB_LIMIT_PASSWORD,
         .help = "the present one"},
        {.name = "new",
         .type = TB_PARAM_SECRET,
         .required = true,
         .min = 1,
         .max = 4 * TB_LIMIT_PASSWORD,
         .help = "the next one"},
        TB_PARAM_END,
};

const TbRoute tb_server_login_routes[] = {
        {.method = "GET",
         .path = "/api/login",
         .handler = ways_in,
         .tag = "accounts",
         .summary =
                 "How one comes in here: `passwords`: there are accounts; `open`: nobody is asked; `oidc`: "
                 "what the provider is called by which GET /api/oidc/start signs in",
         .answers = "200 application/json"},
        {.method = "POST",
         .path = "/api/login",
         .body = TB_BODY_JSON,
         .json = tb_server_login_params,
         .max_body = 4096,
         .handler = login,
         .tag = "accounts",
         .summary = "Sign in: sets a cookie (HttpOnly, SameSite=Strict). A program makes itself a token: "
                    "/api/me/sessions",
         .answers = "200 application/json; 401; 403; 429; 503"},
        {.method = "POST",
         .path = "/api/logout",
         .handler = logout,
         .tag = "accounts",
         .summary = "End the sign-in, or the token, that this request comes by",
         .answers = "204; 403"},
        {.method = "PUT",
         .path = "/api/me/password",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .body = TB_BODY_JSON,
         .json = password_params,
         .max_body = 8192,
         .handler = change_password,
         .tag = "accounts",
         .summary = "Another password: sign-ins elsewhere, and tokens, end",
         .answers = "204; 400; 403; 404; 429"},
        {.method = NULL},
};
