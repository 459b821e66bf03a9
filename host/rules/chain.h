#pragma once
/*
 * Rules that set each other off through a device: what one does there makes another fire, whose command makes the first one fire … Each rule's own
 * guardrails see only itself. A chain is counted by device: a rule that fires soon after another rule gave a command there is one link
 * further. One that is TB_LIMIT_RULE_CHAIN links long is no accident: what fires there then is held for TB_RULE_REST_MS. Pure; times are ms of any
 * clock that goes on.
 */
#include <glib.h>

#define TB_RULE_REST_MS (10 * 60 * 1000) /* rules that kept each other busy rest so long, of that device */

typedef struct TbRuleChains TbRuleChains;

TbRuleChains *tb_rule_chains_new(void);
void tb_rule_chains_free(TbRuleChains *chains); /* accepts NULL */
/*
 * `rule` is about to fire by what `device` did (NULL: nothing that is a device's), having been quiet for `cooldown_ms`. How many rules came
 * before it, one by the other; -1: too many, it may not: *ret_first when that is said the first time, with the names of all (the caller
 * frees).
 */
int tb_rule_chain_link(TbRuleChains *chains, const char *device, const char *rule, gint64 cooldown_ms,
                       gint64 now_ms, char **ret_first);
/* A command of `rule`, which came behind `links` others, goes to `device`. */
void tb_rule_chain_acts(TbRuleChains *chains, const char *device, const char *rule, int links, gint64 now_ms);
