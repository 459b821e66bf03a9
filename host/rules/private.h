#pragma once
/* What the files of host/rules share. Main thread. */
#include "host/rules/chain.h"
#include "host/rules/rule.h"
#include "host/rules/rules.h"

typedef struct TbWebhooks TbWebhooks;
typedef struct TbRuleRun TbRuleRun;

typedef struct TbLiveRule {
        TbRules *rules; /* borrowed: the owner */
        TbRule *rule;   /* owned */
        TbRuleState state;
        bool configured;     /* it stands in the configuration: REST does not change it */
        TbWant *want;        /* owned; of its stream */
        guint timer;         /* what is due by the clock */
        TbCommand *expect;   /* of its pattern; NULL: none waits */
        guint rearm;         /* timer of the next one */
        gint64 from;         /* offset from which the next one looks; -1: from now */
        guint64 console_end; /* missing: where the console ended when it was looked at */
        TbRuleRun *run;      /* what it does now; NULL: nothing */
        double value;        /* of its stream, last; NAN: none yet */
        char *trouble;       /* in words, why it cannot watch; NULL: it does. Owned */
} TbLiveRule;

struct TbRules {
        TbCore *core;        /* borrowed */
        GTree *all;          /* name -> owned TbLiveRule, sorted */
        GHashTable *streams; /* stream -> owned GPtrArray of TbLiveRule */
        guint bus;
        gint64 wall_ms;       /* what the wall clock is before the monotonic one: when it jumps, it was set */
        TbWebhooks *webhooks; /* owned */
        TbRuleChains *chains; /* owned */
        GQueue tries;         /* TbRuleTry, each ends itself */
        bool stopping;
};

/* rules.c */
TbActor tb_rule_actor(const char *user, TbRole role); /* borrows `user`: "rule:NAME" */
/* The wall clock; when it was set since the last time, all rules know. */
gint64 tb_rules_now(TbRules *rules);
/* `device`: whose doing it is; NULL: the clock's, or the host's. */
void tb_rule_judge(TbLiveRule *live, TbRuleVerdict verdict, const char *device, char *cause_take);
/* One that is parsed takes its place among the others (or that of the one of its name). */
TbLiveRule *tb_rules_put(TbRules *rules, TbRule *rule_take, bool configured);
void tb_rules_remove(TbRules *rules, const char *name);
TbLiveRule *tb_rules_find(TbRules *rules, const char *name);
void tb_rules_keep(TbRules *rules);                 /* in the state folder */
json_t *tb_live_json(TbLiveRule *live, bool whole); /* new reference */
/* Whether what it does can be done: verbs that there are, for an operator. */
bool tb_rules_check_verbs(const TbRule *rule, GError **error);

/* watch.c: what a rule looks at */
void tb_live_start(TbLiveRule *live);
void tb_live_stop(TbLiveRule *live);
void tb_live_arm(TbLiveRule *live); /* its timer, after something has changed */
/* The console that it means; borrowed, NULL: there is none. */
TbInterface *tb_live_console(TbCore *core, const TbRule *rule);

/* act.c: what a rule does */
/* `links`: how many rules came before it, one by the other (chain.h). */
void tb_rule_act(TbLiveRule *live, const char *cause, int links);
void tb_rule_run_cancel(TbRuleRun *run); /* accepts NULL */

/* webhook.c */
TbWebhooks *tb_webhooks_new(TbCore *core);
void tb_webhooks_free(TbWebhooks *webhooks);
void tb_webhooks_say(TbWebhooks *webhooks, const char *rule, const char *device, const char *url,
                     const char *secret, json_t *body_take);

/* try.c: a rule over what is kept */
void tb_rule_try(TbRules *rules, TbRule *rule_take, gint64 from_ms, TbRequest *request);
void tb_rule_tries_stop(TbRules *rules);
