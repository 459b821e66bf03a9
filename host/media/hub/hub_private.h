#pragma once
/* What hub.c (life, source), hub_fan.c (pictures to sinks) and hub_slate.c (no picture) share. */
#include "host/media/private.h"
#include "host/media/still/decode.h"
#include "lib/refcount.h"
#include "lib/thread.h"

#define TB_HUB_FPS_WINDOW_US (2 * G_USEC_PER_SEC)

typedef struct TbHubListener {
        guint id;
        void (*changed)(void *data);
        void *data;
} TbHubListener;

struct TbHub {
        TbRefCount ref;
        char *device, *interface; /* owned */
        const TbVideoSource *ops; /* static; NULL after tb_hub_retire() */
        void *source;             /* borrowed from who added the hub */

        TbMutex lock;      /* held while a picture fans out, so that a removed sink is not called any more */
        GPtrArray *sinks;  /* owned TbHubSink; protected by lock */
        TbFrame *last;     /* ref; as the source sent it; protected by lock */
        TbFrame *last_raw; /* ref; the same decoded, or the slate; NULL: not decoded yet; protected by lock */
        TbFrame *held;     /* ref; the newest that came while blocked; protected by lock */
        TbDecoder *decoder;  /* owned; protected by lock */
        bool running;        /* the source may push; protected by lock */
        bool blocked;        /* a fault that frames do not end; protected by lock */
        bool slate_on;       /* protected by lock */
        bool announced;      /* main knows that pictures come; protected by lock */
        gint64 window_us;    /* start of the counting window; protected by lock */
        guint window_frames; /* protected by lock */
        double fps;          /* of the window before; protected by lock */
        int width, height;   /* of the last picture of the device; protected by lock */

        /* main thread only */
        TbHubState state;
        char *fault; /* owned */
        bool fault_until_frame;
        guint users, viewers;
        guint slate_timer, linger_timer, retry_timer, first_timer;
        TbFramePool *pool; /* ref; slates */
        TbFrame *slate;    /* ref; protected by lock */
        GArray *listeners; /* of TbHubListener */
        guint next_listener;
};

struct TbHubSink {
        TbHub *hub; /* ref */
        TbSinkFlags flags;
        void (*frame)(void *data, TbFrame *frame);
        void *data;                    /* borrowed from who added it */
        TbMailbox *box;                /* owned; NULL: called on the pushing thread */
        TbRect damage[TB_FRAME_RECTS]; /* collected since the last delivery; protected by hub->lock */
        guint n_damage;                /* protected by hub->lock */
        bool damage_all;               /* protected by hub->lock */
        bool removed, delivering;      /* main thread only */
};

/* --- hub.c; main thread --- */
void tb_hub_set_state(TbHub *hub, TbHubState state);
void tb_hub_notify(TbHub *hub);

/* --- hub_fan.c --- */
/* hub->last, or the slate, to every sink; with hub->lock held. `error`: the picture cannot be decoded. */
void tb_hub_fan_out(TbHub *hub, GError **error);
/* A fault that frames do not end begins or (false) is replaced by one that they do; what came during the one before is dropped. */
void tb_hub_block(TbHub *hub, bool blocked);
/* The fault is over: shows the newest picture that came meanwhile. The lane's worker may send it before main has heard that the lane is ready, and a source
 * that sends only changes sends no second one. */
void tb_hub_unblock(TbHub *hub);

/* --- hub_slate.c; main thread --- */
/* Draws and shows it now, and again and again: a stream that goes on can tell a slate from a dead link. */
void tb_hub_slate_begin(TbHub *hub);
/* The same, unless a picture came meanwhile. */
void tb_hub_slate_if_late(TbHub *hub);
