/* The way to the viewer: ICE, its servers and candidates, and what becomes of the connection. */
#include <string.h>

#include "host/media/webrtc/session_private.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

#define ICE_PACING_MS 5u /* Ta, the least that RFC 8445 §14.2 allows; libnice: 20 */
#define DTLS_CLOSED 1    /* GST_DTLS_CONNECTION_STATE_CLOSED of gst/dtls, which has no header */

/* --- states --- */
static void set_state(TbSession *session, TbViewerState state)
{
        if (session->state == state || session->ending)
                return;
        session->state = state;
        tb_log(TB_LOG_INFO, TB_F("device", session->device, "peer", session->label),
               "viewer is %s after %d ms", tb_viewer_state_name(state),
               (int)((g_get_monotonic_time() - session->born_us) / 1000));
        session->callbacks->state(session, state, session->data);
}

static void connection_changed(TbSession *session, gpointer value G_GNUC_UNUSED, guint state)
{
        switch ((GstWebRTCPeerConnectionState)state) {
        case GST_WEBRTC_PEER_CONNECTION_STATE_NEW:
        case GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTING: break;
        case GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED:
                session->lost_us = 0;
                if (session->sender)
                        tb_sender_start(session->sender);
                if (session->ear)
                        tb_sound_sender_start(session->ear);
                set_state(session, TB_VIEWER_CONNECTED);
                break;
        case GST_WEBRTC_PEER_CONNECTION_STATE_DISCONNECTED:
                if (!session->lost_us)
                        session->lost_us = g_get_monotonic_time();
                set_state(session, TB_VIEWER_DISCONNECTED);
                break;
        case GST_WEBRTC_PEER_CONNECTION_STATE_FAILED:
                tb_session_close(session, session->state == TB_VIEWER_CONNECTED ||
                                                          session->state == TB_VIEWER_DISCONNECTED
                                                  ? "the viewer cannot be reached any more"
                                                  : "no connection could be made (ICE failed)");
                break;
        case GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED:
                tb_session_close(session, "the viewer closed the connection");
                break;
        }
}

static void on_connection(GObject *webrtc, GParamSpec *spec G_GNUC_UNUSED, gpointer data)
{
        GstWebRTCPeerConnectionState state;
        g_object_get(webrtc, "connection-state", &state, NULL);
        tb_session_post(data, connection_changed, NULL, NULL, state);
}

static void ice_changed(TbSession *session, gpointer value G_GNUC_UNUSED, guint state)
{
        if (session->sender && (state == GST_WEBRTC_ICE_CONNECTION_STATE_CONNECTED ||
                                state == GST_WEBRTC_ICE_CONNECTION_STATE_COMPLETED))
                tb_sender_expect(session->sender);
}

static void on_ice_connection(GObject *webrtc, GParamSpec *spec G_GNUC_UNUSED, gpointer data)
{
        GstWebRTCICEConnectionState state;
        g_object_get(webrtc, "ice-connection-state", &state, NULL);
        tb_session_post(data, ice_changed, NULL, NULL, state);
}

/* webrtcbin 1.22 does not tell that the other side closed its DTLS (which is how a browser says goodbye); the
 * element below it does. */
static void dtls_changed(TbSession *session, gpointer value G_GNUC_UNUSED, guint state)
{
        if (state == DTLS_CLOSED &&
            (session->state == TB_VIEWER_CONNECTED || session->state == TB_VIEWER_DISCONNECTED))
                tb_session_close(session, "the viewer closed the connection");
}

static void on_dtls(GObject *dtls, GParamSpec *spec G_GNUC_UNUSED, gpointer data)
{
        gint state = 0;
        g_object_get(dtls, "connection-state", &state, NULL);
        tb_session_post(data, dtls_changed, NULL, NULL, (guint)state);
}

static void bound_rtx(TbSession *session, gpointer rtx, guint number G_GNUC_UNUSED)
{
        if (session->sender)
                tb_sender_bound_rtx(session->sender, rtx);
}

static void on_element(GstBin *webrtc G_GNUC_UNUSED, GstBin *parent G_GNUC_UNUSED, GstElement *element,
                       gpointer data)
{
        GstElementFactory *factory = gst_element_get_factory(element);
        if (factory && g_strcmp0(GST_OBJECT_NAME(factory), "rtprtxsend") == 0)
                tb_session_post(data, bound_rtx, gst_object_ref(element), gst_object_unref, 0);
        if (factory && g_strcmp0(GST_OBJECT_NAME(factory), "dtlsdec") == 0)
                g_signal_connect_data(element, "notify::connection-state", G_CALLBACK(on_dtls),
                                      tb_session_ref(data), tb_session_closure_unref, 0);
}

/* --- set-up --- */
static void add_servers(TbSession *session, const char *const *servers)
{
        for (const char *const *server = servers; server && *server; server++) {
                gboolean added = FALSE;
                if (g_str_has_prefix(*server, "stun:") || g_str_has_prefix(*server, "stuns:")) {
                        const char *address = strchr(*server, ':') + 1;
                        g_autofree char *uri = g_strdup_printf(
                                "stun://%s", g_str_has_prefix(address, "//") ? address + 2 : address);
                        g_object_set(session->webrtc, "stun-server", uri, NULL);
                } else {
                        bool tls = g_str_has_prefix(*server, "turns:");
                        const char *address = strchr(*server, ':');
                        g_autofree char *uri =
                                address ? g_strdup_printf("%s://%s", tls ? "turns" : "turn",
                                                          address +
                                                                  (g_str_has_prefix(address, "://") ? 3 : 1))
                                        : NULL;
                        if (uri)
                                g_signal_emit_by_name(session->webrtc, "add-turn-server", uri, &added);
                        session->turn = session->turn || added;
                        if (!added)
                                tb_log(TB_LOG_WARNING, TB_F("peer", session->label),
                                       "an ICE server is not usable, ignoring it");
                }
        }
}

void tb_session_set_up_ice(TbSession *session, const char *const *servers)
{
        g_autoptr(GObject) ice = NULL, agent = NULL;
        g_object_get(session->webrtc, "ice-agent", &ice, NULL);
        const TbFeedLimits *limits = tb_feeds_limits(session->feeds);
        if (limits->max_port)
                g_object_set(ice, "min-rtp-port", (guint)limits->min_port, "max-rtp-port",
                             (guint)limits->max_port, NULL);
        if (g_object_class_find_property(G_OBJECT_GET_CLASS(ice), "ice-tcp"))
                g_object_set(ice, "ice-tcp", FALSE, NULL);
        g_object_get(ice, "agent", &agent, NULL);
        /* upnp: asks the router, for seconds. keepalive-conncheck: an ICE that hears nothing any more fails;
         * without it a viewer that lost its power stays for ever. stun-pacing-timer: our check waits for it.
         */
        if (agent)
                g_object_set(agent, "upnp", FALSE, "keepalive-conncheck", TRUE, "stun-pacing-timer",
                             ICE_PACING_MS, NULL);
        add_servers(session, servers);
        g_signal_connect_data(session->webrtc, "deep-element-added", G_CALLBACK(on_element),
                              tb_session_ref(session), tb_session_closure_unref, 0);
        g_signal_connect_data(session->webrtc, "notify::ice-connection-state", G_CALLBACK(on_ice_connection),
                              tb_session_ref(session), tb_session_closure_unref, 0);
        g_signal_connect_data(session->webrtc, "notify::connection-state", G_CALLBACK(on_connection),
                              tb_session_ref(session), tb_session_closure_unref, 0);
}

void tb_session_add_candidate(TbSession *session, const char *candidate)
{
        /* everything is bundled: one transport, that of the first section */
        if (session->webrtc)
                g_signal_emit_by_name(session->webrtc, "add-ice-candidate", 0u, candidate);
}
