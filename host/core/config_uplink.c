/* `uplink:` of the configuration: where finished clips go, and how fast. Keys stand in files or in the environment, never here. */
#include <string.h>

#include "host/core/config.h"
#include "host/core/private.h"
#include "host/core/uplink_config.h"
#include "lib/blob/azure.h"
#include "lib/config.h"
#include "lib/error.h"
#include "lib/limits.h"

#define TEXT(name_, max_, help_)                                                                             \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .min = 1, .max = max_, .help = help_                 \
        }
#define KEY_MOST 4096

static const TbParam params[] = {
        {.name = "to",
         .type = TB_PARAM_ENUM,
         .required = true,
         .choices = TB_CHOICES("folder", "server", "s3", "azure"),
         .help = "what keeps the clips"},
        TEXT("folder", TB_LIMIT_URI, "to: folder. Where; it has to be there (a mounted share)"),
        TEXT("url", TB_LIMIT_URI,
             "of the server, or of the bucket's service; default: server.url, the vendor's own"),
        TEXT("bucket", 63, "to: s3"),
        TEXT("region", 64, "to: s3; default us-east-1"),
        {.name = "path_style",
         .type = TB_PARAM_BOOL,
         .help = "to: s3. The bucket stands in the path; default: where url is set"},
        TEXT("account", 63, "to: azure"),
        TEXT("container", 63, "to: azure"),
        {.name = "create",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "to: azure. Make the container"},
        TEXT("key_file", TB_LIMIT_URI,
             "what opens it: s3 ACCESS:SECRET, azure the account's key, server a token"),
        TEXT("ca", TB_LIMIT_URI,
             "certificates (PEM) of which its own must be; default: the system's, server.ca"),
        TEXT("prefix", 200, "begins each name there; default: none"),
        {.name = "kbps",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 10000000,
         .fallback = "0",
         .unit = "kbit/s",
         .help = "at most; 0: as fast as it goes"},
        TB_PARAM_END,
};

static const char *text_of(const json_t *o, const char *field)
{
        return json_string_value(json_object_get(o, field));
}

static char *key_of_file(const char *file, GError **error)
{
        g_autofree char *text = NULL;
        gsize size = 0;
        if (g_file_get_contents(file, &text, &size, NULL) && size > 0 && size <= KEY_MOST &&
            !memchr(text, 0, size)) {
                char *key = g_strdup(g_strstrip(text));
                explicit_bzero(text, size);
                if (*key && !strpbrk(key, "\r\n"))
                        return key;
                explicit_bzero(key, strlen(key));
                g_free(key);
        }
        tb_set_error(error, TB_ERROR_INVALID, "%s cannot be read, or holds no key (one line)", file);
        return NULL;
}

static char *key_of_environment(const char *to, const char *token, GError **error)
{
        const char *access = tb_config_env("AWS_ACCESS_KEY_ID"),
                   *secret = tb_config_env("AWS_SECRET_ACCESS_KEY"),
                   *account = tb_config_env("AZURITE_ACCOUNT_KEY");
        if (strcmp(to, "s3") == 0 && access && secret)
                return g_strconcat(access, ":", secret, NULL);
        if (strcmp(to, "azure") == 0 && account)
                return g_strdup(account);
        if (strcmp(to, "server") == 0)
                return g_strdup(token ? token : "");
        tb_set_error(error, TB_ERROR_INVALID, "its key is needed: key_file, or %s in the environment",
                     strcmp(to, "s3") == 0 ? "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                                           : "AZURITE_ACCOUNT_KEY");
        return NULL;
}

char *tb_uplink_key(const json_t *uplink, const char *server_token, GError **error)
{
        const char *to = text_of(uplink, "to"), *file = text_of(uplink, "key_file");
        if (strcmp(to, "folder") == 0)
                return g_strdup("");
        char *key = file ? key_of_file(file, error) : key_of_environment(to, server_token, error);
        bool s3 = strcmp(to, "s3") == 0, azure = strcmp(to, "azure") == 0;
        const char *colon = key ? strchr(key, ':') : NULL;
        if (!key || (s3 ? colon && colon > key && colon[1] : !azure || tb_azure_key_valid(key)))
                return key;
        explicit_bzero(key, strlen(key));
        g_free(key);
        tb_set_error(error, TB_ERROR_INVALID,
                     s3 ? "a key of S3 is ACCESS:SECRET" : "a key of Azure is base64");
        return NULL;
}

static bool name_is_good(const char *name)
{
        gsize n = name ? strlen(name) : 0;
        return n >= 3 && n <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n &&
               *name != '-' && *name != '.';
}

static bool prefix_is_good(const char *prefix)
{
        g_auto(GStrv) parts = g_strsplit(prefix, "/", -1);
        for (char **p = parts; *p; p++)
                if (!**p || **p == '.' || strcspn(*p, "\\?#%\"<>|*:") != strlen(*p))
                        return false;
        for (const char *c = prefix; *c; c++)
                if (*c < ' ' || *c == 127)
                        return false;
        return true;
}

static void problem(TbConfigReader *r, json_t *node, const char *field, const char *what)
{
        g_autofree char *path = g_strconcat("uplink.", field, NULL);
        tb_config_problem(r, node, json_object_get(node, field) ? field : NULL, path, "%s", what);
}

static void check(TbConfigReader *r, json_t *node, json_t *u, const char *server_token)
{
        const char *to = text_of(u, "to"), *prefix = text_of(u, "prefix"), *url = text_of(u, "url");
        g_autoptr(GError) error = NULL;
        tb_config_url(r, node, "url", "uplink.url", url);
        if (prefix && !prefix_is_good(prefix))
                problem(r, node, "prefix", "names between slashes are expected, like labs/berlin");
        if (strcmp(to, "folder") == 0 && !text_of(u, "folder"))
                problem(r, node, "folder", "which folder is to be said");
        if (strcmp(to, "server") == 0 && !url)
                problem(r, node, "url", "the server's address is to be said, here or as server.url");
        if (strcmp(to, "s3") == 0 && !name_is_good(text_of(u, "bucket")))
                problem(r, node, "bucket", "3 to 63 small letters, digits, hyphens and dots are expected");
        if (strcmp(to, "azure") == 0 && !name_is_good(text_of(u, "container")))
                problem(r, node, "container", "3 to 63 small letters, digits, hyphens and dots are expected");
        if (strcmp(to, "azure") == 0 && !text_of(u, "account"))
                problem(r, node, "account", "the account's name is to be said");
        g_autofree char *key = tb_uplink_key(u, server_token, &error);
        if (key)
                explicit_bzero(key, strlen(key));
        else
                problem(r, node, "key_file", tb_error_detail(error));
}

json_t *tb_config_uplink(TbConfigReader *r, json_t *node, const char *server_url, const char *server_token,
                         const char *server_ca)
{
        if (!node || json_is_null(node))
                return NULL;
        json_t *u = tb_config_section(r, params, node, "uplink");
        if (!text_of(u, "to")) { /* it was told */
                json_decref(u);
                return NULL;
        }
        static const char *const files[] = {"folder", "key_file", "ca"};
        for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *path = tb_config_path(r, text_of(u, files[i]));
                if (path)
                        json_object_set_new(u, files[i], json_string(path));
        }
        if (strcmp(text_of(u, "to"), "server") == 0 && !text_of(u, "url") && server_url) {
                g_autofree char *http = g_str_has_prefix(server_url, "ws")
                                                ? g_strconcat("http", server_url + 2, NULL)
                                                : g_strdup(server_url);
                json_object_set_new(u, "url", json_string(http));
                if (server_ca && !text_of(u, "ca"))
                        json_object_set_new(u, "ca", json_string(server_ca));
        }
        tb_config_ca(r, node, "uplink.ca", text_of(u, "ca"));
        check(r, node, u, server_token);
        return u;
}
