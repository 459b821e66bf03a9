#pragma once
/*
 * What differences of small pictures say: motion, or none. The rules are the original's detector: 160×90 RGB twice a second, a pixel
 * has changed when |ΔR| + |ΔG| + |ΔB| > 30, a picture when 2 % of its pixels have; when the mean of the differences is above 40 the
 * light was switched; two in a row are motion. Pure, any thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define TB_PIXELS_WIDTH 160
#define TB_PIXELS_HEIGHT 90
#define TB_PIXELS_BYTES (TB_PIXELS_WIDTH * TB_PIXELS_HEIGHT * 3) /* R, G, B; no padding */
#define TB_PIXELS_EACH_MS 500

typedef struct TbPixels { /* all zero: nothing was seen */
        guint8 last[TB_PIXELS_BYTES];
        guint pictures, hits, in_a_row, most_in_a_row, lights, still;
        double best, brightness; /* the highest score; the sum of means, 0 to 255 each */
} TbPixels;

/* 0 to 1: how much of the picture has changed; *ret_light: it was the light. */
double tb_pixels_score(const guint8 *before, const guint8 *now, bool *ret_light);
void tb_pixels_add(TbPixels *pixels, const guint8 *picture);
/* Label, summary, confidence … as POST /events/{id}/summary takes them, but for the provider. `prompt` NULL: nothing was asked for. */
json_t *tb_pixels_verdict(const TbPixels *pixels, const char *prompt);
