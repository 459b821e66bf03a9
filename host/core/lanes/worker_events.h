#pragma once
/*
 * The crossing of a lane's events: tb_worker_up is what drivers call on their thread; what they tell is
 * copied and posted to the main loop, where TbWorkerOps of the owner runs. Frames do not cross: they go
 * straight to the sink.
 */
#include "host/core/lanes/worker.h"

typedef struct TbWorkerEvents TbWorkerEvents; /* counted: posts in flight hold it */

extern const TbUp tb_worker_up; /* expects instance->host = TbWorkerEvents */

TbWorkerEvents *tb_worker_events_new(const TbWorkerOps *ops, gpointer owner, const TbSecrets *secrets,
                                     void (*frame)(gpointer data, TbFrame *frame_take),
                                     void (*no_signal)(gpointer data, const char *reason), gpointer data);
void tb_worker_events_free(TbWorkerEvents *events);
void tb_worker_events_mute(TbWorkerEvents *events); /* main: the owner hears nothing from here on */
void tb_worker_events_state(TbWorkerEvents *events, TbState state, const char *reason); /* worker */
