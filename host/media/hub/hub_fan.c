/* The pictures of a hub on their way to its sinks. */
#include <string.h>

#include "host/media/hub/hub_private.h"

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

void tb_hub_fan_out(TbHub *hub, GError **error)
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
        if (now_us - hub->window_us < TB_HUB_FPS_WINDOW_US)
                return;
        hub->fps = hub->window_frames * (double)G_USEC_PER_SEC / (double)(now_us - hub->window_us);
        hub->window_us = now_us;
        hub->window_frames = 0;
}

/* The first picture after a start or a slate, or of another size. Main thread; owns a reference. */
static void pictures_come(gpointer data)
{
        g_autoptr(TbHub) hub = data;
        if (hub->state == TB_HUB_IDLE || (hub->fault && !hub->fault_until_frame))
                return;
        g_clear_handle_id(&hub->first_timer, g_source_remove);
        g_clear_handle_id(&hub->slate_timer, g_source_remove);
        g_clear_pointer(&hub->fault, g_free);
        if (hub->state == TB_HUB_LIVE)
                tb_hub_notify(hub);
        tb_hub_set_state(hub, TB_HUB_LIVE);
}

/* What showing a picture leaves to be done without the lock. */
typedef struct Shown {
        TbFrame *old, *old_raw; /* the last reference may free megabytes */
        GError *error;
        bool announce;
} Shown;

/* With the lock held; takes the frame. */
static Shown show(TbHub *hub, TbFrame *frame)
{
        Shown s = {.old = g_steal_pointer(&hub->last), .old_raw = g_steal_pointer(&hub->last_raw)};
        bool other_size = hub->width != frame->width || hub->height != frame->height;
        hub->last = frame;
        hub->slate_on = false;
        hub->width = frame->width;
        hub->height = frame->height;
        count_frame(hub, g_get_monotonic_time());
        tb_hub_fan_out(hub, &s.error);
        s.announce = !s.error && (!hub->announced || other_size);
        if (s.announce)
                hub->announced = true;
        return s;
}

static void after_show(TbHub *hub, Shown *s)
{
        tb_frame_unref(s->old);
        tb_frame_unref(s->old_raw);
        if (s->announce && !tb_main_post(pictures_come, tb_hub_ref(hub)))
                tb_hub_unref(hub);
        if (s->error)
                tb_hub_no_signal(hub, s->error->message);
        g_clear_error(&s->error);
}

void tb_hub_push(TbHub *hub, TbFrame *frame)
{
        TB_COUNT(tb_media_counters()->frames_in, 1);
        if (!frame->t_us)
                frame->t_us = g_get_monotonic_time();
        tb_mutex_lock(&hub->lock);
        if (!hub->running || hub->blocked) {
                TbFrame *drop = frame;
                if (hub->running) {
                        drop = hub->held;
                        hub->held = frame;
                }
                tb_mutex_unlock(&hub->lock);
                tb_frame_unref(drop);
                return;
        }
        Shown s = show(hub, frame);
        tb_mutex_unlock(&hub->lock);
        after_show(hub, &s);
}

void tb_hub_block(TbHub *hub, bool blocked)
{
        tb_mutex_lock(&hub->lock);
        hub->blocked = blocked;
        TbFrame *held = g_steal_pointer(&hub->held);
        tb_mutex_unlock(&hub->lock);
        tb_frame_unref(held);
}

void tb_hub_unblock(TbHub *hub)
{
        Shown s = {0};
        tb_mutex_lock(&hub->lock);
        hub->blocked = false;
        TbFrame *held = g_steal_pointer(&hub->held);
        if (held)
                s = show(hub, held);
        tb_mutex_unlock(&hub->lock);
        after_show(hub, &s);
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
                tb_hub_acquire(hub, !(flags & TB_SINK_UNCOUNTED));
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

TbHubSink *tb_hub_add_watch(TbHub *hub, void (*frame)(void *data, TbFrame *frame), void *data)
{
        return tb_hub_add_sink_full(hub, TB_SINK_JPEG | TB_SINK_UNCOUNTED, frame, data);
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
                tb_hub_release(hub, !(sink->flags & TB_SINK_UNCOUNTED));
        sink->removed = true;
        if (!sink->delivering) {
                tb_mailbox_free(sink->box);
                g_free(sink);
        }
        tb_hub_unref(hub);
}
