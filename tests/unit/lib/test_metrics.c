#include "lib/metrics.h"

#include "lib/thread.h"

static void collect(GString *out, gpointer data)
{
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_one", "One.", 1);
        tb_metrics_head(out, TB_METRIC_GAUGE, "testbed_extra", NULL);
        tb_metrics_line(out, "testbed_extra", "device=\"board\"", *(double *)data);
}

static void test_text(void)
{
        static const double buckets[] = {0.005, 0.1, 1, 0};
        TbMetrics *metrics = tb_metrics_new();
        TbMetric *get = tb_metrics_get(metrics, TB_METRIC_COUNTER, "testbed_requests_total", "method=\"GET\"",
                                       "Requests.", NULL);
        TbMetric *put = tb_metrics_get(metrics, TB_METRIC_COUNTER, "testbed_requests_total", "method=\"PUT\"",
                                       "Requests.", NULL);
        TbMetric *gauge = tb_metrics_get(metrics, TB_METRIC_GAUGE, "testbed_open", NULL, "Open.", NULL);
        TbMetric *time =
                tb_metrics_get(metrics, TB_METRIC_HISTOGRAM, "testbed_seconds", NULL, "Time.", buckets);
        double extra = 1.25;
        tb_metrics_collector(metrics, collect, &extra);
        g_assert_true(tb_metrics_get(metrics, TB_METRIC_COUNTER, "testbed_requests_total", "method=\"GET\"",
                                     NULL, NULL) == get);
        tb_metric_add(get, 2);
        tb_metric_add(put, 0.5);
        tb_metric_set(gauge, -3);
        tb_metric_observe(time, 0.005); /* a bound belongs to its bucket */
        tb_metric_observe(time, 0.5);
        tb_metric_observe(time, 7);
        g_autofree char *text = tb_metrics_text(metrics);
        g_assert_cmpstr(
                text, ==,
                "# HELP testbed_requests_total Requests.\n# TYPE testbed_requests_total counter\n"
                "testbed_requests_total{method=\"GET\"} 2\ntestbed_requests_total{method=\"PUT\"} 0.5\n"
                "# HELP testbed_open Open.\n# TYPE testbed_open gauge\ntestbed_open -3\n"
                "# HELP testbed_seconds Time.\n# TYPE testbed_seconds histogram\n"
                "testbed_seconds_bucket{le=\"0.005\"} 1\ntestbed_seconds_bucket{le=\"0.1\"} 1\n"
                "testbed_seconds_bucket{le=\"1\"} 2\ntestbed_seconds_bucket{le=\"+Inf\"} 3\n"
                "testbed_seconds_sum 7.505\ntestbed_seconds_count 3\n"
                "# HELP testbed_one One.\n# TYPE testbed_one gauge\ntestbed_one 1\n"
                "# TYPE testbed_extra gauge\ntestbed_extra{device=\"board\"} 1.25\n");
        tb_metrics_free(metrics);
}

static void count(gpointer data)
{
        for (guint i = 0; i < 20000; i++)
                tb_metric_add(data, 1);
}

static void test_threads(void)
{
        TbMetrics *metrics = tb_metrics_new();
        TbMetric *metric = tb_metrics_get(metrics, TB_METRIC_COUNTER, "testbed_n", NULL, NULL, NULL);
        TbThread *threads[4];
        for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = tb_thread_start("count", count, metric);
        for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
                tb_thread_join(threads[i]);
        g_autofree char *text = tb_metrics_text(metrics);
        g_assert_cmpstr(text, ==, "# TYPE testbed_n counter\ntestbed_n 80000\n");
        tb_metrics_free(metrics);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/metrics/text", test_text);
        g_test_add_func("/metrics/threads", test_threads);
        return g_test_run();
}
