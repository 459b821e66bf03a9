#include "lib/metrics.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define MAX_BUCKETS 24

struct TbMetric {
        char *labels;             /* owned; NULL: none */
        _Atomic double value;     /* counter, gauge; sum of a histogram */
        _Atomic guint64 *buckets; /* owned; n_buckets + 1, the last is +Inf; not cumulative */
        double *bounds;           /* owned */
        guint n_buckets;
};

typedef struct Family {
        TbMetricType type;
        char *name, *help;  /* owned */
        GPtrArray *metrics; /* owned */
} Family;

typedef struct Collector {
        void (*collect)(GString *out, gpointer data);
        gpointer data; /* borrowed */
} Collector;

struct TbMetrics {
        GPtrArray *families; /* owned, in the order of registration */
        GArray *collectors;
};

static void metric_free(gpointer p)
{
        TbMetric *metric = p;
        g_free(metric->labels);
        g_free(metric->bounds);
        g_free(metric->buckets);
        g_free(metric);
}

static void family_free(gpointer p)
{
        Family *family = p;
        g_ptr_array_unref(family->metrics);
        g_free(family->name);
        g_free(family->help);
        g_free(family);
}

TbMetrics *tb_metrics_new(void)
{
        TbMetrics *metrics = g_new0(TbMetrics, 1);
        metrics->families = g_ptr_array_new_with_free_func(family_free);
        metrics->collectors = g_array_new(FALSE, FALSE, sizeof(Collector));
        return metrics;
}

void tb_metrics_free(TbMetrics *metrics)
{
        if (!metrics)
                return;
        g_ptr_array_unref(metrics->families);
        g_array_unref(metrics->collectors);
        g_free(metrics);
}

static Family *get_family(TbMetrics *metrics, TbMetricType type, const char *name, const char *help)
{
        for (guint i = 0; i < metrics->families->len; i++) {
                Family *family = g_ptr_array_index(metrics->families, i);
                if (strcmp(family->name, name) == 0) {
                        g_assert(family->type == type);
                        return family;
                }
        }
        Family *family = g_new0(Family, 1);
        family->type = type;
        family->name = g_strdup(name);
        family->help = g_strdup(help);
        family->metrics = g_ptr_array_new_with_free_func(metric_free);
        g_ptr_array_add(metrics->families, family);
        return family;
}

TbMetric *tb_metrics_get(TbMetrics *metrics, TbMetricType type, const char *name, const char *labels,
                         const char *help, const double *buckets)
{
        Family *family = get_family(metrics, type, name, help);
        for (guint i = 0; i < family->metrics->len; i++) {
                TbMetric *metric = g_ptr_array_index(family->metrics, i);
                if (g_strcmp0(metric->labels, labels) == 0)
                        return metric;
        }
        TbMetric *metric = g_new0(TbMetric, 1);
        metric->labels = g_strdup(labels);
        if (type == TB_METRIC_HISTOGRAM) {
                while (buckets && buckets[metric->n_buckets] != 0 && metric->n_buckets < MAX_BUCKETS)
                        metric->n_buckets++;
                metric->bounds = g_memdup2(buckets, metric->n_buckets * sizeof *buckets);
                metric->buckets = g_malloc0((metric->n_buckets + 1) * sizeof *metric->buckets);
        }
        g_ptr_array_add(family->metrics, metric);
        return metric;
}

void tb_metric_add(TbMetric *metric, double value)
{
        double old = atomic_load_explicit(&metric->value, memory_order_relaxed);
        while (!atomic_compare_exchange_weak_explicit(&metric->value, &old, old + value, memory_order_relaxed,
                                                      memory_order_relaxed))
                ;
}

void tb_metric_set(TbMetric *metric, double value)
{
        atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void tb_metric_observe(TbMetric *metric, double value)
{
        guint i = 0;
        while (i < metric->n_buckets && value > metric->bounds[i])
                i++;
        atomic_fetch_add_explicit(&metric->buckets[i], 1, memory_order_relaxed);
        tb_metric_add(metric, value);
}

void tb_metrics_collector(TbMetrics *metrics, void (*collect)(GString *out, gpointer data), gpointer data)
{
        Collector collector = {collect, data};
        g_array_append_val(metrics->collectors, collector);
}

static void append_number(GString *out, double value)
{
        char text[G_ASCII_DTOSTR_BUF_SIZE];
        if (isnan(value))
                g_string_append(out, "NaN");
        else if (isinf(value))
                g_string_append(out, value > 0 ? "+Inf" : "-Inf");
        else if (trunc(value) == value && fabs(value) < 1e15)
                g_string_append(out, g_ascii_formatd(text, sizeof text, "%.0f", value));
        else
                g_string_append(out, g_ascii_formatd(text, sizeof text, "%.15g", value));
}

void tb_metrics_line(GString *out, const char *name, const char *labels, double value)
{
        g_string_append(out, name);
        if (labels && *labels)
                g_string_append_printf(out, "{%s}", labels);
        g_string_append_c(out, ' ');
        append_number(out, value);
        g_string_append_c(out, '\n');
}

void tb_metrics_head(GString *out, TbMetricType type, const char *name, const char *help)
{
        static const char *const types[] = {"counter", "gauge", "histogram"};
        if (help)
                g_string_append_printf(out, "# HELP %s %s\n", name, help);
        g_string_append_printf(out, "# TYPE %s %s\n", name, types[type]);
}

void tb_metrics_one(GString *out, TbMetricType type, const char *name, const char *help, double value)
{
        tb_metrics_head(out, type, name, help);
        tb_metrics_line(out, name, NULL, value);
}

static void append_histogram(GString *out, const Family *family, TbMetric *metric)
{
        const char *labels = metric->labels ? metric->labels : "", *comma = *labels ? "," : "";
        guint64 total = 0;
        for (guint i = 0; i <= metric->n_buckets; i++) {
                total += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
                g_string_append_printf(out, "%s_bucket{%s%sle=\"", family->name, labels, comma);
                append_number(out, i < metric->n_buckets ? metric->bounds[i] : INFINITY);
                g_string_append_printf(out, "\"} %" G_GUINT64_FORMAT "\n", total);
        }
        g_autofree char *sum = g_strconcat(family->name, "_sum", NULL),
                        *count = g_strconcat(family->name, "_count", NULL);
        tb_metrics_line(out, sum, labels, atomic_load_explicit(&metric->value, memory_order_relaxed));
        tb_metrics_line(out, count, labels, (double)total);
}

char *tb_metrics_text(TbMetrics *metrics)
{
        GString *out = g_string_new(NULL);
        for (guint i = 0; i < metrics->families->len; i++) {
                Family *family = g_ptr_array_index(metrics->families, i);
                tb_metrics_head(out, family->type, family->name, family->help);
                for (guint j = 0; j < family->metrics->len; j++) {
                        TbMetric *metric = g_ptr_array_index(family->metrics, j);
                        if (family->type == TB_METRIC_HISTOGRAM)
                                append_histogram(out, family, metric);
                        else
                                tb_metrics_line(out, family->name, metric->labels,
                                                atomic_load_explicit(&metric->value, memory_order_relaxed));
                }
        }
        for (guint i = 0; i < metrics->collectors->len; i++) {
                Collector *collector = &g_array_index(metrics->collectors, Collector, i);
                collector->collect(out, collector->data);
        }
        return g_string_free(out, FALSE);
}
