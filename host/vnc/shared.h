#pragma once
/*
 * What was encoded for one viewer, and serves all others that want the same rectangle in the same way. A key names its content by the
 * number of the picture in which anything of it changed last: who is a picture behind, and whose rectangle did not change since, gets
 * the same bytes. The first who asks encodes; who asks meanwhile waits for him. Bounded: TB_LIMIT_VNC_SHARED bytes, and what viewers
 * still send. Any thread.
 */
#include <glib.h>
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>

#include "lib/refcount.h"

typedef struct TbVncShared TbVncShared;

typedef struct TbVncCoded {
        TbRefCount ref;
        TbVncShared *home;    /* borrowed: where its memory comes from and goes to */
        guint rects;          /* of an update that it is */
        guint8 *bytes;        /* owned; immutable once it was made */
        gsize size, capacity; /* bytes */
        gsize *parts; /* owned; NULL: `bytes` are sent as they are. Else ends of parts, 0 after the last (tight.h) */
} TbVncCoded;

/* Compared byte by byte: clear it first. */
typedef struct TbVncKey {
        guint64 picture; /* tb_vnc_shared_picture() */
        rfbPixelFormat format;
        gint32 encoding, quality, subsampling;
        gint32 x, y, width, height;
        guint32 unused; /* nothing lies between or behind */
} TbVncKey;

TbVncShared *tb_vnc_shared_new(void);
void tb_vnc_shared_free(TbVncShared *shared); /* nobody asks any more; what was taken stays */
/* `region` has changed in picture number `picture` (they grow), which is so large. */
void tb_vnc_shared_changed(TbVncShared *shared, sraRegionPtr region, guint64 picture, int width, int height);
/* The picture in which a rectangle of `picture` got the content that it has there. */
guint64 tb_vnc_shared_picture(TbVncShared *shared, guint64 picture, int x, int y, int width, int height);
/* The caller owns a reference, as long as there is `shared`. `make` runs on this thread, without a lock: it takes room, once, fills it, and sets
 * `rects`, and perhaps `parts`. */
TbVncCoded *tb_vnc_shared_get(TbVncShared *shared, const TbVncKey *key,
                              void (*make)(const TbVncKey *key, TbVncCoded *coded, gpointer data),
                              gpointer data);
guint8 *tb_vnc_coded_room(TbVncCoded *coded, gsize size);
void tb_vnc_coded_unref(TbVncCoded *coded);
