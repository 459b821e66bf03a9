#include "drivers/v4l2/v4l2_proto.h"

#include <linux/videodev2.h>
#include <math.h>
#include <string.h>

#include "lib/limits.h"

#define USUAL_FPS 30.0 /* without a wish */

/* In the order of preference among equals: the least work to show first. */
static const struct {
        guint32 fourcc;
        const char *name;
        TbPixelFormat format;
} formats[] = {
        {V4L2_PIX_FMT_NV12, "nv12", TB_PIXEL_NV12},  {V4L2_PIX_FMT_YUV420, "i420", TB_PIXEL_I420},
        {V4L2_PIX_FMT_YUYV, "yuyv", TB_PIXEL_YUY2},  {V4L2_PIX_FMT_XBGR32, "bgrx", TB_PIXEL_BGRX},
        {V4L2_PIX_FMT_BGR32, "bgr4", TB_PIXEL_BGRX}, {V4L2_PIX_FMT_MJPEG, "mjpg", TB_PIXEL_JPEG},
        {V4L2_PIX_FMT_JPEG, "jpeg", TB_PIXEL_JPEG},
};

static int rank(guint32 fourcc)
{
        for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
                if (formats[i].fourcc == fourcc)
                        return (int)i;
        }
        return -1;
}

bool tb_v4l2_format(guint32 fourcc, TbPixelFormat *ret_format)
{
        int i = rank(fourcc);

        if (i < 0)
                return false;
        *ret_format = formats[i].format;
        return true;
}

guint32 tb_v4l2_fourcc(const char *name)
{
        for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
                if (g_str_equal(formats[i].name, name))
                        return formats[i].fourcc;
        }
        return 0;
}

void tb_v4l2_fourcc_text(guint32 fourcc, char ret_text[5])
{
        for (guint i = 0; i < 4; i++) {
                char c = (char)(fourcc >> (8 * i) & 0x7f);
                ret_text[i] = g_ascii_isprint(c) ? c : '?';
        }
        ret_text[4] = '\0';
}

/* --- choosing --- */
static gint64 size_distance(const TbV4l2Mode *mode, const TbV4l2Wish *wish)
{
        gint64 w = wish->width ? mode->width - wish->width : 0;
        gint64 h = wish->height ? mode->height - wish->height : 0;

        return ABS(w) + ABS(h);
}

/* How far too slow; that much too fast costs nothing, frames can be left out. */
static double fps_missing(const TbV4l2Mode *mode, const TbV4l2Wish *wish)
{
        return MAX(0.0, (wish->fps > 0 ? wish->fps : USUAL_FPS) - mode->fps - 0.05); /* 29.97 is 30 */
}

static bool usable(const TbV4l2Mode *mode, const TbV4l2Wish *wish)
{
        return rank(mode->fourcc) >= 0 && (!wish->fourcc || mode->fourcc == wish->fourcc) &&
               mode->width > 0 && mode->height > 0 && mode->width <= TB_LIMIT_VIDEO_SIDE &&
               mode->height <= TB_LIMIT_VIDEO_SIDE;
}

static bool better(const TbV4l2Mode *a, const TbV4l2Mode *b, const TbV4l2Wish *wish)
{
        gint64 da = size_distance(a, wish), db = size_distance(b, wish);
        double fa = fps_missing(a, wish), fb = fps_missing(b, wish);

        if (da != db)
                return da < db;
        if (a->width != b->width || a->height != b->height)
                return (gint64)a->width * a->height < (gint64)b->width * b->height;
        if (fabs(fa - fb) > 0.01)
                return fa < fb;
        if (rank(a->fourcc) != rank(b->fourcc))
                return rank(a->fourcc) < rank(b->fourcc);
        return a->fps < b->fps; /* enough, and not more than enough */
}

int tb_v4l2_choose(const TbV4l2Mode *modes, guint n, const TbV4l2Wish *wish)
{
        int best = -1;

        for (guint i = 0; i < n; i++) {
                if (usable(&modes[i], wish) && (best < 0 || better(&modes[i], &modes[best], wish)))
                        best = (int)i;
        }
        return best;
}

int tb_v4l2_snap(int wish, int min, int max, int step)
{
        if (step < 1)
                step = 1;
        if (wish <= min || max < min)
                return min;
        if (wish >= max)
                return max;
        int below = min + (wish - min) / step * step;
        int above = below + step;
        return above <= max && above - wish < wish - below ? above : below;
}

/* --- bytes --- */
gsize tb_v4l2_size(TbPixelFormat format, int height, gsize stride)
{
        gsize h = (gsize)height;

        switch (format) {
        case TB_PIXEL_BGRX:
        case TB_PIXEL_RGBX:
        case TB_PIXEL_YUY2: return stride * h;
        case TB_PIXEL_NV12: return stride * h + stride * ((h + 1) / 2);
        case TB_PIXEL_I420: return stride * h + 2 * (stride / 2) * ((h + 1) / 2);
        case TB_PIXEL_JPEG: return 0;
        }
        return 0;
}

static const guint8 *copy_plane(TbFrame *frame, guint plane, const guint8 *from, gsize stride, gsize rows)
{
        gsize bytes = MIN((gsize)frame->stride[plane], stride);

        for (gsize y = 0; y < rows; y++)
                memcpy(frame->plane[plane] + y * (gsize)frame->stride[plane], from + y * stride, bytes);
        return from + stride * rows;
}

/* Bytes of a row that carry pixels; a stride below it would make rows overlap. */
static gsize row_bytes(TbPixelFormat format, int width)
{
        switch (format) {
        case TB_PIXEL_BGRX:
        case TB_PIXEL_RGBX: return 4 * (gsize)width;
        case TB_PIXEL_YUY2: return 2 * (gsize)((width + 1) & ~1);
        case TB_PIXEL_NV12:
        case TB_PIXEL_I420: return (gsize)width;
        case TB_PIXEL_JPEG: return 0;
        }
        return 0;
}

static bool fill_jpeg(TbFrame *frame, const guint8 *data, gsize size)
{
        /* Some cameras send a short or empty buffer when the bus was busy: that is a lost frame, not a
         * picture. */
        if (size < 4 || size > frame->capacity || data[0] != 0xff || data[1] != 0xd8)
                return false;
        memcpy(frame->data, data, size);
        frame->size = size;
        return true;
}

bool tb_v4l2_fill(TbFrame *frame, const guint8 *data, gsize size, gsize stride)
{
        gsize h = (gsize)frame->height;

        if (frame->format == TB_PIXEL_JPEG)
                return fill_jpeg(frame, data, size);
        gsize least = tb_v4l2_size(frame->format, frame->height, stride);
        if (stride < row_bytes(frame->format, frame->width) || size < least || least == 0)
                return false;
        data = copy_plane(frame, 0, data, stride, h);
        if (frame->format == TB_PIXEL_NV12) {
                copy_plane(frame, 1, data, stride, (h + 1) / 2);
        } else if (frame->format == TB_PIXEL_I420) {
                data = copy_plane(frame, 1, data, stride / 2, (h + 1) / 2);
                copy_plane(frame, 2, data, stride / 2, (h + 1) / 2);
        }
        return true;
}
