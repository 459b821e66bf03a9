#include "server/config.h"

#include <gio/gio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/net.h"
#include "lib/pages.h"
#include "lib/reload.h"
#include "server/accounts/password.h"
#include "server/accounts/people.h"
#include "server/cluster/redis.h"
#include "server/config_blob.h"
#include "server/config_events.h"
#include "server/config_oidc.h"
#include "server/config_recordings.h"
#include "server/store/db.h"

#define DEFAULT_FILE "/etc/testbed/server.yaml"

static const TbParam top_params[] = {
        {.name = "listen", .type = TB_PARAM_ANY, .help = "ADDRESS:PORT, an address or a port"},
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
        {.name = "database",
         .type = TB_PARAM_OBJECT,
         .fallback = "{}",
         .help = "url: postgresql://…; default: a file in the state folder"},
        {.name = "redis", .type = TB_PARAM_OBJECT, .fallback = "{}", .help = "url: redis://…"},
        {.name = "cluster",
         .type = TB_PARAM_OBJECT,
         .fallback = "{}",
         .help = "listen: ADDRESS:PORT, where other servers find this one"},
        {.name = "events",
         .type = TB_PARAM_OBJECT,
         .fallback = "{}",
         .help = "phones and benches that notice something"},
        {.name = "blob",
         .type = TB_PARAM_OBJECT,
         .fallback = "{}",
         .help = "where their clips lie, and how much"},
        {.name = "jwt_secret",
         .type = TB_PARAM_SECRET,
         .min = TB_LIMIT_JWT_SECRET,
         .max = 1024,
         .help = "HS256: who signs with it says who is who"},
        TB_CONFIG_OIDC,
        TB_CONFIG_RECORDINGS,
        {.name = "turn", .type = TB_PARAM_OBJECT, .fallback = "{}", .help = "servers, secret, ttl_s"},
        TB_CONFIG_LOG_LEVEL,
        {.name = "insecure",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "allow other addresses without tokens"},
        TB_CONFIG_PROXIES,
        TB_CONFIG_TLS,
        {.name = "limits", .type = TB_PARAM_OBJECT, .fallback = "{}", .help = "other values of limits"},
        {.name = "sessions_per_minute",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 100000,
         .fallback = G_STRINGIFY(TB_LIMIT_SESSIONS_PER_MINUTE),
         .help = "per address; an IPv6 /64 is one"},
        {.name = "sessions_per_network",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_SESSIONS,
         .help = "that exist, of one user or network; default: 10 minutes' worth of sessions_per_minute"},
        {.name = "refusals_per_minute",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 100000,
         .fallback = G_STRINGIFY(TB_LIMIT_REFUSALS_PER_MINUTE),
         .help = "WebSockets without an accepted hello, per address"},
        TB_PARAM_END,
};

static const TbParam token_params[] = {
        TB_CONFIG_TOKEN_NAME,
        {.name = "role",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("viewer", "operator", "admin"),
         .fallback = "\"operator\"",
         .help = "what it may"},
        {.name = "devices",
         .type = TB_PARAM_ARRAY,
         .max = 64,
         .help = "[\"HOST/DEVICE\" or \"HOST\", with *]: it sees these alone; default: all"},
        TB_CONFIG_TOKEN,
        TB_PARAM_END,
};

static const TbParam host_params[] = {TB_CONFIG_TOKEN_NAME, TB_CONFIG_TOKEN, TB_PARAM_END};

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
        {.name = "username",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 256,
         .help = "in its place, of a TURN server that has one user"},
        {.name = "password", .type = TB_PARAM_SECRET, .min = 1, .max = 256, .help = "of username"},
        {.name = "ttl_s",
         .type = TB_PARAM_INT,
         .min = 10,
         .max = 7 * 86400,
         .fallback = "86400",
         .unit = "s",
         .help = "life of a credential"},
        TB_PARAM_END,
};

static const TbParam limit_params[] = {
#define TB_SERVER_LIMIT(field, macro, least, most, about)                                                    \
        {.name = #field, .type = TB_PARAM_INT, .min = (least), .max = (most), .help = (about)},
        TB_SERVER_LIMITS(TB_SERVER_LIMIT)
#undef TB_SERVER_LIMIT
                TB_PARAM_END,
};

static const TbParam database_params[] = {
        {.name = "url",
         .type = TB_PARAM_SECRET,
         .min = 1,
         .max = 2048,
         .help = "postgresql://user:password@host:port/database"},
        TB_PARAM_END,
};

static const TbParam redis_params[] = {
        {.name = "url",
         .type = TB_PARAM_SECRET,
         .min = 1,
         .max = 2048,
         .help = "redis://user:password@host:port/number"},
        TB_PARAM_END,
};

static const TbParam cluster_params[] = {
        {.name = "listen",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 64,
         .help = "ADDRESS:PORT as the other servers reach it; default: this machine alone"},
        TB_PARAM_END,
};

static void read_limits(TbServerLimits *limits, TbConfigReader *r, const json_t *top)
{
        json_auto_t *said = tb_config_section(r, limit_params, json_object_get(top, "limits"), "limits");
#define TB_SERVER_LIMIT(field, macro, least, most, about)                                                    \
        json_t *field = json_object_get(said, #field);                                                       \
        limits->field = field ? (guint)json_integer_value(field) : (guint)(TB_LIMIT_##macro);
        TB_SERVER_LIMITS(TB_SERVER_LIMIT)
#undef TB_SERVER_LIMIT
}

static void read_file(TbServerConfig *c, TbConfigReader *r)
{
        json_auto_t *top = tb_config_section(r, top_params, tb_config_root(r), "");
        json_auto_t *turn = tb_config_section(r, turn_params, json_object_get(top, "turn"), "turn");
        json_auto_t *database =
                tb_config_section(r, database_params, json_object_get(top, "database"), "database");
        json_auto_t *redis = tb_config_section(r, redis_params, json_object_get(top, "redis"), "redis");
        json_auto_t *cluster =
                tb_config_section(r, cluster_params, json_object_get(top, "cluster"), "cluster");
        c->cluster_listen = tb_config_string(cluster, "listen");
        c->database = tb_config_string(database, "url");
        c->redis = tb_config_string(redis, "url");
        read_limits(&c->limits, r, top);
        tb_config_events_read(&c->events, r, top);
        tb_config_oidc_read(&c->oidc, r, top);
        tb_config_recordings_read(&c->recordings, r, top);
        c->address = tb_config_string(top, "address");
        c->port = (guint16)json_integer_value(json_object_get(top, "port"));
        tb_config_listen(r, top, &c->address, &c->port);
        c->url = tb_config_string(top, "url");
        c->jwt_secret = tb_config_string(top, "jwt_secret");
        c->web_dir = tb_config_string(top, "web");
        c->names = tb_config_strings(r, json_object_get(top, "names"), "names");
        c->origins = tb_config_strings(r, json_object_get(top, "frontends"), "frontends");
        c->insecure = json_is_true(json_object_get(top, "insecure"));
        c->trusted = tb_config_nets(r, json_object_get(top, "trusted_proxies"), "trusted_proxies");
        tb_config_tls(r, json_object_get(top, "tls"), &c->tls, &c->needs_tls, &c->local_tls);
        c->sessions_per_minute = (guint)json_integer_value(json_object_get(top, "sessions_per_minute"));
        c->sessions_per_network = (guint)json_integer_value(json_object_get(top, "sessions_per_network"));
        c->refusals_per_minute = (guint)json_integer_value(json_object_get(top, "refusals_per_minute"));
        tb_log_level_parse(json_string_value(json_object_get(top, "log_level")), &c->log_level);
        c->ice.stun = tb_config_ice(r, json_object_get(top, "stun"), "stun", "stun");
        c->ice.turn = tb_config_ice(r, json_object_get(turn, "servers"), "turn.servers", "turn");
        c->ice.secret = tb_config_string(turn, "secret");
        c->ice.username = tb_config_string(turn, "username");
        c->ice.password = tb_config_string(turn, "password");
        c->ice.ttl_s = (int)json_integer_value(json_object_get(turn, "ttl_s"));
        tb_config_tokens(r, json_object_get(top, "tokens"), "tokens", token_params, TB_ROLE_NONE, c->auth);
        tb_config_tokens(r, json_object_get(top, "hosts"), "hosts", host_params, TB_ROLE_OPERATOR, c->hosts);
}

/* --- environment --- */
static void read_environment(TbServerConfig *c, TbConfigReader *r)
{
        const char *token = tb_config_env("TESTBED_TOKEN");
        g_auto(GStrv) front = tb_config_env_origins("FRONTEND_URL");
        g_autoptr(GError) error = NULL;
        tb_config_env_string(&c->address, "SERVER_ADDRESS");
        tb_config_env_port(r, &c->port, "PORT"); /* what platforms that run containers say */
        tb_config_env_string(&c->url, "RENDER_EXTERNAL_URL");
        tb_config_env_string(&c->url, "SERVER_URL");
        tb_config_env_ice(r, &c->ice.stun, "WEBRTC_STUN_SERVERS", "stun");
        tb_config_env_ice(r, &c->ice.turn, "WEBRTC_TURN_SERVERS", "turn");
        tb_config_env_string(&c->ice.secret, "WEBRTC_TURN_SECRET");
        tb_config_env_string(&c->ice.username, "WEBRTC_TURN_USERNAME");
        tb_config_env_string(&c->ice.password, "WEBRTC_TURN_PASSWORD");
        tb_config_env_string(&c->database, "DATABASE_URL");
        tb_config_env_string(&c->redis, "REDIS_URL");
        tb_config_env_string(&c->cluster_listen, "CLUSTER_LISTEN");
        tb_config_env_string(&c->jwt_secret, "JWT_SECRET");
        tb_config_env_string(&c->admin_password, "TESTBED_ADMIN_PASSWORD");
        if (front) {
                g_strfreev(c->origins);
                c->origins = g_steal_pointer(&front);
        }
        tb_config_events_environment(&c->events, r);
        tb_config_oidc_environment(&c->oidc, r);
        tb_config_recordings_environment(&c->recordings, r);
        tb_config_env_log_level(r, &c->log_level);
        if (token && !tb_auth_add(c->auth, "TESTBED_TOKEN", token, TB_ROLE_ADMIN, &error))
                tb_config_env_problem(r, "TESTBED_TOKEN", "%s", error->message);
}

static void add_name(TbServerConfig *c, const char *name)
{
        guint n = g_strv_length(c->names);
        c->names = g_renew(char *, c->names, n + 2);
        c->names[n] = g_ascii_strdown(name, -1);
        c->names[n + 1] = NULL;
}

static void strip_slashes(char *url)
{
        for (gsize n = strlen(url); n > 0 && url[n - 1] == '/'; n--)
                url[n - 1] = '\0';
}

static void check_url(TbServerConfig *c, TbConfigReader *r)
{
        g_autoptr(GUri) uri = g_uri_parse(c->url, G_URI_FLAGS_NONE, NULL);
        if (tb_config_url(r, tb_config_root(r), "url", "url", c->url))
                add_name(c, g_uri_get_host(uri));
        strip_slashes(c->url);
}

/* Besides tokens: who signs for others, and accounts, of which the state folder has a mark. */
static void look_for_people(TbServerConfig *c, TbConfigReader *r)
{
        g_autofree char *mark = g_build_filename(c->state_dir, TB_PEOPLE_FILE, NULL);
        g_autoptr(GError) error = NULL;
        c->had_accounts = g_file_test(mark, G_FILE_TEST_EXISTS);
        if (c->jwt_secret && strlen(c->jwt_secret) < TB_LIMIT_JWT_SECRET)
                tb_config_env_problem(r, "JWT_SECRET",
                                      "it has less than %d characters: whoever guesses it is everybody",
                                      TB_LIMIT_JWT_SECRET);
        if (c->admin_password && !tb_password_is_good(c->admin_password, "admin", &error))
                tb_config_env_problem(r, "TESTBED_ADMIN_PASSWORD", "%s", error->message);
        if (c->jwt_secret || c->oidc.issuer || c->admin_password || c->had_accounts)
                tb_auth_close(c->auth);
}

/* Others are told this address, so it has to be one by which they come here. */
static void check_cluster(TbServerConfig *c, TbConfigReader *r)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GInetAddress) inet = NULL;
        if (c->cluster_listen &&
            !tb_net_endpoint_parse(c->cluster_listen, &c->cluster_address, &c->cluster_port, &error))
                tb_config_problem(r, tb_config_root(r), "cluster", "cluster.listen (CLUSTER_LISTEN)", "%s",
                                  error->message);
        if (!c->cluster_address)
                c->cluster_address = g_strdup("127.0.0.1");
        inet = g_inet_address_new_from_string(c->cluster_address);
        if (!inet || g_inet_address_get_is_any(inet))
                tb_config_problem(
                        r, tb_config_root(r), "cluster", "cluster.listen (CLUSTER_LISTEN)",
                        "the numeric address of this machine in the servers' own network is expected, not %s",
                        c->cluster_address);
}

static void finish(TbServerConfig *c, TbConfigReader *r)
{
        if (!c->address)
                c->address = g_strdup("127.0.0.1");
        if (!c->web_dir)
                c->web_dir = tb_pages_dir();
        if (!c->state_dir)
                tb_config_env_string(&c->state_dir, "STATE_DIRECTORY");
        if (!c->state_dir)
                c->state_dir = g_build_filename(g_get_user_state_dir(), "testbed", NULL);
        tb_config_blob_finish(&c->events.blob, r, c->events.clip_bytes, c->state_dir);
        if (c->url)
                check_url(c, r);
        g_autoptr(GError) error = NULL;
        if (!tb_db_engine_of(c->database, &error))
                tb_config_problem(r, tb_config_root(r), "database", "database.url (DATABASE_URL)", "%s",
                                  error->message);
        g_clear_error(&error);
        if (c->redis && !tb_redis_url_check(c->redis, &error))
                tb_config_problem(r, tb_config_root(r), "redis", "redis.url (REDIS_URL)", "%s",
                                  error->message);
        check_cluster(c, r);
        for (char **o = c->origins; *o; o++)
                strip_slashes(*o);
        if (tb_ice_problem(&c->ice))
                tb_config_problem(r, tb_config_root(r), "turn", "turn", "%s", tb_ice_problem(&c->ice));
        look_for_people(c, r);
        tb_config_access(r, c->address, c->auth, c->insecure);
}

TbServerConfig *tb_server_config_load(const char *file, const char *state_dir, bool insecure, GError **error)
{
        g_auto(TbConfigReader) r = {0};
        if (!tb_config_open(&r, file, DEFAULT_FILE, error))
                return NULL;
        g_autoptr(TbServerConfig) c = g_new0(TbServerConfig, 1);
        c->auth = tb_auth_new();
        c->hosts = tb_auth_new();
        c->log_level = TB_LOG_INFO;
        c->state_dir = g_strdup(state_dir);
        read_file(c, &r);
        c->insecure |= insecure;
        read_environment(c, &r);
        finish(c, &r);
        c->prints = tb_config_prints(&r);
        return tb_config_done(&r, error) ? g_steal_pointer(&c) : NULL;
}

void tb_server_config_free(TbServerConfig *config)
{
        if (!config)
                return;
        g_free(config->address);
        g_free(config->url);
        g_free(config->web_dir);
        g_free(config->state_dir);
        g_free(config->database);
        g_free(config->redis);
        g_free(config->cluster_listen);
        g_free(config->cluster_address);
        g_free(config->jwt_secret);
        tb_oidc_options_clear(&config->oidc);
        tb_config_recordings_clear(&config->recordings);
        g_free(config->admin_password);
        g_strfreev(config->names);
        g_strfreev(config->origins);
        tb_nets_free(config->trusted);
        tb_tls_unref(config->tls);
        json_decref(config->prints);
        tb_auth_unref(config->auth);
        tb_auth_unref(config->hosts);
        tb_ice_config_clear(&config->ice);
        tb_events_options_clear(&config->events);
        g_free(config);
}
