#include "server/events/quiet.h"

#include <string.h>

#define DAY 1440 /* minutes */

bool tb_quiet_parse(const char *text, int *ret_minute)
{
        if (strlen(text) != 5 || text[2] != ':')
                return false;
        for (guint i = 0; i < 5; i++)
                if (i != 2 && !g_ascii_isdigit(text[i]))
                        return false;
        int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
        if (hour > 23 || minute > 59)
                return false;
        *ret_minute = hour * 60 + minute;
        return true;
}

static GTimeZone *zone_of(const char *zone)
{
        GTimeZone *known = *zone ? g_time_zone_new_identifier(zone) : NULL;
        return known ? known : g_time_zone_new_utc();
}

bool tb_quiet_zone_known(const char *zone)
{
        g_autoptr(GTimeZone) known = *zone ? g_time_zone_new_identifier(zone) : g_time_zone_new_utc();
        return known != NULL;
}

gint64 tb_quiet_until(const TbQuiet *quiet, gint64 now_ms)
{
        if (quiet->from < 0 || quiet->to < 0 || quiet->from == quiet->to)
                return 0;
        g_autoptr(GTimeZone) zone = zone_of(quiet->zone ? quiet->zone : "");
        g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(now_ms / 1000),
                             now = g_date_time_to_timezone(utc, zone);
        int minute = g_date_time_get_hour(now) * 60 + g_date_time_get_minute(now);
        bool in = quiet->from < quiet->to ? minute >= quiet->from && minute < quiet->to
                                          : minute >= quiet->from || minute < quiet->to;
        if (!in)
                return 0;
        int left = (quiet->to - minute + DAY) % DAY;
        /* the day on which they end has its own offset from UTC */
        g_autoptr(GDateTime) then = g_date_time_add_minutes(now, left);
        g_autoptr(GDateTime) end =
                g_date_time_new(zone, g_date_time_get_year(then), g_date_time_get_month(then),
                                g_date_time_get_day_of_month(then), quiet->to / 60, quiet->to % 60, 0);
        gint64 end_ms = end ? g_date_time_to_unix(end) * 1000 : 0;
        return end_ms > now_ms ? end_ms : now_ms + left * G_GINT64_CONSTANT(60000);
}
