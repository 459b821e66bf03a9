#include "host/core/lanes/worker.h"

#include "host/core/lanes/worker_private.h"
#include "lib/error.h"
#include "lib/limits.h"

/* Parallel lanes have no pump that could see a device come back: they look this often. */
#define PROBE_MS 5000
#define START_RETRY_MS 1000 /* when no thread or descriptor could be had */

void tb_worker_finalize(gpointer data)
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
        g_clear_pointer(&w->events, tb_worker_events_free);
        tb_inlet_free(w->inlet);
        tb_call_queue_free(w->queue);
        g_free((char *)w->o.device);
        g_free((char *)w->o.run_dir);
        g_free(w->absent);
        g_free(w->parked);
        g_free(w->runners);
        g_free(w->instance);
        tb_cond_clear(&w->idle);
        tb_mutex_clear(&w->video_lock);
        tb_mutex_clear(&w->audio_lock);
        tb_mutex_clear(&w->lock);
        g_free(w);
        ended(ended_data);
}

static bool sample_exec(TbCall *call G_GNUC_UNUSED, TbInstance *instance, TbIo *io, GError **error)
{
        return instance->lane->sensors->sample(instance, io, error);
}

static void sample_done(TbCall *call)
{
        TbWorker *w = *(TbWorker **)(call + 1);
        g_atomic_int_set(&w->sample_waiting, 0);
        tb_mutex_lock(&w->lock);
        bool tell = call->exec == sample_exec && !w->closing && (w->open || w->n_runners > 1);
        tb_mutex_unlock(&w->lock);
        if (tell && (call->error || w->sample_failed)) { /* a lane that is not open says so by itself */
                w->sample_failed = call->error != NULL;
                w->o.ops->sampling(w->o.owner, call->error ? tb_error_detail(call->error) : NULL);
        }
        g_clear_error(&call->error);
        g_free(call);
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
        c->call.deadline_us = g_get_monotonic_time() + TB_WORKER_OPEN_MS * G_TIME_SPAN_MILLISECOND;
        c->worker = w;
        if (tb_worker_call(w, &c->call, NULL))
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
        if (!open && tb_call_queue_length(w->queue) == 0)
                push_internal(w, probe_exec);
        return G_SOURCE_CONTINUE;
}

static void wake_all(TbWorker *w)
{
        for (guint i = 0; w->started && i < w->n_runners; i++)
                tb_interruptor_raise(w->runners[i].io.wake);
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

static void sound_out(gpointer data, TbSound *sound)
{
        TbWorker *w = data;
        tb_mutex_lock(&w->audio_lock); /* as with frames */
        if (w->audio_sink.sound)
                w->audio_sink.sound(g_steal_pointer(&sound), w->audio_user);
        tb_mutex_unlock(&w->audio_lock);
        tb_sound_unref(sound);
}

static void no_sound_out(gpointer data, const char *reason)
{
        TbWorker *w = data;
        tb_mutex_lock(&w->audio_lock);
        if (w->audio_sink.no_sound)
                w->audio_sink.no_sound(reason, w->audio_user);
        tb_mutex_unlock(&w->audio_lock);
}

/* How many threads of `all` one user may have. */
static guint of_user(guint all)
{
        return all > 1 ? all - MAX(1, all / 4) : 0;
}

/* Undoes start(): no thread has the worker any more. */
static void unstart(TbWorker *w, guint threads)
{
        tb_mutex_lock(&w->lock);
        w->closing = true;
        tb_mutex_unlock(&w->lock);
        tb_call_queue_close(w->queue);
        for (guint i = 0; i < threads; i++) {
                tb_interruptor_raise(w->runners[i].io.stop);
                tb_thread_join(w->runners[i].thread);
        }
        for (guint i = 0; i < w->n_runners; i++) {
                tb_interruptor_free(w->runners[i].io.stop);
                tb_interruptor_free(w->runners[i].io.wake);
                w->runners[i] = (TbRunner){.worker = w};
        }
        tb_worker_events_mute(w->events);
        g_clear_pointer(&w->events, tb_worker_events_free);
        g_clear_pointer(&w->inlet, tb_inlet_free);
        tb_call_queue_free(w->queue);
        w->queue = tb_call_queue_new(of_user(w->n_runners));
        w->closing = false;
        w->ended = 0;
}

/* Descriptors and threads for the lane. False: they cannot all be had, and none is kept. */
static bool start(TbWorker *w, GError **error)
{
        guint threads = 0;
        w->inlet = tb_inlet_new(TB_LIMIT_LANE_BYTES, error);
        if (!w->inlet)
                return false;
        w->events = tb_worker_events_new(&(TbWorkerEventsOptions){.ops = w->o.ops,
                                                                  .owner = w->o.owner,
                                                                  .secrets = w->o.secrets,
                                                                  .inlet = w->inlet,
                                                                  .frame = frame_out,
                                                                  .no_signal = no_signal_out,
                                                                  .sound = sound_out,
                                                                  .no_sound = no_sound_out,
                                                                  .wait = tb_worker_wait_room,
                                                                  .data = w});
        w->instance->host = w->events;
        tb_inlet_hold(w->inlet, w->held);
        bool ok = true;
        for (guint i = 0; ok && i < w->n_runners; i++) {
                TbIo *io = &w->runners[i].io;
                io->deadline_us = G_MAXINT64;
                io->stop = tb_interruptor_try_new(error);
                io->wake = io->stop ? tb_interruptor_try_new(error) : NULL;
                ok = io->wake != NULL;
        }
        g_autofree char *name = g_strdup_printf("%.6s/%.8s", w->o.driver->name, w->o.lane->name);
        for (; ok && threads < w->n_runners; threads += ok) {
                TbRunner *r = &w->runners[threads];
                r->thread = tb_thread_try_start(name, tb_worker_run, r, error);
                ok = r->thread != NULL;
        }
        if (!ok)
                unstart(w, threads);
        return ok;
}

static gboolean start_again(gpointer data);

/* A lane that cannot have what it needs is a fault, and tries again: the others go on. */
static void try_start(TbWorker *w)
{
        g_autoptr(GError) error = NULL;
        w->started = start(w, &error);
        if (!w->started) {
                g_autofree char *reason = g_strdup_printf("%s; tried again", tb_error_detail(error));
                w->start_timer = g_timeout_add(START_RETRY_MS, start_again, w);
                w->o.ops->state(w->o.owner, TB_STATE_FAULT, reason);
                return;
        }
        if (w->o.sample_ms > 0)
                w->sample_timer = g_timeout_add((guint)w->o.sample_ms, sample_tick, w);
        if (w->n_runners > 1) {
                w->probe_timer = g_timeout_add(PROBE_MS, probe_tick, w);
                push_internal(w, probe_exec);
        }
        if (g_atomic_int_get(&w->video_fps) || g_atomic_int_get(&w->audio_wanted))
                wake_all(w);
}

static gboolean start_again(gpointer data)
{
        TbWorker *w = data;
        w->start_timer = 0;
        try_start(w);
        return G_SOURCE_REMOVE;
}

TbWorker *tb_worker_new(const TbWorkerOptions *options)
{
        tb_assert_main();
        g_assert(options->lane->size >= sizeof(TbInstance));
        TbWorker *w = g_new0(TbWorker, 1);
        w->o = *options;
        w->o.device = g_strdup(options->device);
        w->o.run_dir = g_strdup(options->run_dir);
        w->retry_ms = TB_WORKER_RETRY_FIRST_MS;
        w->n_runners = MAX(1, options->lane->parallel);
        w->queue = tb_call_queue_new(of_user(w->n_runners));
        tb_mutex_init(&w->lock);
        tb_mutex_init(&w->video_lock);
        tb_mutex_init(&w->audio_lock);
        tb_cond_init(&w->idle);
        w->instance = g_malloc0(options->lane->size);
        *w->instance = (TbInstance){
                .driver = options->driver,
                .lane = options->lane,
                .up = &tb_worker_up,
                .uri = options->uri,
                .params = options->params,
                .device = w->o.device,
                .run_dir = w->o.run_dir,
        };
        w->runners = g_new0(TbRunner, w->n_runners);
        for (guint i = 0; i < w->n_runners; i++)
                w->runners[i].worker = w;
        try_start(w);
        return w;
}

bool tb_worker_call(TbWorker *w, TbCall *call, GError **error)
{
        tb_assert_main();
        if (!w->started) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "no thread or descriptor can be had for it now");
                return false;
        }
        if (!tb_call_queue_push(w->queue, call, error))
                return false;
        wake_all(w);
        return true;
}

bool tb_worker_call_first(TbWorker *w, TbCall *call, GError **error)
{
        tb_assert_main();
        call->rank = TB_CALL_URGENT;
        tb_mutex_lock(&w->lock); /* held over both: no thread may take another call in between */
        bool pushed = tb_worker_call(w, call, error);
        w->urgent += pushed; /* one that a thread has taken and not begun is overtaken too */
        for (guint i = 0; pushed && i < w->n_runners; i++) {
                const TbCall *current = w->runners[i].current;
                if (current && current->rank != TB_CALL_URGENT)
                        tb_interruptor_raise(w->runners[i].io.stop);
        }
        tb_mutex_unlock(&w->lock);
        return pushed;
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
        if (!tb_call_queue_remove(w->queue, call)) /* else it would keep its place until the lane has time */
                return;
        tb_set_error(&call->error, TB_ERROR_INTERRUPTED, "cancelled before it ran");
        tb_worker_post(w, call);
}

void tb_worker_park(TbWorker *w, gint64 until_us, const char *reason)
{
        tb_assert_main();
        g_assert(w->n_runners == 1);
        tb_mutex_lock(&w->lock);
        g_free(w->parked);
        w->parked = until_us ? g_strdup(reason) : NULL;
        w->parked_us = until_us;
        w->kicked = true;
        tb_mutex_unlock(&w->lock);
        wake_all(w);
}

void tb_worker_hold(TbWorker *w, bool hold)
{
        w->held = hold;
        if (w->started)
                tb_inlet_hold(w->inlet, hold);
}

void tb_worker_kick(TbWorker *w)
{
        if (!w->started)
                return;
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
        tb_worker_audio_stop(w);
        if (!w->started) {
                g_clear_handle_id(&w->start_timer, g_source_remove);
                tb_main_post(tb_worker_finalize, w); /* later, as for one whose threads end */
                return;
        }
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
        tb_call_queue_close(w->queue);
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

void tb_worker_audio_start(TbWorker *w, const TbSoundSink *sink, gpointer user)
{
        tb_assert_main();
        tb_mutex_lock(&w->audio_lock);
        w->audio_sink = *sink;
        w->audio_user = user;
        tb_mutex_unlock(&w->audio_lock);
        g_atomic_int_set(&w->audio_wanted, 1);
        wake_all(w);
}

void tb_worker_audio_stop(TbWorker *w)
{
        tb_assert_main();
        g_atomic_int_set(&w->audio_wanted, 0);
        tb_mutex_lock(&w->audio_lock);
        w->audio_sink = (TbSoundSink){0};
        tb_mutex_unlock(&w->audio_lock);
        wake_all(w);
}
