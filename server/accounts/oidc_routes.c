/*
 * Signing in at a provider (OpenID Connect): a browser is sent there, comes back with a code, and is signed in as with a password. Both are
 * navigations of a browser, so what goes wrong is a page with words.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits_oidc.h"
#include "lib/log.h"
#include "lib/rate.h"
#include "server/accounts/oidc_private.h"

#define COOKIE "testbed-oidc-" /* and the beginning of its state: each tab has its own */
#define COOKIE_STATE 12

/* --- pages --- */
/* Not a redirect: what follows one that another site began has no cookies that are for this site alone (SameSite=Strict). */
static void reply_page(TbRequest *request, TbServer *server, int status, const char *to, const char *words)
{
        g_autofree char *root = tb_server_cookie_path(request, server),
                        *where = g_markup_escape_text(to ? to : "", -1),
                        *said = words ? g_markup_escape_text(words, -1) : NULL,
                        *head = said ? g_strdup("")
                                     : g_strdup_printf(
                                               "<meta http-equiv=\"refresh\" content=\"0; url=%s%s\">", root,
                                               where),
                        *body = said ? g_strdup_printf(
                                               "<h1>You are not signed in</h1><p role=\"alert\">%s.</p>"
                                               "<p><a href=\"%s%s\">Back</a></p>",
                                               said, root, where)
                                     : g_strdup_printf("<p><a href=\"%s%s\">Go on</a></p>", root, where),
                        *page = g_strdup_printf("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
                                                "<meta name=\"viewport\" content=\"width=device-width\">"
                                                "<meta name=\"color-scheme\" content=\"light dark\">"
                                                "<title>Sign in · Testbed</title>%s<body>%s",
                                                head, body);
        tb_request_add_header(request, "Content-Security-Policy",
                              "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
        tb_request_add_header(request, "Referrer-Policy", "no-referrer");
        tb_request_reply_text(request, status, "text/html; charset=utf-8", page);
}

static void refuse(TbRequest *request, TbServer *server, const char *to, const GError *error)
{
        tb_log(TB_LOG_WARNING, TB_F("peer", tb_request_peer(request), "request", tb_request_id(request)),
               "not signed in by the provider: %s", error->message);
        reply_page(request, server, tb_error_status(error), to, error->message);
}

static bool has_provider(TbRequest *request, const TbServer *server)
{
        g_autoptr(GError) error = NULL;
        if (server->oidc)
                return true;
        tb_set_error(&error, TB_ERROR_UNSUPPORTED,
                     "nobody signs in elsewhere here: the configuration has no oidc.issuer");
        tb_request_reply_error(request, error);
        return false;
}

/* --- its cookie --- */
static char *cookie_name(const char *state)
{
        return g_strdup_printf(COOKIE "%.*s", COOKIE_STATE, state);
}

/* SameSite=Lax: it has to come with a navigation that the provider's page began. `value` NULL: it goes. */
static void set_cookie(TbRequest *request, TbServer *server, const char *state, const char *value)
{
        g_autofree char *root = tb_server_cookie_path(request, server), *name = cookie_name(state),
                        *text = g_strdup_printf(
                                "%s=%s; Path=%sapi/oidc/; HttpOnly; SameSite=Lax; Max-Age=%d%s", name,
                                value ? value : "", root, value ? TB_LIMIT_OIDC_PENDING_S : 0,
                                tb_request_is_secure(request) ? "; Secure" : "");
        tb_request_add_header(request, "Set-Cookie", text);
}

/* --- there --- */
typedef struct Way {
        TbServer *server;   /* borrowed */
        TbRequest *request; /* ref */
        char *to;           /* owned */
} Way;

static Way *way_new(TbRequest *request, TbServer *server, const char *to)
{
        Way *way = g_new0(Way, 1);
        way->server = server;
        way->request = tb_request_ref(request);
        way->to = g_strdup(to);
        return way;
}

static void way_free(Way *way)
{
        tb_request_unref(way->request);
        g_free(way->to);
        g_free(way);
}

static void on_begun(const char *address, const char *state, const char *browser, const GError *error,
                     gpointer data)
{
        Way *way = data;
        if (error) {
                refuse(way->request, way->server, way->to, error);
        } else {
                set_cookie(way->request, way->server, state, browser);
                tb_request_add_header(way->request, "Location", address);
                tb_request_add_header(way->request, "Cache-Control", "no-store");
                tb_request_add_header(way->request, "Referrer-Policy", "no-referrer");
                tb_request_reply_empty(way->request, 302);
        }
        way_free(way);
}

/* A page of this server, below where it is: a path with what belongs to it, and nothing that a browser takes for another place. */
static bool is_ours(const char *to)
{
        static const char allowed[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/?=&%";
        return !*to || (*to != '/' && strspn(to, allowed) == strlen(to));
}

static void begin(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *to = json_string_value(json_object_get(tb_request_query(request), "to"));
        bool connects = json_is_true(json_object_get(tb_request_query(request), "connect"));
        const TbCaller *caller = tb_request_caller(request);
        g_autoptr(GError) error = NULL;
        char network[TB_NET_KEY];
        if (!has_provider(request, server))
                return;
        g_autofree char *back = g_strconcat(tb_server_base_url(request, server), "/api/oidc/callback", NULL);
        tb_net_share_key(tb_request_peer(request), network);
        if (!is_ours(to))
                tb_error_set_field(&error, TB_ERROR_INVALID, "to", "it is a page of this server: \"links\"");
        else if (connects && (caller->by != TB_BY_COOKIE ||
                              !tb_accounts_user(tb_people_store(server->people), caller->user)))
                tb_set_error(&error, TB_ERROR_UNAUTHORIZED,
                             "an account is connected by who is signed in to it on this page");
        Way *way = error ? NULL : way_new(request, server, to);
        TbOidcBegin begin = {back, to, connects ? caller->user : NULL, network};
        if (!error && tb_oidc_begin(server->oidc, &begin, on_begun, way, &error))
                return;
        if (way)
                way_free(way);
        refuse(request, server, "", error);
}

/* --- and back --- */
static void on_written(bool written G_GNUC_UNUSED, gpointer data)
{
        Way *way = data;
        reply_page(way->request, way->server, 200, way->to, NULL);
        way_free(way);
}

static void note(const Way *way, const char *user, const char *action, int status)
{
        g_autofree char *outcome = g_strdup_printf("%d", status);
        const TbAuditNote row = {.user = user ? user : "",
                                 .action = action,
                                 .object = user,
                                 .outcome = outcome,
                                 .address = tb_request_peer(way->request),
                                 .request = tb_request_id(way->request)};
        tb_audit_note(way->server->audit, &row, 0);
}

static void on_ended(const TbOidcEnd *end, const GError *failed, gpointer data)
{
        Way *way = data;
        TbServer *server = way->server;
        const char *action = end->user ? "oidc.connect" : "oidc.login";
        g_autoptr(GError) error = failed ? g_error_copy(failed) : NULL;
        const TbUser *user = error ? NULL : tb_server_account_of(server, end->user, end->person, &error);
        way->to = g_strdup(end->to);
        if (!user) {
                note(way, end->user, action, tb_error_status(error));
                refuse(way->request, server, way->to, error);
                way_free(way);
                return;
        }
        note(way, user->name, action, 200);
        if (!end->user)
                g_free(tb_server_sign_in_browser(way->request, server, user->name));
        tb_server_rights_changed(server, user->name);
        tb_persist_when_written(server->persist, on_written, way);
}

static void come_back(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *state = tb_request_query_string(request, "state"),
                   *code = tb_request_query_string(request, "code"),
                   *why = tb_request_query_string(request, "error"),
                   *issuer = tb_request_query_string(request, "iss");
        g_autoptr(GError) error = NULL;
        if (!has_provider(request, server))
                return;
        g_autofree char *name = cookie_name(state ? state : ""),
                        *browser = tb_cookie_value(tb_request_header(request, "Cookie"), name);
        if (browser)
                set_cookie(request, server, state, NULL);
        if (!state || (!code && !why))
                tb_set_error(&error, TB_ERROR_INVALID,
                             "the provider sends a browser here with `code` and `state`");
        else if (issuer && strcmp(issuer, tb_oidc_options(server->oidc)->issuer) != 0)
                tb_set_error(&error, TB_ERROR_UNAUTHORIZED, "the answer comes from another provider");
        else if (why)
                tb_set_error(&error, TB_ERROR_FORBIDDEN, "%s says no: %.64s",
                             tb_oidc_options(server->oidc)->name, why);
        if (error && state)
                tb_oidc_drop(server->oidc, state, browser);
        Way *way = error ? NULL : way_new(request, server, NULL);
        if (!error && tb_oidc_end(server->oidc, state, browser, code, on_ended, way, &error))
                return;
        if (way)
                way_free(way);
        refuse(request, server, "", error);
}

/* --- no longer --- */
static void disconnect(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const TbUser *user = tb_server_own_account(request, server);
        g_autoptr(GError) error = NULL;
        if (!user)
                return;
        if (!user->identity)
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "this account is connected with no provider");
        else if (!user->password)
                tb_set_error(&error, TB_ERROR_BUSY,
                             "this account has no password: without the provider nobody could sign in to it");
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }
        TbUser now = *user;
        now.identity = NULL;
        tb_accounts_put_user(tb_people_store(server->people), &now);
        tb_server_rights_changed(server, tb_request_user(request));
        tb_server_when_written(request, server, 204, NULL);
}

static const TbParam begin_params[] = {
        {.name = "to",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_OIDC_TO,
         .fallback = "\"\"",
         .help = "the page that one goes on to: links"},
        {.name = "connect",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "the account of who is signed in can be signed in to so from then on"},
        TB_PARAM_END,
};

const TbRoute tb_server_oidc_routes[] = {
        {.method = "GET",
         .path = "/api/oidc/start",
         .query = begin_params,
         .handler = begin,
         .tag = "accounts",
         .summary = "For browsers: sign in at the provider (OpenID Connect); ?to= the page to go on to, "
                    "?connect=true: "
                    "connect the account that one is signed in to",
         .answers = "302; 401; 429; 501; 503"},
        {.method = "GET",
         .path = "/api/oidc/callback",
         .handler = come_back,
         .tag = "accounts",
         .summary = "Where the provider sends browsers back to: signs in, and goes on",
         .answers = "200 text/html; 401; 403; 409; 429; 501; 503"},
        {.method = "DELETE",
         .path = "/api/me/oidc",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .handler = disconnect,
         .tag = "accounts",
         .summary = "One's account is connected with the provider no longer",
         .answers = "204; 404; 409"},
        {.method = NULL},
};
