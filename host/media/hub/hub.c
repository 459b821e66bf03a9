#include "host/media/hub/hub.h"

#include "host/media/hub/hub_private.h"
#include "lib/error.h"
#include "lib/log.h"

#define FIRST_FRAME_MS 1000 /* without a picture after start: a slate says that we wait */

static void hub_start(TbHub *hub);

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
        tb_ref_init(&hub->ref);
        hub->device = g_strdup(device);
        hub->interface = g_strdup(interface);
        hub->ops = ops;
        hub->source = source;
        tb_mutex_init(&hub->lock);
        hub->sinks = g_ptr_array_new();
        hub->decoder = tb_decoder_new();
        hub->pool = tb_frame_pool_new(2);
        hub->listeners = g_array_new(FALSE, FALSE, sizeof(TbHubListener));
        return hub;
}

TbHub *tb_hub_ref(TbHub *hub)
{
        tb_ref_inc(&hub->ref);
        return hub;
}

/* May run on any thread: everything that belongs to main was ended by tb_hub_retire(). */
void tb_hub_unref(TbHub *hub)
{
        if (!hub || !tb_ref_dec(&hub->ref))
                return;
        g_assert(hub->sinks->len == 0 && !hub->ops);
        tb_frame_unref(hub->last);
        tb_frame_unref(hub->last_raw);
        tb_frame_unref(hub->held);
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

void tb_hub_notify(TbHub *hub)
{
        g_autoptr(GArray) copy = g_array_copy(hub->listeners);
        for (guint i = 0; i < copy->len; i++) {
                TbHubListener *l = &g_array_index(copy, TbHubListener, i);
                for (guint j = 0; j < hub->listeners->len;
                     j++) /* one that was removed by another is not called */
                        if (g_array_index(hub->listeners, TbHubListener, j).id == l->id) {
                                l->changed(l->data);
                                break;
                        }
        }
}

void tb_hub_set_state(TbHub *hub, TbHubState state)
{
        if (hub->state == state)
                return;
        hub->state = state;
        tb_log(TB_LOG_DEBUG, TB_F("device", hub->device, "interface", hub->interface), "video is %s%s%s",
               tb_hub_state_name(state), hub->fault ? ": " : "", hub->fault ? hub->fault : "");
        tb_hub_notify(hub);
}

guint tb_hub_listen(TbHub *hub, void (*changed)(void *data), void *data)
{
        TbHubListener l = {++hub->next_listener, changed, data};
        g_array_append_val(hub->listeners, l);
        return l.id;
}

void tb_hub_unlisten(TbHub *hub, guint id)
{
        for (guint i = 0; i < hub->listeners->len; i++)
                if (g_array_index(hub->listeners, TbHubListener, i).id == id) {
                        g_array_remove_index(hub->listeners, i);
                        return;
                }
}

/* --- start and stop of the source --- */
static void push_to_hub(void *sink_data, TbFrame *frame)
{
        tb_hub_push(sink_data, frame);
}

/* With `running` false the last picture is forgotten: the next viewer must not see one of long ago. */
static void set_running(TbHub *hub, bool running)
{
        TbFrame *old = NULL, *old_raw = NULL;
        tb_mutex_lock(&hub->lock);
        TbFrame *held = g_steal_pointer(&hub->held);
        hub->running = running;
        hub->announced = false;
        hub->window_us = g_get_monotonic_time();
        hub->window_frames = 0;
        hub->fps = 0;
        if (!running) {
                old = g_steal_pointer(&hub->last);
                old_raw = g_steal_pointer(&hub->last_raw);
                hub->slate_on = false;
        }
        tb_mutex_unlock(&hub->lock);
        tb_frame_unref(held);
        tb_frame_unref(old);
        tb_frame_unref(old_raw);
}

static gboolean first_frame_late(gpointer data)
{
        TbHub *hub = data;
        hub->first_timer = 0;
        tb_hub_slate_if_late(hub);
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
                                tb_hub_slate_begin(hub);
                                tb_hub_set_state(hub, TB_HUB_FAULT);
                                return;
                        }
                        tb_hub_set_state(hub, TB_HUB_STARTING);
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
                tb_hub_slate_begin(hub);
        tb_hub_set_state(hub, TB_HUB_FAULT);
}

static void hub_stop(TbHub *hub)
{
        bool started = hub->state != TB_HUB_IDLE && !hub->retry_timer && hub->ops;
        g_clear_handle_id(&hub->linger_timer, g_source_remove);
        g_clear_handle_id(&hub->retry_timer, g_source_remove);
        g_clear_handle_id(&hub->first_timer, g_source_remove);
        g_clear_handle_id(&hub->slate_timer, g_source_remove);
        if (started)
                hub->ops->stop(hub->source);
        set_running(hub, false);
        if (hub->fault_until_frame)
                g_clear_pointer(&hub->fault, g_free);
        tb_hub_set_state(hub, TB_HUB_IDLE);
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
        g_clear_handle_id(&hub->linger_timer, g_source_remove);
        if (hub->users++ == 0 && hub->state == TB_HUB_IDLE)
                hub_start(hub);
        else if (hub->users == 1 && hub->fault)
                tb_hub_slate_begin(hub);
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
                tb_hub_notify(hub);
        }
}

bool tb_hub_retired(TbHub *hub)
{
        return !hub->ops;
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
        double fps = age_us > TB_HUB_FPS_WINDOW_US
                             ? hub->window_frames * (double)G_USEC_PER_SEC / (double)age_us
                             : hub->fps;
        tb_mutex_unlock(&hub->lock);
        json_t *json = json_pack("{s:s, s:f, s:I, s:s?}", "state", tb_hub_state_name(hub->state), "fps",
                                 (double)(int)(fps * 10 + 0.5) / 10, "viewers", (json_int_t)hub->viewers,
                                 "fault", hub->fault);
        json_object_set_new(json, "width", width ? json_integer(width) : json_null());
        json_object_set_new(json, "height", height ? json_integer(height) : json_null());
        return json;
}
