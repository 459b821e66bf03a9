/* A rule over what is kept: when it would have fired. Nothing is done, nothing of the rule that runs is touched. */
#include <string.h>

#include "host/rules/private.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"

#define FOUND 200    /* firings that are told */
#define SEARCHES 500 /* matches of a console that are looked at */

typedef struct Power {
        gint64 t_ms;
        int on;
} Power;

typedef struct TbRuleTry {
        TbRules *rules;     /* borrowed */
        TbRule *rule;       /* owned */
        TbRequest *request; /* ref; NULL: the client has left */
        TbRuleState state;
        gint64 from_ms, to_ms;
        json_t *fired;     /* array of {t,cause} */
        json_int_t looked; /* samples, lines, events that there were */
        guint searches;
        GPtrArray *todo; /* owned names of sensor interfaces that are still to be asked */
        GArray *powers;  /* of Power, oldest first */
        guint next_power;
        json_t *match;      /* the last one of the console, whose line's time is asked for */
        TbCommand *command; /* under way */
        bool rest;          /* there was more than is told */
} TbRuleTry;

static void try_free(TbRuleTry *t)
{
        g_queue_remove(&t->rules->tries, t);
        if (t->command)
                tb_command_cancel(t->command);
        if (t->request) {
                tb_request_on_gone(t->request, NULL, NULL);
                tb_request_unref(t->request);
        }
        tb_rule_state_clear(&t->state);
        tb_rule_free(t->rule);
        json_decref(t->fired);
        json_decref(t->match);
        g_ptr_array_unref(t->todo);
        g_array_unref(t->powers);
        g_free(t);
}

static void finish(TbRuleTry *t)
{
        json_t *o = json_pack("{s:O, s:I, s:I, s:I, s:I, s:b}", "fired", t->fired, "held",
                              (json_int_t)t->state.held, "looked_at", t->looked, "from",
                              (json_int_t)t->from_ms, "to", (json_int_t)t->to_ms, "more", t->rest);
        tb_request_reply_json(t->request, 200, o);
        try_free(t);
}

static void fail(TbRuleTry *t, const GError *error)
{
        tb_request_reply_error(t->request, error);
        try_free(t);
}

/* --- time goes by --- */
static bool note(TbRuleTry *t, TbRuleVerdict verdict, gint64 at_ms, char *cause_take)
{
        g_autofree char *cause = cause_take;
        if (verdict.what != TB_RULE_FIRES)
                return true;
        if (json_array_size(t->fired) >= FOUND) {
                t->rest = true;
                return false;
        }
        g_autofree char *valid = g_utf8_make_valid(cause ? cause : "", -1);
        json_array_append_new(t->fired, json_pack("{s:I, s:s}", "t", (json_int_t)at_ms, "cause", valid));
        return true;
}

/* What the clock does up to then; power as it was. False: enough was found. */
static bool until(TbRuleTry *t, gint64 at_ms)
{
        for (;;) {
                gint64 due = tb_rule_due_ms(t->rule, &t->state, t->from_ms);
                const Power *p = t->next_power < t->powers->len
                                         ? &g_array_index(t->powers, Power, t->next_power)
                                         : NULL;
                if (p && p->t_ms <= at_ms && (!due || p->t_ms <= due)) {
                        tb_rule_power(&t->state, p->on, p->t_ms);
                        t->next_power++;
                        continue;
                }
                if (!due || due > at_ms)
                        return true;
                TbRuleVerdict v = tb_rule_tick(t->rule, &t->state, due);
                if (t->rule->sort == TB_RULE_SCHEDULE) /* the next one is counted from this one */
                        t->state.due_ms = 0, tb_rule_due_ms(t->rule, &t->state, due);
                if (!note(t, v, due,
                          g_strdup(t->rule->sort == TB_RULE_SCHEDULE ? "it is time" : "nothing came")))
                        return false;
                if (++t->searches > 100000)
                        return false;
        }
}

/* --- streams --- */
static void ask_streams(TbRuleTry *t);

static gboolean feed_series(TbRuleTry *t, const json_t *series)
{
        const json_t *times = json_object_get(series, "t"), *values = json_object_get(series, "value");
        for (size_t i = 0; i < json_array_size(times); i++) {
                gint64 at = json_integer_value(json_array_get(times, i));
                double v = json_number_value(json_array_get(values, i));
                t->looked++;
                if (!until(t, at))
                        return FALSE;
                if (t->rule->sort == TB_RULE_MISSING)
                        tb_rule_seen(&t->state, at);
                else if (!note(t, tb_rule_sample(t->rule, &t->state, v, at), at,
                               g_strdup_printf("%s is %.6g", t->rule->stream, v)))
                        return FALSE;
        }
        return TRUE;
}

static void on_history(json_t *result, const GError *error, gpointer data)
{
        TbRuleTry *t = data;
        t->command = NULL;
        const json_t *series = error ? NULL : json_object_get(result, t->rule->stream);
        if (json_array_size(json_object_get(series, "t")) == 0) {
                ask_streams(t);
                return;
        }
        if (feed_series(t, series))
                until(t, t->to_ms);
        finish(t);
}

static void run(TbRuleTry *t, const char *interface, const char *op, json_t *params_take, TbCommandDone done)
{
        json_auto_t *params = params_take;
        g_autofree char *verb = g_strconcat(interface, ".", op, NULL);
        g_autofree char *user = g_strconcat("rule:", t->rule->name, NULL);
        const TbActor actor = tb_rule_actor(user, TB_ROLE_VIEWER);
        t->command = tb_core_command(t->rules->core, &actor, t->rule->device, verb, params, NULL, done, t);
}

static void ask_streams(TbRuleTry *t)
{
        if (t->todo->len == 0) { /* nobody has it */
                until(t, t->rule->sort == TB_RULE_MISSING ? t->from_ms : t->to_ms);
                finish(t);
                return;
        }
        g_autofree char *interface = g_ptr_array_steal_index(t->todo, 0);
        run(t, interface, "history",
            json_pack("{s:s, s:I}", "stream", t->rule->stream, "from", (json_int_t)t->from_ms), on_history);
}

static void add_sensors(TbInterface *iface, gpointer data)
{
        TbRuleTry *t = data;
        const char *name = tb_interface_name(iface);
        if (tb_interface_kind(iface) == TB_KIND_SENSORS &&
            (!t->rule->interface || strcmp(name, t->rule->interface) == 0))
                g_ptr_array_add(t->todo, g_strdup(name));
}

/* --- consoles --- */
static void search(TbRuleTry *t, gint64 from);

static void on_line(json_t *result, const GError *error, gpointer data)
{
        TbRuleTry *t = data;
        t->command = NULL;
        const json_t *line = error ? NULL : json_array_get(json_object_get(result, "lines"), 0);
        gint64 at = line ? json_integer_value(json_object_get(line, "t")) : 0;
        t->looked++;
        const char *whole = json_string_value(json_object_get(t->match, "match"));
        g_autofree char *match = g_utf8_substring(whole, 0, MIN(TB_LIMIT_LABEL, g_utf8_strlen(whole, -1)));
        g_strchomp(match);
        bool goes_on = true;
        if (at >= t->from_ms && at <= t->to_ms)
                goes_on = until(t, at) && note(t, tb_rule_matched(t->rule, &t->state, at), at,
                                               g_strdup_printf("printed \"%s\"", match));
        if (!goes_on || ++t->searches >= SEARCHES) {
                t->rest = true;
                finish(t);
                return;
        }
        search(t, json_integer_value(json_object_get(t->match, "offset")));
}

static void gone(TbRuleTry *t)
{
        g_autoptr(GError) error = NULL;
        tb_error_set_field(&error, TB_ERROR_NOT_FOUND, "device", "%s has no such console", t->rule->device);
        fail(t, error);
}

static void on_found(json_t *result, const GError *error, gpointer data)
{
        TbRuleTry *t = data;
        t->command = NULL;
        if (g_error_matches(error, TB_ERROR, TB_ERROR_TIMEOUT)) {
                finish(t);
                return;
        }
        if (error) {
                fail(t, error);
                return;
        }
        json_decref(t->match);
        t->match = json_incref(result);
        json_int_t end = json_integer_value(json_object_get(result, "offset"));
        TbInterface *console = tb_live_console(t->rules->core, t->rule);
        if (!console) {
                gone(t);
                return;
        }
        run(t, tb_interface_name(console), "log",
            json_pack("{s:I, s:i, s:s}", "from", MAX(end - 1, 0), "limit", 1, "format", "jsonl"), on_line);
}

static void search(TbRuleTry *t, gint64 from)
{
        TbInterface *console = tb_live_console(t->rules->core, t->rule);
        if (console)
                run(t, tb_interface_name(console), "expect",
                    json_pack("{s:s, s:I, s:i}", "pattern", t->rule->pattern, "from", (json_int_t)from,
                              "timeout_s", 0),
                    on_found);
        else
                gone(t);
}

static void on_first(json_t *result, const GError *error, gpointer data)
{
        TbRuleTry *t = data;
        t->command = NULL;
        const json_t *line = error ? NULL : json_array_get(json_object_get(result, "lines"), 0);
        if (line)
                search(t, json_integer_value(json_object_get(line, "offset")));
        else
                finish(t);
}

static void on_lines(json_t *result, const GError *error, gpointer data)
{
        TbRuleTry *t = data;
        t->command = NULL;
        size_t i;
        json_t *line;
        bool goes_on = !error;
        json_array_foreach (json_object_get(result, "lines"), i, line) {
                gint64 at = json_integer_value(json_object_get(line, "t"));
                t->looked++;
                goes_on = goes_on && until(t, at);
                tb_rule_seen(&t->state, at);
        }
        if (goes_on)
                until(t, t->to_ms);
        finish(t);
}

/* --- what was told --- */
static void collect_power(const TbEvent *event, gpointer data)
{
        TbRuleTry *t = data;
        if (strcmp(event->type, "power.state") != 0 || g_strcmp0(event->device, t->rule->device) != 0)
                return;
        const char *seen = json_string_value(json_object_get(event->data, "observed"));
        Power p = {event->t, g_strcmp0(seen, "on") == 0 ? 1 : g_strcmp0(seen, "off") == 0 ? 0 : -1};
        g_array_append_val(t->powers, p);
}

static void feed_event(const TbEvent *event, gpointer data)
{
        TbRuleTry *t = data;
        if (event->t < t->from_ms || event->t > t->to_ms || t->rest)
                return;
        t->looked++;
        until(t, event->t);
        note(t,
             tb_rule_event(t->rule, &t->state, event->type, event->device, event->interface, event->data,
                           event->t),
             event->t, g_strdup(event->type));
}

static void on_gone(TbRequest *request, gpointer data)
{
        TbRuleTry *t = data;
        t->request = NULL;
        tb_request_unref(request);
        try_free(t);
}

void tb_rule_try(TbRules *rules, TbRule *rule_take, gint64 from_ms, TbRequest *request)
{
        TbRuleTry *t = g_new0(TbRuleTry, 1);
        t->rules = rules;
        t->rule = rule_take;
        t->request = tb_request_ref(request);
        t->to_ms = tb_clock_ms();
        t->from_ms = from_ms;
        t->fired = json_array();
        t->todo = g_ptr_array_new_with_free_func(g_free);
        t->powers = g_array_new(FALSE, FALSE, sizeof(Power));
        g_queue_push_tail(&rules->tries, t);
        tb_request_on_gone(request, on_gone, t);
        tb_rule_state_init(&t->state, from_ms);
        if (rule_take->power >= 0)
                tb_bus_replay(tb_core_bus(rules->core), 0, collect_power, t);
        if (t->powers->len == 0) { /* it has not changed since the start: it was as it is */
                const TbLiveRule *live = tb_rules_find(rules, rule_take->name);
                tb_rule_power(&t->state,
                              live && live->rule->power >= 0 ? live->state.power : rule_take->power, from_ms);
        }
        TbDevice *device = rule_take->device ? tb_core_device(rules->core, rule_take->device, NULL) : NULL;
        bool is_lines = rule_take->sort == TB_RULE_CONSOLE ||
                        (rule_take->sort == TB_RULE_MISSING && !rule_take->stream);
        TbInterface *console = is_lines ? tb_live_console(rules->core, rule_take) : NULL;
        if (is_lines && !console) {
                gone(t);
        } else if (is_lines) {
                bool first = rule_take->sort == TB_RULE_CONSOLE;
                g_autofree char *since = g_strdup_printf("%" G_GINT64_FORMAT, from_ms);
                run(t, tb_interface_name(console), "log",
                    json_pack("{s:s, s:i, s:s}", "since", since, "limit", first ? 1 : TB_LIMIT_LOG_LINES,
                              "format", "jsonl"),
                    first ? on_first : on_lines);
        } else if (rule_take->stream) {
                if (device)
                        tb_device_each_interface(device, add_sensors, t);
                ask_streams(t);
        } else {
                if (rule_take->sort == TB_RULE_EVENT)
                        tb_bus_replay(tb_core_bus(rules->core), 0, feed_event, t);
                else
                        until(t, t->to_ms);
                finish(t);
        }
}

void tb_rule_tries_stop(TbRules *rules)
{
        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_UNAVAILABLE, "the host is stopping");
        while (rules->tries.head)
                fail(rules->tries.head->data, error);
}
