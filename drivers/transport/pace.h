#pragma once
/*
 * How often a picture may be taken: at most `fps` a second in the long run, but half an interval of jitter is
 * forgiven, so that a source that paints at exactly that rate is not slowed to half of it (a plain minimum
 * distance does that). Pure; µs of the monotonic clock.
 */
#include <glib.h>

#include "lib/limits.h"

typedef struct TbPace {
        gint64 interval_us, next_us;
} TbPace;

static inline void tb_pace_init(TbPace *pace, int fps)
{
        pace->interval_us = G_USEC_PER_SEC / CLAMP(fps, 1, TB_LIMIT_FPS);
        pace->next_us = 0;
}

/* 0: now. Rounded up. */
static inline int tb_pace_due_ms(const TbPace *pace, gint64 now_us)
{
        gint64 left = pace->next_us - pace->interval_us / 2 - now_us;
        return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

/* One was taken. */
static inline void tb_pace_take(TbPace *pace, gint64 now_us)
{
        pace->next_us = MAX(pace->next_us, now_us) + pace->interval_us;
}
