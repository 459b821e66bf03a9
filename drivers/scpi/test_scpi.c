/* Messages and responses of SCPI. */
#include <string.h>

#include "drivers/scpi/scpi_proto.h"
#include "lib/limits.h"

static void test_message(void)
{
        static const struct {
                const char *message;
                bool query, compound;
        } rows[] = {{"*IDN?", true, false},
                    {"MEAS:VOLT? (@1)", true, false},
                    {"VOLT 5;VOLT?", true, true},
                    {"VOLT 5", false, false},
                    {"DISP:TEXT \"ready?; go\"", false, false},
                    {"DISP:TEXT 'a\"b?'", false, false}};
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_assert_true(tb_scpi_is_query(rows[i].message) == rows[i].query);
                g_assert_true(tb_scpi_is_compound(rows[i].message) == rows[i].compound);
        }
        g_autofree char *most = g_strnfill(TB_LIMIT_SCPI_MESSAGE, 'A'),
                        *more = g_strnfill(TB_LIMIT_SCPI_MESSAGE + 1, 'A');
        g_assert_true(tb_scpi_message_check(most, "query", NULL));
        const char *const bad[] = {more, "", "  ", "VOLT 5\nOUTP ON", "VOLT\r", "VOLT \xc3\xa4", "A\t?"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(tb_scpi_message_check(bad[i], "query", &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_assert_cmpstr(tb_error_field(error), ==, "query");
        }
}

/* Whole, and with each byte that is missing: need more. */
static void test_response(void)
{
        static const struct {
                const char *data;
                gsize size;
                const char *text;
        } rows[] = {{"1.5\n", 4, "1.5"},
                    {"\n", 1, ""},
                    {",,\n", 3, ",,"},
                    {"\"a\"\"#15,\",2\n", 12, "\"a\"\"#15,\",2"},
                    {"#15a\n;,b\n", 9, "a\n;,b"},
                    {"1, #12\n\n;3\n", 11, "1, #12\n\n;3"},
                    {"#10\n", 4, ""},
                    {"#13\0\xff\n\n", 7, "data:application/octet-stream;base64,AP8K"},
                    {"#H1F\n", 5, "#H1F"}};
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                const guint8 *data = (const guint8 *)rows[i].data;
                const char *why = NULL;
                for (gsize n = 0; n < rows[i].size; n++)
                        g_assert_cmpint(tb_scpi_response(data, n, &why), ==, 0);
                g_assert_cmpint(tb_scpi_response(data, rows[i].size, &why), ==, rows[i].size);
                g_autofree char *text = tb_scpi_text(data, rows[i].size - 1);
                g_assert_cmpstr(text, ==, rows[i].text);
        }
}

static void violates(const char *text, const char *words)
{
        const char *why = NULL;
        g_assert_cmpint(tb_scpi_response((const guint8 *)text, strlen(text), &why), ==, -1);
        g_assert_nonnull(strstr(why, words));
}

static void test_bounds(void)
{
        const char *why = NULL;
        violates("#0abc\n", "unknown length");
        violates("1,#2a0", "no number");
        violates("#9999999999", "more than 1 MiB");
        g_autofree char *most = g_strnfill(TB_LIMIT_SCPI_REPLY, '1'),
                        *more = g_strnfill(TB_LIMIT_SCPI_REPLY + 1, '1');
        g_assert_cmpint(tb_scpi_response((guint8 *)most, strlen(most), &why), ==, 0);
        violates(more, "more than 1 MiB");
        g_autofree char *fits = g_strdup_printf("#7%07d", TB_LIMIT_SCPI_REPLY - 10),
                        *over = g_strdup_printf("#7%07d", TB_LIMIT_SCPI_REPLY - 9);
        g_assert_cmpint(tb_scpi_response((guint8 *)fits, strlen(fits), &why), ==, 0); /* with its newline */
        violates(over, "more than 1 MiB");
}

static void test_number(void)
{
        static const struct {
                const char *response;
                guint index;
                double value; /* NAN: none */
        } rows[] = {{"+5.00000000E+00", 0, 5},
                    {"-12", 0, -12},
                    {".5", 0, 0.5},
                    {"1,2;3", 2, 3},
                    {"1,2", 2, NAN},
                    {"\"a,b\",7", 1, 7},
                    {"5.02V", 0, 5.02},
                    {"#HfF", 0, 255},
                    {"#B101", 0, 5},
                    {"#Q17", 0, 15},
                    {"#Hzz", 0, NAN},
                    {"ON", 0, 1},
                    {"off", 0, 0},
                    {"9.91E37", 0, NAN},
                    {"-9.9E37", 0, NAN},
                    {"nan", 0, NAN},
                    {"inf", 0, NAN},
                    {"", 0, NAN},
                    {"1.2.3", 0, NAN},
                    {"volts", 0, NAN},
                    {"1e999", 0, NAN}};
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                double value = NAN;
                g_assert_true(tb_scpi_parse_number(rows[i].response, rows[i].index, &value) ==
                              !isnan(rows[i].value));
                g_assert_true(isnan(rows[i].value) || value == rows[i].value);
        }
}

static void test_words(void)
{
        g_autofree char *words = NULL, *none = NULL, *identity = NULL;
        int code = 1;
        g_assert_true(tb_scpi_parse_error("-222,\"Data out of range;at 99\"", &code, &words));
        g_assert_cmpint(code, ==, -222);
        g_assert_cmpstr(words, ==, "Data out of range;at 99");
        g_assert_true(tb_scpi_parse_error("+0,\"No error\"", &code, &none));
        g_assert_cmpint(code, ==, 0);
        static const char *const bad[] = {"", "0", "5,2", "a,\"b\"", "1,\"", "99999,\"a\"", "+5.0E0,\"x\""};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_scpi_parse_error(bad[i], &code, &words));
        g_assert_cmpint(tb_scpi_parse_switch("1"), ==, 1);
        g_assert_cmpint(tb_scpi_parse_switch("OFF"), ==, 0);
        g_assert_cmpint(tb_scpi_parse_switch("+1"), ==, 1);
        g_assert_cmpint(tb_scpi_parse_switch("2"), ==, -1);
        g_assert_cmpint(tb_scpi_parse_switch("perhaps"), ==, -1);
        identity = tb_scpi_parse_identity("ACME,PSU-1, 0042 ,1.0,extra");
        g_assert_cmpstr(identity, ==, "ACME, PSU-1, 0042");
        g_assert_null(tb_scpi_parse_identity("HTTP/1.1 400 Bad Request"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/scpi/message", test_message);
        g_test_add_func("/scpi/response", test_response);
        g_test_add_func("/scpi/bounds", test_bounds);
        g_test_add_func("/scpi/number", test_number);
        g_test_add_func("/scpi/words", test_words);
        return g_test_run();
}
