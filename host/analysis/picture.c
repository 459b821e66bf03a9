#include "host/analysis/picture.h"

#include <turbojpeg.h>

#include "lib/limits.h"

#define SPREAD 4 /* pixels a side that are taken of what a point stands for */

struct TbGreyReader {
        tjhandle jpeg;  /* owned */
        guint8 *pixels; /* owned: a decoded JPEG */
        gsize size;     /* of pixels */
};

TbGreyReader *tb_grey_reader_new(void)
{
        TbGreyReader *reader = g_new0(TbGreyReader, 1);
        reader->jpeg = tjInitDecompress();
        return reader;
}

void tb_grey_reader_free(TbGreyReader *reader)
{
        if (!reader)
                return;
        if (reader->jpeg)
                tjDestroy(reader->jpeg);
        g_free(reader->pixels);
        g_free(reader);
}

/* --- one pixel, 0..255 --- */
typedef struct Plane {
        const guint8 *at;
        int stride, step; /* bytes */
        TbPixelFormat format;
} Plane;

/* Cameras give BT.601, limited range. */
static guint full_range(guint8 y)
{
        return (guint)CLAMP((y - 16) * 298 >> 8, 0, 255);
}

static inline guint grey_of(const Plane *p, int x, int y)
{
        const guint8 *px = p->at + (gsize)y * (gsize)p->stride + (gsize)(x * p->step);
        switch (p->format) {
        case TB_PIXEL_BGRX: return (guint)(px[0] * 29 + px[1] * 150 + px[2] * 77) >> 8;
        case TB_PIXEL_RGBX: return (guint)(px[2] * 29 + px[1] * 150 + px[0] * 77) >> 8;
        case TB_PIXEL_YUY2:
        case TB_PIXEL_NV12:
        case TB_PIXEL_I420: return full_range(px[0]);
        case TB_PIXEL_JPEG: break;
        }
        return px[0];
}

/* Where the i-th of n parts of `size` begins. */
static int part(int i, int n, int size)
{
        return (int)((gint64)i * size / n);
}

static guint8 mean(const Plane *p, int x0, int x1, int y0, int y1)
{
        int nx = CLAMP(x1 - x0, 1, SPREAD), ny = CLAMP(y1 - y0, 1, SPREAD);
        guint sum = 0;
        for (int j = 0; j < ny; j++)
                for (int i = 0; i < nx; i++)
                        sum += grey_of(p, x0 + part(i, nx, x1 - x0), y0 + part(j, ny, y1 - y0));
        return (guint8)(sum / (guint)(nx * ny));
}

static void shrink(const Plane *p, int width, int height, TbGrey *ret)
{
        guint8 *out = ret->at;
        for (int y = 0; y < TB_GREY_HEIGHT; y++)
                for (int x = 0; x < TB_GREY_WIDTH; x++)
                        *out++ = mean(p, part(x, TB_GREY_WIDTH, width), part(x + 1, TB_GREY_WIDTH, width),
                                      part(y, TB_GREY_HEIGHT, height), part(y + 1, TB_GREY_HEIGHT, height));
}

/* --- JPEG: its grey alone, at the smallest size that is enough --- */
static tjscalingfactor scale_for(int width, int height)
{
        int n = 0;
        const tjscalingfactor *all = tjGetScalingFactors(&n);
        tjscalingfactor best = {1, 1};
        for (int i = 0; i < n; i++)
                if (TJSCALED(width, all[i]) >= TB_GREY_WIDTH && TJSCALED(height, all[i]) >= TB_GREY_HEIGHT &&
                    TJSCALED(width, all[i]) < TJSCALED(width, best))
                        best = all[i];
        return best;
}

static bool failed(TbGreyReader *reader, int result)
{
        return result < 0 && tjGetErrorCode(reader->jpeg) != TJERR_WARNING;
}

/* Of its header; false: it is broken, or too large. */
static bool size_of(TbGreyReader *reader, const TbFrame *frame, int *ret_width, int *ret_height)
{
        int subsampling = 0, colorspace = 0;
        return reader->jpeg &&
               !failed(reader, tjDecompressHeader3(reader->jpeg, frame->data, frame->size, ret_width,
                                                   ret_height, &subsampling, &colorspace)) &&
               *ret_width >= 1 && *ret_height >= 1 && *ret_width <= TB_LIMIT_VIDEO_SIDE &&
               *ret_height <= TB_LIMIT_VIDEO_SIDE;
}

static bool decode(TbGreyReader *reader, const TbFrame *frame, guint8 *to, int width, int height)
{
        return !failed(reader, tjDecompress2(reader->jpeg, frame->data, frame->size, to, width, width, height,
                                             TJPF_GRAY, TJFLAG_FASTDCT));
}

static bool read_jpeg(TbGreyReader *reader, const TbFrame *frame, TbGrey *ret)
{
        int width = 0, height = 0;
        if (!size_of(reader, frame, &width, &height))
                return false;
        tjscalingfactor scale = scale_for(width, height);
        width = TJSCALED(width, scale);
        height = TJSCALED(height, scale);
        gsize size = (gsize)width * (gsize)height;
        if (size > reader->size) {
                g_free(reader->pixels);
                reader->pixels = g_malloc(size);
                reader->size = size;
        }
        if (!decode(reader, frame, reader->pixels, width, height))
                return false;
        shrink(&(Plane){reader->pixels, width, 1, TB_PIXEL_JPEG}, width, height, ret);
        return true;
}

static Plane plane_of(const TbFrame *frame)
{
        bool rgb = frame->format == TB_PIXEL_BGRX || frame->format == TB_PIXEL_RGBX;
        int step = rgb ? 4 : frame->format == TB_PIXEL_YUY2 ? 2 : 1;
        return (Plane){frame->plane[0], frame->stride[0], step, frame->format};
}

bool tb_grey_read(TbGreyReader *reader, const TbFrame *frame, TbGrey *ret)
{
        if (frame->format == TB_PIXEL_JPEG)
                return read_jpeg(reader, frame, ret);
        Plane plane = plane_of(frame);
        shrink(&plane, frame->width, frame->height, ret);
        return true;
}

bool tb_grey_read_full(TbGreyReader *reader, const TbFrame *frame, TbGreyImage *image)
{
        int width = frame->width, height = frame->height;
        if (frame->format == TB_PIXEL_JPEG && !size_of(reader, frame, &width, &height))
                return false;
        tb_grey_image_set(image, width, height);
        if (frame->format == TB_PIXEL_JPEG)
                return decode(reader, frame, image->at, width, height);
        Plane plane = plane_of(frame);
        guint8 *out = image->at;
        for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++)
                        *out++ = (guint8)grey_of(&plane, x, y);
        return true;
}
