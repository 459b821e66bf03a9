#include "host/core/lanes/call_queue.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"

struct TbCallQueue {
        TbMutex lock;
        TbCond changed;
        GQueue waiting[TB_CALL_RANKS]; /* of TbCall; protected by lock */
        bool closed, prefers;          /* protected by lock */
};

TbCallQueue *tb_call_queue_new(void)
{
        TbCallQueue *queue = g_new0(TbCallQueue, 1);
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

/* Lock held. Of those of one rank every second one is the oldest, and every second one the oldest of who does not
 * yield: many that come by a server make one here wait for one more, not for all. */
static TbCall *pop(TbCallQueue *queue)
{
        guint rank = TB_CALL_RANKS;
        while (rank > 0 && queue->waiting[rank - 1].length == 0)
                rank--;
        if (rank == 0)
                return NULL;
        GQueue *waiting = &queue->waiting[rank - 1];
        GList *next = waiting->head;
        queue->prefers = !queue->prefers;
        if (queue->prefers)
                while (next && ((TbCall *)next->data)->yields)
                        next = next->next;
        TbCall *call = (next ? next : waiting->head)->data;
        g_queue_delete_link(waiting, next ? next : waiting->head);
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
