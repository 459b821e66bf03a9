/* What a rule does: one thing behind the other; what fails is told, and the next is done all the same. */
#include <string.h>

#include "host/rules/private.h"
#include "lib/clock.h"
#include "lib/error.h"

struct TbRuleRun {
        TbRules *rules;     /* borrowed */
        TbLiveRule *live;   /* borrowed; it holds the run */
        char *user, *cause; /* owned; user: "rule:NAME" */
        size_t next;        /* of rule->then */
        int links;
        bool released;      /* the lease was asked for, for this action */
        TbCommand *command; /* under way; NULL: none */
};

static void go_on(TbRuleRun *run);

static void run_free(TbRuleRun *run)
{
        g_free(run->user);
        g_free(run->cause);
        g_free(run);
}

void tb_rule_run_cancel(TbRuleRun *run)
{
        if (!run)
                return;
        if (run->command)
                tb_command_cancel(run->command);
        run_free(run);
}

static const json_t *action_of(const TbRuleRun *run)
{
        return json_array_get(run->live->rule->then, run->next);
}

static const char *device_of(const TbRuleRun *run, const json_t *action)
{
        const char *device = json_string_value(json_object_get(action, "device"));
        return device ? device : run->live->rule->device;
}

static void tell(TbRuleRun *run, const char *type, json_t *data_take)
{
        json_object_set_new(data_take, "rule", json_string(run->live->rule->name));
        tb_bus_publish(tb_core_bus(run->rules->core), type, run->live->rule->device, NULL, data_take);
}

static void refused(TbRuleRun *run, const char *verb, const GError *error)
{
        tell(run, "rule.refused", json_pack("{s:s, s:o}", "verb", verb, "error", tb_error_to_json(error)));
}

static void on_command(json_t *result G_GNUC_UNUSED, const GError *error, gpointer data)
{
        TbRuleRun *run = data;
        run->command = NULL;
        if (error)
                refused(run, json_string_value(json_object_get(action_of(run), "verb")), error);
        run->next++;
        run->released = false;
        go_on(run);
}

static void on_released(json_t *result G_GNUC_UNUSED, const GError *error, gpointer data)
{
        TbRuleRun *run = data;
        run->command = NULL;
        if (error) /* then the command itself is refused, too, and says why */
                refused(run, "lease.release", error);
        go_on(run);
}

static void begin_command(TbRuleRun *run, const json_t *action)
{
        TbCore *core = run->rules->core;
        const char *device = device_of(run, action);
        TbDevice *there = tb_core_device(core, device, NULL);
        if (run->live->rule->takes_lease && !run->released && there && tb_core_lease_holder(there)) {
                run->released = true;
                const TbActor admin = tb_rule_actor(run->user, TB_ROLE_ADMIN);
                run->command =
                        tb_core_command(core, &admin, device, "lease.release", NULL, NULL, on_released, run);
                return;
        }
        const TbActor actor = tb_rule_actor(run->user, TB_ROLE_OPERATOR);
        json_auto_t *params = json_deep_copy(json_object_get(action, "params"));
        const char *verb = json_string_value(json_object_get(action, "verb"));
        if (!g_str_has_prefix(verb, "recording.")) /* whoever keeps a clip sets nothing off */
                tb_rule_chain_acts(run->rules->chains, device, run->live->rule->name, run->links,
                                   tb_clock_mono_ms());
        if (strcmp(verb, "recording.clip") == 0) { /* which rule, and why, stands with the clip */
                if (!params)
                        params = json_object();
                g_autofree char *note = g_strdup_printf("%s: %s", run->live->rule->name, run->cause);
                if (json_is_object(params) && !json_object_get(params, "note"))
                        json_object_set_new(params, "note", json_string(note));
        }
        run->command = tb_core_command(core, &actor, device, verb, params, NULL, on_command, run);
}

static void say_webhook(TbRuleRun *run, const json_t *action)
{
        const TbRule *r = run->live->rule;
        g_autofree char *time = tb_clock_rfc3339(tb_clock_ms());
        json_t *body = json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:s}", "rule", r->name, "device", r->device,
                                 "note", r->note, "host", tb_core_config(run->rules->core)->name, "time",
                                 time, "cause", run->cause);
        tb_webhooks_say(run->rules->webhooks, r->name, r->device,
                        json_string_value(json_object_get(action, "webhook")),
                        json_string_value(json_object_get(action, "secret")), body);
}

/* Until a command is under way, or all is done. */
static void go_on(TbRuleRun *run)
{
        for (const json_t *action; !run->command && (action = action_of(run));) {
                const char *text = json_string_value(json_object_get(action, "notify"));
                if (json_object_get(action, "verb")) {
                        begin_command(run, action);
                        continue;
                }
                if (text)
                        tell(run, "rule.notify", json_pack("{s:s, s:s}", "text", text, "cause", run->cause));
                else
                        say_webhook(run, action);
                run->next++;
        }
        if (run->command)
                return;
        run->live->run = NULL;
        run_free(run);
}

void tb_rule_act(TbLiveRule *live, const char *cause, int links)
{
        TbRuleRun *run = g_new0(TbRuleRun, 1);
        run->rules = live->rules;
        run->live = live;
        run->links = links;
        run->user = g_strconcat("rule:", live->rule->name, NULL);
        g_autofree char *valid = g_utf8_make_valid(cause, -1);
        run->cause = g_steal_pointer(&valid);
        live->run = run;
        go_on(run);
}
