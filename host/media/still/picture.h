#pragma once
/*
 * Frames to files: PNG (libpng) and JPEG (libjpeg-turbo). Pure; any thread, one at a time per TbPicture.
 * Uncompressed frames of any format; a JPEG frame is given back as it is when JPEG is wanted. YUV is taken as
 * BT.601, limited range, as cameras send it.
 */
#include "lib/frame.h"

typedef struct TbPicture TbPicture;

TbPicture *tb_picture_new(void);
void tb_picture_free(TbPicture *picture); /* accepts NULL */
/* New bytes. NULL + TB_ERROR_INTERNAL. */
GBytes *tb_picture_png(TbPicture *picture, const TbFrame *frame, GError **error);
/* `width`: pixels that are enough, the height follows; 0, or more than the picture has: all of it. */
GBytes *tb_picture_jpeg(TbPicture *picture, const TbFrame *frame, int quality, int width, GError **error);
