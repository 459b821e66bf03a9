#include "host/media/webrtc/call_answer.h"

#include <string.h>

#include "host/media/webrtc/candidate.h"
#include "host/media/webrtc/sdp.h"
#include "lib/error.h"
#include "lib/limits.h"

#define ICE_MORE "+/" /* ice-char of RFC 8839 §5.4, beside letters and digits */
#define SSRCS 4       /* of one section: its packets, what is sent again, and as many for a second layer */

typedef struct Transport { /* borrowed from the answer */
        const char *ufrag, *pwd, *fingerprint, *setup;
} Transport;

/* Of the section, or of the whole description. */
static const char *attribute(const GstSDPMessage *message, const GstSDPMedia *media, const char *name)
{
        const char *value = gst_sdp_media_get_attribute_val(media, name);
        return value ? value : gst_sdp_message_get_attribute_val(message, name);
}

static bool refused(const GstSDPMedia *media)
{
        return gst_sdp_media_get_port(media) == 0;
}

static bool find_transport(const GstSDPMessage *message, Transport *ret, GError **error)
{
        for (guint i = 0; i < gst_sdp_message_medias_len(message); i++) {
                const GstSDPMedia *media = gst_sdp_message_get_media(message, i);
                if (refused(media) || !attribute(message, media, "ice-ufrag"))
                        continue;
                *ret = (Transport){
                        attribute(message, media, "ice-ufrag"), attribute(message, media, "ice-pwd"),
                        attribute(message, media, "fingerprint"), attribute(message, media, "setup")};
                if (tb_sdp_is_token(ret->ufrag, 4, 256, ICE_MORE) &&
                    tb_sdp_is_token(ret->pwd, 22, 256, ICE_MORE) && tb_sdp_is_fingerprint(ret->fingerprint) &&
                    (g_strcmp0(ret->setup, "active") == 0 || g_strcmp0(ret->setup, "passive") == 0))
                        return true;
                break;
        }
        tb_set_error(
                error, TB_ERROR_INVALID,
                "the phone's answer has no transport (ice-ufrag, ice-pwd, fingerprint, setup) that is one");
        return false;
}

/* Those of our formats that the answer has, in its order; all of ours where it has none. True: it has some. */
static bool put_formats(GString *out, const GstSDPMedia *ours, const GstSDPMedia *theirs)
{
        bool any = false;
        for (guint i = 0; i < gst_sdp_media_formats_len(theirs); i++) {
                const char *format = gst_sdp_media_get_format(theirs, i);
                for (guint k = 0; k < gst_sdp_media_formats_len(ours); k++)
                        if (g_strcmp0(format, gst_sdp_media_get_format(ours, k)) == 0) {
                                g_string_append_printf(out, " %s", format);
                                any = true;
                                break;
                        }
        }
        for (guint k = 0; !any && k < gst_sdp_media_formats_len(ours); k++)
                g_string_append_printf(out, " %s", gst_sdp_media_get_format(ours, k));
        return any;
}

/* What our offer says of codecs and header extensions holds for the answer, too. */
static void put_ours(GString *out, const GstSDPMedia *ours, const GstSDPMedia *theirs)
{
        static const char *const kept[] = {"rtpmap",           "fmtp", "rtcp-fb", "sctp-port",
                                           "max-message-size", NULL};
        for (guint i = 0; i < gst_sdp_media_attributes_len(ours); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(ours, i);
                bool agreed = a->key && g_strv_contains(kept, a->key);
                for (guint k = 0;
                     g_strcmp0(a->key, "extmap") == 0 && k < gst_sdp_media_attributes_len(theirs); k++) {
                        const GstSDPAttribute *b = gst_sdp_media_get_attribute(theirs, k);
                        agreed |= g_strcmp0(b->key, "extmap") == 0 && g_strcmp0(a->value, b->value) == 0;
                }
                if (agreed)
                        g_string_append_printf(out, "a=%s:%s\r\n", a->key, a->value);
        }
}

static void put_sources(GString *out, const GstSDPMedia *theirs)
{
        guint seen[SSRCS], n = 0;
        for (guint i = 0; i < gst_sdp_media_attributes_len(theirs); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(theirs, i);
                g_auto(GStrv) words = g_strsplit(a->value ? a->value : "", " ", 4);
                guint first, second;
                if (g_strcmp0(a->key, "ssrc-group") == 0 && g_strv_length(words) == 3 &&
                    strcmp(words[0], "FID") == 0 && tb_sdp_number(words[1], G_MAXUINT32, &first) &&
                    tb_sdp_number(words[2], G_MAXUINT32, &second))
                        g_string_append_printf(out, "a=ssrc-group:FID %u %u\r\n", first, second);
                if (g_strcmp0(a->key, "ssrc") != 0 || !words[0] ||
                    !tb_sdp_number(words[0], G_MAXUINT32, &first))
                        continue;
                bool known = false;
                for (guint k = 0; k < n; k++)
                        known |= seen[k] == first;
                if (known || n == SSRCS)
                        continue;
                seen[n++] = first;
                g_string_append_printf(out, "a=ssrc:%u cname:phone\r\n", first);
        }
}

static bool sends(const GstSDPMedia *theirs)
{
        return !refused(theirs) && !tb_sdp_has_flag(theirs, "inactive") &&
               !tb_sdp_has_flag(theirs, "recvonly");
}

static void put_section(GString *out, const GstSDPMedia *ours, const GstSDPMedia *theirs, const Transport *t)
{
        const char *kind = gst_sdp_media_get_media(ours);
        bool data = g_strcmp0(kind, "application") == 0;
        g_string_append_printf(out, "m=%s 9 %s", kind, gst_sdp_media_get_proto(ours));
        bool agreed = put_formats(out, ours, theirs);
        g_string_append_printf(out, "\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n",
                               gst_sdp_media_get_attribute_val(ours, "mid"), t->ufrag, t->pwd);
        g_string_append_printf(out, "a=fingerprint:%s\r\na=setup:%s\r\n", t->fingerprint, t->setup);
        if (!data)
                g_string_append_printf(out, "a=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
                                       agreed && sends(theirs) ? "sendonly" : "inactive");
        put_ours(out, ours, theirs);
        if (!data)
                put_sources(out, theirs);
}

static void take_candidates(const GstSDPMessage *message, GPtrArray *candidates)
{
        for (guint i = 0; i < gst_sdp_message_medias_len(message); i++) {
                const GstSDPMedia *media = gst_sdp_message_get_media(message, i);
                for (guint k = 0; k < gst_sdp_media_attributes_len(media); k++) {
                        const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, k);
                        if (g_strcmp0(a->key, "candidate") != 0 || candidates->len >= TB_LIMIT_CANDIDATES)
                                continue;
                        g_autofree char *line = g_strconcat("candidate:", a->value, NULL);
                        bool same = g_ptr_array_find_with_equal_func(candidates, line, g_str_equal, NULL);
                        if (!same && tb_candidate_check(line) == TB_CANDIDATE_USE)
                                g_ptr_array_add(candidates, g_steal_pointer(&line));
                }
        }
}

static char *write_anew(const GstSDPMessage *offer, const GstSDPMessage *answer, GError **error)
{
        Transport transport;
        guint n = gst_sdp_message_medias_len(offer);
        if (gst_sdp_message_medias_len(answer) != n) {
                tb_set_error(error, TB_ERROR_INVALID, "the phone's answer has %u sections, our offer has %u",
                             gst_sdp_message_medias_len(answer), n);
                return NULL;
        }
        if (!find_transport(answer, &transport, error))
                return NULL;
        GString *out = g_string_new("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
        for (guint i = 0; i < n; i++)
                g_string_append_printf(
                        out, " %s",
                        gst_sdp_media_get_attribute_val(gst_sdp_message_get_media(offer, i), "mid"));
        g_string_append(out, "\r\n");
        for (guint i = 0; i < n; i++) {
                const GstSDPMedia *ours = gst_sdp_message_get_media(offer, i),
                                  *theirs = gst_sdp_message_get_media(answer, i);
                if (g_strcmp0(gst_sdp_media_get_media(ours), gst_sdp_media_get_media(theirs)) != 0) {
                        tb_set_error(error, TB_ERROR_INVALID, "section %u of the phone's answer is not %s", i,
                                     gst_sdp_media_get_media(ours));
                        g_string_free(out, TRUE);
                        return NULL;
                }
                put_section(out, ours, theirs, &transport);
        }
        return g_string_free(out, FALSE);
}

char *tb_call_answer(const GstSDPMessage *offer, const char *answer, GPtrArray *candidates, GError **error)
{
        GstSDPMessage *message = NULL;
        gst_sdp_message_new(&message);
        char *clean = NULL;
        if (gst_sdp_message_parse_buffer((const guint8 *)answer, (guint)strlen(answer), message) ==
            GST_SDP_OK)
                clean = write_anew(offer, message, error);
        else
                tb_set_error(error, TB_ERROR_INVALID, "the phone's answer is no SDP");
        if (clean)
                take_candidates(message, candidates);
        gst_sdp_message_free(message);
        return clean;
}
