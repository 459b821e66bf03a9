#include "lib/blob/s3.h"

#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

/* One request on its way to its signature. */
typedef struct Signing {
        char *host, *path, *query; /* owned, as tb_bucket_split() */
        char *time, *scope;        /* owned */
        GPtrArray *headers;        /* owned "name:value", in their order */
        char *names;               /* owned "host;range" */
} Signing;

static void signing_clear(Signing *s)
{
        g_free(s->host);
        g_free(s->path);
        g_free(s->query);
        g_free(s->time);
        g_free(s->scope);
        g_free(s->names);
        if (s->headers)
                g_ptr_array_unref(s->headers);
}

/* Blanks around a value do not count, and several within it are one. */
static void add_header(Signing *s, const char *header)
{
        const char *colon = strchr(header, ':');
        if (!colon)
                return;
        g_autofree char *name = g_ascii_strdown(header, colon - header);
        g_strstrip(name);
        GString *line = g_string_new(name);
        g_auto(GStrv) words = g_strsplit_set(colon + 1, " \t", -1);
        char between = ':';
        for (char **w = words; *w; w++)
                if (**w) {
                        g_string_append_c(line, between);
                        g_string_append(line, *w);
                        between = ' ';
                }
        if (between == ':')
                g_string_append_c(line, ':');
        g_ptr_array_add(s->headers, g_string_free(line, FALSE));
}

static gint by_name(gconstpointer a, gconstpointer b)
{
        const char *x = *(const char *const *)a, *y = *(const char *const *)b;
        gsize n = strcspn(x, ":"), m = strcspn(y, ":");
        int order = strncmp(x, y, MIN(n, m));
        return order ? order : (int)n - (int)m;
}

static bool begin(Signing *s, const TbS3Key *key, const TbBucketRequest *request)
{
        if (!tb_bucket_split(request->url, &s->host, &s->path, &s->query))
                return false;
        g_autofree char *day = tb_bucket_time(request->time_ms, "%Y%m%d");
        s->time = tb_bucket_time(request->time_ms, "%Y%m%dT%H%M%SZ");
        s->scope = g_strdup_printf("%s/%s/%s/aws4_request", day, key->region,
                                   key->service ? key->service : "s3");
        s->headers = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(s->headers, g_strconcat("host:", s->host, NULL));
        for (const char *const *h = request->headers; h && *h; h++)
                add_header(s, *h);
        return true;
}

static void name_headers(Signing *s)
{
        GString *names = g_string_new(NULL);
        g_ptr_array_sort(s->headers, by_name);
        for (guint i = 0; i < s->headers->len; i++) {
                const char *header = s->headers->pdata[i];
                if (i)
                        g_string_append_c(names, ';');
                g_string_append_len(names, header, (gssize)strcspn(header, ":"));
        }
        s->names = g_string_free(names, FALSE);
}

static char *hex(const guint8 bytes[32])
{
        GString *text = g_string_new(NULL);
        for (int i = 0; i < 32; i++)
                g_string_append_printf(text, "%02x", bytes[i]);
        return g_string_free(text, FALSE);
}

static char *canonical(const Signing *s, const char *method, const char *payload)
{
        GString *text = g_string_new(method);
        g_autoptr(GPtrArray) query = tb_bucket_query(s->query);
        g_string_append_printf(text, "\n%s\n", s->path);
        for (guint i = 0; i < query->len; i++)
                g_string_append_printf(text, "%s%s", i ? "&" : "", (char *)query->pdata[i]);
        g_string_append_c(text, '\n');
        for (guint i = 0; i < s->headers->len; i++)
                g_string_append_printf(text, "%s\n", (char *)s->headers->pdata[i]);
        g_string_append_printf(text, "\n%s\n%s", s->names, payload);
        return g_string_free(text, FALSE);
}

static char *signature(const Signing *s, const TbS3Key *key, const char *method, const char *payload)
{
        g_autofree char *request = canonical(s, method, payload),
                        *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, request, -1),
                        *text = g_strdup_printf(ALGORITHM "\n%s\n%s\n%s", s->time, s->scope, sum),
                        *secret = g_strconcat("AWS4", key->secret, NULL);
        g_auto(GStrv) steps = g_strsplit(s->scope, "/", -1);
        guint8 last[32], next[32];
        tb_bucket_hmac((const guint8 *)secret, strlen(secret), steps[0], last);
        for (char **step = steps + 1; *step; step++) {
                tb_bucket_hmac(last, sizeof last, *step, next);
                memcpy(last, next, sizeof last);
        }
        tb_bucket_hmac(last, sizeof last, text, next);
        explicit_bzero(secret, strlen(secret));
        explicit_bzero(last, sizeof last);
        return hex(next);
}

char *tb_s3_presign(const TbS3Key *key, const TbBucketRequest *request, guint ttl_s)
{
        Signing s = {0};
        char *url = NULL;
        if (begin(&s, key, request)) {
                name_headers(&s);
                g_autofree char *who = g_strconcat(key->access, "/", s.scope, NULL),
                                *credential = tb_bucket_escape(who, false),
                                *names = tb_bucket_escape(s.names, false),
                                *token = key->token ? tb_bucket_escape(key->token, false) : NULL,
                                *asked = g_steal_pointer(&s.query);
                s.query = g_strdup_printf(
                        "%s%sX-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=%s&X-Amz-Date=%s&X-Amz-Expires=%u"
                        "&X-Amz-SignedHeaders=%s%s%s",
                        asked, *asked ? "&" : "", credential, s.time, CLAMP(ttl_s, 1, TB_S3_PRESIGN_MAX_S),
                        names, token ? "&X-Amz-Security-Token=" : "", token ? token : "");
                g_autofree char *sig = signature(&s, key, request->method, TB_S3_UNSIGNED);
                int base = (int)strcspn(request->url, "?");
                url = g_strdup_printf("%.*s?%s&X-Amz-Signature=%s", base, request->url, s.query, sig);
        }
        signing_clear(&s);
        return url;
}

char **tb_s3_headers(const TbS3Key *key, const TbBucketRequest *request, const char *payload)
{
        Signing s = {0};
        GPtrArray *out = NULL;
        if (begin(&s, key, request)) {
                out = g_ptr_array_new();
                g_ptr_array_add(out, g_strconcat("x-amz-content-sha256: ", payload, NULL));
                g_ptr_array_add(out, g_strconcat("x-amz-date: ", s.time, NULL));
                if (key->token)
                        g_ptr_array_add(out, g_strconcat("x-amz-security-token: ", key->token, NULL));
                for (guint i = 0; i < out->len; i++)
                        add_header(&s, out->pdata[i]);
                name_headers(&s);
                g_autofree char *sig = signature(&s, key, request->method, payload);
                g_ptr_array_add(out, g_strdup_printf("Authorization: " ALGORITHM
                                                     " Credential=%s/%s,SignedHeaders=%s,Signature=%s",
                                                     key->access, s.scope, s.names, sig));
                g_ptr_array_add(out, NULL);
        }
        signing_clear(&s);
        return out ? (char **)g_ptr_array_free(out, FALSE) : NULL;
}
