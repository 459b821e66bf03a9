#pragma once
/*
 * Buttons behind the seventh: a pointer event of RFB has eight bits. A viewer that knows the extended one (pseudo-encoding -316
 * of the RFB community's protocol: TigerVNC since 1.14, noVNC since 1.6) says so by SetEncodings, is told by an empty
 * rectangle of that number that we know it, too, and then sends a byte more when bit 7 is set. libvncserver 0.9.14 knows
 * nothing of it. Thread: the viewer's.
 */
#include <rfb/rfb.h>
#include <stdbool.h>

#include "host/vnc/slots.h"

/* rfbProtocolExtension.enablePseudoEncoding: the viewer named an encoding that the library does not know. */
rfbBool tb_vnc_buttons_offered(rfbClientPtr client, void **data, int encoding);
/* Tells a viewer that asked and waits for an update. False: it takes nothing any more. */
bool tb_vnc_buttons_announce(TbVncSlot *slot);
/* Reads a pointer event of such a viewer in place of the library: `mask` has up to 15 bits. False: it is not such a viewer,
 * and nothing was read. */
bool tb_vnc_buttons_read(TbVncSlot *slot, void (*event)(int mask, int x, int y, rfbClientPtr client));
