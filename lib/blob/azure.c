#include "lib/blob/azure.h"

#include <string.h>

#define KEY_MIN 16

bool tb_azure_key_valid(const char *key)
{
        gsize size = 0;
        g_autofree guchar *bytes = *key ? g_base64_decode(key, &size) : NULL;
        g_autofree char *again = bytes ? g_base64_encode(bytes, size) : NULL;
        return again && size >= KEY_MIN && strcmp(again, key) == 0;
}

static char *sign(const TbAzureKey *key, const char *text)
{
        gsize size = 0;
        guint8 sum[32];
        g_autofree guchar *bytes = g_base64_decode(key->key, &size);
        tb_bucket_hmac(bytes, size, text, sum);
        explicit_bzero(bytes, size);
        return g_base64_encode(sum, sizeof sum);
}

static void add(GString *query, const char *name, const char *value)
{
        g_autofree char *escaped = tb_bucket_escape(value, false);
        g_string_append_printf(query, "%s%s=%s", query->len ? "&" : "", name, escaped);
}

/* What is signed has grown with the versions: the resource and its snapshot, then the scope of encryption. */
char *tb_azure_sas(const TbAzureKey *key, const TbAzureGrant *grant)
{
        const char *version = grant->version ? grant->version : TB_AZURE_VERSION,
                   *protocol = grant->protocol ? grant->protocol : "";
        bool names_resource = strcmp(version, "2018-11-09") >= 0,
             names_scope = strcmp(version, "2020-12-06") >= 0;
        g_autofree char *from = tb_bucket_time(grant->from_ms, "%Y-%m-%dT%H:%M:%SZ"),
                        *until = tb_bucket_time(grant->until_ms, "%Y-%m-%dT%H:%M:%SZ");
        g_autoptr(GString) text = g_string_new(NULL);
        g_string_append_printf(text, "%s\n%s\n%s\n/blob/%s/%s/%s\n\n\n%s\n%s\n", grant->permissions, from,
                               until, key->account, grant->container, grant->blob, protocol, version);
        if (names_resource)
                g_string_append(text, "b\n\n");
        if (names_scope)
                g_string_append_c(text, '\n');
        g_string_append(text, "\n\n\n\n"); /* five headers of the answer that are not changed */
        g_autofree char *sig = sign(key, text->str);
        GString *query = g_string_new(NULL);
        add(query, "sv", version);
        if (*protocol)
                add(query, "spr", protocol);
        add(query, "st", from);
        add(query, "se", until);
        add(query, "sr", "b");
        add(query, "sp", grant->permissions);
        add(query, "sig", sig);
        return g_string_free(query, FALSE);
}

static gint by_bytes(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "x-ms-…:value" of what is sent, in their order. */
static void add_own(GString *text, const TbBucketRequest *request, char **more)
{
        g_autoptr(GPtrArray) own = g_ptr_array_new_with_free_func(g_free);
        const char *const *lists[] = {request->headers, (const char *const *)more};
        for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
                for (const char *const *h = lists[i]; h && *h; h++) {
                        const char *colon = strchr(*h, ':');
                        if (!g_str_has_prefix(*h, "x-ms-") || !colon)
                                continue;
                        g_autofree char *value = g_strstrip(g_strdup(colon + 1));
                        g_ptr_array_add(own, g_strdup_printf("%.*s:%s", (int)(colon - *h), *h, value));
                }
        g_ptr_array_sort(own, by_bytes);
        for (guint i = 0; i < own->len; i++)
                g_string_append_printf(text, "%s\n", (char *)own->pdata[i]);
}

/* The address without its host, its query decoded: "/account/account/clips\nrestype:container" */
static void add_resource(GString *text, const TbAzureKey *key, const char *path, const char *query)
{
        g_autoptr(GPtrArray) parts = tb_bucket_query(query);
        g_string_append_printf(text, "/%s%s", key->account, path);
        for (guint i = 0; i < parts->len; i++) {
                char *part = parts->pdata[i], *equals = strchr(part, '=');
                g_autofree char *value = g_uri_unescape_string(equals + 1, NULL);
                g_string_append_printf(text, "\n%.*s:%s", (int)(equals - part), part, value ? value : "");
        }
}

char **tb_azure_headers(const TbAzureKey *key, const TbBucketRequest *request)
{
        static const char *const lines[] = {"content-encoding",
                                            "content-language",
                                            "content-length",
                                            "content-md5",
                                            "content-type",
                                            "date",
                                            "if-modified-since",
                                            "if-match",
                                            "if-none-match",
                                            "if-unmodified-since",
                                            "range"};
        g_autofree char *host = NULL, *path = NULL, *query = NULL;
        if (!tb_bucket_split(request->url, &host, &path, &query))
                return NULL;
        g_autofree char *time = tb_bucket_time(request->time_ms, "%a, %d %b %Y %H:%M:%S GMT");
        char **out = g_new0(char *, 4);
        out[0] = g_strconcat("x-ms-date: ", time, NULL);
        out[1] = g_strdup("x-ms-version: " TB_AZURE_VERSION);
        g_autoptr(GString) text = g_string_new(request->method);
        g_string_append_c(text, '\n');
        for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
                g_autofree char *value = tb_bucket_header(request, lines[i]);
                bool nothing = strcmp(lines[i], "content-length") == 0 && strcmp(value, "0") == 0;
                g_string_append_printf(text, "%s\n", nothing ? "" : value);
        }
        add_own(text, request, out);
        add_resource(text, key, path, query);
        g_autofree char *sig = sign(key, text->str);
        out[2] = g_strdup_printf("Authorization: SharedKey %s:%s", key->account, sig);
        return out;
}
