#include "host/media/still/stills.h"

#include "host/media/still/picture.h"
#include "host/media/still/still.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/thread.h"

#define JOBS (TB_STILL_WAITING + 32) /* every still, and one per MJPEG group */

struct TbStills {
        TbQueue *queue;    /* owned; of Job */
        TbThread *thread;  /* owned; NULL until the first picture */
        GPtrArray *groups; /* borrowed from mjpeg.c */
        int waiting;
        bool told; /* in the log, that it has no thread */
};

typedef struct Job {
        TbFrame *frame; /* ref */
        bool png;
        int quality, width;
        GBytes *image; /* ref */
        GError *error; /* owned */
        void (*done)(void *data, GBytes *image, gint64 taken_us, const GError *error);
        void *data;
} Job;

static void finish(gpointer data)
{
        Job *job = data;
        if (!job->image && !job->error)
                tb_set_error(&job->error, TB_ERROR_UNAVAILABLE, "the host is stopping");
        job->done(job->data, job->image, tb_stills_real_time(job->frame->t_us), job->error);
        tb_frame_unref(job->frame);
        g_clear_pointer(&job->image, g_bytes_unref);
        g_clear_error(&job->error);
        g_free(job);
}

static void run(gpointer data)
{
        TbStills *stills = data;
        TbPicture *picture = tb_picture_new();
        for (Job *job; (job = tb_queue_take(stills->queue, -1));) {
                job->image = job->png ? tb_picture_png(picture, job->frame, &job->error)
                                      : tb_picture_jpeg(picture, job->frame, job->quality, job->width,
                                                        &job->error);
                if (!tb_main_post(finish, job))
                        finish(job); /* the main loop has ended and main waits for us: nobody else is in there
                                      */
        }
        tb_picture_free(picture);
}

TbStills *tb_stills_new(void)
{
        TbStills *stills = g_new0(TbStills, 1);
        stills->queue = tb_queue_new(JOBS, finish);
        stills->groups = g_ptr_array_new();
        return stills;
}

/* Whoever waits is told before this returns, as far as the main loop still takes posts; the rest by the posts
 * themselves. */
void tb_stills_free(TbStills *stills)
{
        if (!stills)
                return;
        tb_queue_close(stills->queue);
        tb_thread_join(stills->thread);
        tb_queue_free(stills->queue);
        g_ptr_array_free(stills->groups, TRUE);
        g_free(stills);
}

/* Out of threads: this picture is refused, the next one tries again. */
static bool have_thread(TbStills *stills, GError **error)
{
        if (stills->thread)
                return true;
        g_autoptr(GError) why = NULL;
        stills->thread = tb_thread_try_start("tb-stills", run, stills, &why);
        if (stills->thread)
                return true;
        if (!stills->told)
                tb_log(TB_LOG_ERROR, TB_F(), "pictures are refused until a thread can be had: %s",
                       why->message);
        stills->told = true;
        g_propagate_error(error, g_steal_pointer(&why));
        tb_error_prefix(error, "the picture cannot be compressed now: ");
        return false;
}

bool tb_stills_compress(TbStills *stills, const TbPictureJob *spec, GError **error)
{
        if (!have_thread(stills, error))
                return false;
        Job *job = g_new0(Job, 1);
        *job = (Job){.frame = tb_frame_ref(spec->frame),
                     .png = spec->png,
                     .quality = spec->quality,
                     .width = spec->width,
                     .done = spec->done,
                     .data = spec->data};
        if (tb_queue_push(stills->queue, job))
                return true;
        tb_frame_unref(job->frame);
        g_free(job);
        tb_set_error(error, TB_ERROR_LIMIT, "too many pictures are being compressed");
        return false;
}

int tb_stills_waiting(TbStills *stills, int change)
{
        return stills->waiting += change;
}

GPtrArray *tb_stills_groups(TbStills *stills)
{
        return stills->groups;
}

gint64 tb_stills_real_time(gint64 t_us)
{
        return tb_clock_us() - g_get_monotonic_time() + t_us;
}
