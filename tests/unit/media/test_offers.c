/* Offers of real clients (tests/fixtures/offers, as they were sent; Safari's is made after what it sends), and what
 * becomes of each: answered, section by section, or refused in words. */
#include <string.h>

#include "host/media/webrtc/answer.h"
#include "host/media/webrtc/offer.h"
#include "lib/error.h"

typedef struct Case {
        const char *file;
        const char *from, *to; /* what is another in it; NULL: nothing */
        const char *
                uses; /* of each section: v video, d data, h held open, r refused; NULL: the offer is refused */
        guint tagged;
        const char *group; /* of the answer; NULL: none. Of one that is refused: what is said */
        guint payload;
        int code; /* of one that is refused */
        /* uses and group where there is sound, too; NULL: sound takes the place of what is held open, in the same group */
        const char *hears, *hears_group;
} Case;

#define OURS "candidate:1 1 UDP 1 203.0.113.1 9 typ host"
#define IN_WORDS TB_ERROR_UNPROCESSABLE
#define AUDIO_VIDEO "chromium-balanced-audio-video.sdp"
#define FIREFOX_DATA "firefox-max-bundle-audio-video-data.sdp"

static const Case CASES[] = {
        {"aiortc-video.sdp", NULL, NULL, "v", 0, "0", 101, 0},
        {"aiortc-audio-video.sdp", NULL, NULL, "hv", 0, "0 1", 101, 0},
        {"aiortc-data-video.sdp", NULL, NULL, "vd", 0, "0 1", 101, 0},
        {"aiortc-audio-video-data.sdp", NULL, NULL, "hvd", 0, "0 1 2", 101, 0},
        {"chromium-balanced-video.sdp", NULL, NULL, "v", 0, "0", 108, 0},
        {"chromium-balanced-audio-video.sdp", NULL, NULL, "hv", 0, "0 1", 108, 0},
        {"chromium-balanced-audio-video-audio-video.sdp", NULL, NULL, "hvrr", 0, "0 1", 108, 0},
        {"chromium-max-bundle-audio-video-data.sdp", NULL, NULL, "hvd", 0, "0 1 2", 108, 0},
        {"chromium-max-bundle-video-audio.sdp", NULL, NULL, "vr", 0, "0", 108, 0, "vs", "0 1"},
        {"chromium-max-compat-audio-video-data.sdp", NULL, NULL, "hvd", 0, "0 1 2", 108, 0},
        {"chromium-max-compat-data-video.sdp", NULL, NULL, "vd", 0, "0 1", 108, 0},
        {"chromium-offertoreceive.sdp", NULL, NULL, "hv", 0, "0 1", 108, 0},
        {"chromium-stopped-audio.sdp", NULL, NULL, "rv", 1, "1", 108, 0},
        {"firefox-balanced-video.sdp", NULL, NULL, "v", 0, "0", 120, 0},
        {"firefox-balanced-audio-video.sdp", NULL, NULL, "hv", 0, "0 1", 120, 0},
        {"firefox-balanced-audio-video-audio-video.sdp", NULL, NULL, "hvrr", 0, "0 1", 120, 0},
        {"firefox-max-bundle-audio-video-data.sdp", NULL, NULL, "hvd", 0, "0 1 2", 120, 0},
        {"firefox-max-bundle-video-audio.sdp", NULL, NULL, "vr", 0, "0", 120, 0, "vs", "0 1"},
        {"firefox-max-compat-audio-video-data.sdp", NULL, NULL, "hvd", 0, "0 1 2", 120, 0},
        {"firefox-max-compat-data-video.sdp", NULL, NULL, "vd", 0, "0 1", 120, 0},
        {"firefox-offertoreceive.sdp", NULL, NULL, "hv", 0, "0 1", 120, 0},
        {"firefox-stopped-audio.sdp", NULL, NULL, "rv", 1, "1", 120, 0},
        {"gstreamer-none-video.sdp", NULL, NULL, "v", 0, NULL, 96, 0},
        {"gstreamer-none-audio-video.sdp", NULL, NULL, "rv", 1, NULL, 96, 0},
        {"gstreamer-max-bundle-video-data.sdp", NULL, NULL, "vd", 0, "video0 application1", 96, 0},
        {"gstreamer-max-compat-video-audio.sdp", NULL, NULL, "vr", 0, "video0", 96, 0, "vs", "video0 audio1"},
        {"safari-like-audio-video.sdp", NULL, NULL, "hv", 0, "0 1", 98, 0},
        /* only High is offered: it decodes constrained baseline, but VP8 is what was meant for all */
        {"safari-like-audio-video.sdp", "42e01f", "640c28", "hv", 0, "0 1", 103, 0},
        /* the order of the group says whose transport counts, not that of the sections */
        {"aiortc-audio-video-data.sdp", "BUNDLE 0 1 2", "BUNDLE 1 0 2", "rvd", 1, "1 2", 101, 0, "svd",
         "1 0 2"},
        {"aiortc-audio-video-data.sdp", "BUNDLE 0 1 2", "BUNDLE 2 1", "rvd", 2, "2 1", 101, 0},
        /* what does not share the video's transport is refused */
        {"aiortc-audio-video-data.sdp", "BUNDLE 0 1 2", "BUNDLE 0 1", "hvr", 0, "0 1", 101, 0},
        {AUDIO_VIDEO, "a=group:BUNDLE 0 1\r\n", "", "rv", 1, NULL, 108, 0},
        /* no video to send to in the first video section, but in another one */
        {"chromium-balanced-audio-video-audio-video.sdp", "a=mid:1\r\n", "a=mid:1\r\na=inactive\r\n", "hrrv",
         0, "0 3", 108, 0},
        {AUDIO_VIDEO, "m=audio 9 UDP/TLS/RTP/SAVPF", "m=text 9 TCP/MRCPv2", "rv", 1, "1", 108, 0},
        /* sound that no Opus of ours can go to is held open as where there is none */
        {AUDIO_VIDEO, "opus/48000/2", "speex/16000", "hv", 0, "0 1", 108, 0, "hv", "0 1"},
        {AUDIO_VIDEO, "a=mid:0\r\n", "a=mid:0\r\na=sendonly\r\n", "hv", 0, "0 1", 108, 0, "hv", "0 1"},
        {AUDIO_VIDEO, "m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 RTP/SAVPF", "hv", 0, "0 1", 108, 0},
        {AUDIO_VIDEO, "m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 TCP/TLS/RTP/SAVPF", "hv", 0, "0 1", 108, 0},
        /* packets of single NAL units alone, and payload types that RTP gives to others: what else there is, or words */
        {"gstreamer-none-video.sdp", "packetization-mode=1", "packetization-mode=0", "v", 0, NULL, 97, 0},
        {"gstreamer-none-video.sdp", "packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:97 VP8",
         "packetization-mode=0;profile-level-id=42e01f\r\na=rtpmap:97 AV1", NULL, 0, "packetization-mode=1",
         0, IN_WORDS},
        {"gstreamer-none-video.sdp", "96", "35", "v", 0, NULL, 97, 0},
        {"gstreamer-none-video.sdp", "SAVPF 96 97", "SAVPF 36 63", NULL, 0, "from 96 to 127", 0, IN_WORDS},
        {AUDIO_VIDEO, "a=mid:1\r\n", "a=mid:a!#$%&'*+-.^_`{|}~\r\n", NULL, 0, "names \"1\"", 0,
         TB_ERROR_INVALID},
        {"gstreamer-none-video.sdp", "a=mid:video0\r\n", "", "v", 0, NULL, 96, 0},
        {"gstreamer-none-video.sdp", "m=video 9", "m=video 0", NULL, 0, "no video section", 0, IN_WORDS},
        {"gstreamer-none-video.sdp", "a=mid:video0\r\n",
         "a=mid:video0\r\na=ssrc:1 msid:a b\r\na=ssrc:1 cname:x\r\na=ssrc:2 msid:c d\r\n", NULL, 0, "Plan B",
         0, IN_WORDS},
        {"gstreamer-none-video.sdp", "a=rtcp-mux\r\n", "", NULL, 0, "rtcp-mux", 0, IN_WORDS},
        {"gstreamer-none-video.sdp", "RTP/SAVPF", "RTP/AVPF", NULL, 0, "no video section", 0, IN_WORDS},
        {FIREFOX_DATA, "BUNDLE 0 1 2", "BUNDLE 1 2", NULL, 0, "bundle-only", 0, IN_WORDS},
};

static char *load(const Case *c)
{
        g_autofree char *path = g_build_filename("tests/fixtures/offers", c->file, NULL);
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;
        g_file_get_contents(path, &text, NULL, &error);
        g_assert_no_error(error);
        if (!c->from)
                return g_steal_pointer(&text);
        g_auto(GStrv) parts = g_strsplit(text, c->from, -1);
        if (g_strv_length(parts) < 2)
                g_error("%s has no \"%s\"", c->file, c->from);
        return g_strjoinv(c->to, parts);
}

static GstSDPMessage *read_sdp(const char *text)
{
        GstSDPMessage *message = NULL;
        gst_sdp_message_new(&message);
        g_assert_cmpint(gst_sdp_message_parse_buffer((const guint8 *)text, (guint)strlen(text), message), ==,
                        GST_SDP_OK);
        return message;
}

/* A section of the answer repeats what makes it that of the offer (RFC 3264 §6, RFC 8829 §5.3). */
static void check_section(const Case *c, const char *uses, guint i, const GstSDPMedia *asked,
                          const GstSDPMedia *said)
{
        g_assert_cmpstr(gst_sdp_media_get_media(said), ==, gst_sdp_media_get_media(asked));
        g_assert_cmpstr(gst_sdp_media_get_proto(said), ==, gst_sdp_media_get_proto(asked));
        g_assert_cmpstr(gst_sdp_media_get_attribute_val(said, "mid"), ==,
                        gst_sdp_media_get_attribute_val(asked, "mid"));
        g_assert_cmpint(gst_sdp_media_get_port(said) == 0, ==, uses[i] == 'r');
        g_assert_cmpint(gst_sdp_media_get_attribute_val(said, "ice-ufrag") != NULL, ==, uses[i] != 'r');
        if (uses[i] == 's') /* one stream with the picture: they are played in step */
                g_assert_cmpstr(gst_sdp_media_get_attribute_val(said, "msid"), ==, "testbed audio");
        g_autofree char *text = gst_sdp_media_as_text(said);
        g_assert_cmpint(strstr(text, OURS) != NULL, ==, i == c->tagged);
        const char *old = gst_sdp_media_get_attribute_val(asked, "sctpmap");
        if (uses[i] == 'd' && old)
                g_assert_cmpstr(gst_sdp_media_get_attribute_val(said, "sctpmap"), ==, old);
}

static void check(const Case *c, guint want)
{
        bool hears = want & TB_OFFER_WANT_SOUND;
        g_autofree char *with_sound =
                c->uses ? g_strdelimit(g_strdup(c->hears ? c->hears : c->uses), c->hears ? "" : "h", 's')
                        : NULL;
        const char *uses = hears ? with_sound : c->uses;
        const char *of_answer = hears && c->hears ? c->hears_group : c->group;
        g_autofree char *sdp = load(c);
        g_auto(TbOffer) offer = {0};
        g_autoptr(GError) error = NULL;
        bool taken = tb_offer_parse(sdp, want, &offer, &error);
        g_test_message("%s %s: %s", c->file, c->to ? c->to : "", error ? error->message : "answered");
        if (!c->uses) {
                g_assert_false(taken);
                g_assert_error(error, TB_ERROR, c->code);
                g_assert_nonnull(strstr(error->message, c->group));
                return;
        }
        g_assert_no_error(error);
        g_assert_cmpuint(offer.payload, ==, c->payload);
        g_assert_cmpuint(offer.tagged, ==, c->tagged);
        g_assert_cmpuint(offer.n_mlines, ==, strlen(c->uses));
        for (guint i = 0; i < offer.n_mlines; i++)
                g_assert_cmpint("rhvds"[offer.sections[i].use], ==, uses[i]);

        g_autoptr(GstSDPMessage) asked = read_sdp(sdp),
                                 plain = read_sdp(offer.sdp); /* stands for webrtcbin's answer */
        const char *candidates[] = {OURS, NULL};
        g_autofree char *answer = tb_offer_answer(&offer, plain, candidates);
        g_autoptr(GstSDPMessage) said = read_sdp(answer);
        g_assert_cmpuint(gst_sdp_message_medias_len(said), ==, offer.n_mlines);
        for (guint i = 0; i < offer.n_mlines; i++)
                check_section(c, uses, i, gst_sdp_message_get_media(asked, i),
                              gst_sdp_message_get_media(said, i));
        g_autofree char *group = of_answer ? g_strconcat("BUNDLE ", of_answer, NULL) : NULL;
        g_assert_cmpstr(gst_sdp_message_get_attribute_val(said, "group"), ==, group);
        /* the transport that webrtcbin is given is that of the tagged section */
        const char *ufrag = offer.ufrag;
        g_assert_cmpstr(
                gst_sdp_media_get_attribute_val(gst_sdp_message_get_media(asked, c->tagged), "ice-ufrag"), ==,
                ufrag);
        for (guint i = 0; i < gst_sdp_message_medias_len(plain); i++)
                g_assert_cmpstr(
                        gst_sdp_media_get_attribute_val(gst_sdp_message_get_media(plain, i), "ice-ufrag"), ==,
                        ufrag);
}

static void test_corpus(void)
{
        for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
                check(&CASES[i], TB_OFFER_WANT_VIDEO);
                check(&CASES[i], TB_OFFER_WANT_VIDEO | TB_OFFER_WANT_SOUND);
        }
}

/* Who only listens: to a device without a picture, or because he wants no more. */
static void test_listens(void)
{
        static const struct {
                const char *file, *from, *to, *uses;
                guint want, payload;
        } cases[] = {
                {"chromium-max-bundle-audio-video-data.sdp", NULL, NULL, "srd", TB_OFFER_WANT_SOUND, 111},
                {"firefox-max-bundle-audio-video-data.sdp", NULL, NULL, "srd", TB_OFFER_WANT_SOUND, 109},
                {"aiortc-audio-video.sdp", NULL, NULL, "sr", TB_OFFER_WANT_SOUND, 96},
                {"gstreamer-none-audio-video.sdp", NULL, NULL, "sr", TB_OFFER_WANT_SOUND, 98},
                {"aiortc-audio-video.sdp", "m=video 56902", "m=video 0", "sr",
                 TB_OFFER_WANT_VIDEO | TB_OFFER_WANT_SOUND, 96},
                {"aiortc-video.sdp", NULL, NULL, NULL, TB_OFFER_WANT_SOUND, 0},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                const Case c = {.file = cases[i].file, .from = cases[i].from, .to = cases[i].to};
                g_autofree char *sdp = load(&c);
                g_auto(TbOffer) offer = {0};
                g_autoptr(GError) error = NULL;
                if (!cases[i].uses) {
                        g_assert_false(tb_offer_parse(sdp, cases[i].want, &offer, &error));
                        g_assert_nonnull(strstr(error->message, "no audio section"));
                        continue;
                }
                tb_offer_parse(sdp, cases[i].want, &offer, &error);
                g_assert_no_error(error);
                g_assert_cmpint(offer.video_mline, ==, -1);
                for (guint k = 0; k < offer.n_mlines; k++)
                        g_assert_cmpint("rhvds"[offer.sections[k].use], ==, cases[i].uses[k]);
                if (cases[i].payload != offer.sound_payload)
                        g_error("%s: payload %u", cases[i].file, offer.sound_payload);
        }
}

/* Every offer of the folder is in the table. */
static void test_complete(void)
{
        g_autoptr(GDir) folder = g_dir_open("tests/fixtures/offers", 0, NULL);
        g_assert_nonnull(folder);
        for (const char *name; (name = g_dir_read_name(folder));) {
                bool found = false;
                for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++)
                        found = found || strcmp(CASES[i].file, name) == 0;
                if (!found)
                        g_error("%s is in no row of the table", name);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/media/offers/corpus", test_corpus);
        g_test_add_func("/media/offers/listens", test_listens);
        g_test_add_func("/media/offers/complete", test_complete);
        return g_test_run();
}
