/* What a rule looks at: a stream that it wants, a console that is searched for its pattern, the clock. */
#include <string.h>

#include "host/rules/private.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"

#define RETRY_MS 2000      /* a console that cannot be watched now */
#define LOOK_MS 1000       /* between two looks at a console that may be silent */
#define EXPECT_S 600       /* of one search; the next goes on where it ended */
#define LONGEST_MS 3600000 /* of a timer: clocks are set */

static void expect(TbLiveRule *live);

/* --- the clock --- */
static void look_at_console(TbLiveRule *live)
{
        TbInterface *console = tb_live_console(live->rules->core, live->rule);
        guint64 end = console ? tb_history_end(tb_interface_history(console)) : live->console_end;
        if (end != live->console_end)
                tb_rule_seen(&live->state, tb_rules_now(live->rules));
        live->console_end = end;
}

static gboolean on_timer(gpointer data)
{
        TbLiveRule *live = data;
        const TbRule *r = live->rule;
        live->timer = 0;
        bool is_console = r->sort == TB_RULE_MISSING && !r->stream;
        if (is_console)
                look_at_console(live);
        TbRuleVerdict v = tb_rule_tick(r, &live->state, tb_rules_now(live->rules));
        if (v.what != TB_RULE_NOTHING)
                tb_rule_judge(live, v, r->sort == TB_RULE_SCHEDULE ? NULL : r->device,
                              r->sort == TB_RULE_SCHEDULE
                                      ? g_strdup("it is time")
                                      : g_strdup_printf("nothing of %s of %s for %.6g s",
                                                        r->stream ? r->stream : "the console", r->device,
                                                        (double)r->for_ms / 1000));
        tb_live_arm(live);
        return G_SOURCE_REMOVE;
}

void tb_live_arm(TbLiveRule *live)
{
        const TbRule *r = live->rule;
        g_clear_handle_id(&live->timer, g_source_remove);
        gint64 now = tb_rules_now(live->rules), due = r->enabled ? tb_rule_due_ms(r, &live->state, now) : 0;
        if (r->enabled && r->sort == TB_RULE_MISSING && !r->stream)
                due = MIN(due ? due : G_MAXINT64, now + LOOK_MS);
        if (due)
                live->timer = g_timeout_add((guint)CLAMP(due - now, 1, LONGEST_MS), on_timer, live);
}

/* --- a pattern --- */
TbInterface *tb_live_console(TbCore *core, const TbRule *rule)
{
        TbDevice *device = tb_core_device(core, rule->device, NULL);
        TbInterface *iface = !device           ? NULL
                             : rule->interface ? tb_core_interface(core, rule->device, rule->interface, NULL)
                                               : tb_device_interface_of(device, TB_KIND_CONSOLE);
        return iface && tb_interface_kind(iface) == TB_KIND_CONSOLE ? iface : NULL;
}

static gboolean on_rearm(gpointer data)
{
        TbLiveRule *live = data;
        live->rearm = 0;
        expect(live);
        return G_SOURCE_REMOVE;
}

static void rearm(TbLiveRule *live, gint64 ms, gint64 from)
{
        live->from = from;
        if (!live->rearm)
                live->rearm = g_timeout_add((guint)CLAMP(ms, 0, LONGEST_MS), on_rearm, live);
}

static void set_trouble(TbLiveRule *live, const char *why)
{
        g_free(live->trouble);
        live->trouble = g_strdup(why);
}

static void matched(TbLiveRule *live, const json_t *result)
{
        gint64 now = tb_rules_now(live->rules);
        const char *whole = json_string_value(json_object_get(result, "match"));
        g_autofree char *match = g_utf8_substring(whole, 0, MIN(TB_LIMIT_LABEL, g_utf8_strlen(whole, -1)));
        g_strchomp(match);
        TbRuleVerdict v = tb_rule_matched(live->rule, &live->state, now);
        gint64 cool = tb_rule_cool_ms(live->rule, &live->state, now);
        /* What is held back is not looked at: a console that says it all the time costs nothing meanwhile. A match of
         * no bytes ("(?=login)") would be found where it was, at once, again and again. */
        if (cool || v.what != TB_RULE_FIRES || !*whole)
                rearm(live, cool ? cool - now : LOOK_MS, -1);
        else
                rearm(live, 0, json_integer_value(json_object_get(result, "offset")));
        tb_rule_judge(live, v, live->rule->device,
                      g_strdup_printf("the console of %s printed \"%s\"", live->rule->device, match));
}

static void on_expect(json_t *result, const GError *error, gpointer data)
{
        TbLiveRule *live = data;
        live->expect = NULL;
        if (!error) {
                matched(live, result);
        } else if (g_error_matches(error, TB_ERROR, TB_ERROR_TIMEOUT)) {
                const json_t *offset = json_object_get(result, "offset");
                rearm(live, 0, offset ? json_integer_value(offset) : -1);
        } else {
                set_trouble(live, tb_error_detail(error));
                rearm(live, RETRY_MS, -1);
        }
}

static void expect(TbLiveRule *live)
{
        const TbRule *r = live->rule;
        if (live->expect || !r->enabled)
                return;
        TbInterface *console = tb_live_console(live->rules->core, r);
        if (!console) { /* device.added begins it */
                set_trouble(live, "the device has no such console now");
                return;
        }
        g_autofree char *user = g_strconcat("rule:", r->name, NULL),
                        *verb = g_strconcat(tb_interface_name(console), ".expect", NULL);
        json_auto_t *params = json_pack("{s:s, s:i}", "pattern", r->pattern, "timeout_s", EXPECT_S);
        if (live->from >= 0)
                json_object_set_new(params, "from", json_integer(live->from));
        set_trouble(live, NULL);
        const TbActor actor = tb_rule_actor(user, TB_ROLE_VIEWER);
        live->expect =
                tb_core_command(live->rules->core, &actor, r->device, verb, params, NULL, on_expect, live);
}

/* --- all of it --- */
void tb_live_start(TbLiveRule *live)
{
        const TbRule *r = live->rule;
        if (!r->enabled)
                return;
        if (r->sort == TB_RULE_CONSOLE)
                expect(live);
        if (r->sort == TB_RULE_MISSING && !r->stream)
                look_at_console(live);
        if (r->stream && !live->want)
                live->want = tb_core_want(live->rules->core, r->device, r->interface,
                                          (const char *const[]){r->stream, NULL});
        tb_live_arm(live);
}

void tb_live_stop(TbLiveRule *live)
{
        g_clear_handle_id(&live->timer, g_source_remove);
        g_clear_handle_id(&live->rearm, g_source_remove);
        if (live->expect)
                tb_command_cancel(g_steal_pointer(&live->expect));
        tb_core_unwant(g_steal_pointer(&live->want));
}
