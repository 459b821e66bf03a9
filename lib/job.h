#pragma once
/*
 * TbJobs: work that main must not do for a caller (a search, a long log), on a few threads of its own, in turns of
 * about TB_LIMIT_JOB_TURN_US: fair between users, then between the jobs of a user: one that has begun goes on for
 * TB_LIMIT_JOB_TURNS, so that short ones end one after the other, and one that needs minutes makes no other one late.
 * The threads stand back behind those that answer somebody.
 *
 * `data` belongs to the job from start to end: `turn` has it on a job's thread, one turn at a time; main has it
 * while the job sleeps, and at its end, in `done` or `drop`. The deadline is the owner's: he cancels. A sleeping job
 * keeps its place. All functions: main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/places.h"

typedef struct TbJobs TbJobs;
typedef struct TbJob TbJob;

typedef enum TbJobTurn {
        TB_JOB_AGAIN, /* there is more to do */
        TB_JOB_SLEEP, /* nothing now: `slept`, then nothing until tb_job_wake() */
        TB_JOB_DONE,
} TbJobTurn;

typedef struct TbJobOptions {
        TbPlaceBy by; /* whose place it takes (lib/places.h); copied; none: the host's own */
        TbJobTurn (*turn)(gpointer data, gint64 until_us); /* a job's thread: until about then (monotonic) */
        void (*slept)(
                gpointer
                        data); /* main: main may touch `data` until it wakes the job; NULL: it never sleeps */
        void (*done)(gpointer data); /* main, once; the handle is gone */
        void (*drop)(
                gpointer data); /* main, once, instead of done: it was cancelled and no turn runs any more */
        gpointer data;
} TbJobOptions;

TbJobs *tb_jobs_new(void);
/* No turn begins any more; waits for those under way. Owners have cancelled their jobs. */
void tb_jobs_stop(TbJobs *jobs);
void tb_jobs_free(TbJobs *jobs); /* after stop, and after what that posted was run */
/* NULL with TB_ERROR_LIMIT (who fills it) or TB_ERROR_UNAVAILABLE (no thread): nothing was started, `data` stays the
 * caller's. The handle is valid until done or cancel. */
TbJob *tb_jobs_start(TbJobs *jobs, const TbJobOptions *options, GError **error);
/* Has a job's thread free what a job has made, which may be much: main must not. After tb_jobs_stop() tb_jobs_free() does. */
void tb_jobs_destroy(TbJobs *jobs, GDestroyNotify destroy, gpointer data_take);
void tb_job_wake(TbJob *job); /* after slept */
/* `slept` and `done` do not come any more; `drop` comes, from here or later. */
void tb_job_cancel(TbJob *job);
