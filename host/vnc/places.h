#pragma once
/*
 * Keys by place: QEMU's extended key event (pseudo-encoding -258 and message 255/0 of the RFB community's protocol) says which key of
 * the keyboard it was, beside the keysym: XT's number, 0x80 added for those behind 0xe0. A key whose keysym says nothing (0, or one that
 * has no name) is then that place. libvncserver 0.9.14 knows nothing of it as a server. Thread: the viewer's; tb_vnc_place_code(): any.
 */
#include <rfb/rfb.h>
#include <stdbool.h>

#include "host/vnc/slots.h"

/* rfbProtocolExtension.enablePseudoEncoding, as of buttons.h. */
rfbBool tb_vnc_places_offered(rfbClientPtr client, void **data, int encoding);
/* Tells a viewer that asked and waits for an update. False: it takes nothing any more. */
bool tb_vnc_places_announce(TbVncSlot *slot);
/* Reads a message of type 255 of a viewer that was told. False: it is none that we know, the session is over. */
bool tb_vnc_places_read(TbVncSlot *slot,
                        void (*event)(bool down, guint32 keysym, guint32 place, TbVncSlot *slot));
/* KeyboardEvent.code; NULL: there is no such key. */
const char *tb_vnc_place_code(guint32 place);
