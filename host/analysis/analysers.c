#include "host/analysis/analysers.h"

#include <math.h>
#include <stdlib.h>

#define DARK 26         /* a tenth of full scale */
#define SAME_SCENE 0.9  /* old and new greys go together like this: it is the same scene in another light */
#define FLAT 1.0        /* variance below which a picture is of one grey */
#define LIGHT_SHIFT 2.0 /* greys: a mean that moved by less is noise, no lamp */

void tb_look_area(TbLook *look, const int inset[4])
{
        look->left = MIN(inset[0] * TB_GREY_WIDTH / 100, TB_GREY_WIDTH - 1);
        look->top = MIN(inset[1] * TB_GREY_HEIGHT / 100, TB_GREY_HEIGHT - 1);
        look->right = MAX(look->left + 1, TB_GREY_WIDTH - inset[2] * TB_GREY_WIDTH / 100);
        look->bottom = MAX(look->top + 1, TB_GREY_HEIGHT - inset[3] * TB_GREY_HEIGHT / 100);
}

static int points(const TbLook *look)
{
        return (look->right - look->left) * (look->bottom - look->top);
}

/* new = gain * old + offset: what light alone would have made of the old picture. */
typedef struct Light {
        double gain, offset;
} Light;

typedef struct Fit {
        Light light;
        double n, shift, var_old, var_new, cov;
} Fit;

/* Of the points that `so_far` explains to within `slack` greys; NULL: of all. */
static Fit fit_points(const TbLook *look, const Light *so_far, double slack)
{
        double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
        for (int y = look->top; y < look->bottom; y++) {
                const guint8 *old = look->before->at + y * TB_GREY_WIDTH,
                             *new = look->now->at + y *TB_GREY_WIDTH;
                guint64 row[6] = {0};
                for (int x = look->left; x < look->right; x++) {
                        if (so_far && fabs(so_far->gain * old[x] + so_far->offset - new[x]) > slack)
                                continue;
                        row[0] += old[x];
                        row[1] += new[x];
                        row[2] += (guint)(old[x] * old[x]);
                        row[3] += (guint)(new[x] * new[x]);
                        row[4] += (guint)(old[x] * new[x]);
                        row[5]++;
                }
                a += (double)row[0];
                b += (double)row[1];
                aa += (double)row[2];
                bb += (double)row[3];
                ab += (double)row[4];
                n += (double)row[5];
        }
        Fit f = {.light = {1, 0}, .n = n};
        if (n < 1)
                return f;
        f.shift = (b - a) / n;
        f.var_old = aa / n - a / n * (a / n);
        f.var_new = bb / n - b / n * (b / n);
        f.cov = ab / n - a / n * (b / n);
        f.light.gain = f.var_old < FLAT ? 1 : f.cov / f.var_old;
        f.light.offset = b / n - f.light.gain * (a / n);
        return f;
}

/* What moved is no part of the light: a second fit leaves out what the first explains worst. */
static Light light_of(const TbLook *look)
{
        const Light none = {1, 0};
        Fit all = fit_points(look, NULL, 0);
        double left = all.var_new - (all.var_old < FLAT ? 0 : all.cov * all.cov / all.var_old);
        Fit most = fit_points(look, &all.light, MAX(sqrt(MAX(left, 0)), 2));
        if (most.n < all.n / 2)
                return none;
        if (most.var_old < FLAT && most.var_new < FLAT) /* one grey before, one grey now */
                return (Light){1, most.shift};
        if (most.var_old < FLAT || most.var_new < FLAT ||
            most.cov / sqrt(most.var_old * most.var_new) < SAME_SCENE)
                return none;
        return fabs(most.shift) < LIGHT_SHIFT && fabs(most.light.gain - 1) < 0.05 ? none : most.light;
}

static int changed_points(const TbLook *look, Light light)
{
        guint8 expected[256];
        for (int i = 0; i < 256; i++)
                expected[i] = (guint8)CLAMP(lround(light.gain * i + light.offset), 0, 255);
        int n = 0;
        for (int y = look->top; y < look->bottom; y++) {
                const guint8 *old = look->before->at + y * TB_GREY_WIDTH,
                             *new = look->now->at + y *TB_GREY_WIDTH;
                for (int x = look->left; x < look->right; x++)
                        n += abs(new[x] - expected[old[x]]) > look->threshold;
        }
        return n;
}

bool tb_look_changed(const TbLook *look)
{
        return look->before && look->before != look->now && changed_points(look, (Light){1, 0}) > 0;
}

static double motion(const TbLook *look)
{
        if (!look->before || look->before == look->now)
                return 0;
        int raw = changed_points(look, (Light){1, 0});
        return raw == 0 ? 0 : (double)MIN(raw, changed_points(look, light_of(look))) / points(look);
}

static double black(const TbLook *look)
{
        int n = 0;
        for (int y = look->top; y < look->bottom; y++)
                for (int x = look->left; x < look->right; x++)
                        n += look->now->at[y * TB_GREY_WIDTH + x] < DARK;
        return (double)n / points(look);
}

static double frozen(const TbLook *look)
{
        return look->changed_ms ? (double)(look->now_ms - look->changed_ms) / 1000 : 0;
}

static double brightness(const TbLook *look)
{
        guint64 sum = 0;
        for (int y = look->top; y < look->bottom; y++)
                for (int x = look->left; x < look->right; x++)
                        sum += look->now->at[y * TB_GREY_WIDTH + x];
        return (double)sum / points(look) / 255;
}

const TbAnalyser tb_analysers[] = {
        {"motion", "ratio", "1", motion},
        {"black", "ratio", "1", black},
        {"frozen", "duration", "s", frozen},
        {"brightness", "ratio", "1", brightness},
        {NULL, NULL, NULL, NULL},
};
