/* Raw pixels made visible: a curve per colour, then the colours that the sensor's mosaic left out. */
#include <math.h>
#include <string.h>

#include "drivers/seestar/seestar_image.h"

#define LEVELS 65536
#define STEP 7 /* of the pixels that are counted: odd, so that all places of the mosaic have their part */
#define BACKGROUND 0.22 /* where the sky comes to lie */
#define SCATTERS 4.15   /* below it, that become black: 2.8 sigma of what the sky scatters */
#define FOLLOW 0.4      /* how much of a change is taken over at once */

typedef struct Curve {
        double black, middle; /* of 1 */
} Curve;

struct TbSeestarShow {
        guint32 count[LEVELS];
        guint8 lut[3][LEVELS]; /* R, G, B */
        Curve curve[3];
        bool known; /* the curves are those of a picture before */
        guint8 *plane;
        gsize plane_size;
};

TbSeestarShow *tb_seestar_show_new(void)
{
        return g_new0(TbSeestarShow, 1);
}

void tb_seestar_show_free(TbSeestarShow *show)
{
        if (!show)
                return;
        g_free(show->plane);
        g_free(show);
}

static inline guint level(const guint8 *p)
{
        return (guint)p[1] << 8 | p[0];
}

/* 0 R, 1 G, 2 B */
static inline guint colour_at(int x, int y)
{
        return y & 1 ? (x & 1 ? 1 : 2) : (x & 1 ? 0 : 1);
}

static guint middle_of(const guint32 *count, guint64 total)
{
        guint64 sum = 0;
        guint i = 0;
        for (; i < LEVELS - 1; i++)
                if ((sum += count[i]) * 2 >= total)
                        break;
        return i;
}

/* How far half of all are from the middle, at most. */
static guint scatter_of(const guint32 *count, guint middle, guint64 total)
{
        guint64 sum = count[middle];
        guint d = 0;
        while (sum * 2 < total && d < LEVELS - 1) {
                d++;
                sum += (middle >= d ? count[middle - d] : 0) + (middle + d < LEVELS ? count[middle + d] : 0);
        }
        return d;
}

static double transfer(double middle, double x)
{
        if (x <= 0)
                return 0;
        if (x >= 1)
                return 1;
        return (middle - 1) * x / ((2 * middle - 1) * x - middle);
}

static Curve look(TbSeestarShow *s, TbSeestarPixels pixels, const guint8 *data, int width, int height,
                  guint colour)
{
        guint64 total = 0;
        memset(s->count, 0, sizeof s->count);
        for (int y = 0; y<height; y += height> 64 ? STEP : 1)
                for (int x = 0; x<width; x += width> 64 ? STEP : 1) {
                        const guint8 *p = data + ((gsize)y * (gsize)width + (gsize)x) *
                                                         (pixels == TB_SEESTAR_RGB ? 6 : 2);
                        if (pixels == TB_SEESTAR_RGB)
                                p += (gsize)colour * 2;
                        else if (colour_at(x, y) != colour)
                                continue;
                        s->count[level(p)]++;
                        total++;
                }
        guint middle = middle_of(s->count, total), scatter = scatter_of(s->count, middle, total);
        double black = middle - MAX(SCATTERS * scatter, middle / 8.0 + 1);
        Curve c = {.black = MAX(black, 0) / (LEVELS - 1)};
        double sky = ((double)middle / (LEVELS - 1) - c.black) / (1 - c.black);
        c.middle = CLAMP(transfer(BACKGROUND, sky), 0.0005, 0.9);
        return c;
}

static void bend(TbSeestarShow *s, guint colour, Curve to)
{
        Curve *c = &s->curve[colour];
        double black = s->known ? c->black + FOLLOW * (to.black - c->black) : to.black,
               middle = s->known ? c->middle + FOLLOW * (to.middle - c->middle) : to.middle;
        if (s->known && fabs(black - c->black) < 1e-5 && fabs(middle - c->middle) < c->middle * 0.01)
                return; /* nobody would see it */
        *c = (Curve){black, middle};
        for (guint i = 0; i < LEVELS; i++)
                s->lut[colour][i] = (guint8)lrint(
                        255 * transfer(middle, ((double)i / (LEVELS - 1) - black) / (1 - black)));
}

/* --- the mosaic: 8 bits a pixel, a border of what is reflected beside each row --- */
static void make_plane(TbSeestarShow *s, const guint8 *data, int width, int height)
{
        const int pitch = width + 2;
        gsize need = (gsize)pitch * (gsize)height;
        if (s->plane_size < need) {
                g_free(s->plane);
                s->plane = g_malloc0(need);
                s->plane_size = need;
        }
        for (int y = 0; y < height; y++) {
                const guint8 *even = s->lut[colour_at(0, y)], *odd = s->lut[colour_at(1, y)],
                             *p = data + (gsize)y * (gsize)width * 2;
                guint8 *row = s->plane + (gsize)y * (gsize)pitch + 1;
                for (int x = 0; x < width; x += 2, p += 4) {
                        row[x] = even[level(p)];
                        row[x + 1] = odd[level(p + 2)];
                }
                row[-1] = row[1];
                row[width] = row[width - 2];
        }
}

static inline guint32 pack(guint r, guint g, guint b)
{
        return b | g << 8 | r << 16;
}

/* Row of G R G R; `up` and `down` are rows of B G B G. */
static void row_of_red(const guint8 *up, const guint8 *at, const guint8 *down, int width, guint32 *out)
{
        for (int x = 0; x < width; x += 2) {
                out[x] = pack((guint)(at[x - 1] + at[x + 1]) >> 1, at[x], (guint)(up[x] + down[x]) >> 1);
                out[x + 1] = pack(at[x + 1], (guint)(at[x] + at[x + 2] + up[x + 1] + down[x + 1]) >> 2,
                                  (guint)(up[x] + up[x + 2] + down[x] + down[x + 2]) >> 2);
        }
}

static void row_of_blue(const guint8 *up, const guint8 *at, const guint8 *down, int width, guint32 *out)
{
        for (int x = 0; x < width; x += 2) {
                out[x] = pack((guint)(up[x - 1] + up[x + 1] + down[x - 1] + down[x + 1]) >> 2,
                              (guint)(at[x - 1] + at[x + 1] + up[x] + down[x]) >> 2, at[x]);
                out[x + 1] = pack((guint)(up[x + 1] + down[x + 1]) >> 1, at[x + 1],
                                  (guint)(at[x] + at[x + 2]) >> 1);
        }
}

void tb_seestar_show(TbSeestarShow *s, TbSeestarPixels pixels, const guint8 *data, int width, int height,
                     guint8 *bgrx, int stride)
{
        for (guint colour = 0; colour < 3; colour++)
                bend(s, colour, look(s, pixels, data, width, height, colour));
        s->known = true;
        if (pixels == TB_SEESTAR_RGB) {
                for (int y = 0; y < height; y++) {
                        const guint8 *p = data + (gsize)y * (gsize)width * 6;
                        guint32 *out = (guint32 *)(gpointer)(bgrx + (gsize)y * (gsize)stride);
                        for (int x = 0; x < width; x++, p += 6)
                                out[x] = pack(s->lut[0][level(p)], s->lut[1][level(p + 2)],
                                              s->lut[2][level(p + 4)]);
                }
                return;
        }
        g_assert(width >= 2 && height >= 2 && width % 2 == 0);
        make_plane(s, data, width, height);
        for (int y = 0; y < height; y++) {
                const gsize pitch = (gsize)width + 2;
                const guint8 *at = s->plane + (gsize)y * pitch + 1, *up = y > 0 ? at - pitch : at + pitch,
                             *down = y < height - 1 ? at + pitch : at - pitch;
                guint32 *out = (guint32 *)(gpointer)(bgrx + (gsize)y * (gsize)stride);
                if (y & 1)
                        row_of_blue(up, at, down, width, out);
                else
                        row_of_red(up, at, down, width, out);
        }
}
