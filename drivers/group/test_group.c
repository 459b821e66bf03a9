/* Who is in a group, and what its members are together. */
#include "drivers/group/group_proto.h"
#include "lib/limits.h"

static void test_members(void)
{
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) two = tb_group_members("psu-a/power, psu-b", &error);
        g_assert_no_error(error);
        g_assert_cmpstr(two[0], ==, "psu-a/power");
        g_assert_cmpstr(two[1], ==, "psu-b");
        g_assert_null(two[2]);
        static const char *const bad[] = {"", "a,", "a/b/c", "a,a", "/power", "a b", "a/"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) why = NULL;
                g_assert_null(tb_group_members(bad[i], &why));
                g_assert_error(why, TB_ERROR, TB_ERROR_INVALID);
                g_assert_cmpstr(tb_error_field(why), ==, "members");
        }
        g_autoptr(GString) many = g_string_new("d0");
        for (int i = 1; i < TB_LIMIT_GROUP_MEMBERS; i++)
                g_string_append_printf(many, ",d%d", i);
        g_auto(GStrv) most = tb_group_members(many->str, &error);
        g_assert_cmpuint(g_strv_length(most), ==, TB_LIMIT_GROUP_MEMBERS);
        g_string_append(many, ",more");
        g_assert_null(tb_group_members(many->str, &error));
}

static void test_sums(void)
{
        static const struct {
                TbPowerObserved a, b, together;
        } v[] = {{TB_POWER_ON, TB_POWER_ON, TB_POWER_ON},
                 {TB_POWER_OFF, TB_POWER_OFF, TB_POWER_OFF},
                 {TB_POWER_ON, TB_POWER_OFF, TB_POWER_UNKNOWN},
                 {TB_POWER_UNKNOWN, TB_POWER_OFF, TB_POWER_UNKNOWN},
                 {TB_POWER_ON, TB_POWER_UNKNOWN, TB_POWER_UNKNOWN}};
        for (guint i = 0; i < G_N_ELEMENTS(v); i++) {
                const TbPowerState states[] = {{v[i].a, 10, 230, 0.1, NAN}, {v[i].b, 5, 231, 0.2, 7}};
                TbPowerState sum;
                tb_group_sum(states, 2, &sum);
                g_assert_cmpint(sum.observed, ==, v[i].together);
                g_assert_cmpfloat(sum.watts, ==, 15);
                g_assert_cmpfloat_with_epsilon(sum.amps, 0.3, 1e-9);
                g_assert_true(isnan(sum.volts) && isnan(sum.energy_wh)); /* one of them has no counter */
        }
        const TbPowerState states[] = {{.observed = TB_POWER_ON}, {.observed = TB_POWER_UNKNOWN}};
        char *members[] = {(char *)"a/power", (char *)"b"}, *why[] = {NULL, (char *)"no answer"};
        g_autofree char *words = tb_group_words(members, states, why, 2);
        g_assert_cmpstr(words, ==, "a/power is on, b is not known (no answer)");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/group/members", test_members);
        g_test_add_func("/group/sums", test_sums);
        return g_test_run();
}
