#include "host/media/webrtc/offer.h"

#include <string.h>

#include "host/media/webrtc/offer_private.h"
#include "host/media/webrtc/rtpext.h"
#include "lib/error.h"
#include "lib/limits.h"

bool tb_offer_bad(TbOfferParse *p, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        tb_set_error(p->error, TB_ERROR_INVALID, "the SDP offer is malformed: %s", text);
        return false;
}

bool tb_offer_not_ours(TbOfferParse *p, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        tb_set_error(p->error, TB_ERROR_UNPROCESSABLE, "%s", text);
        return false;
}

const char *tb_offer_attribute(const TbOfferParse *p, const GstSDPMedia *media, const char *name)
{
        const char *value = gst_sdp_media_get_attribute_val(media, name);
        return value ? value : gst_sdp_message_get_attribute_val(p->message, name);
}

static bool check_text(TbOfferParse *p, const char *sdp)
{
        gsize n = strlen(sdp);
        if (n > TB_LIMIT_SDP) {
                tb_set_error(p->error, TB_ERROR_TOO_LARGE, "the SDP offer is larger than %d bytes",
                             TB_LIMIT_SDP);
                return false;
        }
        if (!g_str_has_prefix(sdp, "v=0\r\n") && !g_str_has_prefix(sdp, "v=0\n"))
                return tb_offer_bad(p, "it does not begin with v=0");
        if (!g_utf8_validate(sdp, (gssize)n, NULL))
                return tb_offer_bad(p, "it is not UTF-8");
        /* GstSDP takes any line; RFC 8866 has <letter>=<value> only */
        guint line = 1;
        for (const char *s = sdp; *s; line++) {
                if (!g_ascii_islower(s[0]) || s[1] != '=')
                        return tb_offer_bad(p, "line %u is not <letter>=<value>", line);
                gsize length = strcspn(s, "\r\n");
                s += length;
                s += strspn(s, "\r");
                s += *s == '\n';
        }
        return true;
}

static bool parse(TbOfferParse *p)
{
        TbOffer *offer = p->offer;
        offer->n_mlines = gst_sdp_message_medias_len(p->message);
        if (offer->n_mlines < 1 || offer->n_mlines > TB_OFFER_MLINES)
                return tb_offer_bad(p, "it has %u media sections, not 1 to %d", offer->n_mlines,
                                    TB_OFFER_MLINES);
        if (!tb_offer_use_sections(p))
                return false;
        g_autoptr(GString) out =
                g_string_new("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
        for (guint i = 0; i < offer->n_mlines; i++)
                if (offer->sections[i].use >= TB_OFFER_VIDEO)
                        g_string_append_printf(out, " %u", i);
        g_string_append(out, "\r\n");
        for (guint i = 0; i < offer->n_mlines; i++)
                if (offer->sections[i].use >= TB_OFFER_VIDEO && !tb_offer_write_section(p, i, out))
                        return false;
        offer->sdp = g_strdup(out->str);
        return true;
}

bool tb_offer_parse(const char *sdp, guint want, TbOffer *ret_offer, GError **error)
{
        g_auto(TbOffer) offer = {.video_mline = -1, .data_mline = -1, .sound_mline = -1};
        g_autoptr(GstSDPMessage) message = NULL;
        TbOfferParse p = {.offer = &offer, .want = want, .error = error};

        if (!check_text(&p, sdp))
                return false;
        gst_sdp_message_new(&message);
        p.message = message;
        if (gst_sdp_message_parse_buffer((const guint8 *)sdp, (guint)strlen(sdp), message) != GST_SDP_OK)
                return tb_offer_bad(&p, "it cannot be parsed");
        bool parsed = parse(&p);
        g_strfreev(p.group);
        if (!parsed)
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
        for (guint i = 0; i < TB_OFFER_MLINES; i++) {
                g_clear_pointer(&offer->sections[i].mid, g_free);
                g_clear_pointer(&offer->sections[i].proto, g_free);
                g_clear_pointer(&offer->sections[i].text, g_free);
        }
}

void tb_offer_extensions(const TbOffer *offer, TbOfferExtension ret[TB_OFFER_EXTENSIONS])
{
        ret[0] = (TbOfferExtension){offer->ext_playout_delay, TB_URI_PLAYOUT_DELAY};
        ret[1] = (TbOfferExtension){offer->ext_twcc, TB_URI_TWCC};
        ret[2] = (TbOfferExtension){offer->ext_capture_time, TB_URI_CAPTURE_TIME};
}
