#pragma once
/*
 * The crossing of a lane's events: tb_worker_up is what drivers call on their thread; what they tell is
 * copied and goes to the main loop through the lane's inlet, where TbWorkerOps of the owner runs. Frames and sound do
 * not cross: they go straight to the sink.
 *
 * What a lane told and main did not see yet is bounded by TB_LIMIT_LANE_BYTES: above it `wait` holds the driver
 * where it tells. Samples (per stream) and power then overwrite what waits instead: the latest is what counts.
 */
#include "host/core/lanes/worker.h"
#include "lib/inlet.h"

typedef struct TbWorkerEvents TbWorkerEvents; /* counted: posts in flight hold it */

extern const TbUp tb_worker_up; /* expects instance->host = TbWorkerEvents */

typedef struct TbWorkerEventsOptions {
        const TbWorkerOps *ops;
        gpointer owner;                                       /* borrowed until mute */
        const TbSecrets *secrets;                             /* borrowed while the lane's threads run */
        TbInlet *inlet;                                       /* borrowed for the life of the threads */
        void (*frame)(gpointer data, TbFrame *frame_take);    /* worker */
        void (*no_signal)(gpointer data, const char *reason); /* worker */
        void (*sound)(gpointer data, TbSound *sound_take);    /* worker */
        void (*no_sound)(gpointer data, const char *reason);  /* worker */
        void (*wait)(gpointer data); /* worker: until the inlet has room, or its TbIo ends the wait */
        gpointer data;
} TbWorkerEventsOptions;

TbWorkerEvents *tb_worker_events_new(const TbWorkerEventsOptions *options);
void tb_worker_events_free(TbWorkerEvents *events);
void tb_worker_events_mute(TbWorkerEvents *events); /* main: the owner hears nothing from here on */
/* Never waits. Worker. */
void tb_worker_events_state(TbWorkerEvents *events, TbState state, const char *reason);
/* Runs call(data) on main after all that was told before, muted or not; never waits. False: after tb_main_stop().
 * Worker. */
bool tb_worker_events_call(TbWorkerEvents *events, void (*call)(gpointer), gpointer data);
