#include "host/media/media.h"

#include <gst/gst.h>
#include <string.h>

#include "host/media/child/child.h"
#include "host/media/child/peer_heard.h"
#include "host/media/child/sounds.h"
#include "host/media/child/sources.h"
#include "host/media/gstreamer.h"
#include "host/media/media_private.h"
#include "host/media/memory.h"
#include "host/media/peer.h"
#include "host/media/reaper.h"
#include "host/media/sound/sound_encoder.h"
#include "host/media/webrtc/rtpext.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

#define DEFAULT_MAX_FPS 60
#define DEFAULT_MAX_KBPS 8000
#define TICK_MS 500
#define ANSWER_S 30 /* from testbed-media, which gives up sooner */

struct TbMedia {
        guint max_viewers, max_mjpeg, max_fps, max_kbps;
        bool hardware;
        char **ice_servers;    /* owned */
        TbEncoders *encoders;  /* owned */
        GPtrArray *hubs;       /* ref */
        GPtrArray *sound_hubs; /* ref */
        GPtrArray *peers;      /* borrowed: they take themselves out */
        GHashTable *by_id;     /* peer's number -> borrowed TbPeer */
        TbMediaChild *child;   /* owned */
        TbSources *sources;    /* owned */
        TbSounds *sounds;      /* owned */
        guint32 last_peer;
        guint tick;
        void (*changed)(void *data);
        void *changed_data;
        const char *told_state; /* static; what `changed` was last called for */
        char *told_fault;       /* owned; nullable */
        TbStills *stills;       /* owned; NULL until the first */
        TbPlaces viewer_places, mjpeg_places;
};

/* --- testbed-media --- */
static void on_message(const TbLinkMessage *m, void *data)
{
        TbMedia *media = data;
        if (m->type >= TB_LINK_SUBSCRIBE) {
                if (!tb_sources_wish(media->sources, m))
                        tb_media_child_distrust(media->child, "it subscribes without end");
                return;
        }
        TbPeer *peer = g_hash_table_lookup(media->by_id, GUINT_TO_POINTER(m->id));
        if (peer)
                tb_peer_heard(peer, m);
}

static void on_lost(const char *why, void *data)
{
        TbMedia *media = data;
        g_autofree char *reason = g_strdup_printf("media: restarting (%s); watch again", why);
        tb_sources_clear(media->sources);
        tb_sounds_clear(media->sounds);
        g_autoptr(GPtrArray) peers = g_ptr_array_copy(media->peers, NULL, NULL);
        for (guint i = 0; i < peers->len; i++)
                tb_peer_close(g_ptr_array_index(peers, i), reason);
}

/* Tells what is new, once. */
static void on_changed(void *data)
{
        TbMedia *media = data;
        const char *state = tb_media_state_name(media), *fault = tb_media_fault(media);
        if (g_strcmp0(state, media->told_state) == 0 && g_strcmp0(fault, media->told_fault) == 0)
                return;
        media->told_state = state;
        g_free(media->told_fault);
        media->told_fault = g_strdup(fault);
        if (media->changed)
                media->changed(media->changed_data);
}

static const TbMediaChildCallbacks child_callbacks = {
        .message = on_message, .lost = on_lost, .changed = on_changed};

static gboolean tick(gpointer data)
{
        TbMedia *media = data;
        tb_sources_tick(media->sources);
        g_autoptr(GPtrArray) peers = g_ptr_array_copy(media->peers, NULL, NULL);
        for (guint i = 0; i < peers->len; i++)
                tb_peer_check(g_ptr_array_index(peers, i), ANSWER_S * G_USEC_PER_SEC);
        return G_SOURCE_CONTINUE;
}

static TbLogLevel log_level(void)
{
        TbLogLevel level = TB_LOG_ERROR;
        while (level < TB_LOG_DEBUG && tb_log_enabled(level + 1))
                level++;
        return level;
}

TbMedia *tb_media_new(const TbMediaConfig *config)
{
        tb_assert_main();
        static const TbMediaConfig defaults;
        config = config ? config : &defaults;
        tb_memory_lean();
        TbMedia *media = g_new0(TbMedia, 1);
        media->max_viewers = config->max_viewers ? config->max_viewers : TB_LIMIT_VIEWERS;
        media->max_mjpeg = config->max_mjpeg ? config->max_mjpeg : TB_LIMIT_MJPEG_VIEWERS;
        tb_places_init(&media->viewer_places, "WebRTC viewers", media->max_viewers);
        tb_places_init(&media->mjpeg_places, "MJPEG streams", media->max_mjpeg);
        media->max_fps = CLAMP(config->max_fps ? config->max_fps : DEFAULT_MAX_FPS, 1, TB_LIMIT_FPS);
        media->max_kbps = config->max_kbps ? config->max_kbps : DEFAULT_MAX_KBPS;
        media->hardware = !config->no_hardware;
        media->ice_servers =
                config->ice_servers ? g_strdupv((char **)config->ice_servers) : g_new0(char *, 1);
        media->encoders = tb_encoders_new(media->max_fps, media->max_kbps, media->hardware);
        media->hubs = g_ptr_array_new();
        media->sound_hubs = g_ptr_array_new();
        media->peers = g_ptr_array_new();
        media->by_id = g_hash_table_new(NULL, NULL);
        media->sources = tb_sources_new(media->encoders);
        media->sounds = tb_sounds_new();
        const TbLinkSetup setup = {.epoch_us = tb_media_epoch() / GST_USECOND,
                                   .max_fps = media->max_fps,
                                   .max_kbps = media->max_kbps,
                                   .min_port = config->min_port,
                                   .max_port = config->max_port,
                                   .log_level = log_level(),
                                   .log_json = config->log_json};
        media->child = tb_media_child_new(config->program, &setup, &child_callbacks, media);
        media->told_state = tb_media_state_name(media);
        media->tick = g_timeout_add(TICK_MS, tick, media);
        return media;
}

void tb_media_free(TbMedia *media)
{
        if (!media)
                return;
        tb_assert_main();
        while (media->peers->len > 0)
                tb_peer_end_now(g_ptr_array_index(media->peers, 0), "the host is stopping");
        g_source_remove(media->tick);
        tb_gstreamer_stop();
        tb_media_child_free(media->child);
        tb_sources_free(media->sources);
        tb_sounds_free(media->sounds);
        tb_stills_free(media->stills);
        while (media->hubs->len > 0)
                tb_media_remove_hub(media, g_ptr_array_index(media->hubs, 0), "The host is stopping.");
        while (media->sound_hubs->len > 0)
                tb_media_remove_sound(media, g_ptr_array_index(media->sound_hubs, 0), "the host is stopping");
        tb_encoders_free(media->encoders);
        tb_reaper_stop();
        g_ptr_array_free(media->hubs, TRUE);
        g_ptr_array_free(media->sound_hubs, TRUE);
        g_ptr_array_free(media->peers, TRUE);
        tb_places_clear(&media->viewer_places);
        tb_places_clear(&media->mjpeg_places);
        g_hash_table_unref(media->by_id);
        g_strfreev(media->ice_servers);
        g_free(media->told_fault);
        g_free(media);
}

/* --- hubs --- */
TbHub *tb_media_add_hub(TbMedia *media, const char *device, const char *interface, const TbVideoSource *ops,
                        void *source)
{
        tb_assert_main();
        TbHub *hub = tb_hub_new(device, interface, ops, source);
        g_ptr_array_add(media->hubs, hub);
        return hub;
}

void tb_media_remove_hub(TbMedia *media, TbHub *hub, const char *reason)
{
        tb_assert_main();
        if (!g_ptr_array_remove(media->hubs, hub))
                return;
        g_autoptr(GPtrArray) peers = g_ptr_array_copy(media->peers, NULL, NULL);
        for (guint i = 0; i < peers->len; i++)
                if (tb_peer_hub(g_ptr_array_index(peers, i)) == hub)
                        tb_peer_close(g_ptr_array_index(peers, i), reason);
        tb_hub_retire(hub, reason);
        tb_hub_unref(hub);
}

TbHub *tb_media_find_hub(TbMedia *media, const char *device, const char *interface, GError **error)
{
        for (guint i = 0; i < media->hubs->len; i++) {
                TbHub *hub = g_ptr_array_index(media->hubs, i);
                if (strcmp(tb_hub_device(hub), device) == 0 && strcmp(tb_hub_interface(hub), interface) == 0)
                        return hub;
        }
        tb_set_error(error, TB_ERROR_NOT_FOUND, "%s has no video interface \"%s\"", device, interface);
        return NULL;
}

TbSoundHub *tb_media_add_sound(TbMedia *media, const char *device, const char *interface,
                               const TbSoundSource *ops, void *source)
{
        tb_assert_main();
        TbSoundHub *hub = tb_sound_hub_new(device, interface, ops, source);
        g_ptr_array_add(media->sound_hubs, hub);
        return hub;
}

void tb_media_remove_sound(TbMedia *media, TbSoundHub *hub, const char *reason)
{
        tb_assert_main();
        if (!g_ptr_array_remove(media->sound_hubs, hub))
                return;
        g_autoptr(GPtrArray) peers = g_ptr_array_copy(media->peers, NULL, NULL);
        for (guint i = 0; i < peers->len; i++) { /* who only listened; a picture goes on without it */
                TbPeer *peer = g_ptr_array_index(peers, i);
                if (tb_peer_sound(peer) == hub && !tb_peer_hub(peer))
                        tb_peer_close(peer, reason);
        }
        tb_sound_hub_retire(hub, reason);
        tb_sound_hub_unref(hub);
}

TbSoundHub *tb_media_find_sound(TbMedia *media, const char *device, const char *interface, GError **error)
{
        for (guint i = 0; i < media->sound_hubs->len; i++) {
                TbSoundHub *hub = g_ptr_array_index(media->sound_hubs, i);
                if (strcmp(tb_sound_hub_device(hub), device) == 0 &&
                    (!interface || strcmp(tb_sound_hub_interface(hub), interface) == 0))
                        return hub;
        }
        tb_set_error(error, TB_ERROR_NOT_FOUND, "%s has no audio interface%s%s", device, interface ? " " : "",
                     interface ? interface : "");
        return NULL;
}

/* --- what peers and stills need --- */
TbEncoders *tb_media_encoders(TbMedia *media)
{
        return media->encoders;
}

const char *const *tb_media_ice_servers(TbMedia *media)
{
        return (const char *const *)media->ice_servers;
}

TbMediaChild *tb_media_child(TbMedia *media)
{
        return media->child;
}

TbSources *tb_media_sources(TbMedia *media)
{
        return media->sources;
}

TbSounds *tb_media_sounds(TbMedia *media)
{
        return media->sounds;
}

guint32 tb_media_next_peer(TbMedia *media)
{
        do
                media->last_peer++;
        while (media->last_peer == 0 ||
               g_hash_table_contains(media->by_id, GUINT_TO_POINTER(media->last_peer)));
        return media->last_peer;
}

/* False: nobody has to. */
static bool make_room(TbMedia *media, const TbPlaceBy *by, bool anybody)
{
        g_autofree char *key = by ? tb_place_key(by->user, by->peer) : NULL;
        g_autofree TbRoomPlace *places = g_new(TbRoomPlace, media->peers->len + 1);
        for (guint i = 0; i < media->peers->len; i++)
                places[i] = tb_peer_place(g_ptr_array_index(media->peers, i));
        if (!anybody &&
            tb_room_waiting(places, media->peers->len, key) < tb_places_each(&media->viewer_places))
                return false;
        int found = tb_room_find(places, media->peers->len, key, anybody, g_get_monotonic_time());
        if (found >= 0)
                tb_peer_make_room(g_ptr_array_index(media->peers, found));
        return true;
}

static bool waits_too_often(TbMedia *media, const TbPlaceBy *by, GError **error)
{
        guint before = media->viewer_places.all;
        if (!make_room(media, by, false) || media->viewer_places.all < before)
                return false;
        tb_set_error(error, TB_ERROR_LIMIT,
                     "%u of your viewers are not connected yet, which is one user's share",
                     tb_places_each(&media->viewer_places));
        return true;
}

bool tb_media_admit_peer(TbMedia *media, const TbPlaceBy *by, TbPlace *ret_place, GError **error)
{
        bool taken = !waits_too_often(media, by, error) &&
                     tb_place_take(&media->viewer_places, by, ret_place, NULL);
        if (!taken && !(error && *error)) {
                make_room(media, by, true);
                taken = tb_place_take(&media->viewer_places, by, ret_place, error);
                if (!taken)
                        tb_error_suffix(error, ": close one, or raise media.viewers");
        }
        TB_COUNT(tb_media_counters()->peers_total, taken);
        TB_COUNT(tb_media_counters()->peers_refused, !taken);
        return taken;
}

void tb_media_add_peer(TbMedia *media, TbPeer *peer)
{
        g_ptr_array_add(media->peers, peer);
        g_hash_table_insert(media->by_id, GUINT_TO_POINTER(tb_peer_id(peer)), peer);
}

void tb_media_remove_peer(TbMedia *media, TbPeer *peer)
{
        g_ptr_array_remove_fast(media->peers, peer);
        g_hash_table_remove(media->by_id, GUINT_TO_POINTER(tb_peer_id(peer)));
}

bool tb_media_admit_mjpeg(TbMedia *media, const TbPlaceBy *by, TbPlace *ret_place, GError **error)
{
        return tb_place_take(&media->mjpeg_places, by, ret_place, error);
}

TbStills *tb_media_stills(TbMedia *media)
{
        if (!media->stills)
                media->stills = tb_stills_new();
        return media->stills;
}

/* --- what is known --- */
void tb_media_start(TbMedia *media)
{
        tb_gstreamer_start(on_changed, media);
        tb_media_child_start(media->child);
}

const char *tb_media_fault(TbMedia *media)
{
        const char *lasting = tb_gstreamer_fault();
        return lasting ? lasting : tb_media_child_why(media->child);
}

const char *tb_media_state_name(TbMedia *media)
{
        if (tb_gstreamer_fault())
                return "unavailable";
        if (tb_media_child_why(media->child))
                return "restarting";
        TbLinkReady ready;
        return tb_gstreamer_ready(NULL) && tb_media_child_guards(media->child, &ready) ? "running"
                                                                                       : "starting";
}

void tb_media_listen(TbMedia *media, void (*changed)(void *data), void *data)
{
        media->changed = changed;
        media->changed_data = data;
}

void tb_media_get_stats(TbMedia *media, TbMediaStats *ret_stats)
{
        tb_assert_main();
        const TbMediaCounters *c = tb_media_counters();
        *ret_stats = (TbMediaStats){
                .hubs = media->hubs->len,
                .peers = media->peers->len,
                .mjpeg = media->mjpeg_places.all,
                .encoders = tb_encoders_count(media->encoders),
                .peers_total = TB_COUNTED(c->peers_total),
                .peers_refused = TB_COUNTED(c->peers_refused),
                .frames_in = TB_COUNTED(c->frames_in),
                .frames_dropped = TB_COUNTED(c->frames_dropped),
                .frames_encoded = TB_COUNTED(c->frames_encoded),
                .keyframes = TB_COUNTED(c->keyframes),
                .bytes_sent = TB_COUNTED(c->bytes_sent),
                .child = tb_media_child_pid(media->child),
        };
        for (guint i = 0; i < media->hubs->len; i++) {
                TbHub *hub = g_ptr_array_index(media->hubs, i);
                ret_stats->hubs_live += tb_hub_state(hub) == TB_HUB_LIVE;
                ret_stats->sinks += tb_hub_viewers(hub);
        }
        guint others = ret_stats->peers + ret_stats->mjpeg;
        ret_stats->sinks -= MIN(ret_stats->sinks, others);
}

static json_t *peers_info(TbMedia *media)
{
        static const char *const names[] = {"no_new_privileges", "unreadable", "files", "system_calls",
                                            "user"};
        json_t *o = json_pack("{s:s, s:s*}", "state", tb_media_state_name(media), "reason",
                              tb_media_fault(media));
        TbLinkReady ready;
        if (!tb_media_child_guards(media->child, &ready))
                return o;
        json_t *guards = json_object();
        for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
                json_object_set_new(guards, names[i], json_boolean(ready.got >> i & 1));
        json_object_set_new(o, "guards", guards);
        json_object_set_new(o, "landlock", json_integer(ready.landlock));
        return o;
}

json_t *tb_media_info(TbMedia *media)
{
        json_t *codecs = json_array(), *encoders = json_object();
        bool ready = tb_gstreamer_ready(NULL);
        for (TbCodec codec = 0; ready && codec < TB_CODECS; codec++) {
                const TbEncoderSpec *spec = tb_codec_encoder(codec, media->hardware);
                if (!spec)
                        continue;
                json_array_append_new(codecs, json_string(tb_codec_name(codec)));
                json_object_set_new(encoders, tb_codec_name(codec), json_string(spec->element));
        }
        json_t *audio = json_array();
        if (ready && tb_opus_is_there())
                json_array_append_new(audio, json_string("OPUS"));
        return json_pack("{s:o, s:o, s:o, s:o, s:{s:i, s:i, s:i, s:i}}", "video", codecs, "audio", audio,
                         "encoders", encoders, "peers", peers_info(media), "limits", "viewers",
                         (int)media->max_viewers, "mjpeg", (int)media->max_mjpeg, "fps", (int)media->max_fps,
                         "kbps", (int)media->max_kbps);
}

json_t *tb_media_peers(TbMedia *media)
{
        json_t *array = json_array();
        for (guint i = 0; i < media->peers->len; i++)
                json_array_append_new(array, tb_peer_to_json(g_ptr_array_index(media->peers, i)));
        return array;
}
