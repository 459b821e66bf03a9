/* The text format: series, labels, escapes, what is none. */
#include <string.h>

#include "drivers/prometheus/prometheus_proto.h"

static void collect(const TbPrometheusSeries *s, gpointer data)
{
        g_string_append(data, s->metric);
        for (guint i = 0; i < s->n; i++)
                g_string_append_printf(data, " %s=%s", s->names[i], s->values[i]);
        g_string_append_printf(data, " %.6g", s->value);
        if (s->t_ms)
                g_string_append_printf(data, " @%" G_GINT64_FORMAT, s->t_ms);
        g_string_append_c(data, ';');
}

static void test_series(void)
{
        static const struct {
                const char *text, *said; /* NULL: it is none */
        } rows[] = {
                {"", ""},
                {"# HELP a b\n# TYPE a counter\na 1\n\n", "a 1;"},
                {"http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n",
                 "http_requests_total method=post code=200 1027 @1395066363000;"},
                {"m{path=\"C:\\\\DIR\\\\F\",error=\"a\\n\\\"b\\\"\",} 1.458255915e9\r\n",
                 "m path=C:\\DIR\\F error=a\n\"b\" 1.45826e+09;"},
                {"a +Inf\nb NaN\nc{} -Inf\nd{le=\"+Inf\"} 3", "d le=+Inf 3;"},
                {"something_weird{problem=\"division by zero\"} 4 -3982045\n",
                 "something_weird problem=division by zero 4;"},
                {"a 1 # {trace_id=\"x\"} 0.5\n# EOF\n", "a 1;"},
                {" a { x = \"1\" , y=\"2\" } 5", "a x=1 y=2 5;"},
                {"a", NULL},
                {"a b", NULL},
                {"1 2", NULL},
                {"a{x=1} 2", NULL},
                {"a{x=\"1} 2", NULL},
                {"a{x=\"1\"", NULL},
                {"a{x=\"1\" y=\"2\"} 2", NULL},
                {"<html>", NULL},
                {"a 1 x", NULL},
        };
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *text = g_strdup(rows[i].text);
                g_autoptr(GString) out = g_string_new(NULL);
                g_assert_true(tb_prometheus_parse(text, collect, out) == (rows[i].said != NULL));
                if (rows[i].said)
                        g_assert_cmpstr(out->str, ==, rows[i].said);
        }
}

static void count(const TbPrometheusSeries *s, gpointer data)
{
        guint *n = data;
        json_auto_t *more = json_loads("{\"metric\":\"a\",\"labels\":{\"x\":\"1\"}}", 0, NULL);
        const TbDeclared row = {.more = more};
        *n += tb_prometheus_matches(&row, s);
}

static void test_matches(void)
{
        g_autofree char *text =
                g_strdup("a 1\na{x=\"1\"} 1\na{y=\"3\",x=\"1\"} 1\na{x=\"2\"} 1\nb{x=\"1\"} 1\n");
        guint n = 0;
        g_assert_true(tb_prometheus_parse(text, count, &n));
        g_assert_cmpuint(n, ==, 2);
        json_auto_t *bad = json_loads("[{\"stream\":\"s\",\"metric\":\"a\",\"labels\":{\"x\":1}}]", 0, NULL);
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_prometheus_check(bad, &error));
        g_assert_cmpstr(tb_error_field(error), ==, "streams");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/prometheus/series", test_series);
        g_test_add_func("/prometheus/matches", test_matches);
        return g_test_run();
}
