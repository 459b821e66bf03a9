/* Rules that set each other off through a device: counted, held, and said once. */
#include "host/rules/chain.h"
#include "lib/limits_rules.h"

#define COOLDOWN 1000

/* Fires and gives the device a command, unless it is held. */
static int fires(TbRuleChains *chains, const char *device, const char *rule, gint64 t, char **ret_first)
{
        int links = tb_rule_chain_link(chains, device, rule, COOLDOWN, t, ret_first);
        if (links >= 0)
                tb_rule_chain_acts(chains, device, rule, links, t);
        return links;
}

/* TB_LIMIT_RULE_CHAIN links, and one more. */
static void test_each_other(void)
{
        TbRuleChains *chains = tb_rule_chains_new();
        char *first = NULL;
        gint64 t = 1000;
        for (int i = 0; i < TB_LIMIT_RULE_CHAIN; i++, t += COOLDOWN) {
                g_assert_cmpint(fires(chains, "board", i % 2 ? "pong" : "ping", t, &first), ==, i);
                g_assert_null(first);
        }
        g_assert_cmpint(fires(chains, "other", "ping", t, &first), ==, 0); /* another device */
        g_assert_cmpint(fires(chains, "board", "third", t, &first), ==, -1);
        g_assert_cmpstr(first, ==, "ping, pong, third");
        g_free(first);
        g_assert_cmpint(fires(chains, "board", "ping", t + 1, &first), ==, -1);
        g_assert_null(first); /* it was said */
        g_assert_cmpint(fires(chains, "board", "ping", t + TB_RULE_REST_MS - 1, &first), ==, -1);
        g_assert_cmpint(fires(chains, "board", "ping", t + TB_RULE_REST_MS, &first), ==, 0);
        g_assert_null(first);
        tb_rule_chains_free(chains);
}

/* What comes late, comes by itself, or is nobody's doing is no link. */
static void test_no_chain(void)
{
        TbRuleChains *chains = tb_rule_chains_new();
        char *first = NULL;
        gint64 t = 1000;
        for (int i = 0; i < 3 * TB_LIMIT_RULE_CHAIN; i++, t += COOLDOWN) {
                g_assert_cmpint(fires(chains, "board", "boots", t, &first), ==, 0);
                g_assert_cmpint(tb_rule_chain_link(chains, NULL, "clock", COOLDOWN, t, &first), ==, 0);
        }
        for (int i = 0; i < 3 * TB_LIMIT_RULE_CHAIN; i++, t += COOLDOWN + 10001)
                g_assert_cmpint(fires(chains, "board", i % 2 ? "pong" : "ping", t, &first), ==,
                                i == 0 ? 1 : 0);
        tb_rule_chains_free(chains);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/rule-chain/each-other", test_each_other);
        g_test_add_func("/rule-chain/no-chain", test_no_chain);
        return g_test_run();
}
