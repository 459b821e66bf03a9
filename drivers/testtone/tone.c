#include "drivers/testtone/tone.h"

#include <math.h>

int tb_testtone_amplitude(double dbfs)
{
        return (int)CLAMP(lround(32767 * pow(10, dbfs / 20)), 0, 32767);
}

void tb_testtone_fill(const TbTesttone *tone, TbSound *sound, gint64 t_us)
{
        guint rate = tone->format.rate;
        /* which sample of its second: frequencies are whole, so that each second begins like the one before */
        guint64 first = (guint64)((t_us % G_USEC_PER_SEC * rate + G_USEC_PER_SEC / 2) / G_USEC_PER_SEC);
        guint beep = rate * TB_TESTTONE_BEEP_MS / 1000;
        gint16 *out = sound->samples;
        for (guint i = 0; i < sound->frames; i++) {
                guint64 n = (first + i) % rate;
                double phase = (double)(n * tone->frequency % rate) / rate;
                gint16 sample = tone->beeps && n >= beep
                                        ? 0
                                        : (gint16)lround(tone->amplitude * sin(2 * G_PI * phase));
                for (guint c = 0; c < tone->format.channels; c++)
                        *out++ = GINT16_TO_LE(sample);
        }
}
