/* Routes made of rows of the table of verbs: of a device itself, and below /host/devices/{id}/{interface}, where the
 * path alone does not say what is meant, the interface's kind does. */
#include <string.h>

#include "host/api/private.h"

#define BASE "/host/devices/{id}/{interface}"

typedef struct TbApiRouteState {
        TbApi *api; /* borrowed */
        TbKind kind;
        const TbVerb *verb; /* static; NULL: none */
        TbApiCall call;
        char *suffix, *path, *shown, *tag, *verb_text, *answers;
        TbParam *query, *json; /* owned; NULL: the route's own */
        TbRoute table[2];
} TbApiRouteState;

static void state_free(TbApiRouteState *s)
{
        g_free(s->suffix);
        g_free(s->path);
        g_free(s->shown);
        g_free(s->tag);
        g_free(s->verb_text);
        g_free(s->answers);
        g_free(s->query);
        g_free(s->json);
        g_free(s);
}

void tb_api_routes_free(TbApi *api)
{
        for (guint i = 0; i < api->routes->len; i++)
                state_free(g_ptr_array_index(api->routes, i));
        g_ptr_array_unref(api->routes);
}

static TbInterface *interface_of(TbApi *api, TbRequest *request)
{
        const char *id = tb_request_arg(request, "id"), *name = tb_request_arg(request, "interface");
        return id && name ? tb_core_interface(api->core, id, name, NULL) : NULL;
}

static bool kind_fits(TbRequest *request, gpointer data)
{
        const TbApiRouteState *s = data;
        TbInterface *iface = interface_of(s->api, request);
        return iface && tb_interface_kind(iface) == s->kind;
}

static void call(TbRequest *request, gpointer data)
{
        const TbApiRouteState *s = data;
        g_autoptr(GError) error = NULL;
        /* it fitted before the body came; it may be gone by now */
        TbInterface *iface = tb_core_interface(s->api->core, tb_request_arg(request, "id"),
                                               tb_request_arg(request, "interface"), &error);
        if (!iface)
                tb_request_reply_error(request, error);
        else
                s->call(s->api, request, iface, s->verb);
}

static TbApiRouteState *add(TbApi *api, TbKind kind, const TbRoute *route, TbApiCall target)
{
        TbApiRouteState *s = g_new0(TbApiRouteState, 1);
        s->api = api;
        s->kind = kind;
        s->call = target;
        s->suffix = g_strdup(route->path);
        s->path = g_strconcat(BASE, route->path, NULL);
        s->shown = g_strconcat("/host/devices/{id}/", tb_kind_name(kind), route->path, NULL);
        s->table[0] = *route;
        s->table[0].path = s->path;
        s->table[0].shown = s->shown;
        s->table[0].match = kind_fits;
        s->table[0].handler = call;
        s->table[0].tag = tb_kind_name(kind);
        g_ptr_array_add(api->routes, s);
        return s;
}

/* What a row says of the operation, wherever it is asked for. What a lane may answer to any command is not in the rows. */
static void take_row(TbApiRouteState *s, const TbVerb *verb)
{
        TbRoute *route = &s->table[0];
        const char *own = route->answers ? route->answers : verb->answers;
        s->verb = verb;
        s->verb_text = g_strdup_printf("%s.%s", tb_verb_noun(verb), verb->op);
        s->answers = g_strconcat(own, verb->flags & TB_VERB_CONTROL ? "; 423" : "",
                                 verb->noun ? "; 429" : "; 409; 410; 429; 501; 502; 503; 504", NULL);
        route->verb = s->verb_text;
        route->answers = s->answers;
        route->role = verb->role;
        if (!route->summary)
                route->summary = verb->summary;
}

void tb_api_add_interface_routes(TbApi *api, const TbApiRoute *routes)
{
        for (; routes->route.method; routes++) {
                TbApiRouteState *s = add(api, routes->kind, &routes->route, routes->call);
                if (routes->op)
                        take_row(s, tb_core_verb(routes->kind, routes->op));
                tb_http_add_routes(api->http, s->table, s);
        }
}

static bool in_path(const char *path, const char *name)
{
        g_autofree char *segment = g_strdup_printf("{%s}", name);
        return strstr(path, segment) != NULL;
}

/* The verb's parameters that are not in the path. */
static TbParam *params_beside_path(const TbVerb *verb)
{
        guint n = 0, used = 0;
        while (verb->params && verb->params[n].name)
                n++;
        TbParam *params = g_new0(TbParam, n + 1);
        for (guint i = 0; i < n; i++)
                if (!in_path(verb->path, verb->params[i].name))
                        params[used++] = verb->params[i];
        return params;
}

static void call_device(TbRequest *request, gpointer data)
{
        const TbApiRouteState *s = data;
        s->call(s->api, request, NULL, s->verb);
}

static TbApiRouteState *add_of_device(TbApi *api, const char *noun, const TbRoute *route, TbApiCall target)
{
        TbApiRouteState *s = g_new0(TbApiRouteState, 1);
        s->api = api;
        s->call = target;
        s->tag = g_strconcat(noun, "s", NULL);
        s->table[0] = *route;
        s->table[0].handler = call_device;
        s->table[0].tag = s->tag;
        g_ptr_array_add(api->routes, s);
        return s;
}

void tb_api_add_verb_route(TbApi *api, const TbVerb *verb, TbBodyKind body, TbApiCall target)
{
        bool in_query = body == TB_BODY_NONE || body == TB_BODY_STREAM || body == TB_BODY_BYTES;
        TbRoute route = {.method = verb->method, .path = verb->path, .body = body};
        TbApiRouteState *s = verb->noun ? add_of_device(api, verb->noun, &route, target)
                                        : add(api, verb->kind, &route, target);
        take_row(s, verb);
        if (in_query && verb->noun)
                s->table[0].query = NULL; /* any is ignored */
        else if (in_query)
                s->table[0].query = s->query = params_beside_path(verb);
        else if (body == TB_BODY_JSON)
                s->table[0].json = s->json = params_beside_path(verb);
        tb_http_add_routes(api->http, s->table, s);
}

/* --- what is not there --- */
/* "/cycle" fits "/cycle", "/org.example.app/start" fits "/{package}/start" */
static bool suffix_fits(const char *pattern, const char *suffix)
{
        g_auto(GStrv) want = g_strsplit(pattern, "/", -1), have = g_strsplit(suffix, "/", -1);
        if (g_strv_length(want) != g_strv_length(have))
                return false;
        for (guint i = 0; want[i]; i++)
                if (want[i][0] != '{' && strcmp(want[i], have[i]) != 0)
                        return false;
        return true;
}

static void describe(TbInterface *iface, gpointer user)
{
        GString *s = user;
        g_string_append_printf(s, "%s%s (%s)", s->len ? ", " : "", tb_interface_name(iface),
                               tb_kind_name(tb_interface_kind(iface)));
}

static char *methods_at(TbApi *api, TbKind kind, const char *suffix)
{
        GString *s = g_string_new(NULL);
        for (guint i = 0; i < api->routes->len; i++) {
                const TbApiRouteState *r = g_ptr_array_index(api->routes, i);
                if (r->suffix && r->kind == kind && suffix_fits(r->suffix, suffix) &&
                    !strstr(s->str, r->table[0].method))
                        g_string_append_printf(s, "%s%s", s->len ? ", " : "", r->table[0].method);
        }
        return g_string_free(s, FALSE);
}

static char *kinds_with(TbApi *api, const char *suffix)
{
        GString *s = g_string_new(NULL);
        for (guint i = 0; i < api->routes->len; i++) {
                const TbApiRouteState *r = g_ptr_array_index(api->routes, i);
                const char *name = tb_kind_name(r->kind);
                if (r->suffix && r->suffix[0] && !strchr(r->suffix, '{') && suffix_fits(r->suffix, suffix) &&
                    !strstr(s->str, name))
                        g_string_append_printf(s, "%s%s", s->len ? ", " : "", name);
        }
        return g_string_free(s, FALSE);
}

static void refuse(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        const char *rest = tb_request_arg(request, "rest");
        g_autofree char *suffix = rest ? g_strconcat("/", rest, NULL) : g_strdup("");
        TbInterface *iface = tb_core_interface(api->core, tb_request_arg(request, "id"),
                                               tb_request_arg(request, "interface"), &error);
        if (!iface) {
                tb_request_reply_error(request, error);
                return;
        }
        const char *kind = tb_kind_name(tb_interface_kind(iface));
        g_autofree char *methods = methods_at(api, tb_interface_kind(iface), suffix);
        GString *has = g_string_new(NULL);
        tb_device_each_interface(tb_interface_device(iface), describe, has);
        g_autofree char *has_text = g_string_free(has, FALSE);
        if (*methods) {
                tb_request_add_header(request, "Allow", methods);
                tb_set_error(&error, TB_ERROR_METHOD,
                             "%s is a %s interface: %s is not possible here; allowed: %s; %s has %s",
                             tb_interface_id(iface), kind, tb_request_method(request), methods,
                             tb_request_arg(request, "id"), has_text);
        } else {
                g_autofree char *kinds = kinds_with(api, suffix);
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "%s is a %s interface: it has no %s%s%s; %s has %s",
                             tb_interface_id(iface), kind, suffix, *kinds ? ", which is for " : "", kinds,
                             tb_request_arg(request, "id"), has_text);
        }
        tb_request_reply_error(request, error);
}

void tb_api_add_refusals(TbApi *api)
{
#define REFUSE(m)                                                                                            \
        {.method = m,                                                                                        \
         .path = BASE,                                                                                       \
         .role = TB_ROLE_VIEWER,                                                                             \
         .flags = TB_ROUTE_HIDDEN,                                                                           \
         .body = TB_BODY_STREAM,                                                                             \
         .handler = refuse},                                                                                 \
        {                                                                                                    \
                .method = m, .path = BASE "/{rest...}", .role = TB_ROLE_VIEWER, .flags = TB_ROUTE_HIDDEN,    \
                .body = TB_BODY_STREAM, .handler = refuse                                                    \
        }
        static const TbRoute routes[] = {REFUSE("GET"),   REFUSE("POST"),   REFUSE("PUT"),
                                         REFUSE("PATCH"), REFUSE("DELETE"), {.method = NULL}};
        tb_http_add_routes(api->http, routes, api);
}
