#include "host/media/sound/sound_clock.h"

#include <stdlib.h>

#define SHARE 0.05 /* of a difference that counts, for each block of 10 ms */
#define SHARE_US 10000

gint64 tb_sound_clock_next(TbSoundClock *clock, gint64 said_us, gint64 length_us)
{
        gint64 behind = said_us - clock->next_us;
        if (clock->next_us == 0 || llabs(behind) > TB_SOUND_CLOCK_JUMP_US) {
                *clock = (TbSoundClock){.next_us = said_us + length_us};
                return said_us;
        }
        double share = MIN(SHARE * (double)length_us / SHARE_US, 0.5);
        clock->behind_us += ((double)behind - clock->behind_us) * share;
        gint64 step = (gint64)(clock->behind_us * share);
        gint64 at = clock->next_us + step;
        clock->behind_us -= (double)step;
        clock->next_us = at + length_us;
        return at;
}
