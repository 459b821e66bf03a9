#pragma once
/* What reading, choosing and writing of an offer share. */
#include <glib.h>
#include <gst/sdp/sdp.h>

#include "host/media/webrtc/offer.h"

#define TB_OFFER_FORMATS 64 /* payload types of one m-line */

typedef struct TbOfferParse {
        const GstSDPMessage *message; /* borrowed */
        TbOffer *offer;
        guint want;   /* of TbOfferWant */
        char **group; /* owned; mids of the BUNDLE group that counts, in its order; NULL: none */
        GError **error;
} TbOfferParse;

/* TB_ERROR_INVALID; always false. */
bool tb_offer_bad(TbOfferParse *p, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* TB_ERROR_UNPROCESSABLE; always false. */
bool tb_offer_not_ours(TbOfferParse *p, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Of the section, or of the whole offer; NULL: neither. */
const char *tb_offer_attribute(const TbOfferParse *p, const GstSDPMedia *media, const char *name);

/* --- offer_choose.c: of the video section what we can send --- */
/* 1: payload, codec and profile are in p->offer; 0: none of ours; -1: malformed, p->error is set. */
int tb_offer_choose_payload(TbOfferParse *p, const GstSDPMedia *media);
/* The same for Opus in an audio section, with p->offer->sound_payload. */
int tb_offer_choose_opus(TbOfferParse *p, const GstSDPMedia *media);
bool tb_offer_choose_extensions(TbOfferParse *p, const GstSDPMedia *media);
/* a=rtcp-fb of the payload that was chosen. */
bool tb_offer_has_feedback(const TbOfferParse *p, const GstSDPMedia *media, const char *kind);
/* The retransmission payload of the one that was chosen, or 0. */
guint tb_offer_find_rtx(TbOfferParse *p, const GstSDPMedia *media);

/* --- offer_sections.c --- */
/* Decides what becomes of each section, and whose transport counts. */
bool tb_offer_use_sections(TbOfferParse *p);

/* --- offer_write.c --- */
/* Adds the plain section that stands for section `index`, which is used. */
bool tb_offer_write_section(TbOfferParse *p, guint index, GString *out);
