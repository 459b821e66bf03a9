#pragma once
/*
 * TbHub: the one way of the pictures of one video interface to everybody who looks at it. One source, started
 * by the first viewer and stopped (after TB_HUB_LINGER_MS) by the last; raw pictures fan out to sinks (VNC,
 * stills, MJPEG), encoded ones by host/media/encode/encoder.h to peers. When there is no picture to show, a drawn
 * slate says why, so that a stream never just ends.
 *
 * Thread: main, except tb_hub_push() and tb_hub_ref/unref (any thread) and what says otherwise.
 * Ownership: TbMedia owns its hubs; a viewer holds a reference. A hub that was removed from its TbMedia keeps
 * showing a slate until its last viewer has gone.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/frame.h"

typedef struct TbHub TbHub;

/* Takes `frame`. Any thread, one at a time. Never waits for main or for a viewer (a JPEG is decoded first, if
 * a raw sink is there). */
typedef void (*TbFrameSink)(void *sink_data, TbFrame *frame);

/*
 * Where the pictures come from: the video half of a driver instance, as host/core offers it.
 * start and stop are called on the main thread, in turns, and must return at once (post a job to the worker).
 * start: false + error when it is known at once that no picture can come; the hub shows the error as a slate
 * and tries again every TB_HUB_RETRY_MS while somebody watches. A failure that shows later is told by
 * tb_hub_set_fault(). sink:  may be called by the worker from start on; a frame that is pushed after stop()
 * is dropped. The hub must outlive the worker's last call: join or idle the worker before
 * tb_media_remove_hub().
 */
typedef struct TbVideoSource {
        bool (*start)(void *source, TbFrameSink sink, void *sink_data, GError **error);
        void (*stop)(void *source);
} TbVideoSource;

typedef enum TbHubState {
        TB_HUB_IDLE,     /* nobody watches; the source is stopped */
        TB_HUB_STARTING, /* started, no picture yet */
        TB_HUB_LIVE,     /* the last picture is the device's */
        TB_HUB_FAULT,    /* a slate is shown: see tb_hub_fault() */
} TbHubState;

const char *tb_hub_state_name(TbHubState state); /* static: "idle" "starting" "live" "fault" */

TbHub *tb_hub_ref(TbHub *hub);
void tb_hub_unref(TbHub *hub);

/* The TbFrameSink of a hub: takes `frame`. */
void tb_hub_push(TbHub *hub, TbFrame *frame);

/* There is no picture, and why, as shown to the viewer ("the board is powered off"); NULL: there is one
 * again, or the next one that is pushed will do. A fault stays until it is cleared, or (`until_frame`) until
 * the source pushes the next picture. */
void tb_hub_set_fault(TbHub *hub, const char *reason, bool until_frame);
/* The same from any thread, for a source that works but has no picture (until the next frame). */
void tb_hub_no_signal(TbHub *hub, const char *reason);
const char *tb_hub_fault(TbHub *hub); /* borrowed until the next change; NULL when there is none */

TbHubState tb_hub_state(TbHub *hub);
void tb_hub_size(TbHub *hub, int *ret_width, int *ret_height); /* 0: no picture yet */
/* The last picture of the device, or the slate; NULL when there was none yet. The caller owns the reference.
 * Any thread. */
TbFrame *tb_hub_last(TbHub *hub);
const char *tb_hub_device(TbHub *hub);    /* borrowed */
const char *tb_hub_interface(TbHub *hub); /* borrowed */
guint tb_hub_viewers(TbHub *hub);         /* WebRTC peers + MJPEG + raw sinks */
/* `changed` is called (main thread) when the hub's fault, liveness or size may have changed. */
guint tb_hub_listen(TbHub *hub, void (*changed)(void *data), void *data);
void tb_hub_unlisten(TbHub *hub, guint id);
/* {"width","height","fps","state","fault","viewers"} as CONTRACT.md §3 has it; the caller owns the reference.
 */
json_t *tb_hub_to_json(TbHub *hub);

/* --- raw pictures --- */
typedef struct TbHubSink TbHubSink;

/*
 * `frame(data, frame)`: `frame` is borrowed, take a reference to keep it. It is always uncompressed (a JPEG
 * source is decoded while a raw sink is there) and may be a slate; a change of size may come at any
 * frame. A late joiner gets the current picture at once. tb_hub_add_sink:    called on the pushing thread. It
 * must return at once and not call the hub. After tb_hub_remove_sink() returned it is not called any more.
 * tb_hub_add_mailbox: called on the main thread; only the newest picture is kept while main is busy.
 * slates: false = never called with a slate (a still wants the device or nothing).
 */
TbHubSink *tb_hub_add_sink(TbHub *hub, bool slates, void (*frame)(void *data, TbFrame *frame), void *data);
/* As tb_hub_add_sink() without slates, for the host itself: it is no viewer, and gets a JPEG as the source sent it. */
TbHubSink *tb_hub_add_watch(TbHub *hub, void (*frame)(void *data, TbFrame *frame), void *data);
TbHubSink *tb_hub_add_mailbox(TbHub *hub, bool slates, void (*frame)(void *data, TbFrame *frame), void *data);
void tb_hub_remove_sink(TbHubSink *sink); /* frees it; accepts NULL */
/* Only inside `frame` of a mailbox: what changed since the frame that this sink saw before. Returns the
 * number of rectangles; 0 = unknown: treat all as changed. (frame->damage speaks of the frame before it,
 * which this sink may have skipped.) */
guint tb_hub_sink_damage(TbHubSink *sink, TbRect ret_rects[TB_FRAME_RECTS]);

/* between the last viewer and stop(): a page reload does not restart the source */
#define TB_HUB_LINGER_MS 2000
#define TB_HUB_RETRY_MS 2000
#define TB_HUB_SLATE_FPS 2

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbHub, tb_hub_unref)
