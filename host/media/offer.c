#include "host/media/offer.h"

#include <gst/sdp/sdp.h>
#include <stdlib.h>
#include <string.h>

#include "host/media/rtpext.h"
#include "lib/error.h"
#include "lib/limits.h"

#define MAX_FORMATS 64 /* payload types of one m-line */

typedef struct Parse {
        const GstSDPMessage *message; /* borrowed */
        TbOffer *offer;
        bool want_video;
        GHashTable *mids; /* of borrowed strings */
        GError **error;
} Parse;

static bool bad(Parse *p, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool bad(Parse *p, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        g_set_error(p->error, TB_ERROR, TB_ERROR_INVALID, "the SDP offer is malformed: %s", text);
        return false;
}

/* --- small tokens --- */
static bool is_token(const char *text, gsize min, gsize max, const char *more)
{
        if (!text)
                return false;
        gsize n = 0;
        for (; text[n]; n++)
                if (n >= max || !(g_ascii_isalnum(text[n]) || strchr(more, text[n])))
                        return false;
        return n >= min;
}

static bool is_fingerprint(const char *text)
{
        static const char *const hashes[] = {"sha-1 ", "sha-224 ", "sha-256 ", "sha-384 ", "sha-512 ", NULL};
        for (const char *const *h = hashes; text && *h; h++)
                if (g_ascii_strncasecmp(text, *h, strlen(*h)) == 0)
                        return is_token(text + strlen(*h), 59, 191, ":");
        return false;
}

/* Decimal, whole string; false when it is none or larger than max. */
static bool parse_number(const char *text, guint max, guint *ret)
{
        guint64 n;
        if (!text || !g_ascii_string_to_unsigned(text, 10, 0, max, &n, NULL))
                return false;
        *ret = (guint)n;
        return true;
}

static const char *attribute(Parse *p, const GstSDPMedia *media, const char *name)
{
        const char *value = gst_sdp_media_get_attribute_val(media, name);
        return value ? value : gst_sdp_message_get_attribute_val(p->message, name);
}

static bool has_flag(const GstSDPMedia *media, const char *name)
{
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++)
                if (g_strcmp0(gst_sdp_media_get_attribute(media, i)->key, name) == 0)
                        return true;
        return false;
}

/* --- payloads --- */
/* Value of a=`name`:<payload> …, behind the payload. */
static const char *payload_attribute(const GstSDPMedia *media, const char *name, const char *payload)
{
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                gsize n = strlen(payload);
                if (g_strcmp0(a->key, name) == 0 && a->value && strncmp(a->value, payload, n) == 0 &&
                    a->value[n] == ' ')
                        return a->value + n + 1;
        }
        return NULL;
}

/* "packetization-mode" of "level-asymmetry-allowed=1;packetization-mode=1"; the caller owns it, NULL when it
 * is not there. */
static char *fmtp_value(const char *fmtp, const char *name)
{
        g_auto(GStrv) parts = g_strsplit(fmtp ? fmtp : "", ";", 32);
        for (char **part = parts; *part; part++) {
                g_strstrip(*part);
                gsize n = strlen(name);
                if (g_ascii_strncasecmp(*part, name, n) == 0 && (*part)[n] == '=')
                        return g_strdup(*part + n + 1);
        }
        return NULL;
}

/* How well a payload suits; 0: not at all. Ours is constrained baseline, which every decoder of baseline
 * shows as well. */
static int suits(const GstSDPMedia *media, const char *payload, TbCodec *ret_codec, char **ret_profile)
{
        const char *map = payload_attribute(media, "rtpmap", payload);
        if (!map)
                return 0;
        if (g_ascii_strcasecmp(map, "VP8/90000") == 0) {
                *ret_codec = TB_CODEC_VP8;
                return 1;
        }
        if (g_ascii_strcasecmp(map, "H264/90000") != 0)
                return 0;
        const char *fmtp = payload_attribute(media, "fmtp", payload);
        g_autofree char *mode = fmtp_value(fmtp, "packetization-mode");
        g_autofree char *profile = fmtp_value(fmtp, "profile-level-id");
        if (g_strcmp0(mode, "1") != 0)
                return 0;
        if (profile && (strlen(profile) != 6 || strspn(profile, "0123456789abcdefABCDEF") != 6))
                return 0;
        *ret_codec = TB_CODEC_H264;
        guint64 id =
                g_ascii_strtoull(profile ? profile : "42000a", NULL, 16); /* RFC 6184: baseline, level 1 */
        if (id >> 16 != 0x42)                                             /* profile_idc 66 */
                return 0;
        *ret_profile = profile ? g_steal_pointer(&profile) : g_strdup("42000a");
        return id & 0x4000 ? 3 : 2; /* constraint_set1: constrained baseline */
}

/* 1: chosen; 0: none of ours; -1: malformed */
static int choose_payload(Parse *p, const GstSDPMedia *media)
{
        TbOffer *offer = p->offer;
        int best = 0;
        guint n = gst_sdp_media_formats_len(media);
        if (n > MAX_FORMATS) {
                bad(p, "more than %d payload types in one m-line", MAX_FORMATS);
                return -1;
        }
        for (guint i = 0; i < n; i++) {
                const char *payload = gst_sdp_media_get_format(media, i);
                TbCodec codec = TB_CODEC_VP8;
                g_autofree char *profile = NULL;
                guint number;
                if (!parse_number(payload, 127, &number)) {
                        bad(p, "\"%.20s\" is not a payload type", payload);
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

/* a=extmap:<id>[/direction] <uri> */
static bool choose_extensions(Parse *p, const GstSDPMedia *media)
{
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                if (g_strcmp0(a->key, "extmap") != 0)
                        continue;
                g_auto(GStrv) parts = g_strsplit(a->value ? a->value : "", " ", 3);
                guint id;
                if (!parts[0] || !parts[1])
                        return bad(p, "a=extmap:%s has no URI", a->value ? a->value : "");
                bool for_sender =
                        !g_str_has_suffix(parts[0], "/sendonly") && !g_str_has_suffix(parts[0], "/inactive");
                char *slash = strchr(parts[0], '/');
                if (slash)
                        *slash = '\0';
                if (!parse_number(parts[0], 255, &id) || id == 0)
                        return bad(p, "a=extmap:%s has no id from 1 to 255", a->value);
                if (id == 15 || !for_sender) /* 15 is reserved in one-byte headers */
                        continue;
                if (strcmp(parts[1], TB_URI_PLAYOUT_DELAY) == 0)
                        p->offer->ext_playout_delay = id;
                else if (strcmp(parts[1], TB_URI_TWCC) == 0)
                        p->offer->ext_twcc = id;
                else if (strcmp(parts[1], TB_URI_CAPTURE_TIME) == 0)
                        p->offer->ext_capture_time = id;
        }
        return true;
}

/* --- writing the plain offer --- */
static void write_video(Parse *p, const GstSDPMedia *media, GString *out)
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
        const struct {
                guint id;
                const char *uri;
        } ext[] = {{o->ext_playout_delay, TB_URI_PLAYOUT_DELAY},
                   {o->ext_twcc, TB_URI_TWCC},
                   {o->ext_capture_time, TB_URI_CAPTURE_TIME}};
        for (gsize i = 0; i < G_N_ELEMENTS(ext); i++)
                if (ext[i].id)
                        g_string_append_printf(out, "a=extmap:%u %s\r\n", ext[i].id, ext[i].uri);
}

/* The retransmission payload of ours, or 0. */
static guint find_rtx(Parse *p, const GstSDPMedia *media)
{
        for (guint i = 0; i < gst_sdp_media_formats_len(media); i++) {
                const char *payload = gst_sdp_media_get_format(media, i);
                const char *map = payload_attribute(media, "rtpmap", payload);
                guint apt, number;
                if (!map || g_ascii_strcasecmp(map, "rtx/90000") != 0)
                        continue;
                g_autofree char *value = fmtp_value(payload_attribute(media, "fmtp", payload), "apt");
                if (parse_number(value, 127, &apt) && apt == p->offer->payload &&
                    parse_number(payload, 127, &number))
                        return number;
        }
        return 0;
}

static bool write_candidates(Parse *p, const GstSDPMedia *media, GString *out)
{
        guint n = 0;
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                if (g_strcmp0(a->key, "candidate") != 0)
                        continue;
                g_autofree char *text = g_strdup_printf("candidate:%s", a->value ? a->value : "");
                if (++n > TB_LIMIT_CANDIDATES)
                        return bad(p, "more than %d candidates", TB_LIMIT_CANDIDATES);
                switch (tb_candidate_check(text)) {
                case TB_CANDIDATE_USE: g_string_append_printf(out, "a=%s\r\n", text); break;
                case TB_CANDIDATE_IGNORE: break;
                case TB_CANDIDATE_BAD: return bad(p, "\"a=%s\" is no candidate", text);
                }
        }
        return true;
}

/* What every section has: transport and name. */
static bool write_transport(Parse *p, const GstSDPMedia *media, guint index, GString *out)
{
        const char *mid = gst_sdp_media_get_attribute_val(media, "mid");
        const char *ufrag = attribute(p, media, "ice-ufrag"), *pwd = attribute(p, media, "ice-pwd");
        const char *fingerprint = attribute(p, media, "fingerprint"), *setup = attribute(p, media, "setup");
        if (!is_token(mid, 1, 32, "-_.+"))
                return bad(p, "media section %u has no usable a=mid", index + 1);
        if (!g_hash_table_add(p->mids, (gpointer)mid))
                return bad(p, "two media sections have a=mid:%s", mid);
        if (!is_token(ufrag, 4, 256, "+/") || !is_token(pwd, 22, 256, "+/"))
                return bad(p, "media section %u has no usable a=ice-ufrag and a=ice-pwd", index + 1);
        if (!is_fingerprint(fingerprint))
                return bad(p, "media section %u has no usable a=fingerprint", index + 1);
        if (g_strcmp0(setup, "actpass") != 0 && g_strcmp0(setup, "active") != 0 &&
            g_strcmp0(setup, "passive") != 0)
                return bad(p, "media section %u has no a=setup:actpass", index + 1);
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

static bool can_receive(Parse *p, const GstSDPMedia *media)
{
        if (has_flag(media, "sendonly") || has_flag(media, "inactive"))
                return false;
        if (has_flag(media, "recvonly") || has_flag(media, "sendrecv"))
                return true;
        return !gst_sdp_message_get_attribute_val(p->message, "sendonly") &&
               !gst_sdp_message_get_attribute_val(p->message, "inactive");
}

static bool write_data_section(Parse *p, const GstSDPMedia *media, const char *body, GString *out)
{
        guint port = 5000;
        const char *text = gst_sdp_media_get_attribute_val(media, "sctp-port");
        if (text && (!parse_number(text, 65535, &port) || port == 0))
                return bad(p, "a=sctp-port:%.20s is no port", text);
        g_string_append_printf(
                out, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n%sa=sctp-port:%u\r\n", body, port);
        return true;
}

static bool write_video_section(Parse *p, const GstSDPMedia *media, const char *body, GString *out)
{
        if (!has_flag(media, "rtcp-mux"))
                return bad(p, "the video section has no a=rtcp-mux");
        if (!choose_extensions(p, media))
                return false;
        guint rtx = find_rtx(p, media);
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

static bool write_section(Parse *p, guint index, GString *out)
{
        const GstSDPMedia *media = gst_sdp_message_get_media(p->message, index);
        const char *kind = gst_sdp_media_get_media(media), *proto = gst_sdp_media_get_proto(media);
        bool audio = g_strcmp0(kind, "audio") == 0, video = g_strcmp0(kind, "video") == 0;
        if (!kind || !proto || gst_sdp_media_formats_len(media) == 0)
                return bad(p, "media section %u has an incomplete m-line", index + 1);
        g_autoptr(GString) body = g_string_new(NULL);
        if (!write_transport(p, media, index, body) || !write_candidates(p, media, body))
                return false;
        if (is_data(media) && p->offer->data_mline < 0) {
                p->offer->data_mline = (int)index;
                return write_data_section(p, media, body->str, out);
        }
        if (!audio && !video) {
                g_set_error(p->error, TB_ERROR, TB_ERROR_UNPROCESSABLE,
                            "the offer has a media section of a kind that is not supported: \"%.40s\"", kind);
                return false;
        }
        if (video && p->want_video && p->offer->video_mline < 0 && can_receive(p, media) &&
            strstr(proto, "SAVPF")) {
                int chosen = choose_payload(p, media);
                if (chosen < 0)
                        return false;
                if (chosen > 0) {
                        p->offer->video_mline = (int)index;
                        return write_video_section(p, media, body->str, out);
                }
        }
        /* declined: webrtcbin makes an inactive section of it, tb_offer_answer() a refused one; a codec that
         * no transceiver of ours has */
        g_string_append_printf(out,
                               "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\n%sa=inactive\r\na=rtcp-mux\r\na=rtpmap:%s\r\n",
                               kind, audio ? "0" : "31", body->str, audio ? "0 PCMU/8000" : "31 H261/90000");
        g_autoptr(GString) line = g_string_new(NULL);
        g_string_printf(line, "m=%s 0 %s", kind, proto);
        for (guint i = 0; i < MIN(gst_sdp_media_formats_len(media), MAX_FORMATS); i++)
                g_string_append_printf(line, " %s", gst_sdp_media_get_format(media, i));
        p->offer->declined[index] = g_strdup(line->str);
        return true;
}

/* Everything must share one transport: we make only one. */
static bool check_bundle(Parse *p, GString *out)
{
        const char *group = NULL;
        for (guint i = 0; !group && i < gst_sdp_message_attributes_len(p->message); i++) {
                const GstSDPAttribute *a = gst_sdp_message_get_attribute(p->message, i);
                if (g_strcmp0(a->key, "group") == 0 && a->value && g_str_has_prefix(a->value, "BUNDLE"))
                        group = a->value + strlen("BUNDLE");
        }
        g_auto(GStrv) listed = g_strsplit(group ? group : "", " ", TB_OFFER_MLINES + 2);
        g_string_append(out, "a=group:BUNDLE");
        for (guint i = 0; i < p->offer->n_mlines; i++) {
                const char *mid =
                        gst_sdp_media_get_attribute_val(gst_sdp_message_get_media(p->message, i), "mid");
                if (p->offer->n_mlines > 1 && !g_strv_contains((const char *const *)listed, mid)) {
                        g_set_error(
                                p->error, TB_ERROR, TB_ERROR_UNPROCESSABLE,
                                "the offer must BUNDLE all its media sections (a=group:BUNDLE lacks \"%s\")",
                                mid);
                        return false;
                }
                g_string_append_printf(out, " %s", mid);
        }
        g_string_append(out, "\r\n");
        return true;
}

static bool check_text(Parse *p, const char *sdp)
{
        gsize n = strlen(sdp);
        if (n > TB_LIMIT_SDP) {
                g_set_error(p->error, TB_ERROR, TB_ERROR_TOO_LARGE, "the SDP offer is larger than %d bytes",
                            TB_LIMIT_SDP);
                return false;
        }
        if (!g_str_has_prefix(sdp, "v=0\r\n") && !g_str_has_prefix(sdp, "v=0\n"))
                return bad(p, "it does not begin with v=0");
        if (!g_utf8_validate(sdp, (gssize)n, NULL))
                return bad(p, "it is not UTF-8");
        /* GstSDP takes any line; RFC 8866 has <letter>=<value> only */
        guint line = 1;
        for (const char *s = sdp; *s; line++) {
                if (!g_ascii_islower(s[0]) || s[1] != '=')
                        return bad(p, "line %u is not <letter>=<value>", line);
                gsize length = strcspn(s, "\r\n");
                s += length;
                s += strspn(s, "\r");
                s += *s == '\n';
        }
        return true;
}

static bool parse(Parse *p)
{
        TbOffer *offer = p->offer;
        offer->n_mlines = gst_sdp_message_medias_len(p->message);
        if (offer->n_mlines < 1 || offer->n_mlines > TB_OFFER_MLINES)
                return bad(p, "it has %u media sections, not 1 to %d", offer->n_mlines, TB_OFFER_MLINES);
        g_autoptr(GString) sections = g_string_new(NULL);
        g_autoptr(GString) out = g_string_new("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        for (guint i = 0; i < offer->n_mlines; i++)
                if (!write_section(p, i, sections))
                        return false;
        if (!check_bundle(p, out))
                return false;
        if (p->want_video && offer->video_mline < 0) {
                g_set_error(p->error, TB_ERROR, TB_ERROR_UNPROCESSABLE,
                            "the offer has no video section to receive H264 (packetization-mode=1, baseline) "
                            "or VP8");
                return false;
        }
        if (!p->want_video && offer->data_mline < 0) {
                g_set_error(p->error, TB_ERROR, TB_ERROR_UNPROCESSABLE,
                            "there is no video here, and the offer has no data channel");
                return false;
        }
        offer->sdp = g_strconcat(out->str, sections->str, NULL);
        return true;
}

bool tb_offer_parse(const char *sdp, bool want_video, TbOffer *ret_offer, GError **error)
{
        g_auto(TbOffer) offer = {.video_mline = -1, .data_mline = -1};
        g_autoptr(GHashTable) mids = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GstSDPMessage) message = NULL;
        Parse p = {.offer = &offer, .want_video = want_video, .mids = mids, .error = error};

        if (!check_text(&p, sdp))
                return false;
        gst_sdp_message_new(&message);
        p.message = message;
        if (gst_sdp_message_parse_buffer((const guint8 *)sdp, (guint)strlen(sdp), message) != GST_SDP_OK)
                return bad(&p, "it cannot be parsed");
        if (!parse(&p))
                return false;
        *ret_offer = offer;
        offer = (TbOffer){0};
        return true;
}

void tb_offer_clear(TbOffer *offer)
{
        g_clear_pointer(&offer->sdp, g_free);
        g_clear_pointer(&offer->profile, g_free);
        g_clear_pointer(&offer->ufrag, g_free);
        g_clear_pointer(&offer->mid, g_free);
        for (guint i = 0; i < TB_OFFER_MLINES; i++)
                g_clear_pointer(&offer->declined[i], g_free);
}

/* --- the answer --- */
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
                const GstSDPMedia *media = gst_sdp_message_get_media(copy, i);
                if (i < TB_OFFER_MLINES && offer->declined[i]) {
                        const char *mid = gst_sdp_media_get_attribute_val(media, "mid");
                        g_string_append_printf(out, "%s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\n",
                                               offer->declined[i], mid ? mid : "");
                        continue;
                }
                g_autofree char *text = gst_sdp_media_as_text(media);
                g_string_append(out, text);
                if ((int)i == offer->data_mline) /* without it 64 KiB are assumed (RFC 8841, §6) */
                        g_string_append_printf(out, "a=max-message-size:%d\r\n", TB_LIMIT_WS_MESSAGE);
                for (const char *const *c = candidates; !told && *c; c++)
                        g_string_append_printf(out, "a=%s\r\n", *c);
                told = true; /* bundled: the first section speaks for all */
        }
        return g_strdup(out->str);
}

/* --- candidates --- */
TbCandidate tb_candidate_check(const char *text)
{
        if (g_str_has_prefix(text, "a="))
                text += 2;
        gsize length = strcspn(text, "\r\n");
        if (text[length + strspn(text + length, "\r\n")] != '\0' || length > 512)
                return TB_CANDIDATE_BAD;
        if (length == 0 || strncmp(text, "end-of-candidates", length) == 0)
                return TB_CANDIDATE_IGNORE;
        g_autofree char *line = g_strndup(text, length);
        if (!g_str_has_prefix(line, "candidate:") || !g_utf8_validate(line, -1, NULL))
                return TB_CANDIDATE_BAD;
        /* foundation component transport priority address port "typ" type … */
        g_auto(GStrv) f = g_strsplit(line + strlen("candidate:"), " ", 64);
        guint component, port, priority;
        if (g_strv_length(f) < 8 || !is_token(f[0], 1, 32, "+/") || !parse_number(f[1], 256, &component) ||
            component == 0 || !parse_number(f[3], G_MAXUINT32, &priority) ||
            !parse_number(f[5], 65535, &port) || strcmp(f[6], "typ") != 0)
                return TB_CANDIDATE_BAD;
        static const char *const types[] = {"host", "srflx", "prflx", "relay", NULL};
        if (!g_strv_contains(types, f[7]) || !is_token(f[4], 1, 255, ".:-%_"))
                return TB_CANDIDATE_BAD;
        if (g_ascii_strcasecmp(f[2], "udp") != 0 && g_ascii_strcasecmp(f[2], "tcp") != 0)
                return TB_CANDIDATE_IGNORE; /* a transport of the future */
        if (component != 1)
                return TB_CANDIDATE_IGNORE; /* RTCP of its own: we multiplex */
        return g_hostname_is_ip_address(f[4]) ? TB_CANDIDATE_USE
                                              : TB_CANDIDATE_IGNORE; /* .local, or a name */
}

bool tb_sdpfrag_parse(const char *fragment, const char *ufrag,
                      bool (*candidate)(const char *line, guint mline, void *data, GError **error),
                      void *data, GError **error)
{
        if (strlen(fragment) > TB_LIMIT_SDP) {
                g_set_error(error, TB_ERROR, TB_ERROR_TOO_LARGE, "the fragment is larger than %d bytes",
                            TB_LIMIT_SDP);
                return false;
        }
        g_auto(GStrv) lines = g_strsplit_set(fragment, "\r\n", -1);
        for (char **l = lines; *l; l++) {
                const char *line = *l;
                if (!*line)
                        continue;
                if (!g_ascii_islower(line[0]) || line[1] != '=') {
                        g_set_error(error, TB_ERROR, TB_ERROR_INVALID,
                                    "the SDP fragment is malformed: \"%.40s\"", line);
                        return false;
                }
                if (g_str_has_prefix(line, "a=ice-ufrag:") &&
                    strcmp(line + strlen("a=ice-ufrag:"), ufrag) != 0) {
                        g_set_error(error, TB_ERROR, TB_ERROR_INVALID,
                                    "ICE restart is not supported: make a new WHEP session");
                        return false;
                }
                /* everything is bundled on the first section, whichever one it names */
                if (g_str_has_prefix(line, "a=candidate:") && !candidate(line + 2, 0, data, error))
                        return false;
        }
        return true;
}
