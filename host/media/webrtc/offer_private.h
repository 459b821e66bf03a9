#pragma once
/* What reading, choosing and writing of an offer share. */
#include <glib.h>
#include <gst/sdp/sdp.h>

#include "host/media/webrtc/offer.h"

#define TB_OFFER_FORMATS 64 /* payload types of one m-line */

typedef struct TbOfferParse {
        const GstSDPMessage *message; /* borrowed */
        TbOffer *offer;
        bool want_video;
        GHashTable *mids; /* of borrowed strings */
        GError **error;
} TbOfferParse;

/* TB_ERROR_INVALID; always false. */
bool tb_offer_bad(TbOfferParse *p, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* --- offer_choose.c: of the video section what we can send --- */
/* 1: payload, codec and profile are in p->offer; 0: none of ours; -1: malformed, p->error is set. */
int tb_offer_choose_payload(TbOfferParse *p, const GstSDPMedia *media);
bool tb_offer_choose_extensions(TbOfferParse *p, const GstSDPMedia *media);
/* The retransmission payload of the one that was chosen, or 0. */
guint tb_offer_find_rtx(TbOfferParse *p, const GstSDPMedia *media);

/* --- offer_write.c --- */
/* Checks the section and adds the plain one that stands for it. */
bool tb_offer_write_section(TbOfferParse *p, guint index, GString *out);
