#include "host/core/lanes/worker_private.h"

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

/* --- helpers --- */
static _Thread_local TbIo *own_io; /* of the lane that this thread serves */

/* False: its TbIo ended the wait. */
static bool wait_for_room(TbWorker *w, TbIo *io)
{
        while (tb_inlet_full(w->inlet)) {
                struct pollfd room = {.fd = tb_inlet_room_fd(w->inlet), .events = POLLIN};
                if (tb_io_wait(io, &room, 1, -1) != TB_WAIT_READY)
                        return false;
        }
        return true;
}

void tb_worker_wait_room(gpointer data)
{
        if (own_io)
                wait_for_room(data, own_io);
}

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
        w->absent = error ? tb_secrets_hide(w->o.secrets, tb_error_detail(error)) : NULL;
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
        io->deadline_us = g_get_monotonic_time() + TB_WORKER_OPEN_MS * G_TIME_SPAN_MILLISECOND;
        io->asked = tb_call_queue_length(w->queue) > 0;
        bool ok = !w->o.lane->open || w->o.lane->open(w->instance, io, &error);
        io->deadline_us = G_MAXINT64;
        if (!ok && w->o.lane->close)
                w->o.lane->close(w->instance);
        if (!ok && !error)
                tb_set_error(&error, TB_ERROR_DEVICE, "%s: could not be opened", w->o.driver->name);
        if (!is_closing(w))
                set_open(w, ok, error);
        return ok;
}

static void lane_close(TbWorker *w, TbIo *io)
{
        if (w->video_running && w->o.lane->video)
                w->o.lane->video->stop(w->instance, io);
        w->video_running = 0;
        if (w->audio_running && w->o.lane->audio)
                w->o.lane->audio->stop(w->instance, io);
        w->audio_running = false;
        if (w->o.lane->close)
                w->o.lane->close(w->instance);
}

static void call_finish(gpointer data)
{
        TbCall *call = data;
        call->done(call);
}

void tb_worker_post(TbWorker *w, TbCall *call)
{
        tb_mutex_lock(&w->lock);
        w->urgent -= call->rank == TB_CALL_URGENT;
        tb_mutex_unlock(&w->lock);
        if (!tb_worker_events_call(w->events, call_finish, call))
                tb_log(TB_LOG_ERROR, TB_F(),
                       "a call ended after the main loop: its owner was not stopped in order");
}

static void call_fail_absent(TbWorker *w, TbCall *call)
{
        tb_mutex_lock(&w->lock);
        g_clear_error(&call->error);
        tb_set_error(&call->error, w->absent_code, "%s",
                     w->absent ? w->absent : "the device is not reached yet");
        tb_mutex_unlock(&w->lock);
        tb_call_queue_done(w->queue, call);
        tb_worker_post(w, call);
}

static void call_run(TbRunner *r, TbCall *call)
{
        TbWorker *w = r->worker;
        tb_mutex_lock(&w->lock);
        bool skip = call->cancelled || w->closing, overtaken = w->urgent > 0 && call->rank != TB_CALL_URGENT;
        if (!skip && !overtaken)
                r->current = call;
        tb_mutex_unlock(&w->lock);

        if (skip) {
                tb_set_error(&call->error, TB_ERROR_INTERRUPTED, "cancelled before it ran");
        } else if (overtaken) {
                tb_set_error(&call->error, TB_ERROR_INTERRUPTED,
                             "an emergency command overtook it: it never ran");
        } else if (g_get_monotonic_time() > call->deadline_us) {
                tb_set_error(&call->error, TB_ERROR_TIMEOUT,
                             "the device was busy for too long: the command never ran");
        } else {
                r->io.deadline_us = call->deadline_us;
                if (!call->exec(call, w->instance, &r->io, &call->error) && !call->error)
                        tb_set_error(&call->error, TB_ERROR_DEVICE, "%s: the command failed without a reason",
                                     w->o.driver->name);
                r->io.deadline_us = G_MAXINT64;
                tb_secrets_hide_error(w->o.secrets,
                                      call->error); /* here every driver's word to a user passes */
        }

        if (w->n_runners > 1 && g_error_matches(call->error, TB_ERROR, TB_ERROR_GONE) && !is_closing(w))
                set_open(w, false,
                         call->error); /* nobody else would notice: the next call or probe opens again */

        tb_mutex_lock(&w->lock);
        r->current = NULL;
        if (!w->closing)
                tb_interruptor_lower(r->io.stop); /* a cancel that was meant for this call */
        tb_mutex_unlock(&w->lock);
        tb_call_queue_done(w->queue, call);
        tb_worker_post(w, call);
}

/* The lane is not open. */
static void answer_queue(TbRunner *r)
{
        TbWorker *w = r->worker;
        for (TbCall *call; (call = tb_call_queue_take(w->queue, 0));) {
                call->absent = call->while_absent;
                if (call->while_absent)
                        call_run(r, call);
                else
                        call_fail_absent(w, call);
        }
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
        io->deadline_us = g_get_monotonic_time() + TB_WORKER_OPEN_MS * G_TIME_SPAN_MILLISECOND;
        bool ok = w->o.lane->video->start(w->instance, io, wanted, error);
        io->deadline_us = G_MAXINT64;
        if (ok)
                w->video_running = wanted;
        return ok;
}

static bool audio_sync(TbWorker *w, TbIo *io, GError **error)
{
        bool wanted = g_atomic_int_get(&w->audio_wanted);
        if (!w->o.lane->audio || wanted == w->audio_running)
                return true;
        if (w->audio_running) {
                w->o.lane->audio->stop(w->instance, io);
                w->audio_running = false;
                return true;
        }
        io->deadline_us = g_get_monotonic_time() + TB_WORKER_OPEN_MS * G_TIME_SPAN_MILLISECOND;
        w->audio_running = w->o.lane->audio->start(w->instance, io, error);
        io->deadline_us = G_MAXINT64;
        return w->audio_running;
}

/* --- a lane with one thread --- */
/* Why it is to be closed; NULL: it is not. */
static GError *is_parked(TbWorker *w, int *ret_left_ms)
{
        GError *why = NULL;
        tb_mutex_lock(&w->lock);
        gint64 left_us = w->parked ? w->parked_us - g_get_monotonic_time() : 0;
        if (left_us <= 0)
                g_clear_pointer(&w->parked, g_free);
        else
                tb_set_error(&why, TB_ERROR_GONE, "%s", w->parked);
        tb_mutex_unlock(&w->lock);
        *ret_left_ms = (int)MIN(left_us / G_TIME_SPAN_MILLISECOND + 1, G_MAXINT);
        return why;
}

/* Returns when the lane is lost or the worker closes. */
static void serve(TbRunner *r)
{
        TbWorker *w = r->worker;
        g_autoptr(GError) error = NULL;
        for (;;) {
                tb_interruptor_lower(
                        r->io.wake); /* before looking: what is pushed from here on raises it again */
                int left_ms;
                for (TbCall *call; !is_closing(w) && !error && !(error = is_parked(w, &left_ms)) &&
                                   (call = tb_call_queue_take(w->queue, 0));)
                        call_run(r, call);
                if (error || is_closing(w) || !video_sync(w, &r->io, &error) ||
                    !audio_sync(w, &r->io, &error))
                        break;
                r->io.in_pump = true;
                bool room = wait_for_room(w, &r->io); /* what it would read now has no place yet */
                r->io.in_pump = false;
                if (!room)
                        continue;
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
                        tb_set_error(&error, TB_ERROR_GONE, "%s: lost", w->o.driver->name);
                set_open(w, false, error);
        }
}

/* Waits for the next attempt; a kick or a command ends the pause. */
static void pause_before_retry(TbRunner *r)
{
        TbWorker *w = r->worker;
        int parked_ms;
        g_autoptr(GError) parked = is_parked(w, &parked_ms);
        r->io.in_pump = true;
        tb_io_wait(&r->io, NULL, 0, parked ? parked_ms : w->retry_ms);
        r->io.in_pump = false;
        tb_interruptor_lower(r->io.wake);
        tb_mutex_lock(&w->lock);
        if (w->kicked)
                w->retry_ms = TB_WORKER_RETRY_FIRST_MS;
        w->kicked = false;
        tb_mutex_unlock(&w->lock);
        int longest = w->o.lane->retry_ms ? w->o.lane->retry_ms : TB_LIMIT_OPEN_RETRY_MS;
        w->retry_ms = MIN(w->retry_ms * 2, longest);
}

static void run_single(TbRunner *r)
{
        TbWorker *w = r->worker;
        while (!is_closing(w)) {
                int left_ms;
                g_autoptr(GError) parked = is_parked(w, &left_ms);
                if (parked) {
                        set_open(w, false, parked);
                } else if (lane_open(w, &r->io)) {
                        gint64 opened_us = g_get_monotonic_time();
                        serve(r);
                        /* what opens and breaks at once would be opened again four times a second, for ever */
                        if (g_get_monotonic_time() - opened_us >=
                            TB_WORKER_STEADY_MS * G_TIME_SPAN_MILLISECOND)
                                w->retry_ms = TB_WORKER_RETRY_FIRST_MS;
                }
                if (is_closing(w))
                        break;
                answer_queue(r); /* a command tried to open it just now and learns why that failed */
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

static void run_parallel(TbRunner *r)
{
        TbWorker *w = r->worker;
        while (!is_closing(w)) {
                TbCall *call = tb_call_queue_take(w->queue, -1);
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

void tb_worker_run(gpointer data)
{
        TbRunner *r = data;
        TbWorker *w = r->worker;
        own_io = &r->io;
        if (w->n_runners > 1)
                run_parallel(r);
        else
                run_single(r);
        for (TbCall *call; (call = tb_call_queue_take(w->queue, 0));)
                call_run(r, call); /* closing: they fail */
        tb_mutex_lock(&w->lock);
        bool last = ++w->ended == w->n_runners;
        tb_mutex_unlock(&w->lock);
        if (last)
                tb_worker_events_call(w->events, tb_worker_finalize, w);
}
