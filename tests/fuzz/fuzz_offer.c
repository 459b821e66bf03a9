/* SDP offers, candidates and trickle fragments of browsers. What is accepted must be fit for webrtcbin, which
 * asserts on what it does not like: the plain offer has to be accepted again, choose the same, and have a mid
 * in every section. */
#include <stdint.h>
#include <string.h>

#include "host/media/webrtc/answer.h"
#include "host/media/webrtc/candidate.h"
#include "host/media/webrtc/offer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool any_candidate(const char *line, guint mline G_GNUC_UNUSED, void *data G_GNUC_UNUSED,
                          GError **error G_GNUC_UNUSED)
{
        tb_candidate_check(line);
        return true;
}

static void try_offer(const char *text, guint want)
{
        g_auto(TbOffer) offer = {0}, again = {0};
        g_autoptr(GError) error = NULL;
        if (!tb_offer_parse(text, want, &offer, &error)) {
                g_assert_nonnull(error);
                g_assert_true(g_utf8_validate(error->message, -1, NULL));
                return;
        }
        g_assert_no_error(error);
        g_assert_true(offer.n_mlines >= 1 && offer.n_mlines <= TB_OFFER_MLINES && offer.ufrag &&
                      offer.tagged < offer.n_mlines && offer.sections[offer.tagged].use != TB_OFFER_REFUSED);
        tb_offer_parse(offer.sdp, want, &again, &error);
        g_assert_no_error(error);
        g_assert_cmpint(again.video_mline >= 0, ==, offer.video_mline >= 0);
        g_assert_cmpint(again.data_mline >= 0, ==, offer.data_mline >= 0);
        g_assert_cmpint(again.sound_mline >= 0, ==, offer.sound_mline >= 0);
        g_assert_cmpuint(again.sound_payload, ==, offer.sound_payload);
        g_assert_cmpuint(again.payload, ==, offer.payload);
        g_assert_cmpuint(again.n_mlines, ==,
                         (guint)(offer.video_mline >= 0) + (guint)(offer.data_mline >= 0) +
                                 (guint)(offer.sound_mline >= 0));
        /* what is answered has as many sections as what was offered */
        g_autoptr(GstSDPMessage) made = NULL, said = NULL;
        gst_sdp_message_new(&made);
        gst_sdp_message_new(&said);
        gst_sdp_message_parse_buffer((const guint8 *)offer.sdp, (guint)strlen(offer.sdp), made);
        const char *none[] = {NULL};
        g_autofree char *answer = tb_offer_answer(&offer, made, none);
        gst_sdp_message_parse_buffer((const guint8 *)answer, (guint)strlen(answer), said);
        g_assert_cmpuint(gst_sdp_message_medias_len(said), ==, offer.n_mlines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        for (guint want = 0; want <= (TB_OFFER_WANT_VIDEO | TB_OFFER_WANT_SOUND); want++)
                try_offer(text, want);
        tb_candidate_check(text);
        g_autoptr(GError) error = NULL;
        if (!tb_sdpfrag_parse(text, any_candidate, NULL, &error))
                g_assert_nonnull(error);
        g_autoptr(GError) none = NULL;
        g_autofree char *ufrag = NULL, *pwd = NULL;
        g_assert_true(tb_sdpfrag_credentials(text, &ufrag, &pwd, &none) || none);
        return 0;
}
