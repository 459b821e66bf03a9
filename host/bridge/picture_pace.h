#pragma once
/*
 * How large the relay's pictures are, and when the next one goes: so that what an observer sees is not 300 ms behind what its
 * line takes for anything. One picture at a time is on its way; how long it took beyond the way itself says how many bytes the next
 * may have, and the width follows. Pure: no clock. Times in microseconds of any one clock.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbPicturePace {
        guint target;       /* bytes that a picture may have */
        int width, quality; /* to be taken with; width 0: all of it */
        /* private */
        bool told;     /* the server says when a picture has arrived */
        bool alone;    /* nobody tells: it goes on without */
        gint64 out_us; /* since when one is on its way; 0: none is */
        gsize out_bytes;
        guint roomy;
} TbPicturePace;

#define TB_PICTURE_QUALITY 45

void tb_picture_pace_init(TbPicturePace *pace);
/* A picture of `bytes` was made of a screen of `full_width`. False: it is not to be sent. `width` and `quality` may be others
 * afterwards. */
bool tb_picture_pace_made(TbPicturePace *pace, gsize bytes, int full_width);
/* May one be sent? */
bool tb_picture_pace_may(const TbPicturePace *pace, gint64 now_us);
void tb_picture_pace_sent(TbPicturePace *pace, gsize bytes, gint64 now_us);
/* One of `bytes`. `took_us`: what it took on the observer's line alone, beyond the way there and back; `trip_us`: there and back on
 * both lines, its and ours. Both -1: not known, then all that it took counts. */
void tb_picture_pace_arrived(TbPicturePace *pace, gint64 bytes, gint64 took_us, gint64 trip_us,
                             gint64 now_us);
