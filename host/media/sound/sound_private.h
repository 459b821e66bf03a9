#pragma once
/* What sound_hub.c and sound_encoder.c share. */
#include "host/media/private.h"
#include "host/media/sound/sound_clock.h"
#include "host/media/sound/sound_hub.h"
#include "lib/refcount.h"
#include "lib/thread.h"

typedef struct TbSoundEncoder TbSoundEncoder;

struct TbSoundHub {
        TbRefCount ref;
        char *device, *interface; /* owned */
        const TbSoundSource *ops; /* static; NULL after tb_sound_hub_retire() */
        void *source;             /* borrowed from who added the hub */

        TbMutex lock;         /* held while a block fans out, so that a removed tap is not called any more */
        GPtrArray *taps;      /* owned TbSoundTap; protected by lock */
        bool running;         /* the source may push; protected by lock */
        bool blocked;         /* a fault that blocks of sound do not end; protected by lock */
        bool announced;       /* main knows that sound comes; protected by lock */
        TbSoundFormat format; /* of the last block; protected by lock */
        TbSoundClock clock;   /* protected by lock */
        TbSoundMeter meter;   /* protected by lock */
        TbSoundLevel level;   /* protected by lock */
        gint64 level_us;      /* when it was measured; 0: none; protected by lock */
        bool level_posted;    /* main will look; protected by lock */

        /* main thread only */
        TbHubState state;
        char *fault; /* owned */
        bool fault_until_sound;
        guint users, listeners;
        guint linger_timer, retry_timer, first_timer;
        TbSoundEncoder *encoder; /* borrowed: who has a tap of it owns it; NULL: nobody wants Opus */
        void (*watch)(void *data, const TbSoundLevel *level);
        void *watch_data;
};

struct TbSoundTap {
        TbSoundHub *hub; /* ref */
        bool counted;
        void (*heard)(void *data, TbSound *sound);
        void *data; /* borrowed from who added it */
};
