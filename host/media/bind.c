#include "host/media/bind.h"

#include <string.h>

#include "host/media/bind_sound.h"

typedef struct Source {     /* one video interface */
        TbMediaBind *bind;  /* borrowed */
        TbInterface *iface; /* borrowed: valid until device.removed */
        TbHub *hub;         /* borrowed from media */
        TbFrameSink sink;   /* set while started */
        void *sink_data;
} Source;

struct TbMediaBind {
        TbMedia *media; /* borrowed */
        TbCore *core;   /* borrowed */
        guint subscription;
        GHashTable *sources; /* interface id -> owned Source */
        GHashTable *sounds;  /* interface id -> TbBoundSound, ended when it is taken out */
};

/* --- core's frames to the hub: worker thread --- */
static void on_frame(TbFrame *frame_take, gpointer user)
{
        Source *s = user;
        s->sink(s->sink_data, frame_take);
}

static void on_no_signal(const char *reason, gpointer user)
{
        tb_hub_no_signal(((Source *)user)->hub, reason);
}

/* --- the hub's wishes to core --- */
static bool source_start(void *source, TbFrameSink sink, void *sink_data, GError **error G_GNUC_UNUSED)
{
        Source *s = source;
        s->sink = sink;
        s->sink_data = sink_data;
        tb_interface_video_start(s->iface, tb_core_config(s->bind->core)->max_fps,
                                 &(TbVideoSink){on_frame, on_no_signal}, s);
        return true;
}

static void source_stop(void *source)
{
        tb_interface_video_stop(((Source *)source)->iface);
}

static const TbVideoSource source_ops = {.start = source_start, .stop = source_stop};

/* --- what core has --- */
static void show_state(Source *s)
{
        const char *reason = NULL;
        TbState state = tb_interface_state(s->iface, &reason);
        switch (state) {
        case TB_STATE_READY: tb_hub_set_fault(s->hub, NULL, false); break;
        case TB_STATE_OPENING: break;
        case TB_STATE_ABSENT:
        case TB_STATE_FAULT: tb_hub_set_fault(s->hub, reason ? reason : tb_state_name(state), false); break;
        case TB_STATE_CLOSING: tb_hub_set_fault(s->hub, "the host is stopping", false); break;
        }
}

static void bind_interface(TbInterface *iface, gpointer user)
{
        TbMediaBind *bind = user;
        if (tb_interface_kind(iface) == TB_KIND_AUDIO &&
            !g_hash_table_contains(bind->sounds, tb_interface_id(iface)))
                g_hash_table_insert(bind->sounds, g_strdup(tb_interface_id(iface)),
                                    tb_bound_sound_new(bind->media, iface));
        if (tb_interface_kind(iface) != TB_KIND_VIDEO ||
            g_hash_table_contains(bind->sources, tb_interface_id(iface)))
                return;
        Source *s = g_new0(Source, 1);
        s->bind = bind;
        s->iface = iface;
        s->hub = tb_media_add_hub(bind->media, tb_device_id(tb_interface_device(iface)),
                                  tb_interface_name(iface), &source_ops, s);
        g_hash_table_insert(bind->sources, g_strdup(tb_interface_id(iface)), s);
        show_state(s);
}

static void bind_device(TbDevice *device, gpointer user)
{
        tb_device_each_interface(device, bind_interface, user);
}

static bool is_of(const char *interface_id, const char *device)
{
        gsize n = strlen(device);
        return strncmp(interface_id, device, n) == 0 && interface_id[n] == '/';
}

static gboolean of_device(gpointer key, gpointer value, gpointer user)
{
        Source *s = value;
        if (!is_of(key, user))
                return FALSE;
        tb_interface_video_stop(s->iface);
        tb_media_remove_hub(s->bind->media, s->hub, "the device was removed");
        return TRUE;
}

static gboolean sound_of_device(gpointer key, gpointer value, gpointer user)
{
        if (!is_of(key, user))
                return FALSE;
        tb_bound_sound_free(value, "the device was removed");
        return TRUE;
}

static void on_event(const TbEvent *event, gpointer user)
{
        TbMediaBind *bind = user;
        if (strcmp(event->type, "device.added") == 0) {
                TbDevice *device = tb_core_device(bind->core, event->device, NULL);
                if (device)
                        bind_device(device, bind);
        } else if (strcmp(event->type, "device.removed") == 0) {
                g_hash_table_foreach_remove(bind->sources, of_device, (gpointer)event->device);
                g_hash_table_foreach_remove(bind->sounds, sound_of_device, (gpointer)event->device);
        } else if (strcmp(event->type, "interface.state") == 0) {
                g_autofree char *id = g_strdup_printf("%s/%s", event->device, event->interface);
                Source *s = g_hash_table_lookup(bind->sources, id);
                if (s)
                        show_state(s);
                TbBoundSound *sound = g_hash_table_lookup(bind->sounds, id);
                if (sound)
                        tb_bound_sound_show_state(sound);
        }
}

/* --- testbed-media --- */
static void on_changed(void *data)
{
        TbMediaBind *bind = data;
        tb_bus_publish(tb_core_bus(bind->core), "media.state", NULL, NULL,
                       json_pack("{s:s, s:s*}", "state", tb_media_state_name(bind->media), "reason",
                                 tb_media_fault(bind->media)));
}

TbMediaBind *tb_media_bind(TbMedia *media, TbCore *core)
{
        TbMediaBind *bind = g_new0(TbMediaBind, 1);
        bind->media = media;
        bind->core = core;
        bind->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        bind->sounds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        bind->subscription = tb_bus_subscribe(tb_core_bus(core), on_event, bind);
        tb_core_each_device(core, bind_device, bind);
        tb_media_listen(media, on_changed, bind);
        return bind;
}

void tb_media_unbind(TbMediaBind *bind)
{
        if (!bind)
                return;
        tb_media_listen(bind->media, NULL, NULL);
        tb_bus_unsubscribe(tb_core_bus(bind->core), bind->subscription);
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, bind->sources);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Source *s = value;
                tb_interface_video_stop(s->iface);
                tb_media_remove_hub(bind->media, s->hub, "the host is stopping");
        }
        g_hash_table_iter_init(&iter, bind->sounds);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                tb_bound_sound_free(value, "the host is stopping");
        g_hash_table_unref(bind->sources);
        g_hash_table_unref(bind->sounds);
        g_free(bind);
}
