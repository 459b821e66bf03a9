#include "host/analysis/analysis.h"

#include <string.h>

#include "host/analysis/analysers.h"
#include "host/analysis/watch.h"

struct TbAnalysis {
        TbCore *core;             /* borrowed */
        TbMedia *media;           /* borrowed */
        TbAnalysisThread *thread; /* owned */
        guint bus, soon;
        GHashTable *watches; /* interface id -> owned TbAnalysisWatch */
        GHashTable *sounds;  /* interface id -> owned Sound */
};

typedef struct Sound {
        TbSoundHub *hub; /* ref */
        TbSoundTap *tap; /* owned */
} Sound;

static void watch_free(gpointer watch)
{
        tb_analysis_watch_free(watch);
}

static void sound_free(gpointer data)
{
        Sound *s = data;
        tb_sound_hub_remove_tap(s->tap);
        tb_sound_hub_unref(s->hub);
        g_free(s);
}

/* The hub measures what it hears (host/media/bind_sound.c): it only needs somebody who wants it to hear. */
static void on_sound(void *data G_GNUC_UNUSED, TbSound *sound G_GNUC_UNUSED)
{
}

static bool level_is_wanted(TbAnalysis *a, TbInterface *audio, const char *what)
{
        g_autofree char *stream = g_strdup_printf("%s.%s", tb_interface_name(audio), what);
        TbInterface *teller = tb_interface_teller(audio);
        return teller && tb_core_wanted(a->core, tb_device_id(tb_interface_device(audio)),
                                        tb_interface_name(teller), stream, true);
}

static void sync_sound(TbAnalysis *a, TbInterface *audio)
{
        const char *id = tb_interface_id(audio);
        TbSoundHub *hub = tb_media_find_sound(a->media, tb_device_id(tb_interface_device(audio)),
                                              tb_interface_name(audio), NULL);
        Sound *s = g_hash_table_lookup(a->sounds, id);
        bool wanted = hub && (level_is_wanted(a, audio, "rms") || level_is_wanted(a, audio, "peak"));
        if (s && (!wanted || s->hub != hub)) {
                g_hash_table_remove(a->sounds, id);
                s = NULL;
        }
        if (s || !wanted)
                return;
        s = g_new(Sound, 1);
        *s = (Sound){tb_sound_hub_ref(hub), tb_sound_hub_add_tap(hub, false, on_sound, NULL)};
        g_hash_table_insert(a->sounds, g_strdup(id), s);
}

static bool screen_is_wanted(TbAnalysis *a, TbInterface *iface)
{
        TbDevice *device = tb_interface_device(iface);
        const char *video = json_string_value(tb_interface_param(iface, "video"));
        TbInterface *first = tb_device_interface_of(device, TB_KIND_VIDEO);
        const char *name = video ? video : first ? tb_interface_name(first) : "video";
        for (const TbAnalyser *row = tb_analysers; row->name; row++) {
                g_autofree char *stream = g_strdup_printf("%s.%s", name, row->name);
                if (tb_core_wanted(a->core, tb_device_id(device), tb_interface_name(iface), stream, false))
                        return true;
        }
        return false;
}

static void sync_interface(TbInterface *iface, gpointer data)
{
        TbAnalysis *a = data;
        if (tb_interface_kind(iface) == TB_KIND_AUDIO)
                sync_sound(a, iface);
        if (tb_interface_kind(iface) != TB_KIND_SENSORS ||
            strcmp(tb_interface_driver(iface), "analysis") != 0)
                return;
        const char *id = tb_interface_id(iface);
        TbAnalysisWatch *w = g_hash_table_lookup(a->watches, id);
        bool wanted = screen_is_wanted(a, iface);
        if (w && (!wanted || tb_analysis_watch_stale(w, a->media, iface))) {
                g_hash_table_remove(a->watches, id);
                w = NULL;
        }
        if (!w && wanted && (w = tb_analysis_watch_new(a->core, a->media, a->thread, iface)))
                g_hash_table_insert(a->watches, g_strdup(id), w);
}

static void sync_device(TbDevice *device, gpointer data)
{
        tb_device_each_interface(device, sync_interface, data);
}

static gboolean sync_all(gpointer data)
{
        TbAnalysis *a = data;
        a->soon = 0;
        tb_core_each_device(a->core, sync_device, a);
        return G_SOURCE_REMOVE;
}

/* Many change at once (a page that opens): looked at once, in a turn of its own. */
static void changed(gpointer data)
{
        TbAnalysis *a = data;
        if (!a->soon)
                a->soon = g_idle_add(sync_all, a);
}

static gboolean of_device(gpointer key, gpointer value G_GNUC_UNUSED, gpointer device)
{
        gsize n = strlen(device);
        return strncmp(key, device, n) == 0 && ((const char *)key)[n] == '/';
}

/* A device that is attached anew is removed and added: what looked at the old one ends now, before its hub does. */
static void on_device(const TbEvent *event, gpointer data)
{
        TbAnalysis *a = data;
        if (!event->device)
                return;
        if (strcmp(event->type, "device.removed") == 0) {
                g_hash_table_foreach_remove(a->watches, of_device, (gpointer)event->device);
                g_hash_table_foreach_remove(a->sounds, of_device, (gpointer)event->device);
        }
        changed(a);
}

TbAnalysis *tb_analysis_new(TbCore *core, TbMedia *media)
{
        TbAnalysis *a = g_new0(TbAnalysis, 1);
        a->core = core;
        a->media = media;
        a->thread = tb_analysis_thread_new();
        a->watches = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, watch_free);
        a->sounds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, sound_free);
        a->bus = tb_bus_follow_devices(tb_core_bus(core), on_device, a);
        tb_core_listen_wants(core, changed, a);
        return a;
}

void tb_analysis_free(TbAnalysis *a)
{
        if (!a)
                return;
        tb_core_listen_wants(a->core, NULL, NULL);
        tb_bus_unsubscribe(tb_core_bus(a->core), a->bus);
        g_clear_handle_id(&a->soon, g_source_remove);
        g_hash_table_unref(a->watches);
        g_hash_table_unref(a->sounds);
        tb_analysis_thread_free(a->thread);
        g_free(a);
}
