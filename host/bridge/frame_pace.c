#include "host/bridge/frame_pace.h"

#include "lib/limits.h"

#define GOOD_US 100000 /* what takes no longer beyond the way itself is no sign of a full line */
#define UNTOLD_US (2 * G_USEC_PER_SEC) /* the trip of a line of which nothing is known yet, at the most */
#define GONE_US (8 * G_USEC_PER_SEC)   /* nobody will tell of one that is so old */
#define CLIMB_US (700 * 1000)          /* the first time */
#define CLIMB_AGAIN_US                                                                                       \
        (5 * G_USEC_PER_SEC) /* after one that was too much; doubled each time that this is so soon */
#define CLIMB_MOST_US (120 * G_USEC_PER_SEC)
#define FADES 0.98       /* with each picture: what the line carried before it says little of now */
#define DRAIN_BYTES 4096 /* of fewer it says little */
#define BEARS 0.75       /* of what is enough for a rung: with less it is not tried */
#define SOON_US (15 * G_USEC_PER_SEC)

/* What a rung takes, and some more (encoder.c: tb_rung_specs). */
static const double ENOUGH[TB_FRAME_PACE_RUNGS] = {5000, 1400, 300};

void tb_frame_pace_init(TbFramePace *p, int rung, gint64 now_us)
{
        *p = (TbFramePace){
                .rung = rung, .waits = true, .trip_us = -1, .since_us = now_us, .climb_us = CLIMB_US};
}

static void to_rung(TbFramePace *p, int rung, gint64 now_us)
{
        p->rung = rung;
        p->since_us = now_us;
        p->good_us = 0;
        p->waits = true;
}

/* One that was late right after the line had been empty for a keyframe is late again: less is to be sent. */
static void behind(TbFramePace *p, gint64 now_us)
{
        if (p->waits)
                return; /* what is under way was sent before */
        bool soon = now_us - p->since_us < SOON_US;
        p->climb_us = p->climb_us == CLIMB_US || !soon ? CLIMB_AGAIN_US : MIN(2 * p->climb_us, CLIMB_MOST_US);
        to_rung(p, MIN(p->rung + 1, TB_FRAME_PACE_JPEG), now_us);
        p->drains = true;
        p->drain_bytes = 0;
        for (guint i = 0; i < p->n; i++)
                p->drain_bytes += p->bytes[(p->first + i) % TB_FRAME_PACE_OUT];
}

/* The line is empty, and how long that took says what it carries. */
static void drained(TbFramePace *p, gint64 now_us)
{
        gint64 us = now_us - p->since_us - MAX(p->trip_us, 0) / 2;
        p->drains = false;
        if (p->drain_bytes < DRAIN_BYTES)
                return;
        p->kbps = (double)p->drain_bytes * 8000 / (double)MAX(us, G_USEC_PER_SEC / 1000);
        while (p->rung < TB_FRAME_PACE_JPEG - 1 && p->kbps < ENOUGH[p->rung] * BEARS)
                p->rung++;
}

static void climb(TbFramePace *p, gint64 now_us)
{
        if (!p->good_us)
                p->good_us = now_us;
        if (p->rung > 0 && p->rung < TB_FRAME_PACE_JPEG && now_us - p->good_us >= p->climb_us &&
            p->kbps > ENOUGH[p->rung - 1])
                to_rung(p, p->rung - 1, now_us);
}

/* Below the smallest rung is JPEG, which on a line like that is no younger: it is left only when that is plain. */
static gint64 may_take_us(const TbFramePace *p, gint64 sent_us)
{
        gint64 us = p->rung == TB_FRAME_PACE_RUNGS - 1 ? TB_FRAME_PACE_LAST_US : TB_FRAME_PACE_BEHIND_US;
        return p->key_us && sent_us - p->key_us < TB_FRAME_PACE_KEY_US ? MAX(us, TB_FRAME_PACE_KEY_US) : us;
}

static gint64 oldest_us(const TbFramePace *p, gint64 now_us)
{
        return p->n > 0 ? now_us - p->sent_us[p->first] : 0;
}

bool tb_frame_pace_may(TbFramePace *p, bool keyframe, gint64 now_us)
{
        gint64 trip_us = p->trip_us < 0 ? UNTOLD_US : p->trip_us;
        if (oldest_us(p, now_us) > trip_us + may_take_us(p, p->sent_us[p->first]) ||
            p->n == TB_FRAME_PACE_OUT)
                behind(p, now_us);
        if (oldest_us(p, now_us) > GONE_US)
                p->n = 0;
        int rung = p->rung;
        if (p->n == 0 && p->drains)
                drained(p, now_us);
        if (p->rung != rung)
                return false; /* this one is of the rung before */
        if (keyframe && !p->drains)
                p->waits = false;
        return !p->waits && p->rung < TB_FRAME_PACE_JPEG;
}

bool tb_frame_pace_wants_key(const TbFramePace *p)
{
        return p->waits && (p->n == 0 || !p->drains);
}

bool tb_frame_pace_retry(TbFramePace *p, gint64 now_us)
{
        if (p->rung != TB_FRAME_PACE_JPEG || now_us - p->since_us < p->climb_us)
                return false;
        to_rung(p, TB_FRAME_PACE_JPEG - 1, now_us);
        p->n = 0;
        p->drains = false;
        return true;
}

void tb_frame_pace_sent(TbFramePace *p, gsize bytes, bool keyframe, gint64 now_us)
{
        if (keyframe)
                p->key_us = now_us;
        p->bytes[(p->first + p->n) % TB_FRAME_PACE_OUT] = (guint)bytes;
        p->sent_us[(p->first + p->n++) % TB_FRAME_PACE_OUT] = now_us;
}

static gint64 take_oldest(TbFramePace *p)
{
        gint64 us = p->sent_us[p->first];
        p->first = (p->first + 1) % TB_FRAME_PACE_OUT;
        p->n--;
        return us;
}

void tb_frame_pace_arrived(TbFramePace *p, gint64 took_us, gint64 trip_us, gint64 now_us)
{
        if (p->n == 0)
                return;
        guint bytes = p->bytes[p->first];
        gint64 sent_us = take_oldest(p), all_us = now_us - sent_us;
        p->trip_us = took_us < 0 ? -1 : trip_us;
        gint64 us = took_us < 0 ? all_us : took_us + MAX(all_us - took_us - trip_us, 0);
        p->kbps = MAX(p->kbps * FADES, (double)bytes * 8000 / (double)MAX(us, G_USEC_PER_SEC / 1000));
        if (us > may_take_us(p, sent_us))
                behind(p, now_us);
        else if (us > GOOD_US)
                p->good_us = 0;
        else
                climb(p, now_us);
}

void tb_frame_pace_lost(TbFramePace *p, bool sent, gint64 now_us)
{
        if (sent && p->n > 0)
                take_oldest(p);
        behind(p, now_us);
}
