#pragma once
/*
 * A lane's worker from inside: worker.c is what the main thread does with it, worker_run.c what its own
 * threads do. The two meet in `lock`, the queue and atomics only.
 */
#include "host/core/lanes/call_queue.h"
#include "host/core/lanes/worker.h"
#include "host/core/lanes/worker_events.h"
#include "lib/inlet.h"
#include "lib/thread.h"

#define TB_WORKER_RETRY_FIRST_MS 250 /* pause before a lost lane is opened again; doubles */
#define TB_WORKER_STEADY_MS 3000     /* that it has to stay open for the pause to be short again */
#define TB_WORKER_OPEN_MS 30000      /* for open, video start, and calls of our own */

typedef struct TbRunner { /* one thread of a lane */
        TbWorker *worker;
        TbIo io;
        TbThread *thread;
        TbCall *current; /* protected by worker->lock */
} TbRunner;

struct TbWorker {
        TbInstance *instance; /* owned, lane->size bytes */
        TbWorkerOptions o;    /* strings owned */
        TbCallQueue *queue;
        TbInlet *inlet; /* owned: what it tells main */
        TbRunner *runners;
        guint n_runners;
        TbMutex lock;
        TbCond idle;  /* parallel lanes: running fell to 0 */
        bool closing; /* protected by lock */
        bool kicked;  /* protected by lock */
        bool open;    /* protected by lock */
        bool opening; /* parallel lanes: one thread is in open; protected by lock */
        bool stale;   /* parallel lanes: open succeeded and close was not called; protected by lock */
        guint urgent; /* emergencies that are not over: what is none is overtaken until then; protected by lock */
        guint running; /* parallel lanes: ops that run; protected by lock */
        guint ended;   /* threads that are done; protected by lock */
        char *absent;  /* why it is not open; owned; protected by lock */
        int absent_code;
        char *parked;     /* why it stays closed; owned; NULL: it does not; protected by lock */
        gint64 parked_us; /* until then; protected by lock */
        int retry_ms;
        guint sample_timer;  /* main */
        gint sample_waiting; /* atomic: a sample call is queued */
        guint probe_timer;   /* main */
        bool started;        /* main: it has its threads and descriptors */
        guint start_timer;   /* main: it has not, and tries again */
        bool held;           /* main: the owner is behind */
        bool sample_failed;  /* main: the owner was told so */
        /* the consumer of frames */
        TbMutex video_lock;
        TbVideoSink video_sink; /* protected by video_lock; frame NULL: nobody */
        gpointer video_user;
        gint video_fps;    /* atomic: > 0 wanted */
        int video_running; /* worker thread: the fps it was started with; 0: stopped */
        /* the consumer of sound */
        TbMutex audio_lock;
        TbSoundSink audio_sink; /* protected by audio_lock; sound NULL: nobody */
        gpointer audio_user;
        gint audio_wanted;  /* atomic */
        bool audio_running; /* worker thread */
        TbWorkerEvents *events;
};

/* The body of each of its threads; data: TbRunner. Ends when the worker closes; the last one posts
 * tb_worker_finalize(). */
void tb_worker_run(gpointer data);
/* It is over: main is told. Any thread. */
void tb_worker_post(TbWorker *worker, TbCall *call);
/* What tb_worker_up does above the inlet's ceiling; data: TbWorker. One of its threads. */
void tb_worker_wait_room(gpointer data);
/* Main thread: joins the threads and frees the worker. */
void tb_worker_finalize(gpointer data);
