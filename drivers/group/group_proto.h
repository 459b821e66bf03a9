#pragma once
/* Several outlets as one: who is in it, and what their states are together. Pure. */
#include "drivers/driver.h"

/* "psu-a/power, psu-b" in order; NULL: INVALID. g_strfreev() */
char **tb_group_members(const char *list, GError **error);
/* All on, all off, else unknown; power, current and energy are sums where each has its own. */
void tb_group_sum(const TbPowerState *states, guint n, TbPowerState *ret);
/* "psu-a/power is on, psu-b/power is not known (no Shelly answers …)": `why[i]` NULL: none. The caller frees. */
char *tb_group_words(char *const *members, const TbPowerState *states, char *const *why, guint n);
