#include "client/settings.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/config.h"
#include "lib/error.h"
#include "lib/limits.h"

#define DEFAULT_URL "http://localhost:6109"

static const TbParam top_params[] = {
        {.name = "default",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_LABEL,
         .help = "name of the host when none is given"},
        {.name = "hosts",
         .type = TB_PARAM_OBJECT,
         .fallback = "{}",
         .help = "by the names that --host takes"},
        TB_PARAM_END,
};
static const TbParam host_params[] = {
        {.name = "url", .type = TB_PARAM_STRING, .help = "of a host"},
        {.name = "server", .type = TB_PARAM_STRING, .help = "of a pairing server, in place of url"},
        {.name = "token", .type = TB_PARAM_SECRET, .min = 1, .max = TB_LIMIT_TOKEN},
        {.name = "token_file", .type = TB_PARAM_STRING, .min = 1, .max = 4096},
        {.name = "ca", .type = TB_PARAM_STRING, .min = 1, .max = 4096, .help = "PEM file"},
        TB_PARAM_END,
};

char *tb_cli_base_url(const char *text, GError **error)
{
        g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
        const char *scheme = uri ? g_uri_get_scheme(uri) : "";
        if ((strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) || !g_uri_get_host(uri) ||
            !*g_uri_get_host(uri) || g_uri_get_userinfo(uri) || g_uri_get_query(uri) ||
            g_uri_get_fragment(uri)) {
                tb_set_error(
                        error, TB_ERROR_INVALID,
                        "an address is http://host:6109 or https://host/prefix, without a password in it");
                return NULL;
        }
        char *url = g_strdup(text);
        while (g_str_has_suffix(url, "/"))
                url[strlen(url) - 1] = '\0';
        return url;
}

static char *absolute(const char *file, const char *folder)
{
        return g_path_is_absolute(file) || !folder ? g_canonicalize_filename(file, NULL)
                                                   : g_canonicalize_filename(file, folder);
}

/* What holds a token is for its owner. Pipes (<(pass show lab)) have no mode that means something. */
static bool private_file(const char *file, GError **error)
{
        struct stat st;
        if (stat(file, &st) != 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 077))
                return true;
        tb_set_error(error, TB_ERROR_FORBIDDEN, "%s has a token in it and others may read it: chmod 600 %s",
                     file, file);
        return false;
}

/* Alone in its file or variable; what echo and editors put behind it does not count. */
static char *clean_token(const char *text, const char *from, GError **error)
{
        g_autofree char *token = g_strstrip(g_strdup(text));
        bool ok = *token && strlen(token) <= TB_LIMIT_TOKEN;
        for (const char *at = token; *at; at++)
                ok = ok && g_ascii_isgraph(*at);
        if (!ok)
                tb_set_error(error, TB_ERROR_INVALID,
                             "%s is to hold one token, of at most %d bytes, and nothing else", from,
                             TB_LIMIT_TOKEN);
        return ok ? g_steal_pointer(&token) : NULL;
}

static char *read_token(const char *file, GError **error)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) why = NULL;
        gsize size = 0;
        if (!private_file(file, error))
                return NULL;
        if (!g_file_get_contents(file, &text, &size, &why)) {
                tb_set_error(error, TB_ERROR_INVALID, "the token: %s", why->message);
                return NULL;
        }
        return clean_token(strlen(text) == size ? text : "", file, error);
}

/* --- client.yaml --- */
static void take_entry(TbCliSettings *s, TbConfigReader *r, json_t *entry, const char *name,
                       const char *folder)
{
        g_autofree char *path = g_strconcat("hosts.", name, NULL);
        json_auto_t *row = tb_config_section(r, host_params, entry, path);
        g_autofree char *url = tb_config_string(row, "url"), *server = tb_config_string(row, "server"),
                        *file = tb_config_string(row, "token_file"), *ca = tb_config_string(row, "ca");
        g_autoptr(GError) error = NULL;
        if ((url != NULL) == (server != NULL))
                tb_config_problem(r, entry, NULL, path, "it has either a url or a server");
        else if (!(s->url = tb_cli_base_url(url ? url : server, &error)))
                tb_config_problem(r, entry, url ? "url" : "server", path, "%s", tb_error_detail(error));
        s->entry = g_strdup(name);
        s->server = server != NULL;
        s->token = tb_config_string(row, "token");
        s->token_file = file ? absolute(file, folder) : NULL;
        s->ca = ca ? absolute(ca, folder) : NULL;
}

/* `name` NULL: the default one. *ret_known: there is such an entry. */
static bool from_file(TbCliSettings *s, const char *name, bool *ret_known, GError **error)
{
        g_autofree char *file = g_build_filename(g_get_user_config_dir(), "testbed", "client.yaml", NULL);
        g_autofree char *folder = g_path_get_dirname(file);
        g_auto(TbConfigReader) r = {0};
        if (!tb_config_open(&r, NULL, file, error))
                return false;
        json_auto_t *top = tb_config_section(&r, top_params, tb_config_root(&r), "");
        json_t *hosts = json_object_get(top, "hosts"), *entry;
        g_autofree char *fallback = tb_config_string(top, "default");
        const char *each, *wanted = name ? name : fallback;
        bool secret = false;
        json_object_foreach (hosts, each, entry) {
                secret |= json_object_get(entry, "token") != NULL;
                if (wanted && strcmp(each, wanted) == 0) {
                        take_entry(s, &r, entry, each, folder);
                        *ret_known = true;
                } else if (json_is_object(entry)) {
                        g_autofree char *path = g_strconcat("hosts.", each, NULL);
                        json_auto_t *row = tb_config_section(&r, host_params, entry, path);
                        (void)row;
                }
        }
        if (!name && fallback && !*ret_known)
                tb_config_problem(&r, tb_config_root(&r), "default", "default",
                                  "there is no host \"%s\" in hosts", fallback);
        return tb_config_done(&r, error) && (!secret || private_file(file, error));
}

/* --- which host --- */
static bool use_url(TbCliSettings *s, const char *text, bool server, const char *from, GError **error)
{
        s->server = server;
        s->url = tb_cli_base_url(text, error);
        if (!s->url)
                tb_error_prefix(error, "%s: ", from);
        return s->url != NULL;
}

static bool use_named(TbCliSettings *s, const char *text, const char *from, GError **error)
{
        bool known = false;
        if (strstr(text, "://"))
                return use_url(s, text, false, from, error);
        if (!from_file(s, text, &known, error))
                return false;
        if (!known)
                tb_set_error(error, TB_ERROR_INVALID,
                             "%s: \"%s\" is neither a URL (http://%s:6109) nor the name of a host in "
                             "~/.config/testbed/client.yaml",
                             from, text, text);
        return known;
}

static bool find_host(TbCliSettings *s, const TbCli *cli, GError **error)
{
        const char *host = tb_cli_text(cli, "host"), *server = tb_cli_text(cli, "server");
        if (host && server) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "--host is a host, --server leads to several: one of them");
                return false;
        }
        if (host)
                return use_named(s, host, "--host", error);
        if (server)
                return use_url(s, server, true, "--server", error);
        if (tb_config_env("TESTBED_HOST"))
                return use_named(s, tb_config_env("TESTBED_HOST"), "TESTBED_HOST", error);
        if (tb_config_env("TESTBED_SERVER"))
                return use_url(s, tb_config_env("TESTBED_SERVER"), true, "TESTBED_SERVER", error);
        bool known = false;
        if (!from_file(s, NULL, &known, error))
                return false;
        return known || use_url(s, DEFAULT_URL, false, "default", error);
}

static bool find_token(TbCliSettings *s, const TbCli *cli, GError **error)
{
        const char *file = tb_cli_text(cli, "token-file") ?: tb_config_env("TESTBED_TOKEN_FILE");
        const char *given = tb_config_env("TESTBED_TOKEN");
        if (file || given) {
                g_clear_pointer(&s->token, g_free);
                g_clear_pointer(&s->token_file, g_free);
        }
        if (tb_cli_text(cli, "token-file") || (file && !given))
                s->token_file = g_canonicalize_filename(file, NULL);
        else if (given)
                s->token = g_strdup(given);
        g_autofree char *text = g_steal_pointer(&s->token);
        if (s->token_file)
                s->token = read_token(s->token_file, error);
        else if (text)
                s->token = clean_token(text, given ? "TESTBED_TOKEN" : "the token in client.yaml", error);
        return s->token || (!s->token_file && !text);
}

TbCliSettings *tb_cli_settings_load(const TbCli *cli, GError **error)
{
        g_autoptr(TbCliSettings) s = g_new0(TbCliSettings, 1);
        if (!find_host(s, cli, error) || !find_token(s, cli, error))
                return NULL;
        const char *ca = tb_cli_text(cli, "ca") ?: tb_config_env("TESTBED_CA");
        if (ca) {
                g_free(s->ca);
                s->ca = g_canonicalize_filename(ca, NULL);
        }
        s->lease = g_strdup(tb_cli_text(cli, "lease") ?: tb_config_env("TESTBED_LEASE"));
        return g_steal_pointer(&s);
}

void tb_cli_settings_free(TbCliSettings *settings)
{
        if (!settings)
                return;
        g_free(settings->url);
        g_free(settings->entry);
        g_free(settings->token);
        g_free(settings->token_file);
        g_free(settings->ca);
        g_free(settings->lease);
        g_free(settings);
}
