#include "server/blob/blob.h"

#include <string.h>

#include "lib/error.h"
#include "lib/log.h"
#include "lib/refcount.h"
#include "lib/thread.h"
#include "server/blob/private.h"

#define NAME_MAX_BYTES 512
#define SEGMENT_MAX_BYTES 200

/* What threads hold on to while the server that asked them may have gone. */
typedef struct Store {
        TbRefCount ref;
        const TbBlobBackend *backend;
        gpointer store; /* owned */
} Store;

typedef enum Kind { COUNT, PUT, GET, REMOVE, LIST } Kind;

typedef struct Call {
        Store *store;   /* ref */
        TbBlobs *blobs; /* borrowed, main only; NULL: it has gone */
        GList link;     /* in blobs->calls */
        Kind kind;
        char *name; /* owned */
        gint64 size, from;
        TbPipe *pipe; /* ref; NULL: none */
        TbBlobDone done;
        TbBlobNames listed;
        gpointer data;
        gint64 from_ms, to_ms; /* of a list; `size` names at most */
        /* what became of it */
        TbBlobInfo info;
        gint64 less; /* bytes that are not there any more */
        guint64 counted;
        char **names;  /* owned */
        GError *error; /* owned; NULL: it was done */
} Call;

struct TbBlobs {
        Store *store; /* ref */
        guint64 quota, used;
        gint64 promised; /* bytes of what is being put */
        bool is_counted;
        GQueue waiting; /* owned Call: puts until what is there is counted */
        GQueue calls;   /* Call; of threads */
        guint64 put, put_bytes;
};

bool tb_blob_name_valid(const char *name)
{
        gsize size = strlen(name);
        if (size == 0 || size > NAME_MAX_BYTES || !g_utf8_validate(name, (gssize)size, NULL))
                return false;
        for (const char *p = name; *p; p++)
                if ((guchar)*p < ' ' || *p == 0x7f || *p == '\\')
                        return false;
        for (const char *at = name;;) {
                gsize n = strcspn(at, "/");
                if (n == 0 || n > SEGMENT_MAX_BYTES || *at == '.')
                        return false;
                if (!at[n])
                        return true;
                at += n + 1;
        }
}

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
        tb_pipe_unref(c->pipe);
        g_strfreev(c->names);
        g_clear_error(&c->error);
        g_free(c);
}

static bool launch(TbBlobs *blobs, Call *c, GError **error);

/* --- on main: what became of a call --- */
static void on_counted(TbBlobs *blobs, const Call *c)
{
        if (c->error)
                tb_log(TB_LOG_WARNING, TB_F(), "what clips take is not known: %s", c->error->message);
        blobs->used += c->counted;
        blobs->is_counted = true;
        Call *next;
        while ((next = g_queue_pop_head(&blobs->waiting))) {
                g_autoptr(GError) error = NULL;
                if (launch(blobs, next, &error))
                        continue;
                blobs->promised -= next->size;
                next->done(NULL, error, next->data);
                call_free(next);
        }
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
                if (c->kind == PUT && !c->error) {
                        blobs->used += (guint64)c->size;
                        blobs->put++;
                        blobs->put_bytes += (guint64)c->size;
                }
                blobs->used -= MIN(blobs->used, (guint64)c->less);
                if (c->listed)
                        c->listed(g_steal_pointer(&c->names), c->error, c->data);
                if (c->done)
                        c->done(c->error ? NULL : &c->info, c->error, c->data);
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
                if (b->get(store, c->name, c->from, c->size, c->pipe, &c->error))
                        tb_pipe_finish(c->pipe);
                else
                        tb_pipe_fail(c->pipe, c->error);
                break;
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
TbBlobs *tb_blobs_new(const TbBlobBackend *backend, const char *where, guint64 quota)
{
        TbBlobs *blobs = g_new0(TbBlobs, 1);
        blobs->store = g_new0(Store, 1);
        tb_ref_init(&blobs->store->ref);
        blobs->store->backend = backend;
        blobs->store->store = backend->open(where);
        blobs->quota = quota;
        g_autoptr(GError) error = NULL;
        Call *count = new_call(blobs, COUNT, NULL, NULL, NULL);
        if (!launch(blobs, count, &error)) {
                count->error = g_steal_pointer(&error);
                on_counted(blobs, count);
                call_free(count);
        }
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
        store_unref(blobs->store);
        g_free(blobs);
}

const char *tb_blobs_container(const TbBlobs *blobs)
{
        return blobs->store->backend->container;
}

guint64 tb_blobs_used(const TbBlobs *blobs)
{
        return blobs->used + (guint64)blobs->promised;
}

/* --- calls --- */
bool tb_blobs_put(TbBlobs *blobs, const char *name, gint64 size, TbPipe *body, TbBlobDone done, gpointer data,
                  GError **error)
{
        tb_assert_main();
        if (!check_name(name, error))
                return false;
        if (blobs->quota && tb_blobs_used(blobs) + (guint64)size > blobs->quota) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "there is no room for this clip: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                             " bytes are taken (blob: quota_bytes)",
                             tb_blobs_used(blobs), blobs->quota);
                return false;
        }
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

bool tb_blobs_get(TbBlobs *blobs, const char *name, gint64 from, gint64 n, TbPipe *to, TbBlobDone done,
                  gpointer data, GError **error)
{
        tb_assert_main();
        if (!check_name(name, error))
                return false;
        Call *c = new_call(blobs, GET, name, done, data);
        c->from = from;
        c->size = n;
        c->pipe = tb_pipe_ref(to);
        return begin(blobs, c, error);
}

bool tb_blobs_remove(TbBlobs *blobs, const char *name, TbBlobDone done, gpointer data, GError **error)
{
        tb_assert_main();
        return check_name(name, error) && begin(blobs, new_call(blobs, REMOVE, name, done, data), error);
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
