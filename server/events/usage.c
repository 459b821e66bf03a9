/* Credits: what clips cost is written down with the event, and refused when the plan of its owner has no more. GET /usage. */
#include "server/events/usage.h"

#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "server/events/private.h"
#include "server/store/sql.h"

#define OF_ACCOUNT "account:"

TbUsageTimes tb_usage_times(gint64 now_ms)
{
        const gint64 hour = 3600 * G_GINT64_CONSTANT(1000);
        g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(now_ms / 1000);
        g_autoptr(GDateTime) month =
                g_date_time_new_utc(g_date_time_get_year(now), g_date_time_get_month(now), 1, 0, 0, 0);
        g_autoptr(GDateTime) next = g_date_time_add_months(month, 1);
        return (TbUsageTimes){.month_ms = g_date_time_to_unix(month) * 1000,
                              .month_end_ms = g_date_time_to_unix(next) * 1000,
                              .hour_ms = now_ms / hour * hour,
                              .hour_end_ms = (now_ms / hour + 1) * hour};
}

guint tb_usage_credits(double seconds)
{
        return (guint)MAX(1, ceil(seconds / TB_CREDIT_S));
}

const TbEventPlan *tb_usage_plan(const GPtrArray *plans, const char *user)
{
        const char *name = g_str_has_prefix(user, OF_ACCOUNT) ? user + strlen(OF_ACCOUNT) : user;
        const TbEventPlan *other = NULL;
        for (guint i = 0; plans && i < plans->len; i++) {
                const TbEventPlan *plan = plans->pdata[i];
                if (plan->users && g_strv_contains((const char *const *)plan->users, name))
                        return plan;
                if (!other && (!plan->users || !*plan->users))
                        other = plan;
        }
        return other;
}

void tb_event_plan_free(gpointer p)
{
        TbEventPlan *plan = p;
        g_free(plan->name);
        g_strfreev(plan->users);
        g_free(plan);
}

/* --- before an event is added --- */
static const TbEventPlan *plan_of(const TbAsk *ask)
{
        return tb_usage_plan(ask->events->options->plans, ask->user);
}

void tb_usage_charge(TbAsk *ask, TbDbCall *call, gint64 seq, guint credits)
{
        const TbEventPlan *plan = credits ? plan_of(ask) : NULL;
        gint64 now_ms = tb_clock_ms();
        TbUsageTimes times = tb_usage_times(now_ms);
        tb_db_statement(call, tb_sql_ev_charge_add);
        tb_db_int(call, seq);
        tb_db_int(call, now_ms);
        tb_db_int(call, credits);
        tb_db_text(call, json_string_value(json_object_get(ask->kept, "session_id")));
        tb_db_text(call, json_string_value(json_object_get(ask->kept, "device_id")));
        tb_db_text(call, ask->user);
        tb_db_text(call, ask->id);
        tb_db_int(call, plan ? plan->credits_month : 0);
        tb_db_int(call, times.month_ms);
        tb_db_int(call, plan ? plan->uploads_hour : 0);
        tb_db_int(call, times.hour_ms);
}

bool tb_usage_check_length(TbAsk *ask, double seconds)
{
        const TbEventPlan *plan = plan_of(ask);
        if (!plan || !plan->clip_s || seconds <= plan->clip_s)
                return true;
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, TB_ERROR_CREDITS,
                            "a clip of the plan %s has %u s at most, and this one %.1f: make it shorter",
                            plan->name, plan->clip_s, seconds);
        ask->events->over_plan++;
        tb_ask_error(ask, error);
        return false;
}

static void sum(TbAsk *ask, const char *session, TbAskThen then)
{
        TbUsageTimes times = tb_usage_times(tb_clock_ms());
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_ev_charge_sum);
        tb_db_text(call, ask->user);
        tb_db_int(call, times.month_ms);
        tb_db_int(call, times.hour_ms);
        tb_db_text(call, session);
        tb_ask_run(ask, call, then);
}

static void refuse_until(TbAsk *ask, TbErrorCode code, gint64 until_ms, const char *what)
{
        gint64 left_s = MAX(1, (until_ms - tb_clock_ms() + 999) / 1000);
        g_autofree char *after = g_strdup_printf("%" G_GINT64_FORMAT, left_s),
                        *when = tb_clock_rfc3339(until_ms);
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, (int)code,
                            "%s; it begins anew at %s. What was taken before is still looked at", what, when);
        tb_request_add_header(ask->request, "Retry-After", after);
        tb_ask_error(ask, error);
}

static void on_over(TbAsk *ask, const TbDbResult *rows)
{
        const TbEventPlan *plan = plan_of(ask);
        TbUsageTimes times = tb_usage_times(tb_clock_ms());
        gint64 used = tb_db_get_int(rows, 0, 0), uploads = tb_db_get_int(rows, 0, 1);
        guint cost = tb_usage_credits(json_number_value(json_object_get(ask->kept, "duration_seconds")));
        ask->events->over_plan++;
        if (plan && plan->uploads_hour && uploads >= plan->uploads_hour) {
                g_autofree char *what =
                        g_strdup_printf("the plan %s has %u uploads an hour, and all of them were used",
                                        plan->name, plan->uploads_hour);
                refuse_until(ask, TB_ERROR_LIMIT, times.hour_end_ms, what);
        } else if (plan && plan->credits_month && used + cost > plan->credits_month) {
                g_autofree char *what =
                        g_strdup_printf("the plan %s has %u credits a month (of %d s each): %" G_GINT64_FORMAT
                                        " were used, and this clip takes %u",
                                        plan->name, plan->credits_month, TB_CREDIT_S, used, cost);
                refuse_until(ask, TB_ERROR_CREDITS, times.month_end_ms, what);
        } else /* it was so a moment ago */
                tb_ask_refuse(ask, TB_ERROR_UNAVAILABLE, "the event was not kept: ask again");
}

void tb_usage_refuse(TbAsk *ask)
{
        sum(ask, json_string_value(json_object_get(ask->kept, "session_id")), on_over);
}

/* --- GET /usage --- */
static void limit(json_t *out, const char *name, guint most)
{
        json_object_set_new(out, name, most ? json_integer(most) : json_null());
}

static void on_usage(TbAsk *ask, const TbDbResult *rows)
{
        static const TbEventPlan none = {0};
        const TbEventPlan *plan = plan_of(ask);
        TbUsageTimes times = tb_usage_times(tb_clock_ms());
        json_int_t used = tb_db_get_int(rows, 0, 0), uploads = tb_db_get_int(rows, 0, 1);
        json_t *out = json_pack(
                "{s:s?, s:I, s:I, s:I, s:o, s:o}", "plan", plan ? plan->name : NULL, "credits_used", used,
                "seconds_analysed", used * TB_CREDIT_S, "uploads_this_hour", uploads, "month_ends_at",
                tb_event_time(times.month_end_ms), "hour_ends_at", tb_event_time(times.hour_end_ms));
        plan = plan ? plan : &none;
        limit(out, "credits_month", plan->credits_month);
        limit(out, "uploads_hour", plan->uploads_hour);
        limit(out, "clip_s", plan->clip_s);
        limit(out, "keep_days", plan->keep_days);
        tb_ask_json(ask, 200, out);
}

static void get_usage(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_READ, NULL);
        if (ask)
                sum(ask, "", on_usage);
}

const TbRoute tb_event_usage_routes[] = {
        {.method = "GET",
         .path = "/usage",
         .flags = TB_EVENT_FLAGS,
         .handler = get_usage,
         .tag = "events",
         .summary = "What was used of a plan, and when it begins anew",
         .answers = "200 application/json; 401"},
        {.method = NULL},
};
