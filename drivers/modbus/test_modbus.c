/* Plans, answers and numbers of Modbus. */
#include <string.h>

#include "drivers/modbus/modbus_proto.h"

static json_t *list(const char *text)
{
        json_t *streams = json_loads(text, 0, NULL);
        g_assert_nonnull(streams);
        return streams;
}

static void test_plan(void)
{
        json_auto_t *streams = list(
                "[{\"stream\":\"d\",\"register\":10,\"type\":\"u32\"},{\"stream\":\"a\",\"register\":0},"
                "{\"stream\":\"b\",\"register\":1,\"type\":\"f32\"},{\"stream\":\"c\",\"register\":0,"
                "\"table\":\"input\"},"
                "{\"stream\":\"e\",\"register\":3,\"slave\":7},{\"stream\":\"f\",\"register\":2,\"bit\":3}]");
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_modbus_check(streams, &error));
        g_autoptr(GArray) rows = NULL, blocks = NULL;
        tb_modbus_plan(streams, 1, &rows, &blocks);
        static const TbModbusBlock wanted[] = {{1, TB_MODBUS_HOLDING, 0, 3, 0, 3},
                                               {1, TB_MODBUS_HOLDING, 10, 2, 3, 1},
                                               {1, TB_MODBUS_INPUT, 0, 1, 4, 1},
                                               {7, TB_MODBUS_HOLDING, 3, 1, 5, 1}};
        g_assert_cmpuint(blocks->len, ==, G_N_ELEMENTS(wanted));
        for (guint i = 0; i < blocks->len; i++) {
                const TbModbusBlock *b = &g_array_index(blocks, TbModbusBlock, i);
                g_assert_cmpint(b->slave, ==, wanted[i].slave);
                g_assert_cmpint(b->table, ==, wanted[i].table);
                g_assert_cmpint(b->address, ==, wanted[i].address);
                g_assert_cmpint(b->count, ==, wanted[i].count);
                g_assert_cmpint(b->first, ==, wanted[i].first);
                g_assert_cmpint(b->n, ==, wanted[i].n);
        }
}

static double value(const char *entry, const guint8 *data)
{
        g_autofree char *text = g_strdup_printf("[{\"stream\":\"a\",\"register\":0%s}]", entry);
        json_auto_t *streams = list(text);
        g_autoptr(GError) error = NULL;
        tb_modbus_check(streams, &error);
        g_assert_no_error(error);
        g_autoptr(GArray) rows = NULL, blocks = NULL;
        tb_modbus_plan(streams, 1, &rows, &blocks);
        return tb_modbus_value(&g_array_index(rows, TbModbusRow, 0), &g_array_index(blocks, TbModbusBlock, 0),
                               data);
}

static void test_value(void)
{
        static const guint8 word[] = {0xff, 0xfe}, abcd[] = {0x42, 0xf6, 0xe9, 0x79} /* 123.456 */,
                            badc[] = {0xf6, 0x42, 0x79, 0xe9}, cdab[] = {0xe9, 0x79, 0x42, 0xf6},
                            dcba[] = {0x79, 0xe9, 0xf6, 0x42},
                            eight[] = {0x40, 0x5e, 0xdd, 0x2f, 0x1a, 0x9f, 0xbe, 0x77},
                            back[] = {0xbe, 0x77, 0x1a, 0x9f, 0xdd, 0x2f, 0x40, 0x5e},
                            nan[] = {0x7f, 0xc0, 0, 0}, minus[] = {0xff, 0xff, 0xff, 0xfe};
        g_assert_cmpfloat(value("", word), ==, 65534);
        g_assert_cmpfloat(value(",\"type\":\"i16\"", word), ==, -2);
        g_assert_cmpfloat(value(",\"order\":\"badc\"", word), ==, 0xfeff);
        g_assert_cmpfloat(value(",\"bit\":0", word), ==, 0);
        g_assert_cmpfloat(value(",\"bit\":15", word), ==, 1);
        g_assert_cmpfloat_with_epsilon(value(",\"type\":\"f32\"", abcd), 123.456, 1e-5);
        g_assert_cmpfloat_with_epsilon(value(",\"type\":\"f32\",\"order\":\"badc\"", badc), 123.456, 1e-5);
        g_assert_cmpfloat_with_epsilon(value(",\"type\":\"f32\",\"order\":\"cdab\"", cdab), 123.456, 1e-5);
        g_assert_cmpfloat_with_epsilon(value(",\"type\":\"f32\",\"order\":\"dcba\"", dcba), 123.456, 1e-5);
        g_assert_cmpfloat_with_epsilon(value(",\"type\":\"f64\"", eight), 123.456, 1e-9);
        g_assert_cmpfloat_with_epsilon(value(",\"type\":\"f64\",\"order\":\"cdab\"", back), 123.456, 1e-9);
        g_assert_cmpfloat(value(",\"type\":\"i32\"", minus), ==, -2);
        g_assert_cmpfloat(value(",\"type\":\"u32\"", minus), ==, 4294967294.0);
        g_assert_true(isnan(value(",\"type\":\"f32\"", nan)));
        static const guint8 bits[] = {0x05};
        g_assert_cmpfloat(value(",\"table\":\"coils\"", bits), ==, 1);
}

static void test_reply(void)
{
        const guint8 *data = NULL, good[] = {3, 4, 1, 2, 3, 4}, no_address[] = {0x83, 2},
                     other[] = {4, 4, 1, 2, 3, 4}, cut[] = {3, 4, 1, 2, 3}, bits[] = {1, 1, 1};
        g_assert_null(tb_modbus_reply(good, sizeof good, 3, 2, &data));
        g_assert_true(data == good + 2);
        g_assert_null(tb_modbus_reply(bits, sizeof bits, 1, 8, &data));
        g_assert_nonnull(
                strstr(tb_modbus_reply(no_address, sizeof no_address, 3, 2, &data), "no such address"));
        g_assert_nonnull(tb_modbus_reply(other, sizeof other, 3, 2, &data));
        g_assert_nonnull(tb_modbus_reply(cut, sizeof cut, 3, 2, &data));
        g_assert_nonnull(tb_modbus_reply(good, sizeof good, 3, 3, &data));
        g_assert_nonnull(tb_modbus_reply(good, 1, 3, 2, &data));
}

static void refused(const char *text)
{
        json_auto_t *streams = list(text);
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_modbus_check(streams, &error));
        g_assert_cmpstr(tb_error_field(error), ==, "streams");
}

static void test_refused(void)
{
        refused("[{\"stream\":\"a\"}]");
        refused("[{\"stream\":\"a\",\"register\":65536}]");
        refused("[{\"stream\":\"a\",\"register\":65535,\"type\":\"u32\"}]");
        refused("[{\"stream\":\"a\",\"register\":1,\"type\":\"u8\"}]");
        refused("[{\"stream\":\"a\",\"register\":1,\"order\":\"x\"}]");
        refused("[{\"stream\":\"a\",\"register\":1,\"bit\":16}]");
        refused("[{\"stream\":\"a\",\"register\":1.5}]");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/modbus/plan", test_plan);
        g_test_add_func("/modbus/value", test_value);
        g_test_add_func("/modbus/reply", test_reply);
        g_test_add_func("/modbus/refused", test_refused);
        return g_test_run();
}
