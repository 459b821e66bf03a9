#pragma once
/*
 * What is measured of a screen: pure functions on two small grey pictures (picture.h), the rows of one table. Each becomes a
 * sensor stream "<interface>.<name>" of the device ("video.motion").
 *
 *   motion      0..1: share of the points looked at that changed. A picture that becomes lighter or darker as a whole (a lamp, a
 *               cloud, a camera that adapts, a backlight) has not moved: what one straight line from old to new greys explains is
 *               taken off where old and new are the same scene otherwise.
 *   black       0..1: share of points that are dark (as ffmpeg's blackdetect: below a tenth of full scale)
 *   frozen      s: since a point last changed, by any reason
 *   brightness  0..1: mean
 */
#include <stdbool.h>

#include "host/analysis/picture.h"

typedef struct TbLook {
        int threshold;                /* greys by which a point must differ to have changed; 1..255 */
        int left, top, right, bottom; /* points: what is looked at, [left, right) x [top, bottom) */
        gint64 now_ms, changed_ms;    /* monotonic; changed_ms: when something last changed, 0: never */
        const TbGrey *before, *now; /* before NULL: the first picture; the same pointer: nothing came since */
} TbLook;

typedef struct TbAnalyser {
        const char *name, *quantity, *unit;
        double (*measure)(const TbLook *look);
} TbAnalyser;

extern const TbAnalyser tb_analysers[]; /* name NULL ends it */

/* `inset`: left, top, right, bottom in % of the picture; at least one point is left of each side. */
void tb_look_area(TbLook *look, const int inset[4]);
/* A point that is looked at differs by more than the threshold. */
bool tb_look_changed(const TbLook *look);
