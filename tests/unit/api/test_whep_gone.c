#include "host/api/whep_gone.h"
#include "lib/limits.h"

static void test_forgets_the_oldest(void)
{
        TbWhepGone gone = {0};
        g_assert_false(tb_whep_gone_has(&gone, "board", "0"));
        for (guint i = 0; i < TB_LIMIT_WHEP_GONE; i++) {
                g_autofree char *session = g_strdup_printf("%u", i);
                tb_whep_gone_add(&gone, "board", session);
                tb_whep_gone_add(&gone, "board", session); /* counts once */
        }
        g_assert_true(tb_whep_gone_has(&gone, "board", "0"));
        g_assert_false(tb_whep_gone_has(&gone, "other", "0"));
        tb_whep_gone_add(&gone, "board", "one more");
        g_assert_false(tb_whep_gone_has(&gone, "board", "0"));
        g_assert_true(tb_whep_gone_has(&gone, "board", "1"));
        g_assert_true(tb_whep_gone_has(&gone, "board", "one more"));
        tb_whep_gone_clear(&gone);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/api/whep-gone", test_forgets_the_oldest);
        return g_test_run();
}
