#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/http/private.h"
#include "lib/limits.h"

/* --- head: one pass over the headers, then the guard --- */
typedef struct Head {
        TbRequest *request;
        const char *request_id, *length, *encoding, *expect;
        TbProxySaid proxy;
        const char *repeated; /* a header that may come only once */
        bool bad_name;        /* a header's name has a blank in it, or before the colon */
} Head;

/* A list may be there in parts. */
static void take_list(GString **list, const char *wanted, const char *name, const char *value)
{
        if ((name[0] | 0x20) != (wanted[0] | 0x20) || g_ascii_strcasecmp(name, wanted) != 0)
                return;
        if (!*list)
                *list = g_string_new(NULL);
        else
                g_string_append_c(*list, ',');
        g_string_append(*list, value ? value : "");
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind G_GNUC_UNUSED, const char *name,
                                 const char *value)
{
        Head *head = cls;
        TbRequest *r = head->request;
        const struct {
                const char *name;
                const char **to;
                bool once;
        } known[] = {
                {"Host", &r->host, true},
                {"Origin", &r->origin, true},
                {"Sec-Fetch-Site", &r->fetch_site, true},
                {"Authorization", &r->authorization, true},
                {"Cookie", &r->cookie, true},
                {"Content-Type", &r->content_type, true},
                {"Content-Length", &head->length, true},
                {"Transfer-Encoding", &head->encoding, true},
                {"Upgrade", &r->upgrade, false},
                {"Expect", &head->expect, false},
                {"X-Request-Id", &head->request_id, false},
                {"X-Forwarded-Proto", &head->proxy.proto, false},
                {"X-Real-IP", &head->proxy.real_ip, false},
        };
        take_list(&head->proxy.forwarded_for, "X-Forwarded-For", name, value);
        take_list(&head->proxy.forwarded, "Forwarded", name, value);
        head->bad_name = head->bad_name || !*name || strpbrk(name, " \t");
        for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
                if ((name[0] | 0x20) != (known[i].name[0] | 0x20) ||
                    g_ascii_strcasecmp(name, known[i].name) != 0)
                        continue;
                if (*known[i].to && known[i].once)
                        head->repeated = known[i].name;
                *known[i].to = value ? value : "";
                break;
        }
        return MHD_YES;
}

static bool is_sane_id(const char *id)
{
        gsize n = id ? strlen(id) : 0;
        return n > 0 && n <= 64 &&
               strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static bool check_length(TbRequest *request, const Head *head)
{
        request->content_length = -1;
        request->close_after = true; /* unless the length of the body is clear: where is the next request? */
        if (head->length && head->encoding) {
                tb_respond_error(request, TB_ERROR_INVALID, "Content-Length and Transfer-Encoding together");
                return false;
        }
        if (head->encoding && g_ascii_strcasecmp(head->encoding, "chunked") != 0) {
                tb_respond_status(request, 501, "unsupported", "Not supported",
                                  "the only Transfer-Encoding that is understood here is chunked");
                return false;
        }
        if (head->length) {
                char *end;
                guint64 n = g_ascii_strtoull(head->length, &end, 10);
                if (*end || end == head->length || !g_ascii_isdigit(*head->length) || n > G_MAXINT64) {
                        tb_respond_error(request, TB_ERROR_INVALID, "Content-Length is no number");
                        return false;
                }
                request->content_length = (gint64)n;
        }
        request->close_after = false;
        request->has_body = head->encoding || request->content_length > 0;
        request->expects = head->expect && g_ascii_strcasecmp(head->expect, "100-continue") == 0;
        return true;
}

static gsize head_size(const TbRequest *request)
{
        if (request->ask)
                return tb_ask_head_size(request->ask);
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
        return info ? info->header_size : 0;
}

static bool check_sizes(TbRequest *request)
{
        gsize target = strlen(request->path) + (request->raw_query ? strlen(request->raw_query) + 1 : 0);
        gsize head = head_size(request);
        for (const guchar *c = (const guchar *)request->path; *c; c++) {
                if (*c > ' ' && *c != 0x7f)
                        continue;
                tb_respond_error(request, TB_ERROR_INVALID,
                                 "the request target has a blank or control "
                                 "character in it: percent-encode it");
                return false;
        }
        bool asterisk = strcmp(request->path, "*") == 0 && strcmp(request->method, "OPTIONS") == 0;
        if (*request->path != '/' && !asterisk && !request->prefixed) {
                tb_respond_error(request, TB_ERROR_INVALID, "the request target must begin with /");
                return false;
        }
        if (target > TB_LIMIT_URI) {
                tb_respond_status(request, 414, "uri-too-long", "URI too long",
                                  "the request target is longer than %d bytes", TB_LIMIT_URI);
                return false;
        }
        if (head > TB_LIMIT_HTTP_HEADERS) {
                tb_respond_status(request, 431, "headers-too-large", "Request header fields too large",
                                  "the request line and headers are larger than %d bytes",
                                  TB_LIMIT_HTTP_HEADERS);
                return false;
        }
        return true;
}

/* "/staging" itself: the page there has relative addresses, which are right below "/staging/" only. */
static bool check_prefix(TbRequest *request)
{
        if (*request->path || !request->prefixed)
                return true;
        g_autofree char *location = g_strconcat(strrchr(request->http->prefix, '/') + 1, "/", NULL);
        tb_request_add_header(request, "Location", location);
        tb_request_reply_empty(request, 301);
        return false;
}

bool tb_check_head(TbRequest *request, const char *version)
{
        TbHttp *http = request->http;
        Head head = {.request = request};
        if (request->ask)
                tb_ask_each_header(request->ask, on_header, &head);
        else
                MHD_get_connection_values(request->connection, MHD_HEADER_KIND, on_header, &head);
        if (is_sane_id(head.request_id))
                g_strlcpy(request->id, head.request_id, sizeof request->id);
        if (request->authority)
                request->host = request->authority;
        tb_access_proxy(request, &head.proxy);
        if (head.proxy.forwarded_for)
                g_string_free(head.proxy.forwarded_for, TRUE);
        if (head.proxy.forwarded)
                g_string_free(head.proxy.forwarded, TRUE);
        if (!request->whole) {
                request->close_after = true;
                tb_respond_error(request, TB_ERROR_INVALID,
                                 "the head has a NUL, a CR alone or a folded line in it");
                return false;
        }
        if (!check_length(request, &head) || !check_sizes(request))
                return false;
        if (http->stopping) { /* asked on a connection that was open: what it would get is being taken down */
                tb_respond_error(request, TB_ERROR_UNAVAILABLE, "it is shutting down: ask again in a moment");
                return false;
        }
        if (head.repeated) {
                request->close_after = true;
                tb_respond_error(request, TB_ERROR_INVALID, "the header %s is there twice", head.repeated);
                return false;
        }
        if (head.bad_name) {
                request->close_after = true;
                tb_respond_error(request, TB_ERROR_INVALID, "a header's name has a blank in it");
                return false;
        }
        bool old = strcmp(version, "HTTP/1.0") == 0;
        if (!old && strcmp(version, "HTTP/1.1") != 0) {
                tb_respond_status(request, 505, "version", "HTTP version not supported",
                                  "HTTP/1.1 is spoken here");
                return false;
        }
        if (!old && !request->host) {
                tb_respond_error(request, TB_ERROR_INVALID, "the header Host is missing");
                return false;
        }
        if (!(old && !request->host) &&
            !tb_guard_host(&http->guard, request->host, request->conn ? request->conn->local : NULL)) {
                g_autofree char
                        *host = tb_access_shown(request->host),
                        *origin = tb_access_shown(request->origin),
                        *why = g_strdup_printf(
                                "the name in the Host header is not one of this server: %s%s%s. If it is, "
                                "set \"url: http://%s\" in the configuration",
                                host, request->origin ? ", asked for by a page of " : "",
                                request->origin ? origin : "", host);
                tb_respond_status(request, 421, "misdirected", "Misdirected request", "%s", why);
                return false;
        }
        if (!tb_access_person(request) || !check_prefix(request))
                return false;
        double wait_s = 0;
        if (http->rates && !tb_rates_take(http->rates, request->peer, 1, request->start_us, &wait_s)) {
                g_autofree char *seconds = g_strdup_printf("%d", (int)wait_s + 1);
                tb_request_add_header(request, "Retry-After", seconds);
                tb_respond_error(request, TB_ERROR_LIMIT, "more than %u requests a second from one address",
                                 http->rate);
                return false;
        }
        return true;
}

/* --- route, origin, role --- */
static bool wants_websocket(TbRequest *request)
{
        return request->upgrade && g_ascii_strcasecmp(request->upgrade, "websocket") == 0;
}

static bool method_fits(const TbRoute *route, const TbRequest *request)
{
        return strcmp(route->method, "*") == 0 || strcmp(route->method, request->method) == 0 ||
               (request->is_head && strcmp(route->method, "GET") == 0);
}

typedef struct Found {
        TbHttpRoute *route; /* NULL: none */
        bool path_known, websocket_only;
        const TbRoute *neighbours; /* one of that path that pages of neighbours may call; NULL: none */
        GString *allow;            /* owned */
} Found;

static void add_allow(Found *found, const char *method)
{
        if (!found->allow)
                found->allow = g_string_new("OPTIONS");
        if (strcmp(method, "*") == 0)
                method = "GET, HEAD, POST, PUT, PATCH, DELETE";
        if (strstr(found->allow->str, method) == NULL)
                g_string_append_printf(found->allow, ", %s%s", method,
                                       strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

static bool is_meant(TbRequest *request, TbHttpRoute *r)
{
        if (!r->route->match)
                return true;
        request->match = r; /* whose path parameters are read */
        return r->route->match(request, r->data);
}

static void find_route(TbRequest *request, Found *found)
{
        GPtrArray *routes = request->http->routes;
        bool websocket = wants_websocket(request);
        for (guint i = 0; i < routes->len; i++) {
                TbHttpRoute *r = g_ptr_array_index(routes, i);
                if (!tb_path_match(&r->path, &request->split))
                        continue;
                found->path_known = true;
                if (r->route->flags & TB_ROUTE_NEIGHBOURS)
                        found->neighbours = r->route;
                if (method_fits(r->route, request)) {
                        if (!is_meant(request, r))
                                continue;
                        if (!(r->route->flags & TB_ROUTE_WEBSOCKET) || websocket) {
                                found->route = r;
                                return;
                        }
                        found->websocket_only = true;
                }
                add_allow(found, r->route->method);
        }
}

static void preflight(TbRequest *request, const char *allow, const TbRoute *neighbours)
{
        bool listed;
        if (tb_access_neighbour(request, neighbours)) {
                tb_request_add_header(request, "Access-Control-Allow-Origin", request->origin);
                tb_request_add_header(request, "Access-Control-Allow-Methods", allow);
                tb_request_add_header(
                        request, "Access-Control-Allow-Headers",
                        "Authorization, Content-Type, Range, X-Request-Id, X-Device-Id, X-Session-Id, "
                        "X-Event-Id, x-ms-blob-type");
                tb_request_add_header(request, "Access-Control-Max-Age", "600");
                tb_request_add_header(request, "Vary", "Origin");
                tb_request_reply_empty(request, 204);
                return;
        }
        tb_request_add_header(request, "Allow", allow);
        if (request->origin &&
            tb_guard_origin(&request->http->guard, request->origin, request->host, &listed) && listed) {
                tb_request_add_header(request, "Access-Control-Allow-Methods", allow);
                tb_request_add_header(request, "Access-Control-Allow-Headers",
                                      "Authorization, Content-Type, X-Lease, X-Request-Id");
                tb_request_add_header(request, "Access-Control-Max-Age", "600");
        }
        tb_request_reply_empty(request, 204);
}

static bool no_route(TbRequest *request, const Found *found)
{
        bool get = request->is_head || strcmp(request->method, "GET") == 0;
        const char *allow = found->allow ? found->allow->str : "OPTIONS, GET, HEAD";
        if (found->websocket_only) {
                tb_request_add_header(request, "Upgrade", "websocket");
                tb_request_add_header(request, "Sec-WebSocket-Version", "13");
                tb_respond_status(request, 426, "upgrade", "Upgrade required",
                                  "this address speaks WebSocket only");
                return false;
        }
        if (strcmp(request->method, "OPTIONS") == 0 &&
            (found->path_known || strcmp(request->path, "*") == 0)) {
                preflight(request, allow, found->neighbours);
                return false;
        }
        if ((get || !found->path_known) && tb_static_try(request->http, request))
                return false;
        if (!found->path_known) {
                tb_respond_error(request, TB_ERROR_NOT_FOUND, "there is nothing at %s", request->path);
                return false;
        }
        tb_request_add_header(request, "Allow", allow);
        tb_respond_error(request, TB_ERROR_METHOD, "%s is not possible at %s; allowed: %s", request->method,
                         request->path, allow);
        return false;
}

/* Of every request: routes pass a query on without reading it. */
static bool query_is_text(TbRequest *request)
{
        if (!request->raw_query || g_utf8_validate(request->raw_query, -1, NULL))
                return true;
        tb_respond_error(request, TB_ERROR_INVALID, "the query is not UTF-8");
        return false;
}

static bool check_query(TbRequest *request, const TbRoute *route)
{
        g_autoptr(GError) error = NULL;
        if (!route->query)
                return true;
        json_t *raw = tb_query_parse(request->raw_query, &error);
        request->query = raw ? tb_params_validate_text(route->query, raw, &error) : NULL;
        json_decref(raw);
        if (error)
                tb_request_reply_error(request, error);
        return request->query != NULL;
}

static bool check_args(TbRequest *request)
{
        for (guint i = 0; i < request->match->path.n; i++) {
                const TbSegment *s = &request->match->path.segments[i];
                if (!s->is_param)
                        continue;
                g_autofree char *name = g_strndup(s->text, s->size);
                if (!tb_request_arg(request, name)) {
                        tb_respond_error(
                                request, TB_ERROR_INVALID,
                                "the path has a broken percent escape, a control character, or is not UTF-8");
                        return false;
                }
        }
        return true;
}

bool tb_check_is_plain(TbRequest *request)
{
        Found found = {NULL};
        if (tb_path_split(request->path, &request->split))
                find_route(request, &found);
        request->match = found.route && found.route->is_plain ? found.route : NULL;
        if (found.allow)
                g_string_free(found.allow, TRUE);
        return request->match != NULL;
}

bool tb_check_route(TbRequest *request)
{
        Found found = {.route = request->ask ? request->match : NULL};
        if (!query_is_text(request))
                return false;
        if (!found.route && tb_path_split(request->path, &request->split))
                find_route(request, &found);
        request->match = found.route;
        bool ok = found.route ? check_args(request) && tb_access_origin(request, found.route->route) &&
                                        tb_access_role(request, found.route->route) &&
                                        check_query(request, found.route->route)
                              : no_route(request, &found);
        if (found.allow)
                g_string_free(found.allow, TRUE);
        return ok;
}

/* --- body --- */
static bool is_type(const char *have, const char *want)
{
        gsize n = strlen(want);
        return have && g_ascii_strncasecmp(have, want, n) == 0 &&
               (have[n] == '\0' || have[n] == ';' || have[n] == ' ');
}

bool tb_check_body(TbRequest *request)
{
        const TbRoute *route = request->match->route;
        const char *want = NULL;
        switch (route->body) {
        case TB_BODY_NONE:
                if (!request->has_body)
                        return true;
                tb_respond_error(request, TB_ERROR_INVALID, "a body is not allowed here");
                return false;
        case TB_BODY_JSON:
        case TB_BODY_JSON_ANY: want = "application/json"; break;
        case TB_BODY_BYTES: want = route->body_type; break;
        case TB_BODY_STREAM: return true;
        }
        if (request->has_body && want && !is_type(request->content_type, want)) {
                tb_respond_error(request, TB_ERROR_MEDIA_TYPE, "Content-Type must be %s", want);
                return false;
        }
        if (request->content_length > tb_http_max_body(request)) {
                tb_respond_error(request, TB_ERROR_TOO_LARGE,
                                 "the body is larger than %" G_GINT64_FORMAT " bytes",
                                 tb_http_max_body(request));
                return false;
        }
        return true;
}
