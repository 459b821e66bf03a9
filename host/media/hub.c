#include "host/media/hub.h"

#include <string.h>

#include "host/media/decode.h"
#include "host/media/hub_private.h"
#include "host/media/slate.h"
#include "lib/error.h"
#include "lib/log.h"

#define SLATE_WIDTH 1280 /* when the device has not shown a picture yet */
#define SLATE_HEIGHT 720
#define FIRST_FRAME_MS 1000 /* without a picture after start: a slate says that we wait */
#define FPS_WINDOW_US (2 * G_USEC_PER_SEC)

struct TbHub {
        gatomicrefcount ref;
        char *device, *interface; /* owned */
        const TbVideoSource *ops; /* static; NULL after tb_hub_retire() */
        void *source;             /* borrowed from who added the hub */

        TbMutex lock;      /* held while a picture fans out, so that a removed sink is not called any more */
        GPtrArray *sinks;  /* owned TbHubSink; protected by lock */
        TbFrame *last;     /* ref; as the source sent it; protected by lock */
        TbFrame *last_raw; /* ref; the same decoded, or the slate; NULL: not decoded yet; protected by lock */
        TbDecoder *decoder;  /* owned; protected by lock */
        bool running;        /* the source may push; protected by lock */
        bool blocked;        /* a fault that frames do not end; protected by lock */
        bool slate_on;       /* protected by lock */
        bool announced;      /* main knows that pictures come; protected by lock */
        gint64 window_us;    /* start of the counting window; protected by lock */
        guint window_frames; /* protected by lock */
        double fps;          /* of the window before; protected by lock */
        int width, height;   /* of the last picture of the device; protected by lock */

        /* main thread only */
        TbHubState state;
        char *fault; /* owned */
        bool fault_until_frame;
        guint users, viewers;
        guint slate_timer, linger_timer, retry_timer, first_timer;
        TbFramePool *pool; /* ref; slates */
        TbFrame *slate;    /* ref */
        GArray *listeners; /* of Listener */
        guint next_listener;
};

struct TbHubSink {
        TbHub *hub; /* ref */
        TbSinkFlags flags;
        void (*frame)(void *data, TbFrame *frame);
        void *data;                    /* borrowed from who added it */
        TbMailbox *box;                /* owned; NULL: called on the pushing thread */
        TbRect damage[TB_FRAME_RECTS]; /* collected since the last delivery; protected by hub->lock */
        guint n_damage;                /* protected by hub->lock */
        bool damage_all;               /* protected by hub->lock */
        bool removed, delivering;      /* main thread only */
};

typedef struct Listener {
        guint id;
        void (*changed)(void *data);
        void *data;
} Listener;

static void hub_start(TbHub *hub);
static void slate_begin(TbHub *hub);

const char *tb_hub_state_name(TbHubState state)
{
        switch (state) {
        case TB_HUB_IDLE: return "idle";
        case TB_HUB_STARTING: return "starting";
        case TB_HUB_LIVE: return "live";
        case TB_HUB_FAULT: return "fault";
        }
        return "?";
}

TbMediaCounters *tb_media_counters(void)
{
        static TbMediaCounters counters;
        return &counters;
}

/* --- life --- */
TbHub *tb_hub_new(const char *device, const char *interface, const TbVideoSource *ops, void *source)
{
        TbHub *hub = g_new0(TbHub, 1);
        g_atomic_ref_count_init(&hub->ref);
        hub->device = g_strdup(device);
        hub->interface = g_strdup(interface);
        hub->ops = ops;
        hub->source = source;
        tb_mutex_init(&hub->lock);
        hub->sinks = g_ptr_array_new();
        hub->decoder = tb_decoder_new();
        hub->pool = tb_frame_pool_new(2);
        hub->listeners = g_array_new(FALSE, FALSE, sizeof(Listener));
        return hub;
}

TbHub *tb_hub_ref(TbHub *hub)
{
        g_atomic_ref_count_inc(&hub->ref);
        return hub;
}

/* May run on any thread: everything that belongs to main was ended by tb_hub_retire(). */
void tb_hub_unref(TbHub *hub)
{
        if (!hub || !g_atomic_ref_count_dec(&hub->ref))
                return;
        g_assert(hub->sinks->len == 0 && !hub->ops);
        tb_frame_unref(hub->last);
        tb_frame_unref(hub->last_raw);
        tb_frame_unref(hub->slate);
        tb_frame_pool_unref(hub->pool);
        tb_decoder_free(hub->decoder);
        g_ptr_array_free(hub->sinks, TRUE);
        g_array_free(hub->listeners, TRUE);
        tb_mutex_clear(&hub->lock);
        g_free(hub->device);
        g_free(hub->interface);
        g_free(hub->fault);
        g_free(hub);
}

static void clear_timer(guint *timer)
{
        if (*timer)
                g_source_remove(*timer);
        *timer = 0;
}

static void notify(TbHub *hub)
{
        g_autoptr(GArray) copy = g_array_copy(hub->listeners);
        for (guint i = 0; i < copy->len; i++) {
                Listener *l = &g_array_index(copy, Listener, i);
                for (guint j = 0; j < hub->listeners->len;
                     j++) /* one that was removed by another is not called */
                        if (g_array_index(hub->listeners, Listener, j).id == l->id) {
                                l->changed(l->data);
                                break;
                        }
        }
}

static void set_state(TbHub *hub, TbHubState state)
{
        if (hub->state == state)
                return;
        hub->state = state;
        tb_log(TB_LOG_DEBUG, TB_F("device", hub->device, "interface", hub->interface), "video is %s%s%s",
               tb_hub_state_name(state), hub->fault ? ": " : "", hub->fault ? hub->fault : "");
        notify(hub);
}

guint tb_hub_listen(TbHub *hub, void (*changed)(void *data), void *data)
{
        Listener l = {++hub->next_listener, changed, data};
        g_array_append_val(hub->listeners, l);
        return l.id;
}

void tb_hub_unlisten(TbHub *hub, guint id)
{
        for (guint i = 0; i < hub->listeners->len; i++)
                if (g_array_index(hub->listeners, Listener, i).id == id) {
                        g_array_remove_index(hub->listeners, i);
                        return;
                }
}

/* --- fan-out --- */
static void collect_damage(TbHubSink *sink, const TbFrame *frame)
{
        if (frame->n_damage == 0 || sink->n_damage + frame->n_damage > TB_FRAME_RECTS)
                sink->damage_all = true;
        if (sink->damage_all)
                return;
        memcpy(sink->damage + sink->n_damage, frame->damage, frame->n_damage * sizeof(TbRect));
        sink->n_damage += frame->n_damage;
}

static void deliver(TbHubSink *sink, TbFrame *frame, bool slate)
{
        if (slate && !(sink->flags & TB_SINK_SLATES))
                return;
        if (!sink->box) {
                sink->frame(sink->data, frame);
                return;
        }
        collect_damage(sink, frame);
        tb_mailbox_post(sink->box, tb_frame_ref(frame));
}

/* With the lock held. NULL when the picture cannot be decoded. */
static TbFrame *decoded_last(TbHub *hub, GError **error)
{
        if (!hub->last_raw && hub->last) {
                switch (hub->last->format) {
                case TB_PIXEL_JPEG: hub->last_raw = tb_decoder_jpeg(hub->decoder, hub->last, error); break;
                case TB_PIXEL_BGRX:
                case TB_PIXEL_RGBX:
                case TB_PIXEL_YUY2:
                case TB_PIXEL_NV12:
                case TB_PIXEL_I420: hub->last_raw = tb_frame_ref(hub->last); break;
                }
        }
        return hub->last_raw;
}

/* With the lock held: what `sink` is to get of the last picture. */
static TbFrame *frame_for(TbHub *hub, TbHubSink *sink, GError **error)
{
        bool native = hub->last && !hub->slate_on;
        if (native && hub->last->format == TB_PIXEL_JPEG && sink->flags & TB_SINK_JPEG)
                return hub->last;
        return decoded_last(hub, error);
}

static void fan_out(TbHub *hub, GError **error)
{
        for (guint i = 0; i < hub->sinks->len; i++) {
                TbHubSink *sink = g_ptr_array_index(hub->sinks, i);
                TbFrame *frame = frame_for(hub, sink, error && *error ? NULL : error);
                if (frame)
                        deliver(sink, frame, hub->slate_on);
        }
}

static void count_frame(TbHub *hub, gint64 now_us)
{
        hub->window_frames++;
        if (now_us - hub->window_us < FPS_WINDOW_US)
                return;
        hub->fps = hub->window_frames * (double)G_USEC_PER_SEC / (double)(now_us - hub->window_us);
        hub->window_us = now_us;
        hub->window_frames = 0;
}

/* The first picture after a start or a slate. Main thread; owns a reference. */
static void pictures_come(gpointer data)
{
        g_autoptr(TbHub) hub = data;
        if (hub->state == TB_HUB_IDLE || (hub->fault && !hub->fault_until_frame))
                return;
        clear_timer(&hub->first_timer);
        clear_timer(&hub->slate_timer);
        g_clear_pointer(&hub->fault, g_free);
        set_state(hub, TB_HUB_LIVE);
}

void tb_hub_push(TbHub *hub, TbFrame *frame)
{
        g_autoptr(TbFrame) old = NULL, old_raw = NULL;
        g_autoptr(GError) error = NULL;
        bool announce = false;

        TB_COUNT(tb_media_counters()->frames_in, 1);
        if (!frame->t_us)
                frame->t_us = g_get_monotonic_time();
        tb_mutex_lock(&hub->lock);
        if (!hub->running || hub->blocked) {
                tb_mutex_unlock(&hub->lock);
                tb_frame_unref(frame);
                return;
        }
        old = g_steal_pointer(&hub->last);
        old_raw = g_steal_pointer(&hub->last_raw);
        hub->last = frame;
        hub->slate_on = false;
        hub->width = frame->width;
        hub->height = frame->height;
        count_frame(hub, g_get_monotonic_time());
        fan_out(hub, &error);
        announce = !error && !hub->announced;
        if (announce)
                hub->announced = true;
        tb_mutex_unlock(&hub->lock);

        if (announce && !tb_main_post(pictures_come, tb_hub_ref(hub)))
                tb_hub_unref(hub);
        if (error)
                tb_hub_no_signal(hub, error->message);
}

TbFrame *tb_hub_last(TbHub *hub)
{
        tb_mutex_lock(&hub->lock);
        TbFrame *frame = decoded_last(hub, NULL);
        if (frame)
                tb_frame_ref(frame);
        tb_mutex_unlock(&hub->lock);
        return frame;
}

void tb_hub_size(TbHub *hub, int *ret_width, int *ret_height)
{
        tb_mutex_lock(&hub->lock);
        *ret_width = hub->width;
        *ret_height = hub->height;
        tb_mutex_unlock(&hub->lock);
}

/* --- slates --- */
static gboolean slate_tick(gpointer data)
{
        TbHub *hub = data;
        g_autoptr(TbFrame) old = NULL;
        tb_mutex_lock(&hub->lock);
        if (hub->slate_on && hub->slate) {
                old = g_steal_pointer(&hub->last_raw);
                hub->last_raw = tb_frame_ref(hub->slate);
                fan_out(hub, NULL);
        }
        tb_mutex_unlock(&hub->lock);
        return G_SOURCE_CONTINUE;
}

static const char *slate_text(TbHub *hub)
{
        return hub->fault ? hub->fault : "Waiting for the first picture of the device.";
}

/* Draws and shows it now, and again and again: a stream that goes on can tell a slate from a dead link. */
static void slate_begin(TbHub *hub)
{
        g_autofree char *title = g_strdup_printf("%s / %s", hub->device, hub->interface);
        g_autoptr(TbFrame) old = NULL;

        tb_frame_unref(hub->slate);
        hub->slate = tb_slate_draw(hub->pool, hub->width ? hub->width : SLATE_WIDTH,
                                   hub->height ? hub->height : SLATE_HEIGHT, title, slate_text(hub));
        tb_mutex_lock(&hub->lock);
        old = g_steal_pointer(&hub->last);
        hub->slate_on = true;
        hub->announced = false;
        hub->fps = 0;
        tb_mutex_unlock(&hub->lock);
        slate_tick(hub);
        if (!hub->slate_timer && hub->users > 0)
                hub->slate_timer = g_timeout_add(1000 / TB_HUB_SLATE_FPS, slate_tick, hub);
}

void tb_hub_set_fault(TbHub *hub, const char *reason, bool until_frame)
{
        tb_assert_main();
        bool same = reason && g_strcmp0(reason, hub->fault) == 0;
        tb_mutex_lock(&hub->lock);
        hub->blocked = reason && !until_frame;
        tb_mutex_unlock(&hub->lock);
        hub->fault_until_frame = until_frame;
        if (same)
                return;
        g_free(hub->fault);
        hub->fault = g_strdup(reason);
        if (reason) {
                clear_timer(&hub->first_timer);
                if (hub->state == TB_HUB_IDLE)
                        return; /* drawn when somebody looks */
                slate_begin(hub);
                if (hub->state == TB_HUB_FAULT)
                        notify(hub); /* another reason */
                set_state(hub, TB_HUB_FAULT);
        } else if (hub->state == TB_HUB_FAULT) {
                slate_begin(hub); /* "waiting", until the next picture */
                set_state(hub, TB_HUB_STARTING);
        }
}

typedef struct NoSignal {
        TbHub *hub; /* ref */
        char *reason;
} NoSignal;

static void no_signal(gpointer data)
{
        NoSignal *n = data;
        bool sticky = n->hub->fault && !n->hub->fault_until_frame;
        if (!sticky && n->hub->state != TB_HUB_IDLE) /* a fault that core told says more */
                tb_hub_set_fault(n->hub, n->reason, true);
        tb_hub_unref(n->hub);
        g_free(n->reason);
        g_free(n);
}

void tb_hub_no_signal(TbHub *hub, const char *reason)
{
        NoSignal *n = g_new(NoSignal, 1);
        *n = (NoSignal){tb_hub_ref(hub), g_strdup(reason)};
        if (tb_main_post(no_signal, n))
                return;
        tb_hub_unref(n->hub);
        g_free(n->reason);
        g_free(n);
}

/* --- start and stop of the source --- */
static void push_to_hub(void *sink_data, TbFrame *frame)
{
        tb_hub_push(sink_data, frame);
}

static void set_running(TbHub *hub, bool running)
{
        g_autoptr(TbFrame) old = NULL, old_raw = NULL;
        tb_mutex_lock(&hub->lock);
        hub->running = running;
        hub->announced = false;
        hub->window_us = g_get_monotonic_time();
        hub->window_frames = 0;
        hub->fps = 0;
        if (!running) { /* the next viewer must not see a picture of long ago */
                old = g_steal_pointer(&hub->last);
                old_raw = g_steal_pointer(&hub->last_raw);
                hub->slate_on = false;
        }
        tb_mutex_unlock(&hub->lock);
}

static gboolean first_frame_late(gpointer data)
{
        TbHub *hub = data;
        hub->first_timer = 0;
        tb_mutex_lock(&hub->lock);
        bool late = !hub->announced;
        tb_mutex_unlock(&hub->lock);
        if (late)
                slate_begin(hub);
        return G_SOURCE_REMOVE;
}

static gboolean retry(gpointer data)
{
        TbHub *hub = data;
        hub->retry_timer = 0;
        hub_start(hub);
        return G_SOURCE_REMOVE;
}

static void hub_start(TbHub *hub)
{
        g_autoptr(GError) error = NULL;
        if (hub->ops) {
                set_running(hub, true);
                if (hub->ops->start(hub->source, push_to_hub, hub, &error)) {
                        if (hub->fault) { /* core told of a fault while nobody watched */
                                slate_begin(hub);
                                set_state(hub, TB_HUB_FAULT);
                                return;
                        }
                        set_state(hub, TB_HUB_STARTING);
                        hub->first_timer = g_timeout_add(FIRST_FRAME_MS, first_frame_late, hub);
                        return;
                }
                set_running(hub, false);
                hub->retry_timer = g_timeout_add(TB_HUB_RETRY_MS, retry, hub);
        }
        hub->state = TB_HUB_STARTING; /* for set_fault: somebody watches */
        if (!hub->fault || hub->fault_until_frame)
                tb_hub_set_fault(hub, error ? error->message : "The device was removed.", true);
        else
                slate_begin(hub);
        set_state(hub, TB_HUB_FAULT);
}

static void hub_stop(TbHub *hub)
{
        bool started = hub->state != TB_HUB_IDLE && !hub->retry_timer && hub->ops;
        clear_timer(&hub->linger_timer);
        clear_timer(&hub->retry_timer);
        clear_timer(&hub->first_timer);
        clear_timer(&hub->slate_timer);
        if (started)
                hub->ops->stop(hub->source);
        set_running(hub, false);
        if (hub->fault_until_frame)
                g_clear_pointer(&hub->fault, g_free);
        set_state(hub, TB_HUB_IDLE);
}

static gboolean lingered(gpointer data)
{
        TbHub *hub = data;
        hub->linger_timer = 0;
        hub_stop(hub);
        return G_SOURCE_REMOVE;
}

void tb_hub_acquire(TbHub *hub, bool counted)
{
        tb_assert_main();
        hub->viewers += counted;
        clear_timer(&hub->linger_timer);
        if (hub->users++ == 0 && hub->state == TB_HUB_IDLE)
                hub_start(hub);
        else if (hub->users == 1 && hub->fault)
                slate_begin(hub);
}

void tb_hub_release(TbHub *hub, bool counted)
{
        tb_assert_main();
        g_assert(hub->users > 0);
        hub->viewers -= counted;
        if (--hub->users > 0)
                return;
        if (hub->ops)
                hub->linger_timer = g_timeout_add(TB_HUB_LINGER_MS, lingered, hub);
        else
                hub_stop(hub);
}

void tb_hub_retire(TbHub *hub, const char *reason)
{
        tb_assert_main();
        guint users = hub->users;
        hub_stop(hub);
        hub->ops = NULL;
        hub->source = NULL;
        if (users > 0) {
                hub->state = TB_HUB_FAULT;
                tb_hub_set_fault(hub, reason, false);
                notify(hub);
        }
}

bool tb_hub_retired(TbHub *hub)
{
        return !hub->ops;
}

/* --- sinks --- */
static void mailbox_arrived(gpointer data)
{
        TbHubSink *sink = data;
        g_autoptr(TbFrame) frame = tb_mailbox_take(sink->box);
        if (!frame)
                return;
        sink->delivering = true;
        sink->frame(sink->data, frame);
        sink->delivering = false;
        if (sink->removed) { /* by its own callback */
                tb_mailbox_free(sink->box);
                g_free(sink);
        }
}

static void free_frame(gpointer frame)
{
        tb_frame_unref(frame);
}

guint tb_hub_sink_damage(TbHubSink *sink, TbRect ret_rects[TB_FRAME_RECTS])
{
        tb_assert_main();
        if (sink->removed)
                return 0;
        tb_mutex_lock(&sink->hub->lock);
        guint n = sink->damage_all ? 0 : sink->n_damage;
        memcpy(ret_rects, sink->damage, n * sizeof(TbRect));
        sink->n_damage = 0;
        sink->damage_all = false;
        tb_mutex_unlock(&sink->hub->lock);
        return n;
}

TbHubSink *tb_hub_add_sink_full(TbHub *hub, TbSinkFlags flags, void (*frame)(void *data, TbFrame *frame),
                                void *data)
{
        tb_assert_main();
        TbHubSink *sink = g_new0(TbHubSink, 1);
        sink->hub = tb_hub_ref(hub);
        sink->flags = flags;
        sink->frame = frame;
        sink->data = data;
        sink->damage_all = true;
        if (flags & TB_SINK_MAILBOX)
                sink->box = tb_mailbox_new(mailbox_arrived, sink, free_frame);
        if (!(flags & TB_SINK_QUIET))
                tb_hub_acquire(hub, true);
        tb_mutex_lock(&hub->lock);
        g_ptr_array_add(hub->sinks, sink);
        TbFrame *now = hub->last || hub->slate_on ? frame_for(hub, sink, NULL) : NULL;
        if (now)
                deliver(sink, now, hub->slate_on);
        tb_mutex_unlock(&hub->lock);
        return sink;
}

TbHubSink *tb_hub_add_sink(TbHub *hub, bool slates, void (*frame)(void *data, TbFrame *frame), void *data)
{
        return tb_hub_add_sink_full(hub, slates ? TB_SINK_SLATES : 0, frame, data);
}

TbHubSink *tb_hub_add_mailbox(TbHub *hub, bool slates, void (*frame)(void *data, TbFrame *frame), void *data)
{
        return tb_hub_add_sink_full(hub, TB_SINK_MAILBOX | (slates ? TB_SINK_SLATES : 0), frame, data);
}

void tb_hub_remove_sink(TbHubSink *sink)
{
        if (!sink)
                return;
        tb_assert_main();
        TbHub *hub = sink->hub;
        tb_mutex_lock(&hub->lock);
        g_ptr_array_remove_fast(hub->sinks, sink);
        tb_mutex_unlock(&hub->lock);
        if (!(sink->flags & TB_SINK_QUIET))
                tb_hub_release(hub, true);
        sink->removed = true;
        if (!sink->delivering) {
                tb_mailbox_free(sink->box);
                g_free(sink);
        }
        tb_hub_unref(hub);
}

/* --- what is known --- */
TbHubState tb_hub_state(TbHub *hub)
{
        return hub->state;
}

const char *tb_hub_fault(TbHub *hub)
{
        return hub->fault;
}

const char *tb_hub_device(TbHub *hub)
{
        return hub->device;
}

const char *tb_hub_interface(TbHub *hub)
{
        return hub->interface;
}

guint tb_hub_viewers(TbHub *hub)
{
        return hub->viewers;
}

json_t *tb_hub_to_json(TbHub *hub)
{
        tb_assert_main();
        tb_mutex_lock(&hub->lock);
        int width = hub->width, height = hub->height;
        /* a source that sends only changes may have been silent for long */
        gint64 age_us = g_get_monotonic_time() - hub->window_us;
        double fps = age_us > FPS_WINDOW_US ? hub->window_frames * (double)G_USEC_PER_SEC / (double)age_us
                                            : hub->fps;
        tb_mutex_unlock(&hub->lock);
        json_t *json = json_pack("{s:s, s:f, s:I, s:s?}", "state", tb_hub_state_name(hub->state), "fps",
                                 (double)(int)(fps * 10 + 0.5) / 10, "viewers", (json_int_t)hub->viewers,
                                 "fault", hub->fault);
        json_object_set_new(json, "width", width ? json_integer(width) : json_null());
        json_object_set_new(json, "height", height ? json_integer(height) : json_null());
        return json;
}
