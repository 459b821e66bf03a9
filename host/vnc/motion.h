#pragma once
/*
 * Whether a picture moves so much that a film of it is cheaper than what changed in each picture. Counts the pixels that changed, in
 * pictures per second, the last second the most. Pure.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_VNC_MOVES 6 /* pictures' worth of pixels in a second from which on it moves … */
#define TB_VNC_RESTS 1 /* … and below which it does not any more */
#define TB_VNC_REST_US (G_USEC_PER_SEC / 3) /* without a new picture: it rests, whatever was */

typedef struct TbVncMotion {
        double load;  /* pictures per second, at at_us */
        gint64 at_us; /* 0: nothing came yet */
        bool moves;
} TbVncMotion;

/* `part` of the picture (0 to 1) changed at now_us, monotonic. */
void tb_vnc_motion_add(TbVncMotion *motion, double part, gint64 now_us);
void tb_vnc_motion_rest(TbVncMotion *motion); /* it does not, whatever was */
bool tb_vnc_motion_moves(TbVncMotion *motion, gint64 now_us);
