#include "server/config.h"

#include <gio/gio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/pages.h"
#include "lib/param.h"
#include "lib/yaml.h"

#define DEFAULT_FILE "/etc/testbed/server.yaml"

typedef struct Load {
        TbServerConfig *config; /* borrowed */
        TbYaml *yaml;           /* borrowed; NULL: no file */
        GString *problems;      /* owned */
} Load;

static const TbParam top_params[] = {
        {.name = "address",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 64,
         .help = "listen address; default 127.0.0.1"},
        {.name = "port",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 65535,
         .fallback = "5109",
         .help = "0: any free one"},
        {.name = "url",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 1024,
         .help = "how clients reach the server, with its path prefix"},
        {.name = "web", .type = TB_PARAM_STRING, .min = 1, .max = 4096, .help = "folder of the pages"},
        {.name = "names",
         .type = TB_PARAM_ARRAY,
         .max = 64,
         .fallback = "[]",
         .help = "further names in Host"},
        {.name = "frontends",
         .type = TB_PARAM_ARRAY,
         .max = 64,
         .fallback = "[]",
         .help = "foreign origins that may use the API"},
        {.name = "tokens",
         .type = TB_PARAM_ARRAY,
         .max = 1000,
         .fallback = "[]",
         .help = "[{name, role, token}]: users"},
        {.name = "hosts",
         .type = TB_PARAM_ARRAY,
         .max = TB_LIMIT_HOSTS,
         .fallback = "[]",
         .help = "[{name, token}]: who may be a host"},
        {.name = "stun", .type = TB_PARAM_ARRAY, .max = 16, .fallback = "[]", .help = "STUN servers"},
        {.name = "turn", .type = TB_PARAM_OBJECT, .fallback = "{}", .help = "servers, secret, ttl_s"},
        {.name = "log_level",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("error", "warning", "info", "debug"),
         .fallback = "\"info\"",
         .help = "least level"},
        {.name = "insecure",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "allow other addresses without tokens"},
        {.name = "sessions_per_minute",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 100000,
         .fallback = G_STRINGIFY(TB_LIMIT_SESSIONS_PER_MINUTE),
         .help = "per address"},
        TB_PARAM_END,
};

static const TbParam token_params[] = {
        {.name = "name",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "who it is"},
        {.name = "role",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("viewer", "operator", "admin"),
         .fallback = "\"operator\"",
         .help = "what it may"},
        {.name = "token",
         .type = TB_PARAM_SECRET,
         .required = true,
         .min = 16,
         .max = 256,
         .help = "at least 16 characters"},
        TB_PARAM_END,
};

static const TbParam host_params[] = {
        {.name = "name",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "the host's name"},
        {.name = "token",
         .type = TB_PARAM_SECRET,
         .required = true,
         .min = 16,
         .max = 256,
         .help = "at least 16 characters"},
        TB_PARAM_END,
};

static const TbParam turn_params[] = {
        {.name = "servers",
         .type = TB_PARAM_ARRAY,
         .max = 16,
         .fallback = "[]",
         .help = "turn:host:port?transport=udp"},
        {.name = "secret",
         .type = TB_PARAM_SECRET,
         .min = 1,
         .max = 256,
         .help = "coturn's static-auth-secret"},
        {.name = "ttl_s",
         .type = TB_PARAM_INT,
         .min = 60,
         .max = 7 * 86400,
         .fallback = "86400",
         .unit = "s",
         .help = "life of a credential"},
        TB_PARAM_END,
};

G_GNUC_PRINTF(4, 5) static void problem(Load *l, json_t *section, const char *field, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        int line = 0;
        if (l->yaml && section) {
                line = field ? tb_yaml_field_line(l->yaml, section, field) : 0;
                if (line == 0)
                        line = tb_yaml_line(l->yaml, section);
        }
        if (l->problems->len)
                g_string_append_c(l->problems, '\n');
        if (l->yaml)
                g_string_append_printf(l->problems, "%s:%d: ", tb_yaml_name(l->yaml), MAX(line, 1));
        g_string_append(l->problems, text);
}

/* Checks one section field by field, so that each problem is told and not the first only. The result has
 * every default; new reference. */
static json_t *section(Load *l, const TbParam *params, json_t *in, const char *path)
{
        json_t *out = json_object();
        const char *name;
        json_t *value;
        if (in && !json_is_object(in))
                problem(l, in, NULL, "%s must be a mapping", path);
        json_object_foreach (in, name, value) {
                json_auto_t *one = json_pack("{s:O}", name, value);
                g_autoptr(GError) error = NULL;
                TbParam table[2] = {{.name = NULL}, {.name = NULL}};
                for (const TbParam *p = params; p->name; p++)
                        if (strcmp(p->name, name) == 0)
                                table[0] = *p;
                json_auto_t *checked = tb_params_validate(table[0].name ? table : params, one, &error);
                if (error)
                        problem(l, in, name, "%s%s%s", path, *path ? ": " : "", tb_error_detail(error));
                else
                        json_object_set(out, name, json_object_get(checked, name));
        }
        for (const TbParam *p = params; p->name; p++) {
                if (json_object_get(out, p->name) || json_object_get(in, p->name))
                        continue;
                if (p->required)
                        problem(l, in, NULL, "%s: %s is missing (%s)", path, p->name, p->help);
                else if (p->fallback)
                        json_object_set_new(out, p->name, json_loads(p->fallback, JSON_DECODE_ANY, NULL));
        }
        return out;
}

static char **strings(Load *l, json_t *list, const char *path)
{
        g_autoptr(GPtrArray) out = g_ptr_array_new_with_free_func(g_free);
        gsize i;
        json_t *value;
        json_array_foreach (list, i, value) {
                if (json_is_string(value))
                        g_ptr_array_add(out, g_strdup(json_string_value(value)));
                else
                        problem(l, list, NULL, "%s[%zu] must be a string", path, i);
        }
        g_ptr_array_add(out, NULL);
        return (char **)g_ptr_array_steal(out, NULL);
}

static char **ice_uris(Load *l, json_t *list, const char *path, const char *scheme)
{
        g_auto(GStrv) raw = strings(l, list, path);
        g_autofree char *joined = g_strjoinv(",", raw);
        return tb_ice_split(joined, scheme);
}

static void read_tokens(Load *l, json_t *list, const char *what, const TbParam *params, TbAuth *auth)
{
        gsize i;
        json_t *node;
        json_array_foreach (list, i, node) {
                g_autofree char *path = g_strdup_printf("%s[%zu]", what, i);
                json_auto_t *t = section(l, params, node, path);
                const char *name = json_string_value(json_object_get(t, "name")),
                           *token = json_string_value(json_object_get(t, "token"));
                TbRole role = TB_ROLE_OPERATOR;
                tb_role_parse(json_string_value(json_object_get(t, "role")), &role);
                g_autoptr(GError) error = NULL;
                if (name && token && !tb_auth_add(auth, name, token, role, &error))
                        problem(l, node, "token", "%s: %s", path, error->message);
        }
}

static void read_file(Load *l)
{
        TbServerConfig *c = l->config;
        json_t *root = l->yaml ? tb_yaml_root(l->yaml) : NULL;
        json_auto_t *top = section(l, top_params, root, "");
        json_auto_t *turn = section(l, turn_params, json_object_get(root, "turn"), "turn");
        c->address = g_strdup(json_string_value(json_object_get(top, "address")));
        c->port = (guint16)json_integer_value(json_object_get(top, "port"));
        c->url = g_strdup(json_string_value(json_object_get(top, "url")));
        c->web_dir = g_strdup(json_string_value(json_object_get(top, "web")));
        c->names = strings(l, json_object_get(top, "names"), "names");
        c->origins = strings(l, json_object_get(top, "frontends"), "frontends");
        c->insecure = json_is_true(json_object_get(top, "insecure"));
        c->sessions_per_minute = (guint)json_integer_value(json_object_get(top, "sessions_per_minute"));
        tb_log_level_parse(json_string_value(json_object_get(top, "log_level")), &c->log_level);
        c->ice.stun = ice_uris(l, json_object_get(top, "stun"), "stun", "stun");
        c->ice.turn = ice_uris(l, json_object_get(turn, "servers"), "turn.servers", "turn");
        c->ice.secret = g_strdup(json_string_value(json_object_get(turn, "secret")));
        c->ice.ttl_s = (int)json_integer_value(json_object_get(turn, "ttl_s"));
        read_tokens(l, json_object_get(top, "tokens"), "tokens", token_params, c->auth);
        read_tokens(l, json_object_get(top, "hosts"), "hosts", host_params, c->hosts);
}

/* --- environment --- */
static bool env_string(char **field, const char *name)
{
        const char *value = g_getenv(name);
        if (!value || !*value)
                return false;
        g_free(*field);
        *field = g_strdup(value);
        return true;
}

static void env_list(char ***field, const char *name, const char *scheme)
{
        const char *value = g_getenv(name);
        if (!value || !*value)
                return;
        g_strfreev(*field);
        *field = tb_ice_split(value, scheme);
}

static void read_environment(Load *l)
{
        TbServerConfig *c = l->config;
        const char *level = g_getenv("LOG_LEVEL"), *debug = g_getenv("DEBUG"),
                   *token = g_getenv("TESTBED_TOKEN"), *front = g_getenv("FRONTEND_URL");
        g_autoptr(GError) error = NULL;
        env_string(&c->url, "SERVER_URL");
        env_list(&c->ice.stun, "WEBRTC_STUN_SERVERS", "stun");
        env_list(&c->ice.turn, "WEBRTC_TURN_SERVERS", "turn");
        env_string(&c->ice.secret, "WEBRTC_TURN_SECRET");
        if (front && *front) {
                g_strfreev(c->origins);
                c->origins = g_strsplit_set(front, ", ", 0);
        }
        if (debug && *debug && strcmp(debug, "0") != 0 && strcmp(debug, "false") != 0)
                c->log_level = TB_LOG_DEBUG;
        if (level && *level && !tb_log_level_parse(level, &c->log_level))
                problem(l, NULL, NULL, "LOG_LEVEL: \"%s\" is none of error, warning, info, debug", level);
        if (token && *token && !tb_auth_add(c->auth, "TESTBED_TOKEN", token, TB_ROLE_ADMIN, &error))
                problem(l, NULL, NULL, "TESTBED_TOKEN: %s", error->message);
}

static bool is_loopback(const char *address)
{
        g_autoptr(GInetAddress) a = g_inet_address_new_from_string(address);
        return a ? g_inet_address_get_is_loopback(a) : strcmp(address, "localhost") == 0;
}

static void add_name(TbServerConfig *c, const char *name)
{
        guint n = g_strv_length(c->names);
        c->names = g_renew(char *, c->names, n + 2);
        c->names[n] = g_ascii_strdown(name, -1);
        c->names[n + 1] = NULL;
}

static void finish(Load *l)
{
        TbServerConfig *c = l->config;
        if (!c->address)
                c->address = g_strdup("127.0.0.1");
        if (!c->web_dir)
                c->web_dir = tb_pages_dir();
        if (c->url) {
                g_autoptr(GUri) uri = g_uri_parse(c->url, G_URI_FLAGS_NONE, NULL);
                bool http = uri && (strcmp(g_uri_get_scheme(uri), "http") == 0 ||
                                    strcmp(g_uri_get_scheme(uri), "https") == 0);
                if (!http || !g_uri_get_host(uri) || !*g_uri_get_host(uri))
                        problem(l, l->yaml ? tb_yaml_root(l->yaml) : NULL, "url",
                                "url must be an http:// or https:// address, got \"%s\"", c->url);
                else
                        add_name(c, g_uri_get_host(uri));
                while (g_str_has_suffix(c->url, "/"))
                        c->url[strlen(c->url) - 1] = '\0';
        }
        for (char **o = c->origins; *o; o++)
                while (g_str_has_suffix(*o, "/"))
                        (*o)[strlen(*o) - 1] = '\0';
        if (c->ice.turn[0] && !c->ice.secret)
                problem(l, l->yaml ? tb_yaml_root(l->yaml) : NULL, "turn",
                        "turn: a secret is needed (coturn's static-auth-secret)");
        if (!is_loopback(c->address) && tb_auth_is_open(c->auth) && !c->insecure)
                problem(l, l->yaml ? tb_yaml_root(l->yaml) : NULL, "address",
                        "listening on %s without a token would give everybody control: add \"tokens\" to the "
                        "configuration, listen on 127.0.0.1, or say "
                        "--insecure",
                        c->address);
}

TbServerConfig *tb_server_config_load(const char *file, bool insecure, GError **error)
{
        g_autoptr(TbServerConfig) config = g_new0(TbServerConfig, 1);
        g_autoptr(TbYaml) yaml = NULL;
        config->auth = tb_auth_new();
        config->hosts = tb_auth_new();
        config->log_level = TB_LOG_INFO;
        if (!file && g_file_test(DEFAULT_FILE, G_FILE_TEST_EXISTS))
                file = DEFAULT_FILE;
        if (file) {
                yaml = tb_yaml_load(file, error);
                if (!yaml)
                        return NULL;
        }
        Load l = {.config = config, .yaml = yaml, .problems = g_string_new(NULL)};
        read_file(&l);
        config->insecure |= insecure;
        read_environment(&l);
        finish(&l);
        g_autofree char *problems = g_string_free(l.problems, FALSE);
        if (*problems) {
                g_set_error_literal(error, TB_ERROR, TB_ERROR_INVALID, problems);
                return NULL;
        }
        return g_steal_pointer(&config);
}

void tb_server_config_free(TbServerConfig *config)
{
        if (!config)
                return;
        g_free(config->address);
        g_free(config->url);
        g_free(config->web_dir);
        g_strfreev(config->names);
        g_strfreev(config->origins);
        tb_auth_unref(config->auth);
        tb_auth_unref(config->hosts);
        tb_ice_config_clear(&config->ice);
        g_free(config);
}
