/* What lines say: each format, bad lines, garbage. */
#include "drivers/line/line_proto.h"

#include <string.h>

static void collect(const TbSample *s, gpointer data)
{
        g_string_append_printf(data, "%s=%.6g %s (%s)", s->stream, s->value, s->unit, s->quantity);
        if (s->t_ms)
                g_string_append_printf(data, " @%" G_GINT64_FORMAT, s->t_ms);
        g_string_append(data, "; ");
}

/* Each line of `lines`; "BAD " for one that is none. */
static char *said(const char *params, const char *lines)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *p = json_loads(params, 0, NULL);
        g_assert_nonnull(p);
        TbLineProto *proto = tb_line_proto_new(p, &error);
        g_assert_no_error(error);
        GString *out = g_string_new(NULL);
        g_auto(GStrv) all = g_strsplit(lines, "\n", -1);
        for (char **line = all; *line; line++) {
                const char *why = NULL;
                if (!tb_line_proto_parse(proto, *line, strlen(*line), collect, out, &why)) {
                        g_assert_nonnull(why);
                        g_string_append(out, "BAD ");
                }
        }
        tb_line_proto_free(proto);
        return g_string_free(out, FALSE);
}

static void test_said(void)
{
        static const struct {
                const char *params, *lines, *said;
        } rows[] = {
                {"{\"format\":\"auto\"}",
                 "{\"temp\":21.5,\"on\":true,\"p\":{\"value\":3,\"unit\":\"W\"},\"a\":{\"b\":1}}",
                 "temp=21.5 1 (value); p=3 W (power); a.b=1 1 (value); "},
                {"{\"format\":\"json\"}", "no json\n{\"broken\":\n[1]\n{\"a\":1e999}", "BAD BAD BAD BAD "},
                {"{\"format\":\"json\",\"time\":\"/t\",\"streams\":[{\"stream\":\"room\",\"at\":\"/x/0/"
                 "v\",\"unit\":\"Cel\",\"scale\":0.1},"
                 "{\"stream\":\"door\",\"at\":\"/open\"}]}",
                 "{\"t\":\"2026-11-20T20:00:00Z\",\"x\":[{\"v\":\"215\"}],\"open\":true}\n{\"class\":"
                 "\"VERSION\"}",
                 "room=21.5 Cel (temperature) @1795204800000; door=1 1 (value) @1795204800000; "},
                {"{\"format\":\"csv\"}", "time,temp,hum\n1,21.5,\"40\"\n2,x,41\n,,\nnonsense",
                 "time=1 1 (value); temp=21.5 1 (value); hum=40 1 (value); "
                 "time=2 1 (value); hum=41 1 (value); BAD BAD "},
                {"{\"format\":\"csv\",\"columns\":\"t,v\",\"separator\":\";\",\"time\":\"t\"}",
                 "1795204800;-3.5", "v=-3.5 1 (value) @1795204800000; "},
                {"{\"format\":\"auto\"}", "1.5,2.5", "c1=1.5 1 (value); c2=2.5 1 (value); "},
                {"{\"format\":\"values\"}",
                 "T=21.5 C, RH: 40%  P=1013.2hPa rpm = 900\nno values\n# a comment\n",
                 "T=21.5 Cel (temperature); RH=40 % (ratio); P=1013.2 hPa (pressure); rpm=900 1 (value); "
                 "BAD "},
                {"{\"format\":\"regex\",\"pattern\":\"CH(?<name>[0-9]) "
                 "(?<value>[-0-9.]+)(?<unit>[a-zA-Z]*)\"}",
                 "CH1 3.3V\nCH2 5", "1=3.3 V (voltage); 2=5 1 (value); "},
                {"{\"format\":\"regex\",\"pattern\":\"^(?<a>[0-9]+)x(?<b>[0-9]+)$\",\"streams\":[{\"stream\":"
                 "\"width\",\"at\":\"b\",\"unit\":\"mm\",\"offset\":1}]}",
                 "3x4\nx", "width=5 mm (length); BAD "},
                /* gpsd's own examples */
                {"{\"format\":\"nmea\"}", "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47",
                 "gnss.quality=1 1 (value); gnss.satellites=8 1 (value); position.latitude=48.1173 deg "
                 "(angle); position.longitude=11.5167 deg (angle); "
                 "gnss.hdop=0.9 1 (value); position.altitude=545.4 m (length); "},
                {"{\"format\":\"nmea\"}",
                 "$GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E*68",
                 "position.latitude=49.2742 deg (angle); position.longitude=-123.185 deg (angle); "
                 "speed=0.257222 m/s (speed); course=54.7 deg (angle); "},
                {"{\"format\":\"nmea\"}",
                 "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*48\n$GPGGA,1\n$PGRME,15.0,M,"
                 "45.0,M,25.0,M*1C\n$GPRMC",
                 "BAD BAD BAD "},
        };
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *got = said(rows[i].params, rows[i].lines);
                g_assert_cmpstr(got, ==, rows[i].said);
        }
}

static void test_garbage(void)
{
        static const char bytes[] = "\xff\xfe\0{\"a\":1}";
        const char *why = NULL;
        json_auto_t *p = json_pack("{s:s}", "format", "auto");
        TbLineProto *proto = tb_line_proto_new(p, NULL);
        g_autoptr(GString) out = g_string_new(NULL);
        g_assert_false(tb_line_proto_parse(proto, bytes, sizeof bytes - 1, collect, out, &why));
        g_assert_false(tb_line_proto_parse(proto, "\x80=\xc3", 3, collect, out, &why));
        g_assert_true(tb_line_proto_parse(proto, "a=1 \xff\xfe", 6, collect, out, &why));
        g_assert_cmpstr(out->str, ==, "a=1 1 (value); ");
        tb_line_proto_free(proto);
}

static void refused(const char *params, const char *field)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *p = json_loads(params, 0, NULL);
        g_assert_nonnull(p);
        g_assert_null(tb_line_proto_new(p, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_cmpstr(tb_error_field(error), ==, field);
}

static void test_refused(void)
{
        refused("{\"format\":\"regex\"}", "pattern");
        refused("{\"format\":\"csv\",\"pattern\":\"x\"}", "pattern");
        refused("{\"format\":\"regex\",\"pattern\":\"(\"}", "pattern");
        refused("{\"format\":\"regex\",\"pattern\":\"([0-9])\"}", "pattern");
        refused("{\"format\":\"csv\",\"streams\":[{\"stream\":\"a\"}]}", "streams");
        refused("{\"format\":\"csv\",\"streams\":[{\"stream\":\"a b\",\"at\":\"x\"}]}", "streams");
        refused("{\"format\":\"csv\",\"streams\":[{\"stream\":\"a\",\"at\":\"x\"},{\"stream\":\"a\",\"at\":"
                "\"y\"}]}",
                "streams");
        refused("{\"format\":\"csv\",\"streams\":[{\"stream\":\"a\",\"at\":\"x\",\"scale\":\"2\"}]}",
                "streams");
        refused("{\"format\":\"csv\",\"streams\":[{\"stream\":\"a\",\"at\":\"x\",\"other\":2}]}", "streams");
        refused("{\"format\":\"csv\",\"streams\":[1]}", "streams");
}

/* A pattern that tries everything: the limit of steps ends it. */
static void test_slow_pattern(void)
{
        g_autofree char *line = g_strnfill(4000, 'a');
        const char *why = NULL;
        json_auto_t *p = json_pack("{s:s, s:s}", "format", "regex", "pattern", "^(a+)+(?<x>b)$");
        TbLineProto *proto = tb_line_proto_new(p, NULL);
        g_assert_false(tb_line_proto_parse(proto, line, strlen(line), collect, NULL, &why));
        tb_line_proto_free(proto);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/line-proto/said", test_said);
        g_test_add_func("/line-proto/garbage", test_garbage);
        g_test_add_func("/line-proto/refused", test_refused);
        g_test_add_func("/line-proto/slow-pattern", test_slow_pattern);
        return g_test_run();
}
