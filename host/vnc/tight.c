#include "host/vnc/tight.h"

#include <string.h>
#include <turbojpeg.h>

#include "host/vnc/deflate.h"
#include "host/vnc/palette.h"

#define TILE 64
#define TILES (TB_VNC_TIGHT_WIDTH / TILE)
#define JPEG_FROM 96    /* colours of a tile: more are a picture */
#define JPEG_PIXELS 256 /* less are not worth JPEG's tables */
#define STORED 12       /* bytes that are not deflated, by the encoding's rule */
enum { FILL = 0x80, JPEG = 0x90, FILTER = 0x40, FILTER_PALETTE = 1 };
enum { STREAM_FULL, STREAM_MONO, STREAM_INDEXED };

struct TbVncTight {
        tjhandle jpeg;           /* owned; NULL: not yet */
        TbVncDeflate *deflate;   /* owned: of full colours */
        TbVncDeflate *stream[2]; /* owned: of palettes, mono and indexed; NULL: not yet */
        GByteArray *plain;       /* owned: of a rectangle before it is deflated */
        TbVncPalette palette;
        guint32 band[TB_VNC_TIGHT_ROWS * TB_VNC_TIGHT_WIDTH];
        /* of the call */
        bool rgb;                       /* a pixel is sent as red, green, blue */
        int bytes;                      /* else: of a pixel */
        int quality, subsampling, most; /* most: colours of a palette */
        guint rects;
        GByteArray *out;
        GArray *parts;
};

TbVncTight *tb_vnc_tight_new(void)
{
        TbVncTight *tight = g_new0(TbVncTight, 1);
        tight->deflate = tb_vnc_deflate_new();
        tight->plain = g_byte_array_new();
        return tight;
}

void tb_vnc_tight_free(TbVncTight *tight)
{
        if (!tight)
                return;
        if (tight->jpeg)
                tjDestroy(tight->jpeg);
        tb_vnc_deflate_free(tight->deflate);
        for (int i = 0; i < 2; i++)
                tb_vnc_deflate_free(tight->stream[i]);
        g_byte_array_unref(tight->plain);
        g_free(tight);
}

bool tb_vnc_tight_takes_jpeg(const rfbPixelFormat *format)
{
        return format->trueColour && format->bitsPerPixel > 8;
}

bool tb_vnc_tight_needs_pixels(const rfbPixelFormat *format)
{
        return format->bitsPerPixel != 32 || format->depth != 24 || !format->trueColour ||
               format->redMax != 255 || format->greenMax != 255 || format->blueMax != 255;
}

/* --- what is sent --- */
static void put(TbVncTight *tight, const void *bytes, gsize n)
{
        g_byte_array_append(tight->out, bytes, (guint)n);
}

static void put_byte(TbVncTight *tight, int byte)
{
        put(tight, &(guint8){(guint8)byte}, 1);
}

static void put_head(TbVncTight *tight, int x, int y, int width, int height)
{
        const guint8 head[12] = {(guint8)(x >> 8),
                                 (guint8)x,
                                 (guint8)(y >> 8),
                                 (guint8)y,
                                 (guint8)(width >> 8),
                                 (guint8)width,
                                 (guint8)(height >> 8),
                                 (guint8)height,
                                 0,
                                 0,
                                 0,
                                 rfbEncodingTight};
        put(tight, head, sizeof head);
        tight->rects++;
}

/* "TPIXEL" */
static void add_pixel(const TbVncTight *tight, guint32 pixel, GByteArray *to)
{
        if (tight->rgb) {
                const guint8 rgb[3] = {(guint8)(pixel >> 16), (guint8)(pixel >> 8), (guint8)pixel};
                g_byte_array_append(to, rgb, 3);
        } else {
                g_byte_array_append(to, (const guint8 *)&pixel, (guint)tight->bytes);
        }
}

/* Its place is kept before the length is known: always three bytes, which it may be. */
static void set_length(GByteArray *out, guint at)
{
        guint n = out->len - at - 3;
        out->data[at] = (guint8)(n & 0x7f) | 0x80;
        out->data[at + 1] = (guint8)(n >> 7 & 0x7f) | 0x80;
        out->data[at + 2] = (guint8)(n >> 14);
}

static void put_deflated(TbVncTight *tight)
{
        if (tight->plain->len < STORED) {
                put(tight, tight->plain->data, tight->plain->len);
                return;
        }
        guint at = tight->out->len;
        put(tight, "\0\0\0", 3);
        put_byte(tight, TB_VNC_ZLIB_HEADER >> 8);
        put_byte(tight, TB_VNC_ZLIB_HEADER);
        tb_vnc_deflate(tight->deflate, tight->plain->data, tight->plain->len, tight->out);
        set_length(tight->out, at);
}

static void end_part(TbVncTight *tight)
{
        gsize end = tight->out->len;
        g_array_append_val(tight->parts, end);
}

static void put_part(TbVncTight *tight, int stream)
{
        if (tight->plain->len < STORED) {
                put(tight, tight->plain->data, tight->plain->len);
                return;
        }
        end_part(tight);
        put_byte(tight, stream);
        put(tight, tight->plain->data, tight->plain->len);
        end_part(tight);
}

void tb_vnc_tight_part(TbVncTight *tight, const guint8 *bytes, gsize size, GByteArray *out)
{
        TbVncDeflate **stream = &tight->stream[bytes[0] == STREAM_MONO ? 0 : 1];
        if (!*stream)
                *stream = tb_vnc_deflate_new();
        guint at = out->len;
        g_byte_array_append(out, (const guint8 *)"\0\0\0", 3);
        tb_vnc_deflate_on(*stream, bytes + 1, size - 1, out);
        set_length(out, at);
}

/* --- rectangles of a band: x from its left edge --- */
static const guint32 *row_of(const TbVncTight *tight, int y, int x)
{
        return tight->band + (gsize)y * TB_VNC_TIGHT_WIDTH + x;
}

static void load_row(TbVncTight *tight, const TbVncTightArea *band, int y, int x, int width)
{
        guint32 *to = tight->band + (gsize)y * TB_VNC_TIGHT_WIDTH + x;
        if (tight->rgb) {
                const guint8 *from = band->bgrx + (gsize)y * (gsize)band->bgrx_stride + (gsize)x * 4;
                for (int i = 0; i < width; i++, from += 4)
                        to[i] = (guint32)from[2] << 16 | (guint32)from[1] << 8 | from[0];
                return;
        }
        const guint8 *from = band->pixels + (gsize)y * (gsize)band->stride + (gsize)x * (gsize)tight->bytes;
        for (int i = 0; i < width; i++, from += tight->bytes) {
                to[i] = 0;
                memcpy(&to[i], from, (gsize)tight->bytes);
        }
}

static void put_full(TbVncTight *tight, const TbVncTightArea *band, int x, int width)
{
        put_head(tight, band->x + x, band->y, width, band->height);
        put_byte(tight, STREAM_FULL << 4 | 1 << STREAM_FULL); /* which begins anew */
        g_byte_array_set_size(tight->plain, 0);
        for (int y = 0; y < band->height; y++) {
                load_row(tight, band, y, x, width);
                for (int i = 0; i < width; i++)
                        add_pixel(tight, row_of(tight, y, x)[i], tight->plain);
        }
        put_deflated(tight);
}

static void put_jpeg(TbVncTight *tight, const TbVncTightArea *band, int x, int width)
{
        static const int samplings[] = {TJSAMP_444, TJSAMP_420, TJSAMP_422, TJSAMP_GRAY};
        if (!tight->jpeg)
                tight->jpeg = tjInitCompress();
        int sampling = samplings[tight->subsampling & 3];
        unsigned long room = tjBufSize(width, band->height, sampling), size = room;
        guint begin = tight->out->len;
        guint rects = tight->rects;
        put_head(tight, band->x + x, band->y, width, band->height);
        put_byte(tight, JPEG);
        guint at = tight->out->len;
        g_byte_array_set_size(tight->out, at + 3 + (guint)room);
        guint8 *to = tight->out->data + at + 3;
        if (!tight->jpeg ||
            tjCompress2(tight->jpeg, band->bgrx + (gsize)x * 4, width, band->bgrx_stride, band->height,
                        TJPF_BGRX, &to, &size, sampling, tight->quality, TJFLAG_NOREALLOC) != 0) {
                g_byte_array_set_size(tight->out, begin);
                tight->rects = rects;
                put_full(tight, band, x, width);
                return;
        }
        g_byte_array_set_size(tight->out, at + 3 + (guint)size);
        set_length(tight->out, at);
}

static void put_palette(TbVncTight *tight, int stream)
{
        const TbVncPalette *palette = &tight->palette;
        put_byte(tight, stream << 4 | FILTER);
        put_byte(tight, FILTER_PALETTE);
        put_byte(tight, palette->n - 1);
        for (int i = 0; i < palette->n; i++)
                add_pixel(tight, palette->colour[i], tight->out);
}

static void put_mono(TbVncTight *tight, const TbVncTightArea *band, int x, int width)
{
        gsize row = (gsize)(width + 7) / 8;
        put_palette(tight, STREAM_MONO);
        g_byte_array_set_size(tight->plain, (guint)(row * (gsize)band->height));
        memset(tight->plain->data, 0, tight->plain->len);
        for (int y = 0; y < band->height; y++) {
                const guint32 *pixel = row_of(tight, y, x);
                guint8 *to = tight->plain->data + (gsize)y * row;
                for (int i = 0; i < width; i++)
                        if (pixel[i] != tight->palette.colour[0])
                                to[i / 8] |= (guint8)(0x80 >> i % 8);
        }
        put_part(tight, STREAM_MONO);
}

static void put_indexed(TbVncTight *tight, const TbVncTightArea *band, int x, int width)
{
        put_palette(tight, STREAM_INDEXED);
        g_byte_array_set_size(tight->plain, (guint)(width * band->height));
        guint8 *to = tight->plain->data;
        for (int y = 0; y < band->height; y++) {
                const guint32 *pixel = row_of(tight, y, x);
                for (int i = 0; i < width; i++)
                        *to++ = (guint8)tb_vnc_palette_index(&tight->palette, pixel[i], TB_VNC_PALETTE);
        }
        put_part(tight, STREAM_INDEXED);
}

/* The palette is this rectangle's. */
static void put_few(TbVncTight *tight, const TbVncTightArea *band, int x, int width)
{
        put_head(tight, band->x + x, band->y, width, band->height);
        if (tight->palette.n == 1) {
                put_byte(tight, FILL);
                add_pixel(tight, tight->palette.colour[0], tight->out);
        } else if (tight->palette.n == 2) {
                put_mono(tight, band, x, width);
        } else {
                put_indexed(tight, band, x, width);
        }
}

/* --- which is which --- */
static bool add_row(TbVncTight *tight, int y, int x, int width, int most)
{
        const guint32 *pixel = row_of(tight, y, x);
        for (int i = 0; i < width; i++)
                if (tb_vnc_palette_index(&tight->palette, pixel[i], most) < 0)
                        return false;
        return true;
}

/* Adds the colours of columns that were loaded; false: they are more than `most`. */
static bool add_colours(TbVncTight *tight, int height, int x, int width, int most)
{
        for (int y = 0; y < height; y++)
                if (!add_row(tight, y, x, width, most))
                        return false;
        return true;
}

/* Loads columns as long as their colours are few. */
static bool has_few(TbVncTight *tight, const TbVncTightArea *band, int x, int width, int most)
{
        tb_vnc_palette_clear(&tight->palette);
        for (int y = 0; y < band->height; y++) {
                load_row(tight, band, y, x, width);
                if (!add_row(tight, y, x, width, most))
                        return false;
        }
        return true;
}

/* From `x` on, as far as a palette has room; at least the first tile's colours have. Their palette is left behind. */
static int width_of_few(TbVncTight *tight, const TbVncTightArea *band, int x, const bool many[TILES])
{
        int end = x;
        tb_vnc_palette_clear(&tight->palette);
        while (end < band->width && !many[end / TILE]) {
                int width = MIN(TILE, band->width - end);
                if (!add_colours(tight, band->height, end, width, tight->most)) {
                        tb_vnc_palette_clear(&tight->palette);
                        add_colours(tight, band->height, x, end - x, tight->most);
                        break;
                }
                end += width;
        }
        return end - x;
}

static void encode_band(TbVncTight *tight, const TbVncTightArea *band)
{
        bool many[TILES] = {false};
        int most = tight->quality > 0 ? MIN(JPEG_FROM, tight->most) : tight->most;
        for (int x = 0; x < band->width; x += TILE)
                many[x / TILE] = !has_few(tight, band, x, MIN(TILE, band->width - x), most);
        for (int x = 0, width; x < band->width; x += width) {
                if (!many[x / TILE]) {
                        width = width_of_few(tight, band, x, many);
                        put_few(tight, band, x, width);
                        continue;
                }
                for (width = TILE; x + width < band->width && many[(x + width) / TILE];)
                        width += TILE;
                width = MIN(width, band->width - x);
                if (tight->quality > 0 && width * band->height >= JPEG_PIXELS)
                        put_jpeg(tight, band, x, width);
                else
                        put_full(tight, band, x, width);
        }
}

guint tb_vnc_tight_encode(TbVncTight *tight, const rfbPixelFormat *format, int quality, int subsampling,
                          const TbVncTightArea *area, GByteArray *out, GArray *parts)
{
        tight->bytes = format->bitsPerPixel / 8;
        tight->rgb = !tb_vnc_tight_needs_pixels(format);
        tight->quality = tb_vnc_tight_takes_jpeg(format) ? MIN(quality, 100) : 0;
        tight->subsampling = subsampling;
        tight->most = format->bitsPerPixel == 8 ? 2 : TB_VNC_PALETTE;
        tight->rects = 0;
        tight->out = out;
        tight->parts = parts;
        for (int y = 0; y < area->height; y += TB_VNC_TIGHT_ROWS) {
                TbVncTightArea band = *area;
                band.bgrx += (gsize)y * (gsize)area->bgrx_stride;
                if (!tight->rgb)
                        band.pixels += (gsize)y * (gsize)area->stride;
                band.y += y;
                band.height = MIN(TB_VNC_TIGHT_ROWS, area->height - y);
                encode_band(tight, &band);
        }
        return tight->rects;
}
