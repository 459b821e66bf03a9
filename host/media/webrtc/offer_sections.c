/*
 * What becomes of each media section of an offer. One section of video, one of sound and one of data channels are used, on one
 * transport; all others are refused (port 0). Which transport: that of the "offerer tagged" section of their BUNDLE
 * group (RFC 8843 §7.2), each section having credentials of its own until the answer is there.
 */
#include <string.h>

#include "host/media/webrtc/offer_private.h"
#include "host/media/webrtc/sdp.h"

#define MID_MAX 64                   /* bytes */
#define MID_MORE "!#$%&'*+-.^_`{|}~" /* a token of RFC 8866 has these beside letters and digits */

static const GstSDPMedia *media_of(const TbOfferParse *p, guint index)
{
        return gst_sdp_message_get_media(p->message, index);
}

/* Port 0: the viewer does not want it; with a=bundle-only: on another section's transport alone. */
static bool is_there(const GstSDPMedia *media)
{
        return gst_sdp_media_get_port(media) != 0 || tb_sdp_has_flag(media, "bundle-only");
}

static bool in_group(const TbOfferParse *p, guint index)
{
        const char *mid = p->offer->sections[index].mid;
        return p->group && mid && g_strv_contains((const char *const *)p->group, mid);
}

/* The index of a name of the group; -1: none. */
static int find_mid(const TbOfferParse *p, const char *mid)
{
        for (guint i = 0; i < p->offer->n_mlines; i++)
                if (g_strcmp0(p->offer->sections[i].mid, mid) == 0)
                        return (int)i;
        return -1;
}

/* --- reading --- */
/* Several streams in one section, as browsers offered before Unified Plan. */
static bool is_plan_b(const GstSDPMedia *media)
{
        const char *first = NULL;
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                const char *stream =
                        a->value && g_strcmp0(a->key, "ssrc") == 0 ? strstr(a->value, " msid:") : NULL;
                if (stream && first && strcmp(stream, first) != 0)
                        return true;
                if (stream)
                        first = stream;
        }
        return false;
}

static bool read_section(TbOfferParse *p, guint index)
{
        TbOfferSection *section = &p->offer->sections[index];
        const GstSDPMedia *media = media_of(p, index);
        const char *kind = gst_sdp_media_get_media(media), *proto = gst_sdp_media_get_proto(media);
        const char *mid = gst_sdp_media_get_attribute_val(media, "mid");
        if (!kind || !proto || gst_sdp_media_formats_len(media) == 0)
                return tb_offer_bad(p, "media section %u has an incomplete m-line", index + 1);
        if (mid && !tb_sdp_is_token(mid, 1, MID_MAX, MID_MORE))
                return tb_offer_bad(p, "media section %u has no usable a=mid", index + 1);
        if (mid && find_mid(p, mid) >= 0)
                return tb_offer_bad(p, "two media sections have a=mid:%s", mid);
        if (is_plan_b(media))
                return tb_offer_not_ours(
                        p, "the offer is of Plan B (several streams in one media section): make it by "
                           "Unified Plan, with a section for each");
        section->mid = g_strdup(mid);
        section->proto = g_strdup(proto);
        return true;
}

/* The BUNDLE group that `index` is in, into p->group. */
static bool read_group(TbOfferParse *p, guint index)
{
        for (guint i = 0; i < gst_sdp_message_attributes_len(p->message); i++) {
                const GstSDPAttribute *a = gst_sdp_message_get_attribute(p->message, i);
                if (g_strcmp0(a->key, "group") != 0 || !a->value || !g_str_has_prefix(a->value, "BUNDLE"))
                        continue;
                g_auto(GStrv) group = g_strsplit(a->value + strlen("BUNDLE"), " ", TB_OFFER_MLINES + 2);
                for (char **mid = group; *mid; mid++)
                        if (**mid && find_mid(p, *mid) < 0)
                                return tb_offer_bad(
                                        p, "a=group:BUNDLE names \"%.64s\", and no section has that a=mid",
                                        *mid);
                p->group = g_steal_pointer(&group);
                if (in_group(p, index))
                        return true;
                g_clear_pointer(&p->group, g_strfreev);
        }
        return true;
}

/* --- choosing --- */
static bool is_secure_rtp(const char *proto)
{
        static const char *const protos[] = {/* RFC 8829 §5.1.2 */
                                             "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP",  "TCP/DTLS/RTP/SAVPF",
                                             "TCP/DTLS/RTP/SAVP", "TCP/TLS/RTP/SAVPF", /* of older clients */
                                             "RTP/SAVPF",         "RTP/SAVP",          NULL};
        return g_strv_contains(protos, proto);
}

static bool is_data(const GstSDPMedia *media, bool *ret_old)
{
        if (strcmp(gst_sdp_media_get_media(media), "application") != 0 ||
            gst_sdp_media_formats_len(media) != 1)
                return false;
        const char *format = gst_sdp_media_get_format(media, 0), *proto = gst_sdp_media_get_proto(media);
        *ret_old = strcmp(proto, "DTLS/SCTP") == 0; /* draft-ietf-mmusic-sctp-sdp until 12 */
        if (!*ret_old)
                return strcmp(format, "webrtc-datachannel") == 0;
        const char *map = tb_sdp_payload_attribute(media, "sctpmap", format);
        return map && g_str_has_prefix(map, "webrtc-datachannel");
}

static bool can_receive(const TbOfferParse *p, const GstSDPMedia *media)
{
        if (tb_sdp_has_flag(media, "sendonly") || tb_sdp_has_flag(media, "inactive"))
                return false;
        if (tb_sdp_has_flag(media, "recvonly") || tb_sdp_has_flag(media, "sendrecv"))
                return true;
        return !gst_sdp_message_get_attribute_val(p->message, "sendonly") &&
               !gst_sdp_message_get_attribute_val(p->message, "inactive");
}

static bool has_mux(const TbOfferParse *p, const GstSDPMedia *media)
{
        return tb_sdp_has_flag(media, "rtcp-mux") ||
               gst_sdp_message_get_attribute_val(p->message, "rtcp-mux");
}

static bool can_send_to(const TbOfferParse *p, guint index, const char *kind)
{
        const GstSDPMedia *media = media_of(p, index);
        return strcmp(gst_sdp_media_get_media(media), kind) == 0 && is_there(media) &&
               is_secure_rtp(p->offer->sections[index].proto) && can_receive(p, media);
}

static bool has_section(const TbOfferParse *p, const char *kind)
{
        for (guint i = 0; i < p->offer->n_mlines; i++)
                if (can_send_to(p, i, kind))
                        return true;
        return false;
}

static bool choose_video(TbOfferParse *p)
{
        TbOffer *offer = p->offer;
        bool unmixed = false, wanted = p->want & TB_OFFER_WANT_VIDEO;
        for (guint i = 0; wanted && i < offer->n_mlines && offer->video_mline < 0; i++) {
                const GstSDPMedia *media = media_of(p, i);
                if (!can_send_to(p, i, "video"))
                        continue;
                int chosen = tb_offer_choose_payload(p, media);
                if (chosen < 0)
                        return false;
                unmixed = unmixed || (chosen && !has_mux(p, media));
                if (chosen && has_mux(p, media))
                        offer->video_mline = (int)i;
        }
        if (!wanted || offer->video_mline >= 0)
                return true;
        if (p->want & TB_OFFER_WANT_SOUND && !has_section(p, "video") && has_section(p, "audio"))
                return true; /* who only listens */
        if (unmixed)
                return tb_offer_not_ours(
                        p, "the video section has no a=rtcp-mux, and RTCP has no port of its own here");
        return tb_offer_not_ours(
                p,
                "the offer has no video section to receive H264 (packetization-mode=1) or VP8 by a payload "
                "type from 96 to 127");
}

/* The first that can share the video's transport. */
static bool choose_sound(TbOfferParse *p)
{
        TbOffer *offer = p->offer;
        bool unmixed = false;
        for (guint i = 0; p->want & TB_OFFER_WANT_SOUND && i < offer->n_mlines && offer->sound_mline < 0;
             i++) {
                const GstSDPMedia *media = media_of(p, i);
                if (!can_send_to(p, i, "audio") || (offer->video_mline >= 0 && !in_group(p, i)))
                        continue;
                int chosen = tb_offer_choose_opus(p, media);
                if (chosen < 0)
                        return false;
                unmixed = unmixed || (chosen && !has_mux(p, media));
                if (chosen && has_mux(p, media))
                        offer->sound_mline = (int)i;
        }
        if (offer->sound_mline >= 0 || offer->video_mline >= 0 || !(p->want & TB_OFFER_WANT_SOUND))
                return true;
        return tb_offer_not_ours(p,
                                 unmixed ? "the audio section has no a=rtcp-mux, and RTCP has no port of its "
                                           "own here"
                                         : "the offer has no audio section to receive Opus by a payload type "
                                           "from 96 to 127");
}

/* The first that can share the transport of what is sent. */
static void choose_data(TbOfferParse *p)
{
        TbOffer *offer = p->offer;
        for (guint i = 0; i < offer->n_mlines && offer->data_mline < 0; i++) {
                bool old = false;
                if (!is_there(media_of(p, i)) || !is_data(media_of(p, i), &old) ||
                    ((offer->video_mline >= 0 || offer->sound_mline >= 0) && !in_group(p, i)))
                        continue;
                offer->data_mline = (int)i;
                offer->old_data = old;
        }
}

/* --- the transport --- */
static bool check_transport(TbOfferParse *p)
{
        guint index = p->offer->tagged;
        const GstSDPMedia *media = media_of(p, index);
        const char *ufrag = tb_offer_attribute(p, media, "ice-ufrag"),
                   *setup = tb_offer_attribute(p, media, "setup");
        if (!tb_sdp_is_token(ufrag, 4, 256, "+/") ||
            !tb_sdp_is_token(tb_offer_attribute(p, media, "ice-pwd"), 22, 256, "+/"))
                return tb_offer_bad(p, "media section %u has no usable a=ice-ufrag and a=ice-pwd", index + 1);
        if (!tb_sdp_is_fingerprint(tb_offer_attribute(p, media, "fingerprint")))
                return tb_offer_bad(p, "media section %u has no usable a=fingerprint", index + 1);
        static const char *const setups[] = {"actpass", "active", "passive", NULL};
        if (!setup || !g_strv_contains(setups, setup))
                return tb_offer_bad(p, "media section %u has no a=setup:actpass", index + 1);
        p->offer->ufrag = g_strdup(ufrag);
        return true;
}

/* The same section with the first codec that it has, and nothing to send; NULL: it can only be refused. */
static char *hold_section(const TbOfferParse *p, guint index)
{
        const GstSDPMedia *media = media_of(p, index);
        const char *payload = gst_sdp_media_get_format(media, 0), *proto = p->offer->sections[index].proto;
        guint number;
        if (!is_secure_rtp(proto) || !has_mux(p, media) || !tb_sdp_number(payload, 127, &number))
                return NULL;
        g_autoptr(GString) out = g_string_new(NULL);
        g_string_printf(out, "m=%s 9 %s %u\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\na=rtcp-mux\r\n",
                        gst_sdp_media_get_media(media), proto, number, p->offer->sections[index].mid);
        const char *map = tb_sdp_payload_attribute(media, "rtpmap", payload);
        if (map)
                g_string_append_printf(out, "a=rtpmap:%u %s\r\n", number, map);
        return g_strdup(out->str);
}

/* Of the group the first section that has a transport of its own, and is used or can be held open. */
static bool choose_tagged(TbOfferParse *p, guint main)
{
        TbOffer *offer = p->offer;
        for (char **mid = p->group; mid && *mid; mid++) {
                int index = **mid ? find_mid(p, *mid) : -1;
                if (index < 0 || gst_sdp_media_get_port(media_of(p, (guint)index)) == 0)
                        continue;
                TbOfferSection *section = &offer->sections[index];
                if (section->use == TB_OFFER_REFUSED) {
                        if (!(section->text = hold_section(p, (guint)index)))
                                continue;
                        section->use = TB_OFFER_HELD;
                }
                offer->tagged = (guint)index;
                return true;
        }
        if (gst_sdp_media_get_port(media_of(p, main)) == 0)
                return tb_offer_not_ours(
                        p,
                        "media section %u is a=bundle-only, and no section of its BUNDLE group has a "
                        "transport that can be used",
                        main + 1);
        offer->tagged = main;
        return true;
}

static char *refuse_section(const TbOfferParse *p, guint index)
{
        const GstSDPMedia *media = media_of(p, index);
        const TbOfferSection *section = &p->offer->sections[index];
        GString *out = g_string_new(NULL);
        g_string_printf(out, "m=%s 0 %s", gst_sdp_media_get_media(media), section->proto);
        for (guint i = 0; i < MIN(gst_sdp_media_formats_len(media), TB_OFFER_FORMATS); i++)
                g_string_append_printf(out, " %s", gst_sdp_media_get_format(media, i));
        g_string_append(out, "\r\nc=IN IP4 0.0.0.0\r\n");
        if (section->mid)
                g_string_append_printf(out, "a=mid:%s\r\n", section->mid);
        g_string_append(out, "a=inactive\r\n");
        return g_string_free(out, FALSE);
}

bool tb_offer_use_sections(TbOfferParse *p)
{
        TbOffer *offer = p->offer;
        for (guint i = 0; i < offer->n_mlines; i++)
                if (!read_section(p, i))
                        return false;
        if (!choose_video(p) || (offer->video_mline >= 0 && !read_group(p, (guint)offer->video_mline)) ||
            !choose_sound(p))
                return false;
        bool sound_alone = offer->video_mline < 0 && offer->sound_mline >= 0;
        if (sound_alone && !read_group(p, (guint)offer->sound_mline))
                return false;
        choose_data(p);
        bool data_alone = offer->video_mline < 0 && offer->sound_mline < 0;
        if (data_alone && offer->data_mline < 0)
                return tb_offer_not_ours(p, "there is no video here, and the offer has no data channel");
        guint main = (guint)(data_alone    ? offer->data_mline
                             : sound_alone ? offer->sound_mline
                                           : offer->video_mline);
        if (data_alone && !read_group(p, main))
                return false;
        offer->bundled = p->group != NULL;
        if (offer->video_mline >= 0)
                offer->sections[offer->video_mline].use = TB_OFFER_VIDEO;
        if (offer->sound_mline >= 0)
                offer->sections[offer->sound_mline].use = TB_OFFER_SOUND;
        if (offer->data_mline >= 0)
                offer->sections[offer->data_mline].use = TB_OFFER_DATA;
        if (!choose_tagged(p, main) || !check_transport(p))
                return false;
        for (guint i = 0; i < offer->n_mlines; i++)
                if (offer->sections[i].use == TB_OFFER_REFUSED)
                        offer->sections[i].text = refuse_section(p, i);
        return true;
}
