#pragma once
/*
 * TbPass: whether those who look at a phone's pictures get them as the phone sent them, or as the host encodes them again. As they came, while
 * they come in the codec of the viewers and the viewers' lines bear their rate; it begins with a keyframe, which has to be asked for. A phone's
 * rate is its own affair: where less is wanted, the host's encoder makes it. Pure: no clock. Times in microseconds of any one clock.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_PASS_LOOK_US 1000000  /* that the rate is measured over, before it is known */
#define TB_PASS_GONE_US 600000   /* without a picture: the host shows why, or a slower camera is filled up */
#define TB_PASS_TIGHT_US 1000000 /* that it may be too much before it ends */
#define TB_PASS_PAUSE_US 5000000 /* after an end */
#define TB_PASS_ASK_US 1000000   /* between two questions for a keyframe to begin with */

typedef struct TbPass { /* zeroed: nothing came yet */
        bool on;
        bool wants_key; /* a keyframe is to be asked for, to begin with; for the caller to take */
        gint64 ended_us, asked_us, unit_us, tight_us; /* 0: never, or not now */
        gint64 look_us;                               /* since when `bytes` came; 0: nothing came */
        gsize bytes;
        guint kbps; /* of the last look; 0: not known yet */
} TbPass;

/* One picture of the phone; `may_kbps`: what the viewers may be sent. True: it is for the viewers. */
bool tb_pass_unit(TbPass *pass, gsize bytes, bool keyframe, guint may_kbps, gint64 now_us);
/* Now and then. True: it has ended just now. */
bool tb_pass_look(TbPass *pass, guint may_kbps, gint64 now_us);
/* There is no such phone any more. True: it has ended just now. */
bool tb_pass_end(TbPass *pass, gint64 now_us);
