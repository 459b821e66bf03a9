#pragma once
/* BGRX in formats of four bytes with a byte for each colour: what most viewers have that have not BGRX. Pure; any thread. */
#include <glib.h>
#include <rfb/rfb.h>
#include <stdbool.h>

/* False: it is another kind of format, and nothing was done. Rows of `to` follow each other. */
bool tb_vnc_translate(const rfbPixelFormat *format, const guint8 *bgrx, int stride, int width, int height,
                      guint8 *to);
