#pragma once
/* What recorder.c (devices), clips.c, routes.c and serve.c share. Main thread unless it says otherwise. */
#include "host/core/recording.h"
#include "host/recorder/lane.h"
#include "host/recorder/recorder.h"
#include "host/recorder/ring.h"
#include "host/recorder/tracks.h"
#include "host/recorder/writer.h"
#include "lib/refcount.h"

typedef enum TbRecordMode { TB_RECORD_OFF, TB_RECORD_ARMED, TB_RECORD_ON } TbRecordMode;

typedef struct TbRecorded { /* a device of which something was said, whether or not it is there */
        char *id;           /* owned */
        TbRecordMode mode;
        guint pre_s;
        TbTyped typed;
        TbRing *ring;     /* ref */
        TbTracks *tracks; /* owned; NULL: off, or the device is not there */
} TbRecorded;

struct TbRecorder {
        TbRefCount ref; /* of whoever made it, and of work under way; the last one goes on main */
        bool stopped;
        TbCore *core; /* borrowed, as media; not after stopped */
        TbMedia *media;
        char *folder;             /* owned */
        GHashTable *devices;      /* id -> owned TbRecorded */
        GHashTable *clips;        /* id -> owned json_t: what clip.json has */
        TbWriter *writer;         /* owned; its own thread's */
        TbLane *writing, *making; /* owned */
        guint subscription, turn;
};

void tb_recorder_unref(TbRecorder *recorder);
const char *tb_record_mode_name(TbRecordMode mode);
TbRecorded *tb_recorder_device(TbRecorder *recorder, const char *id); /* made where there is none yet */

/* --- work for another thread, and back --- */
typedef struct TbWork {
        TbRecorder *recorder;              /* ref */
        void (*work)(struct TbWork *work); /* on the lane: recorder->writer alone is its */
        void (*done)(struct TbWork *work); /* main, once; NULL: nobody waits */
        json_t *json;                      /* owned */
        char *text;                        /* owned */
        GBytes *bytes;                     /* ref */
        GError *error;                     /* owned */
        gpointer data, more;               /* of who made it */
        guint64 number;
} TbWork;
/* Takes `work`, which is made by g_new0(). False: too much waits already; `work->error` says so and done() was called. */
bool tb_recorder_do(TbRecorder *recorder, TbLane *lane, TbWork *work_take);
/* From the writer's thread: on the other one. False, and nothing is taken: too much waits. */
bool tb_recorder_make(TbRecorder *recorder, void (*work)(TbWork *work), void (*done)(TbWork *work),
                      const json_t *json);
/* From any thread: done() on main. */
void tb_recorder_post(TbRecorder *recorder, TbWork *work_take);

/* --- clips.c --- */
void tb_clips_load(TbRecorder *recorder);
void tb_clips_order(TbRoomCall *call, TbDevice *device, json_t *params, const TbActor *actor, void *recorder);
bool tb_clips_ready(void *recorder, const json_t *clip); /* the writer's thread */
void tb_clips_removed(void *recorder, const char *clip); /* the writer's thread */
/* Keeps what the table says of it; `done` as of TbWork. */
void tb_clips_save(TbRecorder *recorder, const char *clip, void (*done)(TbWork *work), gpointer data);

/* --- serve.c --- */
/* A file or an interval, answered by a thread of its own. Strings are copied. */
typedef struct TbServe {
        const char *folder;                      /* of a clip; NULL: an interval of segments */
        const char *file;                        /* "video.mp4", "bundle.tar" … */
        const char *name;                        /* for who saves it */
        const char *segments, *device, *console; /* of an interval */
        gint64 from_us, to_us;
        const json_t *clip; /* for the bundle */
} TbServe;
void tb_serve(TbRequest *request, const TbServe *what);
bool tb_serve_enter(
        void); /* any thread: one more answer is under way; false: there are TB_LIMIT_RECORD_READS */
void tb_serve_leave(void);
