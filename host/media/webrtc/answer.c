#include "host/media/webrtc/answer.h"

#include <string.h>

#include "lib/limits.h"

/* The tagged section comes first (RFC 8843 §7.3.1). */
static char *bundle_of(const TbOffer *offer)
{
        g_autoptr(GString) group = g_string_new("BUNDLE");
        g_string_append_printf(group, " %s", offer->sections[offer->tagged].mid);
        for (guint i = 0; i < offer->n_mlines; i++)
                if (i != offer->tagged && offer->sections[i].use != TB_OFFER_REFUSED)
                        g_string_append_printf(group, " %s", offer->sections[i].mid);
        return g_strdup(group->str);
}

/* webrtcbin leaves out the profile, and without one the offered payload is another than the one we mean: a
 * player that compares them (Firefox) would refuse the video. */
static void complete_fmtp(const TbOffer *offer, GstSDPMedia *media)
{
        g_autofree char *payload = g_strdup_printf("%u ", offer->payload);
        for (guint i = 0; offer->profile && i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                if (g_strcmp0(a->key, "fmtp") != 0 || !a->value || !g_str_has_prefix(a->value, payload) ||
                    strstr(a->value, "profile-level-id="))
                        continue;
                g_autofree char *value = g_strdup_printf("%s;profile-level-id=%s", a->value, offer->profile);
                GstSDPAttribute full;
                gst_sdp_attribute_set(&full, "fmtp", value);
                gst_sdp_media_replace_attribute(media, i, &full);
        }
}

/* webrtcbin has a name of ours for the section. */
static void name_section(const TbOfferSection *section, GstSDPMedia *media)
{
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                if (g_strcmp0(gst_sdp_media_get_attribute(media, i)->key, "mid") != 0)
                        continue;
                if (section->mid) {
                        GstSDPAttribute mid;
                        gst_sdp_attribute_set(&mid, "mid", section->mid);
                        gst_sdp_media_replace_attribute(media, i, &mid);
                } else {
                        gst_sdp_media_remove_attribute(media, i);
                }
                return;
        }
}

static void append_video(GString *out, const TbOffer *offer, GstSDPMedia *media)
{
        complete_fmtp(offer, media);
        /* webrtcbin names the stream in a=ssrc only (RFC 8829 §5.3.1 wants a=msid); a player that
         * plays `event.streams[0]` needs it */
        if (!gst_sdp_media_get_attribute_val(media, "msid"))
                gst_sdp_media_add_attribute(media, "msid", "testbed video");
        gst_sdp_media_set_proto(media, offer->sections[offer->video_mline].proto);
        g_autofree char *text = gst_sdp_media_as_text(media);
        g_string_append(out, text);
}

/* One stream with the video: the viewer plays them in step (RFC 8830 §2). */
static void append_sound(GString *out, const TbOffer *offer, GstSDPMedia *media)
{
        if (!gst_sdp_media_get_attribute_val(media, "msid"))
                gst_sdp_media_add_attribute(media, "msid", "testbed audio");
        gst_sdp_media_set_proto(media, offer->sections[offer->sound_mline].proto);
        g_autofree char *text = gst_sdp_media_as_text(media);
        g_string_append(out, text);
}

/* All sections share one transport: what webrtcbin says of it in any of them holds for this one. */
static void append_transport(GString *out, const GstSDPMessage *answer)
{
        static const char *const keys[] = {"ice-ufrag", "ice-pwd", "fingerprint", "setup"};
        for (guint i = 0; i < gst_sdp_message_medias_len(answer); i++) {
                const GstSDPMedia *media = gst_sdp_message_get_media(answer, i);
                if (!gst_sdp_media_get_attribute_val(media, "ice-ufrag"))
                        continue;
                for (gsize k = 0; k < G_N_ELEMENTS(keys); k++) {
                        const char *value = gst_sdp_media_get_attribute_val(media, keys[k]);
                        if (value)
                                g_string_append_printf(out, "a=%s:%s\r\n", keys[k], value);
                }
                return;
        }
}

static void append_data(GString *out, const TbOffer *offer, const GstSDPMessage *answer, GstSDPMedia *media)
{
        const TbOfferSection *section = &offer->sections[offer->data_mline];
        if (offer->old_data) {
                const char *port = gst_sdp_media_get_attribute_val(media, "sctp-port");
                port = port ? port : "5000";
                g_string_append_printf(out, "m=application 9 %s %s\r\nc=IN IP4 0.0.0.0\r\n", section->proto,
                                       port);
                if (section->mid)
                        g_string_append_printf(out, "a=mid:%s\r\n", section->mid);
                g_string_append_printf(out,
                                       "a=sctpmap:%s webrtc-datachannel 65535\r\na=max-message-size:%d\r\n",
                                       port, TB_LIMIT_CHANNEL_MESSAGE);
                append_transport(out, answer);
                return;
        }
        if (!gst_sdp_media_get_attribute_val(media, "max-message-size"))
                gst_sdp_media_add_attribute(media, "max-message-size", G_STRINGIFY(TB_LIMIT_CHANNEL_MESSAGE));
        gst_sdp_media_set_proto(media, section->proto);
        g_autofree char *text = gst_sdp_media_as_text(media);
        g_string_append(out, text);
}

static char *head_of(const TbOffer *offer, GstSDPMessage *answer)
{
        for (guint i = 0; i < gst_sdp_message_attributes_len(answer); i++)
                if (g_strcmp0(gst_sdp_message_get_attribute(answer, i)->key, "group") == 0) {
                        gst_sdp_message_remove_attribute(answer, i);
                        break;
                }
        if (offer->bundled) {
                g_autofree char *group = bundle_of(offer);
                gst_sdp_message_add_attribute(answer, "group", group);
        }
        gst_sdp_message_add_attribute(answer, "ice-options", "trickle");
        char *head = gst_sdp_message_as_text(answer);
        char *first = strstr(head, "m=");
        if (first)
                *first = '\0';
        return head;
}

char *tb_offer_answer(const TbOffer *offer, const GstSDPMessage *answer, const char *const *candidates)
{
        g_autoptr(GstSDPMessage) copy = NULL;
        gst_sdp_message_copy(answer, &copy);
        g_autofree char *head = head_of(offer, copy);
        g_autoptr(GString) out = g_string_new(head);
        guint used = 0; /* webrtcbin knows only the sections that are used, in their order */
        for (guint i = 0; i < offer->n_mlines; i++) {
                const TbOfferSection *section = &offer->sections[i];
                GstSDPMedia *media = NULL;
                if (section->use >= TB_OFFER_VIDEO) {
                        if (used >= gst_sdp_message_medias_len(copy))
                                break;
                        media = (GstSDPMedia *)gst_sdp_message_get_media(copy, used++); /* the copy is ours */
                        name_section(section, media);
                }
                switch (section->use) {
                case TB_OFFER_REFUSED: g_string_append(out, section->text); break;
                case TB_OFFER_HELD:
                        g_string_append(out, section->text);
                        append_transport(out, answer);
                        break;
                case TB_OFFER_VIDEO: append_video(out, offer, media); break;
                case TB_OFFER_SOUND: append_sound(out, offer, media); break;
                case TB_OFFER_DATA: append_data(out, offer, answer, media); break;
                }
                for (const char *const *c = candidates; i == offer->tagged && *c; c++)
                        g_string_append_printf(out, "a=%s\r\n", *c); /* it speaks for all */
        }
        return g_strdup(out->str);
}
