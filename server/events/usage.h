#pragma once
/* What a plan allows. Pure, any thread. */
#include <glib.h>

#include "server/events/events.h"

#define TB_CREDIT_S 10 /* seconds of clips that one credit is for */

typedef struct TbUsageTimes { /* ms since the epoch, UTC */
        gint64 month_ms, month_end_ms, hour_ms, hour_end_ms;
} TbUsageTimes;

TbUsageTimes tb_usage_times(gint64 now_ms);
guint tb_usage_credits(double seconds); /* whole ones, 1 at least */
/* The plan of who is asking: "account:anna", an id of /auth/dev/login, "" nobody. NULL: no limits. `plans` may be NULL. */
const TbEventPlan *tb_usage_plan(const GPtrArray *plans, const char *user);
