/* A phone's SDP answer: what is handed to webrtcbin has our sections, each once, and nothing of the original but checked words. */
#include <gst/sdp/sdp.h>
#include <stdint.h>
#include <string.h>

#include "host/media/webrtc/call_answer.h"
#include "host/media/webrtc/candidate.h"
#include "lib/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char OFFER[] =
        "v=0\r\no=- 1 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE video0 application1\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 102 96\r\nc=IN IP4 0.0.0.0\r\na=mid:video0\r\na=recvonly\r\n"
        "a=rtpmap:102 H264/90000\r\na=rtpmap:96 VP8/90000\r\na=extmap:3 urn:x\r\n"
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:application1\r\n"
        "a=sctp-port:5000\r\n";

static GstSDPMessage *parsed(const char *text)
{
        GstSDPMessage *message = NULL;
        gst_sdp_message_new(&message);
        g_assert_cmpint(gst_sdp_message_parse_buffer((const guint8 *)text, (guint)strlen(text), message), ==,
                        GST_SDP_OK);
        return message;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        GstSDPMessage *offer = parsed(OFFER);
        g_autofree char *clean = tb_call_answer(offer, text, candidates, &error);
        g_assert_true((clean == NULL) == (error != NULL));
        g_assert_cmpuint(candidates->len, <=, TB_LIMIT_CANDIDATES);
        for (guint i = 0; i < candidates->len; i++)
                g_assert_cmpint(tb_candidate_check(g_ptr_array_index(candidates, i)), ==, TB_CANDIDATE_USE);
        if (clean) {
                GstSDPMessage *again = parsed(clean);
                g_assert_cmpuint(gst_sdp_message_medias_len(again), ==, 2);
                for (guint i = 0; i < 2; i++) {
                        const GstSDPMedia *m = gst_sdp_message_get_media(again, i);
                        g_assert_cmpstr(gst_sdp_media_get_attribute_val(m, "mid"), ==,
                                        i ? "application1" : "video0");
                        g_assert_nonnull(gst_sdp_media_get_attribute_val(m, "ice-ufrag"));
                        g_assert_nonnull(gst_sdp_media_get_attribute_val(m, "fingerprint"));
                }
                gst_sdp_message_free(again);
        }
        gst_sdp_message_free(offer);
        return 0;
}
