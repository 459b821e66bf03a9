#include "host/media/peer.h"

#include <gst/app/app.h>
#include <gst/video/video.h>
#include <gst/webrtc/webrtc.h>
#include <string.h>

#include "host/media/answer.h"
#include "host/media/candidate.h"
#include "host/media/channels.h"
#include "host/media/media_private.h"
#include "host/media/offer.h"
#include "host/media/reaper.h"
#include "host/media/rtpext.h"
#include "host/media/sender.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

#define ANSWER_WAIT_MS 40
#define NO_CANDIDATE_MS 3000 /* a busy machine may need more than the wait for its first candidate */
#define CONNECT_S 20         /* from the offer to a connection */
#define LOST_S 15            /* disconnected */
#define SILENT_S                                                                                             \
        8 /* no report from the viewer while pictures are sent; Chromium reports several times a second */
#define ICE_PACING_MS 5u     /* Ta, the least that RFC 8445 §14.2 allows; libnice: 20 */
#define DTLS_CLOSED 1 /* GST_DTLS_CONNECTION_STATE_CLOSED of gst/dtls, which has no header */

struct TbPeer {
        gatomicrefcount ref; /* webrtcbin's threads hold it while they call; everything below is main's */
        TbMedia *media;      /* borrowed; NULL after the end */
        TbHub *hub;          /* ref; NULL: data only */
        const TbPeerCallbacks *callbacks; /* static */
        void *data;                       /* borrowed from who made it */
        char *label;                      /* owned */
        int answer_wait_ms;
        TbOffer offer;        /* owned */
        GstElement *pipeline; /* ref; NULL after the end */
        GstElement *webrtc;   /* borrowed from pipeline */
        TbSender *sender;     /* owned; NULL without video */
        TbChannels *channels; /* owned */
        TbPeerState state;
        char *reason; /* owned; why it ends */
        bool ending, ended;
        GstSDPMessage *answer; /* owned; made, not told yet */
        bool told;             /* the answer was given */
        GPtrArray *candidates; /* owned strings; ours, before the answer */
        guint remote_candidates;
        guint answer_timer, tick_timer;
        gint64 born_us, lost_us; /* lost: since when ICE is disconnected; 0: it is not */
};

static void peer_unref(gpointer data)
{
        TbPeer *peer = data;
        if (!g_atomic_ref_count_dec(&peer->ref))
                return;
        tb_offer_clear(&peer->offer);
        g_ptr_array_free(peer->candidates, TRUE);
        if (peer->answer)
                gst_sdp_message_free(peer->answer);
        g_free(peer->label);
        g_free(peer->reason);
        g_free(peer);
}

static TbPeer *peer_ref(TbPeer *peer)
{
        g_atomic_ref_count_inc(&peer->ref);
        return peer;
}

static void closure_unref(gpointer data, GClosure *closure G_GNUC_UNUSED)
{
        peer_unref(data);
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
        peer_unref(data); /* the maker's reference */
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
        tb_reaper_take(g_steal_pointer(&peer->pipeline), NULL, NULL);
}

void tb_peer_close(TbPeer *peer, const char *reason)
{
        tb_assert_main();
        if (peer->ending)
                return;
        peer->ending = true;
        peer->state = TB_PEER_CLOSED;
        peer->reason = g_strdup(reason ? reason : "closed");
        let_go(peer);
        if (!tb_main_post(tell_closed_later, peer))
                tell_closed_later(peer); /* the loop has ended: nobody is left to mind */
}

void tb_peer_end_now(TbPeer *peer, const char *reason)
{
        peer_ref(peer);
        tb_peer_close(peer, reason);
        tell_closed(peer);
        peer_unref(peer);
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
        peer_unref(post->peer);
        g_free(post);
}

/* Any thread. Takes `value`. */
static void post_main(TbPeer *peer, void (*call)(TbPeer *peer, gpointer value, guint number), gpointer value,
                      GDestroyNotify free_value, guint number)
{
        Post *post = g_new(Post, 1);
        *post = (Post){peer_ref(peer), call, value, free_value, number};
        if (tb_main_post(post_run, post))
                return;
        if (value && free_value)
                free_value(value);
        peer_unref(post->peer);
        g_free(post);
}

/* Error of a promise's reply; NULL when it has none. The caller owns it. */
static GError *promise_error(GstPromise *promise)
{
        GError *error = NULL;
        if (gst_promise_wait(promise) != GST_PROMISE_RESULT_REPLIED)
                return g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE, "the peer ended before it answered");
        const GstStructure *reply = gst_promise_get_reply(promise);
        if (reply && gst_structure_has_field(reply, "error"))
                gst_structure_get(reply, "error", G_TYPE_ERROR, &error, NULL);
        return error;
}

static void free_error(gpointer error)
{
        g_error_free(error);
}

/* --- answer --- */
static void refuse(TbPeer *peer, gpointer value, guint number G_GNUC_UNUSED)
{
        GError *cause = value;
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, TB_ERROR_UNPROCESSABLE, "cannot answer the offer: %s", cause->message);
        peer_ref(peer);
        peer->told = true;
        peer->callbacks->answer(peer, NULL, error, peer->data);
        tb_peer_close(peer, error->message);
        peer_unref(peer);
}

static void tell_answer(TbPeer *peer)
{
        if (peer->told || !peer->answer)
                return;
        g_ptr_array_add(peer->candidates, NULL);
        g_autofree char *sdp =
                tb_offer_answer(&peer->offer, peer->answer, (const char *const *)peer->candidates->pdata);
        peer->told = true;
        if (peer->state == TB_PEER_NEW)
                peer->state = TB_PEER_CONNECTING;
        tb_log(TB_LOG_DEBUG, TB_F("peer", peer->label), "answered after %d ms",
               (int)((g_get_monotonic_time() - peer->born_us) / 1000));
        peer->callbacks->answer(peer, sdp, NULL, peer->data);
}

static gboolean answer_waited(gpointer data)
{
        TbPeer *peer = data;
        /* An answer without any candidate connects nobody who cannot be told later. Gathering says when there
         * are none to come. */
        if (peer->candidates->len == 0 && g_get_monotonic_time() - peer->born_us < NO_CANDIDATE_MS * 1000)
                return G_SOURCE_CONTINUE;
        peer->answer_timer = 0;
        tell_answer(peer);
        return G_SOURCE_REMOVE;
}

static void have_answer(TbPeer *peer, gpointer value, guint number G_GNUC_UNUSED)
{
        GstWebRTCSessionDescription *description = value;
        gst_sdp_message_copy(description->sdp, &peer->answer);
        g_autoptr(GstPromise) promise = gst_promise_new();
        g_signal_emit_by_name(peer->webrtc, "set-local-description", description,
                              promise); /* starts gathering */
        gst_promise_interrupt(promise); /* nobody waits for it */
        if (peer->answer_wait_ms < 0)
                tell_answer(peer);
        else
                peer->answer_timer = g_timeout_add((guint)peer->answer_wait_ms, answer_waited, peer);
}

static void on_answer(GstPromise *promise, gpointer data)
{
        TbPeer *peer = data;
        GError *error = promise_error(promise);
        GstWebRTCSessionDescription *answer = NULL;
        if (!error)
                gst_structure_get(gst_promise_get_reply(promise), "answer",
                                  GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &answer, NULL);
        if (answer)
                post_main(peer, have_answer, answer, (GDestroyNotify)gst_webrtc_session_description_free, 0);
        else
                post_main(peer, refuse,
                          error ? error
                                : g_error_new(TB_ERROR, TB_ERROR_INTERNAL, "webrtcbin made no answer"),
                          free_error, 0);
        gst_promise_unref(promise);
}

static void make_answer(TbPeer *peer, gpointer value G_GNUC_UNUSED, guint number G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        if (peer->sender && !tb_sender_link(peer->sender, peer->webrtc, &error)) {
                refuse(peer, error, 0);
                return;
        }
        GstPromise *promise = gst_promise_new_with_change_func(on_answer, peer_ref(peer), peer_unref);
        g_signal_emit_by_name(peer->webrtc, "create-answer", NULL, promise);
}

static void on_remote_set(GstPromise *promise, gpointer data)
{
        TbPeer *peer = data;
        GError *error = promise_error(promise);
        if (error)
                post_main(peer, refuse, error, free_error, 0);
        else
                post_main(peer, make_answer, NULL, NULL, 0);
        gst_promise_unref(promise);
}

/* --- ICE --- */
static void local_candidate(TbPeer *peer, gpointer value, guint mline)
{
        if (!peer->told) {
                g_ptr_array_add(peer->candidates, g_strdup(value));
                return;
        }
        if (peer->callbacks->candidate)
                peer->callbacks->candidate(peer, value, peer->offer.mid, mline, peer->data);
}

static void on_ice_candidate(GstElement *webrtc G_GNUC_UNUSED, guint mline, const char *candidate,
                             gpointer data)
{
        if (candidate && *candidate)
                post_main(data, local_candidate, g_strdup(candidate), g_free, mline);
}

static void gathered(TbPeer *peer, gpointer value G_GNUC_UNUSED, guint state)
{
        if (state != GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE || !peer->answer)
                return;
        if (peer->answer_timer)
                g_source_remove(peer->answer_timer);
        peer->answer_timer = 0;
        tell_answer(peer);
}

static void on_gathering(GObject *webrtc, GParamSpec *spec G_GNUC_UNUSED, gpointer data)
{
        GstWebRTCICEGatheringState state;
        g_object_get(webrtc, "ice-gathering-state", &state, NULL);
        post_main(data, gathered, NULL, NULL, state);
}

static void set_state(TbPeer *peer, TbPeerState state)
{
        if (peer->state == state || peer->ending)
                return;
        peer->state = state;
        tb_log(TB_LOG_INFO, TB_F("device", peer->hub ? tb_hub_device(peer->hub) : NULL, "peer", peer->label),
               "viewer is %s after %d ms", tb_peer_state_name(state),
               (int)((g_get_monotonic_time() - peer->born_us) / 1000));
        if (peer->callbacks->state)
                peer->callbacks->state(peer, state, peer->data);
}

static void connection_changed(TbPeer *peer, gpointer value G_GNUC_UNUSED, guint state)
{
        switch ((GstWebRTCPeerConnectionState)state) {
        case GST_WEBRTC_PEER_CONNECTION_STATE_NEW:
        case GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTING: break;
        case GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED:
                peer->lost_us = 0;
                if (peer->sender)
                        tb_sender_start(peer->sender);
                set_state(peer, TB_PEER_CONNECTED);
                break;
        case GST_WEBRTC_PEER_CONNECTION_STATE_DISCONNECTED:
                if (!peer->lost_us)
                        peer->lost_us = g_get_monotonic_time();
                set_state(peer, TB_PEER_DISCONNECTED);
                break;
        case GST_WEBRTC_PEER_CONNECTION_STATE_FAILED:
                tb_peer_close(peer, peer->state == TB_PEER_CONNECTED || peer->state == TB_PEER_DISCONNECTED
                                            ? "the viewer cannot be reached any more"
                                            : "no connection could be made (ICE failed)");
                break;
        case GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED:
                tb_peer_close(peer, "the viewer closed the connection");
                break;
        }
}

static void on_connection(GObject *webrtc, GParamSpec *spec G_GNUC_UNUSED, gpointer data)
{
        GstWebRTCPeerConnectionState state;
        g_object_get(webrtc, "connection-state", &state, NULL);
        post_main(data, connection_changed, NULL, NULL, state);
}

static void ice_changed(TbPeer *peer, gpointer value G_GNUC_UNUSED, guint state)
{
        if (peer->sender && (state == GST_WEBRTC_ICE_CONNECTION_STATE_CONNECTED ||
                             state == GST_WEBRTC_ICE_CONNECTION_STATE_COMPLETED))
                tb_sender_expect(peer->sender);
}

static void on_ice_connection(GObject *webrtc, GParamSpec *spec G_GNUC_UNUSED, gpointer data)
{
        GstWebRTCICEConnectionState state;
        g_object_get(webrtc, "ice-connection-state", &state, NULL);
        post_main(data, ice_changed, NULL, NULL, state);
}

/* webrtcbin 1.22 does not tell that the other side closed its DTLS (which is how a browser says goodbye); the
 * element below it does. */
static void dtls_changed(TbPeer *peer, gpointer value G_GNUC_UNUSED, guint state)
{
        if (state == DTLS_CLOSED && (peer->state == TB_PEER_CONNECTED || peer->state == TB_PEER_DISCONNECTED))
                tb_peer_close(peer, "the viewer closed the connection");
}

static void on_dtls(GObject *dtls, GParamSpec *spec G_GNUC_UNUSED, gpointer data)
{
        gint state = 0;
        g_object_get(dtls, "connection-state", &state, NULL);
        post_main(data, dtls_changed, NULL, NULL, (guint)state);
}

static void on_element(GstBin *webrtc G_GNUC_UNUSED, GstBin *parent G_GNUC_UNUSED, GstElement *element,
                       gpointer data)
{
        GstElementFactory *factory = gst_element_get_factory(element);
        if (factory && g_strcmp0(GST_OBJECT_NAME(factory), "dtlsdec") == 0)
                g_signal_connect_data(element, "notify::connection-state", G_CALLBACK(on_dtls),
                                      peer_ref(data), closure_unref, 0);
}

static void configure_ice(TbPeer *peer, const char *const *servers)
{
        g_autoptr(GObject) ice = NULL, agent = NULL;
        g_object_get(peer->webrtc, "ice-agent", &ice, NULL);
        guint16 min = 0, max = 0;
        tb_media_ports(peer->media, &min, &max);
        if (max)
                g_object_set(ice, "min-rtp-port", (guint)min, "max-rtp-port", (guint)max, NULL);
        if (g_object_class_find_property(G_OBJECT_GET_CLASS(ice), "ice-tcp"))
                g_object_set(ice, "ice-tcp", FALSE, NULL);
        g_object_get(ice, "agent", &agent, NULL);
        /* upnp: asks the router, for seconds. keepalive-conncheck: an ICE that hears nothing any more fails;
         * without it a viewer that lost its power stays for ever. stun-pacing-timer: our check waits for it. */
        if (agent)
                g_object_set(agent, "upnp", FALSE, "keepalive-conncheck", TRUE, "stun-pacing-timer",
                             ICE_PACING_MS, NULL);
        for (const char *const *server = servers; server && *server; server++) {
                gboolean added = FALSE;
                if (g_str_has_prefix(*server, "stun:") || g_str_has_prefix(*server, "stuns:")) {
                        const char *address = strchr(*server, ':') + 1;
                        g_autofree char *uri = g_strdup_printf(
                                "stun://%s", g_str_has_prefix(address, "//") ? address + 2 : address);
                        g_object_set(peer->webrtc, "stun-server", uri, NULL);
                } else {
                        bool tls = g_str_has_prefix(*server, "turns:");
                        const char *address = strchr(*server, ':');
                        g_autofree char *uri =
                                address ? g_strdup_printf("%s://%s", tls ? "turns" : "turn",
                                                          address +
                                                                  (g_str_has_prefix(address, "://") ? 3 : 1))
                                        : NULL;
                        if (uri)
                                g_signal_emit_by_name(peer->webrtc, "add-turn-server", uri, &added);
                        if (!added)
                                tb_log(TB_LOG_WARNING, TB_F("peer", peer->label),
                                       "an ICE server is not usable, ignoring it");
                }
        }
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
                g_set_error(error, TB_ERROR, TB_ERROR_NOT_FOUND, "the viewer has left");
                return false;
        }
        return tb_channels_send(peer->channels, channel, text, error);
}

/* --- candidates of the other side --- */
bool tb_peer_add_candidate(TbPeer *peer, const char *candidate, guint mline_index G_GNUC_UNUSED,
                           GError **error)
{
        if (peer->remote_candidates >= TB_LIMIT_CANDIDATES) {
                g_set_error(error, TB_ERROR, TB_ERROR_LIMIT, "more than %d ICE candidates",
                            TB_LIMIT_CANDIDATES);
                return false;
        }
        peer->remote_candidates++;
        switch (tb_candidate_check(candidate)) {
        case TB_CANDIDATE_IGNORE: return true;
        case TB_CANDIDATE_BAD:
                g_set_error(error, TB_ERROR, TB_ERROR_INVALID, "\"%.80s\" is not an ICE candidate",
                            candidate);
                return false;
        case TB_CANDIDATE_USE: break;
        }
        if (!peer->webrtc)
                return true; /* it has ended: nothing to add to */
        g_autofree char *line = g_strndup(candidate, strcspn(candidate, "\r\n"));
        /* everything is bundled: one transport, that of the first section */
        g_signal_emit_by_name(peer->webrtc, "add-ice-candidate", 0u,
                              g_str_has_prefix(line, "a=") ? line + 2 : line);
        return true;
}

static bool frag_candidate(const char *line, guint mline, void *data, GError **error)
{
        return tb_peer_add_candidate(data, line, mline, error);
}

static bool frag_check(const char *line, guint mline G_GNUC_UNUSED, void *data G_GNUC_UNUSED, GError **error)
{
        if (tb_candidate_check(line) != TB_CANDIDATE_BAD)
                return true;
        g_set_error(error, TB_ERROR, TB_ERROR_INVALID, "\"%.80s\" is not an ICE candidate", line);
        return false;
}

bool tb_peer_add_sdpfrag(TbPeer *peer, const char *fragment, GError **error)
{
        /* all or nothing: first look, then add */
        return tb_sdpfrag_parse(fragment, peer->offer.ufrag, frag_check, NULL, error) &&
               tb_sdpfrag_parse(fragment, peer->offer.ufrag, frag_candidate, peer, error);
}

/* --- life --- */
static gboolean tick(gpointer data)
{
        TbPeer *peer = peer_ref(data);
        gint64 now = g_get_monotonic_time();
        if (peer->state < TB_PEER_CONNECTED && now - peer->born_us > CONNECT_S * G_USEC_PER_SEC)
                tb_peer_close(peer, "no connection was made in time");
        else if (peer->lost_us && now - peer->lost_us > LOST_S * G_USEC_PER_SEC)
                tb_peer_close(peer, "the viewer cannot be reached any more");
        else if (peer->sender && peer->state == TB_PEER_CONNECTED &&
                 !tb_sender_tick(peer->sender, SILENT_S * G_USEC_PER_SEC))
                tb_peer_close(peer, "the viewer does not report any more");
        bool ending = peer->ending; /* let_go() removed this timer already */
        peer_unref(peer);
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
                post_main(data, pipeline_failed, g_strdup(error->message), g_free, 0);
        }
        gst_message_unref(message); /* a message in the bus keeps webrtcbin alive for ever */
        return GST_BUS_DROP;
}

static bool build(TbPeer *peer, const char *const *ice_servers, guint max_kbps, GError **error)
{
        peer->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
        peer->webrtc = gst_element_factory_make("webrtcbin", "webrtc");
        if (!peer->webrtc) {
                g_set_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE,
                            "this host has no WebRTC (GStreamer plugin webrtc is missing)");
                return false;
        }
        gst_util_set_object_arg(G_OBJECT(peer->webrtc), "bundle-policy", "max-bundle");
        g_object_set(peer->webrtc, "latency", 0u, NULL);
        gst_bin_add(GST_BIN(peer->pipeline), peer->webrtc);
        g_autoptr(GstBus) bus = gst_pipeline_get_bus(GST_PIPELINE(peer->pipeline));
        gst_bus_set_sync_handler(bus, on_bus, peer_ref(peer), peer_unref);
        tb_media_set_clock(peer->pipeline);
        configure_ice(peer, ice_servers);
        g_signal_connect_data(peer->webrtc, "deep-element-added", G_CALLBACK(on_element), peer_ref(peer),
                              closure_unref, 0);
        if (peer->hub) {
                peer->sender =
                        tb_sender_new(peer->media, peer->hub, peer->pipeline, &peer->offer, max_kbps, error);
                if (!peer->sender)
                        return false;
        }
        peer->channels = tb_channels_new(peer->webrtc, &CHANNEL_CALLBACKS, peer);
        g_signal_connect_data(peer->webrtc, "on-ice-candidate", G_CALLBACK(on_ice_candidate), peer_ref(peer),
                              closure_unref, 0);
        g_signal_connect_data(peer->webrtc, "notify::ice-gathering-state", G_CALLBACK(on_gathering),
                              peer_ref(peer), closure_unref, 0);
        g_signal_connect_data(peer->webrtc, "notify::ice-connection-state", G_CALLBACK(on_ice_connection),
                              peer_ref(peer), closure_unref, 0);
        g_signal_connect_data(peer->webrtc, "notify::connection-state", G_CALLBACK(on_connection),
                              peer_ref(peer), closure_unref, 0);
        if (gst_element_set_state(peer->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
                g_set_error(
                        error, TB_ERROR, TB_ERROR_UNAVAILABLE,
                        "cannot start WebRTC: are the GStreamer plugins nice, dtls, srtp and sctp there?");
                return false;
        }
        return true;
}

static bool set_remote(TbPeer *peer, GError **error)
{
        GstSDPMessage *message = NULL;
        gst_sdp_message_new(&message);
        if (gst_sdp_message_parse_buffer((const guint8 *)peer->offer.sdp, (guint)strlen(peer->offer.sdp),
                                         message) != GST_SDP_OK) {
                gst_sdp_message_free(message);
                g_set_error(error, TB_ERROR, TB_ERROR_INVALID, "the SDP offer is malformed");
                return false;
        }
        GstWebRTCSessionDescription *offer =
                gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_OFFER, message);
        GstPromise *promise = gst_promise_new_with_change_func(on_remote_set, peer_ref(peer), peer_unref);
        g_signal_emit_by_name(peer->webrtc, "set-remote-description", offer, promise);
        gst_webrtc_session_description_free(offer);
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
        g_atomic_ref_count_init(&peer->ref);
        peer->media = media;
        peer->callbacks = callbacks;
        peer->data = data;
        peer->label = g_strdup(options->label ? options->label : "viewer");
        peer->answer_wait_ms = options->answer_wait_ms ? options->answer_wait_ms : ANSWER_WAIT_MS;
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
            !set_remote(peer, error)) {
                peer->ending = true;
                let_go(peer);
                g_clear_pointer(&peer->hub, tb_hub_unref);
                peer_unref(peer);
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

void tb_peer_get_stats(TbPeer *peer, TbPeerStats *ret_stats)
{
        *ret_stats = (TbPeerStats){.recv_kbps = -1, .rtt_ms = -1};
        if (peer->sender)
                tb_sender_get_stats(peer->sender, ret_stats);
}

json_t *tb_peer_to_json(TbPeer *peer)
{
        TbPeerStats s;
        tb_peer_get_stats(peer, &s);
        json_t *json =
                json_pack("{s:s?, s:s?, s:s, s:s}", "device", peer->hub ? tb_hub_device(peer->hub) : NULL,
                          "interface", peer->hub ? tb_hub_interface(peer->hub) : NULL, "label", peer->label,
                          "state", tb_peer_state_name(peer->state));
        json_object_set_new(json, "age_s",
                            json_integer((g_get_monotonic_time() - peer->born_us) / G_USEC_PER_SEC));
        if (!peer->sender)
                return json;
        json_t *video = json_pack("{s:s, s:i, s:f, s:f, s:f, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:i}",
                                  "codec", tb_codec_name(peer->offer.codec), "rung", s.rung, "sent_kbps",
                                  s.sent_kbps, "loss_percent", s.loss_percent, "queue_ms", s.queue_ms,
                                  "estimate_kbps", (int)s.estimate_kbps, "target_kbps", (int)s.target_kbps,
                                  "target_fps", (int)s.target_fps, "frames", (json_int_t)s.frames,
                                  "keyframes", (json_int_t)s.keyframes, "bytes", (json_int_t)s.bytes,
                                  "dropped", (json_int_t)s.dropped, "pli", (int)s.pli);
        json_object_set_new(video, "recv_kbps", s.recv_kbps < 0 ? json_null() : json_real(s.recv_kbps));
        json_object_set_new(video, "rtt_ms", s.rtt_ms < 0 ? json_null() : json_real(s.rtt_ms));
        json_object_update(json, video);
        json_decref(video);
        return json;
}
