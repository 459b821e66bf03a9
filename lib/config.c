#include "lib/config.h"

#include <gio/gio.h>

#include <string.h>

#include "lib/error.h"
#include "lib/http/grants.h"
#include "lib/limits.h"
#include "lib/net.h"
#include "lib/text.h"
#include "lib/uri.h"

bool tb_config_open(TbConfigReader *r, const char *file, const char *fallback, GError **error)
{
        if (!file && g_file_test(fallback, G_FILE_TEST_EXISTS))
                file = fallback;
        if (file && !(r->yaml = tb_yaml_load(file, error)))
                return false;
        r->empty = json_object();
        r->problems = g_string_new(NULL);
        return true;
}

void tb_config_clear(TbConfigReader *r)
{
        g_clear_pointer(&r->yaml, tb_yaml_free);
        g_clear_pointer(&r->empty, json_decref);
        if (r->problems)
                g_string_free(r->problems, TRUE);
        r->problems = NULL;
}

json_t *tb_config_root(TbConfigReader *r)
{
        return r->yaml ? tb_yaml_root(r->yaml) : r->empty;
}

const char *tb_config_file(const TbConfigReader *r)
{
        return r->yaml ? tb_yaml_name(r->yaml) : NULL;
}

/* One more line of problems, up to its words. */
static GString *begin(TbConfigReader *r)
{
        if (r->problems->len)
                g_string_append_c(r->problems, '\n');
        return r->problems;
}

void tb_config_problem(TbConfigReader *r, const json_t *node, const char *field, const char *path,
                       const char *format, ...)
{
        GString *out = begin(r);
        if (r->yaml) {
                int line = node && field ? tb_yaml_field_line(r->yaml, node, field) : 0;
                if (line == 0 && node)
                        line = tb_yaml_line(r->yaml, node);
                g_string_append_printf(out, "%s:", tb_yaml_name(r->yaml));
                if (line > 0)
                        g_string_append_printf(out, "%d:", line);
                g_string_append_c(out, ' ');
        }
        if (*path)
                g_string_append_printf(out, "%s: ", path);
        va_list args;
        va_start(args, format);
        g_string_append_vprintf(out, format, args);
        va_end(args);
}

void tb_config_env_problem(TbConfigReader *r, const char *name, const char *format, ...)
{
        GString *out = begin(r);
        g_string_append_printf(out, "environment: %s: ", name);
        va_list args;
        va_start(args, format);
        g_string_append_vprintf(out, format, args);
        va_end(args);
}

bool tb_config_done(TbConfigReader *r, GError **error)
{
        if (r->problems->len == 0)
                return true;
        tb_set_error(error, TB_ERROR_INVALID, "%s", r->problems->str);
        return false;
}

static json_t *defaults(const TbParam *params)
{
        json_t *out = json_object();
        for (const TbParam *p = params; p->name; p++)
                if (p->fallback)
                        json_object_set_new(out, p->name, json_loads(p->fallback, JSON_DECODE_ANY, NULL));
        return out;
}

/* A bad field is taken out and the rest is validated again, so that the next problem is found too. */
json_t *tb_config_section(TbConfigReader *r, const TbParam *params, json_t *node, const char *path)
{
        if (node && !json_is_object(node)) {
                tb_config_problem(r, node, NULL, path, "%s must be a mapping", *path ? "this" : "the file");
                return defaults(params);
        }
        json_auto_t *rest = node ? json_copy(node) : json_object();
        for (;;) {
                g_autoptr(GError) error = NULL;
                json_t *valid = tb_params_validate(params, rest, &error);
                if (valid)
                        return valid;
                const char *field = tb_error_field(error);
                bool here = field && json_object_get(rest, field);
                if (here || !field || !json_object_get(node, field)) { /* else it was told and taken out */
                        g_autofree char *where = *path && field ? g_strdup_printf("%s.%s", path, field)
                                                                : g_strdup(field ? field : path);
                        tb_config_problem(r, node, field, where, "%s", tb_error_detail(error));
                }
                if (!here)
                        return defaults(params); /* something is missing */
                json_object_del(rest, field);
        }
}

char *tb_config_string(const json_t *section, const char *field)
{
        return g_strdup(json_string_value(json_object_get(section, field)));
}

char **tb_config_strings(TbConfigReader *r, const json_t *list, const char *path)
{
        g_autoptr(GStrvBuilder) out = g_strv_builder_new();
        const json_t *item;
        size_t i;
        json_array_foreach (list, i, item) {
                if (json_is_string(item))
                        g_strv_builder_add(out, json_string_value(item));
                else
                        tb_config_problem(r, json_is_object(item) ? item : list, NULL, path,
                                          "entry %zu must be a string", i);
        }
        return g_strv_builder_end(out);
}

static bool has_scheme(const char *uri, const char *scheme)
{
        gsize n = strlen(scheme);
        return strncmp(uri, scheme, n) == 0 && (uri[n] == ':' || (uri[n] == 's' && uri[n + 1] == ':'));
}

/* "host" or "host:port", as far as it can be told from a URI: what stands before the colon is no scheme */
static bool is_bare(const char *text)
{
        static const char *const schemes[] = {"stun", "turn", NULL};
        for (const char *const *s = schemes; *s; s++)
                if (has_scheme(text, *s))
                        return false;
        return *text && !strpbrk(text, "/?# \t");
}

/* `node`, `path`: whom to blame; without a node `path` is a variable */
static void add_ice(TbConfigReader *r, GStrvBuilder *out, const char *text, const char *scheme,
                    const json_t *node, const char *path)
{
        g_autofree char *full = is_bare(text) ? g_strconcat(scheme, ":", text, NULL) : g_strdup(text);
        if (has_scheme(full, scheme))
                g_strv_builder_add(out, full);
        else if (node)
                tb_config_problem(r, node, NULL, path, "\"%s\" is not like %s:host:3478", text, scheme);
        else
                tb_config_env_problem(r, path, "\"%s\" is not like %s:host:3478", text, scheme);
}

char **tb_config_ice(TbConfigReader *r, const json_t *list, const char *path, const char *scheme)
{
        g_auto(GStrv) texts = tb_config_strings(r, list, path);
        g_autoptr(GStrvBuilder) out = g_strv_builder_new();
        for (char **t = texts; *t; t++)
                add_ice(r, out, *t, scheme, list, path);
        return g_strv_builder_end(out);
}

/* Where a token holds: "devices" of its entry. */
static void limit_token(TbConfigReader *r, const json_t *node, const json_t *devices, const char *where,
                        const char *token, TbRole role, TbAuth *auth)
{
        g_autofree char *path = g_strconcat(where, ".devices", NULL);
        g_auto(GStrv) patterns = tb_config_strings(r, devices, path);
        g_autoptr(TbGrants) grants = tb_grants_new();
        for (char **p = patterns; *p; p++) {
                if (tb_grants_pattern_valid(*p))
                        tb_grants_add(grants, *p, role);
                else
                        tb_config_problem(r, node, "devices", path, "\"%s\" must be %s", *p,
                                          TB_GRANT_PATTERN_RULE);
        }
        tb_auth_limit(auth, token, grants);
}

void tb_config_tokens(TbConfigReader *r, const json_t *list, const char *path, const TbParam *params,
                      TbRole role, TbAuth *auth)
{
        size_t i;
        json_t *node;
        json_array_foreach (list, i, node) {
                g_autofree char *where = g_strdup_printf("%s[%zu]", path, i);
                json_auto_t *t = tb_config_section(r, params, node, where);
                const char *name = json_string_value(json_object_get(t, "name")),
                           *token = json_string_value(json_object_get(t, "token")),
                           *said = json_string_value(json_object_get(t, "role"));
                TbRole its = role;
                g_autoptr(GError) error = NULL;
                if (said && !tb_role_parse(said, &its))
                        continue;
                const json_t *devices = json_object_get(t, "devices");
                g_autofree char *shown = name ? tb_text_line(name, TB_LIMIT_URI) : NULL;
                if (name && strcmp(shown, name) != 0)
                        tb_config_problem(r, node, "name", where,
                                          "a name is one line of readable characters: pages show it");
                else if (name && token && !tb_auth_add(auth, name, token, its, &error))
                        tb_config_problem(r, node, NULL, where, "%s", tb_error_detail(error));
                else if (name && token && devices)
                        limit_token(r, node, devices, where, token, its, auth);
        }
}

void tb_config_listen(TbConfigReader *r, const json_t *section, char **address, guint16 *port)
{
        json_t *root = tb_config_root(r);
        const json_t *listen = json_object_get(section, "listen");
        g_autofree char *text = json_is_integer(listen)
                                        ? g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(listen))
                                        : g_strdup(json_string_value(listen)),
                        *at = NULL;
        g_autoptr(GError) error = NULL;
        if (!listen)
                return;
        if (json_object_get(root, "address") || json_object_get(root, "port"))
                tb_config_problem(r, root, "listen", "listen", "say either this or \"address\" and \"port\"");
        else if (text && g_hostname_is_ip_address(text))
                at = g_strdup(text);
        else if (!text || !tb_net_endpoint_parse(text, &at, port, &error))
                tb_config_problem(r, root, "listen", "listen",
                                  "an address, a port or \"ADDRESS:PORT\" is expected: 0.0.0.0:5109");
        if (at) {
                g_free(*address);
                *address = g_steal_pointer(&at);
        }
}

bool tb_config_url(TbConfigReader *r, const json_t *node, const char *field, const char *path,
                   const char *url)
{
        g_autoptr(GUri) uri = url ? g_uri_parse(url, G_URI_FLAGS_NONE, NULL) : NULL;
        const char *scheme = uri ? g_uri_get_scheme(uri) : "", *host = uri ? g_uri_get_host(uri) : NULL;
        bool good = host && *host && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
        for (const char *c = host; good && *c; c++) /* GLib takes what no name has */
                good = !g_ascii_isspace(*c) && !g_ascii_iscntrl(*c) && !strchr("\"'<>\\^`{|}", *c);
        if (!url || (good && !g_uri_get_userinfo(uri)))
                return true;
        g_autofree char *shown = tb_uri_shown(url);
        tb_config_problem(r, node, field, path,
                          "an http:// or https:// address with a host%s is expected, got \"%s\"",
                          good ? " and without a name and password" : "", shown);
        return false;
}

void tb_config_access(TbConfigReader *r, const char *address, TbAuth *auth, bool insecure)
{
        if (!tb_address_can_listen(address))
                tb_config_problem(
                        r, tb_config_root(r), "address", "address",
                        "%s is no address to listen on: a numeric one is expected (0.0.0.0, ::, one of "
                        "this machine), or localhost",
                        address);
        else if (!insecure && !tb_address_is_loopback(address) && tb_auth_is_open(auth))
                tb_config_problem(
                        r, tb_config_root(r), "address", "address",
                        "listening on %s without a token would give everybody control: set "
                        "TESTBED_TOKEN (16 characters or more) in the environment, add \"tokens\" to "
                        "the configuration, listen on 127.0.0.1, or say --insecure",
                        address);
}

void tb_config_public(TbConfigReader *r, const char *url, TbAuth *auth, bool insecure)
{
        g_autoptr(GUri) uri = url ? g_uri_parse(url, G_URI_FLAGS_NONE, NULL) : NULL;
        const char *host = uri ? g_uri_get_host(uri) : NULL;
        if (!insecure && host && *host && !tb_address_is_loopback(host) && tb_auth_is_open(auth))
                tb_config_problem(
                        r, tb_config_root(r), "url", "url",
                        "%s leads here from other machines, and without a token everybody there would "
                        "have control: set TESTBED_TOKEN (16 characters or more) in the environment, add "
                        "\"tokens\" to the configuration, leave \"url\" out, or say --insecure",
                        url);
}

char *tb_config_path(const TbConfigReader *r, const char *path)
{
        const char *file = tb_config_file(r);
        g_autofree char *folder = file ? g_path_get_dirname(file) : NULL,
                        *from = folder ? g_canonicalize_filename(folder, NULL) : NULL;
        return path ? g_canonicalize_filename(path, from) : NULL;
}

void tb_config_tls(TbConfigReader *r, json_t *node, TbTls **ret_tls, bool *ret_required, bool *ret_local)
{
        static const TbParam params[] = {
                {.name = "cert",
                 .type = TB_PARAM_STRING,
                 .required = true,
                 .min = 1,
                 .max = 4096,
                 .help = "PEM file: the certificate, then those between it and its root"},
                {.name = "key",
                 .type = TB_PARAM_STRING,
                 .required = true,
                 .min = 1,
                 .max = 4096,
                 .help = "PEM file: its private key"},
                TB_PARAM_END,
        };
        const char *word = json_string_value(node);
        *ret_required = g_strcmp0(word, "required") == 0;
        *ret_local = g_strcmp0(word, "local") == 0;
        if (!node || *ret_required || *ret_local || g_strcmp0(word, "optional") == 0)
                return;
        if (!json_is_object(node)) {
                tb_config_problem(
                        r, node, NULL, "tls",
                        "\"optional\", \"required\", \"local\" or {cert: FILE, key: FILE} is expected");
                return;
        }
        json_auto_t *tls = tb_config_section(r, params, node, "tls");
        g_autofree char *cert = tb_config_path(r, json_string_value(json_object_get(tls, "cert"))),
                        *key = tb_config_path(r, json_string_value(json_object_get(tls, "key")));
        g_autoptr(GError) error = NULL;
        if (!cert || !key) /* told already */
                return;
        *ret_tls = tb_tls_new(cert, key, &error);
        if (!*ret_tls)
                tb_config_problem(r, node, NULL, "tls", "%s", tb_error_detail(error));
}

static void unref_certificate(gpointer p)
{
        g_object_unref(p);
}

void tb_config_ca(TbConfigReader *r, const json_t *section, const char *path, const char *file)
{
        g_autoptr(GError) error = NULL;
        GList *list = file ? g_tls_certificate_list_new_from_file(file, &error) : NULL;
        if (file && !list)
                tb_config_problem(r, section, "ca", path, "%s: %s", file,
                                  error ? error->message : "there is no certificate in it (PEM is expected)");
        g_list_free_full(list, unref_certificate);
}

TbNets *tb_config_nets(TbConfigReader *r, const json_t *list, const char *path)
{
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) texts = tb_config_strings(r, list, path);
        TbNets *nets = tb_nets_new((const char *const *)texts, &error);
        if (nets)
                return nets;
        tb_config_problem(r, list, NULL, path, "%s", error->message);
        return tb_nets_new(NULL, NULL);
}

const char *tb_config_env(const char *name)
{
        const char *value = g_getenv(name);
        return value && *value ? value : NULL;
}

bool tb_config_env_true(const char *name)
{
        const char *value = tb_config_env(name);
        return value && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

char **tb_config_env_origins(const char *name)
{
        g_autoptr(GStrvBuilder) out = g_strv_builder_new();
        const char *value = tb_config_env(name);
        g_auto(GStrv) parts = value ? g_strsplit_set(value, ", ", 0) : NULL;
        for (char **p = parts; p && *p; p++) {
                for (gsize n = strlen(*p); n > 0 && (*p)[n - 1] == '/'; n--)
                        (*p)[n - 1] = '\0';
                if (**p)
                        g_strv_builder_add(out, *p);
        }
        return value ? g_strv_builder_end(out) : NULL;
}

void tb_config_env_string(char **field, const char *name)
{
        const char *value = tb_config_env(name);
        if (!value)
                return;
        g_free(*field);
        *field = g_strdup(value);
}

void tb_config_env_path(char **field, const char *name)
{
        const char *value = tb_config_env(name);
        if (!value)
                return;
        g_free(*field);
        *field = g_canonicalize_filename(value, NULL);
}

void tb_config_env_port(TbConfigReader *r, guint16 *field, const char *name)
{
        const char *value = tb_config_env(name);
        guint64 port;
        if (!value)
                return;
        if (g_ascii_string_to_unsigned(value, 10, 0, 65535, &port, NULL))
                *field = (guint16)port;
        else
                tb_config_env_problem(r, name, "a port number is expected, got \"%s\"", value);
}

void tb_config_env_ice(TbConfigReader *r, char ***field, const char *name, const char *scheme)
{
        const char *value = tb_config_env(name);
        if (!value)
                return;
        g_auto(GStrv) parts = g_strsplit_set(value, ", \t", 0);
        g_autoptr(GStrvBuilder) out = g_strv_builder_new();
        for (char **p = parts; *p; p++)
                if (**p)
                        add_ice(r, out, *p, scheme, NULL, name);
        g_strfreev(*field);
        *field = g_strv_builder_end(out);
}

void tb_config_env_log_level(TbConfigReader *r, TbLogLevel *level)
{
        const char *wanted = tb_config_env("LOG_LEVEL");
        if (tb_config_env_true("DEBUG"))
                *level = TB_LOG_DEBUG;
        if (wanted && !tb_log_level_parse(wanted, level))
                tb_config_env_problem(r, "LOG_LEVEL", "\"%s\" is none of error, warning, info, debug",
                                      wanted);
}
