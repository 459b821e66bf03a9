#include "server/config_blob.h"

#include <string.h>

#include "lib/blob/azure.h"
#include "lib/limits.h"

#define ADDRESS 2048
#define NAME_MOST 255
#define GRANT_S_LEAST 60
#define GRANT_S_MOST 86400
#define AZURE_BYTES 5242880000 /* of one PUT there */

#define TEXT(name_, max_, help_)                                                                             \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .min = 1, .max = max_, .help = help_                 \
        }
#define SERVICE(help_)                                                                                       \
        TEXT("url", ADDRESS, help_), TEXT("public_url", ADDRESS, "the same, as clients reach it")

static const TbParam blob_params[] = {
        TEXT("folder", 4096, "where clips lie; default: clips in the state folder"),
        {.name = "clip_bytes",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 1e12,
         .fallback = G_STRINGIFY(TB_CONFIG_CLIP_BYTES),
         .unit = "bytes",
         .help = "of one clip at most"},
        {.name = "quota_bytes",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 1e15,
         .fallback = "10737418240",
         .unit = "bytes",
         .help = "of all clips; 0: no limit"},
        {.name = "direct",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "clients upload to the bucket themselves; false: through the server"},
        {.name = "grant_s",
         .type = TB_PARAM_INT,
         .min = GRANT_S_LEAST,
         .max = GRANT_S_MOST,
         .fallback = "900",
         .unit = "s",
         .help = "how long the addresses for it are good"},
        {.name = "s3", .type = TB_PARAM_OBJECT, .help = "a bucket of S3, or of what speaks like it"},
        {.name = "azure",
         .type = TB_PARAM_OBJECT,
         .help = "a container of Azure Blob storage, or of Azurite"},
        TB_PARAM_END,
};
static const TbParam s3_params[] = {
        SERVICE("of the service; default: AWS in that region"),
        TEXT("bucket", NAME_MOST, "its name"),
        {.name = "region",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 64,
         .fallback = "\"us-east-1\"",
         .help = "of the bucket"},
        {.name = "path_style",
         .type = TB_PARAM_BOOL,
         .help = "the bucket stands in the path, not before the host's name; default: where url is set"},
        TEXT("key_file", 4096, "a file with the access key, a colon and the secret key"),
        TB_PARAM_END,
};
static const TbParam azure_params[] = {
        SERVICE("of the account; default: https://<account>.blob.core.windows.net"),
        TEXT("account", NAME_MOST, "its name"),
        TEXT("container", NAME_MOST, "its name"),
        {.name = "create", .type = TB_PARAM_BOOL, .fallback = "true", .help = "make it where there is none"},
        TEXT("key_file", 4096, "a file with the account's key, in base64"),
        TB_PARAM_END,
};

/* --- secrets in files --- */
static char *secret_of(TbConfigReader *r, const json_t *section, const char *path)
{
        g_autofree char *said = tb_config_string(section, "key_file"), *file = tb_config_path(r, said),
                        *text = NULL;
        gsize size = 0;
        if (!file)
                return NULL;
        if (!g_file_get_contents(file, &text, &size, NULL) || size == 0 || size > ADDRESS ||
            memchr(text, 0, size)) {
                tb_config_problem(r, section, "key_file", path, "%s cannot be read, or holds no key", file);
                return NULL;
        }
        return g_strdup(g_strstrip(text));
}

static void read_s3(TbBlobOptions *o, TbConfigReader *r, json_t *given)
{
        json_auto_t *s3 = tb_config_section(r, s3_params, given, "blob.s3");
        const json_t *path_style = json_object_get(s3, "path_style");
        g_autofree char *keys = secret_of(r, s3, "blob.s3.key_file");
        char *colon = keys ? strchr(keys, ':') : NULL;
        o->bucket = tb_config_string(s3, "bucket");
        o->region = tb_config_string(s3, "region");
        o->url = tb_config_string(s3, "url");
        o->public_url = tb_config_string(s3, "public_url");
        o->path_style = json_is_boolean(path_style) ? json_is_true(path_style) : o->url != NULL;
        if (colon) {
                o->access_key = g_strndup(keys, (gsize)(colon - keys));
                o->secret_key = g_strdup(colon + 1);
        } else if (keys)
                tb_config_problem(r, s3, "key_file", "blob.s3.key_file",
                                  "the access key, a colon and the secret key are expected in this file");
        if (given && !o->bucket)
                tb_config_problem(r, given, NULL, "blob.s3", "its bucket is not named");
}

static void read_azure(TbBlobOptions *o, TbConfigReader *r, json_t *given)
{
        json_auto_t *azure = tb_config_section(r, azure_params, given, "blob.azure");
        o->container = tb_config_string(azure, "container");
        o->account = tb_config_string(azure, "account");
        o->create = json_is_true(json_object_get(azure, "create"));
        if (!given)
                return;
        g_free(o->url);
        g_free(o->public_url);
        o->url = tb_config_string(azure, "url");
        o->public_url = tb_config_string(azure, "public_url");
        o->account_key = secret_of(r, azure, "blob.azure.key_file");
        if (!o->container || !o->account)
                tb_config_problem(r, given, NULL, "blob.azure", "its account and its container are needed");
}

void tb_config_blob_read(TbBlobOptions *o, gint64 *ret_clip_bytes, TbConfigReader *r, const json_t *top)
{
        json_t *given = json_object_get(top, "blob"), *s3 = json_object_get(given, "s3"),
               *azure = json_object_get(given, "azure");
        json_auto_t *blob = tb_config_section(r, blob_params, given, "blob");
        g_autofree char *folder = tb_config_string(blob, "folder");
        o->folder = tb_config_path(r, folder);
        o->direct = json_is_true(json_object_get(blob, "direct"));
        o->grant_s = (guint)json_integer_value(json_object_get(blob, "grant_s"));
        o->quota_bytes = (guint64)json_integer_value(json_object_get(blob, "quota_bytes"));
        *ret_clip_bytes = json_integer_value(json_object_get(blob, "clip_bytes"));
        read_s3(o, r, s3);
        read_azure(o, r, azure);
        if ((s3 != NULL) + (azure != NULL) + (folder != NULL) > 1)
                tb_config_problem(r, given, NULL, "blob", "clips lie in one place: folder, s3 or azure");
}

/* --- the environment: the original's names, and those that S3's tools read --- */
void tb_config_blob_environment(TbBlobOptions *o, TbConfigReader *r G_GNUC_UNUSED)
{
        bool makes = true;
        tb_config_env_path(&o->folder, "LOCAL_UPLOAD_DIR");
        tb_config_env_string(&o->bucket, "S3_BUCKET");
        if (o->bucket) {
                bool had = o->url != NULL;
                tb_config_env_string(&o->url, "AWS_ENDPOINT_URL");
                tb_config_env_string(&o->url, "AWS_ENDPOINT_URL_S3");
                tb_config_env_string(&o->public_url, "S3_PUBLIC_URL");
                tb_config_env_string(&o->region, "AWS_REGION");
                tb_config_env_string(&o->access_key, "AWS_ACCESS_KEY_ID");
                tb_config_env_string(&o->secret_key, "AWS_SECRET_ACCESS_KEY");
                tb_config_env_string(&o->session_token, "AWS_SESSION_TOKEN");
                o->path_style = o->path_style || (!had && o->url);
                return;
        }
        if (!o->container && tb_config_env("AZURITE_BLOB_ENDPOINT")) {
                o->container = g_strdup("clips");
                o->create = true;
        }
        if (!o->container)
                return;
        tb_config_env_string(&o->url, "AZURITE_BLOB_ENDPOINT");
        tb_config_env_string(&o->public_url, "AZURE_PUBLIC_URL");
        tb_config_env_string(&o->account, "AZURITE_ACCOUNT_NAME");
        tb_config_env_string(&o->account_key, "AZURITE_ACCOUNT_KEY");
        tb_config_env_string(&o->container, "AZURITE_CLIPS_CONTAINER");
        makes = o->create;
        if (tb_config_env("AZURITE_AUTO_CREATE_CONTAINER"))
                makes = tb_config_env_true("AZURITE_AUTO_CREATE_CONTAINER");
        o->create = makes;
        const char *ttl = tb_config_env("AZURITE_SAS_EXPIRY_SECONDS");
        gint64 s = ttl ? g_ascii_strtoll(ttl, NULL, 10) : 0;
        if (s > 0)
                o->grant_s = (guint)CLAMP(s, GRANT_S_LEAST, GRANT_S_MOST);
}

/* --- whether it is enough --- */
static void check_url(TbConfigReader *r, const char *url, const char *field)
{
        if (!url)
                return;
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
        const char *scheme = uri ? g_uri_get_scheme(uri) : "", *host = uri ? g_uri_get_host(uri) : NULL;
        bool http = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
        if (!http || !host || !*host || g_uri_get_userinfo(uri) || g_uri_get_query(uri))
                tb_config_problem(r, tb_config_root(r), "blob", field,
                                  "an http:// or https:// address is expected, without a user or a query");
}

static void check_name(TbConfigReader *r, const char *name, const char *field)
{
        gsize n = strlen(name);
        if (n < 3 || n > 63 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != n || *name == '-' ||
            *name == '.')
                tb_config_problem(r, tb_config_root(r), "blob", field,
                                  "3 to 63 small letters, digits, hyphens and dots are expected");
}

void tb_config_blob_finish(TbBlobOptions *o, TbConfigReader *r, gint64 clip_bytes, const char *state_dir)
{
        if (!o->folder)
                o->folder = g_build_filename(state_dir, "clips", NULL);
        check_url(r, o->url, o->bucket ? "blob.s3.url" : "blob.azure.url");
        check_url(r, o->public_url, o->bucket ? "blob.s3.public_url" : "blob.azure.public_url");
        if (o->bucket) {
                check_name(r, o->bucket, "blob.s3.bucket (S3_BUCKET)");
                if (!o->access_key || !o->secret_key || !*o->access_key || !*o->secret_key)
                        tb_config_problem(r, tb_config_root(r), "blob", "blob.s3",
                                          "its keys are needed: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                                          "or key_file");
        } else if (o->container) {
                check_name(r, o->container, "blob.azure.container (AZURITE_CLIPS_CONTAINER)");
                if (!o->account)
                        tb_config_problem(r, tb_config_root(r), "blob", "blob.azure",
                                          "its account is needed (AZURITE_ACCOUNT_NAME)");
                if (!o->account_key || !tb_azure_key_valid(o->account_key))
                        tb_config_problem(r, tb_config_root(r), "blob", "blob.azure",
                                          "its key is needed, in base64: AZURITE_ACCOUNT_KEY, or key_file");
                if (clip_bytes > AZURE_BYTES)
                        tb_config_problem(r, tb_config_root(r), "blob", "blob.clip_bytes",
                                          "Azure takes 5000 MiB at most");
        }
}
