/*
 * Who asks, and whether they may: what a proxy says of its client, the pages of a browser, tokens and roles.
 */
#include <string.h>

#include "lib/error.h"
#include "lib/http/forwarded.h"
#include "lib/http/private.h"
#include "lib/http/ws.h"
#include "lib/log.h"

#define TB_SHOWN_HEADER 200 /* bytes of a header that a text names */

/* Of a proxy of ours what it says of its client is believed; of nobody else. */
void tb_access_proxy(TbRequest *request, const TbProxySaid *said)
{
        const TbConn *conn = request->conn;
        const char *for_ = said->forwarded_for ? said->forwarded_for->str : NULL,
                   *all = said->forwarded ? said->forwarded->str : NULL;
        request->forwarded = for_ || all || said->real_ip;
        bool here = request->ask || (conn && conn->peer_is_loopback);
        request->stranger = !here || request->forwarded;
        request->secure = conn && conn->tls;
        if (!conn || !conn->peer_is_trusted)
                return;
        g_autofree char *proto = tb_forwarded_last(all, "proto");
        if (said->proto || proto)
                request->secure = strcmp(said->proto ? said->proto : proto, "https") == 0;
        char address[TB_ADDRESS_TEXT];
        if (tb_forwarded_client(for_ ? for_ : said->real_ip, all, request->http->trusted, address) !=
            TB_HOP_CLIENT)
                return;
        g_strlcpy(request->peer, address, sizeof request->peer);
        request->stranger = !tb_address_is_loopback(address);
}

/* Without tokens everything is allowed, to persons on this machine. That a connection comes from here does not say
 * that a person here has made it. */
static bool is_from_elsewhere(const TbRequest *request)
{
        char name[256];
        return request->stranger || (request->host && tb_host_split(request->host, name, sizeof name) &&
                                     !tb_address_is_loopback(name));
}

static bool refuse_stranger(TbRequest *request)
{
        tb_respond_error(
                request, TB_ERROR_FORBIDDEN,
                "%s no tokens are configured, so only clients on this machine itself are served: set "
                "TESTBED_TOKEN or \"tokens\" in the configuration, or start with --insecure",
                request->forwarded ? "a proxy has brought this request, and"
                                   : "this request came from elsewhere, and");
        return false;
}

bool tb_access_person(TbRequest *request)
{
        if (request->http->without_tokens == TB_ANYONE || !tb_auth_is_open(request->http->auth))
                return true;
        request->stranger = is_from_elsewhere(request);
        return !request->stranger || request->http->without_tokens == TB_THIS_MACHINE_ALWAYS ||
               refuse_stranger(request);
}

char *tb_access_shown(const char *header)
{
        char *shown = g_strndup(header ? header : "nothing", TB_SHOWN_HEADER);
        for (char *p = shown; *p; p++)
                if (!g_ascii_isprint(*p) || *p == '"')
                        *p = '?';
        return shown;
}

bool tb_access_neighbour(const TbRequest *request, const TbRoute *route)
{
        return route && route->flags & TB_ROUTE_NEIGHBOURS && request->origin &&
               tb_guard_neighbour(request->origin, !tb_auth_is_open(request->http->auth));
}

bool tb_access_origin(TbRequest *request, const TbRoute *route)
{
        bool reads = request->is_head || strcmp(request->method, "GET") == 0;
        if (reads && !(route->flags & (TB_ROUTE_UNSAFE | TB_ROUTE_WEBSOCKET)))
                return true;
        if (tb_access_neighbour(request, route))
                return true;
        if (tb_guard_unsafe(&request->http->guard, request->origin, request->fetch_site, request->host))
                return true;
        g_autofree char *origin = tb_access_shown(request->origin), *host = tb_access_shown(request->host);
        if (request->origin)
                tb_respond_error(
                        request, TB_ERROR_FORBIDDEN,
                        "web pages of another origin may not do this: the page is of %s (Origin), and the "
                        "request names %s (Host). If both are this one, let the proxy in between pass the "
                        "Host on as it came (nginx: proxy_set_header Host $http_host), or set \"url: %s\" "
                        "in the configuration",
                        origin, host, origin);
        else
                tb_respond_error(request, TB_ERROR_FORBIDDEN, "web pages of another origin may not do this");
        return false;
}

/* What everybody on the way could read is told of, and refused where TLS is required. */
static bool check_secret_way(TbRequest *request)
{
        TbHttp *http = request->http;
        if (!request->conn || request->conn->peer_is_loopback || request->secure)
                return true;
        if (http->needs_tls) {
                tb_respond_error(
                        request, TB_ERROR_FORBIDDEN,
                        "a token came without TLS, and the configuration says tls: required. It has been "
                        "readable on the way: replace it, and use https");
                return false;
        }
        if (tb_tally_note(http->plain, request->conn->peer))
                tb_log(TB_LOG_WARNING, TB_F("request", request->id, "peer", request->conn->peer),
                       "a token came without TLS: everybody on the way could read it (tls: required "
                       "refuses)");
        return true;
}

void tb_caller_clear(TbCaller *caller)
{
        g_free(caller->user);
        g_free(caller->login);
        tb_grants_unref(caller->grants);
        *caller = (TbCaller){NULL};
}

void tb_caller_copy(TbCaller *to, const TbCaller *caller)
{
        *to = *caller;
        to->user = g_strdup(caller->user);
        to->login = g_strdup(caller->login);
        tb_grants_ref(to->grants);
}

static void identify(TbRequest *request, const char *token, bool nobody, GError **why)
{
        TbHttp *http = request->http;
        TbCaller *caller = &request->caller;
        TbGrants *grants = NULL;
        const char *user = "";
        bool open = tb_auth_is_open(http->auth);
        tb_caller_clear(caller);
        caller->role = nobody ? TB_ROLE_NONE : tb_auth_find(http->auth, token, &user, &grants);
        caller->by = caller->role == TB_ROLE_NONE ? TB_BY_NOBODY : open ? TB_BY_OPEN : TB_BY_TOKEN;
        caller->grants = tb_grants_ref(grants);
        const TbShown shown = {token, token ? NULL : request->cookie, request->peer};
        if (caller->role == TB_ROLE_NONE && !nobody && http->identify && (shown.token || shown.cookies) &&
            http->identify(&shown, caller, why, http->identify_data))
                user = NULL; /* it is there */
        if (user || !caller->user)
                caller->user = g_strdup(user ? user : "");
}

/* A browser shows a cookie whoever made it ask: what changes something must come from a page of ours, and say so. */
static bool check_cookie(TbRequest *request, const TbRoute *route)
{
        bool reads = request->is_head || strcmp(request->method, "GET") == 0;
        if (tb_access_neighbour(request, route) &&
            !tb_guard_unsafe(&request->http->guard, request->origin, request->fetch_site, request->host)) {
                tb_respond_error(
                        request, TB_ERROR_FORBIDDEN,
                        "a page of another origin shows a token (Authorization: Bearer …), no cookie");
                return false;
        }
        if (request->origin || request->fetch_site ||
            (reads && !(route->flags & (TB_ROUTE_UNSAFE | TB_ROUTE_WEBSOCKET))))
                return true;
        tb_respond_error(request, TB_ERROR_FORBIDDEN,
                         "signed in by a cookie, a request that changes something must say which page it is "
                         "of (Origin); a program shows a token instead (Authorization: Bearer …)");
        return false;
}

static bool refuse(TbRequest *request, const TbRoute *route, const char *token, const GError *why)
{
        const TbCaller *caller = &request->caller;
        if (caller->role == TB_ROLE_NONE) {
                tb_request_add_header(request, "WWW-Authenticate", "Bearer");
                tb_respond_error(request, TB_ERROR_UNAUTHORIZED, "%s",
                                 why     ? why->message
                                 : token ? "the token is not known"
                                         : "a token is needed (Authorization: Bearer …)");
        } else if (caller->role < route->role) {
                tb_respond_error(request, TB_ERROR_FORBIDDEN,
                                 "this needs the role %s; the token's role is %s", tb_role_name(route->role),
                                 tb_role_name(caller->role));
        } else {
                tb_respond_error(request, TB_ERROR_FORBIDDEN,
                                 "this is about all hosts, and %s may see some of them only: an "
                                 "administrator may, or who is in no group",
                                 caller->user);
        }
        return false;
}

/* Of a page that opens a WebSocket: it can set no header but this one, and an address would be in logs. The caller frees. */
static char *token_of_protocols(TbRequest *request)
{
        const char *offers = request->upgrade ? tb_request_header(request, "Sec-WebSocket-Protocol") : NULL;
        g_auto(GStrv) all = g_strsplit(offers ? offers : "", ",", 16);
        for (char **one = all; *one; one++) {
                const char *name = g_strstrip(*one);
                if (!g_str_has_prefix(name, TB_WS_BEARER))
                        continue;
                g_autofree char *base64 = g_strconcat(name + strlen(TB_WS_BEARER), "===", NULL);
                base64[strlen(base64) & ~(gsize)3] = '\0'; /* as many "=" as it needs */
                gsize size;
                g_autofree guchar *bytes =
                        g_base64_decode(g_strdelimit(g_strdelimit(base64, "-", '+'), "_", '/'), &size);
                return g_strndup((const char *)bytes, size);
        }
        return NULL;
}

/* "http://ci:TOKEN@lab/…" of programs that know Basic alone (labgrid, wget): the password is the token. A browser shows it whoever
 * made it ask: from there it does not count. The caller frees. */
static char *basic_token(const TbRequest *request)
{
        gsize size = 0;
        if (!request->authorization || g_ascii_strncasecmp(request->authorization, "Basic ", 6) != 0 ||
            request->origin || request->fetch_site)
                return NULL;
        g_autofree guchar *text = g_base64_decode(request->authorization + 6, &size);
        const guchar *colon = size ? memchr(text, ':', size) : NULL;
        return colon ? g_strndup((const char *)colon + 1, size - (gsize)(colon + 1 - text)) : NULL;
}

bool tb_access_role(TbRequest *request, const TbRoute *route)
{
        const TbCaller *as = request->ask                           ? tb_ask_caller(request->ask)
                             : request->conn && request->conn->pair ? &request->conn->pair->caller
                                                                    : NULL;
        if (as) {
                tb_caller_clear(&request->caller);
                tb_caller_copy(&request->caller, as);
                return request->caller.role >= route->role || refuse(request, route, NULL, NULL);
        }
        g_autofree char *from_query = NULL, *from_protocols = token_of_protocols(request),
                        *basic = basic_token(request);
        const char *token = basic;
        if (request->authorization && g_ascii_strncasecmp(request->authorization, "Bearer ", 7) == 0)
                token = request->authorization + 7;
        else if (from_protocols)
                token = from_protocols;
        else if (!token && request->raw_query)
                token = from_query = tb_query_value(request->raw_query, "access_token");
        if (token && !check_secret_way(request))
                return false;
        bool nobody = request->stranger && request->http->without_tokens == TB_THIS_MACHINE_ALWAYS &&
                      tb_auth_is_open(request->http->auth);
        g_autoptr(GError) why = NULL;
        const TbCaller *caller = &request->caller;
        identify(request, token, nobody, &why);
        if (caller->by == TB_BY_COOKIE && (!check_secret_way(request) || !check_cookie(request, route)))
                return false;
        bool granted = !caller->grants || caller->role >= TB_ROLE_ADMIN || route->role == TB_ROLE_NONE ||
                       route->flags & TB_ROUTE_GRANTED;
        if ((caller->role >= route->role && granted) || (nobody && route->flags & TB_ROUTE_STRANGERS))
                return true;
        return nobody ? refuse_stranger(request) : refuse(request, route, token, why);
}
