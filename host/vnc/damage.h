#pragma once
/*
 * What changed between two pictures, for sources that do not say. Both are still there (frames are immutable
 * and counted), so tiles are compared, not hashed: exact, and the compare of a tile that changed ends at its
 * first different row. 720p without a change: one pass of memcmp. Pure; any thread.
 */
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>

#include "lib/frame.h"

#define TB_VNC_TILE 32 /* pixels a side */

/* Adds the tiles of `now` that differ from `before` to `region`; all of it when the sizes differ. Both BGRX.
 */
void tb_vnc_damage(const TbFrame *before, const TbFrame *now, sraRegionPtr region);
/* Takes out of `region` what a source said to have changed and did not, by tiles. Same sizes, both BGRX. */
void tb_vnc_damage_in(const TbFrame *before, const TbFrame *now, sraRegionPtr region);

/* Any uncompressed frame as BGRX from `pool`; the frame itself with a further reference when it is that
 * already. BT.601, limited range. NULL: not a format of raw pictures. */
TbFrame *tb_vnc_to_bgrx(TbFrame *frame, TbFramePool *pool);
