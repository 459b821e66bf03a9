#pragma once
/*
 * Framebuffer updates in Raw, Zlib, ZRLE and Tight. libvncserver's update path knows no sharing: every viewer would encode by
 * himself. So his thread writes the update of what is modified and was asked for itself, of rectangles that were encoded once
 * (shared.h), without a copy; cursor, sizes and what else is no pixel stay the library's, and so do viewers that ask for other encodings.
 * Thread: the viewer's.
 */
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>
#include <stdbool.h>

#include "host/vnc/shared.h"
#include "host/vnc/slots.h"
#include "lib/frame.h"

typedef struct TbVncWork TbVncWork; /* what one viewer's thread encodes with, and where its streams stand */

TbVncWork *tb_vnc_work_new(void);
void tb_vnc_work_free(TbVncWork *work); /* accepts NULL */
/* Sends what of modifiedRegion was asked for. `frame`: what the library's frame buffer is, picture number `picture` of `shared`. False: the
 * viewer takes nothing any more. */
bool tb_vnc_update(TbVncWork *work, TbVncSlot *slot, TbVncShared *shared, const TbFrame *frame,
                   guint64 picture);
