#include "host/media/webrtc/answer.h"

#include <string.h>

#include "lib/limits.h"

static char *bundle_of(const TbOffer *offer, const GstSDPMessage *answer)
{
        g_autoptr(GString) group = g_string_new("BUNDLE");
        for (guint i = 0; i < gst_sdp_message_medias_len(answer); i++) {
                const char *mid =
                        gst_sdp_media_get_attribute_val(gst_sdp_message_get_media(answer, i), "mid");
                if (i < TB_OFFER_MLINES && !offer->declined[i] && mid)
                        g_string_append_printf(group, " %s", mid);
        }
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

static void append_section(GString *out, const TbOffer *offer, guint index, GstSDPMedia *media)
{
        if ((int)index == offer->video_mline) {
                complete_fmtp(offer, media);
                /* webrtcbin names the stream in a=ssrc only (RFC 8829 §5.3.1 wants a=msid); a player that
                 * plays `event.streams[0]` needs it */
                if (!gst_sdp_media_get_attribute_val(media, "msid"))
                        gst_sdp_media_add_attribute(media, "msid", "testbed video");
        }
        if ((int)index == offer->data_mline && !gst_sdp_media_get_attribute_val(media, "max-message-size"))
                gst_sdp_media_add_attribute(media, "max-message-size", G_STRINGIFY(TB_LIMIT_CHANNEL_MESSAGE));
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

char *tb_offer_answer(const TbOffer *offer, const GstSDPMessage *answer, const char *const *candidates)
{
        g_autoptr(GstSDPMessage) copy = NULL;
        gst_sdp_message_copy(answer, &copy);
        g_autofree char *group = bundle_of(offer, answer);
        for (guint i = 0; i < gst_sdp_message_attributes_len(copy); i++)
                if (g_strcmp0(gst_sdp_message_get_attribute(copy, i)->key, "group") == 0) {
                        gst_sdp_message_remove_attribute(copy, i);
                        break;
                }
        gst_sdp_message_add_attribute(copy, "group", group);
        gst_sdp_message_add_attribute(copy, "ice-options", "trickle");

        g_autofree char *head = gst_sdp_message_as_text(copy);
        char *first = strstr(head, "m=");
        if (first)
                *first = '\0';
        g_autoptr(GString) out = g_string_new(head);
        bool told = false;
        for (guint i = 0; i < gst_sdp_message_medias_len(copy); i++) {
                GstSDPMedia *media = (GstSDPMedia *)gst_sdp_message_get_media(copy, i); /* the copy is ours */
                if (i < TB_OFFER_MLINES && offer->declined[i]) {
                        const char *mid = gst_sdp_media_get_attribute_val(media, "mid");
                        g_string_append_printf(out, "%s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\n",
                                               offer->declined[i], mid ? mid : "");
                        continue;
                }
                if (i == 0 && offer->held) {
                        g_string_append(out, offer->held);
                        append_transport(out, answer);
                } else {
                        append_section(out, offer, i, media);
                }
                for (const char *const *c = candidates; !told && *c; c++)
                        g_string_append_printf(out, "a=%s\r\n", *c);
                told = true; /* bundled: the first section speaks for all */
        }
        return g_strdup(out->str);
}
