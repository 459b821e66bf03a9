#pragma once
/* Hours in which somebody is not told of anything. Pure, any thread. */
#include <glib.h>
#include <stdbool.h>

#define TB_QUIET_NONE (-1)

typedef struct TbQuiet {
        int from,
                to; /* minutes of the day, 0 to 1439; TB_QUIET_NONE: no quiet hours; over midnight when `to` is less */
        const char *zone; /* "Europe/Berlin"; "": UTC; borrowed */
} TbQuiet;

/* "22:00" -> 1320; false: it is no time of a day. */
bool tb_quiet_parse(const char *text, int *ret_minute);
bool tb_quiet_zone_known(const char *zone);
/* When the quiet hours end in which `now_ms` lies (ms since the epoch); 0: it lies in none. */
gint64 tb_quiet_until(const TbQuiet *quiet, gint64 now_ms);
