#include "host/core/worker.h"

#include <string.h>

#include "host/core/worker_events.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define RETRY_FIRST_MS 250
#define OPEN_TIMEOUT_MS 30000
/* Parallel lanes have no pump that could see a device come back: they look this often. */
#define PROBE_MS 5000

typedef struct Runner { /* one thread of a lane */
        TbWorker *worker;
        TbIo io;
        TbThread *thread;
        TbCall *current; /* protected by worker->lock */
} Runner;

struct TbWorker {
        TbInstance *instance; /* owned, lane->size bytes */
        TbWorkerOptions o;    /* strings owned */
        TbQueue *queue;
        Runner *runners;
        guint n_runners;
        TbMutex lock;
        TbCond idle;   /* parallel lanes: running fell to 0 */
        bool closing;  /* protected by lock */
        bool kicked;   /* protected by lock */
        bool open;     /* protected by lock */
        bool opening;  /* parallel lanes: one thread is in open; protected by lock */
        bool stale;    /* parallel lanes: open succeeded and close was not called; protected by lock */
        guint running; /* parallel lanes: ops that run; protected by lock */
        guint ended;   /* threads that are done; protected by lock */
        char *absent;  /* why it is not open; owned; protected by lock */
        int absent_code;
        int retry_ms;
        guint sample_timer;  /* main */
        gint sample_waiting; /* atomic: a sample call is queued */
        guint probe_timer;   /* main */
        /* the consumer of frames */
        TbMutex video_lock;
        TbVideoSink video_sink; /* protected by video_lock; frame NULL: nobody */
        gpointer video_user;
        gint video_fps;    /* atomic: > 0 wanted */
        int video_running; /* worker thread: the fps it was started with; 0: stopped */
        TbWorkerEvents *events;
};

/* --- helpers of the worker thread --- */
static bool is_closing(TbWorker *w)
{
        tb_mutex_lock(&w->lock);
        bool closing = w->closing;
        tb_mutex_unlock(&w->lock);
        return closing;
}

static void set_open(TbWorker *w, bool open, const GError *error)
{
        tb_mutex_lock(&w->lock);
        w->open = open;
        g_free(w->absent);
        w->absent = error ? g_strdup(tb_error_detail(error)) : NULL;
        w->absent_code = error && error->domain == TB_ERROR ? error->code : TB_ERROR_DEVICE;
        tb_mutex_unlock(&w->lock);
        if (open)
                tb_worker_events_state(w->events, TB_STATE_READY, NULL);
        else if (error)
                tb_worker_events_state(w->events,
                                       g_error_matches(error, TB_ERROR, TB_ERROR_GONE) ? TB_STATE_ABSENT
                                                                                       : TB_STATE_FAULT,
                                       tb_error_detail(error));
}

static bool lane_open(TbWorker *w, TbIo *io)
{
        g_autoptr(GError) error = NULL;
        io->deadline_us = g_get_monotonic_time() + OPEN_TIMEOUT_MS * G_TIME_SPAN_MILLISECOND;
        bool ok = !w->o.lane->open || w->o.lane->open(w->instance, io, &error);
        io->deadline_us = G_MAXINT64;
        if (!ok && w->o.lane->close)
                w->o.lane->close(w->instance);
        if (!ok && !error)
                g_set_error(&error, TB_ERROR, TB_ERROR_DEVICE, "%s: could not be opened", w->o.driver->name);
        if (!is_closing(w))
                set_open(w, ok, error);
        return ok;
}

static void lane_close(TbWorker *w, TbIo *io)
{
        if (w->video_running && w->o.lane->video)
                w->o.lane->video->stop(w->instance, io);
        w->video_running = 0;
        if (w->o.lane->close)
                w->o.lane->close(w->instance);
}

static void call_finish(gpointer data)
{
        TbCall *call = data;
        call->done(call);
}

static void call_post(TbCall *call)
{
        if (!tb_main_post(call_finish, call))
                tb_log(TB_LOG_ERROR, TB_F(),
                       "a call ended after the main loop: its owner was not stopped in order");
}

static void call_fail_absent(TbWorker *w, TbCall *call)
{
        tb_mutex_lock(&w->lock);
        g_clear_error(&call->error);
        g_set_error(&call->error, TB_ERROR, w->absent_code, "%s",
                    w->absent ? w->absent : "the device is not reached yet");
        tb_mutex_unlock(&w->lock);
        call_post(call);
}

static void call_run(Runner *r, TbCall *call)
{
        TbWorker *w = r->worker;
        tb_mutex_lock(&w->lock);
        bool skip = call->cancelled || w->closing;
        if (!skip)
                r->current = call;
        tb_mutex_unlock(&w->lock);

        if (skip) {
                g_set_error(&call->error, TB_ERROR, TB_ERROR_INTERRUPTED, "cancelled before it ran");
        } else if (g_get_monotonic_time() > call->deadline_us) {
                g_set_error(&call->error, TB_ERROR, TB_ERROR_TIMEOUT,
                            "the device was busy for too long: the command never ran");
        } else {
                r->io.deadline_us = call->deadline_us;
                if (!call->exec(call, w->instance, &r->io, &call->error) && !call->error)
                        g_set_error(&call->error, TB_ERROR, TB_ERROR_DEVICE,
                                    "%s: the command failed without a reason", w->o.driver->name);
                r->io.deadline_us = G_MAXINT64;
        }

        if (w->n_runners > 1 && g_error_matches(call->error, TB_ERROR, TB_ERROR_GONE) && !is_closing(w))
                set_open(w, false,
                         call->error); /* nobody else would notice: the next call or probe opens again */

        tb_mutex_lock(&w->lock);
        r->current = NULL;
        if (!w->closing)
                tb_interruptor_lower(r->io.stop); /* a cancel that was meant for this call */
        tb_mutex_unlock(&w->lock);
        call_post(call);
}

static void fail_queue(TbWorker *w)
{
        for (TbCall *call; (call = tb_queue_take(w->queue, 0));)
                call_fail_absent(w, call);
}

/* The wish of the media hub and what the driver does are brought together here, between two calls. */
static bool video_sync(TbWorker *w, TbIo *io, GError **error)
{
        int wanted = g_atomic_int_get(&w->video_fps);
        if (!w->o.lane->video || wanted == w->video_running)
                return true;
        if (w->video_running)
                w->o.lane->video->stop(w->instance, io);
        w->video_running = 0;
        if (!wanted)
                return true;
        io->deadline_us = g_get_monotonic_time() + OPEN_TIMEOUT_MS * G_TIME_SPAN_MILLISECOND;
        bool ok = w->o.lane->video->start(w->instance, io, wanted, error);
        io->deadline_us = G_MAXINT64;
        if (ok)
                w->video_running = wanted;
        return ok;
}

/* --- a lane with one thread --- */
/* Returns when the lane is lost or the worker closes. */
static void serve(Runner *r)
{
        TbWorker *w = r->worker;
        g_autoptr(GError) error = NULL;
        for (;;) {
                tb_interruptor_lower(
                        r->io.wake); /* before looking: what is pushed from here on raises it again */
                for (TbCall *call; !is_closing(w) && (call = tb_queue_take(w->queue, 0));)
                        call_run(r, call);
                if (is_closing(w) || !video_sync(w, &r->io, &error))
                        break;
                if (w->o.lane->pump) {
                        r->io.in_pump = true;
                        bool ok = w->o.lane->pump(w->instance, &r->io, &error);
                        r->io.in_pump = false;
                        if (!ok)
                                break;
                } else {
                        r->io.in_pump = true;
                        tb_io_wait(&r->io, NULL, 0, -1);
                        r->io.in_pump = false;
                }
        }
        lane_close(w, &r->io);
        if (!is_closing(w)) {
                if (!error)
                        g_set_error(&error, TB_ERROR, TB_ERROR_GONE, "%s: lost", w->o.driver->name);
                set_open(w, false, error);
        }
}

/* Waits for the next attempt; a kick or a command ends the pause. */
static void pause_before_retry(Runner *r)
{
        TbWorker *w = r->worker;
        r->io.in_pump = true;
        tb_io_wait(&r->io, NULL, 0, w->retry_ms);
        r->io.in_pump = false;
        tb_interruptor_lower(r->io.wake);
        tb_mutex_lock(&w->lock);
        if (w->kicked)
                w->retry_ms = RETRY_FIRST_MS;
        w->kicked = false;
        tb_mutex_unlock(&w->lock);
        w->retry_ms = MIN(w->retry_ms * 2, TB_LIMIT_OPEN_RETRY_MS);
}

static void run_single(Runner *r)
{
        TbWorker *w = r->worker;
        while (!is_closing(w)) {
                if (lane_open(w, &r->io)) {
                        w->retry_ms = RETRY_FIRST_MS;
                        serve(r);
                }
                if (is_closing(w))
                        break;
                fail_queue(w); /* a command tried to open it just now and learns why that failed */
                pause_before_retry(r);
        }
}

/* --- a lane with several threads --- */
/* Opens once for all. Opening again waits until no op runs, because ops read what open made. */
static bool parallel_open(TbWorker *w, TbIo *io)
{
        tb_mutex_lock(&w->lock);
        while (!w->open && !w->closing && (w->opening || w->running > 0))
                tb_cond_wait_until(&w->idle, &w->lock, -1);
        bool go = !w->open && !w->closing;
        bool open = w->open && !w->closing;
        bool stale = w->stale;
        if (go)
                w->opening = true;
        if (open)
                w->running++;
        tb_mutex_unlock(&w->lock);
        if (!go)
                return open;
        if (stale && w->o.lane->close)
                w->o.lane->close(w->instance);
        open = lane_open(w, io);
        tb_mutex_lock(&w->lock);
        w->opening = false;
        w->stale = open;
        w->running += open;
        tb_cond_broadcast(&w->idle);
        tb_mutex_unlock(&w->lock);
        return open;
}

static void run_parallel(Runner *r)
{
        TbWorker *w = r->worker;
        while (!is_closing(w)) {
                TbCall *call = tb_queue_take(w->queue, -1);
                if (!call)
                        continue; /* closed */
                if (!parallel_open(w, &r->io)) {
                        call_fail_absent(w, call);
                        continue;
                }
                call_run(r, call);
                tb_mutex_lock(&w->lock);
                w->running--;
                if (w->running == 0)
                        tb_cond_broadcast(&w->idle);
                tb_mutex_unlock(&w->lock);
        }
}

static void finalize_last(gpointer data);

static void run(gpointer data)
{
        Runner *r = data;
        TbWorker *w = r->worker;
        if (w->n_runners > 1)
                run_parallel(r);
        else
                run_single(r);
        for (TbCall *call; (call = tb_queue_take(w->queue, 0));)
                call_run(r, call); /* closing: they fail */
        tb_mutex_lock(&w->lock);
        bool last = ++w->ended == w->n_runners;
        tb_mutex_unlock(&w->lock);
        if (last)
                tb_main_post(finalize_last, w);
}

/* --- main thread --- */
static void finalize_last(gpointer data)
{
        TbWorker *w = data;
        for (guint i = 0; i < w->n_runners; i++) {
                tb_thread_join(w->runners[i].thread);
                tb_interruptor_free(w->runners[i].io.stop);
                tb_interruptor_free(w->runners[i].io.wake);
        }
        if (w->n_runners > 1 && w->stale && w->o.lane->close)
                w->o.lane->close(w->instance);
        if (w->o.lane->finalize)
                w->o.lane->finalize(w->instance);
        void (*ended)(gpointer) = w->o.ended;
        gpointer ended_data = w->o.ended_data;
        tb_worker_events_free(w->events);
        tb_queue_free(w->queue);
        g_free((char *)w->o.device);
        g_free((char *)w->o.run_dir);
        g_free(w->absent);
        g_free(w->runners);
        g_free(w->instance);
        tb_cond_clear(&w->idle);
        tb_mutex_clear(&w->video_lock);
        tb_mutex_clear(&w->lock);
        g_free(w);
        ended(ended_data);
}

static void sample_done(TbCall *call)
{
        TbWorker *w = *(TbWorker **)(call + 1);
        g_atomic_int_set(&w->sample_waiting, 0);
        g_clear_error(&call->error);
        g_free(call);
}

static bool sample_exec(TbCall *call G_GNUC_UNUSED, TbInstance *instance, TbIo *io, GError **error)
{
        return instance->lane->sensors->sample(instance, io, error);
}

static bool probe_exec(TbCall *call G_GNUC_UNUSED, TbInstance *instance G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED,
                       GError **error G_GNUC_UNUSED)
{
        return true; /* that the lane was opened for it is all that was wanted */
}

static bool push_internal(TbWorker *w, bool (*exec)(TbCall *, TbInstance *, TbIo *, GError **))
{
        struct {
                TbCall call;
                TbWorker *worker;
        } *c = g_malloc0(sizeof *c);
        c->call.exec = exec;
        c->call.done = sample_done;
        c->call.deadline_us = g_get_monotonic_time() + OPEN_TIMEOUT_MS * G_TIME_SPAN_MILLISECOND;
        c->worker = w;
        if (tb_worker_call(w, &c->call))
                return true;
        g_free(c);
        return false;
}

static gboolean sample_tick(gpointer data)
{
        TbWorker *w = data;
        tb_mutex_lock(&w->lock);
        bool open = w->open || w->n_runners > 1;
        tb_mutex_unlock(&w->lock);
        if (open && g_atomic_int_compare_and_exchange(&w->sample_waiting, 0, 1) &&
            !push_internal(w, sample_exec))
                g_atomic_int_set(&w->sample_waiting, 0);
        return G_SOURCE_CONTINUE;
}

static gboolean probe_tick(gpointer data)
{
        TbWorker *w = data;
        tb_mutex_lock(&w->lock);
        bool open = w->open;
        tb_mutex_unlock(&w->lock);
        if (!open && tb_queue_length(w->queue) == 0)
                push_internal(w, probe_exec);
        return G_SOURCE_CONTINUE;
}

static void frame_out(gpointer data, TbFrame *frame)
{
        TbWorker *w = data;
        tb_mutex_lock(&w->video_lock); /* held over the call: after video_stop() none may come */
        if (w->video_sink.frame)
                w->video_sink.frame(g_steal_pointer(&frame), w->video_user);
        tb_mutex_unlock(&w->video_lock);
        tb_frame_unref(frame);
}

static void no_signal_out(gpointer data, const char *reason)
{
        TbWorker *w = data;
        tb_mutex_lock(&w->video_lock);
        if (w->video_sink.no_signal)
                w->video_sink.no_signal(reason, w->video_user);
        tb_mutex_unlock(&w->video_lock);
}

TbWorker *tb_worker_new(const TbWorkerOptions *options)
{
        tb_assert_main();
        g_assert(options->lane->size >= sizeof(TbInstance));
        TbWorker *w = g_new0(TbWorker, 1);
        w->o = *options;
        w->o.device = g_strdup(options->device);
        w->o.run_dir = g_strdup(options->run_dir);
        w->queue = tb_queue_new(TB_LIMIT_QUEUE, NULL);
        w->retry_ms = RETRY_FIRST_MS;
        w->n_runners = MAX(1, options->lane->parallel);
        tb_mutex_init(&w->lock);
        tb_mutex_init(&w->video_lock);
        tb_cond_init(&w->idle);
        w->events = tb_worker_events_new(options->ops, options->owner, frame_out, no_signal_out, w);
        w->instance = g_malloc0(options->lane->size);
        *w->instance = (TbInstance){
                .driver = options->driver,
                .lane = options->lane,
                .up = &tb_worker_up,
                .uri = options->uri,
                .params = options->params,
                .device = w->o.device,
                .run_dir = w->o.run_dir,
                .host = w->events,
        };
        w->runners = g_new0(Runner, w->n_runners);
        for (guint i = 0; i < w->n_runners; i++) {
                Runner *r = &w->runners[i];
                r->worker = w;
                r->io = (TbIo){.stop = tb_interruptor_new(),
                               .wake = tb_interruptor_new(),
                               .deadline_us = G_MAXINT64};
                g_autofree char *name =
                        g_strdup_printf("%.6s/%.8s", options->driver->name, options->lane->name);
                r->thread = tb_thread_start(name, run, r);
        }
        if (options->sample_ms > 0)
                w->sample_timer = g_timeout_add((guint)options->sample_ms, sample_tick, w);
        if (w->n_runners > 1) {
                w->probe_timer = g_timeout_add(PROBE_MS, probe_tick, w);
                push_internal(w, probe_exec);
        }
        return w;
}

static void wake_all(TbWorker *w)
{
        for (guint i = 0; i < w->n_runners; i++)
                tb_interruptor_raise(w->runners[i].io.wake);
}

bool tb_worker_call(TbWorker *w, TbCall *call)
{
        tb_assert_main();
        if (!tb_queue_push(w->queue, call))
                return false;
        wake_all(w);
        return true;
}

void tb_worker_cancel(TbWorker *w, TbCall *call)
{
        tb_assert_main();
        tb_mutex_lock(&w->lock);
        call->cancelled = true;
        for (guint i = 0; i < w->n_runners; i++)
                if (w->runners[i].current == call)
                        tb_interruptor_raise(w->runners[i].io.stop);
        tb_mutex_unlock(&w->lock);
}

void tb_worker_kick(TbWorker *w)
{
        tb_mutex_lock(&w->lock);
        w->kicked = true;
        bool open = w->open;
        tb_mutex_unlock(&w->lock);
        if (open)
                return;
        if (w->n_runners > 1)
                probe_tick(w);
        else
                wake_all(w);
}

void tb_worker_release(TbWorker *w)
{
        tb_assert_main();
        tb_worker_video_stop(w);
        tb_worker_events_mute(w->events);
        if (w->sample_timer)
                g_source_remove(w->sample_timer);
        if (w->probe_timer)
                g_source_remove(w->probe_timer);
        w->sample_timer = w->probe_timer = 0;
        tb_mutex_lock(&w->lock);
        w->closing = true;
        for (guint i = 0; i < w->n_runners; i++)
                tb_interruptor_raise(w->runners[i].io.stop);
        tb_cond_broadcast(&w->idle);
        tb_mutex_unlock(&w->lock);
        wake_all(w);
        tb_queue_close(w->queue);
}

void tb_worker_video_start(TbWorker *w, int max_fps, const TbVideoSink *sink, gpointer user)
{
        tb_assert_main();
        tb_mutex_lock(&w->video_lock);
        w->video_sink = *sink;
        w->video_user = user;
        tb_mutex_unlock(&w->video_lock);
        g_atomic_int_set(&w->video_fps, max_fps);
        wake_all(w);
}

void tb_worker_video_stop(TbWorker *w)
{
        tb_assert_main();
        g_atomic_int_set(&w->video_fps, 0);
        tb_mutex_lock(&w->video_lock);
        w->video_sink = (TbVideoSink){0};
        tb_mutex_unlock(&w->video_lock);
        wake_all(w);
}
