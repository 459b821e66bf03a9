#include "server/worker/pixels.h"

#include <stdlib.h>
#include <string.h>

#define CHANGED 30 /* sum of a pixel's differences, above */
#define LIGHT 40   /* mean of them over the picture, above */
#define SCORE 0.02 /* of the pixels, at least */
#define IN_A_ROW 2
#define BLACK 16 /* mean brightness, below */

double tb_pixels_score(const guint8 *before, const guint8 *now, bool *ret_light)
{
        guint changed = 0, sum = 0;
        for (guint i = 0; i < TB_PIXELS_BYTES; i += 3) {
                guint delta = (guint)(abs(now[i] - before[i]) + abs(now[i + 1] - before[i + 1]) +
                                      abs(now[i + 2] - before[i + 2]));
                changed += delta > CHANGED;
                sum += delta;
        }
        double pixels = TB_PIXELS_BYTES / 3.0;
        *ret_light = sum / pixels > LIGHT;
        return *ret_light ? 0 : changed / pixels;
}

void tb_pixels_add(TbPixels *p, const guint8 *picture)
{
        guint sum = 0;
        for (guint i = 0; i < TB_PIXELS_BYTES; i++)
                sum += picture[i];
        p->brightness += (double)sum / TB_PIXELS_BYTES;
        if (p->pictures++ > 0) {
                bool light, same = memcmp(p->last, picture, TB_PIXELS_BYTES) == 0;
                double score = tb_pixels_score(p->last, picture, &light);
                bool hit = score >= SCORE;
                p->in_a_row = hit ? p->in_a_row + 1 : 0;
                p->most_in_a_row = MAX(p->most_in_a_row, p->in_a_row);
                p->hits += hit;
                p->lights += light;
                p->still += same;
                p->best = MAX(p->best, score);
        }
        memcpy(p->last, picture, TB_PIXELS_BYTES);
}

static char *summary_of(const TbPixels *p, bool motion, double brightness)
{
        guint pairs = p->pictures - 1;
        if (motion)
                return g_strdup_printf("Motion: up to %.0f %% of the picture changed, in %u of %u looks",
                                       p->best * 100, p->hits, pairs);
        if (brightness < BLACK)
                return g_strdup("The picture is black");
        if (pairs > 0 && p->still == pairs)
                return g_strdup("Nothing moves: every picture is the same");
        if (p->lights > 0)
                return g_strdup("No motion; the light changed");
        return g_strdup("No motion");
}

json_t *tb_pixels_verdict(const TbPixels *p, const char *prompt)
{
        bool motion = p->most_in_a_row >= IN_A_ROW;
        double brightness = p->pictures ? p->brightness / p->pictures : 0;
        /* how far it is from the border between the two */
        double confidence = motion ? MIN(0.5 + p->best / 0.4, 1) : MAX(1 - p->best / (2 * SCORE), 0.5);
        g_autofree char *summary = summary_of(p, motion, brightness);
        json_t *o = json_pack("{s:s, s:s, s:f, s:b, s:[], s:[], s:[]}", "summary", summary, "label",
                              motion ? "motion" : "clear", "confidence", confidence, "should_notify", motion,
                              "matched_rules", "detected_entities", "detected_actions");
        if (motion) {
                json_object_set_new(
                        o, "alert_reason",
                        json_string(prompt ? "Something moved. Whether it is what was asked for, differences "
                                             "of pictures do not tell."
                                           : "Something moved."));
                json_array_append_new(json_object_get(o, "detected_actions"), json_string("motion"));
        }
        return o;
}
