#include "host/media/webrtc/answer.h"
#include "host/media/webrtc/candidate.h"
#include "host/media/webrtc/offer.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"

static char *load(const char *name)
{
        g_autofree char *path = g_build_filename("tests/fuzz/corpus/offer", name, NULL);
        char *text = NULL;
        g_autoptr(GError) error = NULL;
        g_file_get_contents(path, &text, NULL, &error);
        g_assert_no_error(error);
        return text;
}

static char *replace(const char *text, const char *from, const char *to)
{
        g_auto(GStrv) parts = g_strsplit(text, from, -1);
        g_assert_cmpuint(g_strv_length(parts), >, 1);
        return g_strjoinv(to, parts);
}

static void refused(const char *sdp, TbErrorCode code, const char *says)
{
        g_auto(TbOffer) offer = {0};
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_offer_parse(sdp, true, &offer, &error));
        g_assert_error(error, TB_ERROR, (int)code);
        if (!strstr(error->message, says))
                g_error("\"%s\" does not say \"%s\"", error->message, says);
        g_assert_null(offer.sdp);
}

static void test_chromium(void)
{
        g_autofree char *sdp = load("chromium-video.sdp");
        g_auto(TbOffer) offer = {0};
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_offer_parse(sdp, true, &offer, &error));
        g_assert_no_error(error);
        g_assert_cmpint(offer.codec, ==, TB_CODEC_H264);
        g_assert_cmpuint(offer.payload, ==,
                         108); /* 42e01f with packetization-mode=1, not the 42001f before it */
        g_assert_cmpstr(offer.profile, ==, "42e01f");
        g_assert_cmpuint(offer.ext_playout_delay, ==, 5);
        g_assert_cmpuint(offer.ext_twcc, ==, 4);
        g_assert_cmpuint(offer.ext_capture_time, ==, 0);
        g_assert_cmpint(offer.video_mline, ==, 0);
        g_assert_cmpint(offer.data_mline, ==, -1);
        g_assert_cmpstr(offer.ufrag, ==, "Try8");
        g_assert_nonnull(strstr(offer.sdp, "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"));
        g_assert_null(strstr(offer.sdp, "VP9"));
}

static void test_firefox(void)
{
        g_autofree char *sdp = load("firefox-video-data.sdp");
        g_auto(TbOffer) offer = {0};
        g_assert_true(tb_offer_parse(sdp, true, &offer, NULL));
        g_assert_cmpuint(offer.payload, ==, 126);
        g_assert_cmpuint(offer.ext_playout_delay, ==, 6);
        g_assert_cmpint(offer.data_mline, ==, 1);
        g_assert_nonnull(strstr(offer.sdp, "192.0.2.9"));
        g_assert_null(strstr(offer.sdp, ".local"));
        /* the fingerprint of the session level reaches every section */
        g_assert_nonnull(strstr(strstr(offer.sdp, "m=application"), "a=fingerprint:sha-256 E5:F6"));
}

static void test_vp8_when_no_h264(void)
{
        g_autofree char *sdp = load("firefox-video-data.sdp");
        g_autofree char *without = replace(sdp, "H264/90000", "H265/90000");
        g_auto(TbOffer) offer = {0};
        g_assert_true(tb_offer_parse(without, true, &offer, NULL));
        g_assert_cmpint(offer.codec, ==, TB_CODEC_VP8);
        g_assert_cmpuint(offer.payload, ==, 120);
        g_autofree char *neither = replace(without, "VP8/90000", "AV1/90000");
        refused(neither, TB_ERROR_UNPROCESSABLE, "H264");
        g_autofree char *high =
                replace(sdp, "profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1",
                        "profile-level-id=64001f;packetization-mode=1");
        g_auto(TbOffer) other = {0};
        g_assert_true(tb_offer_parse(high, true, &other, NULL));
        g_assert_cmpint(other.codec, ==, TB_CODEC_VP8);
}

static void test_declined_sections(void)
{
        g_autofree char *sdp = load("chromium-audio-video-data.sdp");
        g_auto(TbOffer) offer = {0};
        g_assert_true(tb_offer_parse(sdp, true, &offer, NULL));
        g_assert_cmpuint(offer.n_mlines, ==, 3);
        g_assert_cmpint(offer.video_mline, ==, 1);
        g_assert_cmpint(offer.data_mline, ==, 2);
        g_assert_cmpint(offer.sections[0].use, ==, TB_OFFER_HELD);

        GstSDPMessage *answer = NULL; /* stands for webrtcbin's: the same sections */
        gst_sdp_message_new(&answer);
        gst_sdp_message_parse_buffer((const guint8 *)offer.sdp, (guint)strlen(offer.sdp), answer);
        const char *candidates[] = {"candidate:1 1 UDP 1 192.0.2.1 9 typ host", NULL};
        g_autofree char *text = tb_offer_answer(&offer, answer, candidates);
        gst_sdp_message_free(answer);
        /* the first section carries the transport of all: it is held open, with nothing to send */
        g_assert_nonnull(strstr(text, "a=group:BUNDLE 0 1 2\r\n"));
        g_assert_nonnull(strstr(
                text, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n"
                      "a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=ice-ufrag:"));
        const char *candidate = strstr(text, "a=candidate:1 1 UDP"), *video = strstr(text, "m=video");
        g_assert_true(candidate && candidate < video);
        const char *print = strstr(text, "a=fingerprint:");
        g_assert_true(print && print < video);

        /* any other is refused; so is a first one that cannot share */
        const char *audio = strstr(sdp, "m=audio"), *rest = strstr(sdp, "m=video");
        const char *data = strstr(sdp, "m=application");
        g_autofree char *moved = g_strdup_printf("%.*s%.*s%.*s%s", (int)(audio - sdp), sdp,
                                                 (int)(data - rest), rest, (int)(rest - audio), audio, data);
        g_autofree char *later = replace(moved, "BUNDLE 0 1 2", "BUNDLE 1 0 2");
        g_auto(TbOffer) second = {0};
        g_assert_true(tb_offer_parse(later, true, &second, NULL));
        g_assert_cmpint(second.sections[0].use, ==, TB_OFFER_VIDEO);
        g_assert_true(g_str_has_prefix(second.sections[1].text, "m=audio 0 UDP/TLS/RTP/SAVPF 111 "));
        GstSDPMessage *other = NULL;
        gst_sdp_message_new(&other);
        gst_sdp_message_parse_buffer((const guint8 *)second.sdp, (guint)strlen(second.sdp), other);
        g_autofree char *refusal = tb_offer_answer(&second, other, candidates);
        gst_sdp_message_free(other);
        g_assert_nonnull(strstr(refusal, "a=group:BUNDLE 1 2\r\n"));
        g_assert_nonnull(strstr(refusal, second.sections[1].text));
}

/* What webrtcbin 1.22 makes of an offer lacks three things that players look at. */
static void test_completed(void)
{
        g_autofree char *sdp = load("chromium-audio-video-data.sdp");
        g_auto(TbOffer) offer = {0};
        g_assert_true(tb_offer_parse(sdp, true, &offer, NULL));
        /* of the sender; ours does not take more, whatever the other side does */
        g_assert_nonnull(strstr(offer.sdp, "a=max-message-size:65536\r\n"));
        g_autofree char *small = replace(sdp, "max-message-size:262144", "max-message-size:1200");
        g_auto(TbOffer) tight = {0};
        g_assert_true(tb_offer_parse(small, true, &tight, NULL));
        g_assert_nonnull(strstr(tight.sdp, "a=max-message-size:1200\r\n"));
        g_autofree char *wrong = replace(sdp, "max-message-size:262144", "max-message-size:-1");
        refused(wrong, TB_ERROR_INVALID, "max-message-size");

        g_autofree char *made = g_strdup_printf(
                "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 1 2\r\n"
                "m=video 9 UDP/TLS/RTP/SAVPF %u 109\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n"
                "a=rtpmap:%u H264/90000\r\na=fmtp:%u packetization-mode=1;level-asymmetry-allowed=1\r\n"
                "a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=%u\r\na=sendonly\r\n"
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\n"
                "a=sctp-port:5000\r\n",
                offer.payload, offer.payload, offer.payload, offer.payload);
        GstSDPMessage *answer = NULL;
        gst_sdp_message_new(&answer);
        gst_sdp_message_parse_buffer((const guint8 *)made, (guint)strlen(made), answer);
        const char *candidates[] = {NULL};
        g_autofree char *text = tb_offer_answer(&offer, answer, candidates);
        gst_sdp_message_free(answer);
        g_autofree char *fmtp = g_strdup_printf("a=fmtp:%u packetization-mode=1;level-asymmetry-allowed=1;"
                                                "profile-level-id=%s\r\n",
                                                offer.payload, offer.profile);
        const char *data = strstr(text, "m=application"), *msid = strstr(text, "a=msid:testbed video\r\n");
        g_assert_nonnull(strstr(text, fmtp));
        g_assert_nonnull(strstr(text, "a=fmtp:109 apt="));
        g_assert_null(strstr(strstr(text, "a=fmtp:109"), "profile-level-id"));
        g_assert_true(msid && msid > strstr(text, "m=video") && msid < data);
        g_assert_nonnull(strstr(data, "a=max-message-size:65536\r\n"));
}

static void test_data_only(void)
{
        g_autofree char *data = load("chromium-data.sdp"), *video = load("chromium-video.sdp");
        g_auto(TbOffer) offer = {0};
        g_assert_true(tb_offer_parse(data, false, &offer, NULL));
        g_assert_cmpint(offer.data_mline, ==, 0);
        refused(data, TB_ERROR_UNPROCESSABLE, "no video section");
        g_autoptr(GError) error = NULL;
        g_auto(TbOffer) none = {0};
        g_assert_false(tb_offer_parse(video, false, &none, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
}

static void test_malformed(void)
{
        g_autofree char *sdp = load("firefox-video-data.sdp");
        const struct {
                const char *from, *to, *says;
        } wrong[] = {
                {"v=0\r\n", "", "v=0"},
                {"s=-\r\n", "s-\r\n", "line 3"},
                {"a=mid:0\r\n", "", "names \"0\""},
                {"a=mid:0\r\n", "a=mid:a/b\r\n", "a=mid"},
                {"a=mid:1\r\n", "a=mid:0\r\n", "a=mid:0"},
                {"a=ice-ufrag:ab12cd34\r\n", "", "ice-ufrag"},
                {"a=ice-pwd:50d4ef20ba1b2d1b1a2f8a4e3c7f8a90", "a=ice-pwd:short", "ice-pwd"},
                {"a=fingerprint:sha-256 E5:", "a=fingerprint:md5 E5:", "fingerprint"},
                {"a=setup:actpass\r\n", "a=setup:holdconn\r\n", "setup"},
                {"a=sctp-port:5000", "a=sctp-port:70000", "sctp-port"},
                {"SAVPF 120 124", "SAVPF 320 124", "payload"},
                {"a=extmap:3 ", "a=extmap:300 ", "extmap"},
                {"UDP 2122252543 192.0.2.9 50404 typ host", "UDP 2122252543 192.0.2.9 99999 typ host",
                 "candidate"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autofree char *text = replace(sdp, wrong[i].from, wrong[i].to);
                refused(text, TB_ERROR_INVALID, wrong[i].says);
        }
        g_autofree char *sender = replace(sdp, "a=recvonly\r\n", "a=sendonly\r\n");
        refused(sender, TB_ERROR_UNPROCESSABLE, "no video section");
        refused("", TB_ERROR_INVALID, "v=0");
        refused("v=0\r\n", TB_ERROR_INVALID, "media sections");
        refused("{\"sdp\":1}", TB_ERROR_INVALID, "v=0");
}

static void test_limits(void)
{
        g_autofree char *sdp = load("firefox-video-data.sdp");
        g_autoptr(GString) big = g_string_new(sdp);
        while (big->len <= TB_LIMIT_SDP - 10)
                g_string_append(big, "a=x:0123\r\n");
        g_auto(TbOffer) offer = {0};
        g_assert_true(tb_offer_parse(big->str, true, &offer, NULL));
        while (big->len <= TB_LIMIT_SDP)
                g_string_append(big, "a=x\r\n");
        refused(big->str, TB_ERROR_TOO_LARGE, "larger");

        g_autoptr(GString) many = g_string_new(sdp);
        for (int i = 0; i < TB_LIMIT_CANDIDATES - 1;
             i++) /* one is there already; the .local one counts too */
                g_string_append(many, "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n");
        refused(many->str, TB_ERROR_INVALID, "candidates");
}

static void test_candidates(void)
{
        const struct {
                const char *text;
                TbCandidate is;
        } cases[] = {
                {"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 0.0.0.0 rport 0 "
                 "generation 0 ufrag Try8",
                 TB_CANDIDATE_USE},
                {"a=candidate:1 1 UDP 2013266431 2001:db8::1 50000 typ host\r\n", TB_CANDIDATE_USE},
                {"candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active", TB_CANDIDATE_USE},
                {"candidate:1 1 udp 2113937151 3f1b1f9e-5d1c-4c83.local 60000 typ host", TB_CANDIDATE_IGNORE},
                {"candidate:1 2 udp 2113937151 192.0.2.1 60000 typ host", TB_CANDIDATE_IGNORE},
                {"", TB_CANDIDATE_IGNORE},
                {"a=end-of-candidates", TB_CANDIDATE_IGNORE},
                {"candidate:1 0 udp 1 192.0.2.1 1 typ host", TB_CANDIDATE_BAD},
                {"candidate:1 1 udp 1 192.0.2.1 65536 typ host", TB_CANDIDATE_BAD},
                {"candidate:1 1 udp 4294967296 192.0.2.1 1 typ host", TB_CANDIDATE_BAD},
                {"candidate:1 1 udp 1 192.0.2.1 1 typ other", TB_CANDIDATE_BAD},
                {"candidate:1 1 udp 1 192.0.2.1 1", TB_CANDIDATE_BAD},
                {"candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=ice-ufrag:evil", TB_CANDIDATE_BAD},
                {"hello", TB_CANDIDATE_BAD},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                if (tb_candidate_check(cases[i].text) != cases[i].is)
                        g_error("\"%s\" is %d", cases[i].text, tb_candidate_check(cases[i].text));
}

static bool count_candidate(const char *line, guint mline G_GNUC_UNUSED, void *data,
                            GError **error G_GNUC_UNUSED)
{
        g_assert_true(g_str_has_prefix(line, "candidate:"));
        ++*(guint *)data;
        return true;
}

static void test_sdpfrag(void)
{
        guint n = 0;
        g_autoptr(GError) error = NULL;
        g_autofree char *ufrag = NULL, *pwd = NULL;
        const char *frag = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=video 9 "
                           "UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"
                           "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\na=candidate:2 1 UDP 1 192.0.2.2 9 "
                           "typ host\r\na=end-of-candidates\r\n";
        g_assert_true(tb_sdpfrag_parse(frag, count_candidate, &n, &error));
        g_assert_cmpuint(n, ==, 2);
        g_assert_true(tb_sdpfrag_credentials(frag, &ufrag, &pwd, &error));
        g_assert_cmpstr(ufrag, ==, "EsAw");
        g_assert_cmpstr(pwd, ==, "P2uYro0UCOQ4zxjKXaWCBui1");
        g_assert_false(tb_sdpfrag_parse("{}", count_candidate, &n, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_cmpuint(n, ==, 2);
        g_clear_pointer(&ufrag, g_free);
        g_clear_pointer(&pwd, g_free);
        g_clear_error(&error);
        g_assert_true(tb_sdpfrag_credentials("a=end-of-candidates\r\n", &ufrag, &pwd, &error));
        g_assert_true(!ufrag && !pwd);
        const char *const wrong[] = {"a=ice-ufrag:abc\r\n", "a=ice-pwd:short\r\n", "a=ice-ufrag:ab cd\r\n",
                                     "a=ice-ufrag:abcd\r\nm=video 9 X 0\r\na=ice-ufrag:efgh\r\n"};
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_assert_false(tb_sdpfrag_credentials(wrong[i], &ufrag, &pwd, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_clear_error(&error);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/media/offer/chromium", test_chromium);
        g_test_add_func("/media/offer/firefox", test_firefox);
        g_test_add_func("/media/offer/vp8-when-no-h264", test_vp8_when_no_h264);
        g_test_add_func("/media/offer/declined-sections", test_declined_sections);
        g_test_add_func("/media/offer/completed", test_completed);
        g_test_add_func("/media/offer/data-only", test_data_only);
        g_test_add_func("/media/offer/malformed", test_malformed);
        g_test_add_func("/media/offer/limits", test_limits);
        g_test_add_func("/media/offer/candidates", test_candidates);
        g_test_add_func("/media/offer/sdpfrag", test_sdpfrag);
        return g_test_run();
}
