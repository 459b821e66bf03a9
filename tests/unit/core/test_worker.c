/* A lane whose threads and descriptors cannot be had; one that tells without end; one that fails to sample. */
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "drivers/transport/io.h"
#include "host/core/lanes/worker.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"

typedef struct Seen {
        TbState state;
        char *reason;
        guint64 bytes, samples;
        double last;
        guint failures, recoveries, states;
        bool ended;
} Seen;

static void on_state(gpointer owner, TbState state, const char *reason)
{
        Seen *seen = owner;
        seen->state = state;
        seen->states++;
        g_free(seen->reason);
        seen->reason = g_strdup(reason);
}

static void on_bytes(gpointer owner, const guint8 *data G_GNUC_UNUSED, gsize size)
{
        ((Seen *)owner)->bytes += size;
}

static void on_sample(gpointer owner, const TbSample *sample)
{
        ((Seen *)owner)->samples++;
        ((Seen *)owner)->last = sample->value;
}

static void on_sampling(gpointer owner, const char *reason)
{
        Seen *seen = owner;
        seen->failures += reason != NULL;
        seen->recoveries += reason == NULL;
}

static void on_ended(gpointer data)
{
        ((Seen *)data)->ended = true;
}

static const TbWorkerOps ops = {
        .state = on_state, .bytes = on_bytes, .sample = on_sample, .sampling = on_sampling};

static TbWorker *worker_of(const TbLane *lane, Seen *seen, int sample_ms)
{
        static const TbDriver driver = {.name = "loud"};
        return tb_worker_new(&(TbWorkerOptions){.driver = &driver,
                                                .lane = lane,
                                                .device = "dut",
                                                .run_dir = "/nowhere",
                                                .sample_ms = sample_ms,
                                                .ops = &ops,
                                                .owner = seen,
                                                .ended = on_ended,
                                                .ended_data = seen});
}

#define UNTIL(condition)                                                                                     \
        while (!(condition))                                                                                 \
        g_main_context_iteration(NULL, TRUE)

static void end(TbWorker *worker, Seen *seen)
{
        tb_worker_release(worker);
        UNTIL(seen->ended);
        g_free(seen->reason);
}

/* --- */
static const TbLane plain = {.name = "main", .size = sizeof(TbInstance)};
static const TbLane parallel = {.name = "many", .size = sizeof(TbInstance), .parallel = 3};

static void test_no_descriptors(gconstpointer data)
{
        Seen seen = {0}, other = {0};
        struct rlimit old, few;
        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
        int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
        close(next);
        few = old;
        few.rlim_cur = (rlim_t)next + 2; /* not all that it needs */
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
        TbWorker *worker = worker_of(data, &seen, 0), *never = worker_of(data, &other, 0);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old), ==, 0);
        g_assert_cmpint(seen.state, ==, TB_STATE_FAULT);
        g_assert_nonnull(strstr(seen.reason, "descriptor"));
        TbCall call = {.user = "bob"};
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_worker_call(worker, &call, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        end(never, &other); /* one that never came to anything */
        UNTIL(seen.state == TB_STATE_READY);
        end(worker, &seen);
}

/* --- a lane that tells without end --- */
static gint told; /* atomic: KiB */

static bool loud_pump(TbInstance *self, TbIo *io, GError **error G_GNUC_UNUSED)
{
        static const guint8 block[1024];
        while (tb_io_wait(io, NULL, 0, 0) == TB_WAIT_TIMEOUT) {
                self->up->bytes(self, block, sizeof block);
                self->up->sample(
                        self,
                        &(TbSample){.stream = "n", .unit = "1", .value = g_atomic_int_add(&told, 1) + 1});
        }
        return true;
}

static gint ran; /* atomic */

static bool call_exec(TbCall *call G_GNUC_UNUSED, TbInstance *instance G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED,
                      GError **error G_GNUC_UNUSED)
{
        g_atomic_int_inc(&ran);
        return true;
}

static guint answered;

static void call_done(TbCall *call)
{
        g_assert_no_error(call->error);
        answered++;
}

static const TbLane loud = {.name = "loud", .size = sizeof(TbInstance), .pump = loud_pump};

/* What another thread does has no event here: looked at again. */
static void look_later(int ms)
{
        TbIo io;
        tb_io_init_plain(&io);
        tb_io_wait(&io, NULL, 0, ms);
        tb_io_clear_plain(&io);
}

/* Until a lane that waits for room tells no more: main does not look meanwhile. */
static int settled(void)
{
        int before = -1, now;
        while ((now = g_atomic_int_get(&told)) != before || now == 0) {
                before = now;
                look_later(50);
        }
        return now;
}

static void test_flood(void)
{
        Seen seen = {0};
        TbWorker *worker = worker_of(&loud, &seen, 0);
        int kib = settled();
        g_assert_cmpint(kib, <=, TB_LIMIT_LANE_BYTES / 1024 + 8);
        TbCall call = {.exec = call_exec, .done = call_done, .deadline_us = G_MAXINT64, .user = "bob"};
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_worker_call(worker, &call, &error));
        while (g_atomic_int_get(&ran) == 0)
                look_later(1); /* it is taken though the lane waits, and main looks at nothing */
        UNTIL(answered == 1);
        UNTIL(seen.bytes > 16 * TB_LIMIT_LANE_BYTES);
        g_assert_cmpuint(seen.bytes / 1024, <=, (guint64)g_atomic_int_get(&told) + 1);
        tb_worker_hold(worker, true); /* the sink is behind: no more comes than was under way */
        guint64 at = seen.bytes;
        int held = settled();
        for (int i = 0; i < 100; i++)
                g_main_context_iteration(NULL, FALSE);
        g_assert_cmpuint(seen.bytes - at, <=, 2 * TB_LIMIT_LANE_BYTES);
        g_assert_cmpint(settled(), <=, held + 8);
        tb_worker_hold(worker, false);
        UNTIL(seen.bytes > at + 4 * TB_LIMIT_LANE_BYTES);
        tb_worker_hold(worker, true);
        end(worker, &seen); /* a lane that waits ends at once */
}

/* --- samples that fail --- */
static gint sick = 1; /* atomic */

static bool sample(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        if (g_atomic_int_get(&sick)) {
                tb_set_error(error, TB_ERROR_DEVICE, "boom");
                return false;
        }
        self->up->sample(self, &(TbSample){.stream = "n", .unit = "1", .value = 1});
        return true;
}

static const TbLane sensor = {
        .name = "sensor", .size = sizeof(TbInstance), .sensors = &(const TbSensorOps){.sample = sample}};

static void test_sampling(void)
{
        Seen seen = {0};
        TbWorker *worker = worker_of(&sensor, &seen, 20);
        UNTIL(seen.failures >= 2);
        g_assert_cmpuint(seen.recoveries, ==, 0);
        g_atomic_int_set(&sick, 0);
        UNTIL(seen.samples >= 3);
        g_assert_cmpuint(seen.recoveries, ==, 1); /* told once */
        end(worker, &seen);
}

static gint opens_of[2]; /* atomic: how often each lane was tried */

static bool open_nothing(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        g_atomic_int_inc(&opens_of[self->lane->retry_ms > 0]);
        tb_set_error(error, TB_ERROR_GONE, "there is nothing");
        return false;
}

/* A lane that says so is looked for more often than the others, whose pauses go on growing. */
static void test_retry(void)
{
        static const TbLane patient = {.name = "patient", .size = sizeof(TbInstance), .open = open_nothing},
                            eager = {.name = "eager",
                                     .size = sizeof(TbInstance),
                                     .open = open_nothing,
                                     .retry_ms = TB_LIMIT_DISPLAY_RETRY_MS / 4};
        Seen seen[2] = {0};
        TbWorker *workers[] = {worker_of(&patient, &seen[0], 0), worker_of(&eager, &seen[1], 0)};
        UNTIL(g_atomic_int_get(&opens_of[0]) >= 5); /* 250 + 500 + 1000 + 2000 ms */
        g_assert_cmpint(g_atomic_int_get(&opens_of[1]), >=, 8);
        for (int i = 0; i < 2; i++)
                end(workers[i], &seen[i]);
}

static gint changes; /* atomic: left to tell */

static bool pump_mood(TbInstance *self, TbIo *io, GError **error G_GNUC_UNUSED)
{
        if (g_atomic_int_get(&changes) == 0)
                return tb_io_wait(io, NULL, 0, -1), true;
        self->up->fault(self, g_atomic_int_get(&changes) % 2 ? "noise" : NULL);
        g_atomic_int_add(&changes, -1);
        return true;
}

/* What opens and breaks at once is opened again more and more rarely: else it is four times a second, for ever. */
#define BREAKS 4
static gint64 broke_us[BREAKS];
static gint breaks; /* atomic */

static bool open_well(TbInstance *self G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        return true;
}

static bool break_at_once(TbInstance *self, TbIo *io, GError **error)
{
        gint n = g_atomic_int_get(&breaks);
        if (n == BREAKS) {
                tb_io_wait(io, NULL, 0, -1);
                return true;
        }
        broke_us[n] = g_get_monotonic_time();
        g_atomic_int_set(&breaks, n + 1);
        self->up->fault(self, NULL);
        tb_set_error(error, TB_ERROR_DEVICE, "it talks nonsense");
        return false;
}

static void test_breaks(void)
{
        static const TbLane lane = {
                .name = "main", .size = sizeof(TbInstance), .open = open_well, .pump = break_at_once};
        Seen seen = {0};
        TbWorker *worker = worker_of(&lane, &seen, 0);
        UNTIL(g_atomic_int_get(&breaks) == BREAKS);
        g_assert_cmpint(broke_us[3] - broke_us[2], >=, 900000); /* 250, 500, 1000 ms: never earlier */
        end(worker, &seen);
}

/* Faults that come and go with each line of a noisy sensor: some are told, and how it ended. */
static void test_moods(void)
{
        static const TbLane moody = {.name = "moody", .size = sizeof(TbInstance), .pump = pump_mood};
        Seen seen = {0};
        g_atomic_int_set(&changes, 20001);
        TbWorker *worker = worker_of(&moody, &seen, 0);
        UNTIL(g_atomic_int_get(&changes) == 0 && seen.state == TB_STATE_FAULT &&
              seen.states > TB_LIMIT_FAULTS);
        g_assert_cmpstr(seen.reason, ==, "noise");
        g_assert_cmpuint(seen.states, <, 20001 / 100);
        end(worker, &seen);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_data_func("/worker/no-descriptors", &plain, test_no_descriptors);
        g_test_add_data_func("/worker/no-descriptors-parallel", &parallel, test_no_descriptors);
        g_test_add_func("/worker/flood", test_flood);
        g_test_add_func("/worker/sampling", test_sampling);
        g_test_add_func("/worker/retry", test_retry);
        g_test_add_func("/worker/breaks", test_breaks);
        g_test_add_func("/worker/moods", test_moods);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
