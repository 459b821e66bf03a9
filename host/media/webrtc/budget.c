#include "host/media/webrtc/budget.h"

#define PACE_FACTOR 2.5
#define PACE_MIN_KBPS 1200
#define RTX_SHARE 0.20
#define RTX_MIN_KBPS 30
#define RTX_BURST_MS 600
#define RTX_BURST_LEAST 3600 /* bytes: three packets, else a slow link never gets one */

static void refill(TbBudget *b, gint64 now_us, int kbps, double most)
{
        if (b->at_us == 0)
                b->bytes = most;
        else
                b->bytes = MIN(b->bytes + (double)(now_us - b->at_us) * kbps / 8000, most);
        b->at_us = now_us;
}

bool tb_budget_take(TbBudget *b, gint64 now_us, int kbps, double most, gsize bytes)
{
        refill(b, now_us, kbps, most);
        if (b->bytes < (double)bytes)
                return false;
        b->bytes -= (double)bytes;
        return true;
}

gint64 tb_budget_wait_us(TbBudget *b, gint64 now_us, int kbps, double most)
{
        refill(b, now_us, kbps, most);
        return b->bytes > 0 ? 0 : (gint64)(-b->bytes * 8000 / kbps) + 1;
}

void tb_budget_rates(double estimate_kbps, double sent_kbps, int *ret_rtx_kbps, int *ret_pace_kbps)
{
        double rate = MIN(estimate_kbps, MAX(sent_kbps * 1.5, 500));
        *ret_rtx_kbps = (int)MAX(rate * RTX_SHARE, RTX_MIN_KBPS);
        *ret_pace_kbps = (int)MAX(estimate_kbps * PACE_FACTOR, PACE_MIN_KBPS);
}

double tb_budget_rtx_burst(int rtx_kbps)
{
        return MAX((double)rtx_kbps * RTX_BURST_MS / 8, RTX_BURST_LEAST);
}
