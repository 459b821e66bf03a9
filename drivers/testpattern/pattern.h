#pragma once
/*
 * Draws the test picture. Pure: numbers in, pixels out.
 *
 * Along the top edge stand PATTERN_BITS square blocks, each one bit of the time of painting in ms since the
 * epoch, highest bit first, white = 1. A block is min(16, width / 44) pixels wide and as high; a browser that
 * reads them back knows how old the picture is that it shows.
 */
#include <glib.h>

#define PATTERN_BITS 44
#define PATTERN_MIN_WIDTH 176 /* a block of 4 pixels survives any encoder that is worth its name */
#define PATTERN_MIN_HEIGHT 64

typedef struct Pattern {
        int width, height;
        guint32 *background; /* owned: colour bars over a grey ramp */
} Pattern;

void pattern_init(Pattern *pattern, int width, int height);
void pattern_clear(Pattern *pattern);
int pattern_block(int width);
/* `n`: the frame's number, moves the bar. `marker_x` < 0: none. `pixels`: width * height, 0x00RRGGBB. */
void pattern_draw(const Pattern *pattern, guint32 *pixels, guint64 n, gint64 t_ms, int marker_x,
                  int marker_y);
/* The time back out of a picture, for tests. */
gint64 pattern_read(const guint32 *pixels, int width);
