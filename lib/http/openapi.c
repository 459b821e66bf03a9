#include <string.h>

#include "lib/http/private.h"
#include "lib/json.h"
#include "lib/limits.h"

static const char *shown_path(const TbRoute *route)
{
        return route->shown ? route->shown : route->path;
}

static json_t *path_parameters(const TbPath *path, const char *shown)
{
        json_t *list = json_array();
        for (guint i = 0; i < path->n; i++) {
                const TbSegment *s = &path->segments[i];
                if (!s->is_param)
                        continue;
                g_autofree char *name = g_strndup(s->text, s->size);
                g_autofree char *segment = g_strdup_printf("{%s", name);
                if (!strstr(shown, segment))
                        continue;
                json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", "path",
                                                      "required", 1, "schema", "type", "string"));
        }
        return list;
}

static void add_query(json_t *list, const TbParam *params)
{
        json_t *schema = tb_params_schema(params), *properties = json_object_get(schema, "properties"),
               *value;
        const char *name;
        json_object_foreach (properties, name, value) {
                json_t *o = json_pack("{s:s, s:s, s:O}", "name", name, "in", "query", "schema", value);
                json_t *help = json_object_get(value, "description");
                if (help)
                        json_object_set(o, "description", help);
                for (const TbParam *p = params; p->name; p++)
                        if (p->required && strcmp(p->name, name) == 0)
                                json_object_set_new(o, "required", json_true());
                json_array_append_new(list, o);
        }
        json_decref(schema);
}

static json_t *request_body(const TbRoute *route)
{
        json_t *schema = json_object();
        const char *type = route->body_type ? route->body_type : "application/octet-stream";
        switch (route->body) {
        case TB_BODY_NONE: json_decref(schema); return NULL;
        case TB_BODY_JSON:
                if (route->json)
                        json_object_update_new(schema, tb_params_schema(route->json));
                if (route->flags & TB_ROUTE_FOREIGN)
                        json_object_set_new(schema, "additionalProperties", json_true());
                type = "application/json";
                break;
        case TB_BODY_JSON_ANY: type = "application/json"; break;
        case TB_BODY_BYTES:
        case TB_BODY_STREAM: json_object_set_new(schema, "type", json_string("string")); break;
        }
        return json_pack("{s:{s:{s:o}}}", "content", type, "schema", schema);
}

static void add_problem(json_t *out, int status)
{
        g_autofree char *text = g_strdup_printf("%d", status);
        if (!json_object_get(out, text))
                json_object_set_new(out, text,
                                    json_pack("{s:s, s:{s:{s:{s:s}}}}", "description",
                                              tb_status_title(status), "content", "application/problem+json",
                                              "schema", "$ref", "#/components/schemas/Problem"));
}

/* What this room refuses before a handler is asked: broken targets, queries and bodies, who asks, how often. */
static void add_common(json_t *out, const TbHttp *http, const TbHttpRoute *entry)
{
        const TbRoute *route = entry->route;
        add_problem(out, 400);
        if (route->role > TB_ROLE_NONE)
                add_problem(out, 401);
        if (route->role > TB_ROLE_NONE || route->body != TB_BODY_NONE || route->flags & TB_ROUTE_UNSAFE)
                add_problem(out, 403);
        for (guint i = 0; i < entry->path.n; i++)
                if (entry->path.segments[i].is_param)
                        add_problem(out, 404);
        if (route->body != TB_BODY_NONE && route->body != TB_BODY_STREAM)
                add_problem(out, 413);
        if (route->body == TB_BODY_JSON || route->body == TB_BODY_JSON_ANY)
                add_problem(out, 415);
        if (http->rates)
                add_problem(out, 429);
        add_problem(out, 421);
        add_problem(out, 503);
}

/* "200 application/json DeviceList; 404; 423" */
static json_t *responses(const TbHttp *http, const TbHttpRoute *entry)
{
        const TbRoute *route = entry->route;
        json_t *out = json_object();
        g_auto(GStrv) parts = g_strsplit(route->answers ? route->answers : "200 application/json", ";", 0);
        for (char **p = parts; *p; p++) {
                g_auto(GStrv) words = g_strsplit(g_strstrip(*p), " ", 3);
                if (!words[0] || !*words[0])
                        continue;
                int status = (int)g_ascii_strtoll(words[0], NULL, 10);
                if (status >= 400) {
                        add_problem(out, status);
                        continue;
                }
                json_t *other = json_object_get(json_object_get(out, words[0]), "content");
                if (other && words[1]) { /* as the client's Accept has it */
                        json_object_set_new(other, words[1], json_object());
                        continue;
                }
                json_t *answer = json_pack("{s:s}", "description", words[1] && words[2] ? words[2] : "OK");
                if (words[1])
                        json_object_set_new(answer, "content", json_pack("{s:{}}", words[1]));
                json_object_set_new(out, words[0], answer);
        }
        add_common(out, http, entry);
        if (!json_object_get(out, "default"))
                json_object_set_new(out, "default",
                                    json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", "What went wrong",
                                              "content", "application/problem+json", "schema", "$ref",
                                              "#/components/schemas/Problem"));
        return out;
}

static char *operation_id(const char *path, const char *method)
{
        GString *id = g_string_new(method);
        for (const char *p = path; *p; p++) {
                if (g_ascii_isalnum(*p))
                        g_string_append_c(id, *p);
                else if (id->str[id->len - 1] != '_')
                        g_string_append_c(id, '_');
        }
        return g_string_free(id, FALSE);
}

static json_t *operation(const TbHttp *http, const TbHttpRoute *entry, const char *method)
{
        const TbRoute *route = entry->route;
        g_autofree char *id = operation_id(shown_path(route), method);
        json_t *parameters = path_parameters(&entry->path, shown_path(route)), *body = request_body(route);
        if (route->query)
                add_query(parameters, route->query);
        json_t *o = json_pack("{s:s, s:s, s:o}", "operationId", id, "summary",
                              route->summary ? route->summary : "", "responses", responses(http, entry));
        if (route->tag)
                json_object_set_new(o, "tags", json_pack("[s]", route->tag));
        if (json_array_size(parameters) > 0)
                json_object_set(o, "parameters", parameters);
        json_decref(parameters);
        if (body)
                json_object_set_new(o, "requestBody", body);
        json_object_set_new(o, "x-role", json_string(tb_role_name(route->role)));
        if (route->role > TB_ROLE_NONE)
                json_object_set_new(o, "security", json_pack("[{s:[]},{s:[]}]", "bearer", "access_token"));
        if (route->verb)
                json_object_set_new(o, "x-verb", json_string(route->verb));
        if (route->flags & TB_ROUTE_WEBSOCKET)
                json_object_set_new(o, "x-websocket", json_true());
        return o;
}

static void add_operation(const TbHttp *http, json_t *paths, const TbHttpRoute *entry, const char *method)
{
        g_autofree char *lower = g_ascii_strdown(method, -1);
        g_auto(GStrv) halves = g_strsplit(shown_path(entry->route), "...}",
                                          2); /* OpenAPI has no tails: "{path...}" is shown as "{path}" */
        g_autofree char *path =
                halves[1] ? g_strconcat(halves[0], "}", halves[1], NULL) : g_strdup(shown_path(entry->route));
        json_t *item = json_object_get(paths, path);
        if (!item) {
                item = json_object();
                json_object_set_new(paths, path, item);
        }
        if (!json_object_get(item, lower)) /* a WebSocket and a plain GET share one entry */
                json_object_set_new(item, lower, operation(http, entry, lower));
}

json_t *tb_http_openapi(TbHttp *http, const char *title, const char *description, const char *root)
{
        static const char *const all[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
        json_t *paths = json_object();
        for (guint i = 0; i < http->routes->len; i++) {
                const TbHttpRoute *entry = g_ptr_array_index(http->routes, i);
                if (entry->route->flags & TB_ROUTE_HIDDEN)
                        continue;
                bool any = strcmp(entry->route->method, "*") == 0;
                for (gsize j = 0; j < G_N_ELEMENTS(all); j++)
                        if (any || strcmp(entry->route->method, all[j]) == 0)
                                add_operation(http, paths, entry, all[j]);
        }
        json_t *problem =
                json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}, s:[s,s]}", "type",
                          "object", "properties", "type", "type", "string", "title", "type", "string",
                          "status", "type", "integer", "detail", "type", "string", "field", "type", "string",
                          "requestId", "type", "string", "required", "title", "status");
        const char *version = strchr(http->server_header, '/') + 1;
        return json_pack(
                "{s:s, s:{s:s, s:s, s:s}, s:[{s:s}], s:o, s:{s:{s:o}, s:{s:{s:s, s:s}, s:{s:s, s:s, s:s}}}}",
                "openapi", "3.1.0", "info", "title", title, "version", version, "description",
                description ? description : "", "servers", "url", root, "paths", paths, "components",
                "schemas", "Problem", problem, "securitySchemes", "bearer", "type", "http", "scheme",
                "bearer", "access_token", "type", "apiKey", "in", "query", "name", "access_token");
}

/* Routes do not change once there is somebody to ask: it is made once, and all have the same bytes. */
void tb_http_reply_openapi(TbRequest *request, const char *title, const char *description, const char *root)
{
        TbHttp *http = request->http;
        if (!http->openapi) {
                json_auto_t *all = tb_http_openapi(http, title, description, root);
                gsize size;
                char *text = tb_json_text(all, &size);
                http->openapi = g_bytes_new_take(text, size);
        }
        tb_request_add_header(request, "Cache-Control", "no-store");
        tb_request_reply_shared(request, 200, "application/json", http->openapi);
}
