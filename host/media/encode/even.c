#include "host/media/encode/even.h"

#include <string.h>

/* Of one plane with `bytes` per sample: as it is, the last one of each row and the last row as often as they lack. */
static void copy(const TbFrame *in, TbFrame *out, int plane, int bytes, int width, int height, int out_width,
                 int out_height)
{
        gsize row = (gsize)width * (gsize)bytes;
        for (int y = 0; y < out_height; y++) {
                const guint8 *from = in->plane[plane] + (gsize)MIN(y, height - 1) * (gsize)in->stride[plane];
                guint8 *to = out->plane[plane] + (gsize)y * (gsize)out->stride[plane];
                memcpy(to, from, row);
                if (out_width > width)
                        memcpy(to + row, to + row - bytes, (gsize)bytes);
        }
}

/* Two samples share their chroma: Y0 U Y1 V, of which the last Y1 is nobody's in an odd row. */
static void copy_pairs(const TbFrame *in, TbFrame *out, bool odd)
{
        int pairs = out->width / 2;
        copy(in, out, 0, 4, pairs, in->height, pairs, out->height);
        for (int y = 0; odd && y < out->height; y++) {
                guint8 *last = out->plane[0] + (gsize)y * (gsize)out->stride[0] + (gsize)(pairs - 1) * 4;
                last[2] = last[0];
        }
}

TbFrame *tb_frame_even(TbFramePool *pool, const TbFrame *frame)
{
        int w = frame->width, h = frame->height, width = (w + 1) & ~1, height = (h + 1) & ~1;
        if (frame->format == TB_PIXEL_JPEG || (width == w && height == h))
                return NULL;
        TbFrame *even = tb_frame_pool_take(pool, frame->format, width, height, 0);
        if (!even)
                return NULL;
        even->t_us = frame->t_us;
        switch (frame->format) {
        case TB_PIXEL_BGRX:
        case TB_PIXEL_RGBX: copy(frame, even, 0, 4, w, h, width, height); break;
        case TB_PIXEL_YUY2: copy_pairs(frame, even, width > w); break;
        case TB_PIXEL_NV12: /* chroma has a sample for what is there of two columns and rows */
                copy(frame, even, 0, 1, w, h, width, height);
                copy(frame, even, 1, 2, width / 2, height / 2, width / 2, height / 2);
                break;
        case TB_PIXEL_I420:
                copy(frame, even, 0, 1, w, h, width, height);
                copy(frame, even, 1, 1, width / 2, height / 2, width / 2, height / 2);
                copy(frame, even, 2, 1, width / 2, height / 2, width / 2, height / 2);
                break;
        case TB_PIXEL_JPEG: break;
        }
        return even;
}
