/* From the browser's offer to our answer, with our candidates in it or behind it. */
#include <string.h>

#include "host/media/webrtc/answer.h"
#include "host/media/webrtc/peer_private.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/thread.h"

#define NO_CANDIDATE_MS 3000 /* a busy machine may need more than the wait for its first candidate */

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

/* --- the answer --- */
static void refuse(TbPeer *peer, gpointer value, guint number G_GNUC_UNUSED)
{
        GError *cause = value;
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, TB_ERROR_UNPROCESSABLE, "cannot answer the offer: %s", cause->message);
        tb_peer_ref(peer);
        peer->told = true;
        peer->callbacks->answer(peer, NULL, error, peer->data);
        tb_peer_close(peer, error->message);
        tb_peer_unref(peer);
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
                tb_peer_post(peer, have_answer, answer, (GDestroyNotify)gst_webrtc_session_description_free,
                             0);
        else
                tb_peer_post(peer, refuse,
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
        GstPromise *promise = gst_promise_new_with_change_func(on_answer, tb_peer_ref(peer), tb_peer_unref);
        g_signal_emit_by_name(peer->webrtc, "create-answer", NULL, promise);
}

static void on_remote_set(GstPromise *promise, gpointer data)
{
        TbPeer *peer = data;
        GError *error = promise_error(promise);
        if (error)
                tb_peer_post(peer, refuse, error, free_error, 0);
        else
                tb_peer_post(peer, make_answer, NULL, NULL, 0);
        gst_promise_unref(promise);
}

/* --- our candidates --- */
/* Nothing is worth waiting for any more. */
static void end_wait(TbPeer *peer)
{
        if (peer->answer_timer)
                g_source_remove(peer->answer_timer);
        peer->answer_timer = 0;
        tell_answer(peer);
}

static void local_candidate(TbPeer *peer, gpointer value, guint mline)
{
        if (!peer->told) {
                g_ptr_array_add(peer->candidates, g_strdup(value));
                if (peer->answer_at_relay && peer->answer_timer && strstr(value, " typ relay"))
                        end_wait(peer);
                return;
        }
        if (peer->callbacks->candidate)
                peer->callbacks->candidate(peer, value, peer->offer.mid, mline, peer->data);
}

static void on_ice_candidate(GstElement *webrtc G_GNUC_UNUSED, guint mline, const char *candidate,
                             gpointer data)
{
        if (candidate && *candidate)
                tb_peer_post(data, local_candidate, g_strdup(candidate), g_free, mline);
}

static void gathered(TbPeer *peer, gpointer value G_GNUC_UNUSED, guint state)
{
        if (state != GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE || !peer->answer)
                return;
        end_wait(peer);
}

static void on_gathering(GObject *webrtc, GParamSpec *spec G_GNUC_UNUSED, gpointer data)
{
        GstWebRTCICEGatheringState state;
        g_object_get(webrtc, "ice-gathering-state", &state, NULL);
        tb_peer_post(data, gathered, NULL, NULL, state);
}

void tb_peer_set_up_negotiation(TbPeer *peer)
{
        g_signal_connect_data(peer->webrtc, "on-ice-candidate", G_CALLBACK(on_ice_candidate),
                              tb_peer_ref(peer), tb_peer_closure_unref, 0);
        g_signal_connect_data(peer->webrtc, "notify::ice-gathering-state", G_CALLBACK(on_gathering),
                              tb_peer_ref(peer), tb_peer_closure_unref, 0);
}

/* --- the offer --- */
bool tb_peer_negotiate(TbPeer *peer, GError **error)
{
        GstSDPMessage *message = NULL;
        gst_sdp_message_new(&message);
        if (gst_sdp_message_parse_buffer((const guint8 *)peer->offer.sdp, (guint)strlen(peer->offer.sdp),
                                         message) != GST_SDP_OK) {
                gst_sdp_message_free(message);
                tb_set_error(error, TB_ERROR_INVALID, "the SDP offer is malformed");
                return false;
        }
        GstWebRTCSessionDescription *offer =
                gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_OFFER, message);
        GstPromise *promise =
                gst_promise_new_with_change_func(on_remote_set, tb_peer_ref(peer), tb_peer_unref);
        g_signal_emit_by_name(peer->webrtc, "set-remote-description", offer, promise);
        gst_webrtc_session_description_free(offer);
        return true;
}
