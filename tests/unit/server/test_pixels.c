/* The analyser that needs nothing: the original's rules at their borders, and an honest word. */
#include "server/worker/pixels.h"

#include <string.h>

#define PIXELS (TB_PIXELS_WIDTH * TB_PIXELS_HEIGHT)

/* The first `n` pixels `by` brighter, in red alone. */
static void brighter(guint8 *picture, guint n, guint by)
{
        for (guint i = 0; i < n; i++)
                picture[3 * i] = (guint8)(picture[3 * i] + by);
}

static double score_of(guint n, guint by, bool *ret_light)
{
        g_autofree guint8 *a = g_malloc0(TB_PIXELS_BYTES), *b = g_malloc0(TB_PIXELS_BYTES);
        brighter(b, n, by);
        return tb_pixels_score(a, b, ret_light);
}

static void scores(void)
{
        bool light;
        g_assert_cmpfloat(score_of(PIXELS, 30, &light), ==, 0); /* 30 is no change, 31 is one */
        g_assert_false(light);
        g_assert_cmpfloat(score_of(PIXELS, 31, &light), ==, 1);
        g_assert_false(light);
        g_assert_cmpfloat(score_of(PIXELS, 40, &light), ==, 1);
        g_assert_false(light);
        g_assert_cmpfloat(score_of(PIXELS, 41, &light), ==, 0);
        g_assert_true(light);
        g_assert_cmpfloat(score_of(PIXELS / 50, 200, &light), ==, 0.02);
}

static json_t *verdict(const guint *changed, guint n, const char *prompt)
{
        g_autofree TbPixels *p = g_new0(TbPixels, 1);
        g_autofree guint8 *picture = g_malloc(TB_PIXELS_BYTES);
        memset(picture, 40, TB_PIXELS_BYTES);
        tb_pixels_add(p, picture);
        for (guint i = 0; i < n; i++) {
                brighter(picture, changed[i], 35);
                tb_pixels_add(p, picture);
        }
        return tb_pixels_verdict(p, prompt);
}

static void check(const guint *changed, guint n, const char *label, const char *summary)
{
        json_auto_t *v = verdict(changed, n, NULL);
        double confidence = json_number_value(json_object_get(v, "confidence"));
        bool motion = strcmp(label, "motion") == 0;
        g_assert_cmpstr(json_string_value(json_object_get(v, "label")), ==, label);
        g_assert_true(json_is_true(json_object_get(v, "should_notify")) == motion);
        g_assert_true(json_is_string(json_object_get(v, "alert_reason")) == motion);
        g_assert_true(g_str_has_prefix(json_string_value(json_object_get(v, "summary")), summary));
        g_assert_true(confidence >= 0.5 && confidence <= 1);
}

static void verdicts(void)
{
        enum { HIT = PIXELS / 50, MISS = PIXELS / 50 - 1 };
        check((const guint[]){HIT, HIT}, 2, "motion",
              "Motion: up to 2 % of the picture changed, in 2 of 2 looks");
        check((const guint[]){HIT, 0, HIT, 0, HIT}, 5, "clear", "No motion"); /* never two in a row */
        check((const guint[]){MISS, MISS, MISS}, 3, "clear", "No motion");
        check((const guint[]){0, 0}, 2, "clear", "Nothing moves: every picture is the same");
        check(NULL, 0, "clear", "No motion");
        json_auto_t *asked = verdict((const guint[]){HIT, HIT}, 2, "a person"), *none = NULL;
        g_assert_nonnull(
                strstr(json_string_value(json_object_get(asked, "alert_reason")), "what was asked for"));
        g_autofree TbPixels *p = g_new0(TbPixels, 1);
        g_autofree guint8 *black = g_malloc0(TB_PIXELS_BYTES), *white = g_malloc(TB_PIXELS_BYTES);
        memset(white, 255, TB_PIXELS_BYTES);
        tb_pixels_add(p, black);
        none = tb_pixels_verdict(p, NULL);
        g_assert_cmpstr(json_string_value(json_object_get(none, "summary")), ==, "The picture is black");
        tb_pixels_add(p, white);
        tb_pixels_add(p, black);
        json_auto_t *light = tb_pixels_verdict(p, NULL);
        g_assert_cmpstr(json_string_value(json_object_get(light, "summary")), ==,
                        "No motion; the light changed");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/pixels/scores", scores);
        g_test_add_func("/pixels/verdicts", verdicts);
        return g_test_run();
}
