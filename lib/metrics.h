#pragma once
/*
 * Metrics in Prometheus' text format. Two kinds of source: values that code counts as it goes (TbMetric), and
 * collectors that are asked at scrape time. Names start with "testbed_". Counting is lock-free and allowed on
 * any thread; registration and printing are main.
 */
#include <glib.h>

typedef enum TbMetricType { TB_METRIC_COUNTER, TB_METRIC_GAUGE, TB_METRIC_HISTOGRAM } TbMetricType;
typedef struct TbMetric TbMetric;   /* lives as long as the registry */
typedef struct TbMetrics TbMetrics; /* registry */

TbMetrics *tb_metrics_new(void);
void tb_metrics_free(TbMetrics *metrics);
/* `labels`: NULL or "method=\"GET\",code=\"200\"". The same name + labels gives the same metric. `buckets`:
 * for histograms, ascending, ended by 0. */
TbMetric *tb_metrics_get(TbMetrics *metrics, TbMetricType type, const char *name, const char *labels,
                         const char *help, const double *buckets);
void tb_metric_add(TbMetric *metric, double value);     /* counter, gauge */
void tb_metric_set(TbMetric *metric, double value);     /* gauge */
void tb_metric_observe(TbMetric *metric, double value); /* histogram */
/* `collect` appends families: tb_metrics_head() and then lines, or tb_metrics_one(). A name comes once in the
 * whole text. */
void tb_metrics_collector(TbMetrics *metrics, void (*collect)(GString *out, gpointer data), gpointer data);
void tb_metrics_head(GString *out, TbMetricType type, const char *name, const char *help);
void tb_metrics_line(GString *out, const char *name, const char *labels, double value);
/* A family of one line without labels. */
void tb_metrics_one(GString *out, TbMetricType type, const char *name, const char *help, double value);
char *tb_metrics_text(TbMetrics *metrics); /* the caller frees */
