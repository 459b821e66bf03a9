#pragma once
/*
 * TbDecoder: JPEG pictures of a camera to BGRX (libjpeg-turbo). One thread at a time.
 * Errors: TB_ERROR_DEVICE for a picture that is broken or larger than TB_LIMIT_VIDEO_SIDE.
 */
#include "lib/frame.h"

typedef struct TbDecoder TbDecoder;

TbDecoder *tb_decoder_new(void);
void tb_decoder_free(TbDecoder *decoder); /* accepts NULL */
/* The caller owns the frame. A truncated or slightly damaged picture decodes to what there is of it. */
TbFrame *tb_decoder_jpeg(TbDecoder *decoder, const TbFrame *jpeg, GError **error);
