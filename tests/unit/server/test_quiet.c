/* Quiet hours: over midnight, in another zone, on the days when clocks are set. */
#include "server/events/quiet.h"

static gint64 ms(const char *text)
{
        g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
        return g_date_time_to_unix(time) * 1000;
}

static void times(void)
{
        static const struct {
                const char *text;
                int minute; /* -1: it is none */
        } table[] = {{"00:00", 0},  {"22:05", 1325}, {"23:59", 1439}, {"24:00", -1}, {"7:00", -1},
                     {"07:60", -1}, {"0a:00", -1},   {"", -1},        {"07-00", -1}, {"07:000", -1}};
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                int minute = -1;
                g_assert_cmpint(tb_quiet_parse(table[i].text, &minute), ==, table[i].minute >= 0);
                g_assert_cmpint(minute, ==, table[i].minute);
        }
        g_assert_true(tb_quiet_zone_known("Europe/Berlin") && tb_quiet_zone_known(""));
        g_assert_false(tb_quiet_zone_known("Atlantis"));
}

static void until(void)
{
        static const struct {
                int from, to;
                const char *zone, *now, *end; /* end NULL: it is not quiet */
        } table[] = {
                {1320, 420, "", "2026-05-01T21:59:59Z", NULL},
                {1320, 420, "", "2026-05-01T22:00:00Z", "2026-05-02T07:00:00Z"},
                {1320, 420, "", "2026-05-02T06:59:30Z", "2026-05-02T07:00:00Z"},
                {1320, 420, "", "2026-05-02T07:00:00Z", NULL},
                {780, 840, "", "2026-05-02T13:30:00Z", "2026-05-02T14:00:00Z"},
                {780, 840, "", "2026-05-02T14:30:00Z", NULL},
                {1320, 420, "Europe/Berlin", "2026-07-01T20:00:00Z", "2026-07-02T05:00:00Z"},
                {1320, 420, "Europe/Berlin", "2026-12-01T20:30:00Z", NULL},
                /* summer time begins, and ends, in the night */
                {1320, 420, "Europe/Berlin", "2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"},
                {1320, 420, "Europe/Berlin", "2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z"},
                {-1, -1, "", "2026-05-01T23:00:00Z", NULL},
                {600, 600, "", "2026-05-01T10:00:00Z", NULL},
        };
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                const TbQuiet quiet = {table[i].from, table[i].to, table[i].zone};
                g_assert_cmpint(tb_quiet_until(&quiet, ms(table[i].now)), ==,
                                table[i].end ? ms(table[i].end) : 0);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/quiet/times", times);
        g_test_add_func("/quiet/until", until);
        return g_test_run();
}
