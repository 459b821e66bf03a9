#pragma once
/*
 * The audio half of bind.h: one audio interface of core and its sound hub. How loud it is becomes samples of the device:
 * `<interface>.rms` and `<interface>.peak` in dBFS, five a second while somebody listens. Thread: main.
 */
#include "host/core/core.h"
#include "host/media/media.h"

typedef struct TbBoundSound TbBoundSound;

TbBoundSound *tb_bound_sound_new(TbMedia *media, TbInterface *iface); /* both borrowed */
void tb_bound_sound_show_state(TbBoundSound *sound);                  /* core's state of it has changed */
void tb_bound_sound_free(TbBoundSound *sound, const char *reason);
