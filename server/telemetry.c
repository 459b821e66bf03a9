#include "server/telemetry.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"

struct TbTelemetry {
        TbMetrics *metrics; /* borrowed */
        TbMetric *seconds, *switches;
        GQueue reports; /* owned json_t, the newest first */
        GHashTable *of; /* "session/peer", owned -> its link in `reports` */
};

const TbParam tb_telemetry_params[] = {
        {.name = "peer",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = 64,
         .help = "its peerId"},
        {.name = "connected", .type = TB_PARAM_BOOL, .required = true, .help = "it has been, at some time"},
        {.name = "ended", .type = TB_PARAM_BOOL, .fallback = "false", .help = "this is the last report"},
        {.name = "path",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("direct", "nat", "turn", "relay", "none"),
         .fallback = "\"none\"",
         .help = "which way it goes now"},
        {.name = "connect_ms",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = 600000,
         .unit = "ms",
         .help = "from the page's wish to its first way"},
        {.name = "switches",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 1000000,
         .fallback = "0",
         .help = "of its way"},
        {.name = "loss_pct",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = 100,
         .unit = "%",
         .help = "lost packets"},
        {.name = "rtt_ms",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = 60000,
         .unit = "ms",
         .help = "round trip"},
        {.name = "duration_s",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = 31536000,
         .unit = "s",
         .help = "since it was first connected"},
        {.name = "reason",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("left", "ended", "network", "timeout"),
         .help = "why it ended: the page was left; the session, its link or the other side ended; no way was "
                 "found any "
                 "more; none was found at first"},
        TB_PARAM_END,
};

TbTelemetry *tb_telemetry_new(TbMetrics *metrics)
{
        static const double buckets[] = {0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 20, 60, 0};
        TbTelemetry *t = g_new0(TbTelemetry, 1);
        t->metrics = metrics;
        t->of = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        t->seconds = tb_metrics_get(metrics, TB_METRIC_HISTOGRAM, "testbed_connection_seconds", NULL,
                                    "From a page's wish to its first way to a phone or host.", buckets);
        t->switches = tb_metrics_get(metrics, TB_METRIC_COUNTER, "testbed_connection_switches_total", NULL,
                                     "Changes of the way of a connection.", NULL);
        return t;
}

void tb_telemetry_free(TbTelemetry *t)
{
        if (!t)
                return;
        g_queue_clear_full(&t->reports, (GDestroyNotify)json_decref);
        g_hash_table_unref(t->of);
        g_free(t);
}

static bool is(const json_t *report, const char *name)
{
        return json_is_true(json_object_get(report, name));
}

static const char *word(const json_t *report, const char *name, const char *otherwise)
{
        const char *text = json_string_value(json_object_get(report, name));
        return text ? text : otherwise;
}

static void count(TbTelemetry *t, const char *name, const char *help, const char *format, ...)
        G_GNUC_PRINTF(4, 5);
static void count(TbTelemetry *t, const char *name, const char *help, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *labels = g_strdup_vprintf(format, args);
        va_end(args);
        tb_metric_add(tb_metrics_get(t->metrics, TB_METRIC_COUNTER, name, labels, help, NULL), 1);
}

/* What `report` says that `before` (nullable) had not said yet. */
static void count_news(TbTelemetry *t, const json_t *before, const json_t *report)
{
        bool connected = is(report, "connected"), ended = is(report, "ended");
        const json_t *ms = json_object_get(report, "connect_ms");
        json_int_t switches = json_integer_value(json_object_get(report, "switches")) -
                              json_integer_value(json_object_get(before, "switches"));
        if (connected && !is(before, "connected")) {
                count(t, "testbed_connections_total",
                      "Connections of pages that came about, by their first way.", "path=\"%s\"",
                      word(report, "path", "none"));
                if (ms)
                        tb_metric_observe(t->seconds, json_number_value(ms) / 1000);
        }
        if (switches > 0)
                tb_metric_add(t->switches, (double)switches);
        if (ended && !is(before, "ended"))
                count(t, "testbed_connections_ended_total",
                      "Connections of pages that ended, or never came about.",
                      "connected=\"%s\",reason=\"%s\"", connected ? "yes" : "no",
                      word(report, "reason", "left"));
}

void tb_telemetry_take(TbTelemetry *t, const char *session, const char *device, const json_t *report,
                       gint64 now_ms)
{
        g_autofree char *key = g_strdup_printf("%s/%s", session, word(report, "peer", ""));
        GList *link = g_hash_table_lookup(t->of, key);
        json_t *before = link ? link->data : NULL, *now = json_copy((json_t *)report);
        g_autofree char *at = tb_clock_rfc3339(now_ms);
        count_news(t, before, report);
        json_object_set_new(now, "session", json_string(session));
        json_object_set_new(now, "at", json_string(at));
        if (device)
                json_object_set_new(now, "device", json_string(device));
        if (link) {
                g_queue_unlink(&t->reports, link);
                link->data = now;
                json_decref(before);
                g_queue_push_head_link(&t->reports, link);
                return;
        }
        if (t->reports.length >= TB_LIMIT_TELEMETRY) {
                json_t *oldest = g_queue_pop_tail(&t->reports);
                g_autofree char *gone =
                        g_strdup_printf("%s/%s", word(oldest, "session", ""), word(oldest, "peer", ""));
                g_hash_table_remove(t->of, gone);
                json_decref(oldest);
        }
        g_queue_push_head(&t->reports, now);
        g_hash_table_insert(t->of, g_steal_pointer(&key), t->reports.head);
}

static int by_value(gconstpointer a, gconstpointer b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return x < y ? -1 : x > y;
}

/* The middle one and that which one in twenty is above, of those that say it. */
static json_t *quantiles(const GQueue *reports, const char *name)
{
        g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(double));
        for (const GList *l = reports->head; l; l = l->next) {
                const json_t *value = json_object_get(l->data, name);
                double number = json_number_value(value);
                if (value)
                        g_array_append_val(values, number);
        }
        if (values->len == 0)
                return json_null();
        g_array_sort(values, by_value);
        const double *v = (const double *)(void *)values->data;
        return json_pack("{s:f, s:f}", "p50", v[(values->len - 1) / 2], "p95",
                         v[(values->len - 1) * 95 / 100]);
}

static void add_one(json_t *counts, const char *name)
{
        json_int_t n = json_integer_value(json_object_get(counts, name));
        json_object_set_new(counts, name, json_integer(n + 1));
}

json_t *tb_telemetry_json(const TbTelemetry *t)
{
        json_t *paths = json_object(), *reasons = json_object(), *list = json_array();
        json_int_t connected = 0, failed = 0, switches = 0;
        for (const GList *l = t->reports.head; l; l = l->next) {
                const json_t *r = l->data;
                bool was = is(r, "connected");
                connected += was;
                failed += !was && is(r, "ended");
                switches += json_integer_value(json_object_get(r, "switches"));
                if (was)
                        add_one(paths, word(r, "path", "none"));
                if (is(r, "ended"))
                        add_one(reasons, word(r, "reason", "left"));
                if (json_array_size(list) < TB_LIMIT_TELEMETRY_SHOWN)
                        json_array_append(list, l->data);
        }
        return json_pack("{s:{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}, s:o}", "summary", "connected",
                         connected, "failed", failed, "switches", switches, "paths", paths, "reasons",
                         reasons, "connect_ms", quantiles(&t->reports, "connect_ms"), "loss_pct",
                         quantiles(&t->reports, "loss_pct"), "rtt_ms", quantiles(&t->reports, "rtt_ms"),
                         "reports", list);
}
