#pragma once
/*
 * TbWorker: one driver lane at run time: its thread(s), its command queue, its open / pump / close loop with
 * back-off, and the crossing of its events to the main loop. All functions: main thread. Callbacks: main
 * thread, in the order the driver told them, none after tb_worker_release().
 */
#include <glib.h>
#include <stdbool.h>

#include "drivers/driver.h"
#include "host/core/core.h"
#include "lib/secret.h"

typedef struct TbWorker TbWorker;
typedef struct TbCall TbCall;
typedef struct TbOutletCall TbOutletCall; /* outlet.h */

typedef enum TbCallRank {
        TB_CALL_READS,
        TB_CALL_CHANGES, /* goes before reads */
        TB_CALL_URGENT,  /* goes before everything */
        TB_CALL_RANKS
} TbCallRank;

/* One piece of work for a lane; embedded at the start of its owner's struct. */
struct TbCall {
        bool (*exec)(TbCall *call, TbInstance *instance, TbIo *io, GError **error); /* worker thread */
        void (*done)(TbCall *call); /* main thread, exactly once; the call's memory is the owner's again */
        gint64 deadline_us;         /* monotonic; a call that is taken later fails with TB_ERROR_TIMEOUT */
        GError *error;              /* owned; set when exec failed or never ran */
        bool cancelled;             /* protected by the worker's lock */
        bool while_absent;          /* it runs also when the device is not there (a lane of one thread) */
        bool absent;                /* … and that is so: only what needs no open lane may be called */
        const char *user; /* whose share of the queue it takes; borrowed until done; NULL: the lane's own */
        bool watches;     /* of a user who may only watch */
        bool yields;      /* leaves the last places to others (tb_place_yields()) */
        TbCallRank rank;
};

typedef struct TbWorkerOps {
        void (*state)(gpointer owner, TbState state, const char *reason); /* reason NULL: none */
        void (*bytes)(gpointer owner, const guint8 *data, gsize size);
        void (*line)(gpointer owner, const char *line, gint64 t_ms);
        void (*sample)(gpointer owner, const TbSample *sample);
        void (*power)(gpointer owner, const TbPowerState *state);
        void (*event)(gpointer owner, const char *type, json_t *data);
        void (*clipboard)(gpointer owner, const char *text);
        void (*facts)(gpointer owner, json_t *facts); /* borrowed */
        /* the driver asks an outlet of another interface: answered by tb_outlet_call_answer() */
        void (*outlet)(gpointer owner, TbOutletCall *call);
        /* asking for samples fails (reason), or works again (NULL) */
        void (*sampling)(gpointer owner, const char *reason);
} TbWorkerOps;

typedef struct TbWorkerOptions {
        const TbDriver *driver;
        const TbLane *lane;
        const TbUri *uri; /* borrowed by the worker for its life: the attachment keeps them until `ended` */
        json_t *params;
        const TbSecrets *secrets; /* as uri: nothing of them leaves the lane in a text */
        const char *device;
        const char *run_dir;
        int sample_ms; /* 0: the lane has no sensors or its pump tells */
        const TbWorkerOps *ops;
        gpointer owner;
        void (*ended)(gpointer data); /* main: after release, when the thread is joined and nothing refers to
                                         uri, params … any more */
        gpointer ended_data;
} TbWorkerOptions;

/* And starts it. Without a thread or descriptor for it the owner is told of a fault (from here already), and it is
 * tried again. */
TbWorker *tb_worker_new(const TbWorkerOptions *options);
/* False when the queue, or the user's share of it, is full (TB_ERROR_LIMIT, in words). */
bool tb_worker_call(TbWorker *worker, TbCall *call, GError **error);
/* Goes before what waits, also when the queue is full, and interrupts what runs (TB_ERROR_INTERRUPTED), but what came by
 * this call as well. */
bool tb_worker_call_first(TbWorker *worker, TbCall *call, GError **error);
/* Ends the call soon: it fails with TB_ERROR_INTERRUPTED (through done, later) if it has not succeeded already. One that waits
 * leaves the queue at once. */
void tb_worker_cancel(TbWorker *worker, TbCall *call);
/* The owner's own sink is behind: the lane makes no more until it is let go. Commands go on. */
void tb_worker_hold(TbWorker *worker, bool hold);
/* A lane of one thread: closes and stays so until then (monotonic; 0: opens again now), as one that is GONE for that reason. What
 * runs ends first; a call that is queued from here on runs (while_absent) or fails behind the close. */
void tb_worker_park(TbWorker *worker, gint64 until_us, const char *reason);
void tb_worker_kick(TbWorker *worker); /* try to open now instead of after the pause */
/* The owner forgets the worker: no callback comes any more; the thread ends by itself, then `ended` runs. */
void tb_worker_release(TbWorker *worker);

void tb_worker_video_start(TbWorker *worker, int max_fps, const TbVideoSink *sink, gpointer user);
void tb_worker_video_stop(TbWorker *worker);
void tb_worker_audio_start(TbWorker *worker, const TbSoundSink *sink, gpointer user);
void tb_worker_audio_stop(TbWorker *worker);
