#include "host/media/still/decode.h"

#include <turbojpeg.h>

#include "lib/error.h"
#include "lib/limits.h"

struct TbDecoder {
        tjhandle jpeg;     /* owned */
        TbFramePool *pool; /* ref */
};

TbDecoder *tb_decoder_new(void)
{
        TbDecoder *decoder = g_new0(TbDecoder, 1);
        decoder->jpeg = tjInitDecompress();
        decoder->pool = tb_frame_pool_new(4);
        return decoder;
}

void tb_decoder_free(TbDecoder *decoder)
{
        if (!decoder)
                return;
        if (decoder->jpeg)
                tjDestroy(decoder->jpeg);
        tb_frame_pool_unref(decoder->pool);
        g_free(decoder);
}

TbFrame *tb_decoder_jpeg(TbDecoder *decoder, const TbFrame *jpeg, GError **error)
{
        int width = 0, height = 0, subsampling = 0, colorspace = 0;
        if (tjDecompressHeader3(decoder->jpeg, jpeg->data, jpeg->size, &width, &height, &subsampling,
                                &colorspace) < 0 &&
            tjGetErrorCode(decoder->jpeg) != TJERR_WARNING) {
                tb_set_error(error, TB_ERROR_DEVICE, "the source sent a broken JPEG: %s",
                             tjGetErrorStr2(decoder->jpeg));
                return NULL;
        }
        g_autoptr(TbFrame) frame = tb_frame_pool_take(decoder->pool, TB_PIXEL_BGRX, width, height, 0);
        if (!frame) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the source sent a JPEG of %dx%d, more than %d pixels a side", width, height,
                             TB_LIMIT_VIDEO_SIDE);
                return NULL;
        }
        if (tjDecompress2(decoder->jpeg, jpeg->data, jpeg->size, frame->data, width, frame->stride[0], height,
                          TJPF_BGRX, TJFLAG_FASTDCT | TJFLAG_FASTUPSAMPLE) < 0 &&
            tjGetErrorCode(decoder->jpeg) != TJERR_WARNING) {
                tb_set_error(error, TB_ERROR_DEVICE, "the source sent a broken JPEG: %s",
                             tjGetErrorStr2(decoder->jpeg));
                return NULL;
        }
        frame->t_us = jpeg->t_us;
        return g_steal_pointer(&frame);
}
