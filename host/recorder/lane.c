#include "host/recorder/lane.h"

#include "lib/limits.h"
#include "lib/thread.h"

typedef struct Work {
        TbLaneWork run;
        gpointer data;
} Work;

struct TbLane {
        TbThread *thread;
        TbQueue *queue;
        void (*tick)(gpointer data);
        guint tick_ms;
        gpointer data;
        gint closed; /* atomic */
};

static void run(gpointer data)
{
        TbLane *lane = data;
        gint64 due_us = g_get_monotonic_time();
        for (;;) {
                Work *work = tb_queue_take(lane->queue, lane->tick ? due_us : -1);
                bool over = !work && g_atomic_int_get(&lane->closed);
                if (work) {
                        work->run(work->data);
                        g_free(work);
                }
                gint64 now_us = g_get_monotonic_time();
                if (lane->tick && (over || now_us >= due_us)) {
                        lane->tick(lane->data);
                        due_us = g_get_monotonic_time() + (gint64)lane->tick_ms * 1000;
                }
                if (over)
                        return;
        }
}

TbLane *tb_lane_new(const char *name, void (*tick)(gpointer data), guint tick_ms, gpointer data,
                    GError **error)
{
        TbLane *lane = g_new0(TbLane, 1);
        lane->tick = tick;
        lane->tick_ms = tick_ms;
        lane->data = data;
        lane->queue = tb_queue_new(TB_LIMIT_RECORD_JOBS, g_free);
        lane->thread = tb_thread_try_start(name, run, lane, error);
        if (lane->thread)
                return lane;
        tb_queue_free(lane->queue);
        g_free(lane);
        return NULL;
}

bool tb_lane_run(TbLane *lane, TbLaneWork work, gpointer data)
{
        Work *w = g_new(Work, 1);
        *w = (Work){work, data};
        if (tb_queue_push(lane->queue, w))
                return true;
        g_free(w);
        return false;
}

void tb_lane_free(TbLane *lane)
{
        if (!lane)
                return;
        g_atomic_int_set(&lane->closed, 1);
        tb_queue_close(lane->queue);
        tb_thread_join(lane->thread);
        tb_queue_free(lane->queue);
        g_free(lane);
}
