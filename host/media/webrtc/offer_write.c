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
                        o->payload, o->profile);
        g_autofree char *payload = g_strdup_printf("%u", o->payload);
        static const char *const feedback[] = {"nack", "nack pli", "ccm fir", "transport-cc", NULL};
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                const char *kind = a->value ? strchr(a->value, ' ') : NULL;
                if (g_strcmp0(a->key, "rtcp-fb") != 0 || !kind)
                        continue;
                bool ours =
                        strncmp(a->value, payload, strlen(payload)) == 0 && a->value[strlen(payload)] == ' ';
                if ((ours || a->value[0] == '*') && g_strv_contains(feedback, kind + 1))
                        g_string_append_printf(out, "a=rtcp-fb:%s %s\r\n", payload, kind + 1);
        }
        TbOfferExtension ext[TB_OFFER_EXTENSIONS];
        tb_offer_extensions(o, ext);
        for (gsize i = 0; i < G_N_ELEMENTS(ext); i++)
                if (ext[i].id)
                        g_string_append_printf(out, "a=extmap:%u %s\r\n", ext[i].id, ext[i].uri);
}

static bool write_candidates(TbOfferParse *p, const GstSDPMedia *media, GString *out)
{
        guint n = 0;
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                if (g_strcmp0(a->key, "candidate") != 0)
                        continue;
                g_autofree char *text = g_strdup_printf("candidate:%s", a->value ? a->value : "");
                if (++n > TB_LIMIT_CANDIDATES)
                        return tb_offer_bad(p, "more than %d candidates", TB_LIMIT_CANDIDATES);
                switch (tb_candidate_check(text)) {
                case TB_CANDIDATE_USE: g_string_append_printf(out, "a=%s\r\n", text); break;
                case TB_CANDIDATE_IGNORE: break;
                case TB_CANDIDATE_BAD: return tb_offer_bad(p, "\"a=%s\" is no candidate", text);
                }
        }
        return true;
}

static const char *attribute(TbOfferParse *p, const GstSDPMedia *media, const char *name)
{
        const char *value = gst_sdp_media_get_attribute_val(media, name);
        return value ? value : gst_sdp_message_get_attribute_val(p->message, name);
}

/* What every section has: transport and name. */
static bool write_transport(TbOfferParse *p, const GstSDPMedia *media, guint index, GString *out)
{
        const char *mid = gst_sdp_media_get_attribute_val(media, "mid");
        const char *ufrag = attribute(p, media, "ice-ufrag"), *pwd = attribute(p, media, "ice-pwd");
        const char *fingerprint = attribute(p, media, "fingerprint"), *setup = attribute(p, media, "setup");
        if (!tb_sdp_is_token(mid, 1, 32, "-_.+"))
                return tb_offer_bad(p, "media section %u has no usable a=mid", index + 1);
        if (!g_hash_table_add(p->mids, (gpointer)mid))
                return tb_offer_bad(p, "two media sections have a=mid:%s", mid);
        if (!tb_sdp_is_token(ufrag, 4, 256, "+/") || !tb_sdp_is_token(pwd, 22, 256, "+/"))
                return tb_offer_bad(p, "media section %u has no usable a=ice-ufrag and a=ice-pwd", index + 1);
        if (!tb_sdp_is_fingerprint(fingerprint))
                return tb_offer_bad(p, "media section %u has no usable a=fingerprint", index + 1);
        if (g_strcmp0(setup, "actpass") != 0 && g_strcmp0(setup, "active") != 0 &&
            g_strcmp0(setup, "passive") != 0)
                return tb_offer_bad(p, "media section %u has no a=setup:actpass", index + 1);
        if (!p->offer->ufrag) {
                p->offer->ufrag = g_strdup(ufrag);
                p->offer->mid = g_strdup(mid);
        }
        g_string_append_printf(
                out,
                "c=IN IP4 "
                "0.0.0.0\r\na=mid:%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:%s\r\n",
                mid, ufrag, pwd, fingerprint, setup);
        return true;
}

static bool is_data(const GstSDPMedia *media)
{
        return strcmp(gst_sdp_media_get_media(media), "application") == 0 &&
               gst_sdp_media_formats_len(media) == 1 &&
               strcmp(gst_sdp_media_get_format(media, 0), "webrtc-datachannel") == 0;
}

static bool can_receive(TbOfferParse *p, const GstSDPMedia *media)
{
        if (tb_sdp_has_flag(media, "sendonly") || tb_sdp_has_flag(media, "inactive"))
                return false;
        if (tb_sdp_has_flag(media, "recvonly") || tb_sdp_has_flag(media, "sendrecv"))
                return true;
        return !gst_sdp_message_get_attribute_val(p->message, "sendonly") &&
               !gst_sdp_message_get_attribute_val(p->message, "inactive");
}

static bool write_data_section(TbOfferParse *p, const GstSDPMedia *media, const char *body, GString *out)
{
        guint port = 5000;
        const char *text = gst_sdp_media_get_attribute_val(media, "sctp-port");
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
        if (!tb_sdp_has_flag(media, "rtcp-mux"))
                return tb_offer_bad(p, "the video section has no a=rtcp-mux");
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

/* The same section with the first codec that it has, and nothing to send; NULL: it can only be refused. */
static char *hold_section(const GstSDPMedia *media, const char *kind, const char *proto)
{
        const char *payload = gst_sdp_media_get_format(media, 0);
        const char *mid = gst_sdp_media_get_attribute_val(media, "mid");
        guint number;
        if (!mid || !strstr(proto, "SAVPF") || !tb_sdp_has_flag(media, "rtcp-mux") ||
            !tb_sdp_number(payload, 127, &number))
                return NULL;
        g_autoptr(GString) out = g_string_new(NULL);
        g_string_printf(out, "m=%s 9 %s %u\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\na=rtcp-mux\r\n",
                        kind, proto, number, mid);
        const char *map = tb_sdp_payload_attribute(media, "rtpmap", payload);
        if (map)
                g_string_append_printf(out, "a=rtpmap:%u %s\r\n", number, map);
        return g_strdup(out->str);
}

bool tb_offer_write_section(TbOfferParse *p, guint index, GString *out)
{
        const GstSDPMedia *media = gst_sdp_message_get_media(p->message, index);
        const char *kind = gst_sdp_media_get_media(media), *proto = gst_sdp_media_get_proto(media);
        bool audio = g_strcmp0(kind, "audio") == 0, video = g_strcmp0(kind, "video") == 0;
        if (!kind || !proto || gst_sdp_media_formats_len(media) == 0)
                return tb_offer_bad(p, "media section %u has an incomplete m-line", index + 1);
        g_autoptr(GString) body = g_string_new(NULL);
        if (!write_transport(p, media, index, body) || !write_candidates(p, media, body))
                return false;
        if (is_data(media) && p->offer->data_mline < 0) {
                p->offer->data_mline = (int)index;
                return write_data_section(p, media, body->str, out);
        }
        if (!audio && !video) {
                tb_set_error(p->error, TB_ERROR_UNPROCESSABLE,
                             "the offer has a media section of a kind that is not supported: \"%.40s\"",
                             kind);
                return false;
        }
        if (video && p->want_video && p->offer->video_mline < 0 && can_receive(p, media) &&
            strstr(proto, "SAVPF")) {
                int chosen = tb_offer_choose_payload(p, media);
                if (chosen < 0)
                        return false;
                if (chosen > 0) {
                        p->offer->video_mline = (int)index;
                        return write_video_section(p, media, body->str, out);
                }
        }
        /* declined: webrtcbin makes an inactive section of it, tb_offer_answer() a refused or held one; a codec that
         * no transceiver of ours has */
        g_string_append_printf(out,
                               "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\n%sa=inactive\r\na=rtcp-mux\r\na=rtpmap:%s\r\n",
                               kind, audio ? "0" : "31", body->str, audio ? "0 PCMU/8000" : "31 H261/90000");
        if (index == 0 && (p->offer->held = hold_section(media, kind, proto)))
                return true;
        g_autoptr(GString) line = g_string_new(NULL);
        g_string_printf(line, "m=%s 0 %s", kind, proto);
        for (guint i = 0; i < MIN(gst_sdp_media_formats_len(media), TB_OFFER_FORMATS); i++)
                g_string_append_printf(line, " %s", gst_sdp_media_get_format(media, i));
        p->offer->declined[index] = g_strdup(line->str);
        return true;
}
