#include "host/media/media.h"

#include <gst/gst.h>
#include <string.h>
#include <sys/resource.h>

#include "host/media/media_private.h"
#include "host/media/memory.h"
#include "host/media/reaper.h"
#include "host/media/webrtc/dtls.h"
#include "host/media/webrtc/peer.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

#define DEFAULT_MAX_FPS 60
#define DEFAULT_MAX_KBPS 8000
#define FDS_PER_PEER 32

struct TbMedia {
        guint max_viewers, max_mjpeg, max_fps, max_kbps;
        guint16 min_port, max_port;
        bool hardware;
        char **ice_servers;   /* owned */
        TbEncoders *encoders; /* owned */
        GPtrArray *hubs;      /* ref */
        GPtrArray *peers;     /* borrowed: they take themselves out */
        GPtrArray *senders;   /* borrowed: they take themselves out */
        TbStills *stills;     /* owned; NULL until the first */
        guint mjpeg;
        GstElement *dtls; /* ref; see warm_up() */
};

static void raise_descriptors(void)
{
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
                return;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
                tb_log(TB_LOG_WARNING, TB_F(), "cannot raise the limit of open files; each viewer needs %d",
                       FDS_PER_PEER);
}

/* The certificate of DTLS is made once per process and takes 50 ms and more: not in the first viewer's time.
 * Keeps the plugins loaded, too. */
static GstElement *warm_up(void)
{
        static const char *const used[] = {"webrtcbin", "nicesink",   "srtpenc",   "sctpenc",
                                           "rtpbin",    "rtph264pay", "rtpvp8pay", "videoconvertscale",
                                           "appsrc",    "appsink",    NULL};
        for (const char *const *name = used; *name; name++) {
                GstElement *element = gst_element_factory_make(*name, NULL);
                if (element)
                        gst_object_unref(gst_object_ref_sink(element));
        }
        GstElement *dtls = gst_element_factory_make("dtlsdec", NULL);
        return dtls ? gst_object_ref_sink(dtls) : NULL;
}

TbMedia *tb_media_new(const TbMediaConfig *config, GError **error)
{
        tb_assert_main();
        static const TbMediaConfig defaults;
        config = config ? config : &defaults;
        if (!gst_is_initialized() && !gst_init_check(NULL, NULL, error)) {
                tb_error_prefix(error, "GStreamer: ");
                return NULL;
        }
        raise_descriptors();
        tb_dtls_hasten();
        tb_memory_lean();
        TbMedia *media = g_new0(TbMedia, 1);
        media->max_viewers = config->max_viewers ? config->max_viewers : TB_LIMIT_VIEWERS;
        media->max_mjpeg = config->max_mjpeg ? config->max_mjpeg : TB_LIMIT_MJPEG_VIEWERS;
        media->max_fps = CLAMP(config->max_fps ? config->max_fps : DEFAULT_MAX_FPS, 1, TB_LIMIT_FPS);
        media->max_kbps = config->max_kbps ? config->max_kbps : DEFAULT_MAX_KBPS;
        media->min_port = config->min_port;
        media->max_port = config->max_port;
        media->hardware = !config->no_hardware;
        media->ice_servers =
                config->ice_servers ? g_strdupv((char **)config->ice_servers) : g_new0(char *, 1);
        media->encoders = tb_encoders_new(media->max_fps, media->max_kbps, media->hardware);
        media->hubs = g_ptr_array_new();
        media->peers = g_ptr_array_new();
        media->senders = g_ptr_array_new();
        media->dtls = warm_up();
        return media;
}

void tb_media_free(TbMedia *media)
{
        if (!media)
                return;
        tb_assert_main();
        while (media->peers->len > 0)
                tb_peer_end_now(g_ptr_array_index(media->peers, 0), "the host is stopping");
        tb_stills_free(media->stills);
        while (media->hubs->len > 0)
                tb_media_remove_hub(media, g_ptr_array_index(media->hubs, 0), "The host is stopping.");
        tb_encoders_free(media->encoders);
        if (media->dtls)
                gst_object_unref(media->dtls);
        tb_reaper_stop();
        g_ptr_array_free(media->hubs, TRUE);
        g_ptr_array_free(media->peers, TRUE);
        g_ptr_array_free(media->senders, TRUE);
        g_strfreev(media->ice_servers);
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

/* --- what peers and stills need --- */
TbEncoders *tb_media_encoders(TbMedia *media)
{
        return media->encoders;
}

const char *const *tb_media_ice_servers(TbMedia *media)
{
        return (const char *const *)media->ice_servers;
}

void tb_media_ports(TbMedia *media, guint16 *ret_min, guint16 *ret_max)
{
        *ret_min = media->min_port;
        *ret_max = media->max_port;
}

guint tb_media_max_kbps(TbMedia *media)
{
        return media->max_kbps;
}

guint tb_media_max_fps(TbMedia *media)
{
        return media->max_fps;
}

bool tb_media_admit_peer(TbMedia *media, GError **error)
{
        if (media->peers->len >= media->max_viewers) {
                TB_COUNT(tb_media_counters()->peers_refused, 1);
                tb_set_error(error, TB_ERROR_LIMIT,
                             "%u viewers watch already, and this host allows no more: close one, or raise "
                             "media.max_viewers",
                             media->peers->len);
                return false;
        }
        TB_COUNT(tb_media_counters()->peers_total, 1);
        return true;
}

void tb_media_add_peer(TbMedia *media, TbPeer *peer)
{
        g_ptr_array_add(media->peers, peer);
}

void tb_media_remove_peer(TbMedia *media, TbPeer *peer)
{
        g_ptr_array_remove_fast(media->peers, peer);
}

GPtrArray *tb_media_senders(TbMedia *media)
{
        return media->senders;
}

bool tb_media_admit_mjpeg(TbMedia *media, GError **error)
{
        if (media->mjpeg >= media->max_mjpeg) {
                tb_set_error(error, TB_ERROR_LIMIT,
                             "%u MJPEG streams run already, and this host allows no more", media->mjpeg);
                return false;
        }
        media->mjpeg++;
        return true;
}

void tb_media_leave_mjpeg(TbMedia *media)
{
        media->mjpeg--;
}

TbStills *tb_media_stills(TbMedia *media)
{
        if (!media->stills)
                media->stills = tb_stills_new();
        return media->stills;
}

/* --- what is known --- */
void tb_media_get_stats(TbMedia *media, TbMediaStats *ret_stats)
{
        tb_assert_main();
        const TbMediaCounters *c = tb_media_counters();
        *ret_stats = (TbMediaStats){
                .hubs = media->hubs->len,
                .peers = media->peers->len,
                .mjpeg = media->mjpeg,
                .encoders = tb_encoders_count(media->encoders),
                .peers_total = TB_COUNTED(c->peers_total),
                .peers_refused = TB_COUNTED(c->peers_refused),
                .frames_in = TB_COUNTED(c->frames_in),
                .frames_dropped = TB_COUNTED(c->frames_dropped),
                .frames_encoded = TB_COUNTED(c->frames_encoded),
                .keyframes = TB_COUNTED(c->keyframes),
                .bytes_sent = TB_COUNTED(c->bytes_sent),
        };
        for (guint i = 0; i < media->hubs->len; i++) {
                TbHub *hub = g_ptr_array_index(media->hubs, i);
                ret_stats->hubs_live += tb_hub_state(hub) == TB_HUB_LIVE;
                ret_stats->sinks += tb_hub_viewers(hub);
        }
        guint others = ret_stats->peers + ret_stats->mjpeg;
        ret_stats->sinks -= MIN(ret_stats->sinks, others);
}

json_t *tb_media_info(TbMedia *media)
{
        json_t *codecs = json_array(), *encoders = json_object();
        for (TbCodec codec = 0; codec < TB_CODECS; codec++) {
                const TbEncoderSpec *spec = tb_codec_encoder(codec, media->hardware);
                if (!spec)
                        continue;
                json_array_append_new(codecs, json_string(tb_codec_name(codec)));
                json_object_set_new(encoders, tb_codec_name(codec), json_string(spec->element));
        }
        return json_pack("{s:o, s:o, s:{s:i, s:i, s:i, s:i}}", "video", codecs, "encoders", encoders,
                         "limits", "viewers", (int)media->max_viewers, "mjpeg", (int)media->max_mjpeg, "fps",
                         (int)media->max_fps, "kbps", (int)media->max_kbps);
}

json_t *tb_media_peers(TbMedia *media)
{
        json_t *array = json_array();
        for (guint i = 0; i < media->peers->len; i++)
                json_array_append_new(array, tb_peer_to_json(g_ptr_array_index(media->peers, i)));
        return array;
}
