#pragma once
/* A viewer's half of what host/vnc/update.c sends: reads an update from a socket, by RFC 6143 and the community's "rfbproto". For tests. */
#include <glib.h>
#include <rfb/rfb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

typedef struct Screen {
        int fd, width, height;
        rfbPixelFormat format;
        guint8 *pixels; /* in that format */
        z_stream zlib, zrle, tight[4];
        guint rects, jpegs, copies;
} Screen;

static inline void get(Screen *s, void *bytes, gsize n)
{
        g_assert_cmpint(n ? recv(s->fd, bytes, n, MSG_WAITALL) : 0, ==, (gssize)n);
}

static inline guint get_number(Screen *s, int n)
{
        guint8 bytes[4];
        guint number = 0;
        get(s, bytes, (gsize)n);
        for (int i = 0; i < n; i++)
                number = number << 8 | bytes[i];
        return number;
}

static inline int pixel_bytes(const Screen *s)
{
        return s->format.bitsPerPixel / 8;
}

static inline guint8 *pixel_at(Screen *s, int x, int y)
{
        g_assert_true(x >= 0 && x < s->width && y >= 0 && y < s->height);
        return s->pixels + (gsize)(y * s->width + x) * (gsize)pixel_bytes(s);
}

/* Streams end with what was flushed: all of it comes out. */
static inline GByteArray *inflated(Screen *s, z_stream *z, gsize size, gsize most)
{
        g_autofree guint8 *in = g_malloc(size + 1);
        GByteArray *out = g_byte_array_new();
        get(s, in, size);
        if (!z->state)
                g_assert_cmpint(inflateInit(z), ==, Z_OK);
        g_byte_array_set_size(out, (guint)most);
        z->next_in = in;
        z->avail_in = (uInt)size;
        z->next_out = out->data;
        z->avail_out = (uInt)most;
        g_assert_cmpint(inflate(z, Z_SYNC_FLUSH), ==, Z_OK);
        g_assert_cmpuint(z->avail_in, ==, 0);
        g_byte_array_set_size(out, (guint)(most - z->avail_out));
        return out;
}

typedef struct Cursor {
        const guint8 *at, *end;
        int bytes, from, size; /* a CPIXEL */
} Cursor;

static inline guint8 byte_of(Cursor *c)
{
        g_assert_true(c->at < c->end);
        return *c->at++;
}

static inline void cpixel(Cursor *c, guint8 *to)
{
        memset(to, 0, (gsize)c->bytes);
        for (int i = 0; i < c->size; i++)
                to[c->from + i] = byte_of(c);
}

static inline void zrle_tile(Screen *s, Cursor *c, int x0, int y0, int w, int h)
{
        guint8 palette[128][4] = {{0}};
        int kind = byte_of(c), n = w * h, bytes = c->bytes;
        int colours = kind > 128 ? kind - 128 : kind == 128 ? 0 : kind;
        g_assert_true(kind <= 16 || kind == 128 || kind >= 130);
        for (int i = 0; i < colours; i++)
                cpixel(c, palette[i]);
        if (kind == 0)
                for (int i = 0; i < n; i++)
                        cpixel(c, pixel_at(s, x0 + i % w, y0 + i / w));
        else if (kind == 1)
                for (int i = 0; i < n; i++)
                        memcpy(pixel_at(s, x0 + i % w, y0 + i / w), palette[0], (gsize)bytes);
        else if (kind <= 16)
                for (int y = 0, bits = kind <= 2 ? 1 : kind <= 4 ? 2 : 4; y < h; y++)
                        for (int x = 0, byte = 0; x < w; x++) {
                                if (x * bits % 8 == 0)
                                        byte = byte_of(c);
                                int index = byte >> (8 - bits - x * bits % 8) & ((1 << bits) - 1);
                                g_assert_cmpint(index, <, kind);
                                memcpy(pixel_at(s, x0 + x, y0 + y), palette[index], (gsize)bytes);
                        }
        else
                for (int i = 0; i < n;) {
                        guint8 own[4], *pixel = own;
                        int length = 1, index = kind == 128 ? 128 : byte_of(c);
                        if (kind == 128)
                                cpixel(c, own);
                        else
                                pixel = palette[index & 127];
                        for (guint8 more = 255; index & 128 && more == 255;)
                                length += more = byte_of(c);
                        g_assert_cmpint(i + length, <=, n);
                        for (; length > 0; length--, i++)
                                memcpy(pixel_at(s, x0 + i % w, y0 + i / w), pixel, (gsize)bytes);
                }
}

static inline Cursor cursor_of(const Screen *s, const GByteArray *plain)
{
        Cursor c = {plain->data, plain->data + plain->len, pixel_bytes(s), 0, pixel_bytes(s)};
        const rfbPixelFormat *f = &s->format;
        guint64 used = (guint64)f->redMax << f->redShift | (guint64)f->greenMax << f->greenShift |
                       (guint64)f->blueMax << f->blueShift;
        if (f->bitsPerPixel != 32 || f->depth > 24 || (used >> 24 && used & 0xff))
                return c;
        c.size = 3;
        c.from = (used >> 24 == 0) == !f->bigEndian ? 0 : 1;
        return c;
}

static inline void decode_zrle(Screen *s, int x, int y, int w, int h)
{
        g_autoptr(GByteArray) plain = inflated(s, &s->zrle, get_number(s, 4), (gsize)w * (gsize)h * 5 + 4096);
        Cursor c = cursor_of(s, plain);
        for (int ty = 0; ty < h; ty += 64)
                for (int tx = 0; tx < w; tx += 64)
                        zrle_tile(s, &c, x + tx, y + ty, MIN(64, w - tx), MIN(64, h - ty));
        g_assert_true(c.at == c.end);
}

static inline gsize compact(Screen *s)
{
        gsize n = 0;
        for (int i = 0; i < 3; i++) {
                guint byte = get_number(s, 1);
                n |= (gsize)(byte & (i < 2 ? 0x7fu : 0xffu)) << 7 * i;
                if (i < 2 && !(byte & 0x80))
                        break;
        }
        return n;
}

static inline bool tight_rgb(const Screen *s)
{
        return s->format.bitsPerPixel == 32 && s->format.depth == 24 && s->format.redMax == 255;
}

/* A TPIXEL */
static inline void set_tight(const Screen *s, const guint8 *from, guint8 *to)
{
        if (!tight_rgb(s)) {
                memcpy(to, from, (gsize)pixel_bytes(s));
                return;
        }
        const rfbPixelFormat *f = &s->format;
        guint32 v = (guint32)from[0] << f->redShift | (guint32)from[1] << f->greenShift |
                    (guint32)from[2] << f->blueShift;
        if (f->bigEndian)
                v = GUINT32_SWAP_LE_BE(v);
        memcpy(to, &v, 4);
}

/* JPEG is taken and left out: what becomes of it is libvncclient's to show (vnc-viewers.test.mjs). */
static inline void decode_tight(Screen *s, int x0, int y0, int w, int h)
{
        gsize each = tight_rgb(s) ? 3 : (gsize)pixel_bytes(s);
        guint8 colour[256][4], kind = (guint8)get_number(s, 1);
        g_assert_cmpint(w, <=, 2048);
        for (int i = 0; i < 4; i++)
                if (kind & 1 << i && s->tight[i].state)
                        inflateEnd(&s->tight[i]), s->tight[i] = (z_stream){0};
        if (kind >> 4 == 9) {
                gsize n = compact(s);
                g_autofree guint8 *jpeg = g_malloc(n);
                get(s, jpeg, n);
                g_assert_true(jpeg[0] == 0xff && jpeg[1] == 0xd8);
                s->jpegs++;
                return;
        }
        if (kind >> 4 == 8) {
                get(s, colour[0], each);
                for (int i = 0; i < w * h; i++)
                        set_tight(s, colour[0], pixel_at(s, x0 + i % w, y0 + i / w));
                return;
        }
        int colours = 0;
        if (kind & 0x40) {
                g_assert_cmpuint(get_number(s, 1), ==, 1);
                colours = (int)get_number(s, 1) + 1;
                for (int i = 0; i < colours; i++)
                        get(s, colour[i], each);
        }
        gsize row = colours == 0 ? (gsize)w * each : colours == 2 ? (gsize)(w + 7) / 8 : (gsize)w;
        g_autoptr(GByteArray) plain = NULL;
        if (row * (gsize)h < 12) {
                plain = g_byte_array_new();
                g_byte_array_set_size(plain, (guint)(row * (gsize)h));
                get(s, plain->data, plain->len);
        } else {
                gsize n = compact(s);
                plain = inflated(s, &s->tight[kind >> 4 & 3], n, row * (gsize)h + 16);
        }
        g_assert_cmpuint(plain->len, ==, row * (gsize)h);
        for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++) {
                        const guint8 *at = plain->data + (gsize)y * row;
                        const guint8 *from = colours == 0   ? at + (gsize)x * each
                                             : colours == 2 ? colour[at[x / 8] >> (7 - x % 8) & 1]
                                                            : colour[at[x]];
                        set_tight(s, from, pixel_at(s, x0 + x, y0 + y));
                }
}

static inline void decode_rect(Screen *s, int x, int y, int w, int h, gint32 encoding)
{
        gsize row = (gsize)(w * pixel_bytes(s));
        g_autoptr(GByteArray) plain = NULL;
        switch (encoding) {
        case rfbEncodingRaw:
                for (int i = 0; i < h; i++)
                        get(s, pixel_at(s, x, y + i), row);
                break;
        case rfbEncodingZlib:
                plain = inflated(s, &s->zlib, get_number(s, 4), row * (gsize)h + 16);
                g_assert_cmpuint(plain->len, ==, row * (gsize)h);
                for (int i = 0; i < h; i++)
                        memcpy(pixel_at(s, x, y + i), plain->data + (gsize)i * row, row);
                break;
        case rfbEncodingZRLE: decode_zrle(s, x, y, w, h); break;
        case rfbEncodingTight: decode_tight(s, x, y, w, h); break;
        default: g_assert_not_reached();
        }
}

/* One FramebufferUpdate. */
static inline void decode_update(Screen *s)
{
        g_assert_cmpuint(get_number(s, 2), ==, rfbFramebufferUpdate << 8);
        guint n = get_number(s, 2);
        for (guint i = 0; i < n; i++) {
                int x = (int)get_number(s, 2), y = (int)get_number(s, 2), w = (int)get_number(s, 2),
                    h = (int)get_number(s, 2);
                gint32 encoding = (gint32)get_number(s, 4);
                if (n == 0xffff && encoding == (gint32)rfbEncodingLastRect)
                        return;
                s->rects++;
                decode_rect(s, x, y, w, h, encoding);
        }
}
