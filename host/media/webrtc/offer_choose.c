/* Which payload and which header extensions of a browser's video section we use. */
#include <string.h>

#include "host/media/webrtc/offer_private.h"
#include "host/media/webrtc/rtpext.h"
#include "host/media/webrtc/sdp.h"

/* How well a payload suits; 0: not at all. Ours is constrained baseline, which every decoder of baseline
 * shows as well. */
static int suits(const GstSDPMedia *media, const char *payload, TbCodec *ret_codec, char **ret_profile)
{
        const char *map = tb_sdp_payload_attribute(media, "rtpmap", payload);
        if (!map)
                return 0;
        if (g_ascii_strcasecmp(map, "VP8/90000") == 0) {
                *ret_codec = TB_CODEC_VP8;
                return 2;
        }
        if (g_ascii_strcasecmp(map, "H264/90000") != 0)
                return 0;
        const char *fmtp = tb_sdp_payload_attribute(media, "fmtp", payload);
        g_autofree char *mode = tb_sdp_fmtp_value(fmtp, "packetization-mode");
        g_autofree char *profile = tb_sdp_fmtp_value(fmtp, "profile-level-id");
        if (g_strcmp0(mode, "1") != 0)
                return 0;
        if (profile && (strlen(profile) != 6 || strspn(profile, "0123456789abcdefABCDEF") != 6))
                return 0;
        *ret_codec = TB_CODEC_H264;
        guint64 id =
                g_ascii_strtoull(profile ? profile : "42000a", NULL, 16); /* RFC 6184: baseline, level 1 */
        guint idc = (guint)(id >> 16);
        if (idc != 66 && idc != 77 &&
            idc != 100) /* baseline, main, high: all of them decode constrained baseline */
                return 0;
        *ret_profile = profile ? g_steal_pointer(&profile) : g_strdup("42000a");
        return idc != 66 ? 1 : id & 0x4000 ? 4 : 3; /* constraint_set1: constrained baseline */
}

int tb_offer_choose_payload(TbOfferParse *p, const GstSDPMedia *media)
{
        TbOffer *offer = p->offer;
        int best = 0;
        guint n = gst_sdp_media_formats_len(media);
        if (n > TB_OFFER_FORMATS) {
                tb_offer_bad(p, "more than %d payload types in one m-line", TB_OFFER_FORMATS);
                return -1;
        }
        for (guint i = 0; i < n; i++) {
                const char *payload = gst_sdp_media_get_format(media, i);
                TbCodec codec = TB_CODEC_VP8;
                g_autofree char *profile = NULL;
                guint number;
                if (!tb_sdp_number(payload, 127, &number)) {
                        tb_offer_bad(p, "\"%.20s\" is not a payload type", payload);
                        return -1;
                }
                int score = number < 96 ? 0
                                        : suits(media, payload, &codec,
                                                &profile); /* GStreamer's payloaders know 96 to 127 */
                if (score <= best)
                        continue;
                best = score;
                offer->codec = codec;
                offer->payload = number;
                g_free(offer->profile);
                offer->profile = g_steal_pointer(&profile);
        }
        return best > 0 ? 1 : 0;
}

int tb_offer_choose_opus(TbOfferParse *p, const GstSDPMedia *media)
{
        guint n = MIN(gst_sdp_media_formats_len(media), TB_OFFER_FORMATS);
        for (guint i = 0; i < n; i++) {
                const char *payload = gst_sdp_media_get_format(media, i);
                const char *map = tb_sdp_payload_attribute(media, "rtpmap", payload);
                guint number;
                if (!tb_sdp_number(payload, 127, &number)) {
                        tb_offer_bad(p, "\"%.20s\" is not a payload type", payload);
                        return -1;
                }
                if (number < 96 || !map || g_ascii_strcasecmp(map, "opus/48000/2") != 0) /* RFC 7587 §7 */
                        continue;
                p->offer->sound_payload = number;
                return 1;
        }
        return 0;
}

bool tb_offer_has_feedback(const TbOfferParse *p, const GstSDPMedia *media, const char *kind)
{
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                const char *behind = a->value ? strchr(a->value, ' ') : NULL;
                if (g_strcmp0(a->key, "rtcp-fb") == 0 && behind && strcmp(behind + 1, kind) == 0 &&
                    (a->value[0] == '*' || g_ascii_strtoull(a->value, NULL, 10) == p->offer->payload))
                        return true;
        }
        return false;
}

/* a=extmap:<id>[/direction] <uri> */
bool tb_offer_choose_extensions(TbOfferParse *p, const GstSDPMedia *media)
{
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                if (g_strcmp0(a->key, "extmap") != 0)
                        continue;
                g_auto(GStrv) parts = g_strsplit(a->value ? a->value : "", " ", 3);
                guint id;
                if (!parts[0] || !parts[1])
                        return tb_offer_bad(p, "a=extmap:%s has no URI", a->value ? a->value : "");
                bool for_sender =
                        !g_str_has_suffix(parts[0], "/sendonly") && !g_str_has_suffix(parts[0], "/inactive");
                char *slash = strchr(parts[0], '/');
                if (slash)
                        *slash = '\0';
                if (!tb_sdp_number(parts[0], 255, &id) || id == 0)
                        return tb_offer_bad(p, "a=extmap:%s has no id from 1 to 255", a->value);
                if (id == 15 || !for_sender) /* 15 is reserved in one-byte headers */
                        continue;
                if (strcmp(parts[1], TB_URI_PLAYOUT_DELAY) == 0)
                        p->offer->ext_playout_delay = id;
                else if (strcmp(parts[1], TB_URI_TWCC) == 0 &&
                         tb_offer_has_feedback(p, media, "transport-cc"))
                        p->offer->ext_twcc = id;
                else if (strcmp(parts[1], TB_URI_CAPTURE_TIME) == 0)
                        p->offer->ext_capture_time = id;
        }
        return true;
}

guint tb_offer_find_rtx(TbOfferParse *p, const GstSDPMedia *media)
{
        for (guint i = 0; i < gst_sdp_media_formats_len(media); i++) {
                const char *payload = gst_sdp_media_get_format(media, i);
                const char *map = tb_sdp_payload_attribute(media, "rtpmap", payload);
                guint apt, number;
                if (!map || g_ascii_strcasecmp(map, "rtx/90000") != 0)
                        continue;
                g_autofree char *value =
                        tb_sdp_fmtp_value(tb_sdp_payload_attribute(media, "fmtp", payload), "apt");
                if (tb_sdp_number(value, 127, &apt) && apt == p->offer->payload &&
                    tb_sdp_number(payload, 127, &number))
                        return number;
        }
        return 0;
}
