#include "host/media/encode/planar.h"

#ifdef TB_WITH_LIBYUV
#include <libyuv/convert.h>

TbFrame *tb_frame_planar(TbFramePool *pool, const TbFrame *frame)
{
        bool bgrx = frame->format == TB_PIXEL_BGRX;
        if (!bgrx && frame->format != TB_PIXEL_RGBX)
                return NULL;
        TbFrame *out = tb_frame_pool_take(pool, TB_PIXEL_I420, frame->width, frame->height, 0);
        if (!out)
                return NULL;
        out->t_us = frame->t_us;
        /* libyuv names formats by the order of their bits, lowest byte last */
        int (*convert)(const uint8_t *, int, uint8_t *, int, uint8_t *, int, uint8_t *, int, int, int) =
                bgrx ? ARGBToI420 : ABGRToI420;
        convert(frame->plane[0], frame->stride[0], out->plane[0], out->stride[0], out->plane[1],
                out->stride[1], out->plane[2], out->stride[2], frame->width, frame->height);
        return out;
}
#else
TbFrame *tb_frame_planar(TbFramePool *pool G_GNUC_UNUSED, const TbFrame *frame G_GNUC_UNUSED)
{
        return NULL;
}
#endif
