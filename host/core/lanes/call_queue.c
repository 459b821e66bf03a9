#include "host/core/lanes/call_queue.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"

struct TbCallQueue {
        TbMutex lock;
        TbCond changed;
        GQueue waiting[TB_CALL_RANKS]; /* of TbCall; protected by lock */
        GPtrArray *running;            /* TbCall, borrowed; protected by lock; NULL: not bounded */
        guint most;
        bool closed, prefers; /* protected by lock */
};

TbCallQueue *tb_call_queue_new(guint most)
{
        TbCallQueue *queue = g_new0(TbCallQueue, 1);
        queue->most = most;
        queue->running = most > 0 ? g_ptr_array_new() : NULL;
        tb_mutex_init(&queue->lock);
        tb_cond_init(&queue->changed);
        return queue;
}

void tb_call_queue_free(TbCallQueue *queue)
{
        if (!queue)
                return;
        tb_cond_clear(&queue->changed);
        tb_mutex_clear(&queue->lock);
        g_clear_pointer(&queue->running, g_ptr_array_unref);
        g_free(queue);
}

typedef struct Count {
        guint all, yielding, of_user;
} Count;

/* Lock held. */
static Count count(const TbCallQueue *queue, const char *user)
{
        Count n = {0};
        for (guint rank = 0; rank < TB_CALL_RANKS; rank++) {
                for (const GList *l = queue->waiting[rank].head; l; l = l->next) {
                        const TbCall *call = l->data;
                        n.all += call->user != NULL;
                        n.yielding += call->user && call->yields;
                        n.of_user += g_strcmp0(call->user, user) == 0;
                }
        }
        return n;
}

/* Lock held. */
static bool fits(const TbCallQueue *queue, const TbCall *call, GError **error)
{
        if (queue->closed) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the device is being removed");
                return false;
        }
        if (!call->user)
                return true;
        if (call->rank == TB_CALL_URGENT) {
                if (queue->waiting[TB_CALL_URGENT].length < TB_LIMIT_QUEUE_URGENT)
                        return true;
                tb_set_error(error, TB_ERROR_LIMIT, "busy: %d emergency commands wait already",
                             TB_LIMIT_QUEUE_URGENT);
                return false;
        }
        Count n = count(queue, call->user);
        guint share = call->watches ? TB_LIMIT_QUEUE_OF_VIEWER : TB_LIMIT_QUEUE_OF_USER;
        if (n.of_user >= share)
                tb_set_error(error, TB_ERROR_LIMIT,
                             "busy: %u commands of %s wait already, which is one user's share", n.of_user,
                             call->user);
        else if (n.all >= TB_LIMIT_QUEUE)
                tb_set_error(error, TB_ERROR_LIMIT, "busy: %u commands wait already, %u of them yours", n.all,
                             n.of_user);
        else if (call->yields && n.yielding >= TB_LIMIT_QUEUE_WATCHED)
                tb_set_error(
                        error, TB_ERROR_LIMIT,
                        "busy: %u commands of those who watch or come by a server wait already; the rest is "
                        "kept for who controls here",
                        n.yielding);
        else
                return true;
        return false;
}

bool tb_call_queue_push(TbCallQueue *queue, TbCall *call, GError **error)
{
        tb_mutex_lock(&queue->lock);
        bool ok = fits(queue, call, error);
        if (ok) {
                g_queue_push_tail(&queue->waiting[call->rank], call);
                tb_cond_signal(&queue->changed);
        }
        tb_mutex_unlock(&queue->lock);
        return ok;
}

/* Lock held. A reader who takes nothing holds a thread: the last ones are for others. */
static bool has_turn(const TbCallQueue *queue, const TbCall *call)
{
        if (!queue->running || !call->user || call->rank == TB_CALL_URGENT || queue->closed)
                return true;
        guint n = 0;
        for (guint i = 0; i < queue->running->len; i++)
                n += g_strcmp0(((TbCall *)g_ptr_array_index(queue->running, i))->user, call->user) == 0;
        return n < queue->most;
}

/* Lock held. The oldest of this rank that has its turn. */
static GList *oldest(const TbCallQueue *queue, guint rank, bool without_yielding)
{
        for (GList *l = queue->waiting[rank].head; l; l = l->next) {
                const TbCall *call = l->data;
                if ((!without_yielding || !call->yields) && has_turn(queue, call))
                        return l;
        }
        return NULL;
}

/* Lock held. Of those of one rank every second one is the oldest, and every second one the oldest of who does not
 * yield: many that come by a server make one here wait for one more, not for all. */
static TbCall *pop(TbCallQueue *queue)
{
        GList *next = NULL;
        guint rank = TB_CALL_RANKS;
        while (!next && rank > 0)
                next = oldest(queue, --rank, false);
        if (!next)
                return NULL;
        queue->prefers = !queue->prefers;
        GList *preferred = queue->prefers ? oldest(queue, rank, true) : NULL;
        TbCall *call = (preferred ? preferred : next)->data;
        g_queue_delete_link(&queue->waiting[rank], preferred ? preferred : next);
        if (queue->running)
                g_ptr_array_add(queue->running, call);
        return call;
}

TbCall *tb_call_queue_take(TbCallQueue *queue, gint64 until_us)
{
        tb_mutex_lock(&queue->lock);
        TbCall *call;
        while (!(call = pop(queue)) && !queue->closed && until_us != 0)
                if (!tb_cond_wait_until(&queue->changed, &queue->lock, until_us))
                        break;
        tb_mutex_unlock(&queue->lock);
        return call;
}

void tb_call_queue_done(TbCallQueue *queue, const TbCall *call)
{
        if (!queue->running)
                return;
        tb_mutex_lock(&queue->lock);
        g_ptr_array_remove_fast(queue->running, (gpointer)call);
        tb_cond_broadcast(&queue->changed); /* one of its user's may go on now */
        tb_mutex_unlock(&queue->lock);
}

bool tb_call_queue_remove(TbCallQueue *queue, TbCall *call)
{
        tb_mutex_lock(&queue->lock);
        bool waits = g_queue_remove(&queue->waiting[call->rank], call);
        tb_mutex_unlock(&queue->lock);
        return waits;
}

guint tb_call_queue_length(TbCallQueue *queue)
{
        tb_mutex_lock(&queue->lock);
        guint n = 0;
        for (guint rank = 0; rank < TB_CALL_RANKS; rank++)
                n += queue->waiting[rank].length;
        tb_mutex_unlock(&queue->lock);
        return n;
}

void tb_call_queue_close(TbCallQueue *queue)
{
        tb_mutex_lock(&queue->lock);
        queue->closed = true;
        tb_cond_broadcast(&queue->changed);
        tb_mutex_unlock(&queue->lock);
}
