#include "lib/clock.h"

#include <time.h>

#define STEADY_MS 500 /* by so much two looks at two clocks may differ: more is a clock that was set */

gint64 tb_clock_us(void)
{
        return g_get_real_time();
}

gint64 tb_clock_ms(void)
{
        return tb_clock_us() / 1000;
}

gint64 tb_clock_mono_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_BOOTTIME, &t);
        return (gint64)t.tv_sec * 1000 + t.tv_nsec / 1000000 + 1; /* + 1: 0 is "never" to many callers */
}

gint64 tb_clock_wall_of(gint64 mono_ms)
{
        static _Atomic gint64 kept = G_MININT64;
        gint64 between = tb_clock_ms() - tb_clock_mono_ms(), last = kept;
        if (last == G_MININT64 || ABS(between - last) > STEADY_MS)
                kept = last = between;
        return mono_ms + last;
}

char *tb_clock_rfc3339(gint64 ms)
{
        int part = (int)((ms % 1000 + 1000) % 1000); /* before 1970, too, a second begins below its parts */
        g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc((ms - part) / 1000);
        g_autofree char *seconds = t ? g_date_time_format(t, "%Y-%m-%dT%H:%M:%S") : NULL;
        return g_strdup_printf("%s.%03dZ", seconds ? seconds : "1970-01-01T00:00:00", part);
}
