#pragma once
/*
 * How a viewer who takes H.264 (RFB encoding 50, "Open H.264") sees a picture: while it moves as a film (film.h), whole pictures
 * in which what does not change costs nothing; when it rests sharp, in the encoding that the viewer wants beside (update.h); and so too
 * while it changes little, is of an odd size (H.264 has even ones only), or the viewer is too slow for the film. Who names another
 * encoding before 50 wants that. Thread: the viewer's.
 */
#include <rfb/rfb.h>
#include <stdbool.h>

#include "host/vnc/film.h"
#include "host/vnc/motion.h"
#include "host/vnc/slots.h"
#include "lib/frame.h"

#define TB_VNC_H264 50 /* RFB encoding, by the RFB community's protocol */

typedef struct TbVncShow {
        TbVncReel *reel; /* owned; NULL: not asked for yet */
        TbVncMotion motion;
        bool runs;                 /* the reel */
        bool begun;                /* what the viewer sees is the film */
        gint64 change_us, unit_us; /* the last of each, monotonic */
        gint64 not_before_us;      /* he was too slow: the next try */
} TbVncShow;

typedef enum TbVncShown {
        TB_VNC_SHOW_NOTHING, /* the update is as without a film */
        TB_VNC_SHOW_WAITS,   /* for the film: there is no update now */
        TB_VNC_SHOW_SENT,
        TB_VNC_SHOW_FAILED, /* the viewer takes nothing any more */
} TbVncShown;

/* rfbProtocolExtension.enablePseudoEncoding: whether 50 comes first. */
bool tb_vnc_show_offered(TbVncSlot *slot, rfbClientPtr client, int encoding);
void tb_vnc_show_clear(TbVncShow *show);
/* A picture came. `motion`: of all, also those that he did not take: a slow viewer is who a film is for. */
void tb_vnc_show_changed(TbVncShow *show, const TbVncMotion *motion);
/* Something is asked for. `film` NULL: there is none. `wake`: as tb_vnc_reel_new() has it. */
TbVncShown tb_vnc_show_update(TbVncShow *show, TbVncFilm *film, TbInterruptor *wake, TbVncSlot *slot,
                              const TbFrame *frame);
int tb_vnc_show_wait_ms(
        const TbVncShow *show); /* until there is something to do without any event; -1: never */
