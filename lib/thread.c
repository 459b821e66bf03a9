#include "lib/thread.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/descriptors.h"
#include "lib/error.h"
#include "lib/inlet.h"

#define BACKGROUND_NICE 10

/* --- mutex, condition --- */
void tb_mutex_init(TbMutex *mutex)
{
        g_assert(pthread_mutex_init(&mutex->m, NULL) == 0);
}

void tb_mutex_clear(TbMutex *mutex)
{
        g_assert(pthread_mutex_destroy(&mutex->m) == 0);
}

void tb_mutex_lock(TbMutex *mutex)
{
        g_assert(pthread_mutex_lock(&mutex->m) == 0);
}

void tb_mutex_unlock(TbMutex *mutex)
{
        g_assert(pthread_mutex_unlock(&mutex->m) == 0);
}

void tb_cond_init(TbCond *cond)
{
        pthread_condattr_t attr;
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* the clock of g_get_monotonic_time() */
        g_assert(pthread_cond_init(&cond->c, &attr) == 0);
        pthread_condattr_destroy(&attr);
}

void tb_cond_clear(TbCond *cond)
{
        pthread_cond_destroy(&cond->c);
}

void tb_cond_signal(TbCond *cond)
{
        pthread_cond_signal(&cond->c);
}

void tb_cond_broadcast(TbCond *cond)
{
        pthread_cond_broadcast(&cond->c);
}

bool tb_cond_wait_until(TbCond *cond, TbMutex *mutex, gint64 until_us)
{
        if (until_us < 0)
                return pthread_cond_wait(&cond->c, &mutex->m) == 0;
        struct timespec ts = {.tv_sec = until_us / G_USEC_PER_SEC,
                              .tv_nsec = until_us % G_USEC_PER_SEC * 1000};
        return pthread_cond_timedwait(&cond->c, &mutex->m, &ts) != ETIMEDOUT;
}

/* --- threads --- */
struct TbThread {
        pthread_t id;
        char name[16];
        void (*run)(gpointer);
        gpointer data; /* borrowed */
};

static void *thread_main(void *arg)
{
        TbThread *thread = arg;
        pthread_setname_np(pthread_self(), thread->name);
        thread->run(thread->data);
        return NULL;
}

TbThread *tb_thread_try_start(const char *name, void (*run)(gpointer), gpointer data, GError **error)
{
        TbThread *thread = g_new0(TbThread, 1);
        g_strlcpy(thread->name, name, sizeof thread->name);
        thread->run = run;
        thread->data = data;
        int rc = pthread_create(&thread->id, NULL, thread_main, thread);
        if (rc == 0)
                return thread;
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "no thread can be had for %s: %s", name, g_strerror(rc));
        g_free(thread);
        return NULL;
}

TbThread *tb_thread_start(const char *name, void (*run)(gpointer), gpointer data)
{
        g_autoptr(GError) error = NULL;
        TbThread *thread = tb_thread_try_start(name, run, data, &error);
        if (!thread)
                g_error("%s", error->message); /* like failing malloc: nothing can go on */
        return thread;
}

void tb_thread_yield_to_others(void)
{
        /* Linux counts niceness per thread */
        if (setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), BACKGROUND_NICE) < 0)
                return; /* it may not be had: fairness between jobs does not depend on it */
}

void tb_thread_join(TbThread *thread)
{
        if (!thread)
                return;
        pthread_join(thread->id, NULL);
        g_free(thread);
}

static void *thread_main_detached(void *arg)
{
        TbThread *thread = arg;
        pthread_detach(pthread_self());
        thread_main(thread);
        g_free(thread);
        return NULL;
}

bool tb_thread_try_detach(const char *name, void (*run)(gpointer), gpointer data, GError **error)
{
        TbThread *thread = g_new0(TbThread, 1);
        g_strlcpy(thread->name, name, sizeof thread->name);
        thread->run = run;
        thread->data = data;
        pthread_t id;
        int rc = pthread_create(&id, NULL, thread_main_detached, thread);
        if (rc == 0)
                return true;
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "no thread can be had for %s: %s", name, g_strerror(rc));
        g_free(thread);
        return false;
}

void tb_thread_detach(const char *name, void (*run)(gpointer), gpointer data)
{
        g_autoptr(GError) error = NULL;
        if (!tb_thread_try_detach(name, run, data, &error))
                g_error("%s", error->message);
}

/* --- who is main --- */
static pthread_t main_thread;
static bool declared; /* it stays main after the loop was stopped */

void tb_thread_declare_main(void)
{
        main_thread = pthread_self();
        declared = true;
}

bool tb_is_main(void)
{
        return declared && pthread_equal(main_thread, pthread_self());
}

/* --- mailbox --- */
typedef struct MailboxSource {
        GSource source;
        TbMailbox *box; /* borrowed */
} MailboxSource;

struct TbMailbox {
        MailboxSource *source; /* ref */
        TbMutex lock;
        gpointer pending; /* owned; protected by lock */
        void (*arrived)(gpointer);
        gpointer data; /* borrowed */
        GDestroyNotify free_item;
};

static gboolean mailbox_dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED,
                                 gpointer data G_GNUC_UNUSED)
{
        TbMailbox *box = ((MailboxSource *)source)->box;
        g_source_set_ready_time(
                source, -1); /* disarm, then let the consumer take: a post in between only wakes once more */
        box->arrived(box->data);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs mailbox_funcs = {.dispatch = mailbox_dispatch};

TbMailbox *tb_mailbox_new(void (*arrived)(gpointer), gpointer data, GDestroyNotify free_item)
{
        TbMailbox *box = g_new0(TbMailbox, 1);
        tb_mutex_init(&box->lock);
        box->arrived = arrived;
        box->data = data;
        box->free_item = free_item;
        box->source = (MailboxSource *)g_source_new(&mailbox_funcs, sizeof(MailboxSource));
        box->source->box = box;
        g_source_attach(&box->source->source, NULL);
        return box;
}

void tb_mailbox_post(TbMailbox *box, gpointer item)
{
        tb_mutex_lock(&box->lock);
        gpointer old = box->pending;
        box->pending = item;
        g_source_set_ready_time(&box->source->source, 0);
        tb_mutex_unlock(&box->lock);
        if (old)
                box->free_item(old); /* never under the lock */
}

gpointer tb_mailbox_take(TbMailbox *box)
{
        tb_mutex_lock(&box->lock);
        gpointer item = g_steal_pointer(&box->pending);
        tb_mutex_unlock(&box->lock);
        return item;
}

void tb_mailbox_free(TbMailbox *box)
{
        if (!box)
                return;
        g_source_destroy(&box->source->source);
        g_source_unref(&box->source->source);
        if (box->pending)
                box->free_item(box->pending);
        tb_mutex_clear(&box->lock);
        g_free(box);
}

/* --- queue --- */
struct TbQueue {
        TbMutex lock;
        TbCond changed;
        GQueue items; /* owned; protected by lock */
        bool closed;  /* protected by lock */
        guint limit;
        GDestroyNotify free_item;
};

TbQueue *tb_queue_new(guint limit, GDestroyNotify free_item)
{
        TbQueue *queue = g_new0(TbQueue, 1);
        tb_mutex_init(&queue->lock);
        tb_cond_init(&queue->changed);
        g_queue_init(&queue->items);
        queue->limit = limit;
        queue->free_item = free_item;
        return queue;
}

bool tb_queue_push(TbQueue *queue, gpointer item)
{
        tb_mutex_lock(&queue->lock);
        bool fits = !queue->closed && queue->items.length < queue->limit;
        if (fits) {
                g_queue_push_tail(&queue->items, item);
                tb_cond_signal(&queue->changed);
        }
        tb_mutex_unlock(&queue->lock);
        return fits;
}

gpointer tb_queue_take(TbQueue *queue, gint64 until_us)
{
        tb_mutex_lock(&queue->lock);
        while (queue->items.length == 0 && !queue->closed && until_us != 0)
                if (!tb_cond_wait_until(&queue->changed, &queue->lock, until_us))
                        break;
        gpointer item = g_queue_pop_head(&queue->items);
        tb_mutex_unlock(&queue->lock);
        return item;
}

guint tb_queue_length(TbQueue *queue)
{
        tb_mutex_lock(&queue->lock);
        guint n = queue->items.length;
        tb_mutex_unlock(&queue->lock);
        return n;
}

void tb_queue_close(TbQueue *queue)
{
        tb_mutex_lock(&queue->lock);
        queue->closed = true;
        tb_cond_broadcast(&queue->changed);
        tb_mutex_unlock(&queue->lock);
}

void tb_queue_free(TbQueue *queue)
{
        if (!queue)
                return;
        g_queue_clear_full(&queue->items, queue->free_item);
        tb_cond_clear(&queue->changed);
        tb_mutex_clear(&queue->lock);
        g_free(queue);
}

/* --- interruptor --- */
struct TbInterruptor {
        int fd; /* owned eventfd; readable while raised */
};

TbInterruptor *tb_interruptor_try_new(GError **error)
{
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "no descriptor can be had: %s", g_strerror(errno));
                return NULL;
        }
        if (!tb_descriptors_allow_device(fd)) {
                close(fd);
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "no descriptor can be had: the last ones are kept");
                return NULL;
        }
        TbInterruptor *intr = g_new(TbInterruptor, 1);
        intr->fd = fd;
        return intr;
}

TbInterruptor *tb_interruptor_new(void)
{
        g_autoptr(GError) error = NULL;
        TbInterruptor *intr = tb_interruptor_try_new(&error);
        if (!intr)
                g_error("eventfd: %s", error->message);
        return intr;
}

void tb_interruptor_raise(TbInterruptor *intr)
{
        guint64 one = 1;
        if (write(intr->fd, &one, sizeof one) < 0)
                g_assert(errno == EAGAIN); /* the counter is full: it is raised */
}

void tb_interruptor_lower(TbInterruptor *intr)
{
        guint64 count;
        if (read(intr->fd, &count, sizeof count) < 0)
                g_assert(errno == EAGAIN); /* it was not raised */
}

bool tb_interruptor_raised(TbInterruptor *intr)
{
        struct pollfd p = {.fd = intr->fd, .events = POLLIN};
        return poll(&p, 1, 0) > 0;
}

int tb_interruptor_fd(TbInterruptor *intr)
{
        return intr->fd;
}

void tb_interruptor_free(TbInterruptor *intr)
{
        if (!intr)
                return;
        close(intr->fd);
        g_free(intr);
}
