#pragma once
/*
 * Pictures for observers, each of which goes up once: who is to have the one that was sent last is named by a message
 * without it, and the server has it still. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbUploads {
        bool shares;  /* the server knows of this */
        GBytes *last; /* ref: of what the picture was made that was sent last; NULL: none was */
        int width;    /* of which form */
} TbUploads;

/* `source`: as it was compressed, the same for all observers of a form; `jpeg`: what is sent of it. The caller frees. */
GBytes *tb_uploads_message(TbUploads *uploads, const char *session, const char *peer, GBytes *source,
                           int width, GBytes *jpeg);
/* The same of an access unit (TbObserverOps.unit). */
GBytes *tb_uploads_unit(TbUploads *uploads, const char *session, const char *peer, GBytes *unit,
                        bool keyframe, int width, int height);
void tb_uploads_clear(TbUploads *uploads); /* the server has nothing any more */
