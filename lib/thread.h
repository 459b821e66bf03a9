#pragma once
/*
 * The only module that knows threads. A daemon's state belongs to its main thread; everything else crosses
 * over here:
 *   tb_main_post      any thread -> main loop, in order, refused after tb_main_stop()
 *   TbInlet           a device's threads -> main loop, in order, with a ceiling that the sender waits at (lib/inlet.h)
 *   TbMailbox         any thread -> main loop, latest wins (frames)
 *   TbQueue           main -> worker, bounded, blocking take
 *   TbInterruptor     any thread -> a thread that blocks in poll(): sticky until cleared
 *   tb_jobs           main -> threads that compute for a caller, in turns (lib/job.h)
 * TbMutex wraps pthread, because ThreadSanitizer does not see inside GLib's own mutex.
 */
#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

typedef struct TbMutex {
        pthread_mutex_t m;
} TbMutex;

#define TB_MUTEX_INIT                                                                                        \
        {                                                                                                    \
                PTHREAD_MUTEX_INITIALIZER                                                                    \
        } /* of a static one */
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
/* The same for what can be refused or tried again: NULL with TB_ERROR_UNAVAILABLE when no thread can be had. */
TbThread *tb_thread_try_start(const char *name, void (*run)(gpointer), gpointer data, GError **error);
void tb_thread_join(TbThread *thread); /* frees it; accepts NULL */
/* Called by a thread that computes: threads that answer somebody go before it. */
void tb_thread_yield_to_others(void);
/* For a library call that can neither be interrupted nor be given a deadline (libc's resolver): nobody waits
 * for its end, and it may outlive the caller, so `data` must belong to both of them (a counted reference). */
void tb_thread_detach(const char *name, void (*run)(gpointer), gpointer data);
/* The same for what can be refused: false with TB_ERROR_UNAVAILABLE, and `run` was not called. */
bool tb_thread_try_detach(const char *name, void (*run)(gpointer), gpointer data, GError **error);

/* --- main loop --- */
/* Declares the calling thread as main and `context` (NULL: the default) as its loop. Once per process, before
 * any other thread. */
void tb_main_init(GMainContext *context);
bool tb_is_main(void);
#define tb_assert_main() g_assert(tb_is_main())
/* Runs `call(data)` on the main loop. Calls keep their order. After tb_main_stop() it returns false and calls
 * nothing: the caller keeps `data`. For what is rare by itself; what a device sends at its own rate goes through an
 * inlet. Any thread. */
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
TbInterruptor *tb_interruptor_try_new(
        GError **error);                        /* NULL with TB_ERROR_UNAVAILABLE: no descriptor is left */
void tb_interruptor_raise(TbInterruptor *intr); /* any thread; stays raised */
void tb_interruptor_lower(TbInterruptor *intr);
bool tb_interruptor_raised(TbInterruptor *intr);
int tb_interruptor_fd(TbInterruptor *intr); /* readable while raised; borrowed */
void tb_interruptor_free(TbInterruptor *intr);
