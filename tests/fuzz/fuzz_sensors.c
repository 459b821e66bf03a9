/* What sensors send: the first byte says whose parser reads it. */
#include <stdint.h>
#include <string.h>

#include "drivers/line/line_proto.h"
#include "drivers/modbus/modbus_proto.h"
#include "drivers/mqtt/mqtt_proto.h"
#include "drivers/prometheus/prometheus_proto.h"
#include "drivers/scpi/scpi_proto.h"
#include "drivers/scpi/scpi_tmc.h"
#include "lib/limits.h"
#include "lib/name.h"

static void check(const TbSample *sample, gpointer data)
{
        (void)data;
        g_assert_true(isfinite(sample->value) && tb_name_valid(TB_NAME_STREAM, sample->stream));
        g_assert_true(g_utf8_validate(sample->quantity, -1, NULL) && g_utf8_validate(sample->unit, -1, NULL));
}

static void lines(guint8 which, const char *text, size_t size)
{
        static const char *const params[] = {
                "{\"format\":\"auto\"}",
                "{\"format\":\"json\",\"time\":\"/t\",\"streams\":[{\"stream\":\"a\",\"at\":\"/a/0\"}]}",
                "{\"format\":\"csv\",\"separator\":\";\",\"time\":\"t\"}",
                "{\"format\":\"nmea\"}",
                "{\"format\":\"values\"}",
                "{\"format\":\"regex\",\"pattern\":\"(?<name>[a-z]+)[ =](?<value>[-0-9.e]+)(?<unit>.*)\"}",
        };
        json_auto_t *p = json_loads(params[which % G_N_ELEMENTS(params)], 0, NULL);
        TbLineProto *proto = tb_line_proto_new(p, NULL);
        for (const char *at = text, *end = text + size; at && at < end;) {
                const char *stop = memchr(at, '\n', (gsize)(end - at)), *why = NULL;
                if (!tb_line_proto_parse(proto, at, (gsize)((stop ? stop : end) - at), check, NULL, &why))
                        g_assert_nonnull(why);
                at = stop ? stop + 1 : NULL;
        }
        tb_line_proto_free(proto);
}

static void message(guint8 which, const char *text, size_t size)
{
        json_auto_t *more = which % 2 ? json_pack("{s:s, s:s}", "at", "/a/0", "time", "/t") : json_object();
        const TbDeclared row = {.more = more};
        g_autofree char *payload = g_strndup(text, size);
        double value;
        gint64 t_ms;
        if (tb_mqtt_parse_stream(&row, payload, &value, &t_ms))
                g_assert_true(isfinite(value) && t_ms >= 0);
}

static void registers(const guint8 *pdu, size_t size)
{
        static const char *const rows[] = {
                "[{\"stream\":\"a\",\"register\":1,\"type\":\"f64\",\"order\":\"dcba\"},{\"stream\":\"b\","
                "\"register\":4,\"type\":\"f32\",\"order\":\"cdab\"}]",
                "[{\"stream\":\"a\",\"register\":9,\"table\":\"coils\"},{\"stream\":\"b\",\"register\":10,"
                "\"table\":\"coils\"}]"};
        for (guint r = 0; r < G_N_ELEMENTS(rows); r++) {
                json_auto_t *streams = json_loads(rows[r], 0, NULL);
                g_autoptr(GArray) plan = NULL, blocks = NULL;
                tb_modbus_plan(streams, 1, &plan, &blocks);
                for (guint i = 0; i < blocks->len; i++) {
                        const TbModbusBlock *b = &g_array_index(blocks, TbModbusBlock, i);
                        const guint8 *at = NULL;
                        if (tb_modbus_reply(pdu, size, (int)b->table, b->count, &at))
                                continue;
                        for (guint k = b->first; k < b->first + b->n; k++)
                                tb_modbus_value(&g_array_index(plan, TbModbusRow, k), b, at);
                }
        }
        g_assert_true(g_utf8_validate(tb_modbus_refusal(pdu, size, 5), -1, NULL));
}

static void series(const TbPrometheusSeries *s, gpointer data)
{
        json_auto_t *more = json_pack("{s:s, s:{s:s}}", "metric", "a", "labels", "x", "1");
        const TbDeclared row = {.more = more};
        g_assert_true(isfinite(s->value) && s->t_ms >= 0 && *s->metric);
        tb_prometheus_matches(&row, s);
        (void)data;
}

static void metrics(const char *text, size_t size)
{
        g_autofree char *copy = g_strndup(text, size);
        tb_prometheus_parse(copy, series, NULL);
}

static void response(const guint8 *data, size_t size)
{
        const char *why = NULL;
        gssize n = tb_scpi_response(data, size, &why);
        int code = 0;
        double value = 0;
        g_assert_true(n <= (gssize)size && (n >= 0 || why));
        if (n <= 0)
                return;
        g_assert_true(data[n - 1] == '\n');
        g_autofree char *text = tb_scpi_text(data, (gsize)n - 1), *words = NULL,
                        *identity = tb_scpi_parse_identity(text);
        g_assert_true(g_utf8_validate(text, -1, NULL));
        tb_scpi_parse_error(text, &code, &words);
        for (guint i = 0; i < 3; i++)
                g_assert_true(!tb_scpi_parse_number(text, i, &value) || isfinite(value));
}

/* The second byte is the tag of the request. */
static void transfer(const guint8 *data, size_t size)
{
        gsize n = 0;
        bool end;
        if (size > 0 && tb_scpi_tmc_answer(data + 1, size - 1, data[0], &n, &end))
                g_assert_cmpuint(n, <=, size - 1 - TB_SCPI_TMC_HEADER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 1)
                return 0;
        const char *text = (const char *)data + 1;
        if (data[0] < 16)
                lines(data[0], text, size - 1);
        else if (data[0] < 32)
                message(data[0], text, size - 1);
        else if (data[0] < 48)
                registers(data + 1, size - 1);
        else if (data[0] < 64)
                metrics(text, size - 1);
        else if (data[0] < 80)
                response(data + 1, size - 1);
        else if (data[0] < 96)
                transfer(data + 1, size - 1);
        return 0;
}
