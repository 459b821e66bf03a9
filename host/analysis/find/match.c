#include "host/analysis/find/match.h"

#include <math.h>
#include <string.h>

#define LEVELS 5
#define COARSE_AREA 1024 /* pixels of the needle that are enough to tell places apart */
#define COARSE_SIDE 8    /* … and of its shorter side */
#define KEPT 24          /* places of one level that are looked at in the next */
#define AROUND 2         /* pixels around each */

void tb_grey_image_set(TbGreyImage *image, int width, int height)
{
        if (!image->at || image->width != width || image->height != height) {
                g_free(image->at);
                image->at = g_malloc((gsize)width * (gsize)height);
        }
        image->width = width;
        image->height = height;
}

void tb_grey_image_clear(TbGreyImage *image)
{
        g_free(image->at);
        *image = (TbGreyImage){0};
}

static void halve(const TbGreyImage *from, TbGreyImage *to)
{
        tb_grey_image_set(to, MAX(from->width / 2, 1), MAX(from->height / 2, 1));
        for (int y = 0; y < to->height; y++) {
                const guint8 *a = from->at + (gsize)(2 * y) * (gsize)from->width;
                const guint8 *b = 2 * y + 1 < from->height ? a + from->width : a;
                guint8 *out = to->at + (gsize)y * (gsize)to->width;
                for (int x = 0; x < to->width; x++) {
                        int right = 2 * x + 1 < from->width ? 2 * x + 1 : 2 * x;
                        out[x] = (guint8)((a[2 * x] + a[right] + b[2 * x] + b[right] + 2) >> 2);
                }
        }
}

/* The sum of squares at one place; more than `limit`: it ends early. */
static guint64 differ(const TbGreyImage *screen, const TbGreyImage *needle, int x, int y, guint64 limit)
{
        guint64 sum = 0;
        for (int row = 0; row < needle->height && sum <= limit; row++) {
                const guint8 *s = screen->at + (gsize)(y + row) * (gsize)screen->width + x;
                const guint8 *n = needle->at + (gsize)row * (gsize)needle->width;
                guint32 of_row = 0; /* 4096 * 255^2 fits */
                for (int i = 0; i < needle->width; i++) {
                        int d = s[i] - n[i];
                        of_row += (guint32)(d * d);
                }
                sum += of_row;
        }
        return sum;
}

/* --- the best places so far, the best first, none twice --- */
typedef struct Place {
        int x, y;
        guint64 sum;
} Place;

typedef struct Places {
        Place at[KEPT];
        int n;
} Places;

static guint64 worst(const Places *p)
{
        return p->n < KEPT ? G_MAXUINT64 : p->at[KEPT - 1].sum;
}

/* Neighbours are one place: the next level looks around it. */
static void keep(Places *p, Place place, int apart)
{
        for (int i = 0; i < p->n; i++) {
                if (ABS(p->at[i].x - place.x) > apart || ABS(p->at[i].y - place.y) > apart)
                        continue;
                if (p->at[i].sum <= place.sum)
                        return;
                memmove(&p->at[i], &p->at[i + 1], sizeof(Place) * (gsize)(--p->n - i));
                i--;
        }
        if (p->n == KEPT && place.sum >= p->at[KEPT - 1].sum)
                return;
        int i = p->n < KEPT ? p->n++ : KEPT - 1;
        for (; i > 0 && p->at[i - 1].sum > place.sum; i--)
                p->at[i] = p->at[i - 1];
        p->at[i] = place;
}

/* --- one level --- */
typedef struct Level {
        TbGreyImage screen, needle; /* owned but for the finest */
        TbRect where;               /* top lefts */
} Level;

static bool look(const Level *l, int x0, int x1, int y0, int y1, gint64 until_us, Places *places)
{
        for (int y = y0; y < y1; y++) {
                if (g_get_monotonic_time() > until_us)
                        return false;
                for (int x = x0; x < x1; x++) {
                        guint64 limit = worst(places), sum = differ(&l->screen, &l->needle, x, y, limit);
                        if (sum <= limit)
                                keep(places, (Place){x, y, sum}, 1);
                }
        }
        return true;
}

/* Where the needle's top left may be. */
static bool clip(TbRect *where, const TbGreyImage *screen, const TbGreyImage *needle)
{
        int right = MIN(where->x + where->width, screen->width - needle->width + 1),
            bottom = MIN(where->y + where->height, screen->height - needle->height + 1);
        where->x = MAX(where->x, 0);
        where->y = MAX(where->y, 0);
        where->width = right - where->x;
        where->height = bottom - where->y;
        return where->width > 0 && where->height > 0;
}

static int levels_for(const TbGreyImage *needle)
{
        int n = 1, w = needle->width, h = needle->height;
        for (; n < LEVELS && w * h > COARSE_AREA && MIN(w, h) / 2 >= COARSE_SIDE; n++) {
                w /= 2;
                h /= 2;
        }
        return n;
}

static bool refine(const Level *l, const Places *coarse, gint64 until_us, Places *fine)
{
        *fine = (Places){.n = 0};
        for (int i = 0; i < coarse->n; i++) {
                int x = 2 * coarse->at[i].x, y = 2 * coarse->at[i].y;
                if (!look(l, MAX(x - AROUND, l->where.x), MIN(x + AROUND + 2, l->where.x + l->where.width),
                          MAX(y - AROUND, l->where.y), MIN(y + AROUND + 2, l->where.y + l->where.height),
                          until_us, fine))
                        return false;
        }
        return true;
}

bool tb_match_find(const TbGreyImage *screen, const TbGreyImage *needle, TbRect where, gint64 until_us,
                   TbMatch *ret)
{
        Level level[LEVELS];
        memset(level, 0, sizeof level);
        level[0].screen = *screen;
        level[0].needle = *needle;
        level[0].where = where;
        if (!screen->at || !needle->at || needle->width < 1 || needle->height < 1 ||
            !clip(&level[0].where, screen, needle))
                return false;
        int n = levels_for(needle);
        for (int i = 1; i < n; i++) {
                const TbRect *w = &level[i - 1].where;
                halve(&level[i - 1].screen, &level[i].screen);
                halve(&level[i - 1].needle, &level[i].needle);
                level[i].where = (TbRect){w->x / 2, w->y / 2, w->width / 2 + 2, w->height / 2 + 2};
                if (!clip(&level[i].where, &level[i].screen, &level[i].needle))
                        level[i].where = (TbRect){0, 0, 1, 1};
        }
        Places places = {.n = 0};
        const TbRect *w = &level[n - 1].where;
        bool ok = look(&level[n - 1], w->x, w->x + w->width, w->y, w->y + w->height, until_us, &places);
        for (int i = n - 2; ok && i >= 0; i--) {
                Places coarse = places;
                ok = refine(&level[i], &coarse, until_us, &places);
        }
        for (int i = 1; i < n; i++) {
                tb_grey_image_clear(&level[i].screen);
                tb_grey_image_clear(&level[i].needle);
        }
        if (!ok || places.n == 0)
                return false;
        double pixels = (double)needle->width * needle->height;
        *ret = (TbMatch){places.at[0].x, places.at[0].y, 1 - sqrt((double)places.at[0].sum / pixels) / 255};
        return true;
}
