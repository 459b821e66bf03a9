#pragma once
/* Makes the samples of the test tone. Pure: numbers in, samples out. */
#include <glib.h>
#include <stdbool.h>

#include "lib/sound.h"

#define TB_TESTTONE_BEEP_MS 100 /* from the beginning of each second: as long as testpattern's flash */

typedef struct TbTesttone {
        TbSoundFormat format;
        guint frequency; /* Hz; below half of the rate */
        bool beeps;      /* silent but for TB_TESTTONE_BEEP_MS of each second */
        int amplitude;   /* 0 to 32767 */
} TbTesttone;

/* Peak of a level in dBFS. */
int tb_testtone_amplitude(double dbfs);
/* Fills `sound`, whose first sample is taken at `t_us` since the epoch. The tone's phase is that of the clock: two blocks that follow
 * each other fit. */
void tb_testtone_fill(const TbTesttone *tone, TbSound *sound, gint64 t_us);
