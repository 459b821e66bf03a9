/* Clips in a bucket of S3, or of what speaks like it. What we send ourselves is signed in headers; clients get presigned addresses. */
#include "server/blob/s3.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "server/blob/listing.h"

#define PAGE "1000"
#define ONCE_BYTES (5 * G_GINT64_CONSTANT(1073741824)) /* of one PUT at most */
#define OURS "sessions%2F"                             /* begins the names of all clips */

/* --- addresses --- */
static char *base_of(const TbBlobOptions *o, const char *url)
{
        const char *host = strstr(url, "://");
        gsize n = strlen(url);
        while (n && url[n - 1] == '/')
                n--;
        if (o->path_style)
                return g_strdup_printf("%.*s/%s", (int)n, url, o->bucket);
        return g_strdup_printf("%.*s://%s.%.*s", (int)(host - url), url, o->bucket, (int)(url + n - host - 3),
                               host + 3);
}

static gpointer s3_open(const TbBlobOptions *options)
{
        TbS3 *s3 = g_new0(TbS3, 1);
        g_autofree char *own = g_strdup_printf("https://s3.%s.amazonaws.com", options->region),
                        *what = g_strdup_printf("the bucket %s", options->bucket);
        const char *url = options->url ? options->url : own;
        s3->options = options;
        s3->wire = tb_blob_wire_new(what);
        s3->key = (TbS3Key){options->access_key, options->secret_key, options->session_token, options->region,
                            NULL};
        s3->base = base_of(options, url);
        s3->public_base = base_of(options, options->public_url ? options->public_url : url);
        return s3;
}

static void s3_close(gpointer store)
{
        TbS3 *s3 = store;
        tb_blob_wire_free(s3->wire);
        g_free(s3->base);
        g_free(s3->public_base);
        g_free(s3);
}

static const char *s3_container(gpointer store)
{
        return ((TbS3 *)store)->options->bucket;
}

static char *s3_uri(gpointer store, const char *name)
{
        return g_strdup_printf("s3://%s/%s", s3_container(store), name);
}

static char *address(const char *base, const char *name, const char *query)
{
        g_autofree char *escaped = tb_bucket_escape(name ? name : "", true);
        return g_strconcat(base, "/", escaped, query ? "?" : NULL, query, NULL);
}

/* The length is signed, too: another one is refused there. */
static char *s3_grant(gpointer store, const char *name, gint64 size)
{
        TbS3 *s3 = store;
        g_autofree char *url = address(s3->public_base, name, NULL),
                        *length = g_strdup_printf("content-length: %" G_GINT64_FORMAT, size);
        const char *headers[] = {size >= 0 ? length : NULL, NULL};
        if (size > ONCE_BYTES)
                return NULL;
        return tb_s3_presign(&s3->key,
                             &(TbBucketRequest){size >= 0 ? "PUT" : "GET", url, headers, tb_clock_ms()},
                             s3->options->grant_s);
}

/* --- requests --- */
bool tb_s3_ask(TbS3 *s3, TbBlobAsk ask, const char *name, const char *query, const char *const *more,
               TbBlobAnswer *ret, GError **error)
{
        g_autofree char *url = address(s3->base, name, query);
        const char *payload = ask.size == 0 ? TB_S3_EMPTY : TB_S3_UNSIGNED;
        g_auto(GStrv) made =
                tb_s3_headers(&s3->key, &(TbBucketRequest){ask.method, url, more, tb_clock_ms()}, payload);
        g_autoptr(GPtrArray) all = g_ptr_array_new();
        for (char **h = made; h && *h; h++)
                g_ptr_array_add(all, *h);
        for (const char *const *h = more; h && *h; h++)
                g_ptr_array_add(all, (gpointer)*h);
        g_ptr_array_add(all, NULL);
        ask.url = url;
        ask.headers = (char **)all->pdata;
        return tb_blob_ask(s3->wire, &ask, ret, error);
}

static bool s3_stat(gpointer store, const char *name, TbBlobInfo *ret, GError **error)
{
        g_auto(TbBlobAnswer) answer = {0};
        if (!tb_s3_ask(store, (TbBlobAsk){.method = "HEAD"}, name, NULL, NULL, &answer, error))
                return false;
        tb_blob_answer_info(&answer, ret);
        return true;
}

static bool s3_put(gpointer store, const char *name, gint64 size, TbPipe *body, TbBlobInfo *ret,
                   gint64 *ret_replaced, GError **error)
{
        TbS3 *s3 = store;
        g_auto(TbBlobAnswer) answer = {0};
        gint64 before = 0;
        if (!tb_blob_size_of(s3_stat, s3, name, &before, error))
                return false;
        if (size > TB_S3_PART_FROM) {
                if (!tb_s3_put_parts(s3, name, size, body, error) || !s3_stat(s3, name, ret, error))
                        return false;
        } else {
                if (!tb_s3_ask(s3, (TbBlobAsk){.method = "PUT", .body = body, .size = size}, name, NULL, NULL,
                               &answer, error))
                        return false;
                ret->size = size;
                g_strlcpy(ret->etag, answer.etag, sizeof ret->etag);
        }
        *ret_replaced = before;
        return true;
}

static bool s3_get(gpointer store, const char *name, const char *etag, gint64 from, gint64 n, TbPipe *to,
                   GError **error)
{
        g_autofree char *range = g_strdup_printf("range: bytes=%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT, from,
                                                 from + n - 1),
                        *match = etag ? g_strconcat("if-match: ", etag, NULL) : NULL;
        const char *more[] = {range, match, NULL};
        g_auto(TbBlobAnswer) answer = {0};
        return n == 0 || tb_s3_ask(store, (TbBlobAsk){.method = "GET", .to = to, .to_size = n}, name, NULL,
                                   more, &answer, error);
}

static bool s3_remove(gpointer store, const char *name, gint64 *ret_bytes, GError **error)
{
        g_auto(TbBlobAnswer) answer = {0};
        gint64 bytes = 0;
        g_autoptr(GError) why = NULL;
        if (!tb_blob_size_of(s3_stat, store, name, &bytes, error))
                return false;
        if (!tb_s3_ask(store, (TbBlobAsk){.method = "DELETE"}, name, NULL, NULL, &answer, &why) &&
            !g_error_matches(why, TB_ERROR, TB_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        *ret_bytes = bytes;
        return true;
}

/* --- what is there --- */
static bool page(TbS3 *s3, const char *after, const char *token, TbBlobListing *ret, GError **error)
{
        g_autofree char *where = after ? tb_bucket_escape(after, false) : NULL,
                        *next = token ? tb_bucket_escape(token, false) : NULL,
                        *query = g_strconcat("list-type=2&max-keys=" PAGE "&prefix=" OURS,
                                             next    ? "&continuation-token="
                                             : where ? "&start-after="
                                                     : "",
                                             next    ? next
                                             : where ? where
                                                     : "",
                                             NULL);
        g_auto(TbBlobAnswer) answer = {0};
        return tb_s3_ask(s3, (TbBlobAsk){.method = "GET"}, NULL, query, NULL, &answer, error) &&
               tb_blob_listing_parse(answer.text->str, answer.text->len, ret, error);
}

static bool s3_count(gpointer store, guint64 *ret_bytes, GError **error)
{
        g_autofree char *token = NULL;
        if (!tb_s3_forget_parts(store, error))
                return false;
        do {
                g_auto(TbBlobListing) listing = {0};
                if (!page(store, NULL, token, &listing, error))
                        return false;
                for (guint i = 0; i < listing.rows->len; i++)
                        *ret_bytes += (guint64)((TbBlobRow *)listing.rows->pdata[i])->size;
                g_free(token);
                token = g_steal_pointer(&listing.next);
        } while (token);
        return true;
}

static bool s3_list(gpointer store, const char *after, gint64 from_ms, gint64 to_ms, guint most, char ***ret,
                    GError **error)
{
        g_autofree char *token = NULL;
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        do {
                g_auto(TbBlobListing) listing = {0};
                if (!page(store, after, token, &listing, error))
                        return false;
                for (guint i = 0; i < listing.rows->len && names->len < most; i++) {
                        TbBlobRow *row = listing.rows->pdata[i];
                        if (row->ms >= from_ms && row->ms <= to_ms && tb_blob_name_valid(row->name))
                                g_ptr_array_add(names, g_steal_pointer(&row->name));
                }
                g_free(token);
                token = g_steal_pointer(&listing.next);
        } while (token && names->len < most);
        g_ptr_array_add(names, NULL);
        *ret = (char **)g_ptr_array_steal(names, NULL);
        return true;
}

const TbBlobBackend tb_blob_s3 = {.open = s3_open,
                                  .close = s3_close,
                                  .container = s3_container,
                                  .uri = s3_uri,
                                  .grant = s3_grant,
                                  .count = s3_count,
                                  .put = s3_put,
                                  .get = s3_get,
                                  .stat = s3_stat,
                                  .remove = s3_remove,
                                  .list = s3_list};
