#include "host/core/config.h"

#include "host/core/ceiling.h"
#include "host/core/discover.h"
#include "host/core/environment.h"
#include "host/core/private.h"
#include "lib/config.h"
#include "lib/limits.h"
#include "lib/name.h"
#include "lib/net.h"
#include "lib/pages.h"
#include "lib/reload.h"

#define DEFAULT_FILE "/etc/testbed/host.yaml"
#define TURN_TTL_S 86400 /* of credentials: a viewer may watch for as long */

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
#define NUMBER(name_, min_, max_, default_, unit_, help_)                                                    \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_INT, .min = min_, .max = max_, .fallback = default_,         \
                .unit = unit_, .help = help_                                                                 \
        }
#define OBJECT(name_, help_)                                                                                 \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_OBJECT, .fallback = "{}", .help = help_                      \
        }

static const TbParam top_params[] = {
        STRING("name", TB_LIMIT_ID, "this host's name; default: the machine's"),
        {.name = "listen", .type = TB_PARAM_ANY, .help = "ADDRESS:PORT, an address or a port"},
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
        TB_CONFIG_LOG_LEVEL,
        TB_CONFIG_PROXIES,
        TB_CONFIG_TLS,
        OBJECT("compat", "allow, pdudaemon, restart"),
        OBJECT("vnc", "port, device, password, view_password"),
        OBJECT("novnc", "port"),
        OBJECT("server", "url, token, ca, role, allow, insecure: the pairing server"),
        OBJECT("media", "viewers, fps, bitrate_kbps"),
        OBJECT("ice", "stun, turn, turn_secret, turn_username, turn_password"),
        OBJECT("history", "mb"),
        OBJECT("recording", "folder, mb, device_mb, days, mode, pre_s, devices"),
        OBJECT("uplink",
               "to, folder, url, bucket, account, container, key_file, prefix, kbps: where clips go"),
        {.name = "discovery",
         .type = TB_PARAM_ANY,
         .help = "how the network is searched for hardware: false: not at all; {mdns, broadcast}"},
        OBJECT("devices", "{id: {label, attach, vnc, rfc2217, tcp}}"),
        OBJECT("rules", "{name: {device, when, then}}: docs/RULES.md"),
        TB_PARAM_END,
};
static const TbParam token_params[] = {
        TB_CONFIG_TOKEN_NAME,
        {.name = "role",
         .type = TB_PARAM_ENUM,
         .required = true,
         .choices = TB_CHOICES("viewer", "operator", "admin"),
         .help = "what it may do"},
        TB_CONFIG_TOKEN,
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
static const TbParam server_params[] = {
        STRING("url", TB_LIMIT_URI, "http://… of the pairing server"),
        SECRET("token", "shown to it"),
        STRING("ca", TB_LIMIT_URI, "file of certificates (PEM) that vouch for it"),
        {.name = "role",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("viewer", "operator", "admin"),
         .fallback = "\"operator\"",
         .help = "the most that anybody may be who comes through it"},
        {.name = "allow",
         .type = TB_PARAM_ARRAY,
         .max = 5,
         .help = "beyond that: attach, exec, shell, files, apps"},
        {.name = "insecure",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "join a server that asks nobody for a token"},
        TB_PARAM_END};
static const TbParam media_params[] = {
        NUMBER("viewers", 1, 500, "32", NULL, "WebRTC viewers at once"),
        NUMBER("fps", 1, TB_LIMIT_FPS, "30", NULL, "frames per second at most"),
        NUMBER("bitrate_kbps", 100, 100000, "4000", "kbit/s", "best quality"),
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
        STRING("turn_username", 256, "in its place, of a TURN server that has one user"),
        SECRET("turn_password", "of turn_username"),
        TB_PARAM_END,
};
static const TbParam history_params[] = {NUMBER("mb", 1, 100000, "64", "MB", "per console"), TB_PARAM_END};

/* Whoever configures `role: admin` has said that the server may do what admins do; starting programs takes the
 * word all the same. */
static guint read_allow(const TbHostConfig *c, TbConfigReader *r, json_t *list)
{
        static const struct {
                const char *word;
                TbAllow allow;
        } words[] = {{"attach", TB_ALLOW_ATTACH},
                     {"exec", TB_ALLOW_EXEC},
                     {"shell", TB_ALLOW_SHELL},
                     {"files", TB_ALLOW_FILES},
                     {"apps", TB_ALLOW_APPS}};
        guint all = 0;
        gsize i;
        json_t *word;
        if (!list)
                return c->server_role == TB_ROLE_ADMIN
                               ? TB_ALLOW_ATTACH | TB_ALLOW_SHELL | TB_ALLOW_FILES | TB_ALLOW_APPS
                               : 0;
        json_array_foreach (list, i, word) {
                guint found = 0;
                for (gsize n = 0; n < G_N_ELEMENTS(words); n++)
                        if (g_strcmp0(json_string_value(word), words[n].word) == 0)
                                found = words[n].allow;
                if (!found)
                        tb_config_problem(r, word, NULL, "server.allow",
                                          "one of attach, exec, shell, files, apps is expected");
                all |= found;
        }
        return all;
}

/* The end of a name that only the bridge gives. */
static void check_token_names(TbConfigReader *r, json_t *tokens)
{
        gsize i;
        json_t *token;
        json_array_foreach (tokens, i, token) {
                if (tb_is_via_server(json_string_value(json_object_get(token, "name"))))
                        tb_config_problem(r, token, "name", "tokens",
                                          "a name may not end in \"" TB_VIA_SERVER "\": it marks who comes "
                                          "through the pairing server");
        }
}

static const TbParam compat_params[] = {
        {.name = "allow",
         .type = TB_PARAM_ARRAY,
         .max = 64,
         .fallback = "[]",
         .help = "networks that may switch by the GET routes of pdudaemon without a token"},
        {.name = "pdudaemon",
         .type = TB_PARAM_ANY,
         .help = "port, or ADDRESS:PORT, of pdudaemon's TCP protocol (it has 16421)"},
        {.name = "restart",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "POST /host/system/restartHostService ends this host: a supervisor starts it again"},
        TB_PARAM_END,
};

static void read_pdudaemon(TbHostConfig *c, TbConfigReader *r, const json_t *listen)
{
        g_autofree char *text = json_is_integer(listen)
                                        ? g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(listen))
                                        : g_strdup(json_string_value(listen));
        if (listen &&
            (!text || !tb_net_endpoint_parse(text, &c->pdudaemon_address, &c->pdudaemon_port, NULL)))
                tb_config_problem(r, listen, NULL, "compat.pdudaemon",
                                  "a port or \"ADDRESS:PORT\" is expected: 16421");
}

static void read_sections(TbHostConfig *c, TbConfigReader *r)
{
        json_auto_t *top = tb_config_section(r, top_params, tb_config_root(r), "");
        json_auto_t *compat = tb_config_section(r, compat_params, json_object_get(top, "compat"), "compat");
        json_auto_t *vnc = tb_config_section(r, vnc_params, json_object_get(top, "vnc"), "vnc");
        json_auto_t *novnc = tb_config_section(r, novnc_params, json_object_get(top, "novnc"), "novnc");
        json_auto_t *server = tb_config_section(r, server_params, json_object_get(top, "server"), "server");
        json_auto_t *media = tb_config_section(r, media_params, json_object_get(top, "media"), "media");
        json_auto_t *ice = tb_config_section(r, ice_params, json_object_get(top, "ice"), "ice");
        json_auto_t *history =
                tb_config_section(r, history_params, json_object_get(top, "history"), "history");
        c->name = tb_config_string(top, "name");
        c->discovery = tb_discover_config(r, json_object_get(top, "discovery"));
        c->address = tb_config_string(top, "address");
        c->port = (guint16)json_integer_value(json_object_get(top, "port"));
        tb_config_listen(r, top, &c->address, &c->port);
        c->url = tb_config_string(top, "url");
        c->web_dir = tb_config_string(top, "web");
        c->state_dir = tb_config_string(top, "state_dir");
        c->insecure = json_is_true(json_object_get(top, "insecure"));
        tb_log_level_parse(json_string_value(json_object_get(top, "log_level")), &c->log_level);
        c->trusted = tb_config_nets(r, json_object_get(top, "trusted_proxies"), "trusted_proxies");
        tb_config_tls(r, json_object_get(top, "tls"), &c->tls, &c->needs_tls, &c->local_tls);
        c->compat = tb_config_nets(r, json_object_get(compat, "allow"), "compat.allow");
        read_pdudaemon(c, r, json_object_get(compat, "pdudaemon"));
        c->restart = json_is_true(json_object_get(compat, "restart"));
        c->vnc_port = (guint16)json_integer_value(json_object_get(vnc, "port"));
        c->vnc_device = tb_config_string(vnc, "device");
        c->vnc_password = tb_config_string(vnc, "password");
        c->vnc_view_password = tb_config_string(vnc, "view_password");
        c->novnc_port = (guint16)json_integer_value(json_object_get(novnc, "port"));
        c->server_url = tb_config_string(server, "url");
        c->server_token = tb_config_string(server, "token");
        c->server_ca = tb_config_path(r, json_string_value(json_object_get(server, "ca")));
        c->server_insecure = json_is_true(json_object_get(server, "insecure"));
        tb_role_parse(json_string_value(json_object_get(server, "role")), &c->server_role);
        c->server_allow = read_allow(c, r, json_object_get(server, "allow"));
        c->max_viewers = (guint)json_integer_value(json_object_get(media, "viewers"));
        c->max_fps = (int)json_integer_value(json_object_get(media, "fps"));
        c->bitrate_kbps = (int)json_integer_value(json_object_get(media, "bitrate_kbps"));
        c->ice.stun = tb_config_ice(r, json_object_get(ice, "stun"), "ice.stun", "stun");
        c->ice.turn = tb_config_ice(r, json_object_get(ice, "turn"), "ice.turn", "turn");
        c->ice.secret = tb_config_string(ice, "turn_secret");
        c->ice.username = tb_config_string(ice, "turn_username");
        c->ice.password = tb_config_string(ice, "turn_password");
        c->ice.ttl_s = TURN_TTL_S;
        c->history_limit = (guint64)json_integer_value(json_object_get(history, "mb")) * 1024 * 1024;
        c->recording = tb_config_recording(r, json_object_get(top, "recording"));
        c->recording_dir = tb_config_path(r, json_string_value(json_object_get(c->recording, "folder")));
        json_t *devices = json_object_get(top, "devices");
        c->devices = devices ? json_incref(devices) : json_object();
        json_t *rules = json_object_get(top, "rules");
        c->rules = rules ? json_incref(rules) : json_object();
        tb_config_tokens(r, json_object_get(top, "tokens"), "tokens", token_params, TB_ROLE_NONE, c->auth);
        check_token_names(r, json_object_get(top, "tokens"));
}

/* --- environment --- */
static void read_environment(TbHostConfig *c, TbConfigReader *r)
{
        tb_config_env_port(r, &c->port, "PORT"); /* what platforms that run containers say */
        tb_config_env_port(r, &c->port, "HOST_PORT");
        tb_config_env_string(&c->address, "HOST_ADDRESS");
        tb_config_env_string(&c->name, "HOST_NAME");
        tb_config_env_string(&c->url, "RENDER_EXTERNAL_URL");
        tb_config_env_string(&c->url, "HOST_URL");
        tb_config_env_string(&c->server_url, "SERVER_URL");
        tb_config_env_path(&c->server_ca, "SERVER_CA");
        tb_config_env_string(&c->server_token, "TESTBED_TOKEN");
        tb_config_env_string(&c->server_token, "SERVER_TOKEN");
        tb_config_env_log_level(r, &c->log_level);
        c->origins = tb_config_env_origins("FRONTEND_URL");
        /* One secret for a small lab: who shows it is admin here, and we show it to the server. */
        const char *token = tb_config_env("TESTBED_TOKEN");
        g_autoptr(GError) error = NULL;
        if (token && !tb_auth_add(c->auth, "TESTBED_TOKEN", token, TB_ROLE_ADMIN, &error))
                tb_config_env_problem(r, "TESTBED_TOKEN", "%s", error->message);
        tb_config_env_ice(r, &c->ice.stun, "WEBRTC_STUN_SERVERS", "stun");
        tb_config_env_ice(r, &c->ice.turn, "WEBRTC_TURN_SERVERS", "turn");
        tb_config_env_string(&c->ice.secret, "WEBRTC_TURN_SECRET");
        tb_config_env_string(&c->ice.username, "WEBRTC_TURN_USERNAME");
        tb_config_env_string(&c->ice.password, "WEBRTC_TURN_PASSWORD");
        c->uplink = tb_config_uplink(r, json_object_get(tb_config_root(r), "uplink"), c->server_url,
                                     c->server_token, c->server_ca);
}

/* --- what is left open --- */
static void fill_defaults(TbHostConfig *c, const TbHostOptions *options)
{
        if (options->state_dir) {
                g_free(c->state_dir);
                c->state_dir = g_strdup(options->state_dir);
        }
        if (!c->state_dir)
                tb_config_env_string(&c->state_dir, "STATE_DIRECTORY");
        if (!c->state_dir)
                c->state_dir = g_build_filename(g_get_user_state_dir(), "testbed", NULL);
        g_autofree char *absolute = g_canonicalize_filename(c->state_dir, NULL);
        g_free(c->state_dir);
        c->state_dir = g_steal_pointer(&absolute);
        if (!c->recording_dir)
                c->recording_dir = g_build_filename(c->state_dir, "recordings", NULL);
        if (!c->name)
                c->name = g_strdup(g_get_host_name());
        if (!c->address)
                c->address = g_strdup("127.0.0.1");
        if (!c->web_dir)
                c->web_dir = tb_pages_dir();
        c->insecure |= options->insecure;
}

static void check_urls(const TbHostConfig *c, TbConfigReader *r)
{
        const char *server = c->server_url;
        g_autofree char *socket = /* ws:// says the same */
                server && g_str_has_prefix(server, "ws") ? g_strconcat("http", server + 2, NULL) : NULL;
        tb_config_url(r, tb_config_root(r), "url", "url", c->url);
        tb_config_url(r, json_object_get(tb_config_root(r), "server"), "url", "server.url (SERVER_URL)",
                      socket ? socket : server);
        if (server && !tb_name_valid(TB_NAME_HOST, c->name))
                tb_config_problem(r, tb_config_root(r), "name", "name (HOST_NAME)",
                                  "\"%s\" is a name that no pairing server takes: it has %s", c->name,
                                  tb_name_rule(TB_NAME_HOST));
}

static void check_ice(const TbHostConfig *c, TbConfigReader *r)
{
        if (tb_ice_problem(&c->ice))
                tb_config_problem(r, json_object_get(tb_config_root(r), "ice"), "turn", "ice.turn_secret",
                                  "%s", tb_ice_problem(&c->ice));
}

static void check_access(const TbHostConfig *c, TbConfigReader *r)
{
        tb_config_access(r, c->address, c->auth, c->insecure);
        tb_config_public(r, c->url, c->auth, c->insecure);
        if (c->vnc_view_password && !c->vnc_password)
                tb_config_problem(r, json_object_get(tb_config_root(r), "vnc"), "view_password",
                                  "vnc.view_password",
                                  "without vnc.password everybody has control already: set both");
}

static void check_rules(TbHostConfig *c, TbConfigReader *r, const TbHostOptions *options)
{
        const char *name;
        json_t *rule;
        if (json_object_size(c->rules) > TB_LIMIT_RULES)
                tb_config_problem(r, c->rules, NULL, "rules", "a host has at most %d rules", TB_LIMIT_RULES);
        json_object_foreach (c->rules, name, rule) {
                g_autoptr(GError) error = NULL;
                if (!options->check_rule || options->check_rule(name, rule, &error))
                        continue;
                g_autofree char *path = g_strdup_printf("rules.%s", name);
                tb_config_problem(r, rule, NULL, path, "%s", tb_error_detail(error));
        }
}

TbHostConfig *tb_host_config_load(const TbHostOptions *options, GError **error)
{
        g_auto(TbConfigReader) r = {0};
        if (!tb_config_open(&r, options->config_file, DEFAULT_FILE, error))
                return NULL;
        g_autoptr(TbHostConfig) c = g_new0(TbHostConfig, 1);
        c->auth = tb_auth_new();
        c->log_level = TB_LOG_INFO;
        c->file = g_strdup(tb_config_file(&r));
        c->notes = g_ptr_array_new_with_free_func(g_free);
        read_sections(c, &r);
        read_environment(c, &r);
        tb_environment_read(c, &r);
        fill_defaults(c, options);
        check_urls(c, &r);
        tb_config_ca(&r, json_object_get(tb_config_root(&r), "server"), "server.ca", c->server_ca);
        check_ice(c, &r);
        check_access(c, &r);
        tb_config_check_devices(c, &r);
        check_rules(c, &r, options);
        c->prints = tb_config_prints(&r);
        return tb_config_done(&r, error) ? g_steal_pointer(&c) : NULL;
}

void tb_host_config_free(TbHostConfig *c)
{
        if (!c)
                return;
        tb_auth_unref(c->auth);
        tb_nets_free(c->trusted);
        tb_tls_unref(c->tls);
        json_decref(c->prints);
        tb_nets_free(c->compat);
        g_free(c->pdudaemon_address);
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
        g_free(c->server_ca);
        g_strfreev(c->origins);
        tb_ice_config_clear(&c->ice);
        json_decref(c->devices);
        json_decref(c->recording);
        g_free(c->recording_dir);
        json_decref(c->uplink);
        json_decref(c->rules);
        g_free(c->file);
        g_clear_pointer(&c->notes, g_ptr_array_unref);
        g_free(c);
}
