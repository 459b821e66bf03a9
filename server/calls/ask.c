/* Who asks, and what of the store it takes to answer. */
#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/limits_calls.h"
#include "lib/metrics.h"
#include "server/calls/private.h"
#include "server/store/sql.h"

TbCalls *tb_calls_new(const TbCallsOptions *options)
{
        TbCalls *calls = g_new0(TbCalls, 1);
        calls->options = *options;
        calls->db = options->db;
        calls->rates =
                tb_rates_new(TB_LIMIT_CALL_CHANGES_PER_MINUTE / 60.0, TB_LIMIT_CALL_CHANGES_PER_MINUTE);
        tb_call_lines_init(calls);
        return calls;
}

void tb_calls_free(TbCalls *calls)
{
        if (!calls)
                return;
        tb_call_lines_clear(calls);
        tb_rates_free(calls->rates);
        g_free(calls);
}

void tb_calls_metrics(GString *out, gpointer data)
{
        const TbCalls *calls = data;
        guint people = 0, rooms = tb_call_rooms_count(calls->rooms, &people);
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_calls_active",
                       "Calls that somebody is in by signaling.", rooms);
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_calls_people", "Who is in them.", people);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_calls_total", "Calls that were begun.",
                       (double)calls->begun);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_calls_answered_total", "Calls that were answered.",
                       (double)calls->ended[TB_CALL_IN_PROGRESS]);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_calls_ended_total", "Calls that were ended.",
                       (double)calls->ended[TB_CALL_ENDED]);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_calls_failed_total", "Calls that have failed.",
                       (double)calls->ended[TB_CALL_FAILED]);
}

/* --- who --- */
/* The table of routes has let in whoever is known, and anybody where nobody needs a token. */
static char *who_of(TbRequest *request)
{
        const TbCaller *caller = tb_request_caller(request);
        return g_strdup(caller->by == TB_BY_OPEN || caller->role == TB_ROLE_ADMIN ? "" : caller->user);
}

static bool within_rate(TbCalls *calls, TbRequest *request, const char *who, GError **error)
{
        double wait_s = 0;
        if (!*who || tb_rates_take(calls->rates, who, 1, g_get_monotonic_time(), &wait_s))
                return true;
        g_autofree char *seconds = g_strdup_printf("%d", (int)ceil(wait_s));
        tb_request_add_header(request, "Retry-After", seconds);
        tb_set_error(error, TB_ERROR_LIMIT, "more than %d changes of calls a minute",
                     TB_LIMIT_CALL_CHANGES_PER_MINUTE);
        return false;
}

TbCallAsk *tb_call_ask_new(TbCalls *calls, TbRequest *request, bool changes)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *who = who_of(request);
        if (changes && !within_rate(calls, request, who, &error)) {
                tb_http_decline(request, error);
                return NULL;
        }
        TbCallAsk *ask = g_new0(TbCallAsk, 1);
        ask->calls = calls;
        ask->request = tb_request_ref(request);
        ask->who = g_steal_pointer(&who);
        ask->id = g_strdup(tb_request_arg(request, "id"));
        ask->now_ms = tb_clock_ms();
        return ask;
}

TbCallAsk *tb_call_ask_interval(TbCalls *calls, TbRequest *request, gint64 *ret_from_ms, gint64 *ret_to_ms)
{
        TbCallAsk *ask = tb_call_ask_new(calls, request, false);
        g_autoptr(GError) error = NULL;
        const json_t *in = tb_request_query(request);
        if (!ask)
                return NULL;
        *ret_from_ms = tb_call_time(in, "startDate", 0, &error);
        *ret_to_ms = error ? -1 : tb_call_time(in, "endDate", G_MAXINT64, &error);
        if (!error)
                return ask;
        tb_call_ask_error(ask, error);
        return NULL;
}

static void ask_free(TbCallAsk *ask)
{
        tb_request_unref(ask->request);
        json_decref(ask->kept);
        g_free(ask->who);
        g_free(ask->id);
        g_free(ask->actor);
        g_free(ask);
}

void tb_call_ask_json(TbCallAsk *ask, int status, json_t *body_take)
{
        tb_request_add_header(ask->request, "Cache-Control", "no-store");
        if (status == 204)
                tb_request_reply_empty(ask->request, status);
        else
                tb_request_reply_json(ask->request, status, body_take);
        ask_free(ask);
}

void tb_call_ask_error(TbCallAsk *ask, const GError *error)
{
        tb_http_decline(ask->request, error);
        ask_free(ask);
}

void tb_call_ask_refuse(TbCallAsk *ask, TbErrorCode code, const char *text)
{
        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, (int)code, text);
        tb_call_ask_error(ask, error);
}

static void on_rows(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbCallAsk *ask = data;
        if (rows)
                ask->then(ask, rows);
        else
                tb_call_ask_error(ask, error);
}

void tb_call_ask_run(TbCallAsk *ask, TbDbCall *call_take, TbCallThen then)
{
        g_autoptr(GError) error = NULL;
        ask->then = then;
        if (!tb_db_submit_take(ask->calls->db, call_take, on_rows, ask, &error))
                tb_call_ask_error(ask, error);
}

TbDbCall *tb_call_look_at(gint64 now_ms)
{
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_call_late); /* as tb_call_at() says */
        tb_db_int(call, now_ms);
        tb_db_int(call, now_ms - TB_LIMIT_CALL_RING_MS);
        tb_db_int(call, now_ms - TB_LIMIT_CALL_LATE_MS);
        tb_db_int(call, now_ms - TB_LIMIT_CALL_LIFE_MS);
        return call;
}

TbDbCall *tb_call_look(const TbCallAsk *ask)
{
        return tb_call_look_at(ask->now_ms);
}

void tb_call_get_id(const char *id, TbDbCall *call)
{
        tb_db_statement(call, tb_sql_call_get);
        tb_db_text(call, id);
}

void tb_call_get(const TbCallAsk *ask, TbDbCall *call)
{
        tb_call_get_id(ask->id, call);
}

bool tb_call_may(TbCallAsk *ask, const TbDbResult *rows)
{
        static const guint sides[] = {1, 2, 9}; /* patient_id, provider_id, initiated_by */
        bool may = !*ask->who;
        if (tb_db_rows(rows) == 0) {
                tb_call_ask_refuse(ask, TB_ERROR_NOT_FOUND, "Call not found");
                return false;
        }
        for (guint i = 0; i < tb_db_rows(rows); i++) /* who was asked in by one of them */
                may |= g_strcmp0(tb_db_get_text(rows, i, 22), ask->who) == 0;
        for (guint i = 0; i < G_N_ELEMENTS(sides); i++)
                may |= g_strcmp0(tb_db_get_text(rows, 0, sides[i]), ask->who) == 0;
        if (!may)
                tb_call_ask_refuse(ask, TB_ERROR_FORBIDDEN, "Access denied to this call");
        return may;
}
