#include "host/rules/rules.h"

#include <math.h>
#include <string.h>

#include "host/core/kept.h"
#include "host/rules/private.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

#define STEP_MS 1000 /* less is the clock being slewed, or two looks at two clocks */

/* --- the clock --- */
static gboolean clock_set(gpointer name G_GNUC_UNUSED, gpointer value, gpointer by_ms)
{
        TbLiveRule *live = value;
        tb_rule_clock_set(live->rule, &live->state, *(const gint64 *)by_ms);
        return FALSE;
}

static gboolean arm_again(gpointer name G_GNUC_UNUSED, gpointer value, gpointer data G_GNUC_UNUSED)
{
        tb_live_arm(value);
        return FALSE;
}

gint64 tb_rules_now(TbRules *rules)
{
        gint64 now = tb_clock_ms(), wall = now - tb_clock_mono_ms(), by = wall - rules->wall_ms;
        if (ABS(by) < STEP_MS)
                return now;
        rules->wall_ms = wall;
        g_tree_foreach(rules->all, clock_set, &by);
        g_tree_foreach(rules->all, arm_again, NULL);
        return now;
}

/* --- what becomes of it --- */
TbActor tb_rule_actor(const char *user, TbRole role)
{
        return (TbActor){.user = user, .role = role, .via = "rule"};
}

static void say(TbLiveRule *live, const char *type, json_t *data_take)
{
        json_object_set_new(data_take, "rule", json_string(live->rule->name));
        tb_bus_publish(tb_core_bus(live->rules->core), type, live->rule->device, NULL, data_take);
}

/* Whether it is a link of a chain that is too long: then that is said, once for all of them. */
static TbRuleVerdict in_chain(TbLiveRule *live, const char *device, int *ret_links)
{
        g_autofree char *names = NULL;
        *ret_links = tb_rule_chain_link(live->rules->chains, device, live->rule->name,
                                        live->rule->cooldown_ms, tb_clock_mono_ms(), &names);
        if (*ret_links >= 0)
                return (TbRuleVerdict){TB_RULE_FIRES, NULL};
        if (names) {
                tb_log(TB_LOG_WARNING, TB_F("device", device),
                       "rules set each other off and rest for %d minutes: %s", TB_RULE_REST_MS / 60000,
                       names);
                say(live, "rule.loop",
                    json_pack("{s:s, s:i}", "rules", names, "rest_s", TB_RULE_REST_MS / 1000));
        }
        return (TbRuleVerdict){names ? TB_RULE_HELD : TB_RULE_NOTHING,
                               "rules set each other off through this device"};
}

void tb_rule_judge(TbLiveRule *live, TbRuleVerdict verdict, const char *device, char *cause_take)
{
        g_autofree char *cause = cause_take;
        int links = 0;
        if (verdict.what == TB_RULE_FIRES && !live->run && !live->rule->dry_run)
                verdict = in_chain(live, device, &links);
        if (verdict.what == TB_RULE_FIRES && live->run)
                verdict = (TbRuleVerdict){TB_RULE_HELD, "what it began last time is not done yet"};
        if (verdict.what == TB_RULE_HELD)
                say(live, "rule.held", json_pack("{s:s, s:s}", "cause", cause, "why", verdict.why));
        if (verdict.what != TB_RULE_FIRES)
                return;
        tb_log(TB_LOG_INFO, TB_F("rule", live->rule->name, "device", live->rule->device), "fires%s: %s",
               live->rule->dry_run ? " (dry run: nothing is done)" : "", cause);
        say(live, "rule.fired", json_pack("{s:s, s:b}", "cause", cause, "dry_run", live->rule->dry_run));
        if (!live->rule->dry_run)
                tb_rule_act(live, cause, links);
}

/* --- the bus --- */
static void on_sample(TbRules *rules, const TbEvent *event)
{
        const char *stream = json_string_value(json_object_get(event->data, "stream"));
        const GPtrArray *list = stream ? g_hash_table_lookup(rules->streams, stream) : NULL;
        double value = json_number_value(json_object_get(event->data, "value"));
        for (guint i = 0; list && i < list->len; i++) {
                TbLiveRule *live = g_ptr_array_index(list, i);
                const TbRule *r = live->rule;
                if (g_strcmp0(event->device, r->device) != 0 ||
                    (r->interface && g_strcmp0(event->interface, r->interface) != 0) || !r->enabled)
                        continue;
                live->value = value;
                if (r->sort == TB_RULE_MISSING) {
                        bool was = live->state.on;
                        tb_rule_seen(&live->state, tb_rules_now(rules));
                        if (was)
                                tb_live_arm(live);
                        continue;
                }
                TbRuleVerdict v = tb_rule_sample(r, &live->state, value, tb_rules_now(rules));
                if (v.what != TB_RULE_NOTHING)
                        tb_rule_judge(live, v, event->device,
                                      g_strdup_printf("%s of %s is %.6g", r->stream, r->device, value));
        }
}

static int power_of(const char *observed)
{
        return g_strcmp0(observed, "on") == 0 ? 1 : g_strcmp0(observed, "off") == 0 ? 0 : -1;
}

typedef struct Told {
        const TbEvent *event;
        GPtrArray *live; /* borrowed TbLiveRule */
} Told;

static gboolean tell(gpointer name G_GNUC_UNUSED, gpointer value, gpointer data)
{
        TbLiveRule *live = value;
        const TbEvent *e = ((Told *)data)->event;
        const TbRule *r = live->rule;
        bool own = r->device && g_strcmp0(e->device, r->device) == 0;
        if (own && r->power >= 0 && strcmp(e->type, "power.state") == 0) {
                tb_rule_power(&live->state, power_of(json_string_value(json_object_get(e->data, "observed"))),
                              tb_rules_now(live->rules));
                tb_live_arm(live);
        }
        if (own && r->sort == TB_RULE_CONSOLE && strcmp(e->type, "device.added") == 0)
                tb_live_start(live);
        if (r->enabled && r->sort == TB_RULE_EVENT && strcmp(e->type, r->event) == 0)
                g_ptr_array_add(((Told *)data)->live, live);
        return FALSE;
}

static void on_event(const TbEvent *event, gpointer data)
{
        TbRules *rules = data;
        if (tb_event_is_sample(event)) {
                on_sample(rules, event);
                return;
        }
        if (event->id == 0 && strcmp(event->type, "power.state") != 0)
                return; /* passing words: lines, renewals */
        g_autoptr(GPtrArray) concerned = g_ptr_array_new();
        g_tree_foreach(rules->all, tell, &(Told){event, concerned});
        for (guint i = 0; i < concerned->len; i++) {
                TbLiveRule *live = g_ptr_array_index(concerned, i);
                TbRuleVerdict v = tb_rule_event(live->rule, &live->state, event->type, event->device,
                                                event->interface, event->data, tb_rules_now(rules));
                if (v.what != TB_RULE_NOTHING)
                        tb_rule_judge(live, v, event->device,
                                      g_strdup_printf("%s of %s%s%s", event->type,
                                                      event->device ? event->device : "the host",
                                                      event->interface ? "/" : "",
                                                      event->interface ? event->interface : ""));
        }
}

/* --- the list --- */
static int by_name(gconstpointer a, gconstpointer b, gpointer data G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

static void live_free(gpointer data)
{
        TbLiveRule *live = data;
        tb_live_stop(live);
        tb_rule_run_cancel(live->run);
        if (live->rule->stream) {
                GPtrArray *list = g_hash_table_lookup(live->rules->streams, live->rule->stream);
                g_ptr_array_remove(list, live);
        }
        tb_rule_state_clear(&live->state);
        tb_rule_free(live->rule);
        g_free(live->trouble);
        g_free(live);
}

static void free_list(gpointer list)
{
        g_ptr_array_unref(list);
}

TbLiveRule *tb_rules_find(TbRules *rules, const char *name)
{
        return g_tree_lookup(rules->all, name);
}

static json_t *power_seen(TbRules *rules, const char *device)
{
        TbDevice *d = tb_core_device(rules->core, device, NULL);
        TbInterface *power = d ? tb_device_interface_of(d, TB_KIND_POWER) : NULL;
        if (!power)
                return json_null();
        json_auto_t *all = tb_device_json(d);
        size_t i;
        json_t *one;
        json_array_foreach (json_object_get(all, "interfaces"), i, one)
                if (g_strcmp0(json_string_value(json_object_get(one, "name")), tb_interface_name(power)) == 0)
                        return json_incref(json_object_get(json_object_get(one, "power"), "observed"));
        return json_null();
}

TbLiveRule *tb_rules_put(TbRules *rules, TbRule *rule_take, bool configured)
{
        TbLiveRule *live = g_new0(TbLiveRule, 1);
        live->rules = rules;
        live->rule = rule_take;
        live->configured = configured;
        live->from = -1;
        live->value = NAN;
        tb_rule_state_init(&live->state, tb_rules_now(rules));
        if (rule_take->power >= 0) {
                json_auto_t *observed = power_seen(rules, rule_take->device);
                tb_rule_power(&live->state, power_of(json_string_value(observed)), tb_rules_now(rules));
        }
        tb_rules_remove(rules, rule_take->name);
        if (rule_take->stream) {
                GPtrArray *list = g_hash_table_lookup(rules->streams, rule_take->stream);
                if (!list) {
                        list = g_ptr_array_new();
                        g_hash_table_insert(rules->streams, g_strdup(rule_take->stream), list);
                }
                g_ptr_array_add(list, live);
        }
        g_tree_insert(rules->all, live->rule->name, live);
        tb_live_start(live);
        return live;
}

void tb_rules_remove(TbRules *rules, const char *name)
{
        g_tree_remove(rules->all, name);
}

static gboolean add_kept(gpointer name G_GNUC_UNUSED, gpointer value, gpointer list)
{
        const TbLiveRule *live = value;
        if (!live->configured)
                json_array_append(list, live->rule->source);
        return FALSE;
}

void tb_rules_keep(TbRules *rules)
{
        json_t *list = json_array();
        g_tree_foreach(rules->all, add_kept, list);
        tb_core_keep(rules->core, TB_KEPT_RULES, list);
}

json_t *tb_live_json(TbLiveRule *live, bool whole)
{
        const TbRuleState *s = &live->state;
        gint64 cool = tb_rule_cool_ms(live->rule, s, tb_rules_now(live->rules));
        json_t *o = tb_rule_shown(live->rule, whole);
        json_t *state = json_pack("{s:b, s:I, s:I}", "on", s->on, "fired", (json_int_t)s->count, "held",
                                  (json_int_t)s->held);
        json_object_set_new(state, "value", isfinite(live->value) ? json_real(live->value) : json_null());
        json_object_set_new(state, "fired_at", s->fired_ms ? json_integer(s->fired_ms) : json_null());
        json_object_set_new(state, "cool_until", cool ? json_integer(cool) : json_null());
        json_object_set_new(state, "trouble", live->trouble ? json_string(live->trouble) : json_null());
        json_object_set_new(o, "state", state);
        json_object_set_new(o, "configured", json_boolean(live->configured));
        return o;
}

/* --- what can be done --- */
static bool check_verb(const char *text, const char *field, GError **error)
{
        const char *op = strrchr(text, '.') + 1;
        g_autofree char *noun = g_strndup(text, (gsize)(op - 1 - text));
        bool known = false, of_device = tb_is_device_noun(noun);
        for (const TbVerb *v = tb_core_verbs(); v->op; v++) {
                if (strcmp(v->op, op) != 0 || (of_device ? g_strcmp0(v->noun, noun) != 0 : v->noun != NULL))
                        continue;
                known = true;
                if (v->role <= TB_ROLE_OPERATOR)
                        return true;
        }
        if (known)
                tb_error_set_field(error, TB_ERROR_INVALID, field,
                                   "%s: a rule acts as an operator, and %s needs an admin", field, text);
        else
                tb_error_set_field(error, TB_ERROR_INVALID, field,
                                   "%s: there is no operation \"%s\": like power.cycle, console.write, "
                                   "input.send, recording.clip",
                                   field, op);
        return false;
}

bool tb_rules_check_verbs(const TbRule *rule, GError **error)
{
        for (size_t i = 0; i < json_array_size(rule->then); i++) {
                const char *verb = json_string_value(json_object_get(json_array_get(rule->then, i), "verb"));
                g_autofree char *field = g_strdup_printf("then[%zu].verb", i);
                if (verb && !check_verb(verb, field, error))
                        return false;
        }
        return true;
}

static TbRule *parse_named(const char *name, json_t *spec, GError **error)
{
        json_auto_t *named = json_copy(spec);
        json_object_set_new(named, "name", json_string(name));
        TbRule *rule = tb_rule_parse(named, error);
        if (rule && tb_rules_check_verbs(rule, error))
                return rule;
        tb_rule_free(rule);
        return NULL;
}

bool tb_rules_check(const char *name, json_t *spec, GError **error)
{
        g_autoptr(TbRule) rule = parse_named(name, spec, error);
        return rule != NULL;
}

/* --- life --- */
static void load(TbRules *rules)
{
        const char *name;
        json_t *spec;
        size_t i;
        json_array_foreach (tb_core_kept(rules->core, TB_KEPT_RULES), i, spec) {
                g_autoptr(GError) error = NULL;
                const char *hours = json_string_value(json_object_get(spec, "active"));
                if (hours && strlen(hours) == 11 && strncmp(hours, hours + 6, 5) == 0)
                        json_object_del(spec, "active"); /* "10:00-10:00" was taken once, and meant always */
                TbRule *rule = tb_rule_parse(spec, &error);
                if (rule)
                        tb_rules_put(rules, rule, false);
                else
                        tb_log(TB_LOG_ERROR, TB_F(), "a stored rule is left out: %s", tb_error_detail(error));
        }
        json_object_foreach (tb_core_config(rules->core)->rules, name, spec) {
                TbRule *rule = parse_named(name, spec, NULL); /* it was checked with the configuration */
                if (rule)
                        tb_rules_put(rules, rule, true);
        }
}

TbRules *tb_rules_new(TbCore *core)
{
        TbRules *rules = g_new0(TbRules, 1);
        rules->core = core;
        rules->wall_ms = tb_clock_ms() - tb_clock_mono_ms();
        rules->all = g_tree_new_full(by_name, NULL, NULL, live_free);
        rules->streams = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_list);
        rules->webhooks = tb_webhooks_new(core);
        rules->chains = tb_rule_chains_new();
        load(rules);
        rules->bus = tb_bus_subscribe(tb_core_bus(core), on_event, rules);
        return rules;
}

void tb_rules_free(TbRules *rules)
{
        if (!rules)
                return;
        rules->stopping = true;
        tb_bus_unsubscribe(tb_core_bus(rules->core), rules->bus);
        tb_rule_tries_stop(rules);
        g_tree_destroy(rules->all);
        g_hash_table_unref(rules->streams);
        tb_webhooks_free(rules->webhooks);
        tb_rule_chains_free(rules->chains);
        g_free(rules);
}
