#include "host/vnc/translate.h"

#include <string.h>

typedef guint32 Four __attribute__((vector_size(16)));
#define FOUR 4

/* Where a colour's byte goes, in bits of a number that lies in memory as this machine has it; -1: it is no byte. */
static int place_of(const rfbPixelFormat *format, guint max, guint shift)
{
        if (max != 255 || shift > 24 || shift % 8 != 0)
                return -1;
        bool other = !format->bigEndian == (G_BYTE_ORDER == G_BIG_ENDIAN);
        return (int)(other ? 24 - shift : shift);
}

bool tb_vnc_translate(const rfbPixelFormat *format, const guint8 *bgrx, int stride, int width, int height,
                      guint8 *to)
{
        int red = place_of(format, format->redMax, format->redShift),
            green = place_of(format, format->greenMax, format->greenShift),
            blue = place_of(format, format->blueMax, format->blueShift);
        if (G_BYTE_ORDER != G_LITTLE_ENDIAN || format->bitsPerPixel != 32 || !format->trueColour || red < 0 ||
            green < 0 || blue < 0)
                return false;
        for (int y = 0; y < height; y++, bgrx += stride) {
                int x = 0;
                for (; x + FOUR <= width; x += FOUR, to += sizeof(Four)) {
                        Four v;
                        memcpy(&v, bgrx + (gsize)x * 4, sizeof v);
                        v = (v >> 16 & 0xff) << red | (v >> 8 & 0xff) << green | (v & 0xff) << blue;
                        memcpy(to, &v, sizeof v);
                }
                for (; x < width; x++, to += 4) {
                        guint32 v;
                        memcpy(&v, bgrx + (gsize)x * 4, 4);
                        v = (v >> 16 & 0xff) << red | (v >> 8 & 0xff) << green | (v & 0xff) << blue;
                        memcpy(to, &v, 4);
                }
        }
        return true;
}
