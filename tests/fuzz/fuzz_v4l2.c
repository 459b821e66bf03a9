/* A camera's buffer of any size and stride into a frame of any format: never a byte outside either. First
 * bytes: format, width, height, stride. */
#include <stdint.h>
#include <string.h>

#include "drivers/v4l2/v4l2_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const TbPixelFormat formats[] = {TB_PIXEL_BGRX, TB_PIXEL_RGBX, TB_PIXEL_YUY2,
                                                TB_PIXEL_NV12, TB_PIXEL_I420, TB_PIXEL_JPEG};

        if (size < 5)
                return 0;
        gsize bytes = size - 5;
        g_autofree guint8 *exact = g_memdup2(data + 5, bytes);
        TbFramePool *pool = tb_frame_pool_new(0);
        g_autoptr(TbFrame) frame = tb_frame_pool_take(pool, formats[data[0] % G_N_ELEMENTS(formats)],
                                                      data[1] + 1, data[2] + 1, bytes);
        if (frame && tb_v4l2_fill(frame, exact, bytes, (gsize)(data[3] | data[4] << 8)))
                g_assert_true(frame->format == TB_PIXEL_JPEG ||
                              bytes >= (gsize)(frame->width * frame->height));
        tb_frame_pool_unref(pool);

        /* the same bytes as a list of modes */
        TbV4l2Mode modes[8];
        guint n = (guint)MIN(bytes / 8, G_N_ELEMENTS(modes));
        for (guint i = 0; i < n; i++) {
                gint16 side[2];
                memcpy(&modes[i].fourcc, exact + i * 8, 4);
                memcpy(side, exact + i * 8 + 4, 4);
                modes[i].width = side[0];
                modes[i].height = side[1];
                modes[i].fps = data[3];
        }
        TbV4l2Wish wish = {.width = data[1] * 16, .height = data[2] * 16, .fps = data[4]};
        int best = tb_v4l2_choose(modes, n, &wish);
        g_assert_true(best >= -1 && best < (int)n);
        return 0;
}
