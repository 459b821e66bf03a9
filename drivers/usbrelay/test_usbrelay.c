/* Reports and texts. A board: tests/rig/gadgets.mjs. */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/usbrelay/usbrelay_proto.h"

static void test_parse(void)
{
        static const guint8 good[] = {'B', 'I', 'T', 'F', 'T', 0, 0x7f, 0x05};
        TbUsbrelayState state = {.relays = 0xaa};
        for (gsize n = 0; n < sizeof good; n++)
                g_assert_false(tb_usbrelay_parse(good, n, &state));
        g_assert_cmphex(state.relays, ==, 0xaa);
        g_assert_true(tb_usbrelay_parse(good, sizeof good, &state));
        g_assert_cmpstr(state.number, ==, "BITFT");
        g_assert_cmphex(state.relays, ==, 0x05);
        for (guint i = 0; i < 6;
             i++) { /* none of the five is blank, a control or beyond ASCII; the sixth is zero */
                static const guint8 wrong[] = {0, ' ', 0x7f, 0x80, '\n'};
                for (guint k = 0; k < sizeof wrong; k++) {
                        guint8 bad[sizeof good];
                        memcpy(bad, good, sizeof good);
                        bad[i] = i == 5 && wrong[k] == 0 ? 1 : wrong[k];
                        g_assert_false(tb_usbrelay_parse(bad, sizeof bad, &state));
                }
        }
}

static void test_request(void)
{
        static const struct {
                int relay;
                bool on;
                guint8 data[TB_USBRELAY_REPORT];
        } rows[] = {{1, true, {0xff, 1}}, {8, false, {0xfd, 8}}, {0, true, {0xfe}}, {0, false, {0xfc}}};
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                guint8 data[TB_USBRELAY_REPORT];
                memset(data, 0x55, sizeof data);
                tb_usbrelay_request(rows[i].relay, rows[i].on, data);
                g_assert_cmpmem(data, sizeof data, rows[i].data, sizeof rows[i].data);
        }
}

static void test_count(void)
{
        static const char *const none[] = {"",           "USBRelay",  "USBRelay0", "USBRelay9",
                                           "USBRelay12", "usbrelay2", "LEDs"};
        g_assert_cmpuint(tb_usbrelay_count("USBRelay1"), ==, 1);
        g_assert_cmpuint(tb_usbrelay_count("USBRelay8"), ==, 8);
        g_assert_cmpuint(tb_usbrelay_count(NULL), ==, 0);
        for (guint i = 0; i < G_N_ELEMENTS(none); i++)
                g_assert_cmpuint(tb_usbrelay_count(none[i]), ==, 0);
}

static bool checks(const char *text, const char *field)
{
        const TbDriver *driver = tb_driver_find("usbrelay");
        g_autoptr(TbUri) uri = tb_uri_parse(text, NULL);
        json_auto_t *params = tb_params_validate_text(driver->params, uri->query, NULL);
        g_autoptr(GError) error = NULL;
        g_assert_nonnull(params);
        bool ok = driver->check(uri, params, &error);
        g_assert_cmpstr(ok ? NULL : tb_error_field(error), ==, field);
        return ok;
}

static void test_check(void)
{
        g_assert_true(checks("usbrelay://BITFT?relay=1", NULL));
        g_assert_true(checks("usbrelay://1-1.4.2?relay=0", NULL));
        g_assert_true(checks("usbrelay://?usb=port=1-1&relay=8", NULL));
        checks("usbrelay://?relay=1", "uri");
        checks("usbrelay://BITF?relay=1", "uri");
        checks("usbrelay://BITFT/dev?relay=1", "uri");
        checks("usbrelay://BITFT?usb=port=1-1&relay=1", "uri");
        checks("usbrelay://?usb=1-1&relay=1", "usb");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/usbrelay/parse", test_parse);
        g_test_add_func("/usbrelay/request", test_request);
        g_test_add_func("/usbrelay/count", test_count);
        g_test_add_func("/usbrelay/check", test_check);
        return g_test_run();
}
