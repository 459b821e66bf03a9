/* Clips in a container of Azure Blob storage. What we send ourselves is signed by the account's key; clients get shared access signatures. */
#include <string.h>

#include "lib/blob/azure.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/thread.h"
#include "server/blob/listing.h"
#include "server/blob/wire.h"

#define PAGE "1000"
#define PREFIX "sessions%2F"
#define ONCE_BYTES (5000 * G_GINT64_CONSTANT(1048576)) /* of one PUT at most */
#define EARLY_MS 300000                                /* a clock there may be behind ours */
#define BLOCK "x-ms-blob-type: BlockBlob"

typedef struct Azure {
        const TbBlobOptions *options; /* borrowed */
        TbBlobWire *wire;             /* owned */
        TbAzureKey key;               /* of the options */
        char *base, *public_base;     /* owned: the container's address */
        gint is_made;                 /* atomic: the container is there */
        /* pages have marks, no names: the page that the last list ended in */
        TbMutex lock;
        char *after, *mark; /* owned; NULL: none */
} Azure;

static char *base_of(const TbBlobOptions *o, const char *url)
{
        gsize n = strlen(url);
        while (n && url[n - 1] == '/')
                n--;
        return g_strdup_printf("%.*s/%s", (int)n, url, o->container);
}

static gpointer azure_open(const TbBlobOptions *options)
{
        Azure *a = g_new0(Azure, 1);
        g_autofree char *own = g_strdup_printf("https://%s.blob.core.windows.net", options->account),
                        *what = g_strdup_printf("the container %s", options->container);
        const char *url = options->url ? options->url : own;
        tb_mutex_init(&a->lock);
        a->options = options;
        a->wire = tb_blob_wire_new(what);
        a->key = (TbAzureKey){options->account, options->account_key};
        a->base = base_of(options, url);
        a->public_base = base_of(options, options->public_url ? options->public_url : url);
        return a;
}

static void azure_close(gpointer store)
{
        Azure *a = store;
        tb_blob_wire_free(a->wire);
        tb_mutex_clear(&a->lock);
        g_free(a->base);
        g_free(a->public_base);
        g_free(a->after);
        g_free(a->mark);
        g_free(a);
}

static const char *azure_container(gpointer store)
{
        return ((Azure *)store)->options->container;
}

static char *azure_uri(gpointer store, const char *name)
{
        g_autofree char *escaped = tb_bucket_escape(name, true);
        return g_strconcat(((Azure *)store)->public_base, "/", escaped, NULL);
}

static char *azure_grant(gpointer store, const char *name, gint64 size)
{
        Azure *a = store;
        gint64 now_ms = tb_clock_ms();
        bool tls = g_str_has_prefix(a->public_base, "https:");
        if (size > ONCE_BYTES)
                return NULL;
        g_autofree char *where = azure_uri(a, name),
                        *query = tb_azure_sas(
                                &a->key, &(TbAzureGrant){.container = a->options->container,
                                                         .blob = name,
                                                         .permissions = size >= 0 ? "cw" : "r",
                                                         .from_ms = now_ms - EARLY_MS,
                                                         .until_ms = now_ms + a->options->grant_s * 1000LL,
                                                         .protocol = tls ? "https" : NULL});
        return g_strconcat(where, "?", query, NULL);
}

/* --- requests --- */
static bool ask(Azure *a, TbBlobAsk ask_, const char *name, const char *query, const char *const *more,
                TbBlobAnswer *ret, GError **error)
{
        g_autofree char *escaped = name ? tb_bucket_escape(name, true) : NULL,
                        *url = g_strconcat(a->base, name ? "/" : "", name ? escaped : "", query ? "?" : NULL,
                                           query, NULL),
                        *length = g_strdup_printf("content-length: %" G_GINT64_FORMAT, ask_.size);
        g_autoptr(GPtrArray) all = g_ptr_array_new(), signed_ = g_ptr_array_new();
        g_ptr_array_add(signed_, length);
        for (const char *const *h = more; h && *h; h++)
                g_ptr_array_add(signed_, (gpointer)*h);
        g_ptr_array_add(signed_, NULL);
        g_auto(GStrv) made = tb_azure_headers(
                &a->key,
                &(TbBucketRequest){ask_.method, url, (const char *const *)signed_->pdata, tb_clock_ms()});
        for (char **h = made; h && *h; h++)
                g_ptr_array_add(all, *h);
        for (guint i = 1; i < signed_->len; i++)
                g_ptr_array_add(all, signed_->pdata[i]);
        ask_.url = url;
        ask_.headers = (char **)all->pdata;
        return tb_blob_ask(a->wire, &ask_, ret, error);
}

/* The container is made once, when it is needed first. */
static bool make(Azure *a, GError **error)
{
        g_auto(TbBlobAnswer) answer = {0};
        g_autoptr(GError) why = NULL;
        if (!a->options->create || g_atomic_int_get(&a->is_made))
                return true;
        if (!ask(a, (TbBlobAsk){.method = "PUT"}, NULL, "restype=container", NULL, &answer, &why) &&
            answer.status != 409) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        g_atomic_int_set(&a->is_made, 1);
        return true;
}

static bool azure_stat(gpointer store, const char *name, TbBlobInfo *ret, GError **error)
{
        g_auto(TbBlobAnswer) answer = {0};
        if (!ask(store, (TbBlobAsk){.method = "HEAD"}, name, NULL, NULL, &answer, error))
                return false;
        tb_blob_answer_info(&answer, ret);
        return true;
}

static bool azure_put(gpointer store, const char *name, gint64 size, TbPipe *body, TbBlobInfo *ret,
                      gint64 *ret_replaced, GError **error)
{
        static const char *const block[] = {BLOCK, NULL};
        g_auto(TbBlobAnswer) answer = {0};
        gint64 before = 0;
        if (!make(store, error) || !tb_blob_size_of(azure_stat, store, name, &before, error) ||
            !ask(store, (TbBlobAsk){.method = "PUT", .body = body, .size = size}, name, NULL, block, &answer,
                 error))
                return false;
        ret->size = size;
        g_strlcpy(ret->etag, answer.etag, sizeof ret->etag);
        *ret_replaced = before;
        return true;
}

static bool azure_get(gpointer store, const char *name, const char *etag, gint64 from, gint64 n, TbPipe *to,
                      GError **error)
{
        g_autofree char *range = g_strdup_printf("x-ms-range: bytes=%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT,
                                                 from, from + n - 1),
                        *match = etag ? g_strconcat("if-match: ", etag, NULL) : NULL;
        const char *more[] = {range, match, NULL};
        g_auto(TbBlobAnswer) answer = {0};
        return n == 0 || ask(store, (TbBlobAsk){.method = "GET", .to = to, .to_size = n}, name, NULL, more,
                             &answer, error);
}

static bool azure_remove(gpointer store, const char *name, gint64 *ret_bytes, GError **error)
{
        g_auto(TbBlobAnswer) answer = {0};
        gint64 bytes = 0;
        g_autoptr(GError) why = NULL;
        if (!tb_blob_size_of(azure_stat, store, name, &bytes, error))
                return false;
        if (!ask(store, (TbBlobAsk){.method = "DELETE"}, name, NULL, NULL, &answer, &why) &&
            !g_error_matches(why, TB_ERROR, TB_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        *ret_bytes = bytes;
        return true;
}

/* --- what is there --- */
static bool page(Azure *a, const char *mark, TbBlobListing *ret, GError **error)
{
        g_autofree char *escaped = mark ? tb_bucket_escape(mark, false) : NULL,
                        *query = g_strconcat("restype=container&comp=list&prefix=" PREFIX "&maxresults=" PAGE,
                                             escaped ? "&marker=" : NULL, escaped, NULL);
        g_auto(TbBlobAnswer) answer = {0};
        return ask(a, (TbBlobAsk){.method = "GET"}, NULL, query, NULL, &answer, error) &&
               tb_blob_listing_parse(answer.text->str, answer.text->len, ret, error);
}

static bool azure_count(gpointer store, guint64 *ret_bytes, GError **error)
{
        g_autofree char *mark = NULL;
        if (!make(store, error))
                return false;
        do {
                g_auto(TbBlobListing) listing = {0};
                if (!page(store, mark, &listing, error))
                        return false;
                for (guint i = 0; i < listing.rows->len; i++)
                        *ret_bytes += (guint64)((TbBlobRow *)listing.rows->pdata[i])->size;
                g_free(mark);
                mark = g_steal_pointer(&listing.next);
        } while (mark);
        return true;
}

/* The mark of the page in which names after `after` begin, where it is known. */
static char *mark_of(Azure *a, const char *after)
{
        tb_mutex_lock(&a->lock);
        char *mark = after && g_strcmp0(a->after, after) == 0 ? g_strdup(a->mark) : NULL;
        tb_mutex_unlock(&a->lock);
        return mark;
}

static void keep_mark(Azure *a, const char *last, const char *mark)
{
        tb_mutex_lock(&a->lock);
        g_free(a->after);
        g_free(a->mark);
        a->after = g_strdup(last);
        a->mark = g_strdup(mark);
        tb_mutex_unlock(&a->lock);
}

static bool azure_list(gpointer store, const char *after, gint64 from_ms, gint64 to_ms, guint most,
                       char ***ret, GError **error)
{
        g_autofree char *mark = mark_of(store, after);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        for (bool more = true; more;) {
                g_auto(TbBlobListing) listing = {0};
                if (!page(store, mark, &listing, error))
                        return false;
                for (guint i = 0; i < listing.rows->len && names->len < most; i++) {
                        TbBlobRow *row = listing.rows->pdata[i];
                        if (row->ms >= from_ms && row->ms <= to_ms && tb_blob_name_valid(row->name) &&
                            (!after || strcmp(row->name, after) > 0))
                                g_ptr_array_add(names, g_steal_pointer(&row->name));
                }
                more = listing.next && names->len < most;
                if (!more)
                        keep_mark(store, names->len ? names->pdata[names->len - 1] : NULL, mark);
                g_free(mark);
                mark = g_steal_pointer(&listing.next);
        }
        g_ptr_array_add(names, NULL);
        *ret = (char **)g_ptr_array_steal(names, NULL);
        return true;
}

const TbBlobBackend tb_blob_azure = {.open = azure_open,
                                     .close = azure_close,
                                     .container = azure_container,
                                     .uri = azure_uri,
                                     .grant = azure_grant,
                                     .put_header = "x-ms-blob-type",
                                     .put_value = "BlockBlob",
                                     .count = azure_count,
                                     .put = azure_put,
                                     .get = azure_get,
                                     .stat = azure_stat,
                                     .remove = azure_remove,
                                     .list = azure_list};
