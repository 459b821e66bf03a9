#include "server/blob/blob.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits_clips.h"
#include "lib/log.h"
#include "lib/refcount.h"
#include "lib/thread.h"
#include "server/blob/private.h"

#define RECOUNT_S 21600
#define AGAIN_S 30 /* until what is there is counted again, while the bucket is away */

/* What threads hold on to while the server that asked them may have gone. */
typedef struct Store {
        TbRefCount ref;
        const TbBlobBackend *backend;
        gpointer store; /* owned */
} Store;

typedef enum Kind { COUNT, PUT, GET, STAT, REMOVE, LIST } Kind;

typedef struct Call {
        Store *store;   /* ref */
        TbBlobs *blobs; /* borrowed, main only; NULL: it has gone */
        GList link;     /* in blobs->calls */
        Kind kind;
        char *name; /* owned */
        char *etag; /* owned; NULL: any */
        gint64 size, from;
        TbPipe *pipe; /* ref; NULL: none */
        TbBlobDone done;
        TbBlobNames listed;
        gpointer data;
        gint64 from_ms, to_ms; /* of a list; `size` names at most */
        /* what became of it */
        TbBlobInfo info;
        bool unknown; /* it was never noted: nothing is less by it */
        gint64 less;  /* bytes that are not there any more */
        guint64 counted;
        char **names;  /* owned */
        GError *error; /* owned; NULL: it was done */
} Call;

struct TbBlobs {
        Store *store;                 /* ref */
        const TbBlobOptions *options; /* borrowed */
        guint64 used;
        GSource *again;  /* ref; counts once more; NULL: not needed */
        gint64 promised; /* bytes of what is being put */
        bool is_counted;
        GQueue waiting;  /* owned Call: puts until what is there is counted */
        GQueue removals; /* owned Call: until fewer are being removed */
        guint removing;
        GQueue calls; /* Call; of threads */
        guint64 put, put_bytes;
};

static void store_unref(Store *store)
{
        if (!tb_ref_dec(&store->ref))
                return;
        store->backend->close(store->store);
        g_free(store);
}

static void call_free(gpointer p)
{
        Call *c = p;
        store_unref(c->store);
        g_free(c->name);
        g_free(c->etag);
        tb_pipe_unref(c->pipe);
        g_strfreev(c->names);
        g_clear_error(&c->error);
        g_free(c);
}

static bool launch(TbBlobs *blobs, Call *c, GError **error);

/* --- on main: what became of a call --- */
static void count(TbBlobs *blobs);

static gboolean on_again(gpointer data)
{
        TbBlobs *blobs = data;
        g_clear_pointer(&blobs->again, g_source_unref);
        count(blobs);
        return G_SOURCE_REMOVE;
}

/* Clips are taken meanwhile. */
static void count_later(TbBlobs *blobs, guint seconds)
{
        blobs->again = g_timeout_source_new_seconds(seconds);
        g_source_set_callback(blobs->again, on_again, blobs, NULL);
        g_source_attach(blobs->again, NULL);
}

/* One that waited. */
static bool launch_late(TbBlobs *blobs, Call *c)
{
        g_autoptr(GError) error = NULL;
        if (launch(blobs, c, &error))
                return true;
        if (c->kind == PUT)
                blobs->promised -= c->size;
        if (c->done)
                c->done(NULL, error, c->data);
        call_free(c);
        return false;
}

static void on_counted(TbBlobs *blobs, const Call *c)
{
        if (c->error) {
                tb_log(TB_LOG_WARNING, TB_F(), "what clips take is not known: %s", c->error->message);
                count_later(blobs, AGAIN_S);
        } else {
                blobs->used = c->counted;
                if (blobs->store->backend->grant)
                        count_later(blobs, RECOUNT_S);
        }
        blobs->is_counted = true;
        Call *next;
        while ((next = g_queue_pop_head(&blobs->waiting)))
                launch_late(blobs, next);
}

/* A sweep asks for hundreds, each of which has a thread of its own. */
static void remove_next(TbBlobs *blobs)
{
        Call *next;
        while (blobs->removing < TB_LIMIT_CLIPS_REMOVING && (next = g_queue_pop_head(&blobs->removals)))
                blobs->removing += launch_late(blobs, next);
}

static void on_done(gpointer data)
{
        Call *c = data;
        TbBlobs *blobs = c->blobs;
        if (blobs) {
                g_queue_unlink(&blobs->calls, &c->link);
                if (c->kind == COUNT)
                        on_counted(blobs, c);
                if (c->kind == PUT)
                        blobs->promised -= c->size;
                if (c->kind == PUT && !c->error)
                        tb_blobs_note(blobs, c->size);
                if (!c->unknown)
                        blobs->used -= MIN(blobs->used, (guint64)c->less);
                if (c->listed)
                        c->listed(g_steal_pointer(&c->names), c->error, c->data);
                if (c->done)
                        c->done(c->error ? NULL : &c->info, c->error, c->data);
                if (c->kind == REMOVE) {
                        blobs->removing--;
                        remove_next(blobs);
                }
        }
        call_free(c);
}

/* --- its thread --- */
static void run(gpointer data)
{
        Call *c = data;
        const TbBlobBackend *b = c->store->backend;
        gpointer store = c->store->store;
        switch (c->kind) {
        case COUNT: b->count(store, &c->counted, &c->error); break;
        case PUT:
                b->put(store, c->name, c->size, c->pipe, &c->info, &c->less, &c->error);
                if (c->error) /* who sends it need not go on */
                        tb_pipe_fail(c->pipe, c->error);
                break;
        case GET:
                if (b->get(store, c->name, c->etag, c->from, c->size, c->pipe, &c->error))
                        tb_pipe_finish(c->pipe);
                else
                        tb_pipe_fail(c->pipe, c->error);
                break;
        case STAT: b->stat(store, c->name, &c->info, &c->error); break;
        case REMOVE: b->remove(store, c->name, &c->less, &c->error); break;
        case LIST: b->list(store, c->name, c->from_ms, c->to_ms, (guint)c->size, &c->names, &c->error); break;
        }
        if (!tb_main_post(on_done, c))
                call_free(c);
}

static bool launch(TbBlobs *blobs, Call *c, GError **error)
{
        c->blobs = blobs;
        c->link.data = c;
        g_queue_push_tail_link(&blobs->calls, &c->link);
        if (tb_thread_try_detach("clip", run, c, error))
                return true;
        g_queue_unlink(&blobs->calls, &c->link);
        return false;
}

static Call *new_call(TbBlobs *blobs, Kind kind, const char *name, TbBlobDone done, gpointer data)
{
        Call *c = g_new0(Call, 1);
        c->store = blobs->store;
        tb_ref_inc(&c->store->ref);
        c->kind = kind;
        c->name = g_strdup(name);
        c->done = done;
        c->data = data;
        return c;
}

static bool begin(TbBlobs *blobs, Call *c, GError **error)
{
        if (launch(blobs, c, error))
                return true;
        call_free(c);
        return false;
}

static bool check_name(const char *name, GError **error)
{
        if (tb_blob_name_valid(name))
                return true;
        tb_set_error(error, TB_ERROR_INVALID, "invalid upload path");
        return false;
}

/* --- life --- */
static void count(TbBlobs *blobs)
{
        g_autoptr(GError) error = NULL;
        Call *c = new_call(blobs, COUNT, NULL, NULL, NULL);
        if (!launch(blobs, c, &error)) {
                c->error = g_steal_pointer(&error);
                on_counted(blobs, c);
                call_free(c);
        }
}

static const TbBlobBackend *backend_of(const TbBlobOptions *options)
{
        return options->bucket ? &tb_blob_s3 : options->container ? &tb_blob_azure : &tb_blob_folder;
}

TbBlobs *tb_blobs_new(const TbBlobOptions *options)
{
        TbBlobs *blobs = g_new0(TbBlobs, 1);
        blobs->options = options;
        blobs->store = g_new0(Store, 1);
        tb_ref_init(&blobs->store->ref);
        blobs->store->backend = backend_of(options);
        blobs->store->store = blobs->store->backend->open(options);
        count(blobs);
        return blobs;
}

void tb_blobs_free(TbBlobs *blobs)
{
        if (!blobs)
                return;
        g_autoptr(GError) over = g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, "the server is ending");
        for (GList *l = blobs->calls.head; l; l = l->next) {
                Call *c = l->data;
                c->blobs = NULL;
                if (c->pipe)
                        tb_pipe_fail(c->pipe, over);
        }
        g_queue_clear_full(&blobs->waiting, call_free);
        g_queue_clear_full(&blobs->removals, call_free);
        if (blobs->again) {
                g_source_destroy(blobs->again);
                g_source_unref(blobs->again);
        }
        store_unref(blobs->store);
        g_free(blobs);
}

const char *tb_blobs_container(const TbBlobs *blobs)
{
        return blobs->store->backend->container(blobs->store->store);
}

char *tb_blobs_uri(const TbBlobs *blobs, const char *name)
{
        return blobs->store->backend->uri(blobs->store->store, name);
}

guint64 tb_blobs_used(const TbBlobs *blobs)
{
        return blobs->used + (guint64)blobs->promised;
}

/* --- calls --- */
static bool check_put(TbBlobs *blobs, const char *name, gint64 size, GError **error)
{
        guint64 quota = blobs->options->quota_bytes;
        if (!check_name(name, error))
                return false;
        if (quota == 0 || tb_blobs_used(blobs) + (guint64)size <= quota)
                return true;
        tb_set_error(error, TB_ERROR_UNAVAILABLE,
                     "there is no room for this clip: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                     " bytes are taken (blob: quota_bytes)",
                     tb_blobs_used(blobs), quota);
        return false;
}

bool tb_blobs_are_direct(const TbBlobs *blobs)
{
        return blobs->store->backend->grant && blobs->options->direct;
}

char *tb_blobs_grant_put(TbBlobs *blobs, const char *name, gint64 size, GError **error)
{
        const TbBlobBackend *b = blobs->store->backend;
        if (!tb_blobs_are_direct(blobs) || !check_put(blobs, name, size, error))
                return NULL;
        return b->grant(blobs->store->store, name, size);
}

char *tb_blobs_grant_get(TbBlobs *blobs, const char *name)
{
        const TbBlobBackend *b = blobs->store->backend;
        return tb_blobs_are_direct(blobs) && tb_blob_name_valid(name)
                       ? b->grant(blobs->store->store, name, -1)
                       : NULL;
}

char *tb_blobs_client_origin(TbBlobs *blobs)
{
        g_autofree char *any = tb_blobs_grant_get(blobs, "sessions");
        const char *host = any ? strstr(any, "://") : NULL;
        return host ? g_strndup(any, (gsize)(host - any) + 3 + strcspn(host + 3, "/?")) : NULL;
}

json_t *tb_blobs_grant_headers(const TbBlobs *blobs)
{
        const TbBlobBackend *b = blobs->store->backend;
        return b->put_header ? json_pack("{s:s}", b->put_header, b->put_value) : json_object();
}

void tb_blobs_note(TbBlobs *blobs, gint64 size)
{
        blobs->used += (guint64)size;
        blobs->put++;
        blobs->put_bytes += (guint64)size;
}

bool tb_blobs_put(TbBlobs *blobs, const char *name, gint64 size, TbPipe *body, TbBlobDone done, gpointer data,
                  GError **error)
{
        tb_assert_main();
        if (!check_put(blobs, name, size, error))
                return false;
        Call *c = new_call(blobs, PUT, name, done, data);
        c->size = size;
        c->pipe = tb_pipe_ref(body);
        if (!blobs->is_counted)
                g_queue_push_tail(&blobs->waiting, c);
        else if (!begin(blobs, c, error))
                return false;
        blobs->promised += size;
        return true;
}

bool tb_blobs_stat(TbBlobs *blobs, const char *name, TbBlobDone done, gpointer data, GError **error)
{
        tb_assert_main();
        return check_name(name, error) && begin(blobs, new_call(blobs, STAT, name, done, data), error);
}

bool tb_blobs_get(TbBlobs *blobs, const char *name, const char *etag, gint64 from, gint64 n, TbPipe *to,
                  TbBlobDone done, gpointer data, GError **error)
{
        tb_assert_main();
        if (!check_name(name, error))
                return false;
        Call *c = new_call(blobs, GET, name, done, data);
        c->etag = g_strdup(etag);
        c->from = from;
        c->size = n;
        c->pipe = tb_pipe_ref(to);
        return begin(blobs, c, error);
}

static bool begin_removal(TbBlobs *blobs, Call *c, GError **error)
{
        if (blobs->removing >= TB_LIMIT_CLIPS_REMOVING) {
                g_queue_push_tail(&blobs->removals, c);
                return true;
        }
        if (!begin(blobs, c, error))
                return false;
        blobs->removing++;
        return true;
}

bool tb_blobs_remove(TbBlobs *blobs, const char *name, TbBlobDone done, gpointer data, GError **error)
{
        tb_assert_main();
        return check_name(name, error) &&
               begin_removal(blobs, new_call(blobs, REMOVE, name, done, data), error);
}

void tb_blobs_discard(TbBlobs *blobs, const char *name)
{
        tb_assert_main();
        Call *c = new_call(blobs, REMOVE, name, NULL, NULL);
        c->unknown = true;
        begin_removal(blobs, c, NULL);
}

bool tb_blobs_list(TbBlobs *blobs, const char *after, gint64 from_ms, gint64 to_ms, guint most,
                   TbBlobNames done, gpointer data)
{
        tb_assert_main();
        Call *c = new_call(blobs, LIST, after, NULL, data);
        c->listed = done;
        c->from_ms = from_ms;
        c->to_ms = to_ms;
        c->size = most;
        return begin(blobs, c, NULL);
}

void tb_blobs_metrics(GString *out, gpointer data)
{
        const TbBlobs *blobs = data;
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_clip_bytes", "Bytes of clips that are kept.",
                       (double)tb_blobs_used(blobs));
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_clips_put_total", "Clips that were taken.",
                       (double)blobs->put);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_clips_put_bytes_total", "Bytes of them.",
                       (double)blobs->put_bytes);
}
