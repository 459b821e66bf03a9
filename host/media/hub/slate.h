#pragma once
/* A drawn picture that says why there is no other. Pure, any thread. */
#include "lib/frame.h"

/* A new BGRX frame of `width` x `height`. Text is UTF-8; `reason` is wrapped to the width and cut after eight
 * lines. */
TbFrame *tb_slate_draw(TbFramePool *pool, int width, int height, const char *title, const char *reason);
