/* How good calls were: PATCH /webrtc/calls/{id}/quality, GET /webrtc/stats. */
#include <math.h>
#include <string.h>

#include "lib/json.h"
#include "server/calls/private.h"
#include "server/store/sql.h"

/* --- a report --- */
static void add_measured(const json_t *in, TbDbCall *call, const char *field)
{
        const json_t *value = json_object_get(in, field);
        tb_db_int(call, json_is_number(value));
        tb_db_int(call, json_is_number(value) ? (gint64)llround(json_number_value(value) * 1000) : 0);
}

void tb_call_report(TbDbCall *call, const char *id, const json_t *all, const json_t *in, gint64 now_ms)
{
        g_autofree char *text = tb_json_text(all, NULL);
        tb_db_statement(call, tb_sql_call_quality);
        tb_db_text(call, id);
        tb_db_text(call, text);
        tb_db_int(call, json_is_true(json_object_get(in, "fellbackToAudio")));
        add_measured(in, call, "bandwidth");
        add_measured(in, call, "latency");
        add_measured(in, call, "packetLoss");
        tb_db_int(call, now_ms);
}

static void on_reported(TbCallAsk *ask, const TbDbResult *rows G_GNUC_UNUSED)
{
        tb_call_ask_json(ask, 204, NULL);
}

static void on_call(TbCallAsk *ask, const TbDbResult *rows)
{
        if (!tb_call_may(ask, rows))
                return;
        const char *had = tb_db_get_text(rows, 0, 18); /* quality */
        const json_t *in = tb_request_json(ask->request);
        json_auto_t *all = had ? tb_json_parse_kept(had, strlen(had), NULL) : NULL;
        if (!json_is_object(all)) {
                json_decref(all);
                all = json_object();
        }
        json_object_update(all, (json_t *)in);
        json_object_del(all, "fellbackToAudio");
        TbDbCall *call = tb_db_call_new();
        tb_call_report(call, ask->id, all, in, ask->now_ms);
        tb_call_ask_run(ask, call, on_reported);
}

void tb_call_quality(TbRequest *request, gpointer data)
{
        TbCallAsk *ask = tb_call_ask_new(data, request, true);
        if (!ask)
                return;
        TbDbCall *call = tb_call_look(ask);
        tb_call_get(ask, call);
        tb_call_ask_run(ask, call, on_call);
}

/* --- statistics --- */
gint64 tb_call_time(const json_t *in, const char *field, gint64 otherwise, GError **error)
{
        const char *text = json_string_value(json_object_get(in, field));
        if (!text || !*text)
                return otherwise;
        g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
        g_autofree char *day = strlen(text) == 10 ? g_strconcat(text, "T00:00:00Z", NULL) : NULL;
        g_autoptr(GDateTime) when = g_date_time_new_from_iso8601(day ? day : text, utc);
        if (when && g_date_time_to_unix(when) >= 0)
                return g_date_time_to_unix(when) * 1000 + g_date_time_get_microsecond(when) / 1000;
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s must be a time such as 2026-11-20T20:00:00Z",
                           field);
        return -1;
}

static double mean(const TbDbResult *rows, guint n_column)
{
        gint64 n = 0;
        double sum = 0;
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                n += tb_db_get_int(rows, i, n_column);
                sum += (double)tb_db_get_int(rows, i, n_column + 1);
        }
        return n ? sum / 1000 / (double)n : 0;
}

/* Those whose `column` (0 the status, 1 the type) is `name`; NULL: all. */
static gint64 count(const TbDbResult *rows, guint column, const char *name)
{
        gint64 n = 0;
        for (guint i = 0; i < tb_db_rows(rows); i++)
                if (!name || g_strcmp0(tb_db_get_text(rows, i, column), name) == 0)
                        n += tb_db_get_int(rows, i, 2);
        return n;
}

static void on_counted(TbCallAsk *ask, const TbDbResult *rows)
{
        gint64 seconds = 0, fell_back = 0, all = count(rows, 0, NULL), ended = count(rows, 0, "ended");
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                seconds += tb_db_get_int(rows, i, 3);
                fell_back += tb_db_get_int(rows, i, 10);
        }
        json_t *types = json_pack("{s:I, s:I, s:I}", "video", (json_int_t)count(rows, 1, "video"), "audio",
                                  (json_int_t)count(rows, 1, "audio"), "screenShare",
                                  (json_int_t)count(rows, 1, "screen_share"));
        json_t *quality = json_pack("{s:f, s:f, s:f}", "averageBandwidth", mean(rows, 4), "averageLatency",
                                    mean(rows, 6), "averagePacketLoss", mean(rows, 8));
        tb_call_ask_json(ask, 200,
                         json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:f}", "totalCalls",
                                   (json_int_t)all, "completedCalls", (json_int_t)ended, "missedCalls",
                                   (json_int_t)count(rows, 0, "missed"), "failedCalls",
                                   (json_int_t)count(rows, 0, "failed"), "cancelledCalls",
                                   (json_int_t)count(rows, 0, "cancelled"), "totalDuration",
                                   (json_int_t)seconds, "averageDuration",
                                   ended ? (double)seconds / (double)ended : 0.0, "callTypeBreakdown", types,
                                   "qualityMetrics", quality, "fallbackRate",
                                   all ? 100.0 * (double)fell_back / (double)all : 0.0));
}

void tb_call_stats(TbRequest *request, gpointer data)
{
        gint64 from_ms, to_ms;
        TbCallAsk *ask = tb_call_ask_interval(data, request, &from_ms, &to_ms);
        if (!ask)
                return;
        TbDbCall *call = tb_call_look(ask);
        tb_db_statement(call, tb_sql_call_stats);
        tb_db_text(call, ask->who);
        tb_db_int(call, from_ms);
        tb_db_int(call, to_ms);
        tb_call_ask_run(ask, call, on_counted);
}
