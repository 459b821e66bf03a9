#pragma once
/*
 * TbSoundHub: the one way of the sound of one audio interface to everybody who hears it. One source, started by the first
 * listener and stopped (after TB_HUB_LINGER_MS) by the last; PCM fans out to sinks, Opus by sound_encoder.h. How loud it is
 * is measured meanwhile. What does not come leaves silence: there is no slate that could say why, tb_sound_hub_fault() does.
 *
 * Thread: main, except tb_sound_hub_push(), tb_sound_hub_no_sound() and tb_sound_hub_ref/unref (any thread).
 * Ownership: TbMedia owns its hubs; a listener holds a reference. One that was removed from its TbMedia is silent.
 */
#include <jansson.h>

#include "host/media/hub/hub.h"
#include "lib/sound.h"

typedef struct TbSoundHub TbSoundHub;

/* Takes `sound`. Any thread, one at a time. Never waits for main or for a listener. */
typedef void (*TbSoundPush)(void *push_data, TbSound *sound);

/* Where the sound comes from; start, stop and push as with TbVideoSource. */
typedef struct TbSoundSource {
        bool (*start)(void *source, TbSoundPush push, void *push_data, GError **error);
        void (*stop)(void *source);
} TbSoundSource;

TbSoundHub *tb_sound_hub_ref(TbSoundHub *hub);
void tb_sound_hub_unref(TbSoundHub *hub); /* accepts NULL */

/* The TbSoundPush of a hub: takes `sound`. Its time may be as inexact as a sound card's: it is smoothed (sound_clock.h). */
void tb_sound_hub_push(TbSoundHub *hub, TbSound *sound);
/* There is no sound, and why, in words ("the microphone is muted"); NULL: there is, or will be. `until_sound`: the next block
 * ends it. */
void tb_sound_hub_set_fault(TbSoundHub *hub, const char *reason, bool until_sound);
void tb_sound_hub_no_sound(TbSoundHub *hub,
                           const char *reason);  /* the same from any thread, until the next block */
const char *tb_sound_hub_fault(TbSoundHub *hub); /* borrowed until the next change; NULL: none */

TbHubState tb_sound_hub_state(TbSoundHub *hub);
/* rate 0: nothing was heard yet. */
TbSoundFormat tb_sound_hub_format(TbSoundHub *hub);
/* Of the last TB_SOUND_LEVEL_MS. False: nothing is heard now. */
bool tb_sound_hub_level(TbSoundHub *hub, TbSoundLevel *ret_level);
const char *tb_sound_hub_device(TbSoundHub *hub);    /* borrowed */
const char *tb_sound_hub_interface(TbSoundHub *hub); /* borrowed */
guint tb_sound_hub_listeners(TbSoundHub *hub);       /* WebRTC peers and sinks */
/* One at a time; NULL: none. `level` for each TB_SOUND_LEVEL_MS of sound; main thread. */
void tb_sound_hub_watch(TbSoundHub *hub, void (*level)(void *data, const TbSoundLevel *level), void *data);
/* {"rate","channels","state","fault","listeners","level_dbfs","peak_dbfs"} as CONTRACT.md §3 has it, null for what is not
 * known; the caller owns the reference. */
json_t *tb_sound_hub_to_json(TbSoundHub *hub);

/* --- PCM --- */
typedef struct TbSoundTap TbSoundTap;
/* `heard(data, sound)`: `sound` is borrowed, take a reference to keep it; called on the pushing thread, must return at once and
 * not call the hub; not called any more after tb_sound_hub_remove_tap() returned. The format may change at any block. `counted`:
 * it is a listener, who keeps the source running. */
TbSoundTap *tb_sound_hub_add_tap(TbSoundHub *hub, bool counted, void (*heard)(void *data, TbSound *sound),
                                 void *data);
void tb_sound_hub_remove_tap(TbSoundTap *tap); /* frees it; accepts NULL */

#define TB_SOUND_LEVEL_MS 200

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbSoundHub, tb_sound_hub_unref)
