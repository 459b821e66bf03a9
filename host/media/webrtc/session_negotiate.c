/* From the browser's offer to our answer, with our candidates in it or behind it. */
#include <string.h>

#include "host/media/webrtc/answer.h"
#include "host/media/webrtc/certificate.h"
#include "host/media/webrtc/session_private.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/thread.h"

#define NO_CANDIDATE_MS 3000 /* a busy machine may need more than the wait for its first candidate */

GError *tb_session_promise_error(GstPromise *promise)
{
        GError *error = NULL;
        if (gst_promise_wait(promise) != GST_PROMISE_RESULT_REPLIED)
                return g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE, "the session ended before it answered");
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
static void refuse(TbSession *session, gpointer value, guint number G_GNUC_UNUSED)
{
        GError *cause = value;
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, TB_ERROR_UNPROCESSABLE, "cannot answer the offer: %s", cause->message);
        tb_session_ref(session);
        session->told = true;
        session->callbacks->answer(session, NULL, error, session->data);
        tb_session_close(session, error->message);
        tb_session_unref(session);
}

static void tell_answer(TbSession *session)
{
        if (session->told || !session->answer)
                return;
        g_ptr_array_add(session->candidates, NULL);
        g_autofree char *sdp = tb_offer_answer(&session->offer, session->answer,
                                               (const char *const *)session->candidates->pdata);
        session->told = true;
        if (session->state == TB_VIEWER_NEW)
                session->state = TB_VIEWER_CONNECTING;
        tb_log(TB_LOG_DEBUG, TB_F("peer", session->label), "answered after %d ms",
               (int)((g_get_monotonic_time() - session->born_us) / 1000));
        session->callbacks->answer(session, sdp, NULL, session->data);
}

static gboolean answer_waited(gpointer data)
{
        TbSession *session = data;
        /* An answer without any candidate connects nobody who cannot be told later. Gathering says when there
         * are none to come. */
        if (session->candidates->len == 0 &&
            g_get_monotonic_time() - session->born_us < NO_CANDIDATE_MS * 1000)
                return G_SOURCE_CONTINUE;
        session->answer_timer = 0;
        tell_answer(session);
        return G_SOURCE_REMOVE;
}

static void have_answer(TbSession *session, gpointer value, guint number G_GNUC_UNUSED)
{
        GstWebRTCSessionDescription *description = value;
        gst_sdp_message_copy(description->sdp, &session->answer);
        tb_certificate_put(session->answer);
        g_autoptr(GstPromise) promise = gst_promise_new();
        g_signal_emit_by_name(session->webrtc, "set-local-description", description,
                              promise); /* starts gathering */
        gst_promise_interrupt(promise); /* nobody waits for it */
        if (session->answer_wait_ms < 0)
                tell_answer(session);
        else
                session->answer_timer = g_timeout_add((guint)session->answer_wait_ms, answer_waited, session);
}

static void on_answer(GstPromise *promise, gpointer data)
{
        TbSession *session = data;
        GError *error = tb_session_promise_error(promise);
        GstWebRTCSessionDescription *answer = NULL;
        if (!error)
                gst_structure_get(gst_promise_get_reply(promise), "answer",
                                  GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &answer, NULL);
        if (answer)
                tb_session_post(session, have_answer, answer,
                                (GDestroyNotify)gst_webrtc_session_description_free, 0);
        else
                tb_session_post(session, refuse,
                                error ? error
                                      : g_error_new(TB_ERROR, TB_ERROR_INTERNAL, "webrtcbin made no answer"),
                                free_error, 0);
        gst_promise_unref(promise);
}

static void make_answer(TbSession *session, gpointer value G_GNUC_UNUSED, guint number G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        if ((session->sender && !tb_sender_link(session->sender, session->webrtc, &error)) ||
            (session->ear && !tb_sound_sender_link(session->ear, session->webrtc, &error))) {
                refuse(session, error, 0);
                return;
        }
        GstPromise *promise =
                gst_promise_new_with_change_func(on_answer, tb_session_ref(session), tb_session_unref);
        g_signal_emit_by_name(session->webrtc, "create-answer", NULL, promise);
}

static void on_remote_set(GstPromise *promise, gpointer data)
{
        TbSession *session = data;
        GError *error = tb_session_promise_error(promise);
        if (error)
                tb_session_post(session, refuse, error, free_error, 0);
        else
                tb_session_post(session, make_answer, NULL, NULL, 0);
        gst_promise_unref(promise);
}

/* --- our candidates --- */
/* Nothing is worth waiting for any more. */
static void end_wait(TbSession *session)
{
        if (session->answer_timer)
                g_source_remove(session->answer_timer);
        session->answer_timer = 0;
        tell_answer(session);
}

static void local_candidate(TbSession *session, gpointer value, guint mline G_GNUC_UNUSED)
{
        if (!session->told) {
                g_ptr_array_add(session->candidates, g_strdup(value));
                if (session->answer_at_relay && session->answer_timer && strstr(value, " typ relay"))
                        end_wait(session);
                return;
        }
        session->callbacks->candidate(session, value, session->data);
}

static void on_ice_candidate(GstElement *webrtc G_GNUC_UNUSED, guint mline, const char *candidate,
                             gpointer data)
{
        if (candidate && *candidate)
                tb_session_post(data, local_candidate, g_strdup(candidate), g_free, mline);
}

static void gathered(TbSession *session, gpointer value G_GNUC_UNUSED, guint state)
{
        if (state != GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE || !session->answer || session->receiver)
                return;
        end_wait(session);
}

static void on_gathering(GObject *webrtc, GParamSpec *spec G_GNUC_UNUSED, gpointer data)
{
        GstWebRTCICEGatheringState state;
        g_object_get(webrtc, "ice-gathering-state", &state, NULL);
        tb_session_post(data, gathered, NULL, NULL, state);
}

void tb_session_set_up_negotiation(TbSession *session)
{
        g_signal_connect_data(session->webrtc, "on-ice-candidate", G_CALLBACK(on_ice_candidate),
                              tb_session_ref(session), tb_session_closure_unref, 0);
        g_signal_connect_data(session->webrtc, "notify::ice-gathering-state", G_CALLBACK(on_gathering),
                              tb_session_ref(session), tb_session_closure_unref, 0);
}

/* --- the offer --- */
bool tb_session_negotiate(TbSession *session, GError **error)
{
        GstSDPMessage *message = NULL;
        gst_sdp_message_new(&message);
        if (gst_sdp_message_parse_buffer((const guint8 *)session->offer.sdp,
                                         (guint)strlen(session->offer.sdp), message) != GST_SDP_OK) {
                gst_sdp_message_free(message);
                tb_set_error(error, TB_ERROR_INVALID, "the SDP offer is malformed");
                return false;
        }
        GstWebRTCSessionDescription *offer =
                gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_OFFER, message);
        GstPromise *promise =
                gst_promise_new_with_change_func(on_remote_set, tb_session_ref(session), tb_session_unref);
        g_signal_emit_by_name(session->webrtc, "set-remote-description", offer, promise);
        gst_webrtc_session_description_free(offer);
        return true;
}
