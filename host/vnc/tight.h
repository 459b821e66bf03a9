#pragma once
/*
 * A FramebufferUpdate in Tight encoding with JPEG, cut where JPEG likes it. libvncserver cuts a rectangle
 * into strips of at most 65536 pixels: 51 rows of a picture that is 1280 wide, which JPEG fills up to 56 (or
 * 64, where colours are subsampled). Strips of whole blocks cost a tenth less time. Everything else of Tight
 * (solid areas, palettes, zlib) stays the library's. RFC 6143 and the community's "rfbproto", Tight Encoding.
 */
#include <rfb/rfb.h>
#include <stdbool.h>

/* Rows of a strip of `width` pixels: as many as the library would send at once, in whole JPEG blocks. */
int tb_vnc_tight_rows(int width);

/* Sends what of modifiedRegion was asked for, as rfbSendFramebufferUpdate() does. False: this client or this
 * moment (a new size, a pointer to tell of) needs the library's own way, and nothing was sent. *ret_ok: the
 * client took it. On the client's thread. */
bool tb_vnc_tight_update(rfbClientPtr client, bool *ret_ok);
