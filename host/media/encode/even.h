#pragma once
/* Pictures of odd sizes for encoders that have none. Any thread. */
#include "lib/frame.h"

/*
 * H.264 (4:2:0) has even sizes only, also in what it may cut away: of an odd one the last column and row are there twice, for
 * a terminal's last line may be in it, and scaling would blur or double another one. A new frame of `pool`; NULL: it is even,
 * or no raw picture.
 */
TbFrame *tb_frame_even(TbFramePool *pool, const TbFrame *frame);
