#include "lib/job.h"

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

typedef struct User {
        char *name;   /* owned */
        GQueue ready; /* of TbJob that wait for a turn */
        guint jobs;   /* of this user */
} User;

struct TbJob {
        TbJobs *jobs; /* borrowed */
        TbJobOptions o;
        TbPlace place;
        User *user; /* borrowed */
        /* protected by lock */
        guint turns; /* that it has had without sleeping */
        bool running;
        bool posted; /* main is to look at it */
        bool done;
        bool cancelled;
};

typedef struct Rest {
        GDestroyNotify destroy;
        gpointer data;
} Rest;

struct TbJobs {
        TbMutex lock;
        TbCond changed;
        GHashTable *users; /* name -> owned User; protected by lock */
        GQueue turns;      /* of User with ready jobs, each once; protected by lock */
        GQueue rests;      /* of owned Rests: protected by lock */
        TbPlaces places;   /* main */
        bool closing;      /* protected by lock */
        TbThread *threads[TB_LIMIT_JOB_THREADS];
        guint n_threads;
};

static void user_free(gpointer data)
{
        User *user = data;
        g_free(user->name);
        g_free(user);
}

TbJobs *tb_jobs_new(void)
{
        TbJobs *jobs = g_new0(TbJobs, 1);
        tb_mutex_init(&jobs->lock);
        tb_cond_init(&jobs->changed);
        tb_places_init(&jobs->places, "searches", TB_LIMIT_JOBS);
        jobs->users = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, user_free);
        return jobs;
}

/* Lock held. Of one user's jobs the one that has begun goes on, so that some end in time and not all of them late; one
 * that turns out to be long waits behind the others. */
static void make_ready(TbJob *job)
{
        User *user = job->user;
        if (user->ready.length == 0)
                g_queue_push_tail(&job->jobs->turns, user);
        if (job->turns > 0 && job->turns < TB_LIMIT_JOB_TURNS)
                g_queue_push_head(&user->ready, job);
        else
                g_queue_push_tail(&user->ready, job);
        tb_cond_signal(&job->jobs->changed);
}

/* Lock held. The next job of the user whose turn it is. */
static TbJob *take(TbJobs *jobs)
{
        User *user = g_queue_pop_head(&jobs->turns);
        if (!user)
                return NULL;
        TbJob *job = g_queue_pop_head(&user->ready);
        if (user->ready.length > 0)
                g_queue_push_tail(&jobs->turns, user);
        return job;
}

/* Main, lock held: the job leaves the books. */
static void forget(TbJob *job)
{
        TbJobs *jobs = job->jobs;
        tb_place_give(&job->place);
        if (--job->user->jobs == 0)
                g_hash_table_remove(jobs->users, job->user->name);
}

/* Main: after a turn that left nothing to do. */
static void arrive(gpointer data)
{
        TbJob *job = data;
        tb_mutex_lock(&job->jobs->lock);
        job->posted = false;
        bool cancelled = job->cancelled, over = cancelled || job->done;
        if (over)
                forget(job);
        tb_mutex_unlock(&job->jobs->lock);
        void (*call)(gpointer) = cancelled ? job->o.drop : over ? job->o.done : job->o.slept;
        gpointer user = job->o.data;
        if (over)
                g_free(job);
        call(user);
}

/* Lock held; released while the turn runs. */
static void one_turn(TbJobs *jobs, TbJob *job)
{
        job->running = true;
        bool skip = job->cancelled || jobs->closing;
        tb_mutex_unlock(&jobs->lock);
        TbJobTurn turn =
                skip ? TB_JOB_DONE : job->o.turn(job->o.data, g_get_monotonic_time() + TB_LIMIT_JOB_TURN_US);
        tb_mutex_lock(&jobs->lock);
        job->running = false;
        job->turns = turn == TB_JOB_AGAIN ? job->turns + 1 : 0;
        if (turn == TB_JOB_AGAIN && !job->cancelled) {
                make_ready(job);
                return;
        }
        job->done = turn == TB_JOB_DONE;
        job->posted = true;
        if (!tb_main_post(arrive, job))
                tb_log(TB_LOG_ERROR, TB_F(),
                       "a job ended after the main loop: its owner was not stopped in order");
}

/* Lock held; released meanwhile. */
static void one_rest(TbJobs *jobs, Rest *rest)
{
        tb_mutex_unlock(&jobs->lock);
        rest->destroy(rest->data);
        g_free(rest);
        tb_mutex_lock(&jobs->lock);
}

static void run(gpointer data)
{
        TbJobs *jobs = data;
        tb_thread_yield_to_others();
        tb_mutex_lock(&jobs->lock);
        for (;;) {
                Rest *rest = g_queue_pop_head(&jobs->rests);
                if (rest) {
                        one_rest(jobs, rest);
                        continue;
                }
                TbJob *job = take(jobs);
                if (!job && jobs->closing)
                        break;
                if (!job) {
                        tb_cond_wait_until(&jobs->changed, &jobs->lock, -1);
                        continue;
                }
                one_turn(jobs, job);
        }
        tb_mutex_unlock(&jobs->lock);
}

static bool have_threads(TbJobs *jobs, GError **error)
{
        while (jobs->n_threads < TB_LIMIT_JOB_THREADS) {
                TbThread *thread = tb_thread_try_start("job", run, jobs, jobs->n_threads > 0 ? NULL : error);
                if (!thread)
                        return jobs->n_threads > 0; /* slower, and tried again by the next one */
                jobs->threads[jobs->n_threads++] = thread;
        }
        return true;
}

/* Lock held. Turns go by who has the place; the host's own work is one of them. */
static User *user_of(TbJobs *jobs, const TbPlace *place)
{
        const char *name = place->key ? place->key : "";
        User *user = g_hash_table_lookup(jobs->users, name);
        if (!user) {
                user = g_new0(User, 1);
                user->name = g_strdup(name);
                g_hash_table_insert(jobs->users, user->name, user);
        }
        user->jobs++;
        return user;
}

TbJob *tb_jobs_start(TbJobs *jobs, const TbJobOptions *options, GError **error)
{
        tb_assert_main();
        TbPlace place;
        if (jobs->closing) { /* main has written it */
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the host is stopping");
                return NULL;
        }
        if (!have_threads(jobs, error) || !tb_place_take(&jobs->places, &options->by, &place, error))
                return NULL;
        TbJob *job = g_new0(TbJob, 1);
        job->jobs = jobs;
        job->o = *options;
        job->o.by = (TbPlaceBy){0}; /* its names are the caller's */
        job->place = place;
        tb_mutex_lock(&jobs->lock);
        job->user = user_of(jobs, &place);
        make_ready(job);
        tb_mutex_unlock(&jobs->lock);
        return job;
}

void tb_job_wake(TbJob *job)
{
        tb_assert_main();
        tb_mutex_lock(&job->jobs->lock);
        g_assert(!job->running && !job->posted && !job->done);
        make_ready(job);
        tb_mutex_unlock(&job->jobs->lock);
}

void tb_job_cancel(TbJob *job)
{
        tb_assert_main();
        TbJobs *jobs = job->jobs;
        tb_mutex_lock(&jobs->lock);
        job->cancelled = true;
        bool idle = !job->running && !job->posted;
        if (idle) {
                g_queue_remove(&job->user->ready, job);
                if (job->user->ready.length == 0)
                        g_queue_remove(&jobs->turns, job->user);
                forget(job);
        }
        tb_mutex_unlock(&jobs->lock);
        if (!idle)
                return; /* arrive() drops it */
        job->o.drop(job->o.data);
        g_free(job);
}

void tb_jobs_destroy(TbJobs *jobs, GDestroyNotify destroy, gpointer data_take)
{
        tb_assert_main();
        Rest *rest = g_new(Rest, 1);
        *rest = (Rest){destroy, data_take};
        tb_mutex_lock(&jobs->lock);
        g_queue_push_tail(&jobs->rests, rest);
        tb_cond_signal(&jobs->changed);
        tb_mutex_unlock(&jobs->lock);
}

void tb_jobs_stop(TbJobs *jobs)
{
        tb_assert_main();
        tb_mutex_lock(&jobs->lock);
        jobs->closing = true;
        tb_cond_broadcast(&jobs->changed);
        tb_mutex_unlock(&jobs->lock);
        for (guint i = 0; i < jobs->n_threads; i++)
                tb_thread_join(jobs->threads[i]);
        jobs->n_threads = 0;
}

void tb_jobs_free(TbJobs *jobs)
{
        if (!jobs)
                return;
        tb_jobs_stop(jobs);
        g_assert(jobs->places.all == 0); /* their owners cancelled them, and main ran what that posted */
        for (Rest *rest; (rest = g_queue_pop_head(&jobs->rests));) { /* what came after the threads */
                rest->destroy(rest->data);
                g_free(rest);
        }
        tb_places_clear(&jobs->places);
        g_hash_table_unref(jobs->users);
        tb_cond_clear(&jobs->changed);
        tb_mutex_clear(&jobs->lock);
        g_free(jobs);
}
