#include "lib/sound.h"

#include <math.h>
#include <stdlib.h>

#include "lib/limits.h"

#define FULL_SCALE 32768.0

bool tb_sound_format_valid(TbSoundFormat format)
{
        return format.rate >= TB_LIMIT_SOUND_RATE_MIN && format.rate <= TB_LIMIT_SOUND_RATE &&
               format.channels >= 1 && format.channels <= TB_LIMIT_SOUND_CHANNELS;
}

guint tb_sound_most_frames(TbSoundFormat format)
{
        return format.rate * TB_LIMIT_SOUND_BLOCK_MS / 1000;
}

TbSound *tb_sound_new(TbSoundFormat format, guint frames, gint64 t_us)
{
        if (!tb_sound_format_valid(format) || frames < 1 || frames > tb_sound_most_frames(format))
                return NULL;
        TbSound *sound = g_malloc(sizeof *sound + (gsize)frames * format.channels * sizeof(gint16));
        tb_ref_init(&sound->ref);
        sound->format = format;
        sound->frames = frames;
        sound->t_us = t_us;
        return sound;
}

TbSound *tb_sound_ref(TbSound *sound)
{
        tb_ref_inc(&sound->ref);
        return sound;
}

void tb_sound_unref(TbSound *sound)
{
        if (sound && tb_ref_dec(&sound->ref))
                g_free(sound);
}

gsize tb_sound_bytes(const TbSound *sound)
{
        return (gsize)sound->frames * sound->format.channels * sizeof(gint16);
}

gint64 tb_sound_us(const TbSound *sound)
{
        return (gint64)sound->frames * G_USEC_PER_SEC / sound->format.rate;
}

/* --- level --- */
void tb_sound_meter_add(TbSoundMeter *meter, const TbSound *sound)
{
        gsize n = (gsize)sound->frames * sound->format.channels;
        guint64 squares = 0; /* of one block: 2^30 for each of at most 2^18 samples */
        for (gsize i = 0; i < n; i++) {
                int sample = GINT16_FROM_LE(sound->samples[i]);
                squares += (guint64)(sample * sample);
                meter->peak = MAX(meter->peak, (guint)abs(sample));
        }
        meter->squares += (double)squares;
        meter->samples += n;
        meter->us += (guint64)tb_sound_us(sound);
}

static double decibels(double amplitude)
{
        return amplitude > 0 ? MAX(20 * log10(amplitude / FULL_SCALE), TB_SOUND_SILENCE) : TB_SOUND_SILENCE;
}

bool tb_sound_meter_take(TbSoundMeter *meter, TbSoundLevel *ret_level)
{
        if (meter->samples == 0)
                return false;
        *ret_level = (TbSoundLevel){.rms = decibels(sqrt(meter->squares / (double)meter->samples)),
                                    .peak = decibels((double)meter->peak)};
        *meter = (TbSoundMeter){0};
        return true;
}
