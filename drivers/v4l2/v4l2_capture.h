#pragma once
/*
 * One capture device: opening, its modes, streaming by mmap. Single-planar video capture only.
 * Thread: the worker that opened it. Errors: as tb_sysdev_open_failed(); GONE when it was unplugged;
 * UNSUPPORTED when it is no camera, or has no mode that we understand; BUSY when another program streams from
 * it. Source: Linux Documentation/userspace-api/media/v4l (capture example, mmap streaming).
 */
#include <glib.h>
#include <stdbool.h>

#include "drivers/v4l2/v4l2_proto.h"

typedef struct TbV4l2 TbV4l2;

TbV4l2 *tb_v4l2_open(const char *path, GError **error);
void tb_v4l2_close(TbV4l2 *camera); /* accepts NULL; stops */
int tb_v4l2_fd(TbV4l2 *camera);     /* borrowed; POLLIN: a frame, POLLPRI: an event */
/* False: a node without pictures (metadata, output, codec). Only looks. */
bool tb_v4l2_is_camera(const char *path, char **ret_card);

/* Takes the mode nearest to the wish and streams. What was taken is in *ret_mode. */
bool tb_v4l2_start(TbV4l2 *camera, const TbV4l2Wish *wish, TbV4l2Mode *ret_mode, GError **error);
void tb_v4l2_stop(TbV4l2 *camera);
bool tb_v4l2_streaming(TbV4l2 *camera);

typedef enum TbV4l2Got {
        TB_V4L2_FRAME,   /* *ret_frame is the caller's */
        TB_V4L2_NOTHING, /* none now, or a broken one that was left out */
        TB_V4L2_FAILED,  /* error */
} TbV4l2Got;
/* One frame without waiting; `skip`: give the buffer back unread. */
TbV4l2Got tb_v4l2_take(TbV4l2 *camera, TbFramePool *pool, bool skip, TbFrame **ret_frame, GError **error);

/* What the device says about its input, for people ("no signal", "no lock on the signal"); NULL: nothing
 * wrong. Static. */
const char *tb_v4l2_input_problem(TbV4l2 *camera);
/* Reads all events that wait. True when the source has changed (another resolution, plugged, pulled): start
 * again. */
bool tb_v4l2_source_changed(TbV4l2 *camera);
