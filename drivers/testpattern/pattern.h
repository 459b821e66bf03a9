#pragma once
/*
 * Draws the test picture. Pure: numbers in, pixels out.
 *
 * Along the top edge stand TB_TESTPATTERN_BITS square blocks, each one bit of the time of painting in ms since the
 * epoch, highest bit first, white = 1. A block is min(16, width / 44) pixels wide and as high; a browser that
 * reads them back knows how old the picture is that it shows.
 *
 * With a flash, the lower right quarter (of width and of height) is white for the first TB_TESTPATTERN_FLASH_MS of each second, else black:
 * testtone beeps as long.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_TESTPATTERN_BITS 44
#define TB_TESTPATTERN_MIN_WIDTH 176 /* a block of 4 pixels survives any encoder that is worth its name */
#define TB_TESTPATTERN_MIN_HEIGHT 64
#define TB_TESTPATTERN_FLASH_MS 100

typedef struct TbTestpattern {
        int width, height;
        bool flashes;
        guint32 *background; /* owned: colour bars over a grey ramp */
} TbTestpattern;

void tb_testpattern_init(TbTestpattern *pattern, int width, int height);
void tb_testpattern_clear(TbTestpattern *pattern);
int tb_testpattern_block(int width);
/* `n`: the frame's number, moves the bar. `marker_x` < 0: none. `pixels`: width * height, 0x00RRGGBB. */
void tb_testpattern_draw(const TbTestpattern *pattern, guint32 *pixels, guint64 n, gint64 t_ms, int marker_x,
                         int marker_y);
/* The time back out of a picture, for tests. */
gint64 tb_testpattern_read(const guint32 *pixels, int width);
