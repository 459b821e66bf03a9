/* What is sent to each board, byte by byte as its maker says, and what its answers mean. */
#include "drivers/serialrelay/serialrelay_proto.h"

#include <string.h>

#include "lib/error.h"

static json_t *parse(const char *text)
{
        json_t *params = json_loads(text, 0, NULL);
        g_assert_nonnull(params);
        return params;
}

static char *hex(const char *template, int relay)
{
        g_autoptr(GBytes) bytes = tb_serialrelay_request(template, relay, NULL);
        GString *out = g_string_new(NULL);
        gsize size;
        const guint8 *data = bytes ? g_bytes_get_data(bytes, &size) : NULL;
        for (gsize i = 0; data && i < size; i++)
                g_string_append_printf(out, "%02x", data[i]);
        return g_string_free(out, FALSE);
}

static void test_requests(void)
{
        static const struct {
                const char *params, *on, *off, *query;
        } cases[] = {
                {"{\"board\":\"lcus\",\"relay\":1}", "a00101a2", "a00100a1", NULL},
                {"{\"board\":\"lcus\",\"relay\":2,\"readback\":true}", "a00201a3", "a00200a2", "ff"},
                {"{\"board\":\"kmtronic\",\"relay\":2}", "ff0201", "ff0200", "ff0203"},
                {"{\"board\":\"kmtronic4\",\"relay\":3}", "ff0301", "ff0300", "ff0900"},
                {"{\"board\":\"kmtronic8\",\"relay\":8,\"readback\":false}", "ff0801", "ff0800", NULL},
                /* "relay on 0\r", "relay on A\r", "relay on 63\r" */
                {"{\"board\":\"numato\",\"relay\":0}", "72656c6179206f6e20300d", "72656c6179206f666620300d",
                 "72656c6179207265616420300d"},
                {"{\"board\":\"numato\",\"relay\":10}", "72656c6179206f6e20410d", "72656c6179206f666620410d",
                 "72656c6179207265616420410d"},
                {"{\"board\":\"numato64\",\"relay\":7}", "72656c6179206f6e2030370d",
                 "72656c6179206f66662030370d", "72656c617920726561642030370d"},
                {"{\"board\":\"custom\",\"relay\":12,\"on\":\"S{relay}1\\\\r\\\\n\",\"off\":\"\\\\x01{byte}"
                 "\\\\\\\\{sum}\"}",
                 "533132310d0a", "010c5c69", NULL},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                json_auto_t *params = parse(cases[i].params);
                TbSerialrelayBoard board;
                g_autoptr(GError) error = NULL;
                int relay = (int)json_integer_value(json_object_get(params, "relay"));
                g_test_message("%s", cases[i].params);
                tb_serialrelay_board(params, &board, &error);
                g_assert_no_error(error);
                g_autofree char *on = hex(board.on, relay), *off = hex(board.off, relay),
                                *query = board.query ? hex(board.query, relay) : NULL;
                g_assert_cmpstr(on, ==, cases[i].on);
                g_assert_cmpstr(off, ==, cases[i].off);
                g_assert_cmpstr(query, ==, cases[i].query);
        }
}

#define SAID(text) text, sizeof(text) - 1
static void test_answers(void)
{
        static const struct {
                const char *params, *data;
                gsize size;
                TbSerialrelayReply reply;
        } cases[] = {
                {"{\"board\":\"lcus\",\"relay\":2,\"readback\":true}", SAID("CH1: OFF \r\nCH2: ON \r\n"),
                 TB_SERIALRELAY_ON},
                {"{\"board\":\"lcus\",\"relay\":2,\"readback\":true}", SAID("CH1:ON\r\nCH2:OFF\r\n"),
                 TB_SERIALRELAY_OFF},
                {"{\"board\":\"lcus\",\"relay\":2,\"readback\":true}", SAID("CH1: ON \r\nCH2: O"),
                 TB_SERIALRELAY_MORE},
                {"{\"board\":\"lcus\",\"relay\":1,\"readback\":true}", SAID("CH12: ON \r\n"),
                 TB_SERIALRELAY_MORE},
                {"{\"board\":\"numato\",\"relay\":3}", SAID("relay read 3\n\ron\n\r>"), TB_SERIALRELAY_ON},
                {"{\"board\":\"numato\",\"relay\":3}", SAID(">\r\nrelay read 3\r\noff\r\n>"),
                 TB_SERIALRELAY_OFF},
                {"{\"board\":\"numato\",\"relay\":3}", SAID("relay read 2\n\ron\n\r>"), TB_SERIALRELAY_MORE},
                {"{\"board\":\"numato\",\"relay\":3}", SAID("relay read 3\n\ro"), TB_SERIALRELAY_MORE},
                {"{\"board\":\"numato\",\"relay\":3}", SAID("relay read 3\n\rwhat\n\r>"),
                 TB_SERIALRELAY_NEITHER},
                {"{\"board\":\"kmtronic\",\"relay\":1}", SAID("\xff\x01\x01"), TB_SERIALRELAY_ON},
                {"{\"board\":\"kmtronic\",\"relay\":1}", SAID("\xff\x01\x00"), TB_SERIALRELAY_OFF},
                {"{\"board\":\"kmtronic\",\"relay\":1}", SAID("\xff\x02\x01"), TB_SERIALRELAY_MORE},
                {"{\"board\":\"kmtronic\",\"relay\":1}", SAID("\xff\x01\x07"), TB_SERIALRELAY_NEITHER},
                {"{\"board\":\"kmtronic4\",\"relay\":1}", SAID("\x01\x00\x00\x00"), TB_SERIALRELAY_ON},
                {"{\"board\":\"kmtronic4\",\"relay\":4}", SAID("\x00\x00\x00\x01"), TB_SERIALRELAY_ON},
                {"{\"board\":\"kmtronic4\",\"relay\":3}", SAID("\x01\x01\x00\x01"), TB_SERIALRELAY_OFF},
                {"{\"board\":\"kmtronic4\",\"relay\":1}", SAID("\x01\x00\x00"), TB_SERIALRELAY_MORE},
                {"{\"board\":\"kmtronic8\",\"relay\":8}", SAID("\x00\x00\x00\x00\x00\x00\x00\x01"),
                 TB_SERIALRELAY_ON},
                {"{\"board\":\"custom\",\"relay\":5,\"on\":\"1\",\"off\":\"0\",\"query\":\"?\",\"reply\":\"R{"
                 "relay}=(.)\"}",
                 SAID("R5=1"), TB_SERIALRELAY_ON},
                {"{\"board\":\"custom\",\"relay\":5,\"on\":\"1\",\"off\":\"0\",\"query\":\"?\",\"reply\":\"R{"
                 "relay}=(.)\","
                 "\"on_value\":\"\\\\x80\",\"off_value\":\"-\"}",
                 SAID("R5=\x80"), TB_SERIALRELAY_ON},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                json_auto_t *params = parse(cases[i].params);
                TbSerialrelayBoard board;
                g_autofree char *word = NULL;
                g_test_message("%u: %s", i, cases[i].params);
                g_assert_true(tb_serialrelay_board(params, &board, NULL));
                g_assert_cmpint(tb_serialrelay_parse(
                                        &board, (int)json_integer_value(json_object_get(params, "relay")),
                                        cases[i].data, cases[i].size, &word),
                                ==, cases[i].reply);
                g_assert_true((word != NULL) == (cases[i].reply != TB_SERIALRELAY_MORE));
        }
}

static void test_refused(void)
{
        static const struct {
                const char *params, *field;
        } cases[] = {
                {"{\"board\":\"lcus\",\"relay\":0}", "relay"},
                {"{\"board\":\"kmtronic\",\"relay\":3}", "relay"},
                {"{\"board\":\"numato\",\"relay\":32}", "relay"},
                {"{\"board\":\"lcus\",\"relay\":1,\"on\":\"x\"}", "on"},
                {"{\"board\":\"custom\",\"relay\":1}", "on"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"x\"}", "off"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"\\\\q\",\"off\":\"x\"}", "on"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"a\",\"off\":\"{relais}\"}", "off"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"a\",\"off\":\"\\\\x4\"}", "off"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"a\",\"off\":\"\\\\\"}", "off"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"a\",\"off\":\"b\",\"query\":\"c\"}", "reply"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"a\",\"off\":\"b\",\"reply\":\"(c)\"}", "query"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"a\",\"off\":\"b\",\"query\":\"c\",\"reply\":"
                 "\"c\"}",
                 "reply"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"a\",\"off\":\"b\",\"query\":\"c\",\"reply\":\"("
                 "\"}",
                 "reply"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"a\",\"off\":\"b\",\"readback\":true}",
                 "readback"},
                {"{\"board\":\"custom\",\"relay\":1,\"on\":\"a\",\"off\":\"b\",\"query\":\"c\",\"reply\":\"("
                 "c)\",\"on_value\":\"1\"}",
                 "off_value"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                json_auto_t *params = parse(cases[i].params);
                TbSerialrelayBoard board;
                g_autoptr(GError) error = NULL;
                g_test_message("%s", cases[i].params);
                g_assert_false(tb_serialrelay_board(params, &board, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_assert_cmpstr(tb_error_field(error), ==, cases[i].field);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/serialrelay/requests", test_requests);
        g_test_add_func("/serialrelay/answers", test_answers);
        g_test_add_func("/serialrelay/refused", test_refused);
        return g_test_run();
}
