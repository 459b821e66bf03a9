/* OIDs as they are written down, and whose outlet they mean. */
#include "drivers/snmp/snmp_models.h"

static void test_oids(void)
{
        guint64 got[16];
        gsize n = 0;
        g_assert_true(tb_snmp_oid(".1.3.6.1.4.1.318.*", 24, got, 16, &n));
        g_assert_cmpuint(n, ==, 8);
        g_assert_cmpuint(got[6], ==, 318);
        g_assert_cmpuint(got[7], ==, 24);
        g_assert_true(tb_snmp_oid("1.3.*.0", 2, got, 16, &n));
        g_assert_cmpuint(n, ==, 4);
        static const char *const bad[] = {"",     ".",    "1",         "1..3", "a.b", "1.3.", "1.4294967296",
                                          "1.-3", "1.3 ", "sysDescr.0"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_snmp_oid(bad[i], 1, got, 16, &n));
        g_assert_true(tb_snmp_oid("1.2.3.4", 1, got, 4, &n));
        g_assert_false(tb_snmp_oid("1.2.3.4.5", 1, got, 4, &n)); /* longer than there is room */
}

static void test_models(void)
{
        for (const char *const *name = tb_snmp_model_names; *name; name++) {
                const TbSnmpModel *m = tb_snmp_model(*name);
                guint64 got[32];
                gsize n;
                if (!m) {
                        g_assert_cmpstr(*name, ==, "custom");
                        continue;
                }
                g_assert_true(tb_snmp_oid(m->on.oid, 1, got, 32, &n) &&
                              tb_snmp_oid(m->off.oid, 1, got, 32, &n) &&
                              tb_snmp_oid(m->state, 1, got, 32, &n));
                g_assert_cmpint(m->is_on[0], !=, m->is_off[0]);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/snmp/oids", test_oids);
        g_test_add_func("/snmp/models", test_models);
        return g_test_run();
}
