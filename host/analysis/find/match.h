#pragma once
/*
 * Where on a screen is this picture? Pure, any thread. Both grey, 0..255. How alike they are is told as 1 - d/255, d: the root mean
 * square of the differences: 1 is the same, two unlike pictures have about 0.7, what a JPEG or an encoder does to one stays above 0.97.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/frame.h"

typedef struct TbGreyImage {
        int width, height;
        guint8 *at; /* width * height, rows without a gap */
} TbGreyImage;

void tb_grey_image_set(TbGreyImage *image, int width,
                       int height); /* room for so many; what was in it is lost */
void tb_grey_image_clear(TbGreyImage *image);

typedef struct TbMatch {
        int x, y; /* its top left, on the screen */
        double score;
} TbMatch;

/*
 * The best place of `needle` with its top left inside `where` (clipped to the screen). False: it is larger than the screen, or there is
 * no such place, or `until_us` (monotonic) came first. The search is coarse to fine on halved pictures: a place is not missed
 * where the needle has more than noise at the coarsest size; exact where it was looked at.
 */
bool tb_match_find(const TbGreyImage *screen, const TbGreyImage *needle, TbRect where, gint64 until_us,
                   TbMatch *ret);
