#pragma once
/*
 * What is looked for: a picture (PNG) with areas of it, as openQA's needles have them, or all of it at any place. Pure. Errors: INVALID
 * and TOO_LARGE with the field, in words.
 */
#include <jansson.h>

#include "host/analysis/find/match.h"

typedef struct TbNeedleArea {
        TbGreyImage image; /* owned */
        TbRect where;      /* of its top left on the screen */
        double match;      /* that is enough, 0..1 */
} TbNeedleArea;

typedef struct TbNeedle {
        GArray *areas; /* owned, of TbNeedleArea; one at least */
} TbNeedle;

/* `base64`: of the PNG. `areas`: [{x, y, width, height, match?, margin?}] (openQA's xpos and ypos are known) or NULL: all of the picture,
 * anywhere in `within`. `match`: of those that do not say. */
TbNeedle *tb_needle_new(const char *base64, const json_t *areas, TbRect within, double match, GError **error);
void tb_needle_free(TbNeedle *needle); /* accepts NULL */

typedef struct TbNeedleFound {
        bool found;   /* each area is there */
        double score; /* of the worst area; 0: nothing could be compared */
        TbRect at;    /* of all areas together */
} TbNeedleFound;
/* False: `until_us` came first. */
bool tb_needle_look(const TbNeedle *needle, const TbGreyImage *screen, gint64 until_us, TbNeedleFound *ret);
