/* Rules. What is one is told so that it is the same one, and its secrets are not in what is shown; whatever happens to it, it keeps to its
 * cooldown. */
#include <stdint.h>
#include <string.h>

#include "host/rules/rule.h"
#include "lib/json.h"

#define T0 1700000000000LL

static void live(const TbRule *rule)
{
        TbRuleState state;
        tb_rule_state_init(&state, T0);
        gint64 fired = 0;
        for (int i = 0; i < 50; i++) {
                gint64 t = T0 + i * 700;
                json_auto_t *data =
                        json_pack("{s:s, s:s}", "commanded", "on", "observed", i % 2 ? "on" : "off");
                TbRuleVerdict v = {TB_RULE_NOTHING, NULL};
                tb_rule_power(&state, i % 5 ? 1 : 0, t);
                if (rule->sort == TB_RULE_STREAM)
                        v = tb_rule_sample(rule, &state, i % 3, t);
                else if (rule->sort == TB_RULE_CONSOLE)
                        v = tb_rule_matched(rule, &state, t);
                else if (rule->sort == TB_RULE_EVENT)
                        v = tb_rule_event(rule, &state, rule->event, rule->device, rule->interface, data, t);
                else
                        v = tb_rule_tick(rule, &state, t);
                if (v.what == TB_RULE_FIRES) {
                        g_assert_true(fired == 0 || t - fired >= rule->cooldown_ms);
                        fired = t;
                }
        }
        tb_rule_state_clear(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_auto_t *json = tb_json_parse(data, size, NULL);
        g_autoptr(TbRule) rule = json ? tb_rule_parse(json, NULL) : NULL;
        if (!rule)
                return 0;
        g_autoptr(TbRule) again = tb_rule_parse(rule->source, NULL);
        g_assert_nonnull(again);
        g_assert_true(json_equal(again->source, rule->source));
        json_auto_t *shown = tb_rule_shown(rule, true);
        tb_rule_keep_secrets(shown, rule);
        live(rule);
        return 0;
}
