/* What becomes of a rule when something happens. */
#include <math.h>
#include <string.h>

#include "host/rules/rule.h"

#define HOUR_MS 3600000
#define DAY_MINUTES 1440

void tb_rule_state_init(TbRuleState *s, gint64 now_ms)
{
        *s = (TbRuleState){.seen_ms = now_ms, .power = -1, .power_ms = now_ms};
}

void tb_rule_state_clear(TbRuleState *s)
{
        g_clear_pointer(&s->times, g_array_unref);
}

/* --- local time --- */
static int minute_of_day(gint64 t_ms)
{
        g_autoptr(GDateTime) t = g_date_time_new_from_unix_local(t_ms / 1000);
        return t ? g_date_time_get_hour(t) * 60 + g_date_time_get_minute(t) : 0;
}

/* From 22:00 to 06:00 goes over midnight. */
static bool is_active(const TbRule *r, gint64 t_ms)
{
        if (r->from_minute < 0)
                return true;
        int now = minute_of_day(t_ms), length = (r->to_minute - r->from_minute + DAY_MINUTES) % DAY_MINUTES;
        return (now - r->from_minute + DAY_MINUTES) % DAY_MINUTES < (length ? length : DAY_MINUTES);
}

/* The next time that the clock shows that minute, after t. */
static gint64 next_at(int minute, gint64 t_ms)
{
        g_autoptr(GDateTime) t = g_date_time_new_from_unix_local(t_ms / 1000);
        if (!t)
                return 0;
        for (int day = 0; day <= 2; day++) { /* a day without that minute (summer time begins) is left out */
                g_autoptr(GDateTime) later = g_date_time_add_days(t, day);
                g_autoptr(GDateTime) at = g_date_time_new_local(
                        g_date_time_get_year(later), g_date_time_get_month(later),
                        g_date_time_get_day_of_month(later), minute / 60, minute % 60, 0);
                if (at && g_date_time_to_unix(at) * 1000 > t_ms)
                        return g_date_time_to_unix(at) * 1000;
        }
        return 0;
}

/* --- guardrails --- */
/* A clock that was set back must not keep a rule quiet for as long as that. */
static bool within(gint64 before_ms, gint64 t_ms, gint64 ms)
{
        return before_ms && t_ms >= before_ms && t_ms - before_ms < ms;
}

gint64 tb_rule_cool_ms(const TbRule *r, const TbRuleState *s, gint64 t_ms)
{
        return within(s->fired_ms, t_ms, r->cooldown_ms) ? s->fired_ms + r->cooldown_ms : 0;
}

static guint fired_lately(TbRuleState *s, gint64 t_ms)
{
        guint n = 0;
        for (guint i = 0; s->times && i < s->times->len; i++) {
                gint64 at = g_array_index(s->times, gint64, i);
                if (within(at, t_ms, HOUR_MS))
                        g_array_index(s->times, gint64, n++) = at;
        }
        if (s->times)
                g_array_set_size(s->times, n);
        return n;
}

static const char *held_by(const TbRule *r, TbRuleState *s, gint64 t_ms)
{
        if (!is_active(r, t_ms))
                return "it is outside of its hours";
        if (tb_rule_cool_ms(r, s, t_ms))
                return "it fired a short while ago (cooldown_s)";
        if (fired_lately(s, t_ms) >= r->per_hour)
                return "it fired as often within an hour as it may (per_hour)";
        return NULL;
}

static TbRuleVerdict fire(const TbRule *r, TbRuleState *s, gint64 t_ms)
{
        if (r->power >= 0 && s->power != r->power)
                return (TbRuleVerdict){TB_RULE_NOTHING, NULL};
        const char *why = held_by(r, s, t_ms);
        if (why) {
                bool told = s->held_told; /* once until it fires: what happens often is not told as often */
                s->held_told = true;
                s->held++;
                return (TbRuleVerdict){told ? TB_RULE_NOTHING : TB_RULE_HELD, why};
        }
        if (!s->times)
                s->times = g_array_new(FALSE, FALSE, sizeof(gint64));
        g_array_append_val(s->times, t_ms);
        s->fired_ms = t_ms;
        s->held_told = false;
        s->count++;
        return (TbRuleVerdict){TB_RULE_FIRES, NULL};
}

void tb_rule_clock_set(const TbRule *r, TbRuleState *s, gint64 by_ms)
{
        gint64 *const since[] = {&s->since_ms, &s->fired_ms, &s->seen_ms, &s->power_ms};
        for (guint i = 0; i < G_N_ELEMENTS(since); i++)
                if (*since[i])
                        *since[i] += by_ms;
        for (guint i = 0; s->times && i < s->times->len; i++)
                g_array_index(s->times, gint64, i) += by_ms;
        if (s->due_ms)
                s->due_ms = r->every_ms ? s->due_ms + by_ms : 0; /* of a time of day: reckoned anew */
}

/* --- what happens --- */
static bool is_so(const TbRule *r, double v, double margin)
{
        return (r->has_high && v > r->high - margin) || (r->has_low && v < r->low + margin);
}

TbRuleVerdict tb_rule_sample(const TbRule *r, TbRuleState *s, double v, gint64 t_ms)
{
        const TbRuleVerdict nothing = {TB_RULE_NOTHING, NULL};
        if (r->sort != TB_RULE_STREAM || !isfinite(v))
                return nothing;
        if (s->on && (!is_so(r, v, r->hysteresis) || r->repeat)) {
                s->on = false;
                s->hits = 0;
                s->since_ms = 0;
        }
        if (s->on)
                return nothing;
        if (!is_so(r, v, 0)) {
                s->hits = 0;
                s->since_ms = 0;
                return nothing;
        }
        if (s->hits++ == 0 || t_ms < s->since_ms)
                s->since_ms = t_ms;
        if (s->hits < r->samples || t_ms - s->since_ms < r->for_ms)
                return nothing;
        TbRuleVerdict verdict = fire(r, s, t_ms);
        s->on = verdict.what == TB_RULE_FIRES; /* held back: it fires when it may, if it still is so */
        return verdict;
}

TbRuleVerdict tb_rule_matched(const TbRule *r, TbRuleState *s, gint64 t_ms)
{
        return fire(r, s, t_ms);
}

/* What rules do is no reason for rules: else two of them keep each other busy. */
static bool is_by_rule(const char *type, const json_t *data)
{
        const char *user = json_string_value(json_object_get(data, "user"));
        return g_str_has_prefix(type, "rule.") || (user && g_str_has_prefix(user, "rule:"));
}

static bool says(const json_t *data, const json_t *where)
{
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)where, key, value) {
                const json_t *is = json_object_get(data, key);
                bool same = json_is_number(is) && json_is_number(value)
                                    ? json_number_value(is) == json_number_value(value)
                                    : json_equal(is, value);
                if (!same)
                        return false;
        }
        return true;
}

static bool differ(const TbRule *r, const json_t *data)
{
        const json_t *a = json_object_get(data, r->differ[0]), *b = json_object_get(data, r->differ[1]);
        const char *text_a = json_string_value(a), *text_b = json_string_value(b);
        if (!a || !b || json_is_null(a) || json_is_null(b) || g_strcmp0(text_a, "unknown") == 0 ||
            g_strcmp0(text_b, "unknown") == 0 || json_is_string(json_object_get(data, "running")))
                return false; /* nobody knows, or it is just being done */
        return !json_equal(a, b);
}

TbRuleVerdict tb_rule_event(const TbRule *r, TbRuleState *s, const char *type, const char *device,
                            const char *interface, const json_t *data, gint64 t_ms)
{
        if (r->sort != TB_RULE_EVENT || strcmp(type, r->event) != 0 ||
            (r->device && g_strcmp0(device, r->device) != 0) ||
            (r->interface && g_strcmp0(interface, r->interface) != 0) || is_by_rule(type, data) ||
            (r->where && !says(data, r->where)) || (r->differ[0] && !differ(r, data)))
                return (TbRuleVerdict){TB_RULE_NOTHING, NULL};
        return fire(r, s, t_ms);
}

void tb_rule_seen(TbRuleState *s, gint64 t_ms)
{
        s->seen_ms = t_ms;
        s->on = false;
}

void tb_rule_power(TbRuleState *s, int power, gint64 t_ms)
{
        if (s->power == power)
                return;
        s->power = power;
        s->power_ms = t_ms;
}

gint64 tb_rule_due_ms(const TbRule *r, TbRuleState *s, gint64 now_ms)
{
        if (r->sort == TB_RULE_MISSING) {
                bool asleep = s->on || (r->power >= 0 && s->power != r->power);
                gint64 from = r->power >= 0 ? MAX(s->seen_ms, s->power_ms) : s->seen_ms;
                return asleep ? 0 : MAX(from + r->for_ms, tb_rule_cool_ms(r, s, now_ms));
        }
        if (r->sort != TB_RULE_SCHEDULE)
                return 0;
        if (!s->due_ms)
                s->due_ms = r->every_ms ? now_ms + r->every_ms : next_at(r->at_minute, now_ms);
        return s->due_ms;
}

TbRuleVerdict tb_rule_tick(const TbRule *r, TbRuleState *s, gint64 t_ms)
{
        gint64 due = tb_rule_due_ms(r, s, t_ms);
        if (!due || t_ms < due)
                return (TbRuleVerdict){TB_RULE_NOTHING, NULL};
        if (r->sort == TB_RULE_SCHEDULE)
                s->due_ms = 0;
        TbRuleVerdict verdict = fire(r, s, t_ms);
        if (r->sort == TB_RULE_MISSING) /* once, until something comes; what was held back is over, too */
                s->on = true;
        return verdict;
}
