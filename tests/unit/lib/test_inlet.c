/* Inlets: the ceiling and its room, fairness between a flood and others, hold; jobs: shares, turns, sleep, cancel. */
#include <poll.h>

#include "lib/error.h"
#include "lib/inlet.h"
#include "lib/job.h"
#include "lib/limits.h"
#include "lib/thread.h"
#include "tests/unit/clock.h"

static guint delivered, from_other;

static void take(gpointer data)
{
        delivered++;
        if (data)
                from_other++;
}

static bool has_room(TbInlet *inlet)
{
        struct pollfd p = {.fd = tb_inlet_room_fd(inlet), .events = POLLIN};
        bool room = poll(&p, 1, 0) > 0;
        g_assert_cmpint(room, ==, !tb_inlet_full(inlet));
        return room;
}

static void run_until(const guint *n, guint wanted)
{
        while (*n < wanted)
                g_main_context_iteration(NULL, TRUE);
}

static void test_ceiling(void)
{
        TbInlet *inlet = tb_inlet_new(1000, NULL);
        delivered = 0;
        for (guint i = 0; i < 10; i++)
                g_assert_true(tb_inlet_post(inlet, 100, take, NULL));
        g_assert_true(has_room(inlet)); /* the ceiling itself */
        g_assert_true(tb_inlet_post(inlet, 1, take, NULL));
        g_assert_false(has_room(inlet)); /* and one more byte */
        run_until(&delivered, 11);
        g_assert_true(has_room(inlet));
        tb_inlet_hold(inlet, true);
        g_assert_false(has_room(inlet));
        g_assert_true(tb_inlet_post(inlet, 1, take, NULL));
        run_until(&delivered, 12); /* what was told comes all the same */
        g_assert_false(has_room(inlet));
        tb_inlet_hold(inlet, false);
        g_assert_true(has_room(inlet));
        g_assert_true(tb_inlet_post(inlet, 1, take, NULL));
        tb_inlet_free(inlet); /* what is queued still runs */
        run_until(&delivered, 13);
}

/* A million posts of one inlet: another one's comes after a slice of them. */
static void test_fair(void)
{
        TbInlet *loud = tb_inlet_new(1, NULL), *quiet = tb_inlet_new(1, NULL);
        delivered = from_other = 0;
        for (guint i = 0; i < 100000; i++)
                g_assert_true(tb_inlet_post(loud, 1, take, NULL));
        g_assert_true(tb_inlet_post(quiet, 1, take, &delivered));
        run_until(&from_other, 1);
        g_assert_cmpuint(delivered, <, 100001);
        run_until(&delivered, 100001);
        tb_inlet_free(loud);
        tb_inlet_free(quiet);
}

static gint64 cost_us;

static void take_dear(gpointer data G_GNUC_UNUSED)
{
        delivered++;
        clock_advance(cost_us);
}

/* TB_LIMIT_TURN_US: what fits into it is one turn; with a microsecond left there is one more. Then others have theirs. */
static void test_turn(void)
{
        enum { FIT = 4, ALL = 60 };
        G_STATIC_ASSERT(TB_LIMIT_TURN_US % FIT == 0);
        TbInlet *inlet = tb_inlet_new(1, NULL);
        for (guint left = 0; left <= 1; left++) {
                delivered = 0;
                for (guint i = 0; i < ALL; i++)
                        g_assert_true(tb_inlet_post(inlet, 1, take_dear, NULL));
                clock_stop(0);
                cost_us = TB_LIMIT_TURN_US / FIT - left;
                while (delivered < ALL) {
                        guint before = delivered;
                        g_main_context_iteration(NULL, TRUE);
                        if (delivered > before)
                                g_assert_cmpuint(delivered - before, ==, FIT + left);
                }
                clock_go();
        }
        tb_inlet_free(inlet);
}

typedef struct Work {
        TbJob *job;
        gint turns; /* atomic */
        gint sleep; /* atomic */
        guint slept, done, dropped;
} Work;

static TbJobTurn turn(gpointer data, gint64 until_us G_GNUC_UNUSED)
{
        Work *w = data;
        g_atomic_int_inc(&w->turns);
        if (g_atomic_int_compare_and_exchange(&w->sleep, 1, 0))
                return TB_JOB_SLEEP;
        return g_atomic_int_get(&w->turns) >= 3 ? TB_JOB_DONE : TB_JOB_AGAIN;
}

static TbJobTurn never_done(gpointer data, gint64 until_us G_GNUC_UNUSED)
{
        g_atomic_int_inc(&((Work *)data)->turns);
        return TB_JOB_AGAIN;
}

static void on_slept(gpointer data)
{
        ((Work *)data)->slept++;
}

static void on_done(gpointer data)
{
        ((Work *)data)->done++;
}

static void on_drop(gpointer data)
{
        ((Work *)data)->dropped++;
}

static TbJob *start(TbJobs *jobs, const char *user, TbJobTurn (*run)(gpointer, gint64), Work *w,
                    GError **error)
{
        TbJobOptions o = {.by = {.user = user},
                          .turn = run,
                          .slept = on_slept,
                          .done = on_done,
                          .drop = on_drop,
                          .data = w};
        return w->job = tb_jobs_start(jobs, &o, error);
}

#define OF_USER (TB_LIMIT_JOBS / 2)

static void test_jobs(void)
{
        TbJobs *jobs = tb_jobs_new();
        Work endless[OF_USER + 1] = {0}, mine = {.sleep = 1};
        g_autoptr(GError) error = NULL;
        for (guint i = 0; i < OF_USER; i++)
                g_assert_nonnull(start(jobs, "eve", never_done, &endless[i], &error));
        g_assert_null(start(jobs, "eve", never_done, &endless[OF_USER], &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        g_clear_error(&error);
        g_assert_nonnull(start(jobs, "bob", turn, &mine, &error)); /* others go on, and have turns */
        run_until(&mine.slept, 1);
        tb_job_wake(mine.job);
        run_until(&mine.done, 1);
        g_assert_cmpuint(mine.dropped, ==, 0);
        for (guint i = 0; i < OF_USER; i++)
                tb_job_cancel(endless[i].job);
        for (guint i = 0; i < OF_USER; i++)
                run_until(&endless[i].dropped, 1);
        tb_jobs_stop(jobs);
        g_assert_null(start(jobs, "bob", turn, &mine, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        tb_jobs_free(jobs);
}

static gint at_once, most_at_once; /* atomic: turns under way */

/* Takes all of its turn, and is glad of more. */
static TbJobTurn long_turn(gpointer data G_GNUC_UNUSED, gint64 until_us)
{
        gint now = g_atomic_int_add(&at_once, 1) + 1, most = g_atomic_int_get(&most_at_once);
        while (now > most && !g_atomic_int_compare_and_exchange(&most_at_once, most, now))
                most = g_atomic_int_get(&most_at_once);
        g_assert_cmpint(until_us - g_get_monotonic_time(), <=, TB_LIMIT_JOB_TURN_US);
        while (g_get_monotonic_time() < until_us)
                ;
        g_atomic_int_add(&at_once, -1);
        return TB_JOB_AGAIN;
}

/* TB_LIMIT_JOBS of all users, in TB_LIMIT_JOB_THREADS threads: one more is refused until one has ended. */
static void test_all_jobs(void)
{
        TbJobs *jobs = tb_jobs_new();
        Work all[TB_LIMIT_JOBS] = {0}, more = {0};
        g_autoptr(GError) error = NULL;
        for (guint i = 0; i < TB_LIMIT_JOBS; i++) {
                g_autofree char *user = g_strdup_printf("user%u", i / OF_USER);
                g_assert_nonnull(start(jobs, user, long_turn, &all[i], &error));
        }
        g_assert_null(start(jobs, "late", turn, &more, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        g_clear_error(&error);
        tb_job_cancel(all[0].job);
        run_until(&all[0].dropped, 1);
        g_assert_nonnull(start(jobs, "late", turn, &more, &error));
        run_until(&more.done, 1);
        for (guint i = 1; i < TB_LIMIT_JOBS; i++)
                tb_job_cancel(all[i].job);
        for (guint i = 1; i < TB_LIMIT_JOBS; i++)
                run_until(&all[i].dropped, 1);
        g_assert_cmpint(g_atomic_int_get(&most_at_once), ==, TB_LIMIT_JOB_THREADS);
        tb_jobs_stop(jobs);
        tb_jobs_free(jobs);
}

static gint begun, most_begun; /* atomic: jobs that have begun and not ended */

static TbJobTurn short_job(gpointer data, gint64 until_us G_GNUC_UNUSED)
{
        Work *w = data;
        gint turns = g_atomic_int_add(&w->turns, 1) + 1;
        if (turns == 1) {
                gint now = g_atomic_int_add(&begun, 1) + 1, most = g_atomic_int_get(&most_begun);
                while (now > most && !g_atomic_int_compare_and_exchange(&most_begun, most, now))
                        most = g_atomic_int_get(&most_begun);
        }
        if (turns < TB_LIMIT_JOB_TURNS)
                return TB_JOB_AGAIN;
        g_atomic_int_add(&begun, -1);
        return TB_JOB_DONE;
}

/* Of one user's jobs those that have begun end before others begin: what is half done is memory, and an answer too late. */
static void test_one_after_the_other(void)
{
        TbJobs *jobs = tb_jobs_new();
        Work work[40] = {0}, endless = {0};
        g_assert_nonnull(
                start(jobs, "eve", never_done, &endless, NULL)); /* makes way when it has shown what it is */
        for (guint i = 0; i < G_N_ELEMENTS(work); i++)
                g_assert_nonnull(start(jobs, "eve", short_job, &work[i], NULL));
        for (guint i = 0; i < G_N_ELEMENTS(work); i++)
                run_until(&work[i].done, 1);
        g_assert_cmpint(g_atomic_int_get(&most_begun), <=, TB_LIMIT_JOB_THREADS);
        tb_job_cancel(endless.job);
        run_until(&endless.dropped, 1);
        tb_jobs_stop(jobs);
        tb_jobs_free(jobs);
}

static gint destroyed, destroyed_on_main; /* atomic */

static void note_destroyed(gpointer data)
{
        g_atomic_int_inc(tb_is_main() ? &destroyed_on_main : &destroyed);
        g_free(data);
}

static void test_destroy(void)
{
        TbJobs *jobs = tb_jobs_new();
        Work w = {0};
        tb_jobs_destroy(jobs, note_destroyed, g_malloc(1)); /* there is no thread yet: it waits for one */
        g_assert_nonnull(start(jobs, "eve", turn, &w, NULL));
        tb_jobs_destroy(jobs, note_destroyed, g_malloc(1));
        run_until(&w.done, 1);
        tb_jobs_stop(jobs);
        g_assert_cmpint(g_atomic_int_get(&destroyed), ==, 2);
        tb_jobs_destroy(jobs, note_destroyed, g_malloc(1));
        tb_jobs_free(jobs);
        g_assert_cmpint(g_atomic_int_get(&destroyed_on_main), ==, 1);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/inlet/ceiling", test_ceiling);
        g_test_add_func("/inlet/fair", test_fair);
        g_test_add_func("/inlet/turn", test_turn);
        g_test_add_func("/jobs", test_jobs);
        g_test_add_func("/jobs/all", test_all_jobs);
        g_test_add_func("/jobs/one-after-the-other", test_one_after_the_other);
        g_test_add_func("/jobs/destroy", test_destroy);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
