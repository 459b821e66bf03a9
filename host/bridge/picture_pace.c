#include "host/bridge/picture_pace.h"

#include <math.h>

#include "lib/limits.h"

#define FIRST 12288 /* bytes: a third of a second of 300 kbit/s */
#define LEAST 3072
#define WANTED_US 100000               /* that the bytes of a picture take; MUCH times that at the most */
#define LOST_US (8 * G_USEC_PER_SEC)   /* of one that nobody told of: the next goes all the same */
#define UNTOLD_US (3 * G_USEC_PER_SEC) /* … of the first: an older server tells nothing */
#define QUALITY_LOW 25
#define FINER 1.7     /* times the bytes, about, that TB_PICTURE_QUALITY takes */
#define SMALL 400     /* px */
#define OVER 1.2      /* times the target: the next one is smaller */
#define MUCH 1.5      /* times the target: not sent */
#define ROOMY 0.6     /* of the target: the next width may be tried … */
#define ROOMY_TIMES 2 /* … when so many in a row had so few */

/* Few, so that observers of one device share what is compressed. */
static const int WIDTHS[] = {160, 200, 240, 320, 400, 512, 640, 800, 960, 1280, 1600, 1920, 2560, 3840};

void tb_picture_pace_init(TbPicturePace *p)
{
        *p = (TbPicturePace){.target = FIRST, .quality = TB_PICTURE_QUALITY};
}

static int width_for(double most)
{
        int width = WIDTHS[0];
        for (gsize i = 0; i < G_N_ELEMENTS(WIDTHS); i++)
                if (WIDTHS[i] <= most)
                        width = WIDTHS[i];
        return width;
}

/* The bytes of a picture go with its area, about. */
static double width_of(int width, gsize bytes, double wanted)
{
        return width * sqrt(wanted / (double)MAX(bytes, 1));
}

static void shrink(TbPicturePace *p, int now, gsize bytes)
{
        double wanted = width_of(now, bytes, p->target);
        if (wanted < SMALL && p->quality > QUALITY_LOW) { /* rather coarse than too small to be read */
                p->quality = QUALITY_LOW;
                wanted = width_of(now, (gsize)((double)bytes / FINER), p->target);
        }
        p->width = MIN(width_for(wanted), now);
        p->roomy = 0;
}

static void grow(TbPicturePace *p, int now, gsize bytes, int full)
{
        int wanted = width_for(width_of(now, bytes, p->target * (1 + ROOMY) / 2));
        p->roomy = bytes < p->target * ROOMY ? p->roomy + 1 : 0;
        if (p->roomy < ROOMY_TIMES)
                return;
        p->roomy = 0;
        if (p->quality < TB_PICTURE_QUALITY && (now >= SMALL || wanted <= now))
                p->quality = (double)bytes * FINER < p->target ? TB_PICTURE_QUALITY : p->quality;
        else if (wanted > now)
                p->width = wanted >= full ? 0 : wanted;
        else if (width_of(now, bytes, p->target * (1 + ROOMY) / 2) >= full)
                p->width = 0;
}

bool tb_picture_pace_made(TbPicturePace *p, gsize bytes, int full_width)
{
        int full = MAX(full_width, 1), now = p->width > 0 && p->width < full ? p->width : full;
        bool least = now <= WIDTHS[0] && p->quality <= QUALITY_LOW;
        if (bytes > p->target * OVER) {
                shrink(p, now, bytes);
                return bytes <= p->target * MUCH || (least && bytes <= TB_LIMIT_RELAY_PICTURE);
        }
        if (p->width > 0)
                grow(p, now, bytes, full);
        return true;
}

bool tb_picture_pace_may(const TbPicturePace *p, gint64 now_us)
{
        return !p->out_us || p->alone || now_us - p->out_us > (p->told ? LOST_US : UNTOLD_US);
}

void tb_picture_pace_sent(TbPicturePace *p, gsize bytes, gint64 now_us)
{
        p->alone = p->alone || (p->out_us && !p->told);
        p->out_us = now_us;
        p->out_bytes = bytes;
}

/* What its bytes took: on the observer's line as the server saw it, and what is left of all the time is our own line's. */
static gint64 carried_us(gint64 all_us, gint64 took_us, gint64 trip_us)
{
        return took_us < 0 ? all_us : took_us + MAX(all_us - took_us - trip_us, 0);
}

void tb_picture_pace_arrived(TbPicturePace *p, gint64 bytes, gint64 took_us, gint64 trip_us, gint64 now_us)
{
        p->told = true;
        p->alone = false;
        if (!p->out_us || bytes != (gint64)p->out_bytes)
                return; /* an older one, that was given up */
        gint64 us = carried_us(now_us - p->out_us, took_us, trip_us);
        double times = CLAMP(WANTED_US / (double)MAX(us, 1), 0.4, 2.0);
        p->out_us = 0;
        if (times > 1 && p->out_bytes < p->target / 2)
                return; /* a small one says nothing of larger ones */
        p->target =
                (guint)CLAMP(MIN(p->target, (double)p->out_bytes * 2) * times, LEAST, TB_LIMIT_RELAY_PICTURE);
}
