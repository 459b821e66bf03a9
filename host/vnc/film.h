#pragma once
/*
 * The H.264 of one screen, as host/media encodes it for WebRTC viewers and the recorder, for those of its VNC viewers who take it (RFB
 * encoding 50) while the picture moves: encoded once for all of them. The encoder works while anybody's reel runs, and FILM_LINGER_MS
 * more. Thread: main, but for reels, which are their viewer's thread's.
 */
#include <glib.h>

#include "host/media/media.h"
#include "lib/thread.h"

typedef struct TbVncFilm TbVncFilm;
typedef struct TbVncReel TbVncReel; /* what one viewer has not had yet */

typedef struct TbVncUnit {
        GBytes *bytes; /* ref; H.264 in byte-stream form */
        gint64 at_us;  /* when the picture was taken, monotonic */
        bool keyframe;
} TbVncUnit;

TbVncFilm *tb_vnc_film_new(TbMedia *media, TbHub *hub); /* both borrowed; the hub is held */
void tb_vnc_film_free(TbVncFilm *film);                 /* after its last reel; NULL is fine */

/* `wake` (borrowed) is raised when there is something to take. */
TbVncReel *tb_vnc_reel_new(TbVncFilm *film, TbInterruptor *wake);
void tb_vnc_reel_free(TbVncReel *reel); /* NULL is fine */
/* Units come from now on, the first is a keyframe of a picture that is not older than `from_us`. Again: from the next keyframe on. */
void tb_vnc_reel_run(TbVncReel *reel, gint64 from_us);
void tb_vnc_reel_stop(TbVncReel *reel);
/* All that has come, oldest first, of TbVncUnit; the caller owns it. *ret_behind: the viewer was too slow for it (TB_LIMIT_VNC_FILM_UNITS), and
 * the reel has stopped. */
GArray *tb_vnc_reel_take(TbVncReel *reel, bool *ret_behind);
