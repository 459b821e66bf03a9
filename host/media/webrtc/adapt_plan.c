/* Which rung of encoders each viewer is on, and what each rung gets: tb_adapt_plan() of adapt.h. */
#include "host/media/webrtc/adapt_private.h"

/* --- rungs --- */
/* At 1280x720; a larger picture needs more for the same rung. */
static const struct {
        double enter, leave,
                most; /* kbit/s: to move up to it; below which to leave it; most that it is given */
        guint fps;
} STEPS[TB_ADAPT_RUNGS] = {
        {1600, 1100, 1e9, 120},
        {550, 400, 1200, 20},
        {0, 0, 350, 10},
};

#define UP_AFTER_US (1200 * 1000) /* doubled by each failed try, at most 2^4 */
#define PROBES_TRUSTED 3          /* failed moves */
#define PROBE_WAIT_US (2400 * 1000)
#define PROVEN_US (8 * G_USEC_PER_SEC)
#define SHARE 0.85 /* of an estimate that video gets: retransmissions and bursts need the rest */
#define MUCH_WORSE 0.4

static double scale_of(int pixels)
{
        return CLAMP((double)pixels / (1280 * 720), 0.4, 2.5);
}

static double enter_of(int rung, double scale)
{
        return STEPS[rung].enter * (rung == 0 ? scale : 1);
}

double tb_adapt_full_kbps(int pixels)
{
        return enter_of(0, scale_of(pixels));
}

static void move(TbAdaptViewer *v, int rung, gint64 now_us)
{
        if (rung > v->rung) { /* down */
                if (v->probing)
                        v->failed = MIN(v->failed + 1, 4);
                v->probing = false;
        } else {
                v->probing = true;
        }
        v->rung = rung;
        v->moved_us = now_us;
}

/* `best`: estimate of the best viewer of each rung, beside which it could stay. */
static void choose_rung(TbAdaptViewer *v, gint64 now_us, double scale, const double *best)
{
        g_assert(v->rung >= 0 && v->rung < TB_ADAPT_RUNGS);
        if (v->probing && now_us - v->moved_us > PROVEN_US) {
                v->probing = false;
                v->failed = 0;
        }
        while (!v->fresh && v->rung < TB_ADAPT_RUNGS - 1 &&
               v->kbps < STEPS[v->rung].leave * (v->rung == 0 ? scale : 1))
                move(v, v->rung + 1, now_us);
        /* what a probe has shown needs no waiting, or little when moves that it led to had to be taken back */
        bool trusted = v->failed < PROBES_TRUSTED || now_us - v->moved_us > PROBE_WAIT_US;
        for (int rung = 0; rung < v->rung; rung++) {
                double enter = enter_of(rung, scale);
                if (v->kbps < MAX(enter, best[rung] * MUCH_WORSE))
                        continue;
                bool waited = rung == v->rung - 1 && now_us - v->moved_us > UP_AFTER_US << v->failed;
                if (waited || (trusted && v->proven_kbps >= enter))
                        move(v, rung, now_us);
        }
}

/* Of those who are proven, if there are any: who has just come says nothing of his link. */
static double best_of(const TbAdaptViewer *viewers, guint n, int rung, bool *ret_fresh)
{
        double best[2] = {0, 0};
        for (guint i = 0; i < n; i++)
                if (viewers[i].rung == rung)
                        best[viewers[i].fresh] = MAX(best[viewers[i].fresh], viewers[i].kbps);
        *ret_fresh = best[false] <= 0 || best[true] > best[false];
        return *ret_fresh ? best[true] : best[false];
}

void tb_adapt_plan(TbAdaptViewer *viewers, guint n, gint64 now_us, int pixels, guint max_fps, guint max_kbps,
                   TbAdaptPlan *ret_plan)
{
        double scale = scale_of(pixels);
        *ret_plan = (TbAdaptPlan){0};
        double bests[TB_ADAPT_RUNGS];
        bool fresh;
        for (int rung = 0; rung < TB_ADAPT_RUNGS; rung++)
                bests[rung] = MIN(best_of(viewers, n, rung, &fresh), max_kbps);
        for (guint i = 0; i < n; i++)
                choose_rung(&viewers[i], now_us, scale, bests);
        for (int rung = 0; rung < TB_ADAPT_RUNGS; rung++) {
                double best = MIN(best_of(viewers, n, rung, &fresh), max_kbps), least = best;
                for (guint i = 0; i < n; i++) {
                        if (viewers[i].rung != rung ||
                            (viewers[i].fresh && (!fresh || viewers[i].kbps < best)))
                                continue;
                        if (rung < TB_ADAPT_RUNGS - 1 && viewers[i].kbps < best * MUCH_WORSE)
                                move(&viewers[i], rung + 1,
                                     now_us); /* alone it could stay; here it would drag others down */
                        else
                                least = MIN(least, viewers[i].kbps);
                }
                if (best <= 0)
                        continue;
                ret_plan->kbps[rung] = (guint)CLAMP(least * SHARE, TB_ADAPT_MIN_KBPS,
                                                    MIN(STEPS[rung].most * (rung ? 1 : scale), max_kbps));
                ret_plan->fps[rung] = MIN(STEPS[rung].fps, max_fps);
                if (rung == 0 && least < 2500 * scale)
                        ret_plan->fps[rung] = MIN(ret_plan->fps[rung], 30);
                if (rung == TB_ADAPT_RUNGS - 1 && least < 200)
                        ret_plan->fps[rung] = MIN(ret_plan->fps[rung], 6);
        }
}
