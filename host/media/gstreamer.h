#pragma once
/*
 * GStreamer of this process, initialised by a thread of its own: reading its registry takes a tenth of a second, and
 * some seconds the first time on a machine, when it looks into every plugin. REST answers meanwhile. There is one
 * GStreamer in a process, so this is no object. Thread: main.
 */
#include <glib.h>
#include <stdbool.h>

/* Starts it, unless it runs or is done. `done(data)` is called when it is initialised or has failed, from the loop;
 * not when it was initialised before. */
void tb_gstreamer_start(void (*done)(void *data), void *data);
/* `done` is not called any more; waits for the thread, for a second at most. Any number of times. */
void tb_gstreamer_stop(void);
/* False with TB_ERROR_UNAVAILABLE: not yet, or it failed. */
bool tb_gstreamer_ready(GError **error);
/* Whether it is being initialised: then `call(data)` comes once, when that is over or TB_LIMIT_MEDIA_START_MS have passed,
 * unless tb_gstreamer_unwait() comes before. False: there is nothing to wait for. */
bool tb_gstreamer_wait(void (*call)(void *data), void *data);
void tb_gstreamer_unwait(void *data);
/* Why it failed; NULL: it did not. Borrowed, for ever. */
const char *tb_gstreamer_fault(void);
