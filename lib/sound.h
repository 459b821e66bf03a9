#pragma once
/*
 * TbSound: one block of sound on its way from a driver to the media hub: S16LE, interleaved.
 *
 * Ownership: reference counted, immutable once it was pushed. Thread: any (the count is atomic). Units: hertz; `frames` are
 * moments, each with one sample of every channel; microseconds of the monotonic clock (g_get_monotonic_time) for t_us.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/refcount.h"

typedef struct TbSoundFormat {
        guint rate;     /* Hz; TB_LIMIT_SOUND_RATE_MIN to TB_LIMIT_SOUND_RATE */
        guint channels; /* 1 to TB_LIMIT_SOUND_CHANNELS; left, right, … */
} TbSoundFormat;

typedef struct TbSound {
        TbRefCount ref;
        TbSoundFormat format;
        guint frames;
        gint64 t_us;      /* when the first one was taken */
        gint16 samples[]; /* frames * channels */
} TbSound;

bool tb_sound_format_valid(TbSoundFormat format);
/* Frames that a block may have: TB_LIMIT_SOUND_BLOCK_MS of them. */
guint tb_sound_most_frames(TbSoundFormat format);

/* A writable block; NULL when the format or the length (1 frame at least) is outside the limits. Its samples are not
 * cleared. */
TbSound *tb_sound_new(TbSoundFormat format, guint frames, gint64 t_us);
TbSound *tb_sound_ref(TbSound *sound);
void tb_sound_unref(TbSound *sound);        /* accepts NULL */
gsize tb_sound_bytes(const TbSound *sound); /* of its samples */
gint64 tb_sound_us(const TbSound *sound);   /* how long it lasts */

/* --- how loud it is: dBFS, 0 is a square wave of full scale, TB_SOUND_SILENCE what has no sample but 0 --- */
#define TB_SOUND_SILENCE (-96.0)

typedef struct TbSoundLevel {
        double rms, peak; /* dBFS; of all channels together, of the loudest sample */
} TbSoundLevel;

typedef struct TbSoundMeter { /* zeroed: nothing was heard */
        double squares;
        guint64 samples, us;
        guint peak;
} TbSoundMeter;

void tb_sound_meter_add(TbSoundMeter *meter, const TbSound *sound);
/* Of all that was added; begins anew. False: nothing was. */
bool tb_sound_meter_take(TbSoundMeter *meter, TbSoundLevel *ret_level);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbSound, tb_sound_unref)
