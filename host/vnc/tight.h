#pragma once
/*
 * The Tight encoding (RFC 6143's registry; the community's "rfbproto"): areas of few colours as palettes, the rest as JPEG where the
 * viewer takes it, else as it is. What was encoded serves every viewer: full colours begin their stream of zlib anew; palettes
 * are few bytes, but say again and again what was there before, so they are deflated in each viewer's own stream, when they are sent. Cut
 * into bands of whole JPEG blocks. One thread at a time.
 */
#include <glib.h>
#include <rfb/rfb.h>
#include <stdbool.h>

#define TB_VNC_TIGHT_WIDTH 2048 /* pixels of a rectangle, at most: viewers' tables end there */
#define TB_VNC_TIGHT_ROWS 64    /* of a band */

typedef struct TbVncTight TbVncTight;

typedef struct TbVncTightArea {
        const guint8 *bgrx;   /* its first pixel; rows of bgrx_stride bytes */
        const guint8 *pixels; /* the same in the viewer's format; rows of `stride` bytes */
        int bgrx_stride, stride;
        int x, y, width, height; /* width: TB_VNC_TIGHT_WIDTH at most */
} TbVncTightArea;

TbVncTight *tb_vnc_tight_new(void);
void tb_vnc_tight_free(TbVncTight *tight); /* accepts NULL */
/* JPEG has colours of 8 bits each that somebody can make others of: not a map's, not those of a byte. */
bool tb_vnc_tight_takes_jpeg(const rfbPixelFormat *format);
/* Appends rectangles with their heads; how many. `parts` (appended): where each part ends, of which every second one is to be deflated:
 * tb_vnc_tight_part(). `quality`: of JPEG, 1…100, below: none; `subsampling`: libvncserver's number. */
guint tb_vnc_tight_encode(TbVncTight *tight, const rfbPixelFormat *format, int quality, int subsampling,
                          const TbVncTightArea *area, GByteArray *out, GArray *parts);
/* Appends what is sent of such a part: its first byte says of which stream it is. */
void tb_vnc_tight_part(TbVncTight *tight, const guint8 *bytes, gsize size, GByteArray *out);
bool tb_vnc_tight_needs_pixels(const rfbPixelFormat *format); /* false: area->pixels is not looked at */
