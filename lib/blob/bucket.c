#include "lib/blob/bucket.h"

#include <string.h>

char *tb_bucket_escape(const char *name, bool slashes)
{
        return g_uri_escape_string(name, slashes ? "/" : NULL, FALSE);
}

void tb_bucket_hmac(const guint8 *key, gsize key_size, const char *text, guint8 ret[32])
{
        gsize size = 32;
        GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, key, key_size);
        g_hmac_update(hmac, (const guint8 *)text, (gssize)strlen(text));
        g_hmac_get_digest(hmac, ret, &size);
        g_hmac_unref(hmac);
}

bool tb_bucket_split(const char *url, char **ret_host, char **ret_path, char **ret_query)
{
        bool tls = g_ascii_strncasecmp(url, "https://", 8) == 0;
        if (!tls && g_ascii_strncasecmp(url, "http://", 7) != 0)
                return false;
        const char *host = url + (tls ? 8 : 7);
        gsize n = strcspn(host, "/?");
        if (n == 0 || memchr(host, '@', n))
                return false;
        const char *own = tls ? ":443" : ":80", *path = host + n, *query = strchr(path, '?');
        gsize path_size = query ? (gsize)(query - path) : strlen(path);
        *ret_host = g_ascii_strdown(host, (gssize)n);
        if (g_str_has_suffix(*ret_host, own))
                (*ret_host)[n - strlen(own)] = '\0';
        *ret_path = path_size ? g_strndup(path, path_size) : g_strdup("/");
        *ret_query = g_strdup(query ? query + 1 : "");
        return true;
}

/* By name, then by value: "a=" comes before "a-b=". */
static gint by_name(gconstpointer a, gconstpointer b)
{
        const char *x = *(const char *const *)a, *y = *(const char *const *)b;
        gsize n = strcspn(x, "="), m = strcspn(y, "=");
        int order = strncmp(x, y, MIN(n, m));
        return order ? order : n != m ? (n < m ? -1 : 1) : strcmp(x, y);
}

GPtrArray *tb_bucket_query(const char *query)
{
        GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) parts = g_strsplit(query, "&", -1);
        for (char **p = parts; *p; p++)
                if (**p)
                        g_ptr_array_add(all, strchr(*p, '=') ? g_strdup(*p) : g_strconcat(*p, "=", NULL));
        g_ptr_array_sort(all, by_name);
        return all;
}

char *tb_bucket_header(const TbBucketRequest *request, const char *name)
{
        gsize n = strlen(name);
        for (const char *const *h = request->headers; h && *h; h++)
                if (strncmp(*h, name, n) == 0 && (*h)[n] == ':')
                        return g_strstrip(g_strdup(*h + n + 1));
        return g_strdup("");
}

char *tb_bucket_time(gint64 time_ms, const char *format)
{
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(time_ms / 1000);
        return time ? g_date_time_format(time, format) : g_strdup("");
}
