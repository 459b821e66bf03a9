#pragma once
/*
 * Which of the encoded pictures of a hub go to an observer by the relay: each as it comes, of the largest rung that the line bears, or none
 * for as long as more would only wait. What is left out ends with a keyframe. A line that bears not even the smallest rung has
 * JPEG (picture_pace.h). Pure: no clock. Times in microseconds of any one clock. Rungs: 0 is the largest.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_FRAME_PACE_JPEG TB_FRAME_PACE_RUNGS /* in place of a rung */
#define TB_FRAME_PACE_RUNGS 3
#define TB_FRAME_PACE_OUT 128          /* under way at once, at the most */
#define TB_FRAME_PACE_BEHIND_US 250000 /* that one may take beyond the way itself … */
#define TB_FRAME_PACE_LAST_US 600000   /* … one of the smallest rung */
#define TB_FRAME_PACE_KEY_US                                                                                 \
        800000 /* … a keyframe, which is many times as large, and what is sent meanwhile */

typedef struct TbFramePace {
        int rung;    /* to be taken; TB_FRAME_PACE_JPEG: none */
        bool waits;  /* for a keyframe */
        bool drains; /* … and for the line to be empty before it */
        guint bytes[TB_FRAME_PACE_OUT];
        gint64 sent_us[TB_FRAME_PACE_OUT]; /* of those under way, a ring */
        guint first, n;
        gsize drain_bytes; /* that were under way when it began to drain, at since_us */
        gint64 trip_us;    /* there and back on both lines, as last told; -1: not known */
        gint64 key_us;     /* when the last keyframe was sent */
        gint64 since_us;   /* since when this rung is */
        gint64 good_us;    /* since when nothing was late; 0: it was just now */
        gint64 climb_us;   /* so long all must be good before the next rung is tried */
        double kbps;       /* that the line carried at least, lately */
} TbFramePace;

/* `rung`: to begin with. */
void tb_frame_pace_init(TbFramePace *pace, int rung, gint64 now_us);
/* May this one be sent? `rung` may be another one afterwards. */
bool tb_frame_pace_may(TbFramePace *pace, bool keyframe, gint64 now_us);
/* It waits for a keyframe, and the line is empty: one is to be asked for. */
bool tb_frame_pace_wants_key(const TbFramePace *pace);
void tb_frame_pace_sent(TbFramePace *pace, gsize bytes, bool keyframe, gint64 now_us);
/* The oldest has arrived; as tb_picture_pace_arrived(). */
void tb_frame_pace_arrived(TbFramePace *pace, gint64 took_us, gint64 trip_us, gint64 now_us);
/* With JPEG for so long that the smallest rung may be tried again: then it is. */
bool tb_frame_pace_retry(TbFramePace *pace, gint64 now_us);
/* One was left out on its way; `sent`: it was told as sent. */
void tb_frame_pace_lost(TbFramePace *pace, bool sent, gint64 now_us);
