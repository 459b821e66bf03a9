#include "host/media/webrtc/peer.h"

#include "host/media/media_private.h"
#include "host/media/reaper.h"
#include "host/media/webrtc/peer_private.h"
#include "host/media/webrtc/rtpext.h"
#include "host/media/webrtc/sctp.h"
#include "host/media/webrtc/turn.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/thread.h"

#define ANSWER_WAIT_MS 40
#define CONNECT_S 20 /* from the offer to a connection */
#define LOST_S 15    /* disconnected */
/* no report from the viewer while pictures are sent; Chromium reports several times a second */
#define SILENT_S 8

void tb_peer_unref(gpointer data)
{
        TbPeer *peer = data;
        if (!tb_ref_dec(&peer->ref))
                return;
        tb_offer_clear(&peer->offer);
        g_ptr_array_free(peer->candidates, TRUE);
        if (peer->answer)
                gst_sdp_message_free(peer->answer);
        g_free(peer->label);
        g_free(peer->reason);
        g_free(peer);
}

TbPeer *tb_peer_ref(TbPeer *peer)
{
        tb_ref_inc(&peer->ref);
        return peer;
}

void tb_peer_closure_unref(gpointer data, GClosure *closure G_GNUC_UNUSED)
{
        tb_peer_unref(data);
}

const char *tb_peer_state_name(TbPeerState state)
{
        switch (state) {
        case TB_PEER_NEW: return "new";
        case TB_PEER_CONNECTING: return "connecting";
        case TB_PEER_CONNECTED: return "connected";
        case TB_PEER_DISCONNECTED: return "disconnected";
        case TB_PEER_CLOSED: return "closed";
        }
        return "?";
}

/* --- the end --- */
static void tell_closed(TbPeer *peer)
{
        if (peer->ended)
                return;
        peer->ended = true;
        tb_media_remove_peer(peer->media, peer);
        peer->media = NULL;
        tb_log(TB_LOG_INFO, TB_F("device", peer->hub ? tb_hub_device(peer->hub) : NULL, "peer", peer->label),
               "viewer left: %s", peer->reason);
        g_clear_pointer(&peer->hub, tb_hub_unref);
        peer->callbacks->closed(peer, peer->reason, peer->data);
}

static void tell_closed_later(gpointer data)
{
        tell_closed(data);
        tb_peer_unref(data); /* the maker's reference */
}

static void give_back(gpointer sctp)
{
        tb_sctp_give_back(GPOINTER_TO_UINT(sctp));
}

/* From here on no thread of webrtcbin finds us. */
static void let_go(TbPeer *peer)
{
        if (peer->answer_timer)
                g_source_remove(peer->answer_timer);
        if (peer->tick_timer)
                g_source_remove(peer->tick_timer);
        peer->answer_timer = peer->tick_timer = 0;
        tb_channels_close(g_steal_pointer(&peer->channels));
        tb_sender_free(g_steal_pointer(&peer->sender));
        if (peer->hub)
                tb_hub_release(peer->hub, true);
        if (!peer->pipeline)
                return;
        g_signal_handlers_disconnect_by_data(peer->webrtc, peer);
        peer->webrtc = NULL;
        tb_reaper_take(g_steal_pointer(&peer->pipeline), peer->turn ? tb_turn_release : NULL, give_back,
                       GUINT_TO_POINTER(peer->sctp));
}

/* False: that has been done. */
static bool begin_end(TbPeer *peer, const char *reason)
{
        if (peer->ending)
                return false;
        peer->ending = true;
        peer->state = TB_PEER_CLOSED;
        peer->reason = g_strdup(reason ? reason : "closed");
        let_go(peer);
        return true;
}

void tb_peer_close(TbPeer *peer, const char *reason)
{
        tb_assert_main();
        /* without a loop nobody hears of it before tb_peer_end_now() */
        if (begin_end(peer, reason))
                peer->posted = tb_main_post(tell_closed_later, peer);
}

void tb_peer_end_now(TbPeer *peer, const char *reason)
{
        begin_end(peer, reason);
        tell_closed(peer);
        if (!peer->posted)
                tb_peer_unref(peer); /* the maker's reference; else tell_closed_later() drops it */
}

/* --- crossing to main --- */
typedef struct Post {
        TbPeer *peer; /* ref */
        void (*call)(TbPeer *peer, gpointer value, guint number);
        gpointer value;
        GDestroyNotify free_value;
        guint number;
} Post;

static void post_run(gpointer data)
{
        Post *post = data;
        if (!post->peer->ending)
                post->call(post->peer, post->value, post->number);
        if (post->value && post->free_value)
                post->free_value(post->value);
        tb_peer_unref(post->peer);
        g_free(post);
}

void tb_peer_post(TbPeer *peer, void (*call)(TbPeer *peer, gpointer value, guint number), gpointer value,
                  GDestroyNotify free_value, guint number)
{
        Post *post = g_new(Post, 1);
        *post = (Post){tb_peer_ref(peer), call, value, free_value, number};
        if (tb_main_post(post_run, post))
                return;
        if (value && free_value)
                free_value(value);
        tb_peer_unref(post->peer);
        g_free(post);
}

/* --- channels --- */
static void channel_open(void *data, const char *label, bool open)
{
        TbPeer *peer = data;
        if (peer->callbacks->channel)
                peer->callbacks->channel(peer, label, open, peer->data);
}

static void channel_message(void *data, const char *label, const char *bytes, gsize length, bool text)
{
        TbPeer *peer = data;
        if (peer->callbacks->message)
                peer->callbacks->message(peer, label, bytes, length, text, peer->data);
}

static void channel_flooded(void *data, const char *why)
{
        tb_peer_close(data, why);
}

static const TbChannelsCallbacks CHANNEL_CALLBACKS = {channel_open, channel_message, channel_flooded};

bool tb_peer_send(TbPeer *peer, const char *channel, const char *text, GError **error)
{
        if (!peer->channels) {
                tb_set_error(error, TB_ERROR_NOT_FOUND, "the viewer has left");
                return false;
        }
        return tb_channels_send(peer->channels, channel, text, error);
}

/* --- life --- */
static gboolean tick(gpointer data)
{
        TbPeer *peer = tb_peer_ref(data);
        gint64 now = g_get_monotonic_time();
        if (peer->state < TB_PEER_CONNECTED && now - peer->born_us > CONNECT_S * G_USEC_PER_SEC)
                tb_peer_close(peer, "no connection was made in time");
        else if (peer->lost_us && now - peer->lost_us > LOST_S * G_USEC_PER_SEC)
                tb_peer_close(peer, "the viewer cannot be reached any more");
        else if (peer->sender && peer->state == TB_PEER_CONNECTED &&
                 !tb_sender_tick(peer->sender, SILENT_S * G_USEC_PER_SEC))
                tb_peer_close(peer, "the viewer does not report any more");
        bool ending = peer->ending; /* let_go() removed this timer already */
        tb_peer_unref(peer);
        return ending ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void pipeline_failed(TbPeer *peer, gpointer value, guint number G_GNUC_UNUSED)
{
        /* the usual one: DTLS was closed by the other side, and what is written into it fails */
        bool gone = peer->state == TB_PEER_CONNECTED || peer->state == TB_PEER_DISCONNECTED;
        tb_log(gone ? TB_LOG_DEBUG : TB_LOG_WARNING, TB_F("peer", peer->label), "pipeline: %s",
               (const char *)value);
        tb_peer_close(peer, gone ? "the viewer closed the connection" : value);
}

static GstBusSyncReply on_bus(GstBus *bus G_GNUC_UNUSED, GstMessage *message, gpointer data)
{
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
                g_autoptr(GError) error = NULL;
                gst_message_parse_error(message, &error, NULL);
                tb_peer_post(data, pipeline_failed, g_strdup(error->message), g_free, 0);
        }
        gst_message_unref(message); /* a message in the bus keeps webrtcbin alive for ever */
        return GST_BUS_DROP;
}

static bool build(TbPeer *peer, const char *const *ice_servers, guint max_kbps, GError **error)
{
        peer->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
        peer->webrtc = gst_element_factory_make("webrtcbin", "webrtc");
        if (!peer->webrtc) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "this host has no WebRTC (GStreamer plugin webrtc is missing)");
                return false;
        }
        gst_util_set_object_arg(G_OBJECT(peer->webrtc), "bundle-policy", "max-bundle");
        g_object_set(peer->webrtc, "latency", 0u, NULL);
        peer->sctp = tb_sctp_take();
        tb_sctp_use(peer->webrtc, peer->sctp);
        gst_bin_add(GST_BIN(peer->pipeline), peer->webrtc);
        g_autoptr(GstBus) bus = gst_pipeline_get_bus(GST_PIPELINE(peer->pipeline));
        gst_bus_set_sync_handler(bus, on_bus, tb_peer_ref(peer), tb_peer_unref);
        tb_media_set_clock(peer->pipeline);
        tb_peer_set_up_ice(peer, ice_servers);
        if (peer->hub) {
                peer->sender =
                        tb_sender_new(peer->media, peer->hub, peer->pipeline, &peer->offer, max_kbps, error);
                if (!peer->sender)
                        return false;
        }
        peer->channels = tb_channels_new(peer->webrtc, &CHANNEL_CALLBACKS, peer);
        tb_peer_set_up_negotiation(peer);
        if (gst_element_set_state(peer->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
                tb_set_error(
                        error, TB_ERROR_UNAVAILABLE,
                        "cannot start WebRTC: are the GStreamer plugins nice, dtls, srtp and sctp there?");
                return false;
        }
        return true;
}

TbPeer *tb_peer_new(TbMedia *media, TbHub *hub, const char *offer_sdp, const TbPeerOptions *options,
                    const TbPeerCallbacks *callbacks, void *data, GError **error)
{
        tb_assert_main();
        static const TbPeerOptions defaults;
        g_auto(TbOffer) offer = {0};
        options = options ? options : &defaults;
        if (!tb_offer_parse(offer_sdp, hub != NULL, &offer, error) || !tb_media_admit_peer(media, error))
                return NULL;

        TbPeer *peer = g_new0(TbPeer, 1);
        tb_ref_init(&peer->ref);
        peer->media = media;
        peer->callbacks = callbacks;
        peer->data = data;
        peer->label = g_strdup(options->label ? options->label : "viewer");
        peer->answer_wait_ms = options->answer_wait_ms ? options->answer_wait_ms : ANSWER_WAIT_MS;
        peer->answer_at_relay = options->answer_at_relay;
        peer->offer = offer;
        offer = (TbOffer){0};
        peer->candidates = g_ptr_array_new_with_free_func(g_free);
        peer->born_us = g_get_monotonic_time();
        if (hub) {
                peer->hub = tb_hub_ref(hub);
                tb_hub_acquire(hub, true);
        }
        if (!build(peer, options->ice_servers ? options->ice_servers : tb_media_ice_servers(media),
                   options->max_kbps, error) ||
            !tb_peer_negotiate(peer, error)) {
                peer->ending = true;
                let_go(peer);
                g_clear_pointer(&peer->hub, tb_hub_unref);
                tb_peer_unref(peer);
                return NULL;
        }
        peer->tick_timer = g_timeout_add_seconds(1, tick, peer);
        tb_media_add_peer(media, peer);
        return peer;
}

void tb_peer_want_keyframe(TbPeer *peer)
{
        if (peer->sender)
                tb_sender_want_keyframe(peer->sender);
}

TbPeerState tb_peer_state(TbPeer *peer)
{
        return peer->state;
}

TbHub *tb_peer_hub(TbPeer *peer)
{
        return peer->hub;
}
