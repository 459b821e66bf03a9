/* A phone: our offer, its answer. */
#include <string.h>

#include "host/media/webrtc/call_answer.h"
#include "host/media/webrtc/certificate.h"
#include "host/media/webrtc/session_private.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/thread.h"

static void failed(TbSession *session, gpointer value, guint number G_GNUC_UNUSED)
{
        const GError *cause = value;
        g_autofree char *why = g_strdup_printf("the phone cannot be called: %s", cause->message);
        tb_session_close(session, why);
}

static void free_error(gpointer error)
{
        g_error_free(error);
}

/* The offer goes out at once, our candidates behind it, as they are found. */
static void have_offer(TbSession *session, gpointer value, guint number G_GNUC_UNUSED)
{
        GstWebRTCSessionDescription *description = value;
        tb_certificate_put(description->sdp);
        gst_sdp_message_copy(description->sdp, &session->answer);
        g_autoptr(GstPromise) promise = gst_promise_new();
        g_signal_emit_by_name(session->webrtc, "set-local-description", description, promise); /* gathers */
        gst_promise_interrupt(promise); /* nobody waits for it */
        g_autofree char *sdp = gst_sdp_message_as_text(session->answer);
        session->told = true;
        if (session->state == TB_VIEWER_NEW)
                session->state = TB_VIEWER_CONNECTING;
        session->callbacks->answer(session, sdp, NULL, session->data);
        for (guint i = 0; i < session->candidates->len; i++)
                session->callbacks->candidate(session, g_ptr_array_index(session->candidates, i),
                                              session->data);
        g_ptr_array_set_size(session->candidates, 0);
}

static void on_offer(GstPromise *promise, gpointer data)
{
        GError *error = tb_session_promise_error(promise);
        GstWebRTCSessionDescription *offer = NULL;
        if (!error)
                gst_structure_get(gst_promise_get_reply(promise), "offer",
                                  GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &offer, NULL);
        if (offer)
                tb_session_post(data, have_offer, offer, (GDestroyNotify)gst_webrtc_session_description_free,
                                0);
        else
                tb_session_post(data, failed,
                                error ? error
                                      : g_error_new(TB_ERROR, TB_ERROR_INTERNAL, "webrtcbin made no offer"),
                                free_error, 0);
        gst_promise_unref(promise);
}

bool tb_session_call(TbSession *session, GError **error)
{
        tb_receiver_offer(session->receiver);
        if (!tb_channels_make(session->channels, "sensor", true) ||
            !tb_channels_make(session->channels, "control", false)) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "this host has no data channels: is GStreamer's plugin sctp there?");
                return false;
        }
        GstPromise *promise =
                gst_promise_new_with_change_func(on_offer, tb_session_ref(session), tb_session_unref);
        g_signal_emit_by_name(session->webrtc, "create-offer", NULL, promise);
        return true;
}

static void on_accepted(GstPromise *promise, gpointer data)
{
        GError *error = tb_session_promise_error(promise);
        if (error)
                tb_session_post(data, failed, error, free_error, 0);
        gst_promise_unref(promise);
}

void tb_session_accept(TbSession *session, const char *text)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(g_free);
        if (!session->receiver || !session->told || session->accepted || session->ending)
                return;
        session->accepted = true;
        g_autofree char *clean = tb_call_answer(session->answer, text, candidates, &error);
        GstSDPMessage *message = NULL;
        if (!clean) {
                failed(session, error, 0);
                return;
        }
        gst_sdp_message_new(&message);
        gst_sdp_message_parse_buffer((const guint8 *)clean, (guint)strlen(clean), message);
        GstWebRTCSessionDescription *answer =
                gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_ANSWER, message);
        GstPromise *promise =
                gst_promise_new_with_change_func(on_accepted, tb_session_ref(session), tb_session_unref);
        g_signal_emit_by_name(session->webrtc, "set-remote-description", answer, promise);
        gst_webrtc_session_description_free(answer);
        for (guint i = 0; i < candidates->len; i++)
                tb_session_add_candidate(session, g_ptr_array_index(candidates, i));
}
