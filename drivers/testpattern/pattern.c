#include "drivers/testpattern/pattern.h"

#include <string.h>

/* 3 x 5 pixels a glyph, rows from the top, bit 2 = left. */
static const guint8 glyphs[12][5] = {
        {7, 5, 5, 5, 7}, {2, 6, 2, 2, 7}, {7, 1, 7, 4, 7}, {7, 1, 7, 1, 7}, {5, 5, 7, 1, 1}, {7, 4, 7, 1, 7},
        {7, 4, 7, 5, 7}, {7, 1, 2, 2, 2}, {7, 5, 7, 5, 7}, {7, 5, 7, 1, 7}, {0, 2, 0, 2, 0}, {0, 0, 0, 0, 2},
};

static void fill(guint32 *pixels, int width, int height, int x, int y, int w, int h, guint32 colour)
{
        for (int row = MAX(y, 0); row < MIN(y + h, height); row++)
                for (int col = MAX(x, 0); col < MIN(x + w, width); col++)
                        pixels[(gsize)row * (gsize)width + (gsize)col] = colour;
}

void tb_testpattern_init(TbTestpattern *pattern, int width, int height)
{
        static const guint32 bars[] = {0xc0c0c0, 0xc0c000, 0x00c0c0, 0x00c000,
                                       0xc000c0, 0xc00000, 0x0000c0, 0x202020};
        pattern->width = width;
        pattern->height = height;
        pattern->background = g_new(guint32, (gsize)width * (gsize)height);
        for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++) {
                        guint32 grey = (guint32)(x * 255 / width);
                        guint32 colour = y < height * 3 / 4
                                                 ? bars[(gsize)x * G_N_ELEMENTS(bars) / (gsize)width]
                                                 : grey << 16 | grey << 8 | grey;
                        pattern->background[(gsize)y * (gsize)width + (gsize)x] = colour;
                }
}

void tb_testpattern_clear(TbTestpattern *pattern)
{
        g_clear_pointer(&pattern->background, g_free);
}

int tb_testpattern_block(int width)
{
        return MIN(16, width / TB_TESTPATTERN_BITS);
}

static void draw_clock(guint32 *pixels, int width, int height, gint64 t_ms)
{
        gint64 day = t_ms % 86400000;
        char text[16];
        g_snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", (int)(day / 3600000), (int)(day / 60000 % 60),
                   (int)(day / 1000 % 60), (int)(day % 1000));
        int scale = MAX(1, width / 100), left = width / 2 - (int)strlen(text) * 2 * scale,
            top = height / 2 - 3 * scale;
        fill(pixels, width, height, left - scale, top - scale, (int)strlen(text) * 4 * scale + scale,
             7 * scale, 0x000000);
        for (const char *c = text; *c; c++, left += 4 * scale) {
                const guint8 *glyph = glyphs[*c == ':' ? 10 : *c == '.' ? 11 : *c - '0'];
                for (int row = 0; row < 5; row++)
                        for (int col = 0; col < 3; col++)
                                if (glyph[row] & 4 >> col)
                                        fill(pixels, width, height, left + col * scale, top + row * scale,
                                             scale, scale, 0xffffff);
        }
}

void tb_testpattern_draw(const TbTestpattern *p, guint32 *pixels, guint64 n, gint64 t_ms, int marker_x,
                         int marker_y)
{
        memcpy(pixels, p->background, (gsize)p->width * (gsize)p->height * 4);
        int bar = MAX(p->width / 40, 4);
        fill(pixels, p->width, p->height, (int)(n * 7 % (guint64)p->width), 0, bar, p->height, 0xff8000);
        fill(pixels, p->width, p->height, 0, (int)(n * 5 % (guint64)p->height), p->width, MAX(bar / 4, 2),
             0x0080ff);
        draw_clock(pixels, p->width, p->height, t_ms);
        if (marker_x >= 0) {
                fill(pixels, p->width, p->height, marker_x - 8, marker_y, 17, 1, 0xffffff);
                fill(pixels, p->width, p->height, marker_x, marker_y - 8, 1, 17, 0xffffff);
        }
        if (p->flashes)
                fill(pixels, p->width, p->height, p->width * 3 / 4, p->height * 3 / 4, p->width / 4 + 1,
                     p->height / 4 + 1, t_ms % 1000 < TB_TESTPATTERN_FLASH_MS ? 0xffffff : 0x000000);
        int block = tb_testpattern_block(p->width);
        for (int i = 0; i < TB_TESTPATTERN_BITS; i++)
                fill(pixels, p->width, p->height, i * block, 0, block, block,
                     t_ms >> (TB_TESTPATTERN_BITS - 1 - i) & 1 ? 0xffffff : 0x000000);
}

gint64 tb_testpattern_read(const guint32 *pixels, int width)
{
        int block = tb_testpattern_block(width);
        gint64 t = 0;
        for (int i = 0; i < TB_TESTPATTERN_BITS; i++)
                t = t << 1 | ((pixels[(gsize)(block / 2) * (gsize)width + (gsize)(i * block + block / 2)] &
                               0xff) > 0x7f);
        return t;
}
