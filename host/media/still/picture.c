#include "host/media/still/picture.h"

#include <png.h>
#include <string.h>
#include <turbojpeg.h>

#include "lib/error.h"

struct TbPicture {
        tjhandle jpeg;      /* owned */
        TbFramePool *pool;  /* ref; YUV frames converted */
        TbFramePool *small; /* ref; thumbnails */
};

TbPicture *tb_picture_new(void)
{
        TbPicture *picture = g_new0(TbPicture, 1);
        picture->jpeg = tjInitCompress();
        picture->pool = tb_frame_pool_new(1);
        picture->small = tb_frame_pool_new(1);
        return picture;
}

void tb_picture_free(TbPicture *picture)
{
        if (!picture)
                return;
        if (picture->jpeg)
                tjDestroy(picture->jpeg);
        tb_frame_pool_unref(picture->pool);
        tb_frame_pool_unref(picture->small);
        g_free(picture);
}

/* --- YUV --- */
static guint8 clamp8(int value)
{
        return (guint8)CLAMP(value, 0, 255);
}

/* BT.601, limited range, 8 bits of fraction. */
static void pixel(guint8 *out, int y, int u, int v)
{
        int c = 298 * (y - 16) + 128, d = u - 128, e = v - 128;
        out[0] = clamp8((c + 516 * d) >> 8);
        out[1] = clamp8((c - 100 * d - 208 * e) >> 8);
        out[2] = clamp8((c + 409 * e) >> 8);
        out[3] = 0;
}

static void convert_row(const TbFrame *f, int row, guint8 *out)
{
        const guint8 *y = f->plane[0] + (gsize)row * f->stride[0];
        /* packed formats have one plane, and their pixels are read from it */
        const guint8 *u = f->plane[1] ? f->plane[1] + (gsize)(row / 2) * f->stride[1] : y;
        const guint8 *v = f->plane[2] ? f->plane[2] + (gsize)(row / 2) * f->stride[2] : y;
        for (int x = 0; x < f->width; x++, out += 4) {
                int pair = x / 2;
                switch (f->format) {
                case TB_PIXEL_YUY2: pixel(out, y[2 * x], y[4 * pair + 1], y[4 * pair + 3]); break;
                case TB_PIXEL_NV12: pixel(out, y[x], u[2 * pair], u[2 * pair + 1]); break;
                case TB_PIXEL_I420: pixel(out, y[x], u[pair], v[pair]); break;
                case TB_PIXEL_BGRX:
                case TB_PIXEL_RGBX:
                case TB_PIXEL_JPEG: break;
                }
        }
}

/* The frame itself, or a converted one; the caller owns a reference. */
static TbFrame *to_rgb(TbPicture *picture, const TbFrame *frame, GError **error)
{
        switch (frame->format) {
        case TB_PIXEL_BGRX:
        case TB_PIXEL_RGBX: return tb_frame_ref((TbFrame *)frame);
        case TB_PIXEL_JPEG:
                tb_set_error(error, TB_ERROR_INTERNAL, "a compressed frame where a picture was expected");
                return NULL;
        case TB_PIXEL_YUY2:
        case TB_PIXEL_NV12:
        case TB_PIXEL_I420: break;
        }
        TbFrame *rgb = tb_frame_pool_take(picture->pool, TB_PIXEL_BGRX, frame->width, frame->height, 0);
        for (int row = 0; row < frame->height; row++)
                convert_row(frame, row, rgb->data + (gsize)row * rgb->stride[0]);
        return rgb;
}

/* Each pixel is the mean of those that it stands for. Takes the reference. */
static TbFrame *shrink_take(TbPicture *picture, TbFrame *rgb, int width)
{
        int height = MAX(1, (int)((gint64)rgb->height * width / rgb->width));
        TbFrame *small = tb_frame_pool_take(picture->small, rgb->format, width, height, 0);
        for (int y = 0; y < height; y++) {
                int y0 = (int)((gint64)y * rgb->height / height),
                    y1 = MAX(y0 + 1, (int)((gint64)(y + 1) * rgb->height / height));
                guint8 *out = small->data + (gsize)y * small->stride[0];
                for (int x = 0; x < width; x++, out += 4) {
                        int x0 = (int)((gint64)x * rgb->width / width),
                            x1 = MAX(x0 + 1, (int)((gint64)(x + 1) * rgb->width / width));
                        guint sum[3] = {0}, n = (guint)((x1 - x0) * (y1 - y0));
                        for (int row = y0; row < y1; row++) {
                                const guint8 *in = rgb->plane[0] + (gsize)row * rgb->stride[0] + 4 * x0;
                                for (int i = x0; i < x1; i++, in += 4)
                                        for (int c = 0; c < 3; c++)
                                                sum[c] += in[c];
                        }
                        for (int c = 0; c < 3; c++)
                                out[c] = (guint8)(sum[c] / n);
                        out[3] = 0;
                }
        }
        tb_frame_unref(rgb);
        return small;
}

/* --- PNG --- */
static void png_write(png_structp png, png_bytep data, png_size_t size)
{
        g_byte_array_append(png_get_io_ptr(png), data, (guint)size);
}

static void png_flush_nothing(png_structp png G_GNUC_UNUSED)
{
}

GBytes *tb_picture_png(TbPicture *picture, const TbFrame *frame, GError **error)
{
        g_autoptr(TbFrame) rgb = to_rgb(picture, frame, error);
        if (!rgb)
                return NULL;
        GByteArray *out = g_byte_array_sized_new((guint)(rgb->size / 8));
        png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
        png_infop info = png ? png_create_info_struct(png) : NULL;
        if (!info || setjmp(png_jmpbuf(png))) { /* libpng's way of throwing */
                png_destroy_write_struct(&png, &info);
                g_byte_array_unref(out);
                tb_set_error(error, TB_ERROR_INTERNAL,
                             "libpng could not write the snapshot as PNG: take it as .jpg");
                return NULL;
        }
        png_set_write_fn(png, out, png_write, png_flush_nothing);
        png_set_compression_level(png,
                                  3); /* screens: a third of the time of the default, a few per cent larger */
        png_set_filter(png, 0, PNG_FILTER_NONE | PNG_FILTER_SUB | PNG_FILTER_UP);
        png_set_IHDR(png, info, (png_uint_32)rgb->width, (png_uint_32)rgb->height, 8, PNG_COLOR_TYPE_RGB,
                     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        png_write_info(png, info);
        if (rgb->format == TB_PIXEL_BGRX)
                png_set_bgr(png);
        png_set_filler(png, 0, PNG_FILLER_AFTER);
        for (int row = 0; row < rgb->height; row++)
                png_write_row(png, rgb->data + (gsize)row * rgb->stride[0]);
        png_write_end(png, NULL);
        png_destroy_write_struct(&png, &info);
        return g_byte_array_free_to_bytes(out);
}

/* --- JPEG --- */
static void free_jpeg(gpointer data)
{
        tjFree(data);
}

GBytes *tb_picture_jpeg(TbPicture *picture, const TbFrame *frame, int quality, int width, GError **error)
{
        if (frame->format == TB_PIXEL_JPEG)
                return g_bytes_new(frame->data, frame->size);
        g_autoptr(TbFrame) rgb = to_rgb(picture, frame, error);
        if (!rgb)
                return NULL;
        if (width > 0 && width < rgb->width)
                rgb = shrink_take(picture, g_steal_pointer(&rgb), width);
        unsigned char *out = NULL;
        unsigned long size = 0;
        /* 4:4:4 at high quality: coloured text stays readable */
        if (tjCompress2(picture->jpeg, rgb->data, rgb->width, rgb->stride[0], rgb->height,
                        rgb->format == TB_PIXEL_BGRX ? TJPF_BGRX : TJPF_RGBX, &out, &size,
                        quality >= 90 ? TJSAMP_444 : TJSAMP_420, quality, TJFLAG_FASTDCT) < 0) {
                tb_set_error(error, TB_ERROR_INTERNAL, "libjpeg-turbo: %s", tjGetErrorStr2(picture->jpeg));
                tjFree(out);
                return NULL;
        }
        return g_bytes_new_with_free_func(out, size, free_jpeg, out);
}
