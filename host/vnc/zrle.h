#pragma once
/*
 * ZRLE without its deflate (RFC 6143, 7.7.6): tiles of 64 pixels a side. libvncserver's own shortens pixels of 4 bytes to 3 also where
 * their colours lie elsewhere, or where their depth is 32. Pure; any thread.
 */
#include <glib.h>
#include <rfb/rfb.h>
#include <stdbool.h>

#include "host/vnc/palette.h"

typedef struct TbVncZrle {
        int bytes;      /* of a pixel in memory: 1, 2, 4 */
        int from, size; /* which of them go to the viewer */
        TbVncPalette palette;
        guint32 pixels[64 * 64];
        guint8 indexes[64 * 64];
} TbVncZrle;

void tb_vnc_zrle_init(TbVncZrle *zrle, const rfbPixelFormat *format);
/* `pixels`: in that format, rows of `stride` bytes. Appends to `out`. */
void tb_vnc_zrle_encode(TbVncZrle *zrle, const guint8 *pixels, int stride, int width, int height,
                        GByteArray *out);
