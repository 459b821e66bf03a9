#pragma once
/*
 * Deflate for what viewers get: sections that refer to nothing before them and end with a full flush. So the same bytes are valid in
 * every viewer's stream, wherever it stands, and are compressed once. Intel's ISA-L does it where it is there (an eighth of zlib's
 * time), else zlib at its quickest. Thread: one at a time.
 */
#include <glib.h>

typedef struct TbVncDeflate TbVncDeflate;

#define TB_VNC_ZLIB_HEADER                                                                                   \
        0x7801 /* two bytes, the higher first: what a stream of zlib begins with, before its first section */

TbVncDeflate *tb_vnc_deflate_new(void);
void tb_vnc_deflate_free(TbVncDeflate *deflate); /* accepts NULL */
/* Appends one section to `out`. Not with one that goes on. */
void tb_vnc_deflate(TbVncDeflate *deflater, const guint8 *bytes, gsize size, GByteArray *out);
/* Appends to a stream of one viewer's that goes on, from its header: what came before is not said again. */
void tb_vnc_deflate_on(TbVncDeflate *deflater, const guint8 *bytes, gsize size, GByteArray *out);
