#include "host/core/config.h"

#include <gio/gio.h>
#include <string.h>

#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/pages.h"
#include "lib/yaml.h"

#define DEFAULT_FILE "/etc/testbed/host.yaml"

typedef struct Load {
        TbYaml *yaml;      /* NULL: no file */
        GString *problems; /* one a line */
        TbHostConfig *config;
} Load;

#define STRING(name_, max_, help_)                                                                           \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .max = max_, .help = help_                           \
        }
#define SECRET(name_, help_)                                                                                 \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_SECRET, .max = 256, .help = help_                            \
        }
#define PORT(name_, default_, help_)                                                                         \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_INT, .min = 0, .max = 65535, .fallback = default_,           \
                .help = help_                                                                                \
        }
#define OBJECT(name_, help_)                                                                                 \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_OBJECT, .fallback = "{}", .help = help_                      \
        }

static const TbParam top_params[] = {
        STRING("name", TB_LIMIT_ID, "this host's name; default: the machine's"),
        STRING("address", 64, "listen address; default 127.0.0.1"),
        PORT("port", "6109", "REST and console page; 0: any free one"),
        STRING("url", TB_LIMIT_URI, "how others reach this host"),
        STRING("web", TB_LIMIT_URI, "folder of the pages"),
        STRING("state_dir", TB_LIMIT_URI, "where state is kept"),
        {.name = "insecure",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "allow other addresses without tokens"},
        {.name = "tokens",
         .type = TB_PARAM_ARRAY,
         .max = 1000,
         .fallback = "[]",
         .help = "[{name, role, token}]"},
        OBJECT("vnc", "port, device, password, view_password"),
        OBJECT("novnc", "port"),
        OBJECT("server", "url, token of the pairing server"),
        OBJECT("media", "viewers, fps, bitrate_kbps"),
        OBJECT("ice", "stun, turn, turn_secret"),
        OBJECT("history", "mb"),
        OBJECT("devices", "{id: {label, attach, vnc}}"),
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
         .required = true,
         .choices = TB_CHOICES("viewer", "operator", "admin"),
         .help = "what it may do"},
        {.name = "token",
         .type = TB_PARAM_SECRET,
         .required = true,
         .min = 16,
         .max = 256,
         .help = "at least 16 characters"},
        TB_PARAM_END,
};
static const TbParam vnc_params[] = {
        PORT("port", "5900", "0: no VNC"),
        STRING("device", TB_LIMIT_ID, "what the port shows; default: the first device with video"),
        {.name = "password",
         .type = TB_PARAM_SECRET,
         .min = 1,
         .max = 8,
         .help = "full control; VNC uses 8 characters"},
        {.name = "view_password", .type = TB_PARAM_SECRET, .min = 1, .max = 8, .help = "watching only"},
        TB_PARAM_END,
};
static const TbParam novnc_params[] = {PORT("port", "6080", "0: no noVNC page"), TB_PARAM_END};
static const TbParam server_params[] = {STRING("url", TB_LIMIT_URI, "http://… of the pairing server"),
                                        SECRET("token", "shown to it"), TB_PARAM_END};
static const TbParam media_params[] = {
        {.name = "viewers",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 500,
         .fallback = "32",
         .help = "WebRTC viewers at once"},
        {.name = "fps",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_FPS,
         .fallback = "30",
         .help = "frames per second at most"},
        {.name = "bitrate_kbps",
         .type = TB_PARAM_INT,
         .min = 100,
         .max = 100000,
         .fallback = "4000",
         .unit = "kbit/s",
         .help = "best quality"},
        TB_PARAM_END,
};
static const TbParam ice_params[] = {
        {.name = "stun", .type = TB_PARAM_ARRAY, .max = 8, .fallback = "[]", .help = "stun:host:port"},
        {.name = "turn",
         .type = TB_PARAM_ARRAY,
         .max = 8,
         .fallback = "[]",
         .help = "turn:host:port?transport=udp"},
        SECRET("turn_secret", "coturn's static-auth-secret"),
        TB_PARAM_END,
};
static const TbParam history_params[] = {
        {.name = "mb",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 100000,
         .fallback = "64",
         .unit = "MB",
         .help = "per console"},
        TB_PARAM_END,
};

static void problem(Load *l, const json_t *node, const char *path, const char *text)
{
        if (l->problems->len)
                g_string_append_c(l->problems, '\n');
        int line = l->yaml && node ? tb_yaml_line(l->yaml, node) : 0;
        if (l->yaml && line > 0)
                g_string_append_printf(l->problems, "%s:%d: ", tb_yaml_name(l->yaml), line);
        else if (l->yaml)
                g_string_append_printf(l->problems, "%s: ", tb_yaml_name(l->yaml));
        g_string_append_printf(l->problems, "%s%s%s", path, *path ? ": " : "", text);
}

/* Validates a section. A bad field is reported at its line and left out, so that the next problem is found
 * too. Returns the section with defaults. */
static json_t *section(Load *l, const TbParam *params, json_t *node, const char *path)
{
        json_auto_t *rest = json_is_object(node) ? json_copy(node) : json_incref(node);
        for (;;) {
                g_autoptr(GError) error = NULL;
                json_t *valid = tb_params_validate(params, rest, &error);
                if (valid)
                        return valid;
                const char *field = tb_error_field(error);
                const json_t *blamed = field ? json_object_get(node, field) : NULL;
                g_autofree char *where = *path && field ? g_strdup_printf("%s.%s", path, field)
                                                        : g_strdup(field ? field : path);
                problem(l, blamed ? blamed : node, where, tb_error_detail(error));
                if (!blamed || json_object_del(rest, field) < 0)
                        return json_object(); /* something is missing, or it is no object at all */
        }
}

static char *string_of(const json_t *o, const char *name)
{
        return g_strdup(json_string_value(json_object_get(o, name)));
}

static void read_tokens(Load *l, json_t *tokens)
{
        size_t i;
        json_t *node;
        json_array_foreach (tokens, i, node) {
                g_autofree char *path = g_strdup_printf("tokens[%zu]", i);
                json_auto_t *t = section(l, token_params, node, path);
                TbRole role;
                const char *name = json_string_value(json_object_get(t, "name")),
                           *token = json_string_value(json_object_get(t, "token"));
                g_autoptr(GError) error = NULL;
                if (name && tb_role_parse(json_string_value(json_object_get(t, "role")), &role) &&
                    !tb_auth_add(l->config->auth, name, token, role, &error))
                        problem(l, node, path, tb_error_detail(error));
        }
}

static char **strings_of(Load *l, const json_t *o, const char *name, const char *const *prefixes)
{
        g_autoptr(GStrvBuilder) b = g_strv_builder_new();
        const json_t *list = json_object_get(o, name), *item;
        size_t i;
        json_array_foreach (list, i, item) {
                const char *text = json_string_value(item);
                bool ok = false;
                for (const char *const *p = prefixes; text && *p; p++)
                        ok |= g_str_has_prefix(text, *p);
                if (ok)
                        g_strv_builder_add(b, text);
                else
                        problem(l, item, name, "each entry is a URL like stun:host:3478 or turn:host:3478");
        }
        return g_strv_builder_end(b);
}

static const char *const stun_schemes[] = {"stun:", "stuns:", NULL}, *const turn_schemes[] = {
                                                                             "turn:", "turns:", NULL};

static void read_sections(Load *l, json_t *root)
{
        TbHostConfig *c = l->config;
        json_auto_t *top = section(l, top_params, root, "");
        json_auto_t *vnc = section(l, vnc_params, json_object_get(top, "vnc"), "vnc");
        json_auto_t *novnc = section(l, novnc_params, json_object_get(top, "novnc"), "novnc");
        json_auto_t *server = section(l, server_params, json_object_get(top, "server"), "server");
        json_auto_t *media = section(l, media_params, json_object_get(top, "media"), "media");
        json_auto_t *ice = section(l, ice_params, json_object_get(top, "ice"), "ice");
        json_auto_t *history = section(l, history_params, json_object_get(top, "history"), "history");
        c->name = string_of(top, "name");
        c->address = string_of(top, "address");
        c->port = (guint16)json_integer_value(json_object_get(top, "port"));
        c->url = string_of(top, "url");
        c->web_dir = string_of(top, "web");
        c->state_dir = string_of(top, "state_dir");
        c->insecure = json_is_true(json_object_get(top, "insecure"));
        c->vnc_port = (guint16)json_integer_value(json_object_get(vnc, "port"));
        c->vnc_device = string_of(vnc, "device");
        c->vnc_password = string_of(vnc, "password");
        c->vnc_view_password = string_of(vnc, "view_password");
        c->novnc_port = (guint16)json_integer_value(json_object_get(novnc, "port"));
        c->server_url = string_of(server, "url");
        c->server_token = string_of(server, "token");
        c->max_viewers = (guint)json_integer_value(json_object_get(media, "viewers"));
        c->max_fps = (int)json_integer_value(json_object_get(media, "fps"));
        c->bitrate_kbps = (int)json_integer_value(json_object_get(media, "bitrate_kbps"));
        c->stun = strings_of(l, ice, "stun", stun_schemes);
        c->turn = strings_of(l, ice, "turn", turn_schemes);
        c->turn_secret = string_of(ice, "turn_secret");
        c->history_limit = (guint64)json_integer_value(json_object_get(history, "mb")) * 1024 * 1024;
        json_t *devices = json_object_get(top, "devices");
        c->devices = devices ? json_incref(devices) : json_object();
        read_tokens(l, json_object_get(top, "tokens"));
}

/* --- environment --- */
static void env_string(char **field, const char *name)
{
        const char *value = g_getenv(name);
        if (value && *value) {
                g_free(*field);
                *field = g_strdup(value);
        }
}

static void env_list(Load *l, char ***field, const char *name, const char *const *prefixes)
{
        const char *value = g_getenv(name);
        if (!value || !*value)
                return;
        g_auto(GStrv) parts = g_strsplit(value, ",", 16);
        json_auto_t *list = json_array();
        for (char **p = parts; *p; p++)
                json_array_append_new(list, json_string(g_strstrip(*p)));
        json_auto_t *o = json_pack("{s:O}", name, list);
        g_strfreev(*field);
        *field = strings_of(l, o, name, prefixes);
}

static void read_environment(Load *l)
{
        TbHostConfig *c = l->config;
        const char *port = g_getenv("HOST_PORT");
        guint64 number;
        if (port && *port) {
                if (g_ascii_string_to_unsigned(port, 10, 0, 65535, &number, NULL))
                        c->port = (guint16)number;
                else
                        problem(l, NULL, "HOST_PORT", "a port number is expected");
        }
        env_string(&c->name, "HOST_NAME");
        env_string(&c->url, "HOST_URL");
        env_string(&c->server_url, "SERVER_URL");
        env_string(&c->server_token, "TESTBED_TOKEN");
        env_list(l, &c->stun, "WEBRTC_STUN_SERVERS", stun_schemes);
        env_list(l, &c->turn, "WEBRTC_TURN_SERVERS", turn_schemes);
        env_string(&c->turn_secret, "WEBRTC_TURN_SECRET");
}

/* --- what is left open --- */
static void fill_defaults(TbHostConfig *c, const TbHostOptions *options)
{
        if (options->state_dir) {
                g_free(c->state_dir);
                c->state_dir = g_strdup(options->state_dir);
        }
        if (!c->state_dir)
                env_string(&c->state_dir, "STATE_DIRECTORY");
        if (!c->state_dir)
                c->state_dir = g_build_filename(g_get_user_state_dir(), "testbed", NULL);
        g_autofree char *absolute = g_canonicalize_filename(c->state_dir, NULL);
        g_free(c->state_dir);
        c->state_dir = g_steal_pointer(&absolute);
        if (!c->name)
                c->name = g_strdup(g_get_host_name());
        if (!c->address)
                c->address = g_strdup("127.0.0.1");
        if (!c->web_dir)
                c->web_dir = tb_pages_dir();
        c->insecure |= options->insecure;
}

static bool is_loopback(const char *address)
{
        g_autoptr(GInetAddress) a = g_inet_address_new_from_string(address);
        return a ? g_inet_address_get_is_loopback(a) : strcmp(address, "localhost") == 0;
}

static void check_access(Load *l)
{
        TbHostConfig *c = l->config;
        if (!is_loopback(c->address) && tb_auth_is_open(c->auth) && !c->insecure)
                problem(l, NULL, "address",
                        "listening beyond this machine without a token would give everybody control: add "
                        "\"tokens\" to the configuration, listen on "
                        "127.0.0.1, or say --insecure");
        if (c->vnc_view_password && !c->vnc_password)
                problem(l, NULL, "vnc.view_password",
                        "without vnc.password everybody has control already: set both");
}

/* Attachments are built once on trial, so that --check says everything that start would. Nothing is opened.
 */
static void check_devices(Load *l)
{
        TbCore trial = {.config = l->config};
        const char *id;
        json_t *spec;
        json_object_foreach (l->config->devices, id, spec) {
                g_autoptr(GError) error = NULL;
                TbDevice *device = tb_device_new(&trial, id, spec, &error);
                if (!device) {
                        const char *field = tb_error_field(error);
                        const json_t *attach = json_object_get(spec, "attach"),
                                     *blamed = field ? json_object_get(spec, field) : NULL;
                        if (!blamed && field)
                                blamed = json_object_get(attach, field);
                        g_autofree char *path =
                                g_strdup_printf("devices.%s%s%s", id, field ? "." : "", field ? field : "");
                        problem(l, blamed ? blamed : attach ? attach : spec, path, tb_error_detail(error));
                }
                tb_device_free(device);
        }
}

TbHostConfig *tb_host_config_load(const TbHostOptions *options, GError **error)
{
        g_autoptr(TbYaml) yaml = NULL;
        g_autoptr(GString) problems = g_string_new(NULL);
        const char *file = options->config_file                            ? options->config_file
                           : g_file_test(DEFAULT_FILE, G_FILE_TEST_EXISTS) ? DEFAULT_FILE
                                                                           : NULL;
        if (file && !(yaml = tb_yaml_load(file, error)))
                return NULL;
        g_autoptr(TbHostConfig) c = g_new0(TbHostConfig, 1);
        c->auth = tb_auth_new();
        c->file = g_strdup(file);
        Load l = {yaml, problems, c};
        json_auto_t *empty = json_object();
        json_t *root = yaml ? tb_yaml_root(yaml) : empty;
        read_sections(&l, json_is_null(root) ? empty : root);
        read_environment(&l);
        fill_defaults(c, options);
        check_access(&l);
        check_devices(&l);
        if (problems->len > 0) {
                g_set_error(error, TB_ERROR, TB_ERROR_INVALID, "%s", problems->str);
                return NULL;
        }
        return g_steal_pointer(&c);
}

void tb_host_config_free(TbHostConfig *c)
{
        if (!c)
                return;
        tb_auth_unref(c->auth);
        g_free(c->name);
        g_free(c->address);
        g_free(c->url);
        g_free(c->state_dir);
        g_free(c->web_dir);
        g_free(c->vnc_device);
        g_free(c->vnc_password);
        g_free(c->vnc_view_password);
        g_free(c->server_url);
        g_free(c->server_token);
        g_strfreev(c->stun);
        g_strfreev(c->turn);
        g_free(c->turn_secret);
        json_decref(c->devices);
        g_free(c->file);
        g_free(c);
}
