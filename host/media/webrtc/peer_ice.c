/* The way to the viewer: ICE, its servers and candidates, and what becomes of the connection. */
#include <string.h>

#include "host/media/media_private.h"
#include "host/media/webrtc/candidate.h"
#include "host/media/webrtc/peer_private.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

#define ICE_PACING_MS 5u /* Ta, the least that RFC 8445 §14.2 allows; libnice: 20 */
#define DTLS_CLOSED 1    /* GST_DTLS_CONNECTION_STATE_CLOSED of gst/dtls, which has no header */

/* --- states --- */
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
        tb_peer_post(data, connection_changed, NULL, NULL, state);
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
        tb_peer_post(data, ice_changed, NULL, NULL, state);
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
        tb_peer_post(data, dtls_changed, NULL, NULL, (guint)state);
}

static void on_element(GstBin *webrtc G_GNUC_UNUSED, GstBin *parent G_GNUC_UNUSED, GstElement *element,
                       gpointer data)
{
        GstElementFactory *factory = gst_element_get_factory(element);
        if (factory && g_strcmp0(GST_OBJECT_NAME(factory), "dtlsdec") == 0)
                g_signal_connect_data(element, "notify::connection-state", G_CALLBACK(on_dtls),
                                      tb_peer_ref(data), tb_peer_closure_unref, 0);
}

/* --- set-up --- */
static void add_servers(TbPeer *peer, const char *const *servers)
{
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
                        peer->turn = peer->turn || added;
                        if (!added)
                                tb_log(TB_LOG_WARNING, TB_F("peer", peer->label),
                                       "an ICE server is not usable, ignoring it");
                }
        }
}

void tb_peer_set_up_ice(TbPeer *peer, const char *const *servers)
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
         * without it a viewer that lost its power stays for ever. stun-pacing-timer: our check waits for it.
         */
        if (agent)
                g_object_set(agent, "upnp", FALSE, "keepalive-conncheck", TRUE, "stun-pacing-timer",
                             ICE_PACING_MS, NULL);
        add_servers(peer, servers);
        g_signal_connect_data(peer->webrtc, "deep-element-added", G_CALLBACK(on_element), tb_peer_ref(peer),
                              tb_peer_closure_unref, 0);
        g_signal_connect_data(peer->webrtc, "notify::ice-connection-state", G_CALLBACK(on_ice_connection),
                              tb_peer_ref(peer), tb_peer_closure_unref, 0);
        g_signal_connect_data(peer->webrtc, "notify::connection-state", G_CALLBACK(on_connection),
                              tb_peer_ref(peer), tb_peer_closure_unref, 0);
}

/* --- candidates of the other side --- */
bool tb_peer_add_candidate(TbPeer *peer, const char *candidate, guint mline_index G_GNUC_UNUSED,
                           GError **error)
{
        if (peer->remote_candidates >= TB_LIMIT_CANDIDATES) {
                tb_set_error(error, TB_ERROR_LIMIT, "more than %d ICE candidates", TB_LIMIT_CANDIDATES);
                return false;
        }
        peer->remote_candidates++;
        switch (tb_candidate_check(candidate)) {
        case TB_CANDIDATE_IGNORE: return true;
        case TB_CANDIDATE_BAD:
                tb_set_error(error, TB_ERROR_INVALID, "\"%.80s\" is not an ICE candidate", candidate);
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
        tb_set_error(error, TB_ERROR_INVALID, "\"%.80s\" is not an ICE candidate", line);
        return false;
}

bool tb_peer_add_sdpfrag(TbPeer *peer, const char *fragment, GError **error)
{
        /* all or nothing: first look, then add */
        return tb_sdpfrag_parse(fragment, peer->offer.ufrag, frag_check, NULL, error) &&
               tb_sdpfrag_parse(fragment, peer->offer.ufrag, frag_candidate, peer, error);
}
