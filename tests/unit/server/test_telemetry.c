/* What pages say of their connections: counted once, the newest kept, summed up. */
#include <glib.h>
#include <string.h>

#include "lib/limits.h"
#include "server/telemetry.h"

static TbMetrics *metrics;
static TbTelemetry *telemetry;

static void set_up(void)
{
        metrics = tb_metrics_new();
        telemetry = tb_telemetry_new(metrics);
}

static void tear_down(void)
{
        tb_telemetry_free(telemetry);
        tb_metrics_free(metrics);
}

/* As a page says it, with ' for ". */
static void take(const char *session, const char *said)
{
        g_autofree char *text = g_strdelimit(g_strdup(said), "'", '"');
        json_t *report = json_loads(text, 0, NULL);
        g_assert_nonnull(report);
        tb_telemetry_take(telemetry, session, "lab-1/board", report, 1700000000000);
        json_decref(report);
}

static void assert_metric(const char *line)
{
        g_autofree char *text = tb_metrics_text(metrics);
        if (!strstr(text, line))
                g_error("no line \"%s\" in\n%s", line, text);
}

static void test_counts(void)
{
        set_up();
        for (int twice = 0; twice < 2; twice++) /* the same again is no news */
                take("s1", "{'peer':'a','connected':true,'ended':false,'path':'direct','connect_ms':400,'"
                           "switches':1}");
        take("s1", "{'peer':'a','connected':true,'ended':true,'path':'turn','connect_ms':400,'switches':3,'"
                   "reason':'left'}");
        take("s1",
             "{'peer':'b','connected':false,'ended':true,'path':'none','switches':0,'reason':'timeout'}");
        take("s2", "{'peer':'a','connected':true,'ended':false,'path':'relay','connect_ms':1600,'loss_pct':2."
                   "5,'switches':0}");
        assert_metric("testbed_connections_total{path=\"direct\"} 1\n");
        assert_metric("testbed_connections_total{path=\"relay\"} 1\n");
        assert_metric("testbed_connection_seconds_count 2\n");
        assert_metric("testbed_connection_seconds_bucket{le=\"0.5\"} 1\n");
        assert_metric("testbed_connection_switches_total 3\n");
        assert_metric("testbed_connections_ended_total{connected=\"yes\",reason=\"left\"} 1\n");
        assert_metric("testbed_connections_ended_total{connected=\"no\",reason=\"timeout\"} 1\n");

        json_t *all = tb_telemetry_json(telemetry);
        const char *device = NULL, *at = NULL;
        json_int_t connected, failed, switches, turn, relay;
        double p50, p95, loss;
        json_t *reports;
        g_assert_cmpint(json_unpack(all, "{s:{s:I, s:I, s:I, s:{s:I, s:I}, s:{s:f, s:f}, s:{s:f}, s:n}, s:o}",
                                    "summary", "connected", &connected, "failed", &failed, "switches",
                                    &switches, "paths", "turn", &turn, "relay", &relay, "connect_ms", "p50",
                                    &p50, "p95", &p95, "loss_pct", "p50", &loss, "rtt_ms", "reports",
                                    &reports),
                        ==, 0);
        g_assert_cmpint(connected, ==, 2);
        g_assert_cmpint(failed, ==, 1);
        g_assert_cmpint(switches, ==, 3);
        g_assert_cmpint(turn, ==, 1);
        g_assert_cmpint(relay, ==, 1);
        g_assert_cmpfloat(p50, ==, 400);
        g_assert_cmpfloat(loss, ==, 2.5);
        g_assert_cmpuint(json_array_size(reports), ==, 3);
        g_assert_cmpint(json_unpack(json_array_get(reports, 0), "{s:s, s:s}", "device", &device, "at", &at),
                        ==, 0);
        g_assert_cmpstr(device, ==, "lab-1/board");
        json_decref(all);
        tear_down();
}

static void test_kept(void)
{
        set_up();
        for (guint i = 0; i <= TB_LIMIT_TELEMETRY; i++) {
                g_autofree char *session = g_strdup_printf("s%u", i);
                take(session, "{'peer':'a','connected':true,'ended':false,'path':'direct','switches':0}");
        }
        json_t *all = tb_telemetry_json(telemetry);
        json_int_t connected;
        const char *newest;
        g_assert_cmpint(json_unpack(all, "{s:{s:I}, s:[{s:s}]}", "summary", "connected", &connected,
                                    "reports", "session", &newest),
                        ==, 0);
        g_assert_cmpint(connected, ==, TB_LIMIT_TELEMETRY);
        g_assert_cmpuint(json_array_size(json_object_get(all, "reports")), ==, TB_LIMIT_TELEMETRY_SHOWN);
        g_autofree char *last = g_strdup_printf("s%d", TB_LIMIT_TELEMETRY);
        g_assert_cmpstr(newest, ==, last);
        json_decref(all);
        take("s0",
             "{'peer':'a','connected':true,'ended':true,'path':'direct','switches':0}"); /* it was forgotten */
        tear_down();
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/telemetry/counts", test_counts);
        g_test_add_func("/telemetry/kept", test_kept);
        return g_test_run();
}
