#pragma once
/*
 * What viewers say beside the picture and the keys: fences and continuous updates of the RFB community's protocol (pseudo-encodings -312
 * and -313; TigerVNC since 1.2, noVNC) are answered; UltraVNC's, xvp's, gii's and VMware's messages are read to their end and mean
 * nothing here. libvncserver 0.9.14 knows neither the first nor how long the others are, and ends the session. A message whose length nobody
 * can know does end it. Thread: the viewer's, but for the pure part.
 */
#include <glib.h>
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>
#include <stdbool.h>

#define TB_VNC_FENCE_BYTES 64   /* that a fence may carry, by its definition */
#define TB_VNC_ASIDE_HEAD 12    /* bytes of the longest head */
#define TB_VNC_UPDATES_ON_WAY 2 /* that nobody asked for, and the viewer has not said yet that he has them */

typedef struct TbVncAside {
        bool fences, tell_fences;         /* the viewer knows them; is to be told that we do */
        bool continuous, tell_continuous; /* … of updates that nobody asks for */
        bool on;                          /* they were switched on, for this area: */
        int x, y, width, height;          /* pixels */
        guint sent, arrived;              /* updates with a fence behind them */
} TbVncAside;

/* rfbProtocolExtension.enablePseudoEncoding, as in buttons.h. */
bool tb_vnc_aside_offered(TbVncAside *aside, int encoding);
/* Tells a viewer that asked. False, as of all that write or read: it takes or says nothing any more. */
bool tb_vnc_aside_announce(TbVncAside *aside, rfbClientPtr client);
/* Asks in the viewer's place, where it wants updates unasked and has the last ones. */
void tb_vnc_aside_request(TbVncAside *aside, rfbClientPtr client);
/* After each update. */
bool tb_vnc_aside_updated(TbVncAside *aside, rfbClientPtr client);
/* Reads one message. *ret_known is false where its type says nothing of its length (then nothing but the type was looked at). */
bool tb_vnc_aside_read(TbVncAside *aside, rfbClientPtr client, guint8 type, bool *ret_known);

/* --- pure --- */
gsize tb_vnc_aside_head(guint8 type); /* bytes that a message of this type has at least; 0: not a known one */
/* Bytes that follow `head`, or -1: more than anybody may say (TB_LIMIT_VNC_MESSAGE). */
gint64 tb_vnc_aside_more(const guint8 *head);
