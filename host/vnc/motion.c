#include "host/vnc/motion.h"

#include <math.h>

static void pass(TbVncMotion *motion, gint64 now_us)
{
        if (motion->at_us && now_us > motion->at_us)
                motion->load *= exp((double)(motion->at_us - now_us) / G_USEC_PER_SEC);
        motion->at_us = now_us;
}

void tb_vnc_motion_add(TbVncMotion *motion, double part, gint64 now_us)
{
        if (now_us - motion->at_us > TB_VNC_REST_US)
                motion->load = 0;
        pass(motion, now_us);
        motion->load += part;
}

void tb_vnc_motion_rest(TbVncMotion *motion)
{
        motion->load = 0;
        motion->moves = false;
}

bool tb_vnc_motion_moves(TbVncMotion *motion, gint64 now_us)
{
        pass(motion, now_us);
        motion->moves = motion->load >= (motion->moves ? TB_VNC_RESTS : TB_VNC_MOVES);
        return motion->moves;
}
