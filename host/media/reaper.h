#pragma once
/*
 * Ends pipelines off the main thread: going to NULL joins streaming threads and can take long, or
 * (webrtcbin 1.22) for ever. A job that takes more than TB_REAPER_STUCK_MS is abandoned with its thread, and
 * the rest goes on with a new one. One per process, made on first use. Thread: main.
 */
#include <gst/gst.h>

/* Takes `pipeline`: sets it to NULL and drops the reference. `first` (nullable) runs before that, on the reaper's
 * thread: for what takes its time. `done` (nullable) runs on the main loop afterwards, unless it stopped. */
void tb_reaper_take(GstElement *pipeline, void (*first)(GstElement *pipeline), void (*done)(gpointer data),
                    gpointer data);
/* Waits for what is under way, at most `ms`. True: all ended. For the end of the program and for tests. */
gboolean tb_reaper_drain(guint ms);
guint tb_reaper_abandoned(void);
/* Waits a little and ends the thread. A later tb_reaper_take() starts a new one. */
void tb_reaper_stop(void);

#define TB_REAPER_STUCK_MS 5000
