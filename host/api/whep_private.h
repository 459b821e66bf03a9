#pragma once
/* What whep.c (the offer, and a viewer's life) and whep_session.c (what is asked of one that is there) share. */
#include "host/api/private.h"
#include "host/media/peer.h"

#define TB_WHEP_SDPFRAG "application/trickle-ice-sdpfrag"

typedef struct TbWhep TbWhep;

/* An offer, and how it is answered. */
typedef struct TbWhepOffer {
        const char *device, *interface;
        const char *sdp;
        /* Answers on success instead of the 201 of WHEP; NULL: that. */
        void (*answered)(TbWhep *whep, TbRequest *request, const char *sdp);
        const char *stream; /* static: what another product calls it; NULL: it is a session of WHEP */
} TbWhepOffer;

struct TbWhep {
        TbApi *api;   /* borrowed */
        TbPeer *peer; /* borrowed until `closed` */
        char *id, *etag, *device;
        char *former; /* ufrag of the viewer before its ICE began anew; NULL: it has not */
        char *location, *user, *lease, *log_id;
        TbRole role;
        TbRequest *request;          /* ref; the POST that waits for the answer; NULL: answered */
        TbRequest *restart;          /* ref; the PATCH that waits for our new ICE; NULL: none */
        TbControl *control, *sensor; /* owned; NULL: the channel is not open */
        TbPresent *present;          /* owned */
        void (*answered)(TbWhep *whep, TbRequest *request, const char *sdp); /* as in the offer */
        const char *stream;
};

/* --- whep.c --- */
/* Watch: the answer, or a refusal, comes when GStreamer has started and the peer has said it. */
void tb_whep_offer(TbApi *api, TbRequest *request, const TbWhepOffer *offer);
/* The request of a slot, which has none then; the caller owns the reference. NULL: there was none. */
TbRequest *tb_whep_take(TbRequest **slot);
/* Link headers with the viewer's ICE servers (RFC 9725 section 4.6). */
void tb_whep_add_links(TbApi *api, TbRequest *request);

/* --- whep_session.c --- */
char *tb_whep_new_etag(void); /* the caller owns it */
void tb_whep_patch(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb);
void tb_whep_delete(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb);
void tb_whep_get(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb);
void tb_whep_options(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb);
void tb_whep_restarted(TbPeer *peer, const char *fragment, void *whep);
