#pragma once
/* Pictures as encoders take them. Any thread. */
#include "lib/frame.h"

/*
 * A new frame of `pool`, I420 (BT.601, 16 to 235) of one with four bytes a pixel, by libyuv: a seventh of what GStreamer's converter takes for
 * it, which is a third of x264's own time. NULL: it is of another format, or libyuv was not there when this was built; then GStreamer
 * converts.
 */
TbFrame *tb_frame_planar(TbFramePool *pool, const TbFrame *frame);
