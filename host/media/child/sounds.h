#pragma once
/*
 * What of sound goes to the child: a sound is one sound hub while somebody there hears it; its Opus goes over the link once, whoever listens.
 * The twin of sources.h, without rungs: every listener gets the same. Thread: main.
 */
#include "host/media/link/link.h"
#include "host/media/sound/sound_hub.h"

typedef struct TbSounds TbSounds;

TbSounds *tb_sounds_new(void);
void tb_sounds_free(TbSounds *sounds); /* accepts NULL */

/* One more listener. The number of the sound, which is not used again; 0: TB_ERROR_UNAVAILABLE, no encoder. `link` is borrowed until
 * tb_sounds_clear(). */
guint32 tb_sounds_enter(TbSounds *sounds, TbLink *link, TbSoundHub *hub, GError **error);
void tb_sounds_leave(TbSounds *sounds, guint32 number); /* 0, or one that was cleared: nothing */
/* The child has gone: so have all sounds. */
void tb_sounds_clear(TbSounds *sounds);
