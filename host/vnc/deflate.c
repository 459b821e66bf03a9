#include "host/vnc/deflate.h"

#include <stdbool.h>

#ifdef TB_WITH_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

#define FLUSH_BYTES 64 /* of a section's end, at most */
#define PER_BLOCK(size) ((size) / 4096 + 1) * 16

/* More than a section can have: stored blocks, and what flushes it. */
static guint8 *room_for(GByteArray *out, gsize size, gsize *ret_room)
{
        guint was = out->len;
        *ret_room = size + PER_BLOCK(size) + FLUSH_BYTES;
        g_byte_array_set_size(out, (guint)(was + *ret_room));
        return out->data + was;
}

#ifdef TB_WITH_ISAL
struct TbVncDeflate {
        struct isal_zstream stream;
        guint8 level[ISAL_DEF_LVL1_DEFAULT];
        bool going;
};

TbVncDeflate *tb_vnc_deflate_new(void)
{
        return g_new0(TbVncDeflate, 1);
}

void tb_vnc_deflate_free(TbVncDeflate *deflate)
{
        g_free(deflate);
}

static void begin(TbVncDeflate *deflater)
{
        isal_deflate_init(&deflater->stream);
        deflater->stream.level = 1;
        deflater->stream.level_buf = deflater->level;
        deflater->stream.level_buf_size = sizeof deflater->level;
}

static void add(TbVncDeflate *deflater, bool anew, const guint8 *bytes, gsize size, GByteArray *out)
{
        gsize room = 0;
        guint was = out->len;
        guint8 *to = room_for(out, size, &room);
        struct isal_zstream *z = &deflater->stream;
        z->flush = anew ? FULL_FLUSH : SYNC_FLUSH;
        z->next_in = (guint8 *)(gpointer)bytes;
        z->avail_in = (guint32)size;
        z->next_out = to;
        z->avail_out = (guint32)room;
        int how = isal_deflate(z);
        g_assert(how == COMP_OK && z->avail_in == 0 && z->avail_out > 0);
        g_byte_array_set_size(out, was + (guint)(room - z->avail_out));
}
#else
struct TbVncDeflate {
        z_stream stream;
        bool going;
};

TbVncDeflate *tb_vnc_deflate_new(void)
{
        TbVncDeflate *deflate = g_new0(TbVncDeflate, 1);
        int how = deflateInit2(&deflate->stream, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL,
                               Z_DEFAULT_STRATEGY);
        g_assert(how == Z_OK); /* it is out of memory, as GLib would be */
        return deflate;
}

void tb_vnc_deflate_free(TbVncDeflate *deflate)
{
        if (deflate)
                deflateEnd(&deflate->stream);
        g_free(deflate);
}

static void begin(TbVncDeflate *deflater)
{
        deflateReset(&deflater->stream);
}

static void add(TbVncDeflate *deflater, bool anew, const guint8 *bytes, gsize size, GByteArray *out)
{
        gsize room = 0;
        guint was = out->len;
        z_stream *z = &deflater->stream;
        guint8 *to = room_for(out, size, &room);
        z->next_in = (Bytef *)(gpointer)bytes;
        z->avail_in = (uInt)size;
        z->next_out = to;
        z->avail_out = (uInt)room;
        int how = deflate(z, anew ? Z_FULL_FLUSH : Z_SYNC_FLUSH);
        g_assert(how == Z_OK && z->avail_in == 0 && z->avail_out > 0);
        g_byte_array_set_size(out, was + (guint)(room - z->avail_out));
}
#endif

void tb_vnc_deflate(TbVncDeflate *deflater, const guint8 *bytes, gsize size, GByteArray *out)
{
        begin(deflater);
        add(deflater, true, bytes, size, out);
}

void tb_vnc_deflate_on(TbVncDeflate *deflater, const guint8 *bytes, gsize size, GByteArray *out)
{
        if (!deflater->going) {
                begin(deflater);
                const guint8 header[2] = {TB_VNC_ZLIB_HEADER >> 8, TB_VNC_ZLIB_HEADER & 0xff};
                g_byte_array_append(out, header, sizeof header);
        }
        deflater->going = true;
        add(deflater, false, bytes, size, out);
}
