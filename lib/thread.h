#pragma once
/*
 * The only module that knows threads. A daemon's state belongs to its main thread; everything else crosses
 * over here: tb_main_post      any thread -> main loop, in order, refused after tb_main_stop() TbMailbox any
 * thread -> main loop, latest wins (frames) TbQueue           main -> worker, bounded, blocking take
 *   TbInterruptor     any thread -> a thread that blocks in poll(): sticky until cleared
 * TbMutex wraps pthread, because ThreadSanitizer does not see inside GLib's own mutex.
 */
#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

typedef struct TbMutex {
        pthread_mutex_t m;
} TbMutex;

void tb_mutex_init(TbMutex *mutex);
void tb_mutex_clear(TbMutex *mutex);
void tb_mutex_lock(TbMutex *mutex);
void tb_mutex_unlock(TbMutex *mutex);

typedef struct TbCond {
        pthread_cond_t c;
} TbCond;

void tb_cond_init(TbCond *cond);
void tb_cond_clear(TbCond *cond);
void tb_cond_signal(TbCond *cond);
void tb_cond_broadcast(TbCond *cond);
/* Waits until signalled, or until the monotonic time `until_us` (< 0: for ever). False on timeout. */
bool tb_cond_wait_until(TbCond *cond, TbMutex *mutex, gint64 until_us);

/* --- threads --- */
typedef struct TbThread TbThread;
/* `name` shows in ps and gdb (15 bytes). */
TbThread *tb_thread_start(const char *name, void (*run)(gpointer), gpointer data);
void tb_thread_join(TbThread *thread); /* frees it; accepts NULL */
/* For a library call that can neither be interrupted nor be given a deadline (libc's resolver): nobody waits
 * for its end, and it may outlive the caller, so `data` must belong to both of them (a counted reference). */
void tb_thread_detach(const char *name, void (*run)(gpointer), gpointer data);

/* --- main loop --- */
/* Declares the calling thread as main and `context` (NULL: the default) as its loop. Once per process, before
 * any other thread. */
void tb_main_init(GMainContext *context);
bool tb_is_main(void);
#define tb_assert_main() g_assert(tb_is_main())
/* Runs `call(data)` on the main loop. Calls keep their order. After tb_main_stop() it returns false and calls
 * nothing: the caller keeps `data`. Any thread. */
bool tb_main_post(void (*call)(gpointer), gpointer data);
/* Refuses further posts and runs those that are queued, so that nobody is called after what they use is gone.
 * Main thread. */
void tb_main_stop(void);

/* --- mailbox --- */
typedef struct TbMailbox TbMailbox;
/* `arrived` runs on the main loop after a post; it calls tb_mailbox_take(). `free_item` gets what was
 * overwritten. */
TbMailbox *tb_mailbox_new(void (*arrived)(gpointer), gpointer data, GDestroyNotify free_item);
void tb_mailbox_post(TbMailbox *box, gpointer item); /* any thread; takes item */
gpointer tb_mailbox_take(TbMailbox *box);            /* main; NULL when empty */
guint tb_mailbox_dropped(TbMailbox *box);            /* items overwritten so far */
void tb_mailbox_free(TbMailbox *box);                /* main, after the producer was joined */

/* --- queue --- */
typedef struct TbQueue TbQueue;
TbQueue *tb_queue_new(guint limit, GDestroyNotify free_item);
bool tb_queue_push(TbQueue *queue, gpointer item); /* false when full or closed: the caller keeps item */
gpointer tb_queue_take(
        TbQueue *queue,
        gint64 until_us); /* NULL on timeout, or when closed and empty; until_us < 0: for ever; 0: at once */
guint tb_queue_length(TbQueue *queue);
void tb_queue_close(TbQueue *queue); /* wakes every taker */
void tb_queue_free(TbQueue *queue);

/* --- interruptor --- */
typedef struct TbInterruptor TbInterruptor;
TbInterruptor *tb_interruptor_new(void);
void tb_interruptor_raise(TbInterruptor *intr); /* any thread; stays raised */
void tb_interruptor_lower(TbInterruptor *intr);
bool tb_interruptor_raised(TbInterruptor *intr);
int tb_interruptor_fd(TbInterruptor *intr); /* readable while raised; borrowed */
void tb_interruptor_free(TbInterruptor *intr);
