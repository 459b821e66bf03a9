#pragma once
/* What hub, encoder, sound, still, peer and media share inside host/media. Main thread unless it says otherwise. */
#include "host/media/hub/hub.h"
#include "host/media/media.h"
#include "host/media/sound/sound_hub.h"
#include "lib/thread.h"

typedef struct TbDecoder TbDecoder;

/* Atomic: they count on every thread. */
typedef struct TbMediaCounters {
        guint64 frames_in, frames_dropped, frames_encoded, keyframes, bytes_sent;
        guint64 peers_total, peers_refused;
} TbMediaCounters;
#define TB_COUNT(field, n) __atomic_fetch_add(&(field), (guint64)(n), __ATOMIC_RELAXED)
#define TB_COUNTED(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
TbMediaCounters *tb_media_counters(void); /* of the process */

TbHub *tb_hub_new(const char *device, const char *interface, const TbVideoSource *ops, void *source);
/* The source is gone for good; what is left shows `reason`. */
void tb_hub_retire(TbHub *hub, const char *reason);
bool tb_hub_retired(TbHub *hub);

/* Who looks at the hub keeps the source running. `counted`: shows in tb_hub_viewers(). */
void tb_hub_acquire(TbHub *hub, bool counted);
void tb_hub_release(TbHub *hub, bool counted);

typedef enum TbSinkFlags {
        TB_SINK_SLATES = 1 << 0,
        TB_SINK_MAILBOX = 1 << 1,
        TB_SINK_QUIET = 1 << 2, /* neither keeps the source running nor counts as a viewer: its owner acquires
                                   the hub itself */
        TB_SINK_JPEG = 1 << 3,  /* a JPEG of the source is welcome as it is */
        TB_SINK_UNCOUNTED = 1 << 4, /* keeps the source running, and is no viewer */
} TbSinkFlags;
TbHubSink *tb_hub_add_sink_full(TbHub *hub, TbSinkFlags flags, void (*frame)(void *data, TbFrame *frame),
                                void *data);

/* --- sound --- */
TbSoundHub *tb_sound_hub_new(const char *device, const char *interface, const TbSoundSource *ops,
                             void *source);
/* The source is gone for good; the rest is silence. */
void tb_sound_hub_retire(TbSoundHub *hub, const char *reason);
/* Who listens keeps the source running. `counted`: shows in tb_sound_hub_listeners(). */
void tb_sound_hub_acquire(TbSoundHub *hub, bool counted);
void tb_sound_hub_release(TbSoundHub *hub, bool counted);
