/* What becomes of a call: every act in every status, and the time that goes by. */
#include "server/calls/state.h"

#include "lib/error.h"
#include "lib/limits_calls.h"

#define NO TB_CALL_STATUSES

static void acts(void)
{
        /* answer, end, cancel, miss, fail */
        static const TbCallStatus to[TB_CALL_STATUSES][5] = {
                [TB_CALL_SCHEDULED] = {TB_CALL_IN_PROGRESS, TB_CALL_ENDED, TB_CALL_CANCELLED, TB_CALL_MISSED,
                                       TB_CALL_FAILED},
                [TB_CALL_RINGING] = {TB_CALL_IN_PROGRESS, TB_CALL_ENDED, NO, TB_CALL_MISSED, TB_CALL_FAILED},
                [TB_CALL_IN_PROGRESS] = {NO, TB_CALL_ENDED, NO, NO, TB_CALL_FAILED},
                [TB_CALL_ENDED] = {NO, NO, NO, NO, NO},
                [TB_CALL_CANCELLED] = {NO, NO, NO, NO, NO},
                [TB_CALL_FAILED] = {NO, NO, NO, NO, NO},
                [TB_CALL_MISSED] = {NO, NO, NO, NO, NO},
        };
        static const char *const words[] = {
                "Cannot answer call in %s status", "Call is already ended", "Can only cancel scheduled calls",
                "Cannot mark call as missed in %s status", "Cannot mark call as failed in %s status"};
        for (guint status = 0; status < TB_CALL_STATUSES; status++) {
                for (guint act = 0; act < 5; act++) {
                        TbCallStatus next = NO;
                        g_autoptr(GError) error = NULL;
                        bool ok = tb_call_next((TbCallStatus)status, (TbCallAct)act, &next, &error);
                        g_assert_cmpint(next, ==, to[status][act]);
                        g_assert_true(ok == (next != NO) && ok == !error);
                        if (ok)
                                continue;
                        g_auto(GStrv) parts = g_strsplit(words[act], "%s", 2);
                        g_autofree char *text = g_strjoinv(tb_call_status_name((TbCallStatus)status), parts);
                        g_assert_cmpint(tb_error_status(error), ==, 400);
                        g_assert_cmpstr(tb_error_detail(error), ==, text);
                }
        }
}

static void names(void)
{
        TbCallStatus status = NO;
        for (guint i = 0; i < TB_CALL_STATUSES; i++) {
                g_assert_true(tb_call_status_parse(tb_call_status_name((TbCallStatus)i), &status));
                g_assert_cmpint(status, ==, i);
        }
        g_assert_false(tb_call_status_parse("waiting", &status) || tb_call_status_parse(NULL, &status));
}

static void late(void)
{
        static const struct {
                TbCallStatus status, after;
                gint64 limit_ms;
        } rows[] = {{TB_CALL_RINGING, TB_CALL_MISSED, TB_LIMIT_CALL_RING_MS},
                    {TB_CALL_SCHEDULED, TB_CALL_MISSED, TB_LIMIT_CALL_LATE_MS},
                    {TB_CALL_IN_PROGRESS, TB_CALL_ENDED, TB_LIMIT_CALL_LIFE_MS}};
        const gint64 then = 1700000000000;
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                gint64 limit = rows[i].limit_ms;
                g_assert_cmpint(tb_call_at(rows[i].status, then, then, then + limit - 1), ==, rows[i].status);
                g_assert_cmpint(tb_call_at(rows[i].status, then, then, then + limit), ==, rows[i].after);
        }
        g_assert_cmpint(tb_call_at(TB_CALL_SCHEDULED, then, 0, 0), ==, TB_CALL_SCHEDULED);
        g_assert_cmpint(tb_call_at(TB_CALL_FAILED, 0, 0, then), ==, TB_CALL_FAILED);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/calls/acts", acts);
        g_test_add_func("/calls/names", names);
        g_test_add_func("/calls/late", late);
        return g_test_run();
}
