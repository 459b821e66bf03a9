#pragma once
/*
 * The rules of a host: from the configuration (`rules:`) and by REST (kept in rules.json of the state folder). They watch the bus, the
 * streams and the consoles, and act by commands alone (tb_core_command(), actor "rule:NAME", role operator), words for the pages and
 * webhooks. They know no recorder, no analyser and no driver. Main thread.
 *
 * Events: rule.fired {rule,cause,dry_run} · rule.held {rule,cause,why} · rule.refused {rule,verb,error} · rule.notify {rule,text,cause} ·
 * rule.webhook {rule,url,state,why?} · rules.changed {rule}
 */
#include "host/core/core.h"
#include "lib/http/http.h"

typedef struct TbRules TbRules;

/* `core` must stay. */
TbRules *tb_rules_new(TbCore *core);
void tb_rules_free(TbRules *rules); /* before tb_core_stop(); accepts NULL */
/* GET, POST /host/rules; GET, PUT, DELETE /host/rules/{name}; POST /host/rules/{name}/test. */
void tb_rules_add_routes(TbRules *rules, TbHttp *http);
/* For TbHostOptions.check_rule: whether the configuration's rule is one. */
bool tb_rules_check(const char *name, json_t *rule, GError **error);
