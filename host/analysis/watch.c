#include "host/analysis/watch.h"

#include "host/analysis/analysers.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/log.h"

struct TbAnalysisThread {
        TbQueue *queue;   /* owned; of Job */
        TbThread *thread; /* owned; NULL until the first picture */
        bool told;        /* in the log, that there is none */
};

struct TbAnalysisWatch {
        guint ref;                        /* itself, and the job that is under way */
        TbCore *core;                     /* borrowed; NULL: it was freed, the job's answer is nobody's */
        TbAnalysisThread *thread;         /* borrowed */
        char *device, *interface, *video; /* owned; interface: of analysis:// */
        TbHub *hub;                       /* ref */
        TbHubSink *sink;                  /* owned */
        guint timer;
        TbMutex lock;
        TbFrame *newest; /* ref; NULL: none since the last look; protected by lock */
        bool busy;       /* a job has the picture */
        int threshold, inset[4];
        TbGreyReader *reader; /* owned; of the job while it is under way */
        TbGrey pictures[2];   /* the last one and the one before; the job writes the one that is not `last` */
        int last;             /* -1: none yet */
        gint64 changed_ms;    /* monotonic; 0: never */
};

typedef struct Job {
        TbAnalysisWatch *watch; /* ref */
        TbFrame *frame;         /* ref */
        bool ok;
} Job;

static void watch_unref(TbAnalysisWatch *w)
{
        if (--w->ref > 0)
                return;
        tb_grey_reader_free(w->reader);
        tb_frame_unref(w->newest);
        tb_mutex_clear(&w->lock);
        tb_hub_unref(w->hub);
        g_free(w->device);
        g_free(w->interface);
        g_free(w->video);
        g_free(w);
}

/* --- what was seen --- */
static void tell(TbAnalysisWatch *w, const TbGrey *before, const TbGrey *now)
{
        TbInterface *iface = tb_core_interface(w->core, w->device, w->interface, NULL);
        if (!iface)
                return;
        TbLook look = {.threshold = w->threshold, .now_ms = tb_clock_mono_ms(), .before = before, .now = now};
        tb_look_area(&look, w->inset);
        if (!w->changed_ms || tb_look_changed(&look))
                w->changed_ms = look.now_ms;
        look.changed_ms = w->changed_ms;
        for (const TbAnalyser *a = tb_analysers; a->name; a++) {
                g_autofree char *stream = g_strdup_printf("%s.%s", w->video, a->name);
                if (!tb_core_wanted(w->core, w->device, w->interface, stream, false))
                        continue;
                tb_interface_measured(iface, &(TbSample){.stream = stream,
                                                         .quantity = a->quantity,
                                                         .unit = a->unit,
                                                         .value = a->measure(&look),
                                                         .t_ms = tb_clock_ms()});
        }
}

/* --- pictures --- */
static void finish(gpointer data)
{
        Job *job = data;
        TbAnalysisWatch *w = job->watch;
        w->busy = false;
        if (job->ok && w->core) {
                const TbGrey *before = w->last >= 0 ? &w->pictures[w->last] : NULL;
                w->last = w->last == 0 ? 1 : 0;
                tell(w, before, &w->pictures[w->last]);
        }
        watch_unref(w);
        tb_frame_unref(job->frame);
        g_free(job);
}

static void run(gpointer data)
{
        TbAnalysisThread *t = data;
        tb_thread_yield_to_others();
        for (Job *job; (job = tb_queue_take(t->queue, -1));) {
                TbAnalysisWatch *w = job->watch;
                job->ok = tb_grey_read(w->reader, job->frame, &w->pictures[w->last == 0 ? 1 : 0]);
                if (!tb_main_post(finish, job))
                        finish(job); /* the main loop has ended, and main waits for us */
        }
}

TbAnalysisThread *tb_analysis_thread_new(void)
{
        TbAnalysisThread *t = g_new0(TbAnalysisThread, 1);
        t->queue = tb_queue_new(TB_LIMIT_DEVICES, finish);
        return t;
}

void tb_analysis_thread_free(TbAnalysisThread *t)
{
        tb_queue_close(t->queue);
        tb_thread_join(t->thread);
        tb_queue_free(t->queue);
        g_free(t);
}

/* Out of threads: this picture is left out, the next one tries again. */
static bool have_thread(TbAnalysisThread *t)
{
        if (t->thread)
                return true;
        g_autoptr(GError) error = NULL;
        t->thread = tb_thread_try_start("tb-analysis", run, t, &error);
        if (!t->thread && !t->told)
                tb_log(TB_LOG_ERROR, TB_F(), "screens are not analysed until a thread can be had: %s",
                       error->message);
        t->told = !t->thread;
        return t->thread != NULL;
}

static void look_at(TbAnalysisWatch *w, TbFrame *frame_take)
{
        Job *job = g_new(Job, 1);
        *job = (Job){w, frame_take, false};
        if (have_thread(w->thread) && tb_queue_push(w->thread->queue, job)) {
                w->ref++;
                w->busy = true;
                return;
        }
        tb_frame_unref(frame_take);
        g_free(job);
}

static gboolean on_tick(gpointer data)
{
        TbAnalysisWatch *w = data;
        if (w->busy)
                return G_SOURCE_CONTINUE;
        bool live = tb_hub_state(w->hub) == TB_HUB_LIVE;
        tb_mutex_lock(&w->lock);
        TbFrame *frame = g_steal_pointer(&w->newest);
        tb_mutex_unlock(&w->lock);
        if (!live) { /* no picture is no standstill: nothing is told, and what comes then is the first one */
                tb_frame_unref(frame);
                w->last = -1;
                w->changed_ms = 0;
        } else if (frame) {
                look_at(w, frame);
        } else if (w->last >= 0) { /* sources that know what changes send nothing while nothing does */
                tell(w, &w->pictures[w->last], &w->pictures[w->last]);
        }
        return G_SOURCE_CONTINUE;
}

/* The pushing thread, with the hub's lock held. */
static void on_frame(void *data, TbFrame *frame)
{
        TbAnalysisWatch *w = data;
        tb_mutex_lock(&w->lock);
        TbFrame *old = w->newest;
        w->newest = tb_frame_ref(frame);
        tb_mutex_unlock(&w->lock);
        tb_frame_unref(old);
}

/* --- life --- */
static int number(TbInterface *iface, const char *name)
{
        return (int)json_integer_value(tb_interface_param(iface, name));
}

/* Borrowed; NULL: there is none. */
static TbHub *hub_of(TbMedia *media, TbInterface *iface)
{
        TbDevice *device = tb_interface_device(iface);
        const char *video = json_string_value(tb_interface_param(iface, "video"));
        TbInterface *first = video ? NULL : tb_device_interface_of(device, TB_KIND_VIDEO);
        if (!video && !first)
                return NULL;
        return tb_media_find_hub(media, tb_device_id(device), video ? video : tb_interface_name(first), NULL);
}

TbAnalysisWatch *tb_analysis_watch_new(TbCore *core, TbMedia *media, TbAnalysisThread *thread,
                                       TbInterface *iface)
{
        static const char *const insets[] = {"inset_left", "inset_top", "inset_right", "inset_bottom"};
        TbHub *hub = hub_of(media, iface);
        if (!hub)
                return NULL;
        TbAnalysisWatch *w = g_new0(TbAnalysisWatch, 1);
        w->ref = 1;
        w->core = core;
        w->thread = thread;
        w->device = g_strdup(tb_device_id(tb_interface_device(iface)));
        w->interface = g_strdup(tb_interface_name(iface));
        w->video = g_strdup(tb_hub_interface(hub));
        w->hub = tb_hub_ref(hub);
        tb_mutex_init(&w->lock);
        w->last = -1;
        w->threshold = number(iface, "threshold");
        for (guint i = 0; i < G_N_ELEMENTS(insets); i++)
                w->inset[i] = number(iface, insets[i]);
        w->reader = tb_grey_reader_new();
        w->sink = tb_hub_add_watch(hub, on_frame, w);
        w->timer = g_timeout_add((guint)number(iface, "interval_ms"), on_tick, w);
        return w;
}

bool tb_analysis_watch_stale(const TbAnalysisWatch *w, TbMedia *media, TbInterface *iface)
{
        return !iface || hub_of(media, iface) != w->hub;
}

void tb_analysis_watch_free(TbAnalysisWatch *w)
{
        g_source_remove(w->timer);
        tb_hub_remove_sink(w->sink);
        w->core = NULL;
        watch_unref(w);
}
