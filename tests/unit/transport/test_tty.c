#include <glib.h>

#include "drivers/transport/tty_settings.h"

static const TbParam params_of_line[] = {TB_TTY_PARAMS("115200"), TB_PARAM_END};

static bool target(const char *text, const char *params_text, TbTtyTarget *t, char **field)
{
        g_autoptr(GError) error = NULL;
        static TbUri *uri; /* the target borrows from it */

        g_clear_pointer(&uri, tb_uri_free);
        uri = tb_uri_parse(text, &error);
        g_assert_no_error(error);
        json_t *params = json_loads(params_text, 0, NULL);
        bool ok = tb_tty_target_parse(uri, params, t, &error);
        json_decref(params);
        g_assert_cmpint(ok, ==, error == NULL);
        if (error) {
                g_assert_cmpint(tb_error_status(error), ==, 400);
                *field = g_strdup(tb_error_field(error));
        }
        return ok;
}

static void test_target(void)
{
        g_autofree char *none = NULL;
        TbTtyTarget t;

        g_assert_true(target("serial:///dev/ttyUSB0?baud=9600", "{}", &t, &none));
        g_assert_cmpstr(t.path, ==, "/dev/ttyUSB0");
        g_assert_null(t.port);
        g_assert_cmpint(t.interface, ==, -1);
        g_assert_true(target("serial://1-1.4", "{\"interface\":1}", &t, &none));
        g_assert_cmpstr(t.port, ==, "1-1.4");
        g_assert_null(t.path);
        g_assert_cmpint(t.interface, ==, 1);
        g_assert_true(target("serial://", "{\"usb\":\"0403:6001\",\"interface\":1}", &t, &none));
        g_assert_true(t.rule && !t.path && !t.port);

        static const struct {
                const char *uri, *params, *field;
        } bad[] = {
                {"serial://", "{}", "uri"},
                {"serial:///", "{}", "uri"},
                {"serial://ttyUSB0", "{}", "uri"},
                {"serial://dev/ttyS0", "{}", "uri"},
                {"serial://1-1/dev/ttyS0", "{}", "uri"},
                {"serial:///dev/ttyS0", "{\"interface\":0}", "interface"},
                {"serial:///dev/ttyS0", "{\"usb\":\"0403:6001\"}", "usb"},
                {"serial://1-1.4", "{\"usb\":\"0403:6001\"}", "usb"},
                {"serial://", "{\"usb\":\"FTDI\"}", "usb"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *field = NULL;
                g_assert_false(target(bad[i].uri, bad[i].params, &t, &field));
                g_assert_cmpstr(field, ==, bad[i].field);
        }
}

static void test_params(void)
{
        g_autoptr(GError) error = NULL;
        TbSerialSettings s;

        json_t *params = tb_params_validate(params_of_line, NULL, &error);
        g_assert_no_error(error);
        tb_tty_settings_of(params, &s);
        g_autofree char *text = tb_tty_settings_text(&s);
        g_assert_cmpstr(text, ==, "115200 8N1");
        g_assert_cmpint(s.dtr, ==, -1);
        g_assert_cmpint(s.rts, ==, -1);
        json_decref(params);

        json_t *in =
                json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "baud", "9600", "data_bits", "7", "parity",
                          "even", "stop_bits", "2", "flow", "rtscts", "dtr", "false", "rts", "true");
        params = tb_params_validate_text(params_of_line, in, &error);
        g_assert_no_error(error);
        tb_tty_settings_of(params, &s);
        g_autofree char *other = tb_tty_settings_text(&s);
        g_assert_cmpstr(other, ==, "9600 7E2 rtscts");
        g_assert_cmpint(s.dtr, ==, 0);
        g_assert_cmpint(s.rts, ==, 1);
        json_decref(params);
        json_decref(in);
}

static void test_limits(void)
{
        static const struct {
                const char *json, *field;
        } bad[] = {
                {"{\"baud\":0}", "baud"},           {"{\"baud\":12000001}", "baud"},
                {"{\"data_bits\":4}", "data_bits"}, {"{\"data_bits\":9}", "data_bits"},
                {"{\"stop_bits\":3}", "stop_bits"}, {"{\"parity\":\"odd \"}", "parity"},
                {"{\"flow\":\"dtr\"}", "flow"},     {"{\"interface\":256}", "interface"},
                {"{\"bauds\":1}", "bauds"},
        };

        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                json_t *in = json_loads(bad[i].json, 0, NULL);
                g_assert_null(tb_params_validate(params_of_line, in, &error));
                g_assert_cmpstr(tb_error_field(error), ==, bad[i].field);
                json_decref(in);
        }
        static const TbSerialSettings good = {
                .baud = 115200, .data_bits = 8, .stop_bits = 1, .dtr = -1, .rts = -1};
        g_assert_true(tb_tty_settings_check(&good, NULL));
        for (guint i = 0; i < 8; i++) {
                TbSerialSettings s = good;
                g_autoptr(GError) error = NULL;
                static const char *const fields[] = {"baud",      "baud",      "data_bits", "data_bits",
                                                     "stop_bits", "stop_bits", "dtr",       "rts"};
                int *const values[] = {&s.baud,      &s.baud,      &s.data_bits, &s.data_bits,
                                       &s.stop_bits, &s.stop_bits, &s.dtr,       &s.rts};
                static const int wrong[] = {0, TB_TTY_BAUD_MAX + 1, 4, 9, 0, 3, 2, 2};
                *values[i] = wrong[i];
                g_assert_false(tb_tty_settings_check(&s, &error));
                g_assert_cmpstr(tb_error_field(error), ==, fields[i]);
        }
}

static void test_baud_close(void)
{
        g_assert_true(tb_tty_baud_close(115200, 115200));
        g_assert_true(tb_tty_baud_close(115200, 115384)); /* FTDI: 3 MHz / 26 */
        g_assert_true(tb_tty_baud_close(1000, 1030));
        g_assert_false(tb_tty_baud_close(1000, 1031));
        g_assert_false(tb_tty_baud_close(11999999, 9600));
        g_assert_false(tb_tty_baud_close(12000000, 0));
}

static void test_modem(void)
{
        TbSerialSettings s = {.dtr = 1, .rts = 0, .cts = 1, .dsr = -1, .dcd = -1, .ri = 0};
        json_t *modem = tb_tty_modem_json(&s);
        g_autofree char *text = json_dumps(modem, JSON_SORT_KEYS | JSON_COMPACT);

        g_assert_cmpstr(text, ==, "{\"cts\":true,\"dtr\":true,\"ri\":false,\"rts\":false}");
        json_decref(modem);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/tty/target", test_target);
        g_test_add_func("/tty/params", test_params);
        g_test_add_func("/tty/limits", test_limits);
        g_test_add_func("/tty/baud-close", test_baud_close);
        g_test_add_func("/tty/modem", test_modem);
        return g_test_run();
}
