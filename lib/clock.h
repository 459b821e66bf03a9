#pragma once
/*
 * Time. The wall clock is for display and for what must be understood after a restart, as the contract writes it: integer
 * milliseconds since the epoch, and RFC 3339 UTC with milliseconds. It jumps. Whatever is a duration or a deadline is
 * told by the boot clock, which never does, and which goes on while the machine sleeps. Any thread.
 */
#include <glib.h>

gint64 tb_clock_ms(void);      /* wall clock, ms since the epoch */
gint64 tb_clock_us(void);      /* the same in us */
gint64 tb_clock_mono_ms(void); /* CLOCK_BOOTTIME, ms since some past instant; never 0 */
/* When `mono_ms` was, or will be, by the wall clock: for people. The same instant has the same answer until the clock is
 * set: each look at two clocks is a millisecond off. */
gint64 tb_clock_wall_of(gint64 mono_ms);
char *tb_clock_rfc3339(gint64 ms); /* "2026-11-20T20:00:00.123Z"; the caller frees */
