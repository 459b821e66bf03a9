/* Plans: whose they are, what a clip costs, when a month and an hour begin anew. */
#include "server/events/usage.h"

static void times(void)
{
        g_autoptr(GDateTime) now = g_date_time_new_from_iso8601("2026-12-31T23:59:59Z", NULL),
                             end = g_date_time_new_from_iso8601("2027-01-01T00:00:00Z", NULL),
                             begin = g_date_time_new_from_iso8601("2026-12-01T00:00:00Z", NULL);
        TbUsageTimes t = tb_usage_times(g_date_time_to_unix(now) * 1000 + 999);
        g_assert_cmpint(t.month_ms, ==, g_date_time_to_unix(begin) * 1000);
        g_assert_cmpint(t.month_end_ms, ==, g_date_time_to_unix(end) * 1000);
        g_assert_cmpint(t.hour_end_ms, ==, t.month_end_ms);
        g_assert_cmpint(t.hour_ms, ==, t.hour_end_ms - 3600000);
        g_assert_cmpuint(tb_usage_credits(0), ==, 1);
        g_assert_cmpuint(tb_usage_credits(10), ==, 1);
        g_assert_cmpuint(tb_usage_credits(10.1), ==, 2);
        g_assert_cmpuint(tb_usage_credits(86400), ==, 8640);
}

static void plans(void)
{
        g_auto(GStrv) users = g_strsplit("anna u-1", " ", 0);
        char *nobody[] = {NULL}, paid_name[] = "paid", free_name[] = "free";
        TbEventPlan paid = {.name = paid_name, .users = users},
                    free_one = {.name = free_name, .users = nobody};
        gpointer both[] = {&paid, &free_one}, one[] = {&paid};
        const GPtrArray all = {both, 2}, only = {one, 1};
        g_assert_true(tb_usage_plan(&all, "account:anna") == &paid && tb_usage_plan(&all, "u-1") == &paid);
        g_assert_true(tb_usage_plan(&all, "account:bert") == &free_one &&
                      tb_usage_plan(&all, "") == &free_one);
        g_assert_null(tb_usage_plan(&only, "account:bert"));
        g_assert_null(tb_usage_plan(NULL, "anna"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/usage/times", times);
        g_test_add_func("/usage/plans", plans);
        return g_test_run();
}
