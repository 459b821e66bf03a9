#pragma once
/*
 * PCM of a sound hub on the main thread: for who writes it somewhere. While main is busy TB_LIMIT_SOUND_BEHIND_MS of it wait; above, the oldest is
 * lost, for this reader alone. It counts as a listener. Thread: main.
 */
#include "host/media/sound/sound_hub.h"

typedef struct TbSoundReader TbSoundReader;

/* `heard(data, sound)`: `sound` is borrowed. It may free the reader. */
TbSoundReader *tb_sound_reader_new(TbSoundHub *hub, void (*heard)(void *data, TbSound *sound), void *data);
void tb_sound_reader_free(TbSoundReader *reader); /* accepts NULL */
