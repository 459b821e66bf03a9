#include "host/vnc/zrle.h"

#include <string.h>

#define TILE 64
#define PACKED_MOST 16   /* colours of a packed palette */
#define PALETTE_MOST 127 /* of a palette with runs */
enum { RAW = 0, SOLID = 1, RUNS = 128 };

/* "CPIXEL": three bytes where the colours lie in them, and the depth says that nothing else counts. */
void tb_vnc_zrle_init(TbVncZrle *zrle, const rfbPixelFormat *format)
{
        zrle->bytes = zrle->size = format->bitsPerPixel / 8;
        zrle->from = 0;
        if (format->bitsPerPixel != 32 || !format->trueColour || format->depth > 24)
                return;
        guint64 used = (guint64)format->redMax << (format->redShift & 31) |
                       (guint64)format->greenMax << (format->greenShift & 31) |
                       (guint64)format->blueMax << (format->blueShift & 31);
        bool low = used < 1 << 24, high = (used & 0xff) == 0 && used >> 32 == 0;
        if (!low && !high)
                return;
        zrle->size = 3;
        zrle->from = low == !format->bigEndian ? 0 : 1;
}

/* Which bytes count, as a number that was loaded from memory. */
static guint32 mask_of(const TbVncZrle *zrle)
{
        guint8 bytes[4] = {0};
        guint32 mask;
        memset(bytes + zrle->from, 0xff, (gsize)zrle->size);
        memcpy(&mask, bytes, 4);
        return mask;
}

static void load(TbVncZrle *zrle, const guint8 *pixels, int stride, int width, int height)
{
        guint32 *to = zrle->pixels, mask = mask_of(zrle);
        for (int y = 0; y < height; y++, pixels += stride)
                for (int x = 0; x < width; x++) {
                        guint32 pixel = 0;
                        if (zrle->bytes == 4)
                                memcpy(&pixel, pixels + (gsize)x * 4, 4);
                        else
                                memcpy(&pixel, pixels + (gsize)x * (gsize)zrle->bytes, (gsize)zrle->bytes);
                        *to++ = pixel & mask;
                }
}

static guint8 *grow(GByteArray *out, gsize n)
{
        guint was = out->len;
        g_byte_array_set_size(out, was + (guint)n);
        return out->data + was;
}

static void put(const TbVncZrle *zrle, guint8 *to, guint32 pixel)
{
        memcpy(to, (const guint8 *)&pixel + zrle->from, (gsize)zrle->size);
}

static void put_raw(const TbVncZrle *zrle, int n, GByteArray *out)
{
        guint8 *to = grow(out, 1 + (gsize)n * (gsize)zrle->size);
        *to++ = RAW;
        if (zrle->size == 3)
                for (int i = 0; i < n; i++, to += 3)
                        memcpy(to, (const guint8 *)&zrle->pixels[i] + zrle->from, 3);
        else
                for (int i = 0; i < n; i++, to += zrle->size)
                        put(zrle, to, zrle->pixels[i]);
}

static void put_palette(const TbVncZrle *zrle, guint8 kind, GByteArray *out)
{
        guint8 *to = grow(out, 1 + (gsize)zrle->palette.n * (gsize)zrle->size);
        *to++ = kind;
        for (int i = 0; i < zrle->palette.n; i++, to += zrle->size)
                put(zrle, to, zrle->palette.colour[i]);
}

static int bits_of(int colours)
{
        return colours <= 2 ? 1 : colours <= 4 ? 2 : 4;
}

static void put_packed(const TbVncZrle *zrle, int width, int height, GByteArray *out)
{
        int bits = bits_of(zrle->palette.n);
        put_palette(zrle, (guint8)zrle->palette.n, out);
        const guint8 *index = zrle->indexes;
        for (int y = 0; y < height; y++) {
                gsize row = (gsize)(width * bits + 7) / 8;
                guint8 *to = grow(out, row);
                memset(to, 0, row);
                for (int x = 0; x < width; x++) {
                        int at = x * bits;
                        to[at / 8] |= (guint8)(*index++ << (8 - bits - at % 8));
                }
        }
}

/* A run of `n` is n - 1 in bytes of 255, and the rest. */
static void put_length(int n, GByteArray *out)
{
        guint8 byte = 255;
        for (n--; n >= 255; n -= 255)
                g_byte_array_append(out, &byte, 1);
        byte = (guint8)n;
        g_byte_array_append(out, &byte, 1);
}

static void put_runs(const TbVncZrle *zrle, int n, GByteArray *out)
{
        put_palette(zrle, (guint8)(RUNS + zrle->palette.n), out);
        for (int i = 0, end; i < n; i = end) {
                for (end = i + 1; end < n && zrle->indexes[end] == zrle->indexes[i];)
                        end++;
                guint8 index = zrle->indexes[i];
                if (end - i > 1)
                        index |= RUNS;
                g_byte_array_append(out, &index, 1);
                if (end - i > 1)
                        put_length(end - i, out);
        }
}

/* False: there are too many colours. *ret_runs: bytes of runs by index. */
static bool find_colours(TbVncZrle *zrle, int n, gsize *ret_runs)
{
        TbVncPalette *palette = &zrle->palette;
        tb_vnc_palette_clear(palette);
        gsize runs = 0;
        int length = 0, before = -1;
        for (int i = 0; i < n; i++) {
                int index = tb_vnc_palette_index(palette, zrle->pixels[i], PALETTE_MOST);
                if (index < 0)
                        return false;
                zrle->indexes[i] = (guint8)index;
                if (index == before) {
                        length++;
                        runs += length == 2 || length % 255 == 1;
                } else {
                        runs++;
                        length = 1;
                }
                before = index;
        }
        *ret_runs = runs;
        return true;
}

static void encode_tile(TbVncZrle *zrle, int width, int height, GByteArray *out)
{
        int n = width * height;
        gsize runs = 0, pixel = (gsize)zrle->size;
        bool few = find_colours(zrle, n, &runs);
        gsize colours = few ? (gsize)zrle->palette.n * pixel : 0;
        if (!few || colours + runs > (gsize)n * pixel)
                put_raw(zrle, n, out);
        else if (zrle->palette.n == 1)
                put_palette(zrle, SOLID, out);
        else if (zrle->palette.n <= PACKED_MOST &&
                 (gsize)height * ((gsize)(width * bits_of(zrle->palette.n) + 7) / 8) <= runs * 2)
                put_packed(zrle, width, height, out); /* deflate makes more of it than of runs */
        else
                put_runs(zrle, n, out);
}

void tb_vnc_zrle_encode(TbVncZrle *zrle, const guint8 *pixels, int stride, int width, int height,
                        GByteArray *out)
{
        for (int y = 0; y < height; y += TILE)
                for (int x = 0; x < width; x += TILE) {
                        int w = MIN(TILE, width - x), h = MIN(TILE, height - y);
                        load(zrle, pixels + (gsize)y * (gsize)stride + (gsize)x * (gsize)zrle->bytes, stride,
                             w, h);
                        encode_tile(zrle, w, h, out);
                }
}
