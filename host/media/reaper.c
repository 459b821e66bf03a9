#include "host/media/reaper.h"

#include <malloc.h>

#include "lib/log.h"
#include "lib/thread.h"

typedef struct Job {
        GstElement *pipeline; /* ref */
        void (*first)(GstElement *pipeline);
        void (*done)(gpointer data);
        gpointer data;
} Job;

/* One thread's share; it frees it when it was abandoned, else its owner does. */
typedef struct Worker {
        TbThread *thread;  /* owned by main */
        gint64 busy_since; /* 0: idle; protected by lock */
        bool abandoned;    /* protected by lock */
} Worker;

static struct {
        TbMutex lock;
        TbCond changed;
        GQueue jobs;    /* owned Job; protected by lock */
        Worker *worker; /* owned; protected by lock; NULL: not needed yet, or none can be had */
        guint abandoned;
        guint watchdog;         /* main only */
        bool ready, told;       /* main only; told: in the log, that it has no thread */
        bool stop, freed, trim; /* protected by lock */
} reaper;

static void run(gpointer data)
{
        Worker *self = data;
        tb_mutex_lock(&reaper.lock);
        while (!self->abandoned) {
                Job *job = g_queue_pop_head(&reaper.jobs);
                if (!job) {
                        if (reaper.trim) {
                                reaper.trim = false;
                                tb_mutex_unlock(&reaper.lock);
                                malloc_trim(0); /* here, where nobody waits */
                                tb_mutex_lock(&reaper.lock);
                                continue;
                        }
                        if (reaper.stop)
                                break;
                        tb_cond_wait_until(&reaper.changed, &reaper.lock, -1);
                        continue;
                }
                self->busy_since = g_get_monotonic_time();
                tb_mutex_unlock(&reaper.lock);
                if (job->first)
                        job->first(job->pipeline);
                gst_element_set_state(job->pipeline, GST_STATE_NULL);
                gst_object_unref(job->pipeline);
                if (job->done)
                        tb_main_post(job->done, job->data);
                g_free(job);
                tb_mutex_lock(&reaper.lock);
                self->busy_since = 0;
                reaper.freed = true;
                tb_cond_broadcast(&reaper.changed);
        }
        bool mine = self->abandoned;
        tb_mutex_unlock(&reaper.lock);
        if (mine)
                g_free(self); /* it came back after all; its thread handle is lost */
}

/* With the lock held. Out of threads: the jobs wait, and watch() tries again. */
static void start_worker(void)
{
        g_autoptr(GError) error = NULL;
        Worker *w = g_new0(Worker, 1);
        w->thread = tb_thread_try_start("tb-reaper", run, w, &error);
        if (!w->thread) {
                if (!reaper.told)
                        tb_log(TB_LOG_ERROR, TB_F(), "media pipelines wait to be ended: %s", error->message);
                reaper.told = true;
                g_clear_pointer(&w, g_free);
        }
        reaper.told = reaper.told && !w;
        reaper.worker = w;
}

/* With the lock held. */
static void abandon_if_stuck(gint64 limit_us)
{
        Worker *w = reaper.worker;
        if (!w || !w->busy_since || g_get_monotonic_time() - w->busy_since < limit_us)
                return;
        w->abandoned = true;
        reaper.abandoned++;
        tb_log(TB_LOG_WARNING, TB_F(),
               "a media pipeline does not end; leaving it and its thread behind (%u so far)",
               reaper.abandoned);
        start_worker();
}

static gboolean watch(gpointer data G_GNUC_UNUSED)
{
        tb_mutex_lock(&reaper.lock);
        abandon_if_stuck(TB_REAPER_STUCK_MS * 1000);
        if (!reaper.worker)
                start_worker();
        bool idle =
                reaper.jobs.length == 0 && (!reaper.worker || !reaper.worker->busy_since) && !reaper.freed;
        if (idle)
                reaper.watchdog = 0;
        /* Megabytes of frames and packets are free: give them back. Once a second, because meanwhile nobody can
         * allocate; and behind the last job, because its owner frees the rest. */
        if (reaper.freed) {
                reaper.freed = false;
                reaper.trim = true;
                tb_cond_broadcast(&reaper.changed);
        }
        tb_mutex_unlock(&reaper.lock);
        return idle ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

void tb_reaper_take(GstElement *pipeline, void (*first)(GstElement *pipeline), void (*done)(gpointer data),
                    gpointer data)
{
        tb_assert_main();
        Job *job = g_new(Job, 1);
        *job = (Job){pipeline, first, done, data};
        if (!reaper.ready) {
                tb_mutex_init(&reaper.lock);
                tb_cond_init(&reaper.changed);
                reaper.ready = true;
        }
        tb_mutex_lock(&reaper.lock);
        reaper.stop = false;
        g_queue_push_tail(&reaper.jobs, job);
        if (!reaper.worker)
                start_worker();
        tb_cond_broadcast(&reaper.changed);
        tb_mutex_unlock(&reaper.lock);
        if (!reaper.watchdog)
                reaper.watchdog = g_timeout_add(1000, watch, NULL);
}

gboolean tb_reaper_drain(guint ms)
{
        if (!reaper.ready)
                return TRUE;
        gint64 until = g_get_monotonic_time() + ms * G_TIME_SPAN_MILLISECOND;
        tb_mutex_lock(&reaper.lock);
        bool idle;
        while (!(idle = reaper.jobs.length == 0 && (!reaper.worker || !reaper.worker->busy_since)))
                if (!tb_cond_wait_until(&reaper.changed, &reaper.lock, until))
                        break;
        tb_mutex_unlock(&reaper.lock);
        return idle;
}

guint tb_reaper_abandoned(void)
{
        return reaper.abandoned;
}

void tb_reaper_stop(void)
{
        if (!reaper.ready)
                return;
        bool ended = tb_reaper_drain(2000);
        tb_mutex_lock(&reaper.lock);
        reaper.stop = true;
        Worker *w = g_steal_pointer(&reaper.worker);
        if (!ended && w)
                w->abandoned = true; /* the process ends; nobody waits for it */
        tb_cond_broadcast(&reaper.changed);
        tb_mutex_unlock(&reaper.lock);
        if (ended && w) {
                tb_thread_join(w->thread);
                g_free(w);
        }
        if (reaper.watchdog)
                g_source_remove(reaper.watchdog);
        reaper.watchdog = 0;
}
