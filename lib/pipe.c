#include "lib/pipe.h"

#include <string.h>

#include "lib/error.h"
#include "lib/refcount.h"
#include "lib/thread.h"

struct TbPipe {
        TbRefCount ref;
        gsize capacity;
        guint8 *ring; /* owned */
        TbMutex lock;
        TbCond changed;
        gsize head, length;      /* protected by lock; `head` is the next byte to read */
        bool finished;           /* protected by lock */
        GError *failure;         /* owned; protected by lock */
        bool starved;            /* protected by lock: the main side could not go on and wants to be called */
        void (*ready)(gpointer); /* main only */
        gpointer data;           /* main only; borrowed */
};

TbPipe *tb_pipe_new(gsize capacity)
{
        TbPipe *pipe = g_new0(TbPipe, 1);
        tb_ref_init(&pipe->ref);
        pipe->capacity = MAX(capacity, 1);
        pipe->ring = g_malloc(pipe->capacity);
        tb_mutex_init(&pipe->lock);
        tb_cond_init(&pipe->changed);
        return pipe;
}

TbPipe *tb_pipe_ref(TbPipe *pipe)
{
        tb_ref_inc(&pipe->ref);
        return pipe;
}

void tb_pipe_unref(TbPipe *pipe)
{
        if (!pipe || !tb_ref_dec(&pipe->ref))
                return;
        tb_cond_clear(&pipe->changed);
        tb_mutex_clear(&pipe->lock);
        g_clear_error(&pipe->failure);
        g_free(pipe->ring);
        g_free(pipe);
}

static void call_ready(gpointer data)
{
        TbPipe *pipe = data;
        if (pipe->ready)
                pipe->ready(pipe->data);
        tb_pipe_unref(pipe);
}

/* Lock held. Wakes whoever may go on: a blocked worker now, the starved main side by a post. */
static void progress(TbPipe *pipe)
{
        tb_cond_broadcast(&pipe->changed);
        if (!pipe->starved)
                return;
        pipe->starved = false;
        if (!tb_main_post(call_ready, tb_pipe_ref(pipe)))
                tb_pipe_unref(pipe); /* never the last: the caller holds one */
}

static gsize ring_put(TbPipe *pipe, const guint8 *data, gsize size)
{
        gsize n = MIN(size, pipe->capacity - pipe->length);
        gsize tail = (pipe->head + pipe->length) % pipe->capacity;
        gsize first = MIN(n, pipe->capacity - tail);
        memcpy(pipe->ring + tail, data, first);
        memcpy(pipe->ring, data + first, n - first);
        pipe->length += n;
        return n;
}

static gsize ring_get(TbPipe *pipe, guint8 *buf, gsize size)
{
        gsize n = MIN(size, pipe->length);
        gsize first = MIN(n, pipe->capacity - pipe->head);
        memcpy(buf, pipe->ring + pipe->head, first);
        memcpy(buf + first, pipe->ring, n - first);
        pipe->head = (pipe->head + n) % pipe->capacity;
        pipe->length -= n;
        return n;
}

static bool set_failure(TbPipe *pipe, GError **error)
{
        if (error)
                *error = g_error_copy(pipe->failure);
        return false;
}

gssize tb_pipe_read(TbPipe *pipe, void *buf, gsize size, GError **error)
{
        gssize result;
        tb_mutex_lock(&pipe->lock);
        while (!pipe->failure && pipe->length == 0 && !pipe->finished)
                tb_cond_wait_until(&pipe->changed, &pipe->lock, -1);
        if (pipe->failure) {
                set_failure(pipe, error);
                result = -1;
        } else {
                result = (gssize)ring_get(pipe, buf, size);
                if (result > 0)
                        progress(pipe);
        }
        tb_mutex_unlock(&pipe->lock);
        return result;
}

bool tb_pipe_write(TbPipe *pipe, const void *data, gsize size, GError **error)
{
        const guint8 *bytes = data;
        bool ok = true;
        tb_mutex_lock(&pipe->lock);
        while (ok && size > 0) {
                while (!pipe->failure && !pipe->finished && pipe->length == pipe->capacity)
                        tb_cond_wait_until(&pipe->changed, &pipe->lock, -1);
                if (pipe->failure) {
                        ok = set_failure(pipe, error);
                } else if (pipe->finished) {
                        tb_set_error(error, TB_ERROR_INTERRUPTED, "the pipe was closed");
                        ok = false;
                } else {
                        gsize n = ring_put(pipe, bytes, size);
                        bytes += n;
                        size -= n;
                        progress(pipe);
                }
        }
        tb_mutex_unlock(&pipe->lock);
        return ok;
}

gssize tb_pipe_try_read(TbPipe *pipe, void *buf, gsize size, GError **error)
{
        gssize result;
        tb_mutex_lock(&pipe->lock);
        if (pipe->failure) {
                set_failure(pipe, error);
                result = -2;
        } else if (pipe->length > 0) {
                result = (gssize)ring_get(pipe, buf, size);
                progress(pipe);
        } else if (pipe->finished) {
                result = -1;
        } else {
                pipe->starved = true;
                result = 0;
        }
        tb_mutex_unlock(&pipe->lock);
        return result;
}

gssize tb_pipe_try_write(TbPipe *pipe, const void *data, gsize size, GError **error)
{
        gssize result;
        tb_mutex_lock(&pipe->lock);
        if (pipe->failure) {
                set_failure(pipe, error);
                result = -2;
        } else if (pipe->finished) {
                tb_set_error(error, TB_ERROR_INTERRUPTED, "the pipe was closed");
                result = -2;
        } else {
                gsize n = ring_put(pipe, data, size);
                if (n > 0)
                        progress(pipe);
                pipe->starved = n < size; /* after progress(): our own write must not wake us */
                result = (gssize)n;
        }
        tb_mutex_unlock(&pipe->lock);
        return result;
}

void tb_pipe_on_ready(TbPipe *pipe, void (*ready)(gpointer), gpointer data)
{
        pipe->ready = ready;
        pipe->data = data;
}

void tb_pipe_finish(TbPipe *pipe)
{
        tb_mutex_lock(&pipe->lock);
        if (!pipe->finished && !pipe->failure) {
                pipe->finished = true;
                progress(pipe);
        }
        tb_mutex_unlock(&pipe->lock);
}

void tb_pipe_fail(TbPipe *pipe, const GError *error)
{
        tb_mutex_lock(&pipe->lock);
        if (!pipe->failure && !(pipe->finished && pipe->length == 0)) {
                pipe->failure = g_error_copy(error);
                progress(pipe);
        }
        tb_mutex_unlock(&pipe->lock);
}
