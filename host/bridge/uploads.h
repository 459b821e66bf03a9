#pragma once
/*
 * Pictures and sound for observers, each of which goes up once: who is to have one that was sent is named by a message
 * without it, and the server has it still. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/proto/link_sounds.h"

typedef struct TbUploads {
        bool shares;       /* the server knows of this */
        GBytes *last;      /* ref: of what the picture was made that was sent last; NULL: none was */
        int width;         /* of which form */
        bool shares_sound; /* the server knows of this, too */
        GBytes *sounds
                [TB_LINK_SOUNDS]; /* owned; the last packets that were sent, with where they begin; NULL: none */
        guint next;               /* in `sounds`: the place of the next one */
} TbUploads;

/* `source`: as it was compressed, the same for all observers of a form; `jpeg`: what is sent of it. The caller frees. */
GBytes *tb_uploads_message(TbUploads *uploads, const char *session, const char *peer, GBytes *source,
                           int width, GBytes *jpeg);
/* The same of an access unit (TbObserverOps.unit). */
GBytes *tb_uploads_unit(TbUploads *uploads, const char *session, const char *peer, GBytes *unit,
                        bool keyframe, int width, int height);
/* The same of a packet of sound (TbObserverOps.sound). */
GBytes *tb_uploads_sound(TbUploads *uploads, const char *session, const char *peer, const guint8 *packet,
                         gsize size, guint32 at);
void tb_uploads_clear(TbUploads *uploads); /* the server has nothing any more */
