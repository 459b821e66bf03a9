/* Writes the plain offer, section by section, from what was checked. */
#include <string.h>

#include "host/media/webrtc/candidate.h"
#include "host/media/webrtc/offer_private.h"
#include "host/media/webrtc/rtpext.h"
#include "host/media/webrtc/sdp.h"
#include "lib/error.h"
#include "lib/limits.h"

static void write_video(TbOfferParse *p, const GstSDPMedia *media, GString *out)
{
        TbOffer *o = p->offer;
        g_string_append_printf(out, "a=recvonly\r\na=rtcp-mux\r\na=rtpmap:%u %s/90000\r\n", o->payload,
                               tb_codec_name(o->codec));
        if (o->codec == TB_CODEC_H264)
                g_string_append_printf(
                        out,
                        "a=fmtp:%u level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=%s\r\n",
                        o->payload, g_str_has_prefix(o->profile, "42") ? o->profile : "42e01f");
        static const char *const feedback[] = {"nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"};
        for (gsize i = 0; i < G_N_ELEMENTS(feedback); i++)
                if (tb_offer_has_feedback(p, media, feedback[i]))
                        g_string_append_printf(out, "a=rtcp-fb:%u %s\r\n", o->payload, feedback[i]);
        TbOfferExtension ext[TB_OFFER_EXTENSIONS];
        tb_offer_extensions(o, ext);
        for (gsize i = 0; i < G_N_ELEMENTS(ext); i++)
                if (ext[i].id)
                        g_string_append_printf(out, "a=extmap:%u %s\r\n", ext[i].id, ext[i].uri);
}

/* Of all sections that speak of the transport of the tagged one. */
static bool write_candidates(TbOfferParse *p, GString *out)
{
        guint n = 0;
        for (guint k = 0; k < p->offer->n_mlines; k++) {
                const GstSDPMedia *media = gst_sdp_message_get_media(p->message, k);
                if (g_strcmp0(tb_offer_attribute(p, media, "ice-ufrag"), p->offer->ufrag) != 0)
                        continue;
                for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                        const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                        if (g_strcmp0(a->key, "candidate") != 0)
                                continue;
                        g_autofree char *text = g_strdup_printf("candidate:%s", a->value ? a->value : "");
                        TbCandidate is = tb_candidate_check(text);
                        if (++n > TB_LIMIT_CANDIDATES)
                                return tb_offer_bad(p, "more than %d candidates", TB_LIMIT_CANDIDATES);
                        if (is == TB_CANDIDATE_BAD)
                                return tb_offer_bad(p, "\"a=%s\" is no candidate", text);
                        if (is == TB_CANDIDATE_USE)
                                g_string_append_printf(out, "a=%s\r\n", text);
                }
        }
        return true;
}

/* What every section has: its name, and the transport of all. */
static bool write_transport(TbOfferParse *p, guint index, GString *out)
{
        const GstSDPMedia *media = gst_sdp_message_get_media(p->message, p->offer->tagged);
        static const char *const keys[] = {"ice-ufrag", "ice-pwd", "fingerprint", "setup"};
        g_string_append_printf(out, "c=IN IP4 0.0.0.0\r\na=mid:%u\r\n", index);
        for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
                g_string_append_printf(out, "a=%s:%s\r\n", keys[i], tb_offer_attribute(p, media, keys[i]));
        return write_candidates(p, out);
}

static bool write_data_section(TbOfferParse *p, const GstSDPMedia *media, const char *body, GString *out)
{
        guint port = 5000;
        const char *text = p->offer->old_data ? gst_sdp_media_get_format(media, 0)
                                              : gst_sdp_media_get_attribute_val(media, "sctp-port");
        if (text && (!tb_sdp_number(text, 65535, &port) || port == 0))
                return tb_offer_bad(p, "a=sctp-port:%.20s is no port", text);
        /* what the other side takes in one message: webrtcbin refuses to send more (RFC 8841 §6.1: 65536 when
         * it does not say, 0 when any size will do) */
        guint most = 0;
        text = gst_sdp_media_get_attribute_val(media, "max-message-size");
        if (text && !tb_sdp_number(text, G_MAXUINT32, &most))
                return tb_offer_bad(p, "a=max-message-size:%.20s is no size", text);
        most = most == 0 ? TB_LIMIT_CHANNEL_MESSAGE : MIN(most, TB_LIMIT_CHANNEL_MESSAGE);
        g_string_append_printf(out,
                               "m=application 9 UDP/DTLS/SCTP "
                               "webrtc-datachannel\r\n%sa=sctp-port:%u\r\na=max-message-size:%u\r\n",
                               body, port, most);
        return true;
}

static bool write_video_section(TbOfferParse *p, const GstSDPMedia *media, const char *body, GString *out)
{
        if (!tb_offer_choose_extensions(p, media))
                return false;
        guint rtx = tb_offer_find_rtx(p, media);
        g_string_append_printf(out, "m=video 9 UDP/TLS/RTP/SAVPF %u", p->offer->payload);
        if (rtx)
                g_string_append_printf(out, " %u", rtx);
        g_string_append_printf(out, "\r\n%s", body);
        write_video(p, media, out);
        if (rtx)
                g_string_append_printf(out, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n", rtx, rtx,
                                       p->offer->payload);
        return true;
}

static void write_sound_section(const TbOfferParse *p, const GstSDPMedia *media, const char *body,
                                GString *out)
{
        g_autofree char *payload = g_strdup_printf("%u", p->offer->sound_payload),
                        *stereo =
                                tb_sdp_fmtp_value(tb_sdp_payload_attribute(media, "fmtp", payload), "stereo");
        g_string_append_printf(out,
                               "m=audio 9 UDP/TLS/RTP/SAVPF %s\r\n%sa=recvonly\r\na=rtcp-mux\r\na=rtpmap:%s "
                               "OPUS/48000/2\r\n",
                               payload, body, payload);
        g_string_append_printf(out, "a=fmtp:%s minptime=10%s\r\n", payload,
                               g_strcmp0(stereo, "1") == 0 ? ";stereo=1" : "");
}

bool tb_offer_write_section(TbOfferParse *p, guint index, GString *out)
{
        const GstSDPMedia *media = gst_sdp_message_get_media(p->message, index);
        g_autoptr(GString) body = g_string_new(NULL);
        if (!write_transport(p, index, body))
                return false;
        if (p->offer->sections[index].use == TB_OFFER_SOUND) {
                write_sound_section(p, media, body->str, out);
                return true;
        }
        return (int)index == p->offer->video_mline ? write_video_section(p, media, body->str, out)
                                                   : write_data_section(p, media, body->str, out);
}
