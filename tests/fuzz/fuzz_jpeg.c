/* Pictures of a camera: broken ones are refused or decoded as far as they go, never larger than allowed. */
#include <stdint.h>
#include <string.h>

#include "host/media/still/decode.h"
#include "lib/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static TbDecoder *decoder;
        static TbFramePool *pool;
        if (!decoder) {
                decoder = tb_decoder_new();
                pool = tb_frame_pool_new(1);
        }
        g_autoptr(TbFrame) jpeg = tb_frame_pool_take(pool, TB_PIXEL_JPEG, 0, 0, size);
        if (!jpeg)
                return 0;
        if (size)
                memcpy(jpeg->data, data, size);
        jpeg->size = size;
        g_autoptr(GError) error = NULL;
        g_autoptr(TbFrame) frame = tb_decoder_jpeg(decoder, jpeg, &error);
        g_assert_true((frame == NULL) == (error != NULL));
        if (frame) {
                g_assert_true(frame->width >= 1 && frame->width <= TB_LIMIT_VIDEO_SIDE);
                g_assert_true(frame->height >= 1 && frame->height <= TB_LIMIT_VIDEO_SIDE);
                g_assert_cmpuint(frame->size, >=, (gsize)frame->stride[0] * (gsize)frame->height);
        }
        return 0;
}
