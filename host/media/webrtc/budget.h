#pragma once
/*
 * Bytes that may be sent: they come at a rate, and what is not used is saved up to a ceiling. Pure. Times in microseconds of any
 * one clock, rates in kbit/s above 0. A budget that is all zero is full at its first use.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbBudget {
        gint64 at_us;
        double bytes; /* below 0: a debt */
} TbBudget;

#define TB_PACE_BURST 16000 /* bytes at once, before a viewer's packets are spread */

/* Takes `bytes` if that many are there. */
bool tb_budget_take(TbBudget *budget, gint64 now_us, int kbps, double most, gsize bytes);
/* How long until there is anything; 0: there is. Whoever goes on then may take more than there is. */
gint64 tb_budget_wait_us(TbBudget *budget, gint64 now_us, int kbps, double most);

/* Of a viewer whose link carries `estimate_kbps` and who is being sent `sent_kbps`: a fifth of what goes to him for what is sent
 * again, and how fast packets may leave. */
void tb_budget_rates(double estimate_kbps, double sent_kbps, int *ret_rtx_kbps, int *ret_pace_kbps);
double tb_budget_rtx_burst(int rtx_kbps); /* bytes of it that are saved for when they are needed */
