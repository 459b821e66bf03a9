#pragma once
/* Time as the contract writes it: integer milliseconds since the epoch, and RFC 3339 UTC with milliseconds.
 */
#include <glib.h>

gint64 tb_clock_ms(void);          /* wall clock, ms since the epoch */
char *tb_clock_rfc3339(gint64 ms); /* "2026-11-20T20:00:00.123Z"; the caller frees */
