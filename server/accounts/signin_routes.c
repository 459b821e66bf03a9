/* What one has open: where one is signed in, and the tokens of one's own (/api/me/sessions). */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "server/accounts/people_private.h"

const TbUser *tb_server_own_account(TbRequest *request, TbServer *server)
{
        const TbUser *user = tb_accounts_user(tb_people_store(server->people), tb_request_user(request));
        g_autoptr(GError) error = NULL;
        if (user)
                return user;
        tb_set_error(&error, TB_ERROR_NOT_FOUND,
                     "%s has no account here: the token is of the configuration, or signed by somebody else",
                     tb_request_user(request));
        tb_request_reply_error(request, error);
        return NULL;
}

static json_t *about_login(const TbLogin *login, const char *own)
{
        g_autofree char *made = tb_clock_rfc3339(login->created_ms),
                        *ends = tb_clock_rfc3339(login->expires_ms), *seen = tb_clock_rfc3339(login->last_ms);
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "id", login->id, "kind",
                         login->kind == TB_LOGIN_PAGE ? "page" : "token", "about", login->about, "address",
                         login->address, "createdAt", made, "expiresAt", ends, "lastSeen", seen, "current",
                         g_strcmp0(login->id, own) == 0);
}

json_t *tb_server_logins(TbServer *server, const char *user, const char *own)
{
        g_autoptr(GPtrArray) all = tb_accounts_list_logins(tb_people_store(server->people), user);
        json_t *out = json_array();
        for (guint i = 0; i < all->len; i++) {
                const TbLogin *login = g_ptr_array_index(all, i);
                if (login->kind != TB_LOGIN_BROWSER && login->expires_ms > tb_clock_ms())
                        json_array_append_new(out, about_login(login, own));
        }
        return out;
}

void tb_server_end_login(TbRequest *request, TbServer *server, const char *user, const char *id)
{
        TbAccounts *store = tb_people_store(server->people);
        const TbLogin *login = tb_accounts_login(store, id);
        g_autoptr(GError) error = NULL;
        if (!login || login->kind == TB_LOGIN_BROWSER || strcmp(login->user, user) != 0) {
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no such sign-in, or it has ended");
                tb_request_reply_error(request, error);
                return;
        }
        tb_accounts_remove_login(store, id);
        tb_server_when_written(request, server, 204, NULL);
}

void tb_server_make_token(TbRequest *request, TbServer *server, const char *user)
{
        json_t *in = tb_request_json(request);
        g_autofree char *token = NULL;
        const TbLogin *login = tb_people_sign_in(
                server->people, user, TB_LOGIN_TOKEN, json_string_value(json_object_get(in, "about")),
                tb_request_peer(request), json_integer_value(json_object_get(in, "ttl_s")), &token);
        json_t *o = about_login(login, NULL);
        json_object_set_new(o, "token", json_string(token));
        tb_log(TB_LOG_INFO, TB_F("user", user, "request", tb_request_id(request)), "a token was made");
        tb_request_add_header(request, "Cache-Control", "no-store");
        tb_server_when_written(request, server, 201, o);
}

static void list_own(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        if (!tb_server_own_account(request, server))
                return;
        tb_request_reply_tagged(request, tb_server_logins(server, tb_request_user(request),
                                                          tb_request_caller(request)->login));
}

static void make_own(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        g_autoptr(GError) error = NULL;
        if (!tb_server_own_account(request, server))
                return;
        if (tb_request_caller(request)->by == TB_BY_COOKIE) {
                tb_server_make_token(request, server, tb_request_user(request));
                return;
        }
        tb_set_error(&error, TB_ERROR_FORBIDDEN,
                     "a token makes no other one, which would outlive it: sign in on the page");
        tb_request_reply_error(request, error);
}

static void end_own(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        if (tb_server_own_account(request, server))
                tb_server_end_login(request, server, tb_request_user(request), tb_request_arg(request, "id"));
}

static void end_others(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        if (!tb_server_own_account(request, server))
                return;
        tb_people_sign_out(server->people, tb_request_user(request), tb_request_caller(request)->login);
        tb_server_when_written(request, server, 204, NULL);
}

const TbParam tb_server_token_params[] = {
        {.name = "about",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_LABEL,
         .shown = true,
         .help = "what it is for"},
        {.name = "ttl_s",
         .type = TB_PARAM_INT,
         .min = 60,
         .max = TB_LIMIT_LOGIN_TOKEN_S,
         .fallback = "7776000",
         .unit = "s",
         .help = "how long it holds; default 90 days"},
        TB_PARAM_END,
};

const TbRoute tb_server_signin_routes[] = {
        {.method = "GET",
         .path = "/api/me/sessions",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .handler = list_own,
         .tag = "accounts",
         .summary = "Where one is signed in, and one's tokens",
         .answers = "200 application/json; 404"},
        {.method = "POST",
         .path = "/api/me/sessions",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .body = TB_BODY_JSON,
         .json = tb_server_token_params,
         .max_body = 4096,
         .handler = make_own,
         .tag = "accounts",
         .summary = "A token for a program of one's own, shown here alone",
         .answers = "201 application/json; 403; 404"},
        {.method = "DELETE",
         .path = "/api/me/sessions",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .handler = end_others,
         .tag = "accounts",
         .summary = "Sign out everywhere else, tokens too",
         .answers = "204; 404"},
        {.method = "DELETE",
         .path = "/api/me/sessions/{id}",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .handler = end_own,
         .tag = "accounts",
         .summary = "End one sign-in, or one token",
         .answers = "204; 404"},
        {.method = NULL},
};
