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
GBytes *tb_picture_jpeg(TbPicture *picture, const TbFrame *frame, int quality, GError **error);
