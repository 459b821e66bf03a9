#pragma once
/*
 * When the blocks of a source begin, from what it says of each. A sound card counts samples by a clock of its own, and a server in
 * between says "some 20 ms ago": single times are off by milliseconds, and all of them drift. What comes out goes on by the length of
 * each block, drawn slowly towards what is said; a difference above TB_SOUND_CLOCK_JUMP_US is a gap, and followed at once. Pure.
 */
#include <glib.h>

#define TB_SOUND_CLOCK_JUMP_US 60000

typedef struct TbSoundClock { /* zeroed: no block yet */
        gint64 next_us;
        double behind_us; /* of what is said, smoothed */
} TbSoundClock;

/* The time of a block that lasts `length_us` and is said to begin at `said_us` (> 0). */
gint64 tb_sound_clock_next(TbSoundClock *clock, gint64 said_us, gint64 length_us);
